//! The receiving end of a process or reactor thread: all lanes that lead to it, and its bell.

use std::sync::Arc;

use super::directory::Endpoint;
use super::doorbell::Doorbell;
use super::frame::Head;
use super::lane::{LaneReader, Payload, Received, Verdict};
use super::shm::Region;

/// One incoming lane.
struct Inlet {
    from: Endpoint,
    lane: LaneReader,
    /// Rung when the sender waits for room.
    sender: Doorbell,
}

/// What [`Mailbox::drain`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drained {
    /// Every lane was seen empty.
    Empty,
    /// The budget ended first.
    More,
    /// A handler abandoned its message: the process is about to end.
    Abandoned,
    /// A handler left messages where they are.
    Left,
}

/// All incoming lanes of one owner.
pub(crate) struct Mailbox {
    inlets: Vec<Inlet>,
    bell: Doorbell,
    /// Where the next drain starts, so that no lane is always first.
    first: usize,
    corrupt: Vec<Endpoint>,
    _region: Arc<Region>,
}

impl Mailbox {
    pub(super) fn new(region: Arc<Region>, bell: Doorbell) -> Mailbox {
        Mailbox {
            inlets: Vec::new(),
            bell,
            first: 0,
            corrupt: Vec::new(),
            _region: region,
        }
    }

    pub(super) fn add(&mut self, from: Endpoint, lane: LaneReader, sender: Doorbell) {
        self.inlets.push(Inlet { from, lane, sender });
    }

    /// The bell to sleep on.
    pub(crate) fn bell(&self) -> &Doorbell {
        &self.bell
    }

    /// Hand every waiting message to `handle`, lane by lane, at most `per_lane` of a lane before the
    /// next one gets its turn and at most one round.
    pub(crate) fn drain(
        &mut self,
        per_lane: usize,
        mut handle: impl FnMut(Endpoint, Head, Payload<'_>) -> Verdict,
    ) -> Drained {
        let count = self.inlets.len();
        let mut outcome = Drained::Empty;
        for step in 0..count {
            let Inlet { from, lane, sender } = &mut self.inlets[(self.first + step) % count];
            let mut budget = per_lane;
            loop {
                if budget == 0 {
                    outcome = Drained::More;
                    break;
                }
                budget -= 1;
                match lane.receive(|head, payload| handle(*from, head, payload)) {
                    Received::Nothing => break,
                    Received::Handled(true) => sender.ring(),
                    Received::Handled(false) => {}
                    Received::Abandoned => return Drained::Abandoned,
                    Received::Left => {
                        outcome = Drained::Left;
                        break;
                    }
                    Received::Corrupt => {
                        self.corrupt.push(*from);
                        break;
                    }
                }
            }
        }
        self.first = (self.first + 1) % count.max(1);
        outcome
    }

    /// Whether a long message has begun on some lane: its frames are gone from the ring, so the owner
    /// must not end before it has the rest.
    pub(crate) fn is_assembling(&self) -> bool {
        self.inlets.iter().any(|inlet| inlet.lane.is_assembling())
    }

    /// Senders whose lanes held garbage since the last call. The lanes were emptied.
    pub(crate) fn take_corrupt(&mut self) -> Vec<Endpoint> {
        std::mem::take(&mut self.corrupt)
    }

    /// Long messages whose sender died before their end, since the last call.
    pub(crate) fn take_dropped(&mut self) -> Vec<Head> {
        self.inlets
            .iter_mut()
            .flat_map(|inlet| inlet.lane.take_dropped())
            .collect()
    }

    /// Say "asleep" and look once more. True: every lane is empty, the owner may sleep on its bell.
    /// False: there is work; the owner counts as awake.
    pub(crate) fn may_sleep(&mut self) -> bool {
        self.bell.announce_sleep();
        let mut empty = true;
        for inlet in &mut self.inlets {
            empty &= inlet.lane.is_empty();
            // The fence in announce_sleep() is the consumer's half of P3 in `lane`.
            if inlet.lane.room_was_wanted() {
                inlet.sender.ring();
            }
        }
        if !empty {
            self.bell.announce_awake();
        }
        empty
    }

    /// After a sleep.
    pub(crate) fn awake(&self) {
        self.bell.announce_awake();
    }
}

//! A lane with several consumers, one at a time: whoever wants a message *claims* the lane for the few instructions
//! that take one off it.
//!
//! ```text
//! claim: 0 free -- CAS --> consumer -- take one message, copy it -- store 0 --> free
//! ```
//!
//! The claim is a word with the consumer's seat and the number of the process on it. A consumer that dies with it leaves
//! it behind; the manager, which has reaped that process, settles the lane and frees the claim ([`Queue::settle`]).
//! Nobody waits for a claim: who finds one looks elsewhere and comes back. The producer claims an empty queue for a
//! moment to begin again at the start of the ring.
//!
//! Orderings: the claim is taken Acquire and freed Release, so the next consumer sees `done`, `taken` and `finished` of the
//! last one. Between `done` and the look at the wish for room stands a SeqCst fence (P3 of [`super::lane`]), for
//! each message: a queue's consumers are many, and none of them says before its sleep that it has looked.

use std::sync::Arc;

use super::directory::Seat;
use super::frame::Head;
use super::lane::{LaneAt, LaneReader, LaneWriter, Received, Ring, Verdict};
use super::shm::{At, Region, shared_block};
use crate::sync::{AtomicU64, Ordering, fence};

shared_block! {
    /// Who takes a message right now.
    pub(crate) struct Claim {
        holder: AtomicU64,
    }
}

/// A process that may claim: its seat, and which process on that seat it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claimant(u64);

impl Claimant {
    /// The process with this number on a seat.
    pub(crate) fn new(seat: Seat, epoch: u32) -> Claimant {
        Claimant(u64::from(epoch) << 32 | (u64::from(seat.0) + 1))
    }

    /// The manager, for what no other process is left to take.
    pub(crate) const MANAGER: Claimant = Claimant(u32::MAX as u64);
    /// The master's main thread.
    pub(crate) const MAIN: Claimant = Claimant(u32::MAX as u64 - 1);

    fn is_on(word: u64, seat: Seat) -> bool {
        word & u64::from(u32::MAX) == u64::from(seat.0) + 1
    }
}

/// What [`Queue::take`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Nothing is waiting.
    Nothing,
    /// Another process is taking a message: look again soon.
    Busy,
    /// One message was handed over. `true`: the producer waits for room and must be rung.
    One(bool),
    /// Garbage was found and dropped.
    Corrupt,
}

/// What [`Queue::settle`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The dead process was not taking a message.
    NotClaimed,
    /// It had taken one off.
    Freed,
    /// It had not got so far: the message is the next one again.
    PutBack,
}

/// The consumers' end of such a lane.
pub(crate) struct Queue {
    region: Arc<Region>,
    claim: At<Claim>,
    lane: LaneReader,
}

impl Queue {
    pub(super) fn new(region: &Arc<Region>, claim: At<Claim>, lane: LaneAt) -> Queue {
        Queue {
            region: Arc::clone(region),
            claim,
            lane: LaneReader::view(Ring::new(region, lane)),
        }
    }

    fn holder(&self) -> &AtomicU64 {
        &self.region.one(self.claim).holder
    }

    /// Hand the next message to `copy`, which must be quick: until it returns nobody else gets one.
    pub(crate) fn take(&mut self, me: Claimant, copy: impl FnOnce(Head, &[u8])) -> Taken {
        if !self.lane.has_waiting() {
            return Taken::Nothing;
        }
        let order = (Ordering::Acquire, Ordering::Relaxed);
        let claimed = self
            .holder()
            .compare_exchange(0, me.0, order.0, order.1)
            .is_ok();
        if !claimed {
            return Taken::Busy;
        }
        self.lane.refresh();
        let mut copy = Some(copy);
        let received = self.lane.receive_if(
            || true,
            |head, payload| {
                if let Some(copy) = copy.take() {
                    copy(head, payload.bytes());
                }
                Verdict::Done
            },
        );
        fence(Ordering::SeqCst);
        let wanted = self.lane.room_was_wanted();
        self.holder().store(0, Ordering::Release);
        match received {
            Received::Corrupt => Taken::Corrupt,
            Received::Handled(room) => Taken::One(room || wanted),
            _ => Taken::Nothing,
        }
    }

    /// Producer: let it begin again at the start of the ring, unless a consumer is at it.
    pub(super) fn restart(&self, me: Claimant, writer: &mut LaneWriter) {
        let order = (Ordering::Acquire, Ordering::Relaxed);
        let claimed = (self.holder()).compare_exchange(0, me.0, order.0, order.1);
        if claimed.is_ok() {
            writer.restart();
            self.holder().store(0, Ordering::Release);
        }
    }

    /// Whether a message waits, as of now.
    pub(crate) fn has_waiting(&self) -> bool {
        self.lane.has_waiting()
    }

    /// Whether the producer waits for room.
    pub(super) fn is_waited_for(&self) -> bool {
        self.lane.is_room_wanted()
    }

    /// Bytes of the messages that wait, and what the first one begins with: its time of dispatch.
    pub(crate) fn bytes_and_first(&self) -> (u64, Option<u64>) {
        (
            self.lane.waiting_bytes(),
            self.lane.peek().map(u64::from_ne_bytes),
        )
    }

    /// Whether a process on this seat is just taking a message.
    pub(super) fn is_held_by(&self, seat: Seat) -> bool {
        Claimant::is_on(self.holder().load(Ordering::Acquire), seat)
    }

    /// Messages that wait, and all that were ever pushed.
    pub(crate) fn waiting_and_pushed(&self) -> (u64, u64) {
        self.lane.waiting_and_pushed()
    }

    /// After the death of the process on `seat`, by the manager: free its claim. A message it was just taking is put
    /// back: nothing has been done with it but a copy.
    pub(crate) fn settle(&mut self, seat: Seat) -> Settled {
        let word = self.holder().load(Ordering::Acquire);
        if !Claimant::is_on(word, seat) {
            return Settled::NotClaimed;
        }
        self.lane.mend();
        let back = self.lane.put_back();
        self.holder().store(0, Ordering::Release);
        match back {
            true => Settled::PutBack,
            false => Settled::Freed,
        }
    }
}

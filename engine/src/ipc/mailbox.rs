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
    /// Messages were left where they are: not accepted, or about to be taken back by their sender.
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
        handle: impl FnMut(Endpoint, Head, Payload<'_>) -> Verdict,
    ) -> Drained {
        self.drain_while(|| true, per_lane, handle)
    }

    /// The same; each message is begun only if `accepts` agrees.
    pub(crate) fn drain_while(
        &mut self,
        accepts: impl Fn() -> bool,
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
                match lane.receive_if(&accepts, |head, payload| handle(*from, head, payload)) {
                    Received::Nothing => break,
                    Received::Handled(true) | Received::Resumed => sender.ring(),
                    Received::Handled(false) => {}
                    Received::Abandoned => return Drained::Abandoned,
                    Received::Left | Received::Retired => {
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

    /// Hand over everything that one sender has published by now, however much that is.
    pub(crate) fn drain_sender(
        &mut self,
        sender: Endpoint,
        mut handle: impl FnMut(Head, Payload<'_>) -> Verdict,
    ) {
        let Some(inlet) = self.inlets.iter_mut().find(|inlet| inlet.from == sender) else {
            return;
        };
        let goal = inlet.lane.published();
        while !inlet.lane.has_reached(goal) {
            match inlet.lane.receive_if(|| true, &mut handle) {
                Received::Handled(true) | Received::Resumed => inlet.sender.ring(),
                Received::Handled(false) => {}
                Received::Corrupt => self.corrupt.push(sender),
                Received::Nothing | Received::Abandoned | Received::Left | Received::Retired => {
                    break;
                }
            }
        }
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

    /// Whether a message waits on any lane.
    pub(crate) fn has_mail(&mut self) -> bool {
        self.inlets.iter_mut().any(|inlet| !inlet.lane.is_empty())
    }

    /// Say "asleep" and look once more. True: every lane is empty, the owner may sleep on its bell.
    /// False: there is work; the owner counts as awake.
    pub(crate) fn may_sleep(&mut self) -> bool {
        self.bell.announce_sleep();
        let mut empty = true;
        for inlet in &mut self.inlets {
            empty &= inlet.lane.is_empty() && !inlet.lane.awaits_look();
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

#[cfg(all(test, not(any(loom, miri))))]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod tests {
    use super::*;
    use crate::ipc::directory::{Directory, Drawing, Plan, Seat};
    use crate::ipc::frame::Kind;
    use crate::ipc::lane::Push;
    use crate::ipc::outlet::Outlet;
    use crate::ipc::shm::Layout;

    const WORKER: Endpoint = Endpoint::Worker(Seat(0));

    fn directory() -> Directory {
        let plan = Plan {
            workers: 1,
            reactors: 3,
            request_lane: 1024,
            reply_lane: 1024,
            task_workers: 0,
            user_processes: 0,
            task_ring: 1024,
            keeps_tasks: false,
            parcel_bytes: 1 << 20,
        };
        let mut layout = Layout::default();
        let drawing = Drawing::new(plan, &mut layout);
        Directory::open(drawing, Arc::new(Region::map(&layout).unwrap())).unwrap()
    }

    fn outlet(directory: &Directory, reactor: u32) -> Outlet {
        directory.outlet(Endpoint::Reactor(reactor), WORKER)
    }

    fn push(outlet: &mut Outlet, session: u64) -> bool {
        outlet.push(Head::new(Kind::Receive, session, 0), &[0; 40], &mut 0) == Push::Whole
    }

    /// One round; sessions in the order they came.
    fn drain(mailbox: &mut Mailbox, per_lane: usize) -> (Drained, Vec<u64>) {
        let mut order = Vec::new();
        let drained = mailbox.drain(per_lane, |_, head, _| {
            order.push(head.session);
            Verdict::Done
        });
        (drained, order)
    }

    #[test]
    fn every_lane_gets_its_turn_and_another_one_is_first_each_time() {
        let directory = directory();
        let mut mailbox = directory.mailbox(WORKER);
        for reactor in 0..3 {
            let mut outlet = outlet(&directory, reactor);
            (0..4).for_each(|n| assert!(push(&mut outlet, u64::from(reactor) * 10 + n)));
        }
        assert_eq!(
            drain(&mut mailbox, 2),
            (Drained::More, vec![0, 1, 10, 11, 20, 21])
        );
        assert_eq!(
            drain(&mut mailbox, 2),
            (Drained::More, vec![12, 13, 22, 23, 2, 3])
        );
        assert_eq!(drain(&mut mailbox, 2), (Drained::Empty, vec![]));
    }

    #[test]
    fn an_owner_may_sleep_only_if_every_lane_is_empty() {
        let directory = directory();
        let mut mailbox = directory.mailbox(WORKER);
        assert!(mailbox.may_sleep());
        let mut outlet = outlet(&directory, 2);
        assert!(push(&mut outlet, 1));
        outlet.bell().ring_if_asleep();
        assert_eq!(mailbox.bell().rings(), 1);
        assert!(!mailbox.may_sleep());
        outlet.bell().ring_if_asleep();
        assert_eq!(mailbox.bell().rings(), 1, "awake again");
    }

    #[test]
    fn a_sender_that_waits_for_room_is_rung_once() {
        let directory = directory();
        let mut mailbox = directory.mailbox(WORKER);
        let mut outlet = outlet(&directory, 1);
        while push(&mut outlet, 1) {}
        assert!(outlet.lane().want_room(512));
        drain(&mut mailbox, 64);
        assert!(mailbox.may_sleep());
        assert_eq!(directory.bell(Endpoint::Reactor(1)).rings(), 1);
    }

    #[test]
    fn a_successor_rings_the_sender_that_its_dead_predecessor_did_not() {
        let directory = directory();
        let mut outlet = outlet(&directory, 1);
        push(&mut outlet, 7);
        push(&mut outlet, 8);
        assert!(outlet.lane().want_room(100));
        let mut dying = directory.mailbox(WORKER);
        assert_eq!(
            dying.drain(64, |_, _, _| Verdict::Abandoned),
            Drained::Abandoned
        );
        let lost: Vec<_> = directory
            .settle(WORKER)
            .iter()
            .map(|lost| lost.session)
            .collect();
        assert_eq!(lost, [7]);
        assert_eq!(directory.bell(Endpoint::Reactor(1)).rings(), 0);
        assert!(!directory.mailbox(WORKER).may_sleep());
        assert_eq!(directory.bell(Endpoint::Reactor(1)).rings(), 1);
    }

    #[test]
    fn settling_wakes_those_the_dead_may_have_written_to() {
        let directory = directory();
        let reactor = Endpoint::Reactor(0);
        let mut mailbox = directory.mailbox(reactor);
        assert!(mailbox.may_sleep());
        assert!(push(&mut directory.outlet(WORKER, reactor), 1));
        assert!(directory.settle(WORKER).is_empty());
        assert_eq!(directory.bell(reactor).rings(), 1);
    }

    #[test]
    fn one_lane_left_does_not_keep_the_others_waiting() {
        let directory = directory();
        let mut mailbox = directory.mailbox(WORKER);
        for reactor in 0..3 {
            assert!(push(&mut outlet(&directory, reactor), reactor.into()));
        }
        let recalled = outlet(&directory, 0).lane().recall();
        assert_eq!(recalled.messages.len(), 1);
        assert!(push(&mut outlet(&directory, 0), 0)); // a frame the consumer finds and must not begin
        let (drained, done) = drain(&mut mailbox, 8);
        assert_eq!((drained, done), (Drained::Left, vec![1, 2]));
    }

    #[test]
    fn garbage_on_a_lane_is_told_and_hinders_no_other() {
        let directory = directory();
        let mut mailbox = directory.mailbox(WORKER);
        assert!(push(&mut outlet(&directory, 0), 1));
        directory
            .outlet(Endpoint::Reactor(2), WORKER)
            .lane()
            .scribble();
        assert_eq!(drain(&mut mailbox, 8).1, [1]);
        assert_eq!(mailbox.take_corrupt(), [Endpoint::Reactor(2)]);
        assert_eq!(mailbox.take_corrupt(), []);
        assert!(push(&mut outlet(&directory, 2), 2));
        assert_eq!(drain(&mut mailbox, 8).1, [2]);
    }
}

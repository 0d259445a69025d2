//! What a death leaves in the exchange, put right by the manager.

use super::{Exchange, Party, SUPERVISORS, Target, Way};
use crate::ipc::directory::{SEATS, Seat};
use crate::ipc::queue::{Queue, Settled};

/// What a dead process has left.
#[derive(Debug, Default)]
pub(crate) struct Inheritance {
    /// The message it was taking is in its queue again.
    pub(crate) put_back: bool,
    /// For these, or whoever serves their ids, something waits.
    pub(crate) readers: Vec<Party>,
}

impl Exchange {
    /// After the death of the process on `seat`, by the manager: free what it was taking a message from, and raise the
    /// flags that it cannot raise any more. Whoever may have something to do now is to be rung.
    pub(crate) fn settle(&self, seat: Seat) -> Inheritance {
        let child = seat.worker();
        let plan = &self.at.plan;
        let mut left = Inheritance::default();
        let task_worker = plan.task_worker(child);
        let me = Party(SUPERVISORS + seat.0);
        // What it took from. Killed between taking a flag down and looking once more, it has left what nobody looks for.
        let mut free = |way| {
            let mut queue = self.queue(way);
            left.put_back |= queue.settle(seat) == Settled::PutBack;
            self.flag_if_waiting(way, &queue)
        };
        for from in self.parties() {
            let mut mine = free(Way::Request(from, Target::Child(child)));
            for incarnation in 0..SEATS as u32 {
                let either = Party(SUPERVISORS + Seat::first_of(child).0 + incarnation);
                mine |= free(Way::Reply(from, either));
                mine |= free(Way::Answer(from, either));
            }
            if let Some(worker) = task_worker {
                free(Way::Tasks(from));
                mine |= free(Way::Targeted(from, worker));
            }
            if mine {
                left.readers.push(me);
            }
        }
        left.readers.dedup();
        // What it sent. Killed between publishing and raising a flag, or before it could ring.
        let waits = |way| {
            let mut queue = self.queue(way);
            queue.settle(seat); // it may have been beginning the queue anew
            self.flag_if_waiting(way, &queue)
        };
        for to in self.parties() {
            if waits(Way::Reply(me, to)) | waits(Way::Answer(me, to)) {
                left.readers.push(to);
            }
        }
        let first_of = |child: u32| Party::on(Seat::first_of(child));
        let asked =
            (0..plan.children).filter(|&child| waits(Way::Request(me, Target::Child(child))));
        left.readers.extend(asked.map(first_of));
        for (to, reader) in [(Target::Main, Party::MAIN), (Target::Manager, Party(1))] {
            if waits(Way::Request(me, to)) {
                left.readers.push(reader);
            }
        }
        if plan.task_workers > 0 {
            waits(Way::Tasks(me));
        }
        let targeted = (0..plan.task_workers).filter(|&worker| waits(Way::Targeted(me, worker)));
        left.readers
            .extend(targeted.map(|worker| first_of(plan.first_task + worker)));
        self.announce_awake(seat);
        self.settle_parcels(me, left.put_back);
        left
    }

    /// Discard what a dead process had in hand.
    fn settle_parcels(&self, dead: Party, put_back: bool) {
        if let Some((parcel, way, tail)) = self.parcels.unsent(dead)
            && self.end_of(way) == Some(tail)
        {
            self.parcels.discard(parcel);
        }
        if let Some(parcel) = self.parcels.unread(dead)
            && !put_back
        {
            self.parcels.discard(parcel);
        }
    }

    fn flag_if_waiting(&self, way: Way, queue: &Queue) -> bool {
        let waits = queue.has_waiting();
        if waits {
            self.flag(way);
        }
        waits
    }

    /// Whether the process on the seat of a task worker is just taking a task: nobody else gets one from there.
    pub(crate) fn is_taking(&self, seat: Seat) -> bool {
        let Some(worker) = self.at.plan.task_worker(seat.worker()) else {
            return false;
        };
        let held = |way| self.queue(way).is_held_by(seat);
        self.parties()
            .any(|from| held(Way::Tasks(from)) || held(Way::Targeted(from, worker)))
    }
}

//! What processes send each other beside the traffic of clients: tasks, results, messages of user code. Laid out before the
//! first fork, like the directory.
//!
//! | queues     | one for each                     | taken by |
//! |------------|----------------------------------|----------|
//! | `tasks`    | sender                           | any task worker: whoever is free |
//! | `targeted` | sender and task worker           | the process that serves that id now |
//! | `requests` | sender and child id, main, manager | the process that serves that id now |
//! | `replies`  | sender and receiving process     | that process, for its callbacks; when it has left, the one that serves its id |
//! | `answers`  | the same                         | calls of that process that wait for them |
//!
//! A sender is a process: main, manager, or the one on a seat; and the intake, which is threads of the master. Its queues outlive it, as everything here belongs to the
//! slot; a successor on its seat goes on with them. All queues are lanes with a claim ([`super::queue`]), because who takes from
//! one may change while messages wait in it: nothing has to be moved when a process is replaced.
//!
//! **Flags.** So that nobody has to look at each queue, every receiver has a bit for each sender: set by the sender after it has
//! published, if it is not set; cleared by the receiver when it has found the queue empty, and then it looks once more. Publish,
//! fence, look at the bit; clear, fence, look at the queue: of the two fences one comes first, as in [`super::doorbell`].
//!
//! **Sleepers.** A task worker that finds nothing sets its bit among the sleepers, fences, and looks once more. Who has
//! published a task fences, takes away one sleeper's bit and rings that one: one sleeper for each task. A worker that was
//! rung goes on until it finds nothing, so a task that met no sleeper is found by whoever is awake.
//!
//! Rings are as large as the limits of what may wait, and mostly untouched: producers are thrifty ([`super::lane`]). What is
//! longer than a part of the ring, or than what is left of it, goes as a parcel ([`super::parcels`]).

#[cfg(all(test, not(any(loom, miri))))]
mod kills;
mod layout;
mod names;
mod settle;
mod sleepers;
#[cfg(all(test, not(any(loom, miri))))]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod tests;

use std::io;
use std::sync::Arc;

use layout::QueuesAt;
pub(crate) use layout::{ExchangeAt, ExchangePlan};
use names::SUPERVISORS;
pub(crate) use names::{Party, Stamp, Target, Way};

use super::directory::{Endpoint, SEATS, Seat};
use super::lane::{LaneWriter, Ring};
use super::parcels::Parcels;
use super::queue::{Claimant, Queue};
use super::shm::{At, Region};
use crate::sync::{AtomicU64, Ordering, fence};

/// What waits in some queues of tasks.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Waiting {
    /// Tasks that wait.
    pub(crate) count: u64,
    /// Their bytes, heads included.
    pub(crate) bytes: u64,
    /// Tasks that were ever given.
    pub(crate) given: u64,
    /// When the oldest one was given, as its sender's clock had it (Unix time, µs).
    pub(crate) oldest: Option<u64>,
}

impl Waiting {
    fn add(&mut self, queue: &Queue) {
        let (count, given) = queue.waiting_and_pushed();
        self.count += count;
        self.given += given;
        if count > 0 {
            let (bytes, first) = queue.bytes_and_first();
            self.bytes += bytes;
            self.oldest = self.oldest.into_iter().chain(first).min();
        }
    }

    /// Milliseconds that the oldest one has been waiting.
    pub(crate) fn age_ms(&self, wall_us: u64) -> u64 {
        (self.oldest).map_or(0, |since| wall_us.saturating_sub(since) / 1_000)
    }
}

/// The exchange in mapped memory. Every process has the same one.
#[derive(Clone)]
pub(crate) struct Exchange {
    region: Arc<Region>,
    at: ExchangeAt,
    parcels: Parcels,
}

impl Exchange {
    /// Before the first fork.
    pub(crate) fn open(region: Arc<Region>, at: ExchangeAt) -> io::Result<Exchange> {
        Ok(Exchange {
            parcels: Parcels::open(Arc::clone(&region), at.parcels)?,
            region,
            at,
        })
    }

    /// With the parcels in a file that is there, for tests that kill processes.
    #[cfg(test)]
    fn over(region: Arc<Region>, at: ExchangeAt, parcels: std::fs::File) -> Exchange {
        Exchange {
            parcels: Parcels::over(Arc::clone(&region), at.parcels, parcels),
            region,
            at,
        }
    }

    /// What is too long for its ring.
    pub(crate) fn parcels(&self) -> &Parcels {
        &self.parcels
    }

    /// A number for each queue.
    pub(crate) fn number_of(&self, way: Way) -> u64 {
        let kind = match way {
            Way::Tasks(_) => 0,
            Way::Targeted(..) => 1,
            Way::Request(..) => 2,
            Way::Reply(..) => 3,
            Way::Answer(..) => 4,
        };
        let (_, index) = self.place_of(way);
        kind << 32 | index as u64
    }

    /// End of what is published in the queue with this number.
    fn end_of(&self, number: u64) -> Option<u64> {
        let queues = match number >> 32 {
            0 => &self.at.tasks,
            1 => &self.at.targeted,
            2 => &self.at.requests,
            3 => &self.at.replies,
            4 => &self.at.answers,
            _ => return None,
        };
        let index = number as u32 as usize;
        if index >= queues.count {
            return None; // read in shared memory, so it may be anything
        }
        Some(LaneWriter::attach(Ring::new(&self.region, queues.lane(index))).end())
    }

    fn place_of(&self, way: Way) -> (&QueuesAt, usize) {
        let plan = &self.at.plan;
        match way {
            Way::Tasks(from) => (&self.at.tasks, from.index()),
            Way::Targeted(from, worker) => (
                &self.at.targeted,
                worker as usize * plan.parties() + from.index(),
            ),
            Way::Request(from, to) => (
                &self.at.requests,
                plan.target(to) * plan.parties() + from.index(),
            ),
            Way::Reply(from, to) => (&self.at.replies, to.index() * plan.parties() + from.index()),
            Way::Answer(from, to) => (&self.at.answers, to.index() * plan.parties() + from.index()),
        }
    }

    /// The sending end. One process at a time may hold it: the sender.
    pub(crate) fn writer(&self, way: Way) -> LaneWriter {
        let (queues, index) = self.place_of(way);
        LaneWriter::attach(Ring::new(&self.region, queues.lane(index))).thrifty()
    }

    /// Sender, before it publishes: go back to the start of the ring now and then.
    pub(crate) fn restart(&self, way: Way, writer: &mut LaneWriter, epoch: u32) {
        if writer.wants_restart() {
            let (_, from) = self.flags(way);
            let me = match (from.endpoint(), from.seat()) {
                (_, Some(seat)) => Claimant::new(seat, epoch),
                (Endpoint::Main, _) => Claimant::MAIN,
                _ => Claimant::MANAGER,
            };
            self.queue(way).restart(me, writer);
        }
    }

    /// The receiving end.
    pub(crate) fn queue(&self, way: Way) -> Queue {
        let (queues, index) = self.place_of(way);
        Queue::new(&self.region, queues.claims.nth(index), queues.lane(index))
    }

    /// Whether there is such a party: one that was read in shared memory may be anything.
    pub(crate) fn has(&self, party: Party) -> bool {
        party.index() < self.at.plan.parties()
    }

    /// All senders.
    pub(crate) fn parties(&self) -> impl Iterator<Item = Party> + use<> {
        (0..self.at.plan.parties() as u32).map(Party)
    }

    fn flags(&self, way: Way) -> (&[AtomicU64], Party) {
        let words = self.at.plan.words();
        let part = |at: At<AtomicU64>, index: usize| {
            &self.region.slice(at)[index * words..(index + 1) * words]
        };
        match way {
            Way::Tasks(from) => (part(self.at.task_flags, 0), from),
            Way::Targeted(from, worker) => (part(self.at.targeted_flags, worker as usize), from),
            Way::Request(from, to) => {
                let to = self.at.plan.target(to);
                (part(self.at.request_flags, to), from)
            }
            Way::Reply(from, to) => (part(self.at.reply_flags, to.index()), from),
            Way::Answer(from, to) => (part(self.at.answer_flags, to.index()), from),
        }
    }

    /// Which queues of tasks have ever been sent to: most never are, and figures need not look at them.
    fn used(&self, way: Way) -> Option<(&[AtomicU64], Party)> {
        let words = self.at.plan.words();
        match way {
            Way::Tasks(from) => Some((self.region.slice(self.at.tasks_used), from)),
            Way::Targeted(from, worker) => {
                let all = self.region.slice(self.at.targeted_used);
                let first = worker as usize * words;
                Some((all.get(first..first + words)?, from))
            }
            _ => None,
        }
    }

    /// Sender, when it has published: say so where the receiver looks.
    pub(crate) fn flag(&self, way: Way) {
        fence(Ordering::SeqCst);
        for (words, from) in std::iter::once(self.flags(way)).chain(self.used(way)) {
            let (word, bit) = (&words[from.index() / 64], 1 << (from.index() % 64));
            if word.load(Ordering::Relaxed) & bit == 0 {
                word.fetch_or(bit, Ordering::SeqCst);
            }
        }
    }

    /// Receiver, when it has found a queue empty: take the flag down. False: something has come meanwhile.
    pub(crate) fn unflag(&self, way: Way, queue: &Queue) -> bool {
        let (words, from) = self.flags(way);
        let (word, bit) = (&words[from.index() / 64], 1 << (from.index() % 64));
        word.fetch_and(!bit, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if queue.has_waiting() {
            word.fetch_or(bit, Ordering::SeqCst);
            return false;
        }
        true
    }

    /// The first sender from `start` on, and then from the beginning, whose flag is up for the kind of `way` (its sender
    /// does not matter).
    pub(crate) fn flagged(&self, way: Way, start: Party) -> Option<Party> {
        let (words, _) = self.flags(way);
        let (first, shift) = (start.index() / 64, start.index() % 64);
        let count = words.len();
        for step in 0..=count {
            let at = (first + step) % count;
            let mut word = words[at].load(Ordering::Acquire);
            if step == 0 {
                word &= u64::MAX << shift;
            }
            if word != 0 {
                let found = at as u32 * 64 + word.trailing_zeros();
                return ((found as usize) < self.at.plan.parties()).then_some(Party(found));
            }
        }
        None
    }

    /// The next one to look at after `party`.
    pub(crate) fn after(&self, party: Party) -> Party {
        Party((party.0 + 1) % self.at.plan.parties() as u32)
    }

    /// Every queue with tasks in it.
    pub(crate) fn task_ways(&self) -> impl Iterator<Item = Way> + use<> {
        let workers = self.at.plan.task_workers;
        let senders = self.parties().filter(move |_| workers > 0);
        senders.flat_map(move |from| {
            let targeted = (0..workers).map(move |worker| Way::Targeted(from, worker));
            std::iter::once(Way::Tasks(from)).chain(targeted)
        })
    }

    /// Whether some sender says that there are untargeted tasks.
    pub(crate) fn has_tasks(&self) -> bool {
        self.at.plan.task_workers > 0
            && self.flagged(Way::Tasks(Party::MAIN), Party::MAIN).is_some()
    }

    /// Whether a message of user code waits for one of these children.
    pub(crate) fn has_requests(&self, children: std::ops::Range<u32>) -> bool {
        let mut flagged = self.flagged_requests(children);
        flagged.any(|way| self.queue(way).has_waiting())
    }

    /// How many messages of user code wait for these children.
    pub(crate) fn waiting_requests(&self, children: std::ops::Range<u32>) -> u64 {
        let flagged = self.flagged_requests(children);
        flagged
            .map(|way| self.queue(way).waiting_and_pushed().0)
            .sum()
    }

    fn flagged_requests(&self, children: std::ops::Range<u32>) -> impl Iterator<Item = Way> {
        let kinds = children.map(|child| Way::Request(Party::MAIN, Target::Child(child)));
        kinds.flat_map(|kind| self.flagged_ways(kind))
    }

    /// Queues of replies for these children in which something waits.
    pub(crate) fn unread_replies(
        &self,
        children: std::ops::Range<u32>,
    ) -> impl Iterator<Item = Way> {
        let seats = SEATS as u32 * children.start..SEATS as u32 * children.end;
        let kinds = seats.map(|seat| Way::Reply(Party::MAIN, Party::on(Seat(seat))));
        let flagged = kinds.flat_map(|kind| self.flagged_ways(kind));
        flagged.filter(|&way| self.queue(way).has_waiting())
    }

    /// The queues of one kind (its sender does not matter) whose flags are up.
    pub(super) fn flagged_ways(&self, kind: Way) -> impl Iterator<Item = Way> {
        let (words, _) = self.flags(kind);
        self.marked(words).map(move |from| kind.from(from))
    }

    /// The senders whose bits are set.
    fn marked(&self, words: &[AtomicU64]) -> impl Iterator<Item = Party> {
        let bits = words.iter().enumerate().flat_map(|(at, word)| {
            let mut left = word.load(Ordering::Acquire);
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                left &= left.wrapping_sub(1);
                (bit < 64).then_some(Party(at as u32 * 64 + bit))
            })
        });
        bits.filter(|&party| self.has(party))
    }

    /// Whether the sender of a queue waits for room in it, or for its parcels to be read.
    pub(super) fn is_waited_for(&self, way: Way, queue: &Queue) -> bool {
        let (_, from) = self.flags(way);
        queue.is_waited_for() || self.parcels.is_waited_for(from)
    }

    /// The tasks of all senders.
    pub(crate) fn waiting_tasks(&self) -> Waiting {
        let mut sum = Waiting::default();
        if self.at.plan.task_workers > 0 {
            self.add_used(&mut sum, Way::Tasks(Party::MAIN));
        }
        for worker in 0..self.at.plan.task_workers {
            self.add_used(&mut sum, Way::Targeted(Party::MAIN, worker));
        }
        sum
    }

    /// The tasks for one task worker, counted from 0, alone.
    pub(crate) fn waiting_for(&self, worker: u32) -> Waiting {
        let mut sum = Waiting::default();
        self.add_used(&mut sum, Way::Targeted(Party::MAIN, worker));
        sum
    }

    /// Add the queues of one kind (its sender does not matter) that have ever been sent to.
    fn add_used(&self, sum: &mut Waiting, kind: Way) {
        let (words, _) = self.used(kind).unwrap_or((&[], Party::MAIN));
        for from in self.marked(words) {
            sum.add(&self.queue(kind.from(from)));
        }
    }
}

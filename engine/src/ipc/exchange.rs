//! What processes send each other beside the traffic of clients: tasks, results, messages of user code. Laid out before the
//! first fork, like the directory.
//!
//! | queues     | one for each                     | taken by |
//! |------------|----------------------------------|----------|
//! | `tasks`    | sender                           | any task worker: whoever is free |
//! | `targeted` | sender and task worker           | the process that serves that id now |
//! | `requests` | sender and child id, main, manager | the process that serves that id now |
//! | `replies`  | sender and receiving process     | that process; when it has left, the one that serves its id |
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
//! longer than a part of the ring goes as a parcel ([`super::parcels`]).

#[cfg(all(test, not(any(loom, miri))))]
mod kills;
#[cfg(all(test, not(any(loom, miri))))]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod tests;

use std::io;
use std::sync::Arc;

use super::directory::{Endpoint, SEATS, Seat};
use super::lane::{LaneAt, LaneHeader, LaneWriter, Ring};
use super::parcels::{ParcelPlan, Parcels, ParcelsAt};
use super::queue::{Claim, Claimant, Queue, Settled};
use super::shm::{At, BytesAt, Layout, Region};
use crate::sync::{AtomicU64, Ordering, fence};

/// All rings of one kind together shall not be larger than this; it is address space, not memory.
const ALL_RINGS: usize = 8 << 30;
/// Ring sizes of requests and replies.
const SMALLEST_RING: usize = 64 << 10;
const LARGEST_REQUESTS: usize = 1 << 20;
const LARGEST_REPLIES: usize = 8 << 20;

/// Senders that are no children: main, manager, intake.
const SUPERVISORS: u32 = 3;

/// A sender, numbered: main, manager, the intake of tasks of other programs, then the seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Party(u32);

impl Party {
    /// The master's main thread.
    pub(crate) const MAIN: Party = Party(0);
    /// The master's threads that take tasks from a message queue. Each has a way of its own; nobody answers them.
    pub(crate) const INTAKE: Party = Party(2);

    /// The party at an endpoint. Reactors send nothing here.
    pub(crate) fn of(endpoint: Endpoint) -> Option<Party> {
        match endpoint {
            Endpoint::Main => Some(Party(0)),
            Endpoint::Manager => Some(Party(1)),
            Endpoint::Worker(seat) => Some(Party(SUPERVISORS + seat.0)),
            Endpoint::Reactor(_) => None,
        }
    }

    /// The process on a seat.
    pub(crate) fn on(seat: Seat) -> Party {
        Party(SUPERVISORS + seat.0)
    }

    /// Its endpoint.
    pub(crate) fn endpoint(self) -> Endpoint {
        match self.0 {
            0 | 2 => Endpoint::Main,
            1 => Endpoint::Manager,
            n => Endpoint::Worker(Seat(n - SUPERVISORS)),
        }
    }

    /// Its seat, if it is a child.
    pub(crate) fn seat(self) -> Option<Seat> {
        self.0.checked_sub(SUPERVISORS).map(Seat)
    }

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }

    pub(super) fn numbered(number: u32) -> Party {
        Party(number)
    }
}

/// Who a request may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// The process that serves a child id.
    Child(u32),
    /// The master's main thread.
    Main,
    Manager,
}

/// Who gave a task or asks a question, and how: an argument in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The sender; in a reply, who answers.
    pub(crate) party: Party,
    /// Which process on its seat; in a reply, of the one who asked.
    pub(crate) epoch: u32,
    /// Flags, as user code has them (`task::flags`).
    pub(crate) flags: u8,
    /// A task: how often it has been run before. Its loss: the reason. A result: 1 if it is the last.
    pub(crate) extra: u8,
}

impl Stamp {
    pub(crate) fn encode(self) -> u64 {
        u64::from(self.party.0 & 0xffff)
            | u64::from(self.epoch) << 16
            | u64::from(self.flags) << 48
            | u64::from(self.extra) << 56
    }

    pub(crate) fn decode(word: u64) -> Stamp {
        Stamp {
            party: Party((word & 0xffff) as u32),
            epoch: (word >> 16) as u32,
            flags: (word >> 48) as u8,
            extra: (word >> 56) as u8,
        }
    }
}

/// Sizes the exchange depends on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ExchangePlan {
    /// All children: workers, then task workers, then user processes.
    pub(crate) children: u32,
    /// Id of the first task worker.
    pub(crate) first_task: u32,
    pub(crate) task_workers: u32,
    /// Bytes of each task queue; a power of two.
    pub(crate) task_ring: usize,
    /// Bytes of parcels that one sender may have outstanding.
    pub(crate) parcel_bytes: u64,
}

impl ExchangePlan {
    /// Which task worker a child is, counted from 0.
    pub(crate) fn task_worker(&self, child: u32) -> Option<u32> {
        let index = child.checked_sub(self.first_task)?;
        (index < self.task_workers).then_some(index)
    }

    fn parties(&self) -> usize {
        (SUPERVISORS + self.children * SEATS as u32) as usize
    }

    fn words(&self) -> usize {
        self.parties().div_ceil(64)
    }

    /// Receivers of requests: the children, main, manager.
    fn targets(&self) -> usize {
        self.children as usize + 2
    }

    fn target(&self, target: Target) -> usize {
        match target {
            Target::Child(id) => id as usize,
            Target::Main => self.children as usize,
            Target::Manager => self.children as usize + 1,
        }
    }

    /// The largest ring that keeps so many of them within bounds.
    fn ring(count: usize, largest: usize) -> usize {
        let share = ALL_RINGS / count.max(1);
        let power = match share.is_power_of_two() {
            true => share,
            false => share.next_power_of_two() / 2,
        };
        power.clamp(SMALLEST_RING, largest)
    }
}

/// Queues of one kind, by number.
#[derive(Debug, Clone, Copy)]
struct QueuesAt {
    claims: At<Claim>,
    headers: At<LaneHeader>,
    rings: BytesAt,
    ring: usize,
}

impl QueuesAt {
    fn place(layout: &mut Layout, count: usize, ring: usize) -> QueuesAt {
        QueuesAt {
            claims: layout.place(count),
            headers: layout.place(count),
            rings: layout.bytes(count * ring),
            ring,
        }
    }

    fn lane(&self, index: usize) -> LaneAt {
        LaneAt {
            header: self.headers.nth(index),
            ring: self.rings.part(index, self.ring),
        }
    }
}

/// Places of everything here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExchangeAt {
    plan: ExchangePlan,
    tasks: QueuesAt,
    targeted: QueuesAt,
    requests: QueuesAt,
    replies: QueuesAt,
    task_flags: At<AtomicU64>,
    targeted_flags: At<AtomicU64>,
    request_flags: At<AtomicU64>,
    reply_flags: At<AtomicU64>,
    /// By seat of a task worker.
    sleepers: At<AtomicU64>,
    parcels: ParcelsAt,
}

impl ExchangeAt {
    /// Reserve room.
    pub(crate) fn place(plan: ExchangePlan, layout: &mut Layout) -> ExchangeAt {
        let (parties, targets) = (plan.parties(), plan.targets());
        let senders_of_tasks = if plan.task_workers == 0 { 0 } else { parties };
        let (requests, replies) = (parties * targets, parties * parties);
        let largest_replies = match plan.task_workers {
            0 => SMALLEST_RING,
            _ => LARGEST_REPLIES,
        };
        let targeted = parties * plan.task_workers as usize;
        ExchangeAt {
            plan,
            tasks: QueuesAt::place(layout, senders_of_tasks, plan.task_ring),
            targeted: QueuesAt::place(
                layout,
                targeted,
                ExchangePlan::ring(targeted, LARGEST_REQUESTS),
            ),
            requests: QueuesAt::place(
                layout,
                requests,
                ExchangePlan::ring(requests, LARGEST_REQUESTS),
            ),
            replies: QueuesAt::place(
                layout,
                replies,
                ExchangePlan::ring(replies, largest_replies),
            ),
            task_flags: layout.place(plan.words()),
            targeted_flags: layout.place(plan.words() * plan.task_workers as usize),
            request_flags: layout.place(plan.words() * targets),
            reply_flags: layout.place(plan.words() * parties),
            sleepers: layout.place((plan.task_workers as usize * SEATS).div_ceil(64)),
            parcels: ParcelsAt::place(ParcelPlan::new(plan.parcel_bytes, parties), layout),
        }
    }
}

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

/// What a dead process has left.
#[derive(Debug, Default)]
pub(crate) struct Inheritance {
    /// The message it was taking is in its queue again.
    pub(crate) put_back: bool,
    /// For these, or whoever serves their ids, something waits.
    pub(crate) readers: Vec<Party>,
}

/// One queue, named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    /// Untargeted tasks of a sender.
    Tasks(Party),
    /// From a sender to one task worker, counted from 0.
    Targeted(Party, u32),
    /// From a sender to a child id, main or manager.
    Request(Party, Target),
    /// From a sender to a process.
    Reply(Party, Party),
}

impl Way {
    /// The task worker whose tasks these are alone.
    pub(crate) fn target(self) -> Option<u32> {
        match self {
            Way::Targeted(_, worker) => Some(worker),
            _ => None,
        }
    }

    /// The same with another sender.
    pub(super) fn from(self, from: Party) -> Way {
        match self {
            Way::Tasks(_) => Way::Tasks(from),
            Way::Targeted(_, worker) => Way::Targeted(from, worker),
            Way::Request(_, to) => Way::Request(from, to),
            Way::Reply(_, to) => Way::Reply(from, to),
        }
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
            _ => return None,
        };
        let index = number as u32 as usize;
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
        }
    }

    /// Sender, when it has published: say so where the receiver looks.
    pub(crate) fn flag(&self, way: Way) {
        fence(Ordering::SeqCst);
        let (words, from) = self.flags(way);
        let (word, bit) = (&words[from.index() / 64], 1 << (from.index() % 64));
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::SeqCst);
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

    fn sleeper(&self, seat: Seat) -> Option<(&AtomicU64, u64)> {
        let first = self.at.plan.first_task * SEATS as u32;
        let index = seat.0.checked_sub(first)? as usize;
        let word = self.region.slice(self.at.sleepers).get(index / 64)?;
        Some((word, 1 << (index % 64)))
    }

    /// Task worker, about to sleep. It looks at the flags once more after this.
    pub(crate) fn announce_sleep(&self, seat: Seat) {
        if let Some((word, bit)) = self.sleeper(seat) {
            word.fetch_or(bit, Ordering::SeqCst);
            fence(Ordering::SeqCst);
        }
    }

    /// Task worker, awake; or the manager, for one that is dead.
    pub(crate) fn announce_awake(&self, seat: Seat) {
        // Acquire: who has taken the bit away has published a task before.
        if let Some((word, bit)) = self.sleeper(seat)
            && word.load(Ordering::Acquire) & bit != 0
        {
            word.fetch_and(!bit, Ordering::SeqCst);
        }
    }

    /// Who has published a task, after [`Exchange::flag`]: a task worker to ring, if one sleeps. It counts as awake now.
    pub(crate) fn wake_one(&self) -> Option<Seat> {
        fence(Ordering::SeqCst);
        for (index, word) in self.region.slice(self.at.sleepers).iter().enumerate() {
            let mut seen = word.load(Ordering::Relaxed);
            while seen != 0 {
                let bit = seen & seen.wrapping_neg();
                if word.fetch_and(!bit, Ordering::SeqCst) & bit != 0 {
                    let seat = index as u32 * 64 + bit.trailing_zeros();
                    return Some(Seat(self.at.plan.first_task * SEATS as u32 + seat));
                }
                seen = word.load(Ordering::Relaxed);
            }
        }
        None
    }

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
        left.readers
            .extend(self.parties().filter(|&to| waits(Way::Reply(me, to))));
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
        let mut any = children.map(|child| Way::Request(Party::MAIN, Target::Child(child)));
        any.any(|kind| {
            let mut flagged = self
                .parties()
                .filter(|&from| self.is_flagged(kind.from(from)));
            flagged.any(|from| self.queue(kind.from(from)).has_waiting())
        })
    }

    fn is_flagged(&self, way: Way) -> bool {
        let (words, from) = self.flags(way);
        words[from.index() / 64].load(Ordering::Acquire) & (1 << (from.index() % 64)) != 0
    }

    /// The tasks of all senders.
    pub(crate) fn waiting_tasks(&self) -> Waiting {
        let mut sum = Waiting::default();
        self.task_ways().for_each(|way| sum.add(&self.queue(way)));
        sum
    }

    /// The tasks for one task worker, counted from 0, alone.
    pub(crate) fn waiting_for(&self, worker: u32) -> Waiting {
        let mut sum = Waiting::default();
        for from in self.parties() {
            sum.add(&self.queue(Way::Targeted(from, worker)));
        }
        sum
    }
}

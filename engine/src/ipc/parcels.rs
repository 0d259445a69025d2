//! What is too long for a ring: payloads of tasks, results, messages and commands travel as *parcels*, through a file in
//! memory, and the frame on the ring carries the parcel's number only.
//!
//! The file (a memfd) is made before the first fork and inherited: it has no name, nobody else can open it, and it goes with the
//! last process. It is sparse. Each sender has *slots*; each slot has a stretch of the file of its own, as long as the longest parcel
//! may be. So nothing is allocated and nothing can overlap: who has a slot has its stretch.
//!
//! ```text
//! slot: free ── sender: reserve ──> written, its frame published ── receiver: read, punch a hole, free ──> free
//!        word = generation | 0         generation + 1 | length                       generation | 0
//! ```
//!
//! The slot's word is also the account: what a sender has outstanding is the sum of the lengths in its words, and stays exact
//! whoever dies. The generation tells a parcel from a later one in the same slot.
//!
//! **Deaths.** Each party has a *desk* with a record of what it is just doing; the manager reads it when the process is dead.
//! * Sender: slot and way are on record from before the slot is reserved until after the frame is published, with the end of
//!   the ring from before. If that end has not moved, nobody knows of the parcel: it is discarded.
//! * Receiver: the parcel is on record from before its frame leaves the queue until the slot is free. If the frame was put
//!   back ([`super::queue`]) the parcel waits with it, else it is discarded. (A task's parcel is on record with the task:
//!   it may have to be run again, with the same parcel.)
//!
//! **Why not otherwise.** Longer rings: each pair of processes would need one as long as the longest message; and pages that a
//! ring has touched stay. Messages in pieces, as on clients' lanes: a queue with several consumers hands over whole messages,
//! and a sender that must not wait would have to keep the rest itself. Files by name: anybody could name another. A descriptor for
//! each message: needs a socket for each pair, and a limit of descriptors. A mapping instead of a file: each fresh page costs a fault
//! on both sides where pread and pwrite cost one call, and memory that cannot be had is a SIGBUS instead of an error.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::exchange::Party;
use super::shm::{At, Layout, Region, shared_block};
use crate::sync::{AtomicU64, Ordering, fence};
use crate::sys::{file, process};

shared_block! {
    /// What one party is doing with parcels.
    pub(crate) struct Desk {
        /// The parcel being sent, 0 if none.
        sending: AtomicU64,
        /// The queue it goes to: see [`super::exchange::Exchange::number_of`].
        way: AtomicU64,
        /// End of that queue's ring before.
        tail: AtomicU64,
        /// The parcel being read, 0 if none.
        reading: AtomicU64,
        /// As a sender it waits for a free slot: ring it.
        waits: AtomicU64,
    }
}

/// What is longer goes as a parcel, in a ring that is large enough. A copy through a ring whose pages are there takes a tenth of the time
/// that fresh pages, a copy each way and a hole take (2 cores of a virtual machine: 30 and 425 us for 256 KiB, 1.1 and 8.4 ms for
/// 4 MiB), so what bounds this is memory: a ring may keep a few of them, and a task worker one for another run.
pub(crate) const INLINE: usize = 2 << 20;

/// Sizes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ParcelPlan {
    /// Bytes that one sender may have outstanding, and the longest parcel; a power of two.
    pub(crate) bound: u64,
    parties: usize,
    slots: usize,
}

/// Bits of a slot's word that are the length.
const LENGTH_BITS: u32 = 34;
const LENGTH: u64 = (1 << LENGTH_BITS) - 1;
/// Generations are 1 to this.
const GENERATIONS: u64 = (1 << (64 - LENGTH_BITS)) - 1;
/// The longest parcel that a word can tell of.
pub(crate) const LONGEST: u64 = 1 << 33;
/// Stretches begin at multiples of this, which is one of any page size.
const PAGES: u64 = 64 << 10;
/// A sender has a slot for each so many bytes of what it may have outstanding, within these bounds.
const PER_SLOT: u64 = 64 << 10;
const SLOTS: (u64, u64) = (64, 16 << 10);

impl ParcelPlan {
    pub(super) fn new(bound: u64, parties: usize) -> ParcelPlan {
        let bound = bound.clamp(PAGES, LONGEST).next_power_of_two();
        ParcelPlan {
            bound,
            parties,
            slots: (bound / PER_SLOT).clamp(SLOTS.0, SLOTS.1) as usize,
        }
    }

    fn end_of_file(&self) -> u64 {
        self.bound * (self.slots * self.parties) as u64
    }
}

/// Where slots and desks are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ParcelsAt {
    plan: ParcelPlan,
    slots: At<AtomicU64>,
    desks: At<Desk>,
}

impl ParcelsAt {
    pub(super) fn place(plan: ParcelPlan, layout: &mut Layout) -> ParcelsAt {
        ParcelsAt {
            plan,
            slots: layout.place(plan.slots * plan.parties),
            desks: layout.place(plan.parties),
        }
    }
}

/// A parcel: whose slot, which one, and the how manieth in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parcel(u64);

impl Parcel {
    fn new(party: Party, slot: usize, generation: u64) -> Parcel {
        Parcel((party.index() as u64) << 48 | (slot as u64) << 32 | generation)
    }

    fn party(self) -> usize {
        (self.0 >> 48) as usize
    }

    fn slot(self) -> usize {
        (self.0 >> 32) as usize & 0xffff
    }

    fn generation(self) -> u64 {
        self.0 & 0xffff_ffff
    }

    /// As one word; never 0.
    pub(crate) fn word(self) -> u64 {
        self.0
    }

    /// From such a word, `None` from 0.
    pub(crate) fn from_word(word: u64) -> Option<Parcel> {
        (word != 0).then_some(Parcel(word))
    }
}

/// Why a parcel could not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unpacked {
    /// It is longer than one may be.
    TooLong,
    /// As much is outstanding as may be, or there is no memory.
    Full,
}

/// The parcels of all processes.
#[derive(Clone)]
pub(crate) struct Parcels {
    region: Arc<Region>,
    at: ParcelsAt,
    /// None where the limit of file sizes forbids it.
    file: Option<Arc<File>>,
}

impl Parcels {
    /// Make the file. Before the first fork.
    pub(super) fn open(region: Arc<Region>, at: ParcelsAt) -> io::Result<Parcels> {
        let allowed = process::file_size_limit() >= at.plan.end_of_file();
        let file = match allowed {
            true => Some(Arc::new(file::sparse("skep-parcels")?)),
            false => None,
        };
        Ok(Parcels { region, at, file })
    }

    /// The same over a file that is there, for tests that kill processes.
    #[cfg(test)]
    pub(super) fn over(region: Arc<Region>, at: ParcelsAt, file: File) -> Parcels {
        let file = Some(Arc::new(file));
        Parcels { region, at, file }
    }

    #[cfg(test)]
    pub(super) fn file(&self) -> &File {
        self.file.as_ref().expect("no limit in tests")
    }

    /// Whether there are any: a limit of file sizes (`ulimit -f`) may forbid them.
    pub(crate) fn are_possible(&self) -> bool {
        self.file.is_some()
    }

    /// Nobody may send more than this at once, in a parcel or without.
    pub(crate) fn longest(&self) -> u64 {
        self.at.plan.bound
    }

    fn slots(&self, party: usize) -> &[AtomicU64] {
        let each = self.at.plan.slots;
        &self.region.slice(self.at.slots)[party * each..(party + 1) * each]
    }

    fn desk(&self, party: Party) -> &Desk {
        &self.region.slice(self.at.desks)[party.index()]
    }

    /// The slot's word, if a parcel like this can exist at all.
    fn word(&self, parcel: Parcel) -> Option<&AtomicU64> {
        let possible = parcel.party() < self.at.plan.parties;
        possible.then(|| self.slots(parcel.party()).get(parcel.slot()))?
    }

    fn offset(&self, parcel: Parcel) -> u64 {
        self.at.plan.bound * (parcel.party() * self.at.plan.slots + parcel.slot()) as u64
    }

    /// Bytes that a sender has outstanding.
    pub(crate) fn outstanding(&self, party: Party) -> u64 {
        let words = self.slots(party.index()).iter();
        words
            .map(|word| word.load(Ordering::Acquire) & LENGTH)
            .sum()
    }

    /// Sender: put data into a parcel. `way` and `tail` are those of the queue that its frame goes to. After the frame is
    /// published, [`Parcels::sent`].
    pub(crate) fn pack(
        &self,
        party: Party,
        way: u64,
        tail: u64,
        data: &[u8],
    ) -> Result<Parcel, Unpacked> {
        let len = data.len() as u64;
        let Some(file) = self.file.as_ref().filter(|_| len <= self.at.plan.bound) else {
            return Err(Unpacked::TooLong);
        };
        if self.outstanding(party) + len > self.at.plan.bound {
            return Err(Unpacked::Full);
        }
        let slots = self.slots(party.index());
        let mut free = slots.iter().enumerate();
        let free = free.find(|(_, word)| word.load(Ordering::Acquire) & LENGTH == 0);
        let Some((slot, word)) = free else {
            return Err(Unpacked::Full);
        };
        let generation = (word.load(Ordering::Relaxed) >> LENGTH_BITS) % GENERATIONS + 1;
        let parcel = Parcel::new(party, slot, generation);
        let desk = self.desk(party);
        desk.way.store(way, Ordering::Relaxed);
        desk.tail.store(tail, Ordering::Relaxed);
        desk.sending.store(parcel.word(), Ordering::Release);
        word.store(generation << LENGTH_BITS | len, Ordering::Release);
        if file.write_all_at(data, self.offset(parcel)).is_err() {
            self.take_back(party, parcel); // no memory
            return Err(Unpacked::Full);
        }
        Ok(parcel)
    }

    /// Sender: the frame is published.
    pub(crate) fn sent(&self, party: Party) {
        self.desk(party).sending.store(0, Ordering::Release);
    }

    /// Sender: there is no room for the frame.
    pub(crate) fn take_back(&self, party: Party, parcel: Parcel) {
        self.discard(parcel);
        self.sent(party);
    }

    /// Sender: ring this party when a slot of its becomes free. False: one may be already.
    pub(crate) fn want_room(&self, party: Party, len: usize) -> bool {
        let waits = &self.desk(party).waits;
        waits.store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let mut slots = self.slots(party.index()).iter();
        let must_wait = self.outstanding(party) + len as u64 > self.at.plan.bound
            || !slots.any(|word| word.load(Ordering::Acquire) & LENGTH == 0);
        if !must_wait {
            waits.store(0, Ordering::Relaxed);
        }
        must_wait
    }

    /// Whether a sender waits for a slot.
    pub(super) fn is_waited_for(&self, party: Party) -> bool {
        self.desk(party).waits.load(Ordering::Acquire) != 0
    }

    /// Receiver, before the frame leaves its queue: this parcel is being read.
    pub(crate) fn begin_reading(&self, me: Party, parcel: Parcel) {
        self.desk(me)
            .reading
            .store(parcel.word(), Ordering::Release);
    }

    /// Receiver: the content. `None`: no sender of ours has made this parcel, or there is no memory for it.
    pub(crate) fn read(&self, parcel: Parcel) -> Option<Vec<u8>> {
        let word = self.word(parcel)?.load(Ordering::Acquire);
        let len = (word & LENGTH) as usize;
        if word >> LENGTH_BITS != parcel.generation() || len == 0 {
            return None;
        }
        let mut data = Vec::new();
        data.try_reserve_exact(len).ok()?;
        data.resize(len, 0);
        let file = self.file.as_ref()?;
        file.read_exact_at(&mut data, self.offset(parcel)).ok()?;
        Some(data)
    }

    /// Receiver: done with it. The party to ring, if it waits for that.
    pub(crate) fn end_reading(&self, me: Party, parcel: Parcel) -> Option<Party> {
        let waiting = self.discard(parcel);
        self.desk(me).reading.store(0, Ordering::Release);
        waiting
    }

    /// Free a parcel that nobody reads, unless it was freed. The party to ring, if it waits for that.
    pub(crate) fn discard(&self, parcel: Parcel) -> Option<Party> {
        let slot = self.word(parcel)?;
        let word = slot.load(Ordering::Acquire);
        let len = word & LENGTH;
        if word >> LENGTH_BITS != parcel.generation() || len == 0 {
            return None;
        }
        if let Some(file) = &self.file {
            // Whole pages: of one with a hole in a part the memory stays. If it cannot be done, the slot's next parcel
            // overwrites what is there.
            let len = len.next_multiple_of(PAGES);
            let _ = file::punch_hole(file, self.offset(parcel), len);
        }
        slot.store(parcel.generation() << LENGTH_BITS, Ordering::Release);
        fence(Ordering::SeqCst);
        let party = Party::numbered(parcel.party() as u32);
        let waits = &self.desk(party).waits;
        (waits.load(Ordering::Relaxed) != 0 && waits.swap(0, Ordering::Relaxed) != 0)
            .then_some(party)
    }

    /// After the death of a party, by the manager: what it was sending, with the queue's number and its end before.
    pub(super) fn unsent(&self, dead: Party) -> Option<(Parcel, u64, u64)> {
        let desk = self.desk(dead);
        let parcel = Parcel::from_word(desk.sending.swap(0, Ordering::AcqRel))?;
        let (way, tail) = (&desk.way, &desk.tail);
        Some((
            parcel,
            way.load(Ordering::Relaxed),
            tail.load(Ordering::Relaxed),
        ))
    }

    /// The same for what it was reading.
    pub(super) fn unread(&self, dead: Party) -> Option<Parcel> {
        self.desk(dead).waits.store(0, Ordering::Relaxed);
        Parcel::from_word(self.desk(dead).reading.swap(0, Ordering::AcqRel))
    }
}

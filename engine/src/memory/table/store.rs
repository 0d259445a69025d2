//! Where everything is in the table's words, and the way along a chain.

use std::io;

use super::TableStats;
use super::key::{KEY_WORDS, Key};
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::modelled::{AtomicU64, fence};

#[cfg(not(loom))]
pub(super) use self::mapped::Memory;
#[cfg(loom)]
pub(super) use super::models::Memory;

/// Words before the shelves; the first one counts how often a shelf was settled after a death.
const HEADER: usize = 8;
/// Words of a shelf: a cache line.
const SHELF: usize = 8;
/// Words of a slot before its columns.
const SLOT: usize = 3 + KEY_WORDS;
/// A walk along a chain that is this long looks whether it still makes sense.
const LONG: usize = 64;

/// How large everything is. Checked once: sums of these numbers do not overflow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Geometry {
    buckets: usize,
    shelves: usize,
    slots: usize,
    /// Words of a row's columns.
    columns: usize,
    /// Places of the parts, in words.
    buckets_at: usize,
    taken_at: usize,
    slots_at: usize,
    words: usize,
}

impl Geometry {
    /// `rows` and `shelves` are powers of two, `shelves` the smaller one.
    pub(super) fn new(
        rows: usize,
        conflicts: usize,
        columns: usize,
        shelves: usize,
    ) -> Option<Geometry> {
        let slots = rows.checked_add(conflicts)?.checked_add(shelves)?;
        let buckets_at = HEADER + SHELF * shelves;
        let taken_at = buckets_at.checked_add(rows)?.checked_next_multiple_of(8)?;
        let slots_at = taken_at
            .checked_add(slots.div_ceil(64))?
            .checked_next_multiple_of(8)?;
        let words = columns
            .checked_add(SLOT)?
            .checked_mul(slots)?
            .checked_add(slots_at)?;
        let geometry = Geometry {
            buckets: rows,
            shelves,
            slots,
            columns,
            buckets_at,
            taken_at,
            slots_at,
            words,
        };
        // What the kernel calls an address space, and far from an overflow of what is added later.
        (words < 1 << 44).then_some(geometry)
    }

    pub(super) fn buckets(&self) -> usize {
        self.buckets
    }

    #[cfg(loom)]
    pub(super) fn shelves(&self) -> usize {
        self.shelves
    }

    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    #[cfg(loom)]
    pub(super) fn words(&self) -> usize {
        self.words
    }

    /// Words of a row from the key on.
    pub(super) fn row_words(&self) -> usize {
        KEY_WORDS + self.columns
    }

    pub(super) fn bytes(&self) -> usize {
        self.words * 8 + self.shelves * 64
    }
}

/// A slot, by its first word. Only made from numbers that were checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot(usize);

/// The words of a slot.
impl Slot {
    pub(super) fn owner(self) -> usize {
        self.0
    }

    pub(super) fn next(self) -> usize {
        self.0 + 1
    }

    pub(super) fn hash(self) -> usize {
        self.0 + 2
    }

    /// The key; the columns are behind it.
    pub(super) fn row(self) -> usize {
        self.0 + 3
    }

    pub(super) fn column(self, place: usize) -> usize {
        self.0 + SLOT + place
    }
}

/// The words of a shelf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shelf(pub(super) usize);

impl Shelf {
    fn word(self, which: usize) -> usize {
        HEADER + self.0 * SHELF + which
    }

    pub(super) fn version(self) -> usize {
        self.word(0)
    }

    pub(super) fn intent(self) -> usize {
        self.word(1)
    }

    pub(super) fn intent_bucket(self) -> usize {
        self.word(2)
    }

    pub(super) fn spare(self) -> usize {
        self.word(3)
    }

    pub(super) fn inserts(self) -> usize {
        self.word(4)
    }

    pub(super) fn updates(self) -> usize {
        self.word(5)
    }

    pub(super) fn deletes(self) -> usize {
        self.word(6)
    }

    /// What its slots have as their owner.
    pub(super) fn name(self) -> u64 {
        self.0 as u64 + 1
    }
}

/// The end of a search: the slot with the key, if there is one, and the word with the link to it (or the link that ends
/// the chain).
pub(super) struct Found {
    pub(super) link: usize,
    pub(super) slot: Option<Slot>,
}

/// The table's memory and how to find things in it.
pub(super) struct Store {
    geometry: Geometry,
    memory: Memory,
    /// Where this process found a free slot the last time.
    pub(super) cursor: crate::sync::AtomicU64,
}

impl Store {
    pub(super) fn map(geometry: Geometry) -> io::Result<Store> {
        Ok(Store {
            memory: Memory::map(&geometry)?,
            geometry,
            cursor: crate::sync::AtomicU64::new(0),
        })
    }

    /// As in [`map`](Self::map), on a file.
    #[cfg(all(test, not(loom)))]
    pub(super) fn map_file(
        geometry: Geometry,
        file: &std::fs::File,
        first: bool,
    ) -> io::Result<Store> {
        Ok(Store {
            memory: Memory::map_file(&geometry, file, first)?,
            geometry,
            cursor: crate::sync::AtomicU64::new(0),
        })
    }

    pub(super) fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    #[inline]
    pub(super) fn words(&self) -> &[AtomicU64] {
        self.memory.words()
    }

    /// How often a shelf was settled after a death.
    pub(super) fn settled(&self) -> usize {
        0
    }

    #[inline]
    pub(super) fn shelf_of(&self, hash: u64) -> Shelf {
        Shelf(hash as usize & (self.geometry.shelves - 1))
    }

    pub(super) fn shelves(&self) -> impl Iterator<Item = Shelf> + use<> {
        (0..self.geometry.shelves).map(Shelf)
    }

    /// The word of the bucket that a hash belongs to.
    #[inline]
    pub(super) fn bucket_of(&self, hash: u64) -> usize {
        self.bucket(hash as usize & (self.geometry.buckets - 1))
    }

    /// The word of a bucket, by its number.
    pub(super) fn bucket(&self, number: usize) -> usize {
        self.geometry.buckets_at + number
    }

    /// The shelf of a bucket, by the bucket's word; none if that is no bucket's.
    pub(super) fn shelf_of_bucket(&self, bucket: usize) -> Option<Shelf> {
        let number = bucket.checked_sub(self.geometry.buckets_at)?;
        (number < self.geometry.buckets).then_some(Shelf(number & (self.geometry.shelves - 1)))
    }

    /// The buckets of a shelf, by their words.
    pub(super) fn buckets_of(&self, shelf: Shelf) -> impl Iterator<Item = usize> + use<> {
        let first = self.geometry.buckets_at;
        (first + shelf.0..first + self.geometry.buckets).step_by(self.geometry.shelves)
    }

    /// Which word of the map of taken slots has a slot's bit, and the bit.
    pub(super) fn taken(&self, slot: Slot) -> (usize, u64) {
        let number = self.number(slot);
        (number / 64, 1 << (number % 64))
    }

    /// The `index`th word of that map, and which of its bits are no slots.
    pub(super) fn taken_word(&self, index: usize) -> (usize, u64) {
        let slots = self.geometry.slots - index * 64;
        let beyond = if slots < 64 { !0 << slots } else { 0 };
        (self.geometry.taken_at + index, beyond)
    }

    fn number(&self, slot: Slot) -> usize {
        (slot.0 - self.geometry.slots_at) / (self.geometry.columns + SLOT)
    }

    /// The slot with this number, if there are so many.
    #[inline]
    pub(super) fn slot(&self, number: u64) -> Option<Slot> {
        let number = usize::try_from(number)
            .ok()
            .filter(|&n| n < self.geometry.slots)?;
        Some(Slot(
            self.geometry.slots_at + number * (self.geometry.columns + SLOT),
        ))
    }

    /// The slot that a link leads to.
    #[inline]
    pub(super) fn follow(&self, link: u64) -> Option<Slot> {
        self.slot(link.wrapping_sub(1))
    }

    /// The link that leads to a slot.
    pub(super) fn link_to(&self, slot: Slot) -> u64 {
        self.number(slot) as u64 + 1
    }

    /// Look for a key. `fine` is asked when the way gets long: false ends it.
    #[inline]
    pub(super) fn find(&self, key: &Key, fine: impl FnMut() -> bool) -> Found {
        let words = self.words();
        let is_it = |slot: Slot| {
            if words[slot.hash()].load(Relaxed) != key.hash {
                return false;
            }
            let stored = &words[slot.row()..][..KEY_WORDS];
            let last = KEY_WORDS - 1;
            stored[last].load(Relaxed) == key.words[last]
                && (0..key.used()).all(|at| stored[at].load(Relaxed) == key.words[at])
        };
        self.search(self.bucket_of(key.hash), is_it, fine)
    }

    /// Go along a chain until `is_it`.
    #[inline]
    pub(super) fn search(
        &self,
        bucket: usize,
        mut is_it: impl FnMut(Slot) -> bool,
        mut fine: impl FnMut() -> bool,
    ) -> Found {
        let words = self.words();
        let mut link = bucket;
        let mut steps = 0;
        while let Some(slot) = self.follow(words[link].load(Acquire)) {
            if is_it(slot) {
                return Found {
                    link,
                    slot: Some(slot),
                };
            }
            link = slot.next();
            steps += 1;
            if steps % LONG == 0 && (!fine() || steps > self.geometry.slots) {
                break;
            }
        }
        Found { link, slot: None }
    }

    /// Whether a slot is in a chain. Only for the holder of the shelf.
    pub(super) fn is_linked(&self, bucket: usize, slot: Slot) -> bool {
        self.search(bucket, |other| other == slot, || true)
            .slot
            .is_some()
    }

    /// Rows in a chain. Only for the holder of the shelf.
    pub(super) fn count(&self, bucket: usize) -> u64 {
        let mut count = 0;
        self.search(
            bucket,
            |_| {
                count += 1;
                false
            },
            || true,
        );
        count
    }

    pub(super) fn rows(&self) -> u64 {
        self.shelves().fold(0, |sum, shelf| {
            let load = |word: usize| self.words()[word].load(Relaxed);
            // Deletes first: a row may come and go in between, and the difference must not be less than nothing.
            let deletes = load(shelf.deletes());
            fence(Acquire);
            sum.saturating_add(load(shelf.inserts()).saturating_sub(deletes))
        })
    }

    pub(super) fn stats(&self) -> TableStats {
        let sum = |word: fn(Shelf) -> usize| {
            self.shelves().fold(0u64, |sum, shelf| {
                sum.wrapping_add(self.words()[word(shelf)].load(Relaxed))
            })
        };
        let total = (self.geometry.slots - self.geometry.shelves) as u64;
        let mut stats = TableStats {
            inserts: sum(Shelf::inserts),
            updates: sum(Shelf::updates),
            deletes: sum(Shelf::deletes),
            slots_total: total,
            settled: self.words()[self.settled()].load(Relaxed),
            rows: self.rows(),
            ..TableStats::default()
        };
        stats.slots_free = total.saturating_sub(stats.rows);
        for number in 0..self.geometry.buckets {
            let behind = self.chain_len(number).saturating_sub(1);
            stats.conflicts += behind;
            stats.conflict_max = stats.conflict_max.max(behind);
        }
        stats
    }

    /// Store what a later store of this process must not overtake, nor an earlier one be overtaken by.
    pub(super) fn publish(&self, word: usize, value: u64) {
        step();
        self.words()[word].store(value, Release);
    }

    pub(super) fn load(&self, word: usize) -> u64 {
        self.words()[word].load(Acquire)
    }
}

/// Between any two stores of a change a process may die. The tests do (`deaths`).
#[inline(always)]
pub(super) fn step() {
    #[cfg(all(test, not(loom)))]
    super::deaths::step();
}

#[cfg(not(loom))]
mod mapped {
    use std::io;

    use super::Geometry;
    use crate::ipc::shm::{At, Layout, Region};
    use crate::sync::AtomicU64;
    use crate::sys::mutex::RobustMutex;

    /// A shared mapping.
    pub(in crate::memory::table) struct Memory {
        region: Region,
        words: At<AtomicU64>,
        mutexes: At<RobustMutex>,
    }

    impl Memory {
        pub(in crate::memory::table) fn map(geometry: &Geometry) -> io::Result<Memory> {
            Memory::with(geometry, true, Region::map)
        }

        #[cfg(test)]
        pub(in crate::memory::table) fn map_file(
            geometry: &Geometry,
            file: &std::fs::File,
            first: bool,
        ) -> io::Result<Memory> {
            Memory::with(geometry, first, |layout| Region::map_file(layout, file))
        }

        fn with(
            geometry: &Geometry,
            first: bool,
            map: impl FnOnce(&Layout) -> io::Result<Region>,
        ) -> io::Result<Memory> {
            let mut layout = Layout::default();
            let mutexes = layout.place(geometry.shelves);
            let words = layout.place(geometry.words);
            let memory = Memory {
                region: map(&layout)?,
                words,
                mutexes,
            };
            if first {
                memory.mutexes().iter().try_for_each(RobustMutex::init)?;
            }
            Ok(memory)
        }

        #[inline]
        pub(in crate::memory::table) fn words(&self) -> &[AtomicU64] {
            self.region.slice(self.words)
        }

        pub(in crate::memory::table) fn mutexes(&self) -> &[RobustMutex] {
            self.region.slice(self.mutexes)
        }
    }
}

//! Free slots: claiming them and giving them back.

use super::store::{Shelf, Slot, Store, step};
use super::writing::{Hold, Intent};
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed};

impl Hold<'_> {
    /// Claim a slot for this shelf; afterwards it is named by the shelf's intent. None is free: the intent is none.
    pub(super) fn claim(&self) -> Option<Slot> {
        let found = self.look();
        if found.is_some() {
            return found;
        }
        self.intend(Intent::None);
        // Those who died in the middle of something may still have one each.
        if self.store.settle_dead(self.shelf) {
            let found = self.look();
            if found.is_none() {
                self.intend(Intent::None);
            }
            return found;
        }
        None
    }

    fn look(&self) -> Option<Slot> {
        let store = self.store;
        let words = store.words();
        let count = store.geometry().slots().div_ceil(64);
        let first = store.cursor.load(Relaxed) as usize;
        for index in (first..count).chain(0..first.min(count)) {
            let (word, beyond) = store.taken_word(index);
            let mut taken = words[word].load(Relaxed) | beyond;
            while taken != !0 {
                let bit = (!taken).trailing_zeros();
                let slot = store.slot(index as u64 * 64 + u64::from(bit))?;
                let owner = &words[slot.owner()];
                // Never an intent to claim what this shelf has already: who settles it would free a row.
                let free = owner.load(Acquire) == 0;
                if free {
                    self.intend(Intent::Claim(slot));
                }
                step();
                let before = words[word].fetch_or(1 << bit, AcqRel);
                step();
                if free
                    && before & 1 << bit == 0
                    && owner
                        .compare_exchange(0, self.shelf.name(), AcqRel, Relaxed)
                        .is_ok()
                {
                    store.cursor.store(index as u64, Relaxed);
                    return Some(slot);
                }
                taken = before | 1 << bit | beyond;
            }
        }
        None
    }
}

impl Store {
    /// Give a slot back that this shelf owns.
    pub(super) fn free(&self, slot: Slot, shelf: Shelf) {
        step();
        let owner = &self.words()[slot.owner()];
        let _ = owner.compare_exchange(shelf.name(), 0, AcqRel, Relaxed);
        // Not if it has been claimed since. (If it is claimed right now, the bit is missing for a slot that is taken:
        // the next one who tries it finds out.)
        if owner.load(Acquire) == 0 {
            step();
            let (index, bit) = self.taken(slot);
            let (word, _) = self.taken_word(index);
            self.words()[word].fetch_and(!bit, AcqRel);
            self.cursor.store(index as u64, Relaxed);
        }
    }
}

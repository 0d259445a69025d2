//! Reading without holding anything.

use super::Column;
use super::key::Key;
use super::row::Row;
use super::schema::Kind;
use super::store::{Slot, Store};
use crate::sync::Ordering::{Acquire, Relaxed};
use crate::sync::modelled::fence;

/// How often a reader tries before it takes the mutex: only somebody who writes to the same shelf without a pause makes it fail.
pub(super) const TRIES: u32 = if cfg!(loom) { 2 } else { 64 };

impl Store {
    /// Take something from the row with this key. What `take` sees may be torn; then it is called again.
    #[inline]
    fn read<T>(&self, key: &Key, mut take: impl FnMut(Slot) -> T) -> Option<T> {
        let shelf = self.shelf_of(key.hash);
        let version = &self.words()[shelf.version()];
        for _ in 0..TRIES {
            let before = version.load(Acquire); // (A)
            let found = self.find(key, || version.load(Relaxed) == before);
            let taken = found.slot.map(&mut take);
            fence(Acquire); // (B)
            if version.load(Relaxed) == before {
                return taken;
            }
            std::hint::spin_loop();
        }
        let _held = self.hold(shelf).ok()?;
        self.find(key, || true).slot.map(take)
    }

    pub(super) fn exists(&self, key: &Key) -> bool {
        self.read(key, |_| ()).is_some()
    }

    /// Copy the key and these columns.
    #[inline]
    pub(super) fn copy_row(&self, key: &Key, columns: &[Column], row: &mut Row) -> bool {
        row.make_room(self.geometry().row_words());
        self.read(key, |slot| self.copy(slot, columns, row))
            .is_some()
    }

    #[inline]
    fn copy(&self, slot: Slot, columns: &[Column], row: &mut Row) {
        self.copy_words(slot.row(), row.words_mut(0), key_words());
        for column in columns {
            let from = slot.column(column.place());
            let to = row.words_mut(key_words() + column.place());
            let words = match column.kind() {
                Kind::Int | Kind::Float => 1,
                Kind::Text => 1 + self.text_words(from, column),
            };
            self.copy_words(from, to, words);
        }
    }

    /// Words in use of the text whose length is at `at`.
    #[inline]
    pub(super) fn text_words(&self, at: usize, column: &Column) -> usize {
        let len = self.words()[at].load(Relaxed);
        usize::try_from(len)
            .unwrap_or(usize::MAX)
            .min(column.size())
            .div_ceil(8)
    }

    #[inline]
    fn copy_words(&self, from: usize, to: &mut [[u8; 8]], count: usize) {
        let from = &self.words()[from..from + count];
        for (to, from) in to.iter_mut().zip(from) {
            *to = from.load(Relaxed).to_ne_bytes();
        }
    }

    /// The keys of a bucket, as they were at one instant.
    pub(super) fn keys(&self, number: usize, keys: &mut Vec<[u8; 64]>) {
        self.chain(number, |slot| {
            let Some(slot) = slot else {
                return keys.clear();
            };
            let mut key = [0; 64];
            self.copy_words(slot.row(), key.as_chunks_mut().0, key_words());
            keys.push(key);
        });
    }

    /// Rows of a bucket, at one instant.
    pub(super) fn chain_len(&self, number: usize) -> u64 {
        let mut len = 0;
        self.chain(number, |slot| {
            len = if slot.is_some() { len + 1 } else { 0 }
        });
        len
    }

    /// Each slot of a bucket; `None` when it begins again because somebody has changed it.
    fn chain(&self, number: usize, mut each: impl FnMut(Option<Slot>)) {
        let bucket = self.bucket(number);
        let Some(shelf) = self.shelf_of_bucket(bucket) else {
            return;
        };
        let version = &self.words()[shelf.version()];
        let mut all = |fine: &dyn Fn() -> bool| {
            each(None);
            self.search(
                bucket,
                |slot| {
                    each(Some(slot));
                    false
                },
                fine,
            );
        };
        for _ in 0..TRIES {
            let before = version.load(Acquire); // (A)
            all(&|| version.load(Relaxed) == before);
            fence(Acquire); // (B)
            if version.load(Relaxed) == before {
                return;
            }
        }
        match self.hold(shelf) {
            Ok(_held) => all(&|| true),
            Err(_) => each(None),
        }
    }
}

const fn key_words() -> usize {
    super::key::KEY_WORDS
}

//! Changing rows: all of it under the mutex of the shelf, each change visible by one store.

use super::key::{KEY_WORDS, Key};
use super::row::Value;
use super::schema::{Column, Kind};
use super::store::{Found, Shelf, Slot, Store, step};
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::modelled::fence;

#[cfg(loom)]
use super::models::Held;
#[cfg(not(loom))]
use crate::sys::mutex::Held;

/// Why nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// Every slot is taken.
    #[error("unable to allocate memory")]
    NoRoom,
    /// There is no such column, or it does not hold numbers.
    #[error("the column does not hold numbers")]
    NotANumber,
    /// Something else has written to the table's memory.
    #[error("the table's memory is damaged")]
    Damaged,
}

/// What the holder of a shelf is about to do, as `settling` reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    None,
    Claim(Slot),
    Update(Slot),
    Delete(Slot),
}

/// Kinds in the top bits, over a link.
const KIND_SHIFT: u32 = 56;
const LINK: u64 = (1 << KIND_SHIFT) - 1;
const CLAIM: u64 = 1;
const UPDATE: u64 = 2;
const DELETE: u64 = 3;

impl Store {
    /// What a shelf's word says; anything else is none.
    pub(super) fn intent(&self, shelf: Shelf) -> Intent {
        let word = self.load(shelf.intent());
        let Some(slot) = self.follow(word & LINK) else {
            return Intent::None;
        };
        match word >> KIND_SHIFT {
            CLAIM => Intent::Claim(slot),
            UPDATE => Intent::Update(slot),
            DELETE => Intent::Delete(slot),
            _ => Intent::None,
        }
    }

    /// Take a shelf's mutex. What a dead holder has left is settled.
    pub(super) fn hold(&self, shelf: Shelf) -> Result<Hold<'_>, Refused> {
        let mutexes = self.memory().mutexes();
        let held = mutexes[shelf.0].hold().map_err(|_| Refused::Damaged)?;
        Ok(self.settled_hold(shelf, held))
    }

    fn settled_hold<'a>(&'a self, shelf: Shelf, mut held: Held<'a>) -> Hold<'a> {
        if held.holder_died() {
            self.settle(shelf);
            held.settled();
        }
        Hold {
            store: self,
            shelf,
            _held: held,
        }
    }

    /// Settle the shelves of those who died in the middle of something, but for `own`, which is held. True if there was one.
    pub(super) fn settle_dead(&self, own: Shelf) -> bool {
        let mut found = false;
        for shelf in self.shelves() {
            if shelf == own || self.words()[shelf.intent()].load(Relaxed) == 0 {
                continue;
            }
            // Not waiting: whoever has it may be waiting for the one we hold.
            if let Ok(Some(held)) = self.memory().mutexes()[shelf.0].try_hold() {
                found |= held.holder_died();
                self.settled_hold(shelf, held);
            }
        }
        found
    }

    pub(super) fn set(
        &self,
        key: &Key,
        columns: &[Column],
        values: &[(usize, Value<'_>)],
    ) -> Result<(), Refused> {
        let hold = self.hold(self.shelf_of(key.hash))?;
        let found = hold.find(key);
        let Some(old) = found.slot else {
            return hold.insert(key, columns, values);
        };
        match *values {
            [] => hold.count(hold.shelf.updates()),
            [(index, value)] if number(columns, index, value).is_some() => {
                if let Some((place, word)) = number(columns, index, value) {
                    hold.store_number(old, place, word);
                }
            }
            _ => hold.update(key, &found, old, columns, values)?,
        }
        Ok(())
    }

    pub(super) fn add(
        &self,
        key: &Key,
        columns: &[Column],
        index: usize,
        by: Value<'_>,
    ) -> Result<Value<'static>, Refused> {
        let column = columns.get(index).ok_or(Refused::NotANumber)?;
        let hold = self.hold(self.shelf_of(key.hash))?;
        let found = hold.find(key);
        let word = |slot: Slot| self.words()[slot.column(column.place())].load(Relaxed);
        let old = found.slot.map_or(0, word);
        let sum = match (column.kind(), by) {
            (Kind::Int, Value::Int(by)) => Value::Int((old as i64).wrapping_add(by)),
            (Kind::Float, Value::Float(by)) => Value::Float(f64::from_bits(old) + by),
            _ => return Err(Refused::NotANumber),
        };
        match (found.slot, number(columns, index, sum)) {
            (Some(slot), Some((place, word))) => hold.store_number(slot, place, word),
            _ => hold.insert(key, columns, &[(index, sum)])?,
        }
        Ok(sum)
    }

    pub(super) fn delete(&self, key: &Key) -> Result<bool, Refused> {
        let hold = self.hold(self.shelf_of(key.hash))?;
        let Found {
            link,
            slot: Some(old),
        } = hold.find(key)
        else {
            return Ok(false);
        };
        self.publish(hold.shelf.intent_bucket(), self.bucket_of(key.hash) as u64);
        hold.intend(Intent::Delete(old));
        self.publish(link, self.load(old.next())); // the change
        hold.raise_version();
        self.free(old, hold.shelf);
        hold.count(hold.shelf.deletes());
        hold.intend(Intent::None);
        Ok(true)
    }
}

/// Place and word of a number that fits its column.
#[inline]
fn number(columns: &[Column], index: usize, value: Value<'_>) -> Option<(usize, u64)> {
    let column = columns.get(index)?;
    match (column.kind(), value) {
        (Kind::Int, Value::Int(number)) => Some((column.place(), number as u64)),
        (Kind::Float, Value::Float(number)) => Some((column.place(), number.to_bits())),
        _ => None,
    }
}

/// A shelf whose mutex this thread holds, in good order.
pub(super) struct Hold<'a> {
    pub(super) store: &'a Store,
    pub(super) shelf: Shelf,
    _held: Held<'a>,
}

impl Hold<'_> {
    fn find(&self, key: &Key) -> Found {
        // (B') Behind the taking of the mutex, before anything that readers could see.
        fence(Release);
        self.store.find(key, || true)
    }

    pub(super) fn intend(&self, intent: Intent) {
        let link = |slot| self.store.link_to(slot);
        let word = match intent {
            Intent::None => 0,
            Intent::Claim(slot) => CLAIM << KIND_SHIFT | link(slot),
            Intent::Update(slot) => UPDATE << KIND_SHIFT | link(slot),
            Intent::Delete(slot) => DELETE << KIND_SHIFT | link(slot),
        };
        self.store.publish(self.shelf.intent(), word);
    }

    fn raise_version(&self) {
        self.store.raise_version(self.shelf);
    }

    fn count(&self, word: usize) {
        let count = self.store.load(word);
        self.store.publish(word, count.wrapping_add(1));
    }

    fn spare(&self) -> Option<Slot> {
        self.store.follow(self.store.load(self.shelf.spare()))
    }

    fn store_number(&self, slot: Slot, place: usize, word: u64) {
        step();
        self.store.words()[slot.column(place)].store(word, Relaxed);
        self.raise_version();
        self.count(self.shelf.updates());
    }

    fn insert(
        &self,
        key: &Key,
        columns: &[Column],
        values: &[(usize, Value<'_>)],
    ) -> Result<(), Refused> {
        let bucket = self.store.bucket_of(key.hash);
        self.store
            .publish(self.shelf.intent_bucket(), bucket as u64);
        let spare = match self.spare() {
            Some(spare) => spare,
            None => {
                let first = self.claim().ok_or(Refused::NoRoom)?;
                self.set_spare(first);
                first
            }
        };
        let next_spare = self.claim().ok_or(Refused::NoRoom)?;
        self.fill(spare, key, columns, values, None);
        self.store.publish(spare.next(), self.store.load(bucket));
        self.store.publish(bucket, self.store.link_to(spare)); // the change
        self.raise_version();
        self.count(self.shelf.inserts());
        self.set_spare(next_spare);
        Ok(())
    }

    /// A claimed slot becomes the spare.
    fn set_spare(&self, slot: Slot) {
        self.store
            .publish(self.shelf.spare(), self.store.link_to(slot));
        self.intend(Intent::None);
    }

    fn update(
        &self,
        key: &Key,
        found: &Found,
        old: Slot,
        columns: &[Column],
        values: &[(usize, Value<'_>)],
    ) -> Result<(), Refused> {
        let spare = self.spare().ok_or(Refused::Damaged)?; // a shelf that has a row has a spare
        self.fill(spare, key, columns, values, Some(old));
        self.store
            .publish(spare.next(), self.store.load(old.next()));
        let bucket = self.store.bucket_of(key.hash);
        self.store
            .publish(self.shelf.intent_bucket(), bucket as u64);
        self.intend(Intent::Update(old));
        self.store.publish(found.link, self.store.link_to(spare)); // the change
        self.raise_version();
        self.count(self.shelf.updates());
        self.set_spare(old);
        Ok(())
    }

    /// Put a row together: these values, and what else is in `old`, or zero.
    fn fill(
        &self,
        slot: Slot,
        key: &Key,
        columns: &[Column],
        values: &[(usize, Value<'_>)],
        old: Option<Slot>,
    ) {
        let words = self.store.words();
        step();
        words[slot.hash()].store(key.hash, Relaxed);
        for (word, key) in words[slot.row()..][..KEY_WORDS].iter().zip(key.words) {
            word.store(key, Relaxed);
        }
        for (index, column) in columns.iter().enumerate() {
            step();
            // The last one counts, as in a row of assignments.
            let value = values.iter().rev().find(|(at, _)| *at == index);
            let to = slot.column(column.place());
            match (column.kind(), value.map(|(_, value)| *value)) {
                (Kind::Int, Some(Value::Int(number))) => words[to].store(number as u64, Relaxed),
                (Kind::Float, Some(Value::Float(number))) => {
                    words[to].store(number.to_bits(), Relaxed);
                }
                (Kind::Text, Some(Value::Text(text))) => self.put_text(to, column, text),
                _ => match old {
                    None => words[to].store(0, Relaxed),
                    Some(old) => {
                        let from = old.column(column.place());
                        let count = match column.kind() {
                            Kind::Int | Kind::Float => 1,
                            Kind::Text => 1 + self.store.text_words(from, column),
                        };
                        for at in 0..count {
                            words[to + at].store(words[from + at].load(Relaxed), Relaxed);
                        }
                    }
                },
            }
        }
    }

    fn put_text(&self, to: usize, column: &Column, text: &[u8]) {
        let text = &text[..text.len().min(column.size())];
        let words = &self.store.words()[to..][..1 + column.size() / 8];
        words[0].store(text.len() as u64, Relaxed);
        let (whole, rest) = text.as_chunks();
        for (word, bytes) in words[1..].iter().zip(whole) {
            word.store(u64::from_ne_bytes(*bytes), Relaxed);
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            words[1 + whole.len()].store(u64::from_ne_bytes(last), Relaxed);
        }
    }
}

impl Store {
    pub(super) fn raise_version(&self, shelf: Shelf) {
        step();
        let version = &self.words()[shelf.version()];
        version.store(version.load(Acquire).wrapping_add(1), Release);
    }
}

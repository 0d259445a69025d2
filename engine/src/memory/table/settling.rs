//! What is done for the holder of a shelf that died. Called with the mutex; cut short, it is done again.

use super::store::{Shelf, Slot, Store};
use super::writing::Intent;
use crate::sync::Ordering::Relaxed;
use crate::sync::modelled::fence;

impl Store {
    /// Complete what became visible, drop what did not.
    pub(super) fn settle(&self, shelf: Shelf) {
        fence(crate::sync::Ordering::Release); // (B'), as for any change
        self.words()[self.settled()].fetch_add(1, Relaxed);
        // It may have died between a change and this; once too often does no harm.
        self.raise_version(shelf);
        let intent = self.intent(shelf);
        let bucket = self.load(shelf.intent_bucket()) as usize;
        let bucket = (self.shelf_of_bucket(bucket) == Some(shelf)).then_some(bucket);
        let linked = |slot: Option<Slot>| {
            bucket
                .zip(slot)
                .is_some_and(|(bucket, slot)| self.is_linked(bucket, slot))
        };
        let spare = self.follow(self.load(shelf.spare()));
        match intent {
            Intent::None => return,
            Intent::Claim(slot) | Intent::Update(slot) if spare == Some(slot) => {}
            Intent::Claim(slot) | Intent::Update(slot) if linked(spare) => {
                self.publish(shelf.spare(), self.link_to(slot));
            }
            Intent::Claim(slot) => self.free(slot, shelf),
            Intent::Update(_) => {}
            Intent::Delete(slot) => {
                if !linked(Some(slot)) {
                    self.free(slot, shelf);
                }
            }
        }
        let rows = self
            .buckets_of(shelf)
            .fold(0, |sum: u64, bucket| sum.wrapping_add(self.count(bucket)));
        let (inserts, deletes) = (self.load(shelf.inserts()), self.load(shelf.deletes()));
        match intent {
            Intent::Claim(_) => self.publish(shelf.inserts(), deletes.wrapping_add(rows)),
            Intent::Delete(_) => self.publish(shelf.deletes(), inserts.wrapping_sub(rows)),
            Intent::Update(_) | Intent::None => {}
        }
        self.publish(shelf.intent(), 0);
    }
}

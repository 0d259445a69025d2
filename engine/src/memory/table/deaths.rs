//! A writer that dies before each of the stores of each change: what is left is settled, and is the old state or the new one.
//!
//! Deaths are panics here, which leave the shared words as they are; settling is cut short in the same way.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::store::{Geometry, Slot};
use super::*;
use crate::sync::Ordering::Relaxed;

thread_local! {
    /// Stores until this thread dies; 0: it lives.
    static LEFT: Cell<u32> = const { Cell::new(0) };
}

struct Death;

pub(super) fn step() {
    LEFT.with(|left| match left.get() {
        0 => {}
        1 => {
            left.set(0);
            std::panic::resume_unwind(Box::new(Death)); // without a message
        }
        more => left.set(more - 1),
    });
}

/// Run, and die before the `at`th store. True if that came.
fn dies(at: u32, run: impl FnOnce()) -> bool {
    LEFT.set(at);
    let died = catch_unwind(AssertUnwindSafe(run)).is_err();
    LEFT.set(0);
    died
}

struct Scene {
    store: Store,
    columns: Vec<Column>,
}

const HASHES: u64 = 4;

fn key(number: u64) -> Key {
    Key::with_hash(&[number as u8], number % HASHES)
}

impl Scene {
    /// Two buckets for each of two shelves; rows 0 to 3, so that some chains have two.
    fn new() -> Scene {
        let mut builder = TableBuilder::new(64, 0.2);
        builder.column(b"int", Kind::Int, 0).unwrap();
        builder.column(b"text", Kind::Text, 24).unwrap();
        let scene = Scene {
            store: Store::map(Geometry::new(4, 4, 5, 2).unwrap()).unwrap(),
            columns: builder.columns_for_test().to_vec(),
        };
        for number in [0, 1, 4, 8] {
            scene.set(number, 1);
        }
        scene
    }

    fn set(&self, number: u64, version: i64) {
        let text = format!("{number} {version} and on");
        let values = [(0, Value::Int(version)), (1, Value::Text(text.as_bytes()))];
        self.store
            .set(&key(number), &self.columns, &values)
            .unwrap();
    }

    /// Version of each row, whose text must be the one that belongs to it.
    fn rows(&self) -> Vec<(u64, i64)> {
        let mut rows = Vec::new();
        let mut row = Row::default();
        for number in 0..20 {
            if !self.store.copy_row(&key(number), &self.columns, &mut row) {
                continue;
            }
            let (Value::Int(version), Value::Text(text)) =
                (row.value(&self.columns[0]), row.value(&self.columns[1]))
            else {
                panic!("other kinds");
            };
            let digits = text.split(|byte| *byte == b' ').next().unwrap();
            assert_eq!(digits, number.to_string().as_bytes());
            rows.push((number, version));
        }
        rows
    }

    /// Every slot is a row, a spare, or free; counters and hints agree.
    fn check(&self) {
        let (store, words) = (&self.store, self.store.words());
        let slots = (0..store.geometry().slots() as u64).map(|number| store.slot(number).unwrap());
        let owned = slots
            .clone()
            .filter(|slot| words[slot.owner()].load(Relaxed) != 0);
        let spares: Vec<Slot> = store
            .shelves()
            .filter_map(|shelf| store.follow(store.load(shelf.spare())))
            .collect();
        let mut linked = Vec::new();
        for shelf in store.shelves() {
            assert_eq!(store.load(shelf.intent()), 0);
            for bucket in store.buckets_of(shelf) {
                store.search(
                    bucket,
                    |slot| {
                        assert_eq!(words[slot.owner()].load(Relaxed), shelf.name());
                        linked.push(slot);
                        false
                    },
                    || true,
                );
            }
        }
        assert!(
            spares.iter().all(|spare| !linked.contains(spare)),
            "a spare is linked"
        );
        assert_eq!(owned.count(), linked.len() + spares.len(), "a slot is lost");
        assert_eq!(store.rows(), linked.len() as u64);
        for slot in slots {
            let (index, bit) = store.taken(slot);
            let taken = words[store.taken_word(index).0].load(Relaxed) & bit != 0;
            assert!(
                taken || words[slot.owner()].load(Relaxed) == 0,
                "missing in the map"
            );
            assert!(
                !taken || words[slot.owner()].load(Relaxed) != 0,
                "free, and never found"
            );
        }
    }
}

/// One change, killed before each of its stores, settled by one that is killed before each of its own.
fn exhaust(change: impl Fn(&Scene)) -> u32 {
    let (before, after) = {
        let scene = Scene::new();
        let before = scene.rows();
        change(&scene);
        (before, scene.rows())
    };
    let mut at = 1;
    let (mut old, mut new) = (0, 0);
    loop {
        let mut settling = 1;
        loop {
            let scene = Scene::new();
            if !dies(at, || change(&scene)) {
                assert!(
                    old > 0 && new > 0,
                    "died {at} times, and left {old} old and {new} new states"
                );
                return at;
            }
            let settle = || {
                scene
                    .store
                    .shelves()
                    .for_each(|shelf| scene.store.settle(shelf))
            };
            // Readers do not wait for that.
            let left = scene.rows();
            assert!(left == before || left == after, "{left:?} at {at}");
            let cut_short = dies(settling, settle);
            if cut_short {
                settle();
            }
            assert_eq!(
                scene.rows(),
                left,
                "settling changed rows, {at}, {settling}"
            );
            scene.check();
            old += u32::from(left == before);
            new += u32::from(left == after);
            // And it goes on.
            change(&scene);
            scene.set(12, 5);
            scene.check();
            if !cut_short {
                break;
            }
            settling += 1;
        }
        at += 1;
    }
}

#[test]
fn an_insert_is_whole_or_not_there() {
    assert!(exhaust(|scene| scene.set(5, 7)) > 12);
    // Of a shelf that has no spare yet: `Scene::new` uses both, so empty another one.
    assert!(exhaust(|scene| scene.set(3, 7)) > 12);
}

#[test]
fn the_first_row_of_a_shelf_is_whole_or_not_there() {
    for at in 1.. {
        let scene = Scene {
            store: Store::map(Geometry::new(4, 0, 5, 2).unwrap()).unwrap(),
            columns: Scene::new().columns,
        };
        let died = dies(at, || scene.set(0, 1));
        scene
            .store
            .shelves()
            .for_each(|shelf| scene.store.settle(shelf));
        assert!(!died || scene.rows().len() < 2);
        scene.check();
        // All of the rows fit in spite of it.
        for number in 0..4 {
            scene.set(number, 2);
        }
        assert_eq!(scene.rows(), [(0, 2), (1, 2), (2, 2), (3, 2)]);
        scene.check();
        if !died {
            assert!(at > 15, "{at}");
            return;
        }
    }
}

#[test]
fn an_update_is_whole_or_not_there() {
    for number in [0, 4, 8, 1] {
        assert!(exhaust(|scene| scene.set(number, 7)) > 8);
    }
}

#[test]
fn a_delete_is_whole_or_not_there() {
    for number in [0, 4, 8, 1] {
        let delete = |scene: &Scene| {
            scene.store.delete(&key(number)).unwrap();
        };
        assert!(exhaust(delete) > 6);
    }
}

#[test]
fn a_number_is_added_to_or_not() {
    let add = |number| {
        move |scene: &Scene| {
            scene
                .store
                .add(&key(number), &scene.columns, 0, Value::Int(1))
                .unwrap();
        }
    };
    assert!(exhaust(add(4)) > 2);
}

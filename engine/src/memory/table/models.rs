//! loom models of the table (`.ci/loom.sh`): readers against writers, every interleaving and every value a load may
//! return, within a bound on preemptions. The code is the table's own; memory and mutex are replaced.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::io;

use loom::sync::{Arc, Mutex, MutexGuard};
use loom::{model, thread};

use super::key::Key;
use super::store::{Geometry, Store};
use super::{Column, Kind, Row, TableBuilder, Value};
use crate::sync::modelled::AtomicU64;

pub(super) struct Memory {
    words: Box<[AtomicU64]>,
    mutexes: Box<[Gate]>,
}

impl Memory {
    pub(super) fn map(geometry: &Geometry) -> io::Result<Memory> {
        Ok(Memory {
            words: (0..geometry.words()).map(|_| AtomicU64::new(0)).collect(),
            mutexes: (0..geometry.shelves())
                .map(|_| Gate(Mutex::new(())))
                .collect(),
        })
    }

    pub(super) fn words(&self) -> &[AtomicU64] {
        &self.words
    }

    pub(super) fn mutexes(&self) -> &[Gate] {
        &self.mutexes
    }
}

/// In the place of the robust mutex: nobody dies here.
pub(super) struct Gate(Mutex<()>);

impl Gate {
    pub(super) fn hold(&self) -> io::Result<Held<'_>> {
        Ok(Held(self.0.lock().unwrap()))
    }

    pub(super) fn try_hold(&self) -> io::Result<Option<Held<'_>>> {
        Ok(self.0.try_lock().ok().map(Held))
    }
}

pub(super) struct Held<'a>(#[expect(dead_code, reason = "held, not used")] MutexGuard<'a, ()>);

impl Held<'_> {
    pub(super) fn holder_died(&self) -> bool {
        false
    }

    pub(super) fn settled(&mut self) {}
}

struct Scene {
    store: Store,
    columns: Vec<Column>,
}

/// A row says twice what it is.
fn values(number: i64) -> [(usize, Value<'static>); 2] {
    [(0, Value::Int(number)), (1, Value::Int(number))]
}

impl Scene {
    fn new(shelves: usize) -> Arc<Scene> {
        let mut builder = TableBuilder::new(64, 0.2);
        builder.column(b"a", Kind::Int, 0).unwrap();
        builder.column(b"b", Kind::Int, 0).unwrap();
        // As few slots as work: what is freed is used again at once.
        let geometry = Geometry::new(shelves, 0, 2, shelves).unwrap();
        Arc::new(Scene {
            store: Store::map(geometry).unwrap(),
            columns: builder.columns_for_test().to_vec(),
        })
    }

    fn set(&self, key: &Key, number: i64) -> bool {
        self.store.set(key, &self.columns, &values(number)).is_ok()
    }

    /// Both halves of a row.
    fn get(&self, key: &Key) -> Option<(i64, i64)> {
        let mut row = Row::default();
        if !self.store.copy_row(key, &self.columns, &mut row) {
            return None;
        }
        match (row.value(&self.columns[0]), row.value(&self.columns[1])) {
            (Value::Int(a), Value::Int(b)) => Some((a, b)),
            other => panic!("{other:?}"),
        }
    }
}

/// Two updates: the second one is written to the slot that a reader of the first row may still be in.
#[test]
fn a_reader_never_sees_parts_of_two_rows() {
    model(|| {
        let scene = Scene::new(1);
        let key = || Key::with_hash(b"k", 0);
        assert!(scene.set(&key(), 1));
        let writer = thread::spawn({
            let scene = scene.clone();
            move || {
                assert!(scene.set(&key(), 2));
                assert!(scene.set(&key(), 3));
            }
        });
        let (a, b) = scene.get(&key()).unwrap();
        assert_eq!(a, b);
        assert!((1..=3).contains(&a));
        writer.join().unwrap();
        assert_eq!(scene.get(&key()), Some((3, 3)));
    });
}

/// A row is deleted and its slot taken by one of another shelf.
#[test]
fn a_reader_of_a_freed_slot_notices() {
    model(|| {
        let scene = Scene::new(2);
        let (one, other) = (|| Key::with_hash(b"k", 0), || Key::with_hash(b"k", 1));
        assert!(scene.set(&one(), 1));
        let writer = thread::spawn({
            let scene = scene.clone();
            move || {
                assert_eq!(scene.store.delete(&one()), Ok(true));
                assert!(scene.set(&other(), 2));
            }
        });
        let row = scene.get(&one());
        assert!(matches!(row, None | Some((1, 1))), "{row:?}");
        writer.join().unwrap();
        assert_eq!(scene.get(&one()), None);
        assert_eq!(scene.get(&other()), Some((2, 2)));
    });
}

/// Numbers are stored where they are: a reader sees them in the order of the calls.
#[test]
fn numbers_of_a_row_change_in_order() {
    model(|| {
        let scene = Scene::new(1);
        let key = || Key::with_hash(b"k", 0);
        assert!(scene.set(&key(), 1));
        let writer = thread::spawn({
            let scene = scene.clone();
            move || {
                for column in 0..2 {
                    let sum = scene
                        .store
                        .add(&key(), &scene.columns, column, Value::Int(1));
                    assert_eq!(sum, Ok(Value::Int(2)));
                }
            }
        });
        let (a, b) = scene.get(&key()).unwrap();
        assert!(
            a >= b,
            "the second one was added to after the first one: {a} {b}"
        );
        writer.join().unwrap();
        assert_eq!(scene.get(&key()), Some((2, 2)));
    });
}

/// Two shelves claim slots at the same time, of which there are just enough.
#[test]
fn a_slot_is_claimed_by_one_shelf() {
    model(|| {
        let scene = Scene::new(2);
        let writer = thread::spawn({
            let scene = scene.clone();
            move || scene.set(&Key::with_hash(b"k", 1), 2)
        });
        assert!(scene.set(&Key::with_hash(b"k", 0), 1));
        assert!(writer.join().unwrap());
        assert_eq!(scene.get(&Key::with_hash(b"k", 0)), Some((1, 1)));
        assert_eq!(scene.get(&Key::with_hash(b"k", 1)), Some((2, 2)));
        assert!(!scene.set(&Key::with_hash(b"l", 1), 3));
    });
}

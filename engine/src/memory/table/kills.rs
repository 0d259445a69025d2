//! Writers on one table, killed again and again at random instants.
//!
//! The test process spawns its own program for each writer; the table is in a file that all of them map. Each writer has
//! keys of its own, and writes down on a board what it is about to make of one of them and that it has done so. It is
//! killed with SIGKILL, its rows are compared with the board, and a successor goes on.
//!
//! What must hold: a row is there as the board says, or as the dead one was about to make it; never anything else, never
//! parts of two. A counter that all writers add to lacks nothing that was told. Nobody waits for the dead: the others go
//! on. In the end every slot is a row's, a shelf's spare, or free.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use super::store::Geometry;
use super::*;
use crate::ipc::shm::{At, Layout, Region, shared_block};
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicU32, AtomicU64};
use crate::sys::victims::{Dice, victim};

const WRITERS: usize = 3;
const KEYS: usize = 24;
const KILLING: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(20);

const FILE: &str = "SKEP_TABLE_KILLS_FILE";
const WRITER: &str = "SKEP_TABLE_KILLS_WRITER";
const SEED: &str = "SKEP_TABLE_KILLS_SEED";

shared_block! {
    struct Board {
        /// Process that is at work, as its pid.
        ready: AtomicU32,
        /// What has gone wrong in it; 0: nothing.
        wrong: AtomicU64,
        /// What it is about to do: key and number in one word.
        about: AtomicU64,
        /// Numbers that its rows have; 0: no row.
        has: [AtomicU64; KEYS],
        /// Additions to the common counter that have returned.
        added: AtomicU64,
        /// Changes that have returned.
        done: AtomicU64,
    }
}

shared_block! {
    struct Order {
        stop: AtomicU32,
    }
}

struct Scene {
    region: Region,
    boards: At<Board>,
    order: At<Order>,
    table: Table,
}

impl Scene {
    fn open(path: &Path, first: bool) -> Scene {
        let open = |path: &Path| File::options().read(true).write(true).open(path).unwrap();
        let mut layout = Layout::default();
        let (boards, order) = (layout.place(WRITERS), layout.place(1));
        let mut builder = TableBuilder::new(64, 0.2);
        builder.column(b"number", Kind::Int, 0).unwrap();
        builder.column(b"text", Kind::Text, 64).unwrap();
        builder.column(b"again", Kind::Int, 0).unwrap();
        builder.column(b"float", Kind::Float, 0).unwrap();
        // Exactly the rows that there may be, and few shelves: all is contended for.
        let geometry = Geometry::new(64, 16, 12, 4).unwrap();
        Scene {
            region: Region::map_file(&layout, &open(&path.with_extension("board"))).unwrap(),
            boards,
            order,
            table: Table {
                columns: builder.columns_for_test().to_vec(),
                hasher: ahash::RandomState::with_seeds(1, 2, 3, 4),
                store: Store::map_file(geometry, &open(path), first).unwrap(),
            },
        }
    }

    fn board(&self, writer: usize) -> &Board {
        &self.region.slice(self.boards)[writer]
    }

    fn stop(&self) -> &AtomicU32 {
        &self.region.one(self.order).stop
    }

    /// The number of a row, 0 if there is none. An error: its parts do not belong together.
    fn number(&self, writer: usize, key: usize, row: &mut Row) -> Result<u64, String> {
        if !self.table.get(&name(writer, key), row) {
            return Ok(0);
        }
        let columns = self.table.columns();
        let values = (
            row.value(&columns[0]),
            row.value(&columns[1]),
            row.value(&columns[2]),
            row.value(&columns[3]),
        );
        match values {
            (Value::Int(number), Value::Text(text), Value::Int(again), Value::Float(float))
                if text == self::text(number as u64)
                    && again == number
                    && float == number as f64 =>
            {
                Ok(number as u64)
            }
            other => Err(format!("row {writer}:{key} is {other:?}")),
        }
    }

    fn sum(&self) -> u64 {
        let mut row = Row::default();
        match self.table.get_column(b"sum", 0, &mut row) {
            true => match row.value(&self.table.columns()[0]) {
                Value::Int(sum) => sum as u64,
                other => panic!("{other:?}"),
            },
            false => 0,
        }
    }
}

fn name(writer: usize, key: usize) -> Vec<u8> {
    format!("{writer}:{key}").into_bytes()
}

/// Of another length and other bytes for each number.
fn text(number: u64) -> Vec<u8> {
    (0..number as usize % 60)
        .map(|at| (number as usize * 31 + at) as u8)
        .collect()
}

fn write(scene: &Scene, writer: usize) -> Result<(), String> {
    let board = scene.board(writer);
    let parent = std::os::unix::process::parent_id();
    let mut dice = Dice(u64::from(process::id()).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut row = Row::default();
    while scene.stop().load(Relaxed) == 0 && std::os::unix::process::parent_id() == parent {
        for _ in 0..64 {
            let key = dice.below(KEYS as u64) as usize;
            let delete = dice.below(3) == 0;
            let number = if delete { 0 } else { 1 + dice.below(1 << 40) };
            board.about.store(number << 8 | key as u64, Release);
            let done = match number {
                0 => scene.table.delete(&name(writer, key)).map(|_| ()),
                _ => scene.table.set(
                    &name(writer, key),
                    &[
                        (0, Value::Int(number as i64)),
                        (1, Value::Text(&text(number))),
                        (2, Value::Int(number as i64)),
                        (3, Value::Float(number as f64)),
                    ],
                ),
            };
            done.map_err(|refused| format!("{refused} for {number}"))?;
            board.has[key].store(number, Release);
            scene
                .table
                .add(b"sum", 0, Value::Int(1))
                .map_err(|refused| refused.to_string())?;
            board.added.fetch_add(1, Release);
            // Somebody else's rows, at whatever instant: whole.
            scene.number(dice.below(WRITERS as u64) as usize, key, &mut row)?;
            board.done.fetch_add(1, Release);
        }
    }
    Ok(())
}

#[test]
#[ignore = "the body of a process of the test below"]
fn process_body() {
    let Some((file, writer)) = env::var_os(FILE).zip(env::var(WRITER).ok()) else {
        return;
    };
    let scene = Scene::open(Path::new(&file), false);
    let writer = writer.parse().unwrap();
    scene.board(writer).ready.store(process::id(), Release);
    if let Err(what) = write(&scene, writer) {
        eprintln!("writer {writer}: {what}");
        scene.board(writer).wrong.store(1, Release);
        process::exit(1);
    }
}

struct Stage {
    scene: Scene,
    file: PathBuf,
    children: [Option<Child>; WRITERS],
    seed: u64,
}

impl Stage {
    fn start(&mut self, writer: usize) {
        let child = victim(module_path!())
            .env(FILE, &self.file)
            .env(WRITER, writer.to_string())
            .spawn()
            .unwrap();
        let pid = child.id();
        self.children[writer] = Some(child);
        self.wait_until("a writer is ready", |scene| {
            scene.board(writer).ready.load(Acquire) == pid
        });
    }

    fn kill(&mut self, writer: usize) {
        let mut child = self.children[writer].take().unwrap();
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(
            status.code().is_none(),
            "writer {writer} ended by itself; {SEED}={:#x}",
            self.seed
        );
        self.compare(writer);
    }

    /// A dead writer's rows with its board, which then says what is there.
    fn compare(&self, writer: usize) {
        let board = self.scene.board(writer);
        let about = board.about.load(Acquire);
        let mut row = Row::default();
        for key in 0..KEYS {
            let has = board.has[key].load(Acquire);
            let found = self.scene.number(writer, key, &mut row).unwrap();
            let fair = found == has || about & 0xff == key as u64 && found == about >> 8;
            assert!(
                fair,
                "{writer}:{key} is {found}, was {has}, about {about:#x}; {SEED}={:#x}",
                self.seed
            );
            board.has[key].store(found, Release);
        }
    }

    #[track_caller]
    fn wait_until(&self, what: &str, holds: impl Fn(&Scene) -> bool) {
        let start = Instant::now();
        while !holds(&self.scene) {
            let wrong =
                (0..WRITERS).any(|writer| self.scene.board(writer).wrong.load(Acquire) != 0);
            assert!(
                !wrong && start.elapsed() < PATIENCE,
                "{what}? {SEED}={:#x}",
                self.seed
            );
            thread::sleep(Duration::from_micros(200));
        }
    }

    /// Nothing is lost: every slot is a row's, a spare, or free.
    fn audit(&self) {
        let store = &self.scene.table.store;
        let words = store.words();
        let mut kept = 0;
        let mut rows = 0;
        for shelf in store.shelves() {
            drop(store.hold(shelf).unwrap()); // settles it
            assert_eq!(store.load(shelf.intent()), 0);
            kept += u64::from(store.load(shelf.spare()) != 0);
            rows += store
                .buckets_of(shelf)
                .map(|bucket| store.count(bucket))
                .sum::<u64>();
        }
        let slots = (0..store.geometry().slots() as u64).map(|number| store.slot(number).unwrap());
        let owned = slots
            .filter(|slot| words[slot.owner()].load(Relaxed) != 0)
            .count() as u64;
        assert_eq!(
            owned,
            kept + rows,
            "slots are lost; {SEED}={:#x}",
            self.seed
        );
        assert_eq!(rows, self.scene.table.len());
        let (mut walk, mut row, mut walked) = (Walk::default(), Row::default(), 0);
        while walk.next(&self.scene.table, &mut row) {
            walked += 1;
        }
        assert_eq!(rows, walked);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for child in self.children.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_file(&self.file);
        let _ = fs::remove_file(self.file.with_extension("board"));
    }
}

#[test]
fn no_kill_of_a_writer_tears_a_row_or_stops_the_others() {
    let seed = env::var(SEED)
        .ok()
        .and_then(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok())
        .unwrap_or_else(|| crate::sys::clock::wall_us() | 1);
    let file = env::temp_dir().join(format!("skep-table-kills-{}", process::id()));
    File::create(&file).unwrap();
    File::create(file.with_extension("board")).unwrap();
    let mut stage = Stage {
        scene: Scene::open(&file, true),
        file,
        children: [const { None }; WRITERS],
        seed,
    };
    let mut dice = Dice(seed);
    (0..WRITERS).for_each(|writer| stage.start(writer));
    let start = Instant::now();
    let mut kills = 0;
    while start.elapsed() < KILLING {
        let longest = 1 << dice.below(21);
        let instant = Instant::now() + Duration::from_nanos(dice.below(longest));
        while Instant::now() < instant {
            std::hint::spin_loop();
        }
        let writer = dice.below(WRITERS as u64) as usize;
        stage.kill(writer);
        kills += 1;
        // The others do not wait for anything that the dead one had.
        let before: Vec<u64> = (0..WRITERS)
            .map(|w| stage.scene.board(w).done.load(Acquire))
            .collect();
        stage.wait_until("the others go on", |scene| {
            (0..WRITERS).all(|w| w == writer || scene.board(w).done.load(Acquire) > before[w] + 100)
        });
        stage.start(writer);
    }
    stage.scene.stop().store(1, Relaxed);
    for writer in 0..WRITERS {
        let status = stage.children[writer].take().unwrap().wait().unwrap();
        assert!(
            status.success(),
            "writer {writer}: {status}; {SEED}={seed:#x}"
        );
        stage.compare(writer);
    }
    stage.audit();
    let told: u64 = (0..WRITERS)
        .map(|w| stage.scene.board(w).added.load(Acquire))
        .sum();
    let sum = stage.scene.sum();
    assert!(
        (told..=told + kills).contains(&sum),
        "{sum} of {told} additions; {SEED}={seed:#x}"
    );
    let stats = stage.scene.table.stats();
    // Otherwise this test has shown nothing: about every third kill finds its victim inside a change.
    assert!(
        stats.settled > 0 && kills > 5,
        "{} of {kills}",
        stats.settled
    );
    println!(
        "{kills} kills, {} in the middle of a change, {stats:?}",
        stats.settled
    );
}

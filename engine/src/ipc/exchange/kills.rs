//! One sender and several consumers of its tasks, each killed again and again at random instants.
//!
//! As in `lane/kills.rs` the test process spawns its own program, kills with SIGKILL, settles as the manager does, and starts a
//! successor on the same seat. The exchange is in a file that all map, and so are the parcels.
//!
//! What must hold: a message whose post returned is received exactly once, or on the record of exactly one consumer that was killed
//! over it; one that was put back is received by another. No claim is left: those who live go on. When all is through, no
//! parcel is outstanding and the file is empty.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use std::{env, process, thread};

use super::*;
use crate::ipc::directory::Seat;
use crate::ipc::envelope::{Body, Envelope};
use crate::ipc::frame::Kind;
use crate::ipc::incoming::{Found, Incoming};
use crate::ipc::queue::Claimant;
use crate::ipc::shm::{Layout, shared_block};
use crate::ipc::work::{Work, WorkBlock};
use crate::sync::AtomicU32;
use crate::sys::victims::{Dice, victim};

const CONSUMERS: u32 = 3;
/// Large enough to begin again at its start.
const RING: usize = 128 << 10;
/// After so many messages the sender waits until all are taken, so that it may do so.
const ROUND: u64 = 24;
const MESSAGES: usize = 1 << 21;
const KILLING: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(10);

const FILE: &str = "SKEP_EXCHANGE_KILLS_FILE";
const ROLE: &str = "SKEP_EXCHANGE_KILLS_ROLE";
const SEED: &str = "SKEP_EXCHANGE_KILLS_SEED";

/// A log entry counts, from the lowest byte up: posts that returned, receipts, reports of a loss.
const PUSHED: u32 = 1;
const RECEIVED: u32 = 1 << 8;
const LOST: u32 = 1 << 16;

shared_block! {
    struct Board {
        stop: AtomicU32,
        /// Number of the next message.
        next: AtomicU64,
        received: AtomicU64,
        /// What went wrong in a child.
        wrong: AtomicU32,
        wrong_number: AtomicU64,
        /// What each consumer is at.
        work: [WorkBlock; CONSUMERS as usize],
    }
}

struct Scene {
    region: Arc<Region>,
    exchange: Exchange,
    board: At<Board>,
    log: At<AtomicU32>,
    parcels: File,
}

/// Task workers are the children 1 and up; the sender is child 0.
fn seat_of(consumer: u32) -> Seat {
    Seat::first_of(consumer + 1)
}

const SENDER: Seat = Seat(0);

impl Scene {
    fn open(path: &Path) -> Scene {
        let plan = ExchangePlan {
            children: CONSUMERS + 1,
            first_task: 1,
            task_workers: CONSUMERS,
            task_ring: RING,
            parcel_bytes: 1 << 20,
        };
        let mut layout = Layout::default();
        let at = ExchangeAt::place(plan, &mut layout);
        let (board, log) = (layout.place(1), layout.place(MESSAGES));
        let open = |path: &Path| {
            let options = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path);
            options.unwrap()
        };
        let parcels = open(&path.with_extension("parcels"));
        let region = Arc::new(Region::map_file(&layout, &open(path)).unwrap());
        Scene {
            exchange: Exchange::over(Arc::clone(&region), at, parcels.try_clone().unwrap()),
            region,
            board,
            log,
            parcels,
        }
    }

    fn board(&self) -> &Board {
        self.region.one(self.board)
    }

    fn log(&self, number: u64) -> &AtomicU32 {
        &self.region.slice(self.log)[number as usize]
    }

    fn wrong(&self, what: u32, number: u64) -> ! {
        let board = self.board();
        board.wrong_number.store(number, Ordering::Relaxed);
        board.wrong.store(what, Ordering::Release);
        process::exit(1);
    }
}

/// Most go inline, some as a parcel.
fn payload_len(number: u64) -> usize {
    let mut dice = Dice(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    dice.below(7);
    match dice.below(16) {
        0 => dice.below(100_000) as usize,
        _ => dice.below(200) as usize,
    }
}

/// Whose parcel it is that a consumer reads.
#[derive(PartialEq)]
enum Keeping {
    /// On its desk while it is read: messages.
    OnDesk,
    /// On record with the task until it is read.
    UntilRead,
    /// On record with the task until that is through: it could be run again.
    UntilEnd,
}

impl Keeping {
    fn of(number: u64) -> Keeping {
        match number % 3 {
            0 => Keeping::OnDesk,
            1 => Keeping::UntilRead,
            _ => Keeping::UntilEnd,
        }
    }
}

fn payload_byte(number: u64, at: usize) -> u8 {
    (number as usize * 31 + at) as u8
}

fn send(scene: &Scene) {
    let (board, party) = (scene.board(), Party::on(SENDER));
    let way = Way::Tasks(party);
    let mut writer = scene.exchange.writer(way);
    let queue = scene.exchange.queue(way);
    let parent = std::os::unix::process::parent_id();
    while board.stop.load(Ordering::Relaxed) == 0 {
        let number = board.next.fetch_add(1, Ordering::Relaxed);
        let data: Vec<u8> = (0..payload_len(number))
            .map(|at| payload_byte(number, at))
            .collect();
        let stamp = Stamp {
            party,
            epoch: 1,
            flags: 0,
            extra: 0,
        };
        let envelope = Envelope {
            kind: Kind::Task,
            id: number,
            stamp,
            given: number,
        };
        loop {
            if std::os::unix::process::parent_id() != parent || number >= MESSAGES as u64 {
                return;
            }
            if number % ROUND == 0 && queue.has_waiting() {
                thread::yield_now();
                continue;
            }
            scene.exchange.restart(way, &mut writer, 1);
            if envelope
                .post(&scene.exchange, (party, way), &mut writer, &data)
                .is_ok()
            {
                break;
            }
            thread::yield_now();
        }
        scene.log(number).fetch_add(PUSHED, Ordering::Relaxed);
    }
}

fn receive(scene: &Scene, consumer: u32) {
    let (board, me) = (scene.board(), Party::on(seat_of(consumer)));
    let parent = std::os::unix::process::parent_id();
    let claimant = Claimant::new(seat_of(consumer), 1);
    let mut incoming = Incoming::new(&scene.exchange, Way::Tasks(Party::MAIN), claimant);
    let work = &board.work[consumer as usize];
    let parcels = scene.exchange.parcels();
    while std::os::unix::process::parent_id() == parent {
        let mut taken = None;
        let found = incoming.take(|_, head, payload| {
            let (envelope, body) = Envelope::open(head, payload);
            let (data, parcel) = match body {
                Body::Inline(data) => (data.to_vec(), None),
                Body::Parcel(parcel) => (Vec::new(), Some(parcel)),
            };
            let keeping = Keeping::of(envelope.id);
            work.take(&Work {
                envelope,
                kept: 0,
                target: None,
                parcel: parcel.filter(|_| keeping != Keeping::OnDesk),
            });
            if let Some(parcel) = parcel.filter(|_| keeping == Keeping::OnDesk) {
                parcels.begin_reading(me, parcel);
            }
            taken = Some((envelope, data, parcel));
        });
        let (Found::One(_), Some((envelope, mut data, parcel))) = (found, taken) else {
            thread::yield_now();
            continue;
        };
        work.begin();
        let number = envelope.id;
        let keeping = Keeping::of(number);
        let let_go = |parcel| {
            parcels.discard(parcel);
            work.forget_parcel();
        };
        if let Some(parcel) = parcel {
            let Some(content) = parcels.read(parcel) else {
                scene.wrong(1, number);
            };
            data = content;
            match keeping {
                Keeping::OnDesk => drop(parcels.end_reading(me, parcel)),
                Keeping::UntilRead => let_go(parcel),
                Keeping::UntilEnd => {}
            }
        }
        let torn = data.len() != payload_len(number)
            || (data.iter().enumerate()).any(|(at, &byte)| byte != payload_byte(number, at));
        if torn || envelope.given != number {
            scene.wrong(2, number);
        }
        scene.log(number).fetch_add(RECEIVED, Ordering::Relaxed);
        board.received.fetch_add(1, Ordering::Relaxed);
        work.end();
        if let Some(parcel) = parcel.filter(|_| keeping == Keeping::UntilEnd) {
            let_go(parcel);
        }
    }
}

#[test]
#[ignore = "the body of the processes that the test below starts and kills"]
fn process_body() {
    let (Some(file), Ok(role)) = (env::var_os(FILE), env::var(ROLE)) else {
        return;
    };
    let scene = Scene::open(Path::new(&file));
    match role.parse() {
        Ok(consumer) => receive(&scene, consumer),
        Err(_) => send(&scene),
    }
}

struct Stage {
    file: PathBuf,
    scene: Scene,
    /// The sender comes last.
    children: Vec<Child>,
    seed: u64,
}

const SENDERS_PLACE: usize = CONSUMERS as usize;

impl Stage {
    fn start(&self, place: usize) -> Child {
        let role = match place {
            SENDERS_PLACE => "sender".to_string(),
            consumer => consumer.to_string(),
        };
        victim(module_path!())
            .env(FILE, &self.file)
            .env(ROLE, role)
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Kill a process, and do what the manager does about it.
    fn kill(&mut self, place: usize) {
        self.children[place].kill().unwrap();
        let status = self.children[place].wait().unwrap();
        assert!(status.code().is_none(), "{}: ended by itself", self.story());
        let scene = &self.scene;
        if place == SENDERS_PLACE {
            scene.exchange.settle(SENDER);
            return;
        }
        let put_back = scene.exchange.settle(seat_of(place as u32)).put_back;
        let board = scene.board();
        let work = &board.work[place];
        let parcels = scene.exchange.parcels();
        if let Some(parcel) = work.leftover(put_back) {
            parcels.discard(parcel);
        }
        if let Some(lost) = work.settle(put_back) {
            if let Some(parcel) = lost.parcel {
                parcels.discard(parcel);
            }
            scene
                .log(lost.envelope.id)
                .fetch_add(LOST, Ordering::Relaxed);
        }
    }

    fn story(&self) -> String {
        let board = self.scene.board();
        format!(
            "{SEED}={:#x}, fault {} with {}, next {}, received {}",
            self.seed,
            board.wrong.load(Ordering::Acquire),
            board.wrong_number.load(Ordering::Relaxed),
            board.next.load(Ordering::Relaxed),
            board.received.load(Ordering::Relaxed),
        )
    }

    #[track_caller]
    fn wait_until(&self, what: &str, holds: impl Fn(&Scene) -> bool) {
        let start = Instant::now();
        while !holds(&self.scene) {
            assert!(start.elapsed() < PATIENCE, "{}: {what}?", self.story());
            thread::sleep(Duration::from_micros(200));
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_file(self.file.with_extension("parcels"));
        let _ = fs::remove_file(&self.file);
    }
}

#[test]
fn no_kill_of_a_sender_or_consumer_loses_or_doubles_a_message() {
    let seed = env::var(SEED)
        .ok()
        .and_then(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok())
        .unwrap_or_else(|| crate::sys::clock::wall_us() | 1);
    let file = env::temp_dir().join(format!("skep-exchange-kills-{}", process::id()));
    let mut stage = Stage {
        scene: Scene::open(&file),
        file,
        children: Vec::new(),
        seed,
    };
    for place in 0..=SENDERS_PLACE {
        let child = stage.start(place);
        stage.children.push(child);
    }
    let mut dice = Dice(seed);
    let start = Instant::now();
    let mut kills = [0u32; 2];
    let most = MESSAGES as u64 * 9 / 10;
    while start.elapsed() < KILLING && stage.scene.board().next.load(Ordering::Relaxed) < most {
        let longest = 1 << dice.below(16);
        thread::sleep(Duration::from_micros(dice.below(longest)));
        let place = dice.below(CONSUMERS as u64 + 1) as usize;
        stage.kill(place);
        kills[usize::from(place == SENDERS_PLACE)] += 1;
        stage.children[place] = stage.start(place);
        if dice.below(8) == 0 {
            let before = stage.scene.board().received.load(Ordering::Relaxed);
            stage.wait_until("messages still arrive", |scene| {
                scene.board().received.load(Ordering::Relaxed) > before + 64
            });
        }
    }
    stage.scene.board().stop.store(1, Ordering::Relaxed);
    let ended = stage.children[SENDERS_PLACE].wait().unwrap();
    assert!(ended.success(), "{}", stage.story());
    stage.wait_until("all is received", |scene| {
        scene.exchange.waiting_tasks().count == 0
            && !scene.board().work.iter().any(WorkBlock::is_busy)
    });
    for place in 0..SENDERS_PLACE {
        stage.kill(place);
    }
    let scene = &stage.scene;
    assert_eq!(
        scene.board().wrong.load(Ordering::Acquire),
        0,
        "{}",
        stage.story()
    );
    let next = scene.board().next.load(Ordering::Relaxed);
    let (mut uncertain, mut lost) = (0, 0);
    for number in 0..next.min(MESSAGES as u64) {
        let entry = scene.log(number).load(Ordering::Relaxed);
        let (pushed, received, reported) = (entry & 0xff, entry >> 8 & 0xff, entry >> 16);
        let fair = pushed <= 1 && received <= 1 && reported <= 1;
        assert!(
            fair && (pushed == 0 || received + reported >= 1),
            "{number}: pushed {pushed}, received {received}, reported {reported}; {}",
            stage.story()
        );
        uncertain += u32::from(pushed == 0);
        lost += reported;
    }
    assert!(uncertain <= kills[1] + 1, "{}", stage.story());
    assert!(lost <= kills[0] + CONSUMERS, "{}", stage.story());
    let left = scene.exchange.parcels().outstanding(Party::on(SENDER));
    let blocks = scene.parcels.metadata().unwrap().blocks();
    assert_eq!((left, blocks), (0, 0), "{}", stage.story());
    println!("{kills:?} kills, {next} messages, {uncertain} cut off, {lost} reported lost");
}

//! Two processes on one lane, killed again and again at random instants.
//!
//! The test process spawns its own program twice: once to produce, once to consume. The lane is in a
//! file that both map. It kills one of the two with SIGKILL, settles as the manager does, and starts
//! a successor. Every message has a number and an entry in a log that outlives everybody.
//!
//! What must hold: a message whose push returned is received exactly once or named by `settle`
//! exactly once. Both only if its consumer died over it; neither never. Numbers arrive in order and
//! with the right bytes. A message whose producer died over it is received at most once. And whoever
//! is alive goes on: a wake-up lost with a death would be a standstill.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use super::*;
use crate::ipc::doorbell::BellState;
use crate::ipc::frame::{Head, Kind};
use crate::ipc::shm::{Layout, shared_block};
use crate::sync::AtomicU32;
use crate::sync::Ordering;
use crate::sync::modelled::fence;
use crate::sys::victims::{Dice, victim};

const LANE: usize = 4096;
const MESSAGES: usize = 1 << 23;
const KILLING: Duration = Duration::from_secs(6);
const PATIENCE: Duration = Duration::from_secs(10);

const FILE: &str = "SKEP_KILLS_FILE";
const ROLE: &str = "SKEP_KILLS_ROLE";
const SEED: &str = "SKEP_KILLS_SEED";

/// A log entry counts, from the lowest byte up: pushes that returned, receipts, reports of a loss.
const PUSHED: u32 = 1;
const RECEIVED: u32 = 1 << 8;
const LOST: u32 = 1 << 16;

shared_block! {
    struct Board {
        /// Generation that is at work: producer, consumer.
        ready: [AtomicU32; 2],
        /// 1: end after the message at hand.
        stop: AtomicU32,
        /// Number of the next message.
        next: AtomicU64,
        /// Number received last, plus one.
        last: AtomicU64,
        /// What went wrong in a child, and with which message.
        wrong: AtomicU32,
        wrong_number: AtomicU64,
    }
}

/// Everything shared, as each of the three processes sees it.
struct Scene {
    region: Arc<Region>,
    lane: LaneAt,
    board: At<Board>,
    bells: At<BellState>,
    log: At<AtomicU32>,
}

impl Scene {
    fn open(file: &Path) -> Scene {
        let mut layout = Layout::default();
        let lane = LaneAt {
            header: layout.place(1),
            ring: layout.bytes(LANE),
        };
        let (board, bells, log) = (layout.place(1), layout.place(2), layout.place(MESSAGES));
        let file = File::options().read(true).write(true).open(file).unwrap();
        Scene {
            region: Arc::new(Region::map_file(&layout, &file).unwrap()),
            lane,
            board,
            bells,
            log,
        }
    }

    fn ring(&self) -> Ring {
        Ring::new(&self.region, self.lane)
    }

    fn board(&self) -> &Board {
        self.region.one(self.board)
    }

    fn bell(&self, role: Role) -> &BellState {
        &self.region.slice(self.bells)[role as usize]
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Producer,
    Consumer,
}

use Role::{Consumer, Producer};

/// Mostly short, some as long as they go in one frame, a few longer than the lane.
fn payload_len(number: u64) -> usize {
    let mut dice = Dice(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    dice.below(7);
    match dice.below(32) {
        0 => dice.below(3 * LANE as u64) as usize,
        1..8 => dice.below(LANE as u64 / 2) as usize,
        _ => dice.below(100) as usize,
    }
}

fn payload_byte(number: u64, at: usize) -> u8 {
    (number as usize * 31 + at) as u8
}

/// Sleep until somebody writes to this process's bell, a pipe on its stdin.
fn sleep() {
    if std::io::stdin().read(&mut [0; 64]).unwrap_or(0) == 0 {
        process::exit(0); // the test process is gone
    }
}

/// The other side's bell is on stderr.
fn wake() {
    let _ = std::io::stderr().write(&[1]);
}

fn produce(scene: &Scene) {
    let (board, bell) = (scene.board(), scene.bell(Consumer));
    let mut writer = LaneWriter::attach(scene.ring());
    let parent = std::os::unix::process::parent_id();
    let ring_if_asleep = || {
        fence(Ordering::SeqCst); // (A) in `doorbell`
        bell.ring_if_asleep(wake);
    };
    while board.stop.load(Ordering::Relaxed) == 0 {
        let number = board.next.fetch_add(1, Ordering::Relaxed);
        if number >= MESSAGES as u64 || std::os::unix::process::parent_id() != parent {
            break;
        }
        let payload: Vec<u8> = (0..payload_len(number))
            .map(|at| payload_byte(number, at))
            .collect();
        let head = Head::new(Kind::Receive, number, payload.len() as u64);
        let mut sent = 0;
        while writer.push(head, &payload, &mut sent) == Push::Full {
            ring_if_asleep();
            if writer.want_room(writer.half()) {
                sleep();
            }
        }
        scene.log(number).fetch_add(PUSHED, Ordering::Relaxed);
        if number % 4 == 0 {
            ring_if_asleep();
        }
    }
    ring_if_asleep();
}

fn consume(scene: &Scene) -> ! {
    let (board, own) = (scene.board(), scene.bell(Consumer));
    let mut reader = LaneReader::attach(scene.ring());
    loop {
        let received = reader.receive(|head, payload| {
            let (number, bytes) = (head.session, payload.bytes());
            if number < board.last.load(Ordering::Relaxed) {
                scene.wrong(1, number);
            }
            let torn = bytes.len() != payload_len(number)
                || head.argument != bytes.len() as u64
                || (bytes.iter().enumerate()).any(|(at, &byte)| byte != payload_byte(number, at));
            if torn {
                scene.wrong(2, number);
            }
            board.last.store(number + 1, Ordering::Relaxed);
            scene.log(number).fetch_add(RECEIVED, Ordering::Relaxed);
            Verdict::Done
        });
        match received {
            Received::Handled(true) => scene.bell(Producer).ring(wake),
            Received::Handled(false) => {}
            Received::Nothing => {
                own.announce_sleep();
                let empty = reader.is_empty();
                if reader.room_was_wanted() {
                    scene.bell(Producer).ring(wake);
                }
                if empty {
                    sleep();
                }
                own.announce_awake();
            }
            _ => scene.wrong(3, reader.done),
        }
    }
}

#[test]
#[ignore = "the body of the processes that the test below starts and kills"]
fn process_body() {
    let (Some(file), Ok(role)) = (env::var_os(FILE), env::var(ROLE)) else {
        return;
    };
    let (role, generation) = match role.split_at(1) {
        ("p", generation) => (Producer, generation),
        (_, generation) => (Consumer, generation),
    };
    let scene = Scene::open(Path::new(&file));
    scene.board().ready[role as usize].store(generation.parse().unwrap(), Ordering::Release);
    match role {
        Producer => produce(&scene),
        Consumer => consume(&scene),
    }
}

/// The test process's side: both bells, and the process in each role.
struct Stage {
    file: PathBuf,
    scene: Scene,
    bells: [(PipeReader, PipeWriter); 2],
    children: [Option<Child>; 2],
    generation: u32,
    seed: u64,
}

impl Stage {
    fn start(&mut self, role: Role) {
        self.generation += 1;
        let (own, other) = match role {
            Producer => (Producer, Consumer),
            Consumer => (Consumer, Producer),
        };
        let letter = if role == Producer { 'p' } else { 'c' };
        let child = victim(module_path!())
            .env(FILE, &self.file)
            .env(ROLE, format!("{letter}{}", self.generation))
            .stdin(self.bells[own as usize].0.try_clone().unwrap())
            .stderr(self.bells[other as usize].1.try_clone().unwrap())
            .spawn()
            .unwrap();
        self.children[role as usize] = Some(child);
        let generation = self.generation;
        self.wait_until("a child is ready", |scene| {
            scene.board().ready[role as usize].load(Ordering::Acquire) == generation
        });
    }

    /// Kill the process in a role, and do what the manager does about it.
    fn kill(&mut self, role: Role) {
        let mut child = self.children[role as usize].take().unwrap();
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(status.code().is_none(), "{}: ended by itself", self.story());
        match role {
            Consumer => {
                if let Some(lost) = LaneReader::settle(self.scene.ring()) {
                    assert_eq!(lost.kind, Kind::Receive);
                    let before = self
                        .scene
                        .log(lost.session)
                        .fetch_add(LOST, Ordering::Relaxed);
                    let last = self.scene.board().last.load(Ordering::Relaxed);
                    assert!(
                        before & RECEIVED == 0 || last == lost.session + 1,
                        "{}: {} was received long ago and is lost now",
                        self.story(),
                        lost.session
                    );
                }
            }
            // As `Directory::settle`: it may have published something and not rung.
            Producer => self.ring(Consumer),
        }
    }

    fn ring(&self, role: Role) {
        fence(Ordering::SeqCst);
        let bell = &self.bells[role as usize].1;
        self.scene.bell(role).ring_if_asleep(|| {
            let _ = (&*bell).write(&[1]);
        });
    }

    #[track_caller]
    fn wait_until(&mut self, what: &str, holds: impl Fn(&Scene) -> bool) {
        let start = Instant::now();
        while !holds(&self.scene) {
            assert!(start.elapsed() < PATIENCE, "{}: {what}?", self.story());
            thread::sleep(Duration::from_micros(200));
        }
    }

    fn story(&self) -> String {
        let board = self.scene.board();
        let lane = self.scene.ring();
        let lane = lane.header();
        format!(
            "{SEED}={:#x}, generation {}, fault {} with {}, next {}, last {}, {lane:?}, {:?}",
            self.seed,
            self.generation,
            board.wrong.load(Ordering::Acquire),
            board.wrong_number.load(Ordering::Relaxed),
            board.next.load(Ordering::Relaxed),
            board.last.load(Ordering::Relaxed),
            [self.scene.bell(Producer), self.scene.bell(Consumer)],
        )
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for child in self.children.iter_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_file(&self.file);
    }
}

#[test]
fn no_kill_of_either_side_loses_repeats_or_tears_a_message() {
    let seed = env::var(SEED)
        .ok()
        .and_then(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok())
        .unwrap_or_else(|| crate::sys::clock::wall_us() | 1);
    let file = env::temp_dir().join(format!("skep-lane-kills-{}", process::id()));
    File::create(&file).unwrap();
    let mut stage = Stage {
        scene: Scene::open(&file),
        file,
        bells: [std::io::pipe().unwrap(), std::io::pipe().unwrap()],
        children: [None, None],
        generation: 0,
        seed,
    };
    let mut dice = Dice(seed);
    stage.start(Consumer);
    stage.start(Producer);
    let start = Instant::now();
    let mut kills = [0; 2];
    let most = MESSAGES as u64 * 9 / 10;
    while start.elapsed() < KILLING && stage.scene.board().next.load(Ordering::Relaxed) < most {
        let longest = 1 << dice.below(22);
        let instant = Instant::now() + Duration::from_nanos(dice.below(longest));
        while Instant::now() < instant {
            std::hint::spin_loop();
        }
        let role = if dice.below(2) == 0 {
            Producer
        } else {
            Consumer
        };
        stage.kill(role);
        kills[role as usize] += 1;
        stage.start(role);
        if dice.below(8) == 0 {
            // Both live: a wake-up that a death has swallowed shows as a standstill.
            let before = stage.scene.board().last.load(Ordering::Relaxed);
            stage.wait_until("messages still arrive", |scene| {
                scene.board().last.load(Ordering::Relaxed) > before + 64
            });
        }
    }
    stage.scene.board().stop.store(1, Ordering::Relaxed);
    let status = stage.children[Producer as usize]
        .take()
        .map(|mut p| p.wait());
    assert!(status.unwrap().unwrap().success(), "{}", stage.story());
    stage.wait_until("the lane is drained", |scene| {
        LaneWriter::attach(scene.ring()).is_drained()
    });
    stage.kill(Consumer);

    let mut uncertain = 0;
    let mut lost = 0;
    for number in 0..stage
        .scene
        .board()
        .next
        .load(Ordering::Relaxed)
        .min(MESSAGES as u64)
    {
        let entry = stage.scene.log(number).load(Ordering::Relaxed);
        let (pushed, received, reported) = (entry & 0xff, entry >> 8 & 0xff, entry >> 16);
        let fair = pushed <= 1 && received <= 1 && reported <= 1;
        let accounted = pushed == 0 || received + reported >= 1;
        assert!(
            fair && accounted,
            "{number}: pushed {pushed}, received {received}, reported {reported}; {}",
            stage.story()
        );
        uncertain += u32::from(pushed == 0);
        lost += reported;
    }
    assert!(
        uncertain <= kills[Producer as usize] + 1,
        "{}",
        stage.story()
    );
    assert!(lost <= kills[Consumer as usize], "{}", stage.story());
    // At most the one count too many per killed producer that `in_flight` admits.
    let in_flight = LaneWriter::attach(stage.scene.ring()).in_flight();
    assert!(
        in_flight <= kills[Producer as usize].into(),
        "{in_flight} in flight; {}",
        stage.story()
    );
    let messages = stage.scene.board().next.load(Ordering::Relaxed);
    println!(
        "{kills:?} kills, {messages} messages, {uncertain} cut off, {lost} reported lost, {in_flight} over"
    );
}

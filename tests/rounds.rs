//! Servers killed again and again: nothing of them may be left, and nobody may be left half alive.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use skep_tests::census::{Census, Ground};
use skep_tests::chaos::dice::Dice;
use skep_tests::client::Client;
use skep_tests::eventually::promised;
use skep_tests::load::{Load, Tally};
use skep_tests::server::Server;
use skep_tests::{process, server};

/// Rounds at a time: the machine shall be busy, not swamped.
const LANES: u64 = 4;
const WORKERS: u32 = 3;

/// The census is about a whole process, so in one process the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

/// Everything gone, port free: so soon.
fn soon() -> Duration {
    promised(Duration::from_secs(2))
}

/// Run `work` for each of `LANES`, and require that the machine is as it was before.
fn as_found(work: impl Fn(u64) + Sync) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let ground = Ground::claim();
    if let Ground::Shared(reason) = &ground {
        println!("files, queues and shared memory are not looked at: {reason}");
    }
    let before = Census::take(&ground);
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                scope.spawn({
                    let work = &work;
                    move || work(lane)
                })
            })
            .collect();
        for lane in lanes {
            lane.join().expect("a lane failed");
        }
    });
    before.await_same(&ground, soon());
}

fn start() -> Server {
    server!("echo").sized(WORKERS, 2).quiet().start()
}

/// Clients may lose their connections, but whatever they were answered was right.
fn require_right(tally: &Tally) {
    assert_eq!(tally.wrong, Vec::<String>::new());
    assert!(tally.answered > 0);
}

#[test]
fn two_hundred_servers_killed_in_every_way_leave_nothing() {
    const ROUNDS: u64 = 200;
    as_found(|lane| {
        for round in (lane..ROUNDS).step_by(LANES as usize) {
            let mut server = start();
            let load = Load::start(server.port(), 4);
            load.wait_for(20);
            let victims = match round / LANES % 3 {
                0 => vec![server.master()],
                1 => vec![server.manager()],
                _ => server.processes(),
            };
            for pid in victims {
                process::signal(pid, Signal::SIGKILL);
            }
            server.await_end(soon());
            require_right(&load.stop());
        }
    });
}

#[test]
fn two_hundred_task_servers_killed_whole_leave_nothing() {
    const ROUNDS: u64 = 200;
    as_found(|lane| {
        for round in (lane..ROUNDS).step_by(LANES as usize) {
            let mut server = server!("tasks")
                .sized(1, 1)
                .set("task_worker_num", 2)
                .set("task_redeliver", 1)
                .start();
            let mut client = server.connect();
            // Some are done, some at work, some wait: small ones and large ones.
            assert_eq!(client.ask("!task - 20 sleep 1 x"), "given=20 code=0");
            assert_eq!(client.ask("!task 1 5 big 100000"), "given=5 code=0");
            assert_eq!(client.ask("!message 2 5 x"), "sent=5 code=0");
            let mut victims = server.processes();
            if round % 2 == 1 {
                victims.reverse();
            }
            for pid in victims {
                process::signal(pid, Signal::SIGKILL);
            }
            server.await_end(soon());
        }
    });
}

/// Wait until a new client is served and all workers are there; false if that takes too long.
fn healed(server: &Server, begin: Instant) -> bool {
    while begin.elapsed() < soon() {
        let all = server.workers().len() == WORKERS as usize;
        let client = Client::connect(server.port());
        let mut clients = client
            .into_iter()
            .map(|client| client.with_patience(soon()));
        if all
            && clients.all(|mut client| {
                client
                    .try_ask("well?")
                    .is_ok_and(|answer| answer == "well?")
            })
        {
            return true;
        }
        thread::sleep(Duration::from_millis(5));
    }
    false
}

#[test]
fn any_process_killed_under_load_is_replaced_or_takes_the_whole_tree_with_it() {
    const KILLS: u64 = 52;
    as_found(|lane| {
        let mut dice = Dice::new(20_261_122, lane);
        let mut kills = 0;
        while kills < KILLS / LANES {
            let mut server = start();
            let load = Load::start(server.port(), 6);
            // Few deaths per server: one that follows another delays the restart, as it should.
            let mut ended = false;
            for _ in 0..3 {
                load.wait_for(20);
                let processes = server.processes();
                let victim = *dice.pick(&processes).unwrap();
                let begin = Instant::now();
                process::signal(victim, Signal::SIGKILL);
                kills += 1;
                ended = victim == server.master() || victim == server.manager();
                if ended {
                    server.await_end(soon());
                    break;
                }
                assert!(healed(&server, begin), "worker {victim} was not replaced");
            }
            require_right(&load.stop());
            if !ended {
                server.stop();
            }
        }
    });
}

#[test]
fn servers_with_task_ipc_mode_and_no_key_leave_no_queue() {
    const ROUNDS: u64 = 40;
    as_found(|lane| {
        for round in (lane..ROUNDS).step_by(LANES as usize) {
            let mut server = server!("tasks")
                .sized(1, 1)
                .set("task_worker_num", 2)
                .set("task_ipc_mode", 2 + round / LANES % 2)
                .start();
            for pid in server.processes() {
                process::signal(pid, Signal::SIGKILL);
            }
            server.await_end(soon());
        }
    });
}

//! Processes whose supervisors are killed at once: they end within a second, whatever they are at.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::time::Duration;

use nix::sys::signal::Signal;
use skep_tests::eventually::{eventually, patience, promised};
use skep_tests::server::{Server, ended_by};
use skep_tests::stubborn::WAYS;
use skep_tests::{process, server};

/// Everything is gone so soon after the death of the supervisors: one second, as promised, and one for looking.
const GONE: Duration = Duration::from_secs(2);

/// One worker and one task worker stay in each way; two workers have nothing to do.
fn stubborn() -> Server {
    let ways = WAYS.len() as u32;
    let server = server!("stubborn")
        .sized(ways + 2, 1)
        .set("task_worker_num", ways)
        .start();
    let mut client = server.connect_to(0);
    for way in WAYS {
        assert_eq!(client.ask(format!("!task {way}")), "true");
    }
    for (worker, way) in (1..).zip(WAYS) {
        server.connect_to(worker).send(format!("!stay {way}"));
    }
    server.await_event("stays", WAYS.len());
    server.await_event("task", WAYS.len());
    server
}

#[test]
fn nobody_outlives_both_supervisors_whatever_it_has_done_with_its_signals() {
    for round in 0..4 {
        let mut server = stubborn();
        let mut victims = [server.master(), server.manager()];
        if round % 2 == 1 {
            victims.reverse();
        }
        for pid in victims {
            process::signal(pid, Signal::SIGKILL);
        }
        let status = server.await_end(promised(GONE));
        assert_eq!(ended_by(status), Some(Signal::SIGKILL));
    }
}

#[test]
fn nobody_outlives_one_supervisor_either() {
    let mut server = stubborn();
    server.signal(server.master(), Signal::SIGKILL);
    server.await_end(promised(GONE));

    let mut server = stubborn();
    server.signal(server.manager(), Signal::SIGKILL);
    assert!(!server.await_end(promised(GONE)).success());
}

/// The manager is busy itself: it goes by its fuse, and the others with it.
#[test]
fn a_manager_that_stays_in_a_callback_ends_with_the_master() {
    for way in ["sleep", "spin", "alarm", "ignoring", "blocking"] {
        let mut server = server!("stubborn")
            .sized(2, 1)
            .env("SKEP_TEST_STAY", way)
            .start();
        server.await_event("manager_start", 1);
        server.connect_to(1).send("!stay deaf");
        server.await_event("stays", 1);
        server.signal(server.master(), Signal::SIGKILL);
        server.await_end(promised(GONE));
    }
}

/// What kills all of them when the last holder goes away must not when anybody else does.
#[test]
fn the_end_of_some_processes_is_nothing_to_the_others() {
    let server = server!("stubborn")
        .sized(3, 1)
        .set("task_worker_num", 1)
        .start();
    let mut clients: Vec<_> = (0..3).map(|worker| server.connect_to(worker)).collect();
    let pids: Vec<_> = clients
        .iter_mut()
        .map(|client| client.ask_number("!pid") as i32)
        .collect();
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        for pid in server.workers() {
            if !pids[..2].contains(&pid) {
                server.signal(pid, signal);
                eventually(patience(), || {
                    !process::is_alive(pid) && server.workers().len() == 4
                });
            }
        }
    }
    for (client, pid) in clients.iter_mut().zip(&pids[..2]) {
        assert_eq!(client.ask_number("!pid") as i32, *pid);
    }
    server.stop();
}

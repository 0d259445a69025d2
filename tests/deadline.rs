//! Callbacks that take too long, and messages that die with their worker.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use skep_tests::client::Ending;
use skep_tests::eventually::{eventually, patience, promised};
use skep_tests::server::Server;
use skep_tests::{process, server};

const DEADLINE: Duration = Duration::from_millis(500);
/// What the contract adds for closing the session and replacing the worker.
const GRACE: Duration = Duration::from_millis(200);

fn with_deadline() -> Server {
    server!("echo")
        .sized(2, 1)
        .set("worker_deadline", DEADLINE.as_secs_f64())
        .start()
}

/// Worker 0 gets stuck; its client is closed and it is replaced, and nobody else notices.
fn stuck(get_stuck: impl Fn(&Server, i32)) {
    let server = with_deadline();
    let mut client = server.connect_to(0);
    let mut neighbour = server.connect_to(0);
    let old = client.ask_number("!pid") as i32;
    get_stuck(&server, old);
    let begin = Instant::now();
    client.send("!sleep 3600000");
    let queued = neighbour.send("behind it");
    assert_eq!(client.ending(), Ending::Eof);
    assert!(begin.elapsed() < promised(DEADLINE + GRACE));
    assert!(begin.elapsed() >= DEADLINE - Duration::from_millis(20));
    assert_eq!(neighbour.expect(queued), "behind it");
    eventually(patience(), || !process::is_alive(old));
    assert_ne!(neighbour.ask_number("!pid") as i32, old);
    server.await_log("worker_deadline is over");
    server.await_event("close", 1);
    server.stop();
}

#[test]
fn a_callback_that_sleeps_too_long_costs_its_session_and_its_worker() {
    stuck(|_, _| {});
}

#[test]
fn a_stopped_worker_costs_its_session_and_is_replaced() {
    let server = with_deadline();
    let mut client = server.connect_to(0);
    let old = client.ask_number("!pid") as i32;
    client.send("!sleep 100");
    server.await_event("sleeping", 1);
    server.signal(old, Signal::SIGSTOP);
    assert_eq!(client.ending(), Ending::Eof);
    eventually(patience(), || !process::is_alive(old));
    assert_ne!(server.worker_pid(0), old);
    assert_eq!(server.connect().stat("requests_lost"), 1);
    server.stop();
}

#[test]
fn a_busy_loop_costs_its_session_and_its_worker() {
    let server = with_deadline();
    let mut client = server.connect_to(1);
    client.send("!spin");
    assert_eq!(client.ending(), Ending::Eof);
    server.await_log("signal 9 (SIGKILL)");
    assert_eq!(server.connect_to(1).ask("hello"), "hello");
    server.stop();
}

#[test]
fn short_callbacks_are_not_taken_for_long_ones() {
    let server = with_deadline();
    let mut client = server.connect_to(0);
    let pid = client.ask_number("!pid");
    for _ in 0..4 {
        assert_eq!(client.ask("!sleep 250"), "slept");
    }
    assert_eq!(client.ask_number("!pid"), pid);
    server.stop();
}

#[test]
fn a_session_may_outlive_its_lost_message() {
    let server = server!("crash")
        .sized(1, 1)
        .set("on_worker_lost", "keep")
        .start();
    let mut client = server.connect();
    client.send("!kill");
    server.await_event("worker_error", 1);
    assert_eq!(client.ask("still there"), "still there");
    assert_eq!(client.stat("requests_lost"), 1);
    // A client that leaves before its message dies is closed all the same.
    let mut leaver = server.connect();
    let begun = server.events_named("close").len();
    leaver.send("!kill");
    leaver.finish_sending();
    server.await_event("close", begun + 1);
    assert_eq!(leaver.ending(), Ending::Eof);
    server.stop();
}

#[test]
fn the_crash_record_says_what_died_in_what() {
    let server = server!("crash").sized(1, 1).start();
    let mut client = server.connect();
    assert_eq!(client.ask("one"), "one");
    let (pid, fd) = (client.ask_number("!pid"), client.ask_number("!session"));
    client.send("!abort");
    assert_eq!(client.ending(), Ending::Eof);
    server.await_log(&format!(
        "worker 0 (pid {pid}) lost: signal 6 (SIGABRT), uptime "
    ));
    server.await_log(&format!(
        " 3 requests served, last callback onReceive, fd {fd}, peak memory "
    ));
    server.stop();
}

#[test]
fn a_worker_that_never_comes_up_ends_the_server_with_a_reason() {
    let builder = server!("crash").sized(1, 1).set("max_respawns", 3);
    let cause = builder.path("cause");
    let mut server = builder.env("SKEP_TEST_FAIL_START", cause.display()).start();
    std::fs::write(&cause, "").unwrap();
    let pid = server.workers()[0];
    server.signal(pid, Signal::SIGKILL);
    assert_eq!(server.await_end(patience()).code(), Some(255));
    assert!(
        server
            .log()
            .contains("the server stops: worker 0 has ended 3 times in a row")
    );
}

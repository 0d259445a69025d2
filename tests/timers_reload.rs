//! Workers that are to end and have timers: they are waited for, and say so.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use skep_tests::eventually::{eventually, patience, promised};
use skep_tests::server::{Builder, Server};
use skep_tests::{process, server};

const KEPT: &str = "is kept alive by timers [1] and descriptors []";

fn builder() -> Builder {
    server!("timers").sized(1, 1)
}

/// A worker with a timer; its pid.
fn with_tick(server: &Server) -> i32 {
    let mut client = server.connect();
    client.ask("!tick 30");
    server.await_event("tick", 2);
    client.ask_number("!pid") as i32
}

fn ticks(server: &Server) -> usize {
    server.events_named("tick").len()
}

#[test]
fn at_a_reload_the_old_worker_goes_on_until_its_time_is_over() {
    let server = builder().set("max_wait_time", 2).start();
    let old = with_tick(&server);
    let begin = Instant::now();
    server.signal(server.master(), Signal::SIGUSR1);
    server.await_event("worker_start", 2);
    // Its successor serves at once, and not when it has gone.
    eventually(promised(Duration::from_secs(1)), || {
        server.worker_pid(0) != old
    });
    let before = ticks(&server);
    server.await_log(KEPT);
    server.await_event("tick", before + 3);
    server.await_event("worker_exit", 5); // again and again
    eventually(patience(), || !process::is_alive(old));
    assert!(
        begin.elapsed() >= Duration::from_millis(1_900),
        "{:?}",
        begin.elapsed()
    );
    server.await_log("(ERRNO 9101): worker exit timeout, forced termination");
    assert_eq!(
        server.events_named("worker_stopped").len(),
        1,
        "in good order"
    );
    assert_eq!(server.events_named("worker_error").len(), 0);
    assert_eq!(server.log_count("kept alive"), 1, "said once");
    let exits = server.events_named("worker_exit");
    let calls = exits.len();
    assert!(calls <= 2 + 2_000 / 100 + 5, "{calls} calls in two seconds");
    server.stop();
}

#[test]
fn a_worker_that_clears_its_timers_ends_at_once() {
    let server = builder()
        .env("SKEP_TEST_TIDY", 1)
        .set("max_wait_time", 30)
        .start();
    let old = with_tick(&server);
    server.connect().ask("!pipe");
    server.signal(server.master(), Signal::SIGUSR1);
    eventually(promised(Duration::from_secs(3)), || !process::is_alive(old));
    assert_eq!(server.events_named("worker_exit").len(), 1);
    assert_eq!(server.log_count("kept alive"), 0);
    server.stop();
}

#[test]
fn a_worker_without_timers_is_not_asked() {
    let server = builder().start();
    let old = server.connect().ask_number("!pid") as i32;
    server.signal(server.master(), Signal::SIGUSR1);
    eventually(patience(), || !process::is_alive(old));
    server.await_event("worker_start", 2);
    assert_eq!(server.events_named("worker_exit").len(), 0);
    server.stop();
}

#[test]
fn a_descriptor_keeps_a_worker_alive_like_a_timer() {
    let server = builder().set("max_wait_time", 1).start();
    let mut client = server.connect();
    client.ask("!pipe");
    let old = client.ask_number("!pid") as i32;
    server.signal(server.master(), Signal::SIGUSR1);
    server.await_log("is kept alive by timers [] and descriptors [");
    eventually(patience(), || !process::is_alive(old));
    server.await_log("worker exit timeout");
    drop(client);
    server.stop();
}

#[test]
fn a_stop_waits_no_longer_than_its_deadline() {
    let server = builder().set("max_wait_time", 1).start();
    with_tick(&server);
    let begin = Instant::now();
    server.signal(server.master(), Signal::SIGTERM);
    let mut server = server;
    let status = server.await_end(patience());
    assert_eq!(status.code(), Some(0));
    assert!(
        begin.elapsed() < promised(Duration::from_secs(3)),
        "{:?}",
        begin.elapsed()
    );
    let events = server.events();
    let stopped = events.iter().filter(|event| event.name == "worker_stopped");
    assert_eq!(stopped.count(), 1);
    assert_eq!(server.log_count("signal=9"), 0);
}

#[test]
fn a_worker_told_to_end_by_itself_is_replaced_while_it_waits() {
    let server = builder().set("max_wait_time", 20).start();
    let old = with_tick(&server);
    server.signal(old, Signal::SIGTERM);
    server.await_event("worker_start", 2);
    let mut client = server.connect();
    assert_ne!(client.ask_number("!pid") as i32, old);
    assert!(process::is_alive(old), "it goes on");
    let before = ticks(&server);
    server.await_event("tick", before + 2);
    server.signal(old, Signal::SIGKILL);
    eventually(patience(), || !process::is_alive(old));
    assert_eq!(client.ask("hello"), "hello");
    drop(client);
    server.stop();
}

#[test]
fn without_reload_async_nothing_is_waited_for() {
    let server = builder()
        .set("reload_async", 0)
        .set("max_wait_time", 20)
        .start();
    let old = with_tick(&server);
    server.signal(server.master(), Signal::SIGUSR1);
    eventually(promised(Duration::from_secs(5)), || !process::is_alive(old));
    assert_eq!(server.events_named("worker_exit").len(), 0);
    server.await_event("worker_start", 2);
    server.stop();
}

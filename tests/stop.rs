//! The phases of a stop and what it says at its end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::time::Duration;

use nix::sys::signal::Signal;
use skep_tests::client::Ending;
use skep_tests::eventually::{eventually, patience, promised};
use skep_tests::server;

#[test]
fn every_phase_has_a_line_and_the_last_one_counts() {
    let mut server = server!("echo").sized(2, 1).start();
    let mut client = server.connect();
    assert_eq!(client.ask("one"), "one");
    let slow = client.send("!sleep 200");
    server.await_event("sleeping", 1);
    server.signal(server.master(), Signal::SIGTERM);
    assert_eq!(client.expect(slow), "slept");
    assert_eq!(client.ending(), Ending::Eof);
    assert_eq!(server.await_end(patience()).code(), Some(0));
    let log = server.log();
    let mut at = 0;
    for line in [
        "Server is shutdown now",
        "stop: draining, 1 connections, 1 messages at work or waiting",
        "stop: flushing, ",
        "stop: closing, ",
        "stop: stopping, 0 connections",
        "2 requests answered in all, 0 dropped, 0 connections closed before",
    ] {
        let found = log[at..].find(line);
        at += found.unwrap_or_else(|| panic!("no '{line}' in its place:\n{log}"));
    }
}

#[test]
fn during_the_delay_everything_is_served() {
    let mut server = server!("echo")
        .sized(2, 1)
        .set("shutdown_delay", "1.5")
        .start();
    let mut client = server.connect();
    server.signal(server.master(), Signal::SIGTERM);
    server.await_log("stop: leaving");
    assert_eq!(client.ask("old"), "old");
    assert_eq!(server.connect().ask("new"), "new");
    assert_eq!(server.log_count("stop: draining"), 0);
    assert_eq!(client.ending(), Ending::Eof);
    assert_eq!(server.await_end(patience()).code(), Some(0));
    assert_eq!(server.events_named("before_shutdown").len(), 1);
}

#[test]
fn a_second_term_shortens_the_delay_too() {
    let mut server = server!("echo")
        .sized(1, 1)
        .set("shutdown_delay", 3600)
        .start();
    server.signal(server.master(), Signal::SIGTERM);
    server.await_log("stop: leaving");
    server.signal(server.master(), Signal::SIGTERM);
    let status = server.await_end(promised(Duration::from_secs(1)));
    assert_eq!(status.code(), Some(0), "nothing was dropped");
}

#[test]
fn what_a_stop_drops_is_counted_and_shows_in_the_exit_code() {
    let mut server = server!("echo").sized(2, 1).set("max_wait_time", 1).start();
    let mut watcher = server.connect_to(1);
    let mut stuck = server.connect_to(0);
    let mut behind = server.connect_to(0);
    stuck.send("!sleep 30000");
    server.await_event("sleeping", 1);
    behind.send("queued");
    // One at work and one behind it, as another worker sees it.
    eventually(patience(), || watcher.report(0)["queue_depth"] == "2");
    server.signal(server.master(), Signal::SIGTERM);
    server.await_log("messages at work or waiting");
    let status = server.await_end(promised(Duration::from_secs(2)));
    assert_eq!(status.code(), Some(skep::Ended::DROPPED));
    let log = server.log();
    assert!(log.contains("answered in all, 2 dropped"), "{log}");
}

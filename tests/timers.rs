//! Timers and descriptors of user code in the processes of a server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use skep_tests::eventually::{eventually, patience, promised};
use skep_tests::journal::{Event, named};
use skep_tests::server::Server;
use skep_tests::{process, server};

/// Time for a loaded machine to notice what is due, ms.
const SLACK: u64 = 2_000;

fn start() -> Server {
    server!("timers").sized(1, 1).start()
}

fn at(event: &Event) -> u64 {
    event.number("at")
}

/// Voluntary and other switches to this process: how often it was woken.
fn switches(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}

#[test]
fn a_tick_stays_on_its_grid_and_never_comes_early() {
    let server = start();
    let mut client = server.connect();
    assert_eq!(client.ask("!tick 40"), "1");
    server.await_event("tick", 10);
    assert_eq!(client.ask("!clear 1"), "true");
    assert_eq!(client.ask("!clear 1"), "false");
    let ticks = server.events_named("tick");
    let begun: u64 = ticks[0].number("begun");
    let since: Vec<u64> = ticks.iter().map(|tick| at(tick) - begun).collect();
    // A call may be seen late, even in the next slot, on a machine that has other things to do; none ever early.
    let early = (1..).zip(&since).any(|(count, since)| *since < 40 * count);
    assert!(!early, "more calls than slots: {since:?}");
    let after_slot = since[5..].iter().map(|since| since % 40).min();
    assert!(after_slot < Some(20), "off the grid: {since:?}");
    drop(client);
    server.stop();
}

#[test]
fn what_a_slow_callback_misses_is_skipped() {
    let server = start();
    let mut client = server.connect();
    client.ask("!tick 50 120");
    server.await_event("tick", 5);
    client.ask("!clear 1");
    let ticks = server.events_named("tick");
    let begun: u64 = ticks[0].number("begun");
    for pair in ticks.windows(2) {
        // The callback ends 120 ms after its slot at the earliest, and the next slot of the grid is the 150th.
        assert!(at(&pair[1]) - at(&pair[0]) >= 121, "{pair:?}");
    }
    let first = at(&ticks[0]) - begun;
    assert!((50..50 + SLACK).contains(&first), "{first}");
    drop(client);
    server.stop();
}

#[test]
fn timers_that_are_due_together_come_in_order_and_new_ones_not_with_them() {
    let server = start();
    let mut client = server.connect();
    client.ask("!volley 20");
    server.await_event("child", 20);
    let events = server.events();
    let volley = named(&events, "volley");
    assert_eq!(volley.len(), 20);
    // Made within a few ms of each other: with the same distance, in the order of their ids.
    for wanted in [1_000u64, 999] {
        let ids: Vec<u64> = (volley.iter())
            .filter(|event| event.number::<u64>("wanted") == wanted)
            .map(|event| event.number("id"))
            .collect();
        assert!(ids.is_sorted(), "{ids:?}");
    }
    drop(client);
    server.stop();
}

#[test]
fn master_and_manager_have_timers_too_and_stop_in_spite_of_them() {
    let server = server!("timers")
        .sized(1, 1)
        .env("SKEP_TEST_TICKS", 20)
        .start();
    let by = |role: &'static str| {
        let events = server.events_named("tick");
        events.iter().filter(|event| event.role == role).count()
    };
    eventually(patience(), || by("Master") >= 3 && by("Manager") >= 3);
    let begin = Instant::now();
    server.stop();
    assert!(begin.elapsed() < promised(Duration::from_millis(2_500)));
}

#[test]
fn a_timer_that_wants_the_end_of_a_worker_has_it_replaced() {
    let server = start();
    let mut client = server.connect();
    let old = client.ask_number("!pid") as i32;
    client.ask("!leave 1");
    server.await_log("abnormal exit, status=7, signal=0");
    server.await_log("last callback timer");
    assert_ne!(client.ask_number("!pid") as i32, old);
    assert_eq!(client.ask("!timers"), "[]");
    drop(client);
    server.stop();
}

/// The whole server ends with the code of a callback, in the end.
fn ends_with_7(process: &str) {
    let mut server = server!("timers")
        .sized(1, 1)
        .env("SKEP_TEST_LEAVES", process)
        .start();
    let status = server.await_end(patience());
    assert_eq!(status.code(), Some(7));
}

#[test]
fn a_timer_that_wants_the_end_of_the_master_ends_the_server() {
    ends_with_7("started");
}

#[test]
fn a_timer_that_wants_the_end_of_the_manager_ends_the_server() {
    ends_with_7("manager_start");
}

#[test]
fn a_timer_that_takes_too_long_costs_its_worker() {
    let server = server!("timers")
        .sized(1, 1)
        .set("worker_deadline", 0.5)
        .start();
    let mut client = server.connect();
    let old = client.ask_number("!pid") as i32;
    client.ask("!hang 10");
    server.await_log("has been in timer for");
    server.await_log("signal 9 (SIGKILL)");
    assert_ne!(client.ask_number("!pid") as i32, old);
    drop(client);
    server.stop();
}

#[test]
fn the_timers_of_a_killed_worker_die_with_it() {
    let server = start();
    let mut client = server.connect();
    client.ask("!tick 5");
    server.await_event("tick", 3);
    let pid = client.ask_number("!pid") as i32;
    server.await_event("received", 2); // what is at work when it dies would cost the session
    server.signal(pid, Signal::SIGKILL);
    eventually(patience(), || client.ask("!timers") == "[]");
    let ticks = server.events_named("tick").len();
    assert_eq!(client.ask("!after 300"), "1", "ids begin anew");
    server.await_event("after", 1);
    assert_eq!(server.events_named("tick").len(), ticks);
    drop(client);
    server.stop();
}

#[test]
fn nothing_wakes_a_process_before_its_timer_is_due() {
    let server = start();
    let mut client = server.connect();
    let worker = client.ask_number("!pid") as i32;
    client.ask("!after 600000");
    client.ask("!pipe");
    let count = || {
        let before = switches(worker);
        thread::sleep(Duration::from_millis(1_000)); // the time that is looked at
        switches(worker) - before
    };
    // Once is enough: something else may have come to an end in the first second.
    eventually(promised(Duration::from_secs(20)), || count() == 0);
    assert_eq!(client.ask("!clear 1"), "true");
    assert_eq!(client.ask("!unpipe"), "true");
    drop(client);
    server.stop();
}

#[test]
fn a_descriptor_is_told_of_as_long_as_there_is_something_to_read() {
    let server = start();
    let mut client = server.connect();
    assert_eq!(client.ask("!pipe"), "made");
    client.ask("!feed hello");
    server.await_event("ready", 5);
    let bytes = |server: &Server| -> String {
        let events = server.events_named("ready");
        events
            .iter()
            .map(|event| event.text("byte").to_string())
            .collect()
    };
    assert_eq!(bytes(&server), "hello");
    client.ask("!feed s"); // and again after a sleep
    server.await_event("ready", 6);
    assert_eq!(client.ask("!shut"), "shut");
    server.await_event("ready", 7);
    assert_eq!(bytes(&server), "hellos-");
    assert_eq!(server.events_named("ready")[6].text("read"), "true");
    drop(client);
    server.stop();
}

#[test]
fn deferred_calls_come_after_the_callback_and_in_order() {
    let server = start();
    let mut client = server.connect();
    client.ask("!defer");
    server.await_event("deferred", 3);
    let events = server.events();
    let names: Vec<&str> = (events.iter())
        .map(|event| event.name.as_str())
        .filter(|name| name.ends_with("deferred") || *name == "received")
        .collect();
    let first = names.iter().position(|name| *name == "undeferred").unwrap();
    assert_eq!(
        names[first..first + 5],
        ["undeferred", "received", "deferred", "deferred", "deferred"]
    );
    assert!(
        server
            .events_named("deferred")
            .iter()
            .all(|event| event.text("order") == "true")
    );
    drop(client);
    server.stop();
}

#[test]
fn a_million_calls_leave_the_memory_as_it_was() {
    let server = server!("timers").sized(1, 1).quiet().start();
    let mut client = server.connect();
    let worker = client.ask_number("!pid") as i32;
    client.ask("!many 2000 8");
    let goal = |client: &mut skep_tests::client::Client, count: u64| {
        eventually(promised(Duration::from_secs(40)), || {
            client.ask_number("!fires") >= count
        });
    };
    goal(&mut client, 100_000);
    let before = process::resident_bytes(worker);
    goal(&mut client, 1_100_000);
    let grown = process::resident_bytes(worker).saturating_sub(before);
    assert!(grown < 1 << 20, "{grown} bytes more");
    let mut other = server.connect();
    other.send("!sleep 0"); // messages are served in between
    server.signal(worker, Signal::SIGKILL); // rather than waiting for so many timers
    eventually(patience(), || server.connect().ask("!timers") == "[]");
    drop((client, other));
    server.stop();
}

//! Replacing the workers of a running server: nobody outside may notice.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use skep_tests::eventually::{eventually, patience, promised};
use skep_tests::journal::{Event, named};
use skep_tests::load::Load;
use skep_tests::server;
use skep_tests::server::Server;

const LINE: &str = "Server is reloading all workers now";

/// Wait until every worker is another process than those in `old`.
#[track_caller]
fn await_replaced(server: &Server, old: &[i32]) -> Vec<i32> {
    eventually(patience(), || {
        let now = server.workers();
        now.len() == old.len() && now.iter().all(|pid| !old.contains(pid))
    });
    server.workers()
}

/// Reload a server under load with `trigger`, several times.
fn reload_under_load(trigger: impl Fn(&Server)) {
    let server = server!("echo").sized(3, 2).quiet().start();
    let (master, manager) = (server.master(), server.manager());
    let load = Load::start(server.port(), 16);
    for round in 1..=3 {
        let old = server.workers();
        load.wait_for(100);
        trigger(&server);
        await_replaced(&server, &old);
        load.wait_for(100);
        // The last replacement is there, but the reload is over only when it serves.
        server.await_event("worker_start", 3 + 3 * round);
        // At least: the log folds equal lines of one second.
        assert!(server.log_count(LINE) >= 1);
        let mut watcher = server.connect();
        eventually(patience(), || {
            (0..3).all(|worker| watcher.ask(format!("!status {worker}")) != "Exit")
        });
    }
    load.stop_unharmed();
    assert_eq!((server.master(), server.manager()), (master, manager));
    let events = server.stop();
    assert_eq!(
        named(&events, "worker_stop").len(),
        12,
        "each of four generations stops in good order"
    );
    for trouble in ["worker_error", "disorder", "garbage"] {
        assert_eq!(named(&events, trouble), Vec::<&Event>::new());
    }
    assert_eq!(
        named(&events, "connect").len(),
        named(&events, "close").len()
    );
}

#[test]
fn usr1_to_the_master_replaces_all_workers_without_losing_a_request() {
    reload_under_load(|server| server.signal(server.master(), Signal::SIGUSR1));
}

#[test]
fn usr1_to_the_manager_replaces_all_workers_without_losing_a_request() {
    reload_under_load(|server| server.signal(server.manager(), Signal::SIGUSR1));
}

#[test]
fn the_reload_call_of_a_worker_replaces_all_workers_without_losing_a_request() {
    reload_under_load(|server| assert_eq!(server.connect().ask("!reload"), "accepted"));
}

#[test]
fn three_requests_in_a_row_are_one_reload() {
    let server = server!("echo").sized(3, 1).start();
    let old = server.workers();
    // A callback holds the first worker, so that all three requests fall into one reload.
    let mut client = server.connect_to(0);
    let mut witness = server.connect_to(1);
    let sleeping = client.send("!sleep 500");
    server.await_event("sleeping", 1);
    for _ in 0..3 {
        server.signal(server.master(), Signal::SIGUSR1);
        server.await_log(LINE);
        // Signals of one number that come together are one anyway; the answer separates them.
        witness.ask("hello");
    }
    assert_eq!(client.expect(sleeping), "slept");
    await_replaced(&server, &old);
    let events = server.stop();
    assert_eq!(named(&events, "worker_start").len(), 6);
}

#[test]
fn one_log_line_for_three_requests_in_a_row() {
    let server = server!("echo").sized(2, 1).start();
    let old = server.workers();
    let mut client = server.connect_to(0);
    client.send("!sleep 200");
    server.await_event("sleeping", 1);
    for _ in 0..3 {
        server.signal(server.master(), Signal::SIGUSR1);
    }
    await_replaced(&server, &old);
    assert_eq!(server.log_count(LINE), 1);
    server.stop();
}

#[test]
fn workers_are_replaced_one_after_the_other() {
    let server = server!("echo").sized(4, 1).set("reload_async", 0).start();
    server.await_event("worker_start", 4); // the first generation has its own order
    let old = server.workers();
    server.signal(server.master(), Signal::SIGUSR1);
    await_replaced(&server, &old);
    server.await_event("worker_start", 8);
    let events = server.stop();
    let changes: Vec<_> = events
        .iter()
        .filter(|event| ["worker_start", "worker_stop"].contains(&event.name.as_str()))
        .map(|event| (event.name.clone(), event.number::<u32>("worker")))
        .collect();
    let rolling = (0..4).flat_map(|id| {
        [
            ("worker_stop".to_string(), id),
            ("worker_start".to_string(), id),
        ]
    });
    assert_eq!(changes[4..12], rolling.collect::<Vec<_>>());
}

#[test]
fn a_worker_that_cannot_start_stops_the_reload_and_the_others_stay() {
    let builder = server!("crash").sized(3, 1).set("reload_async", 0);
    let cause = builder.path("cause");
    let server = builder.env("SKEP_TEST_FAIL_START", cause.display()).start();
    let mut clients: Vec<_> = (0..3).map(|worker| server.connect_to(worker)).collect();
    let old: Vec<_> = clients
        .iter_mut()
        .map(|client| client.ask_number("!pid"))
        .collect();
    fs::write(&cause, "").unwrap();
    server.signal(server.master(), Signal::SIGUSR1);
    server.await_log("reload given up");
    let waiting = clients[0].send("for the new worker");
    assert_eq!(
        [1, 2].map(|i: usize| clients[i].ask_number("!pid")),
        [old[1], old[2]]
    );
    fs::remove_file(&cause).unwrap();
    assert_eq!(clients[0].expect(waiting), "for the new worker");
    assert_ne!(clients[0].ask_number("!pid"), old[0]);
    // With the cause gone the next one goes through.
    let now = server.workers();
    server.signal(server.master(), Signal::SIGUSR1);
    await_replaced(&server, &now);
    server.stop();
}

#[test]
fn a_worker_that_does_not_stop_is_killed_after_its_own_deadline() {
    let server = server!("echo").sized(2, 1).set("max_wait_time", 1).start();
    let old = server.workers();
    let mut stuck = server.connect_to(0);
    stuck.send("!sleep 30000");
    server.await_event("sleeping", 1);
    let begin = Instant::now();
    server.signal(server.master(), Signal::SIGUSR1);
    await_replaced(&server, &old);
    assert!(
        begin.elapsed() >= Duration::from_secs(1),
        "{:?}",
        begin.elapsed()
    );
    assert!(
        begin.elapsed() <= promised(Duration::from_secs(3)),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(server.log_count("force kill worker process"), 1);
    assert_eq!(stuck.drain().0, 0);
    assert_eq!(server.connect().stat("requests_lost"), 1);
    server.stop();
}

#[test]
fn a_stop_during_a_reload_ends_everything() {
    let mut server = server!("echo").sized(4, 1).start();
    let mut busy = server.connect_to(1);
    let sleeping = busy.send("!sleep 300");
    server.await_event("sleeping", 1);
    server.signal(server.master(), Signal::SIGUSR1);
    server.await_event("worker_stop", 1);
    server.signal(server.master(), Signal::SIGTERM);
    assert_eq!(busy.expect(sleeping), "slept");
    drop(busy);
    assert_eq!(server.await_end(patience()).code(), Some(0));
    assert_eq!(server.log_count("force kill"), 0);
}

#[test]
fn a_reload_asked_for_in_a_manager_callback_takes_place() {
    for callback in ["manager_start", "started"] {
        let server = server!("echo")
            .sized(2, 1)
            .env("SKEP_TEST_RELOAD_IN", callback)
            .start();
        server.await_event("worker_start", 4);
        assert_eq!(server.log_count(LINE), 1, "{callback}");
        assert_eq!(server.connect().ask("hello"), "hello");
        server.stop();
    }
}

#[test]
fn stop_replaces_one_worker() {
    let server = server!("echo").sized(2, 1).start();
    let mut clients = [server.connect_to(0), server.connect_to(1)];
    let old = clients.each_mut().map(|client| client.ask_number("!pid"));
    assert_eq!(clients[0].ask("!stop 1"), "accepted");
    eventually(patience(), || clients[1].ask_number("!pid") != old[1]);
    assert_eq!(clients[0].ask_number("!pid"), old[0]);
    assert_eq!(clients[0].ask("!stop"), "accepted");
    eventually(patience(), || clients[0].ask_number("!pid") != old[0]);
    assert_eq!(clients[0].ask("!stop 2"), "refused 505");
    server.stop();
}

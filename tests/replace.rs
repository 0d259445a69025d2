//! Workers that are replaced while they are at work: by a reload, by `max_request`, by their memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use nix::sys::signal::Signal;
use skep_tests::client::Client;
use skep_tests::eventually::{eventually, patience};
use skep_tests::journal::named;
use skep_tests::load::Load;
use skep_tests::server::Server;
use skep_tests::{process, server};

/// A server whose workers are all asleep in a callback for `sleep_ms`, and the clients that wait for that.
fn asleep(workers: u64, sleep_ms: u32) -> (Server, Vec<(Client, u64)>) {
    let server = server!("echo")
        .sized(workers as u32, 2)
        .set("max_wait_time", 20)
        .start();
    let sleepers: Vec<_> = (0..workers).map(|id| server.connect_to(id)).collect();
    let sleepers = sleepers.into_iter().map(|mut client| {
        let id = client.send(format!("!sleep {sleep_ms}"));
        (client, id)
    });
    let sleepers = sleepers.collect();
    server.await_event("sleeping", workers as usize);
    (server, sleepers)
}

#[test]
fn new_requests_are_served_while_every_old_worker_blocks() {
    let (server, mut sleepers) = asleep(2, 5_000);
    let old = server.workers();
    // Sessions of both workers, and a message of each behind the sleepers.
    let mut waiting: Vec<_> = (0..8).map(|_| server.connect()).collect();
    let ids: Vec<_> = waiting
        .iter_mut()
        .map(|client| client.send("queued"))
        .collect();
    server.signal(server.master(), Signal::SIGUSR1);
    for (client, id) in waiting.iter_mut().zip(ids) {
        assert_eq!(client.expect(id), "queued");
    }
    for round in 0..100 {
        let client = &mut waiting[round % 8];
        assert_eq!(client.ask("new"), "new");
    }
    assert_eq!(server.connect().ask("newer"), "newer");
    assert_eq!(server.workers().len(), 4, "two incarnations side by side");
    for (client, _) in &mut sleepers {
        assert!(!client.has_input(), "the old workers still sleep");
    }
    for (client, id) in &mut sleepers {
        assert_eq!(client.expect(*id), "slept");
        assert_eq!(client.ask("and on"), "and on");
    }
    eventually(patience(), || {
        let now = server.workers();
        now.len() == 2 && now.iter().all(|pid| !old.contains(pid))
    });
    let events = server.stop();
    assert_eq!(named(&events, "worker_error").len(), 0);
    assert_eq!(named(&events, "after_reload").len(), 1);
}

#[test]
fn a_session_keeps_its_order_across_a_replacement() {
    let (server, mut sleepers) = asleep(1, 700);
    let (client, slept) = &mut sleepers[0];
    let behind: Vec<_> = (0..20)
        .map(|n| client.send(format!("behind {n}")))
        .collect();
    let mut other = server.connect();
    let asked = other.send("other");
    server.signal(server.master(), Signal::SIGUSR1);
    assert_eq!(other.expect(asked), "other");
    assert!(!client.has_input());
    let later: Vec<_> = (0..20).map(|n| client.send(format!("later {n}"))).collect();
    assert_eq!(client.expect(*slept), "slept");
    for (n, id) in behind.into_iter().enumerate() {
        assert_eq!(client.expect(id), format!("behind {n}"));
    }
    for (n, id) in later.into_iter().enumerate() {
        assert_eq!(client.expect(id), format!("later {n}"));
    }
    server.stop();
}

#[test]
fn a_session_goes_on_if_the_old_process_is_killed_at_its_message() {
    let (server, mut sleepers) = asleep(1, 30_000);
    let old = server.workers();
    let mut bystander = server.connect();
    server.signal(server.master(), Signal::SIGUSR1);
    assert_eq!(bystander.ask("here"), "here");
    let (client, _) = &mut sleepers[0];
    client.send("never answered");
    server.signal(old[0], Signal::SIGKILL);
    assert_eq!(client.ending(), skep_tests::client::Ending::Eof);
    assert_eq!(bystander.ask("still here"), "still here");
    assert_eq!(bystander.stat("requests_lost"), 1);
    server.await_event("after_reload", 1);
    let events = server.stop();
    let errors = named(&events, "worker_error");
    assert_eq!(
        errors.len(),
        1,
        "an old process is in the books until it is reaped"
    );
}

#[test]
fn a_stop_during_a_reload_leaves_nobody() {
    let (mut server, sleepers) = asleep(2, 400);
    server.signal(server.master(), Signal::SIGUSR1);
    eventually(patience(), || server.workers().len() == 4);
    server.signal(server.master(), Signal::SIGTERM);
    for (mut client, id) in sleepers {
        assert_eq!(client.expect(id), "slept");
    }
    assert_eq!(server.await_end(patience()).code(), Some(0));
}

#[test]
fn three_requests_in_a_row_are_one_reload() {
    let server = server!("echo").sized(3, 1).start();
    server.await_event("worker_start", 3);
    for _ in 0..3 {
        server.signal(server.manager(), Signal::SIGUSR1);
    }
    server.await_event("after_reload", 1);
    let mut watcher = server.connect();
    eventually(patience(), || watcher.stat("idle_worker_num") >= 2);
    let events = server.stop();
    assert_eq!(named(&events, "worker_start").len(), 6);
    assert_eq!(named(&events, "before_reload").len(), 1);
}

/// How many requests each process of a one-worker server has answered, in the order of their first.
fn served_by_each(server: &Server, requests: usize) -> Vec<(u64, usize)> {
    let mut client = server.connect();
    let mut served: Vec<(u64, usize)> = Vec::new();
    for _ in 0..requests {
        let pid = client.ask_number("!pid");
        match served.last_mut() {
            Some((last, count)) if *last == pid => *count += 1,
            _ => served.push((pid, 1)),
        }
    }
    served
}

#[test]
fn max_request_is_exact_without_grace_and_in_range_with_it() {
    let server = server!("echo").sized(1, 1).set("max_request", 5).start();
    let served = served_by_each(&server, 23);
    let counts: Vec<_> = served.iter().map(|&(_, count)| count).collect();
    assert_eq!(counts, [5, 5, 5, 5, 3]);
    assert!(!server.log().contains("abnormal"), "{}", server.log());
    server.stop();

    let server = server!("echo").sized(1, 1).set("max_request", 20).start();
    let served = served_by_each(&server, 150);
    for &(_, count) in &served[..served.len() - 1] {
        assert!((21..=30).contains(&count), "{served:?}");
    }
    server.stop();
}

#[test]
fn recycling_under_load_loses_nothing() {
    let server = server!("echo")
        .sized(4, 2)
        .set("max_request", 300)
        .set("max_request_grace", 50)
        .quiet()
        .start();
    let load = Load::start(server.port(), 32);
    load.wait_for(30_000);
    assert!(load.stop_unharmed() >= 30_000);
    let events = server.stop();
    assert!(named(&events, "worker_start").len() > 40);
    assert_eq!(named(&events, "worker_error").len(), 0);
}

#[test]
fn a_worker_that_outgrows_its_memory_is_replaced_between_requests() {
    let server = server!("echo")
        .sized(1, 1)
        .set("worker_max_memory", "64M")
        .start();
    let mut client = server.connect();
    let mut pids = BTreeMap::new();
    for round in 0..12 {
        assert_eq!(client.ask("!grow 16"), "grown", "round {round}");
        *pids.entry(client.ask_number("!pid")).or_insert(0) += 1;
        std::thread::sleep(Duration::from_millis(25)); // between two looks at the memory
    }
    assert!(pids.len() >= 2, "{pids:?}");
    let events = server.stop();
    assert_eq!(named(&events, "worker_error").len(), 0);
}

#[test]
fn stop_replaces_one_worker_without_a_gap() {
    let server = server!("echo").sized(2, 1).start();
    let old = server.worker_pid(1);
    let mut other = server.connect_to(0);
    assert_eq!(other.ask("!stop 1"), "accepted");
    eventually(patience(), || !process::is_alive(old));
    assert_ne!(server.worker_pid(1), old);
    server.stop();
}

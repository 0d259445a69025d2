//! Counters and locks that the workers of a server share.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use nix::sys::signal::Signal;
use skep_tests::client::Client;
use skep_tests::eventually::{eventually, patience};
use skep_tests::server;
use skep_tests::server::Server;

const KINDS: [&str; 5] = ["mutex", "spin", "semaphore", "readwrite", "file"];

#[test]
fn a_lock_keeps_the_workers_apart() {
    let server = server!("locks").sized(3, 1).start();
    let mut clients: Vec<Client> = (0..3).map(|worker| server.connect_to(worker)).collect();
    for kind in KINDS {
        let order = format!("!count {kind} 2000");
        let ids: Vec<u64> = clients.iter_mut().map(|c| c.send(&order)).collect();
        for (client, id) in clients.iter_mut().zip(ids) {
            assert_eq!(client.expect(id), "counted", "{kind}");
        }
    }
    assert_eq!(clients[0].ask("!values"), "30000 30000");
    server.stop();
}

/// Kill a worker that holds the lock while another one waits for it, and one more does not hold it.
fn holder_is_killed(server: &Server, kind: &str, round: usize) {
    let mut holder = server.connect_to(0);
    let (mut waiter, mut other) = (server.connect_to(1), server.connect_to(2));
    let pid = holder.ask_number("!pid") as i32;
    holder.send(format!("!hold {kind}"));
    let held = server.await_event("holding", round);
    assert!(
        format!("{held:?}").contains(r#""held": "true""#),
        "{held:?}"
    );
    let taken = waiter.send(format!("!take {kind}"));
    assert_eq!(other.ask(format!("!unlock {kind}")), "1"); // EPERM: it is not its own
    server.signal(pid, Signal::SIGKILL);
    let answer = waiter.expect(taken);
    let died = kind != "file"; // a file does not tell
    assert_eq!(
        answer,
        format!("taken died={died} given_back=true"),
        "{kind}"
    );
    let answer = other.ask(format!("!take {kind}"));
    assert_eq!(answer, "taken died=false given_back=true", "{kind}");
}

#[test]
fn a_killed_worker_holds_no_lock() {
    let server = server!("locks").sized(3, 1).start();
    for (round, kind) in KINDS.into_iter().enumerate() {
        holder_is_killed(&server, kind, round + 1);
    }
    server.stop();
}

#[test]
fn a_worker_sleeps_until_another_wakes_it() {
    let server = server!("locks").sized(2, 1).start();
    let (mut sleeper, mut other) = (server.connect_to(0), server.connect_to(1));
    for _ in 0..20 {
        let woken = sleeper.send("!wait");
        assert_eq!(other.ask("!wake"), "called");
        assert_eq!(sleeper.expect(woken), "woken");
    }
    server.stop();
}

#[test]
fn a_reload_finds_the_counters_as_they_were() {
    let server = server!("locks").sized(1, 1).start();
    let mut client = server.connect_to(0);
    assert_eq!(client.ask("!count mutex 7"), "counted");
    let before = server.worker_pid(0);
    server.signal(server.manager(), Signal::SIGUSR1);
    eventually(patience(), || server.worker_pid(0) != before);
    let mut client = server.connect_to(0);
    assert_eq!(client.ask("!count mutex 3"), "counted");
    assert_eq!(client.ask("!values"), "10 10");
    server.stop();
}

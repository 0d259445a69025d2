//! A million tasks and a million messages leave every process as large as it was.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::collections::BTreeMap;

use skep_tests::client::Client;
use skep_tests::eventually::{eventually, patience};
use skep_tests::server::Server;
use skep_tests::{process, server};

/// What waits at a time, at most.
const BATCH: u64 = 5_000;
/// Rounds of warming up: every page is touched, every buffer has grown.
const WARM_UP: u64 = 20;
const MILLION: u64 = 1_000_000;
/// Less than five bytes for each; queues may touch some more of their pages.
const SLACK: u64 = 4 << 20;

fn sizes(server: &Server) -> BTreeMap<i32, u64> {
    let pids = server.processes().into_iter();
    pids.map(|pid| (pid, process::resident_bytes(pid)))
        .collect()
}

/// Soon, that is: what a burst has needed is kept for a second.
#[track_caller]
fn require_flat(server: &Server, before: &BTreeMap<i32, u64>) {
    assert_eq!(before.len(), 5, "master, manager, worker, two task workers");
    eventually(patience(), || {
        let after = sizes(server);
        let is_flat = |(pid, size): (&i32, &u64)| {
            let grown = size.saturating_sub(before[pid]);
            grown <= SLACK
        };
        after.len() == 5 && after.iter().all(is_flat)
    });
}

fn start() -> Server {
    server!("tasks")
        .sized(1, 1)
        .set("task_worker_num", 2)
        .quiet()
        .start()
}

fn tasks(client: &mut Client) {
    let given = format!("given={BATCH} code=0");
    assert_eq!(client.ask(format!("!task - {BATCH} echo x")), given);
    eventually(patience(), || client.ask("!open") == "0");
}

#[test]
fn a_million_tasks_leave_no_trace_in_memory() {
    let server = start();
    let mut client = server.connect();
    (0..WARM_UP).for_each(|_| tasks(&mut client));
    let before = sizes(&server);
    (0..MILLION / BATCH).for_each(|_| tasks(&mut client));
    require_flat(&server, &before);
    assert_eq!(client.stat("task_count"), MILLION + WARM_UP * BATCH);
    server.stop();
}

#[test]
fn a_million_messages_leave_no_trace_in_memory() {
    let server = start();
    let mut client = server.connect();
    let send = |client: &mut Client, number: u64| {
        let mut left = number;
        while left > 0 {
            // Refused while the queue is full.
            let answer = client.ask(format!("!message 1 {} x", left.min(BATCH)));
            let sent = answer["sent=".len()..].split_once(' ').unwrap().0;
            left -= sent.parse::<u64>().unwrap();
        }
    };
    send(&mut client, WARM_UP * BATCH);
    let before = sizes(&server);
    send(&mut client, MILLION);
    require_flat(&server, &before);
    server.stop();
}

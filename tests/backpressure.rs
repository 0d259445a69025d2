//! Slow clients and slow workers cost themselves time and nobody memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::thread;
use std::time::{Duration, Instant};

use skep_tests::client::Client;
use skep_tests::eventually::{eventually, patience, promised};
use skep_tests::journal::{Event, named};
use skep_tests::{pattern, process, server};

const BIG: usize = 64 << 20;
const MIB: u64 = 1 << 20;

#[test]
fn a_client_that_reads_a_big_reply_slowly_does_not_disturb_another() {
    let server = server!("sender").sized(1, 1).quiet().start();
    let mut slow = server.connect();
    slow.shrink_receive_buffer(64 << 10);
    let big = slow.send(format!("!big {BIG}"));
    let mut quick = server.connect();
    quick.ask("behind the big one in the same worker");
    eventually(patience(), || quick.stat("output_bytes") > 32 * MIB);
    let begin = Instant::now();
    let mut answered = 0;
    while answered < 200 {
        assert_eq!(quick.ask("quick"), "quick");
        answered += 1;
    }
    assert!(
        begin.elapsed() < promised(Duration::from_secs(2)),
        "{:?}",
        begin.elapsed()
    );
    assert!(
        quick.stat("output_bytes") > 32 * MIB,
        "the slow one has not read meanwhile"
    );
    let (id, payload) = slow.receive().unwrap();
    assert_eq!(
        (id, payload.len(), pattern::first_difference(&payload)),
        (big, BIG, None)
    );
    eventually(patience(), || quick.stat("output_bytes") == 0);
    server.stop();
}

#[test]
fn clients_that_pour_into_a_blocked_worker_are_held_back_and_lose_nothing() {
    const CLIENTS: usize = 20;
    const BLOCK: usize = 1 << 20;
    const BLOCKS: usize = 12;
    let server = server!("echo").sized(2, 2).quiet().start();
    let mut watcher = server.connect_to(1);
    let mut sleeper = server.connect_to(0);
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.connect_to(0)).collect();
    let baseline = process::resident_bytes(server.master());
    let slept = sleeper.send("!sleep 2000");
    server.await_event("sleeping", 1);
    let mut highest = 0;
    let mut seen_held_back = 0;
    thread::scope(|scope| {
        let pourers: Vec<_> = clients
            .iter_mut()
            .map(|client| {
                scope.spawn(move || {
                    let mut data = vec![b'='];
                    data.extend(pattern::make(BLOCK));
                    for _ in 0..BLOCKS {
                        client.send(&data);
                    }
                    for id in 1..=BLOCKS as u64 {
                        // The first question was for the worker's number.
                        assert_eq!(client.expect(id + 1), format!("good {BLOCK}"));
                    }
                })
            })
            .collect();
        while !pourers.iter().all(|pourer| pourer.is_finished()) {
            highest = highest.max(process::resident_bytes(server.master()));
            seen_held_back = seen_held_back.max(watcher.stat("held_back"));
            thread::sleep(Duration::from_millis(10)); // the interval of a measurement
        }
    });
    assert_eq!(sleeper.expect(slept), "slept");
    let grown = highest.saturating_sub(baseline);
    assert!(grown < 64 * MIB, "the master grew by {} KiB", grown / 1024);
    // A connection is held back when its worker's lane is full, or it has a message waiting itself.
    assert!(
        seen_held_back > 0,
        "held back connections are visible in the stats"
    );
    assert_eq!(watcher.stat("held_back"), 0);
    drop((clients, watcher, sleeper));
    let events = server.stop();
    assert_eq!(named(&events, "disorder"), Vec::<&Event>::new());
    assert_eq!(named(&events, "garbage"), Vec::<&Event>::new());
}

#[test]
fn a_held_back_reactor_sleeps() {
    for max_queued_bytes in [1000, 128 << 10] {
        let server = server!("echo")
            .sized(2, 1)
            .set("max_queued_bytes", max_queued_bytes)
            .start();
        let mut watcher = server.connect_to(1);
        let mut sleeper = server.connect_to(0);
        let mut pourer = server.connect_to(0);
        let slept = sleeper.send("!sleep 1000");
        server.await_event("sleeping", 1);
        let mut data = vec![b'='];
        data.extend(pattern::make(4 << 20));
        thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(pourer.ask(&data), format!("good {}", 4 << 20));
            });
            eventually(patience(), || watcher.stat("held_back") == 1);
            let before = process::cpu_ticks(server.master());
            assert_eq!(sleeper.expect(slept), "slept");
            let used = process::cpu_ticks(server.master()) - before;
            assert!(
                used <= 20,
                "the master used {used} ticks of 10 ms while it had to wait"
            );
        });
        drop((watcher, sleeper, pourer));
        server.stop();
    }
}

#[test]
fn a_client_that_never_reads_makes_send_refuse_at_the_limit() {
    let limit = 2 * MIB;
    let block = 65_536;
    let server = server!("sender")
        .sized(2, 1)
        .set("socket_buffer_size", limit)
        .start();
    let baseline = process::resident_bytes(server.master());
    let mut client = server.connect_to(0);
    client.shrink_receive_buffer(64 << 10);
    client.send(format!("!flood {block}"));
    let flooded = server.await_event("flooded", 1);
    assert_eq!(flooded.number::<i32>("code"), 1009);
    let accepted: u64 = flooded.number("accepted");
    // Up to the limit waits in the server, the rest is in the kernel's buffers.
    assert!(accepted >= limit, "{accepted}");
    let mut watcher = server.connect_to(1);
    let waiting = watcher.stat("output_bytes");
    assert!(
        waiting >= limit - block && waiting <= limit + block,
        "{waiting} bytes wait"
    );
    let grown = process::resident_bytes(server.master()).saturating_sub(baseline);
    assert!(grown < 16 * MIB, "the master grew by {} KiB", grown / 1024);
    assert!(server.log_count("output buffer overflow") >= 1);
    // Other sessions of the same worker are served, and this one goes on when its client reads.
    assert_eq!(server.connect_to(0).ask("hello"), "hello");
    drop(client);
    eventually(patience(), || watcher.stat("output_bytes") == 0);
    server.stop();
}

#[test]
fn a_send_longer_than_output_buffer_size_is_refused() {
    let server = server!("sender")
        .sized(1, 1)
        .set("output_buffer_size", 100_000)
        .start();
    let mut client = server.connect();
    client.send("!big 100001");
    let refused = server.await_event("refused", 1);
    assert_eq!(refused.number::<i32>("code"), 1203);
    assert_eq!(client.send("!big 50000"), 2);
    assert_eq!(
        client.receive().map(|(id, payload)| (id, payload.len())),
        Ok((2, 50_000))
    );
    drop(client);
    server.stop();
}

#[test]
fn a_client_over_the_connection_limit_waits_and_is_served_when_one_leaves() {
    let server = server!("echo")
        .sized(2, 2)
        .set("max_connection", 50)
        .start();
    let mut inside: Vec<_> = (0..50).map(|_| server.connect()).collect();
    for client in &mut inside {
        assert_eq!(client.ask("in"), "in");
    }
    let mut outside: Vec<_> = (0..3).map(|_| server.connect()).collect();
    let ids: Vec<_> = outside
        .iter_mut()
        .map(|client| client.send("waiting"))
        .collect();
    for client in inside.iter_mut().take(20) {
        assert_eq!(client.ask("in"), "in");
        assert_eq!(client.stat("connection_num"), 50);
        assert!(
            !outside.iter_mut().any(Client::has_input),
            "nobody outside is served or sent away"
        );
    }
    for (left, (client, id)) in outside.iter_mut().zip(ids).enumerate() {
        drop(inside.pop());
        assert_eq!(client.expect(id), "waiting");
        assert_eq!(inside[0].stat("connection_num"), 50, "{left}");
    }
    assert!(server.log_count("Too many connections [now: 50]") >= 1);
    assert_eq!(inside[0].stat("abort_count"), 0);
    drop((inside, outside));
    server.stop();
}

/// A session that was reset is gone from the reactor at once, but its place in the table is taken until
/// its worker has seen the close event.
#[test]
fn a_client_waits_while_places_are_taken_by_sessions_whose_close_is_not_delivered() {
    let server = server!("echo")
        .sized(1, 1)
        .set("max_connection", 64)
        .start();
    let mut sleeper = server.connect();
    let sleeping = sleeper.send("!sleep 700");
    server.await_event("sleeping", 1);
    let crowd: Vec<_> = (0..63).map(|_| server.connect()).collect();
    for client in crowd {
        client.reset();
    }
    let mut late: Vec<_> = (0..3).map(|_| server.connect()).collect();
    let ids: Vec<_> = late.iter_mut().map(|client| client.send("late")).collect();
    assert_eq!(sleeper.expect(sleeping), "slept");
    for (client, id) in late.iter_mut().zip(ids) {
        assert_eq!(client.expect(id), "late");
    }
    assert_eq!(sleeper.stat("abort_count"), 0);
    drop((sleeper, late));
    server.stop();
}

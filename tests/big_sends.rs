//! Sends of any length to readers of any speed: whole, in order, and in bounded memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::thread;
use std::time::Duration;

use skep_tests::client::{Client, Ending};
use skep_tests::eventually::{eventually, patience, promised};
use skep_tests::server::Server;
use skep_tests::{pattern, process, server};

const MIB: usize = 1 << 20;

/// Read so many bytes and compare them with the pattern, without keeping them.
fn check(client: &Client, length: usize) {
    // The pattern repeats, so whatever a read brings is compared with some part of one long stretch of it.
    const PERIOD: usize = 65_521;
    let known = pattern::make(PERIOD + MIB);
    let mut buffer = vec![0; MIB];
    let mut got = 0;
    while got < length {
        let room = buffer.len().min(length - got);
        let count = client.stream().read(&mut buffer[..room]).unwrap();
        assert!(count > 0, "the end after {got} bytes");
        let from = got % PERIOD;
        let differs = |place: &usize| buffer[*place] != known[from + place];
        if let Some(place) = (0..count).find(differs) {
            let wrong = &buffer[place..count.min(place + 32)];
            panic!("spoiled at {} of a read of {count}: {wrong:?}", got + place);
        }
        got += count;
    }
}

/// Bytes of memory files that the master holds.
fn set_aside(server: &Server) -> u64 {
    let master = server.master();
    let held = process::descriptors(master);
    let memory = held
        .iter()
        .filter(|(_, path)| path.to_string_lossy().contains("memfd:skep-send"));
    memory
        .filter_map(|(number, _)| std::fs::metadata(format!("/proc/{master}/fd/{number}")).ok())
        .map(|file| file.blocks() * 512)
        .sum()
}

#[test]
fn a_send_of_256_mib_takes_no_memory_of_master_and_worker_and_goes_away_as_it_is_read() {
    const LENGTH: usize = 256 * MIB;
    let server = server!("files").sized(1, 1).start();
    let mut client = server.connect();
    client.shrink_receive_buffer(64 << 10);
    let session = client.ask_number("!session");
    let worker = server.workers()[0];
    let before = [server.master(), worker].map(process::resident_bytes);
    client.send(format!("!long {LENGTH}"));
    assert_eq!(server.await_event("long", 1).number::<i32>("code"), 0);
    // The worker is not blocked, and others are served; what waits is in the counters.
    let mut other = server.connect();
    assert_eq!(other.ask("quick"), "quick");
    eventually(patience(), || {
        other.stat("output_bytes") > (LENGTH - 16 * MIB) as u64
    });
    assert!(other.ask_number(&format!("!queued {session}")) > (LENGTH - 16 * MIB) as u64);
    for (pid, before) in [server.master(), worker].into_iter().zip(before) {
        let grown = process::resident_bytes(pid).saturating_sub(before);
        assert!(
            grown < 16 * MIB as u64,
            "{pid} grew by {} KiB",
            grown / 1024
        );
    }
    assert!(set_aside(&server) > (LENGTH - 16 * MIB) as u64);
    check(&client, LENGTH / 2);
    eventually(patience(), || {
        set_aside(&server) < (LENGTH / 2 + 8 * MIB) as u64
    });
    // The pattern goes on where the first half ended.
    let mut rest = vec![0; LENGTH / 2];
    client.stream().read_exact(&mut rest).unwrap();
    let whole = pattern::make(LENGTH);
    assert!(rest == whole[LENGTH / 2..], "the second half is spoiled");
    eventually(patience(), || set_aside(&server) == 0);
    assert_eq!(other.stat("output_bytes"), 0);
    assert_eq!(other.ask_number(&format!("!queued {session}")), 0);
    drop((client, other));
    server.stop();
}

#[test]
fn a_send_of_1_gib_arrives_whole() {
    let server = server!("files").sized(1, 1).start();
    let mut client = server
        .connect()
        .with_patience(promised(Duration::from_secs(40)));
    client.send(format!("!sparse {}", 1024 * MIB));
    let mut block = vec![0; MIB];
    for place in (0..1024 * MIB).step_by(MIB) {
        client.stream().read_exact(&mut block).unwrap();
        assert_eq!(block[..8], (place as u64).to_be_bytes());
        assert!(
            block[8..].iter().all(|byte| *byte == 0),
            "spoiled after {place}"
        );
    }
    assert_eq!(client.ask("done"), "done");
    drop(client);
    server.stop();
}

#[test]
fn sends_around_every_threshold_arrive_whole_and_in_order() {
    let server = server!("files")
        .sized(1, 1)
        .set("socket_buffer_size", 64 * MIB)
        .start();
    let mut client = server.connect();
    for length in [
        16 * 1024 - 1,
        16 * 1024,
        64 * 1024,
        128 * 1024 - 24,
        128 * 1024,
        MIB - 1,
        MIB,
        MIB + 1,
        2 * MIB,
        5 * MIB + 13,
    ] {
        // Three in a row, so that each meets an outbox that is not empty.
        for _ in 0..3 {
            client.send(format!("!long {length}"));
        }
        for _ in 0..3 {
            check(&client, length);
        }
        assert_eq!(client.ask("between"), "between");
    }
    drop(client);
    server.stop();
}

#[test]
fn a_long_send_counts_against_socket_buffer_size_and_exceeds_it_once_at_most() {
    let server = server!("files")
        .sized(1, 1)
        .set("socket_buffer_size", 2 * MIB)
        .start();
    let mut client = server.connect();
    client.shrink_receive_buffer(64 << 10);
    for count in 1..=2 {
        client.send(format!("!long {}", 32 * MIB));
        server.await_event("long", count);
    }
    let codes: Vec<i32> = server
        .events_named("long")
        .iter()
        .map(|event| event.number("code"))
        .collect();
    assert_eq!(codes, [0, 1009], "R30: the check comes before the queue");
    check(&client, 32 * MIB);
    let mut other = server.connect();
    eventually(patience(), || other.stat("output_bytes") == 0);
    client.send(format!("!long {}", 32 * MIB));
    assert_eq!(server.await_event("long", 3).number::<i32>("code"), 0);
    check(&client, 32 * MIB);
    drop((client, other));
    server.stop();
}

#[test]
fn close_comes_after_a_long_send() {
    let server = server!("files").sized(1, 1).start();
    let mut client = server.connect();
    client.shrink_receive_buffer(64 << 10);
    client.send(format!("!long-close {}", 64 * MIB));
    server.await_event("close", 1); // the callback does not wait for the client
    check(&client, 64 * MIB);
    assert_eq!(client.ending(), Ending::Eof);
    server.stop();
}

#[test]
fn a_client_that_leaves_takes_its_long_send_with_it() {
    let server = server!("files").sized(1, 1).start();
    let mut client = server.connect();
    client.shrink_receive_buffer(64 << 10);
    client.send(format!("!long {}", 64 * MIB));
    server.await_event("long", 1);
    eventually(patience(), || set_aside(&server) > 32 * MIB as u64);
    client.reset();
    eventually(patience(), || set_aside(&server) == 0);
    let mut other = server.connect();
    eventually(patience(), || other.stat("output_bytes") == 0);
    drop(other);
    server.stop();
}

#[test]
fn slow_readers_of_long_sends_leave_each_other_alone() {
    const CLIENTS: usize = 4;
    let server = server!("files").sized(2, 2).quiet().start();
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.shrink_receive_buffer(64 << 10);
        client.send(format!("!long {}", 24 * MIB));
    }
    let baseline = process::resident_bytes(server.master());
    thread::scope(|scope| {
        for client in &clients {
            scope.spawn(move || check(client, 24 * MIB));
        }
    });
    let grown = process::resident_bytes(server.master()).saturating_sub(baseline);
    assert!(
        grown < 16 * MIB as u64,
        "the master grew by {} KiB",
        grown / 1024
    );
    drop(clients);
    server.stop();
}

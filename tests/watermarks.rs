//! Workers hear of slow clients: once when much waits for one, once when little does again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::time::Duration;

use skep_tests::client::Client;
use skep_tests::eventually::{eventually, eventually_some, patience};
use skep_tests::journal::{Event, named};
use skep_tests::server;
use skep_tests::server::{Builder, Server};

const BUFFER: u64 = 1 << 20;
const HIGH: u64 = 600_000;
const LOW: u64 = 100_000;
const BLOCK: u64 = 64 << 10;

fn warden(buffers: &str) -> Builder {
    server!("warden")
        .sized(1, 1)
        .set("socket_buffer_size", BUFFER)
        .set("buffer_high_watermark", HIGH)
        .set("buffer_low_watermark", LOW)
        .env("SKEP_TEST_BUFFERS", buffers)
}

/// A client that takes little, and its session.
fn slow(server: &Server) -> (Client, u64) {
    let mut client = server.connect();
    client.shrink_receive_buffer(64 << 10);
    let session = client.ask_number("!session");
    (client, session)
}

/// What is known of the output that waits for a session.
fn queued(watcher: &mut Client, session: u64) -> u64 {
    let info = watcher.ask(format!("!info {session}"));
    let mut pairs = info.split(' ').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|pair| pair.0 == "queued")
        .unwrap()
        .1
        .parse()
        .unwrap()
}

/// Send to a client that does not read until more is refused, beyond what the kernel takes.
fn clog(server: &Server, client: &mut Client, watcher: &mut Client, session: u64) -> usize {
    let before = server.events_named("filled").len();
    let mut rounds = 0;
    let all = 1u64 << 40;
    while rounds == 0 || queued(watcher, session) < BUFFER {
        rounds += 1;
        client.send(format!("!fill {all}"));
        server.await_event("filled", before + rounds);
        // The kernel's buffers may still grow.
        watcher.ask("another turn");
    }
    rounds
}

fn buffer_events(events: &[Event], session: u64) -> Vec<(String, u64)> {
    { events.iter() }
        .filter(|event| event.name.starts_with("buffer_") && event.session() == session)
        .map(|event| (event.name.clone(), event.number("queued")))
        .collect()
}

/// Read everything, with a pause behind which no more may come.
fn read_all(client: &mut Client, watcher: &mut Client, session: u64) {
    eventually(patience(), || {
        while client.has_input() {
            client.receive().unwrap();
        }
        queued(watcher, session) == 0
    });
}

/// Full, empty, full and so on. The kernel's buffers grow while they are being filled, so that a clogged client may
/// have been a quick one for a moment.
fn check_turns(events: &[(String, u64)]) {
    for (index, (name, _)) in events.iter().enumerate() {
        let expected = ["buffer_full", "buffer_empty"][index % 2];
        assert_eq!(name, expected, "event {index} of {events:?}");
    }
}

#[test]
fn full_and_empty_take_turns() {
    let server = warden("11").start();
    let mut watcher = server.connect();
    let (mut client, session) = slow(&server);
    for _ in 0..3 {
        clog(&server, &mut client, &mut watcher, session);
        // Far more than a dozen sends found the buffer full: there is one event for all of them.
        let events = eventually_some(patience(), || {
            let events = buffer_events(&server.events(), session);
            (events.len() % 2 == 1).then_some(events)
        });
        check_turns(&events);
        let (_, at) = events.last().unwrap();
        assert!(*at >= HIGH, "{at} bytes were waiting");
        read_all(&mut client, &mut watcher, session);
        eventually(patience(), || {
            buffer_events(&server.events(), session).len() > events.len()
        });
        let events = buffer_events(&server.events(), session);
        check_turns(&events);
        let (name, at) = events.last().unwrap();
        assert_eq!(name, "buffer_empty");
        assert!(*at <= LOW, "{at} bytes were waiting");
    }
    drop((client, watcher));
    check_turns(&buffer_events(&server.stop(), session));
}

#[test]
fn a_send_that_the_client_takes_at_once_is_a_crossing_too() {
    let server = warden("11").start();
    let mut client = server.connect();
    let session = client.ask_number("!session");
    let big = "much ".repeat(HIGH as usize / 5 + 1);
    for sends in 1..=20 {
        assert_eq!(client.ask(&big), big);
        eventually(patience(), || {
            buffer_events(&server.events(), session).len() == 2 * sends
        });
    }
    let small = "less ".repeat(HIGH as usize / 5 / 2 - 10);
    for _ in 0..5 {
        assert_eq!(client.ask(&small), small);
    }
    drop(client);
    let events = buffer_events(&server.stop(), session);
    assert_eq!(events.len(), 40);
    check_turns(&events);
}

#[test]
fn empty_alone_comes_after_an_overflow() {
    let server = warden("01").start();
    let mut watcher = server.connect();
    let (mut client, session) = slow(&server);
    clog(&server, &mut client, &mut watcher, session);
    read_all(&mut client, &mut watcher, session);
    eventually(patience(), || {
        !buffer_events(&server.events(), session).is_empty()
    });
    drop((client, watcher));
    let events = buffer_events(&server.stop(), session);
    assert!(events.iter().all(|event| event.0 == "buffer_empty"));
}

#[test]
fn full_alone_comes_without_empty() {
    let server = warden("10").start();
    let mut watcher = server.connect();
    let (mut client, session) = slow(&server);
    let mut before = 0;
    for _ in 0..2 {
        clog(&server, &mut client, &mut watcher, session);
        eventually(patience(), || {
            buffer_events(&server.events(), session).len() > before
        });
        read_all(&mut client, &mut watcher, session);
        watcher.ask("what was on its way to the worker is there");
        before = buffer_events(&server.events(), session).len();
    }
    drop((client, watcher));
    let events = buffer_events(&server.stop(), session);
    assert!(
        events.iter().all(|event| event.0 == "buffer_full"),
        "{events:?}"
    );
}

#[test]
fn without_an_owner_nobody_hears_of_buffers() {
    let server = warden("11").set("dispatch_mode", 1).start();
    let mut watcher = server.connect();
    let (mut client, session) = slow(&server);
    clog(&server, &mut client, &mut watcher, session);
    read_all(&mut client, &mut watcher, session);
    watcher.ask("the last event of the worker");
    drop((client, watcher));
    let events = server.stop();
    assert_eq!(buffer_events(&events, session), []);
}

#[test]
fn nothing_comes_after_the_close_event() {
    let server = warden("11").start();
    let mut watcher = server.connect();
    let (mut client, session) = slow(&server);
    clog(&server, &mut client, &mut watcher, session);
    assert_eq!(watcher.ask_number(&format!("!close {session}")), 0);
    while client.receive().is_ok() {}
    eventually(patience(), || watcher.stat("connection_num") == 1);
    drop((client, watcher));
    let events = server.stop();
    let last = { events.iter() }.rfind(|event| {
        ["buffer_full", "buffer_empty", "ended"].contains(&event.name.as_str())
            && event.session() == session
    });
    assert_eq!(last.unwrap().name, "ended");
    let events = buffer_events(&events, session);
    check_turns(&events);
    assert_eq!(events.last().unwrap().0, "buffer_full");
}

#[test]
fn refusals_are_exact_and_a_thousand_of_them_are_few_lines() {
    let server = warden("00").start();
    let mut watcher = server.connect();
    let (mut client, session) = slow(&server);
    clog(&server, &mut client, &mut watcher, session);
    client.send("!settle");
    let settled = server.await_event("refused_all", 1);
    let waiting: u64 = settled.number("queued");
    assert!(
        (BUFFER..BUFFER + BLOCK + 64).contains(&waiting),
        "{waiting} bytes wait, of which one block may be too many"
    );
    assert_eq!(settled.number::<usize>("refused"), 1000);
    eventually(patience() + Duration::from_secs(1), || {
        server.log().contains("send() (ERRNO 1009): ")
            && server.log().contains(" more of these within a second")
    });
    let log = server.log();
    let lines = log
        .lines()
        .filter(|line| line.contains("ERRNO 1009"))
        .count();
    assert!(lines < 40, "{lines} lines");
    let first = format!("send failed, session={session} output buffer overflow");
    assert!(log.contains(&first), "{log}");
    drop((client, watcher));
    let events = server.stop();
    assert_eq!(named(&events, "worker_error"), Vec::<&Event>::new());
}

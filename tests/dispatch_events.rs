//! `enable_unsafe_event`: connect and close in the modes that spread the messages of a session.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::collections::{HashMap, HashSet};

use skep_tests::client::Ending;
use skep_tests::eventually::{eventually, patience};
use skep_tests::exposition::Exposition;
use skep_tests::http::get_unix;
use skep_tests::journal::{Event, named};
use skep_tests::server;
use skep_tests::server::{Builder, Server};

fn builder(program: &str, mode: u32) -> Builder {
    let builder = match program {
        "crash" => server!("crash"),
        "closer" => server!("closer"),
        _ => server!("echo"),
    };
    builder
        .sized(4, 2)
        .set("dispatch_mode", mode)
        .set("enable_unsafe_event", 1)
}

fn ready(builder: Builder) -> Server {
    let server = builder.start();
    let mut watcher = server.connect();
    server.await_idle_workers(&mut watcher, 3);
    drop(watcher);
    server.await_event("close", 1);
    server
}

/// Every session has one connect event and one close event, and no message of it is finished after the close event began.
#[track_caller]
fn assert_single_events(events: &[Event]) {
    let mut seen: HashMap<u64, (u32, u32)> = HashMap::new();
    for event in events {
        match event.name.as_str() {
            "connect" => seen.entry(event.session()).or_default().0 += 1,
            "close" => seen.entry(event.session()).or_default().1 += 1,
            _ => {}
        }
    }
    let wrong: Vec<_> = seen
        .iter()
        .filter(|(_, counts)| **counts != (1, 1))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn events_come_once_each_and_the_close_event_comes_last() {
    for mode in [1, 3, 6, 9, 10] {
        let server = ready(builder("echo", mode));
        for round in 0..20 {
            let mut client = server.connect();
            let ids: Vec<_> = (0..3).map(|_| client.send("!sleep 5")).collect();
            if round % 2 == 0 {
                client.finish_sending(); // at once: the end is there before the answers
            }
            let mut answered: Vec<_> = ids.iter().map(|_| client.receive().unwrap().0).collect();
            answered.sort_unstable();
            assert_eq!(answered, ids, "mode {mode}");
            if round % 2 == 0 {
                assert_eq!(client.ending(), Ending::Eof);
            }
        }
        server.await_event("close", 21);
        assert_eq!(server.log_count("cannot set"), 0);
        let events = server.stop();
        assert_single_events(&events);
        let mut over = HashSet::new();
        for event in &events {
            match event.name.as_str() {
                "close" => drop(over.insert(event.session())),
                "receive" | "received" => {
                    assert!(!over.contains(&event.session()), "mode {mode}: {event:?}");
                }
                _ => {}
            }
        }
        let homes: HashSet<_> = named(&events, "connect")
            .into_iter()
            .chain(named(&events, "close"))
            .map(|event| event.role.clone())
            .collect();
        assert!(homes.len() > 1, "mode {mode}: all events in {homes:?}");
    }
}

#[test]
fn without_it_modes_7_9_and_10_have_no_events_and_mode_6_has() {
    for (mode, expected) in [(7, 0), (9, 0), (10, 0), (0, 0), (6, 1)] {
        let server = server!("echo")
            .sized(2, 1)
            .set("dispatch_mode", mode)
            .start();
        assert_eq!(server.connect().ask("hello"), "hello");
        let mut watcher = server.connect();
        eventually(patience(), || watcher.stat("connection_num") == 1);
        drop(watcher);
        let line = format!("cannot set 'onConnect' event when using dispatch_mode={mode}");
        assert_eq!(server.log_count(&line), 1 - expected);
        let events = server.stop();
        let connects = named(&events, "connect").len();
        assert_eq!(connects, expected * 2, "mode {mode}");
    }
}

#[test]
fn a_server_that_closes_delivers_one_close_event() {
    let server = ready(builder("closer", 3));
    for round in 0..30 {
        let mut client = server.connect();
        let command = ["!close", "!reset", "!twice"][round % 3];
        client.send(command);
        if round % 5 == 0 {
            client.finish_sending();
        }
        let _ = client.drain();
    }
    // Another worker's session.
    for _ in 0..10 {
        let (mut one, mut other) = (server.connect(), server.connect());
        let session = other.ask_number("!session");
        assert_eq!(one.ask(format!("!close-of {session}")), "0");
        assert_eq!(other.ending(), Ending::Eof);
    }
    server.await_event("close", 51);
    let events = server.stop();
    assert_single_events(&events);
    let forced = named(&events, "close")
        .into_iter()
        .filter(|event| event.number::<i32>("reactor") == -1);
    assert!(forced.count() >= 10);
}

#[test]
fn a_client_that_resets_has_one_close_event() {
    let server = ready(builder("echo", 1));
    for _ in 0..20 {
        let mut client = server.connect();
        client.send("!sleep 3");
        client.reset();
    }
    server.await_event("close", 21);
    assert_single_events(&server.stop());
}

/// The message at work dies with its worker, and so do events: the session ends, with one close event.
#[test]
fn a_worker_that_dies_leaves_no_session_behind() {
    let server = ready(builder("crash", 3));
    for _ in 0..5 {
        let mut client = server.connect();
        client.send("!sleep 10");
        client.send("!kill");
        client.send("!sleep 10");
        let _ = client.drain();
    }
    eventually(patience(), || {
        let mut watcher = server.connect();
        watcher.stat("connection_num") == 1
    });
    let events = server.stop();
    let mut closes: HashMap<u64, u32> = HashMap::new();
    for event in named(&events, "close") {
        *closes.entry(event.session()).or_default() += 1;
    }
    assert!(closes.values().all(|&count| count == 1), "{closes:?}");
    let connects = named(&events, "connect").len();
    assert_eq!(connects, closes.len(), "every session that began has ended");
}

/// What waits for the only worker when the client resets: dropped if that is asked for, and the session is spread.
#[test]
fn messages_of_a_session_that_is_gone_are_dropped_if_that_is_asked_for() {
    for (mode, discards, dropped) in [(3, 0, false), (3, 1, true), (2, 1, false)] {
        let builder = server!("echo").sized(1, 1).set("dispatch_mode", mode);
        let metrics = builder.path("metrics.sock");
        let server = builder
            .set("discard_timeout_request", discards)
            .set("metrics_listen", format_args!("unix:{}", metrics.display()))
            .start();
        // The master tells while the worker is busy.
        let figure = |name: &str| {
            let page = get_unix(&metrics, "/metrics").unwrap().body;
            Exposition::parse(&page).unwrap().value(name)
        };
        let mut client = server.connect();
        let session = client.ask_number("!session");
        client.send("!sleep 1500");
        server.await_event("sleeping", 1);
        let mut late = Vec::new();
        for round in 0..3 {
            late.extend(client.number(format!("late {round}")));
        }
        let before = figure("skep_received_bytes_total");
        client.send_raw(&late).unwrap();
        eventually(patience(), || {
            figure("skep_received_bytes_total") >= before + late.len() as f64
        });
        client.reset();
        let mut watcher = server.connect();
        assert_eq!(watcher.ask("after them"), "after them");
        drop(watcher);
        let words = format!("bytes] received from session#{session}");
        let lines = server.log_count(&words);
        assert_eq!(
            lines,
            server.log_count("WARNING\treceive() (ERRNO 1007): [2] ignore data[")
        );
        let events = server.stop();
        let mut received = named(&events, "receive");
        received.retain(|event| event.session() == session);
        let bytes: usize = received[2..]
            .iter()
            .map(|event| event.number::<usize>("bytes"))
            .sum();
        let case = format!("mode {mode}, discard_timeout_request {discards}: {bytes}, {lines}");
        assert_eq!(bytes, if dropped { 0 } else { late.len() }, "{case}");
        assert_eq!(lines > 0, dropped, "{case}");
    }
}

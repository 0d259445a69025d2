//! Functions of the user that choose workers and measure messages.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::collections::HashSet;
use std::fs;
use std::io::Read;

use skep_tests::client::{Client, Ending};
use skep_tests::eventually::{eventually, patience};
use skep_tests::journal::named;
use skep_tests::server;
use skep_tests::server::{Builder, Server};

/// Where a function may run.
const PLACES: [&str; 2] = ["reactor", "main"];

fn builder(place: &str, mode: u32) -> Builder {
    server!("chooser")
        .sized(4, 2)
        .set("dispatch_mode", mode)
        .env("SKEP_TEST_DISPATCH", place)
        .env("SKEP_TEST_LENGTH", "reactor")
}

fn started(place: &str, mode: u32) -> (Server, Client) {
    let server = builder(place, mode).start();
    let mut client = server.connect();
    server.await_idle_workers(&mut client, 3);
    (server, client)
}

#[test]
fn a_function_names_the_worker_of_each_message_in_every_mode() {
    for place in PLACES {
        for mode in [1, 2, 6, 11] {
            let (server, mut client) = started(place, mode);
            for round in 0..12u64 {
                let worker = round * 7 % 4;
                assert_eq!(
                    client.ask_number(&format!("!worker to {worker}")),
                    worker,
                    "{place}, mode {mode}"
                );
            }
            drop(client);
            server.stop();
        }
    }
}

#[test]
fn what_a_function_leaves_to_the_mode_goes_as_without_it() {
    for place in PLACES {
        let (server, mut client) = started(place, 2);
        let home = client.ask_number("!worker");
        for _ in 0..5 {
            assert_eq!(client.ask_number("!worker to -3"), home);
            assert_eq!(
                client.ask_number(&format!("!worker to {}", (home + 1) % 4)),
                (home + 1) % 4
            );
        }
        server.stop();
    }
}

#[test]
fn discarded_messages_vanish_and_numbers_without_meaning_are_logged() {
    for place in PLACES {
        let (server, mut client) = started(place, 2);
        for number in [-1, 99, -9] {
            client.send(format!("hello to {number}"));
            let id = client.send("still here");
            assert_eq!(client.expect(id), "still here", "{place}: {number}");
        }
        server.await_log("invalid target worker-id[99]");
        server.await_log("invalid target worker id[-9]");
        server.stop();
    }
}

#[test]
fn a_function_may_close_the_session() {
    for place in PLACES {
        let (server, mut watcher) = started(place, 2);
        let mut client = server.connect();
        let session = client.ask_number("!session");
        client.send("hello to -2");
        client.send("never seen");
        assert_eq!(client.ending(), Ending::Eof);
        eventually(patience(), || watcher.stat("connection_num") == 1);
        let closed = server.await_event("close", 1);
        assert_eq!(
            (closed.session(), closed.number::<i32>("reactor")),
            (session, -1)
        );
        drop(watcher);
        let events = server.stop();
        let closes = named(&events, "close");
        assert_eq!(
            closes
                .iter()
                .filter(|event| event.session() == session)
                .count(),
            1
        );
    }
}

/// Dropped, closed or sent to nobody: connect and close still come, once each.
#[test]
fn events_cannot_be_dropped_by_a_function() {
    for place in PLACES {
        for (number, mode) in [(-1, 2), (-9, 6), (55, 2), (3, 2), (1, 6)] {
            let server = builder(place, mode)
                .env("SKEP_TEST_EVENTS_TO", number)
                .start();
            for _ in 0..6 {
                assert_eq!(server.connect().ask("hello"), "hello");
            }
            server.await_event("close", 6);
            let events = server.stop();
            for name in ["connect", "close"] {
                let found = named(&events, name);
                let sessions: HashSet<_> = found.iter().map(|event| event.session()).collect();
                assert_eq!(
                    (found.len(), sessions.len()),
                    (6, 6),
                    "{place}: {name} to {number}"
                );
                if (0..4).contains(&number) {
                    let role = format!("worker{number}");
                    assert!(found.iter().all(|event| event.role == role), "{found:?}");
                }
            }
        }
    }
}

/// -2 for a connect event: it is delivered, and then the session ends.
#[test]
fn a_function_may_turn_a_session_away_at_its_connect_event() {
    for place in PLACES {
        let server = builder(place, 2).env("SKEP_TEST_EVENTS_TO", -2).start();
        let mut client = server.connect();
        assert_eq!(client.ending(), Ending::Eof);
        server.await_event("close", 1);
        let events = server.stop();
        let names: Vec<_> = events
            .iter()
            .filter(|event| ["connect", "close"].contains(&event.name.as_str()))
            .map(|event| event.name.as_str())
            .collect();
        assert_eq!(names, ["connect", "close"]);
    }
}

#[test]
fn a_function_sees_numbers_that_scripts_know_and_runs_in_the_master_only() {
    for place in PLACES {
        let builder = builder(place, 2);
        let calls = builder.path("calls");
        let server = builder.env("SKEP_TEST_CALLS", calls.display()).start();
        let mut client = server.connect();
        let session = client.ask_number("!session");
        let long = "x".repeat(20_000);
        assert_eq!(client.ask(&long), long);
        // The owner closes it: nobody is asked for that.
        client.send("!close");
        assert_eq!(client.ending(), Ending::Eof);
        assert_eq!(server.connect().ask("other"), "other");
        server.await_event("close", 2);
        let master = server.master();
        let text = fs::read_to_string(&calls).unwrap();
        server.stop();
        let calls: Vec<Vec<i64>> = text
            .lines()
            .map(|line| line.split(' ').map(|word| word.parse().unwrap()).collect())
            .collect();
        assert!(
            calls.iter().all(|call| call[0] == i64::from(master)),
            "{calls:?}"
        );
        let of_session: Vec<_> = calls
            .iter()
            .filter(|call| call[1] == session as i64)
            .map(|call| (call[2], call[3]))
            .collect();
        let shown = if place == "main" { 8152 } else { 20_008 };
        assert_eq!(
            of_session,
            [(5, 0), (0, 12), (0, shown), (0, 10)],
            "{place}"
        );
        assert!(
            calls
                .iter()
                .any(|call| call[1] != session as i64 && call[2] == 4)
        );
    }
}

/// Each worker the function named may have something of the session: its answers come before the end.
#[test]
fn a_client_that_has_closed_its_half_gets_every_answer() {
    for place in PLACES {
        let (server, watcher) = started(place, 2);
        drop(watcher);
        for _ in 0..10 {
            let mut client = server.connect();
            for worker in 0..4 {
                client.send(format!("!worker to {worker}"));
            }
            client.finish_sending();
            let mut answers = HashSet::new();
            for _ in 0..4 {
                answers.insert(client.receive().unwrap().1);
            }
            assert_eq!(answers.len(), 4);
            assert_eq!(client.ending(), Ending::Eof);
        }
        server.stop();
    }
}

/// The reactor waits for the main thread, so the main thread must not wait for the reactor: what it sends from within
/// the function is more than there is room for.
#[test]
fn a_function_on_the_main_thread_may_send_as_much_as_it_likes() {
    let server = builder("main", 2).start();
    let mut client = server.connect();
    client.send_raw(b"1:5:flood").unwrap();
    // The worker's answer comes by a lane of its own, so anywhere among the rest.
    let expected = 16 * 65536 + ":end".len() + "1:5:flood".len();
    let mut got = vec![0; expected];
    client.stream().read_exact(&mut got).unwrap();
    let filling = got.iter().filter(|&&byte| byte == b'x').count();
    assert_eq!(filling, 16 * 65536);
    server.stop();
}

#[test]
fn a_function_on_the_main_thread_may_end_the_server() {
    let mut server = builder("main", 2).start();
    let mut client = server.connect();
    assert_eq!(client.ask("hello"), "hello");
    client.send("leave 7");
    // It was not told who gets it: the mode decides, and the answer comes before the end.
    assert_eq!(client.expect(2), "leave 7");
    let status = server.await_end(patience());
    assert_eq!(status.code(), Some(7));
}

/// Nothing is asked before the start callback has returned, and a stop in the middle of many questions hangs nowhere.
#[test]
fn a_stop_ends_while_questions_are_under_way() {
    for _ in 0..5 {
        let server = builder("main", 2).quiet().start();
        let mut clients: Vec<_> = (0..8).map(|_| server.connect()).collect();
        for client in &mut clients {
            for _ in 0..50 {
                client.send("some question to 1");
            }
        }
        assert_eq!(clients[0].expect(1), "some question to 1");
        server.stop();
    }
}

#[test]
fn a_length_function_cuts_the_stream_wherever_it_runs() {
    for place in PLACES {
        let server = server!("chooser")
            .sized(2, 1)
            .env("SKEP_TEST_LENGTH", place)
            .start();
        let mut client = server.connect();
        for byte in b"1:5:hello" {
            client.send_raw(&[*byte]).unwrap();
        }
        assert_eq!(client.receive().unwrap(), (1, b"hello".to_vec()));
        client.send_raw(b"2:3:one3:3:two4:5:th").unwrap();
        client.send_raw(b"ree").unwrap();
        for (id, payload) in [(2, "one"), (3, "two"), (4, "three")] {
            assert_eq!(client.receive().unwrap(), (id, payload.as_bytes().to_vec()));
        }
        let received = server.events_named("receive");
        assert_eq!(received.len(), 4, "each message is one callback");
        client.send_raw(b"5:2:ok666:1:x").unwrap();
        assert_eq!(client.receive().unwrap(), (5, b"ok".to_vec()));
        assert_eq!(client.ending(), Ending::Eof);
        server.await_log("(ERRNO 1204): received");
        server.stop();
    }
}

//! What a session goes through: connect, messages in order, close, each once and in one worker.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::collections::{HashMap, HashSet};
use std::thread;

use skep_tests::client::{Client, Ending};
use skep_tests::eventually::{eventually, patience};
use skep_tests::journal::{Event, named};
use skep_tests::server::Server;
use skep_tests::{pattern, server};

const BIG: usize = 64 << 20;
/// Threads that open and close connections at the same time.
const CROWD: usize = 4;

/// Run `act` so many times on each of several threads, every time with a new connection.
fn crowd(server: &Server, connections: usize, act: impl Fn(&Server, Client) + Sync) {
    thread::scope(|scope| {
        for _ in 0..CROWD {
            scope.spawn(|| (0..connections / CROWD).for_each(|_| act(server, server.connect())));
        }
    });
}

/// Wait until no session is open, stop, and check that each had its life in the right order.
fn check_lives(server: Server, sessions: usize) -> Vec<Event> {
    let mut watcher = server.connect();
    // The watcher's own is open.
    eventually(patience(), || watcher.stat("connection_num") == 1);
    let stats = watcher.stats();
    assert_eq!(stats["accept_count"], sessions as u64 + 1);
    assert_eq!(stats["close_count"], sessions as u64);
    assert_eq!(stats["abort_count"], 0);
    drop(watcher);
    let events = server.stop();
    let mut lives: HashMap<u64, Vec<&Event>> = HashMap::new();
    for event in events
        .iter()
        .filter(|e| ["connect", "receive", "close"].contains(&e.name.as_str()))
    {
        lives.entry(event.session()).or_default().push(event);
    }
    for (session, life) in &lives {
        let names: Vec<_> = life.iter().map(|event| event.name.as_str()).collect();
        let between = &names[1..names.len() - 1];
        let right = names[0] == "connect" && names[names.len() - 1] == "close";
        assert!(
            right && between.iter().all(|name| *name == "receive"),
            "session {session}: {names:?}"
        );
        let processes: HashSet<_> = life.iter().map(|event| event.pid).collect();
        assert_eq!(processes.len(), 1, "session {session} was in {processes:?}");
    }
    assert_eq!(
        lives.len(),
        sessions + 1,
        "every connection is a session of its own, no id comes twice"
    );
    assert_eq!(
        lives.keys().max(),
        Some(&(sessions as u64 + 1)),
        "ids count up from 1"
    );
    for trouble in ["disorder", "garbage", "worker_error"] {
        assert_eq!(named(&events, trouble), Vec::<&Event>::new());
    }
    events
}

#[test]
fn lives_end_once_when_the_client_leaves_in_good_order() {
    let server = server!("echo").sized(2, 2).start();
    crowd(&server, 2000, |_, mut client| {
        assert_eq!(client.ask("hello"), "hello");
    });
    check_lives(server, 2000);
}

#[test]
fn lives_end_once_when_the_client_leaves_without_a_word() {
    let server = server!("echo").sized(2, 2).start();
    crowd(&server, 1000, |_, client| drop(client));
    check_lives(server, 1000);
}

#[test]
fn lives_end_once_when_the_client_resets() {
    let server = server!("echo").sized(2, 2).start();
    crowd(&server, 1000, |_, mut client| {
        client.ask("hello");
        client.reset();
    });
    crowd(&server, 500, |_, mut client| {
        client.send("no time for the answer");
        client.reset();
    });
    check_lives(server, 1500);
}

#[test]
fn a_client_that_closes_its_half_still_gets_its_answers() {
    let server = server!("echo").sized(2, 2).start();
    crowd(&server, 1500, |_, mut client| {
        let first = client.send("first");
        let second = client.send("second");
        client.finish_sending();
        assert_eq!(client.expect(first), "first");
        assert_eq!(client.expect(second), "second");
        assert_eq!(client.ending(), Ending::Eof);
    });
    check_lives(server, 1500);
}

#[test]
fn the_server_closes_after_its_reply() {
    let server = server!("closer").sized(2, 2).start();
    crowd(&server, 1500, |_, mut client| {
        assert_eq!(
            client.ask("!close"),
            "bye",
            "what was queued before the close arrives"
        );
        assert_eq!(client.ending(), Ending::Eof);
    });
    let events = check_lives(server, 1500);
    let by_server = named(&events, "close")
        .iter()
        .filter(|e| e.number::<i32>("reactor") == -1)
        .count();
    assert_eq!(by_server, 1500);
    let reclosed = named(&events, "reclose")
        .iter()
        .all(|event| event.number::<i32>("code") == 1003);
    assert!(reclosed, "close in the close callback is refused");
}

#[test]
fn the_server_closes_with_messages_of_the_client_on_their_way() {
    let server = server!("closer").sized(2, 2).start();
    crowd(&server, 500, |_, mut client| {
        let close = client.send("!close");
        // Refused or thrown away, whichever it is: the answer before it is not destroyed by a reset.
        let _ = client.try_send("too late");
        assert_eq!(client.expect(close), "bye");
        let _ = client.drain();
    });
    check_lives(server, 500);
}

#[test]
fn the_server_closes_without_what_is_queued() {
    let server = server!("closer").sized(2, 2).start();
    crowd(&server, 1000, |_, mut client| {
        client.send("!reset");
        // The answer may have been written before the close came: it is whole then.
        assert!(client.drain().0 <= 1);
    });
    check_lives(server, 1000);
}

#[test]
fn a_second_close_is_refused() {
    let server = server!("closer").sized(2, 2).start();
    crowd(&server, 500, |_, mut client| {
        assert_eq!(client.ask("!twice"), "bye");
        assert_eq!(client.ending(), Ending::Eof);
    });
    let events = check_lives(server, 500);
    let codes: HashSet<(i32, i32)> = named(&events, "twice")
        .iter()
        .map(|e| (e.number("first"), e.number("second")))
        .collect();
    assert_eq!(codes, HashSet::from([(0, 1004)]));
}

#[test]
fn a_session_can_be_closed_from_another_worker() {
    let server = server!("closer").sized(2, 2).start();
    crowd(&server, 1000, |server, mut client| {
        let session = client.ask_number("!session");
        let mut other = server.connect();
        assert_eq!(other.ask(format!("!close-of {session}")), "0");
        assert_eq!(client.ending(), Ending::Eof);
    });
    let events = check_lives(server, 2000);
    assert!(named(&events, "close").len() >= 2000);
}

#[test]
fn a_session_can_be_closed_in_its_connect_callback() {
    let builder = server!("closer")
        .sized(2, 2)
        .env("SKEP_TEST_CLOSE_IN_CONNECT", 2);
    let server = builder.start();
    crowd(&server, 1000, |_, mut client| {
        match client.try_ask("!session") {
            Ok(session) => assert_eq!(session.parse::<u64>().unwrap() % 2, 1),
            Err(_) => drop(client), // the other half
        }
    });
    drop(server.connect());
    drop(server.connect()); // an even number, so that the watcher of the check gets an odd id and lives
    eventually(patience(), || server.events_named("close").len() == 1002);
    let events = check_lives(server, 1002);
    for closed in named(&events, "reclose") {
        assert_eq!(closed.number::<i32>("code"), 1003);
    }
}

/// Sends bytes in pieces of varying size, as no network promises not to do.
fn send_in_pieces(client: &mut Client, bytes: &[u8], seed: &mut u64) {
    let mut rest = bytes;
    while !rest.is_empty() {
        *seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let draw = (*seed >> 33) as usize;
        let longest = if draw.is_multiple_of(7) { 9000 } else { 60 };
        let (piece, tail) = rest.split_at((1 + draw % longest).min(rest.len()));
        client.send_raw(piece).unwrap();
        rest = tail;
    }
}

#[test]
fn messages_keep_their_order_however_the_stream_is_split() {
    let server = server!("echo").sized(2, 2).start();
    thread::scope(|scope| {
        for number in 0..6u64 {
            let mut client = server.connect();
            scope.spawn(move || {
                let mut seed = 0x5EED + number;
                let mut stream = Vec::new();
                let words: Vec<_> = (0..1500u64)
                    .map(|i| "word ".repeat((i * 7 % 40) as usize))
                    .collect();
                for word in &words {
                    stream.extend(client.number(word));
                }
                send_in_pieces(&mut client, &stream, &mut seed);
                for (index, word) in words.iter().enumerate() {
                    assert_eq!(client.expect(index as u64 + 1), *word);
                }
            });
        }
    });
    check_lives(server, 6);
}

#[test]
fn sixty_four_mebibytes_arrive_in_both_directions() {
    let server = server!("sender").sized(1, 1).start();
    let mut client = server.connect();
    let mut data = vec![b'='];
    data.extend(pattern::make(BIG));
    let message = client.number(&data);
    drop(data);
    for piece in message.chunks(1_000_003) {
        client.send_raw(piece).unwrap();
    }
    drop(message);
    assert_eq!(client.expect(1), format!("good {BIG}"));
    client.send(format!("!big {BIG}"));
    let (id, payload) = client.receive().unwrap();
    assert_eq!((id, payload.len()), (2, BIG));
    assert_eq!(pattern::first_difference(&payload), None);
    assert_eq!(client.ask("still well"), "still well");
    drop(client);
    server.stop();
}

#[test]
fn eight_clients_get_sixteen_mebibytes_each_at_the_same_time() {
    let server = server!("sender").sized(2, 2).start();
    thread::scope(|scope| {
        for _ in 0..8 {
            let mut client = server.connect();
            scope.spawn(move || {
                client.send(format!("!big {}", 16 << 20));
                let (_, payload) = client.receive().unwrap();
                assert_eq!(
                    (payload.len(), pattern::first_difference(&payload)),
                    (16 << 20, None)
                );
            });
        }
    });
    server.stop();
}

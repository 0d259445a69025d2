//! What can be done with a session from anywhere: bind, protect, pause, resume, look at it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::collections::HashMap;
use std::fs;

use nix::sys::signal::Signal;
use skep_tests::client::{Client, Ending};
use skep_tests::eventually::{eventually, patience};
use skep_tests::journal::named;
use skep_tests::server;

/// With one reactor: whatever it was asked for before, and whatever was ready to be read, is dealt with.
fn let_the_reactor_turn(watcher: &mut Client) {
    for _ in 0..20 {
        watcher.ask("another turn");
    }
}

fn info(watcher: &mut Client, session: u64) -> HashMap<String, String> {
    let answer = watcher.ask(format!("!info {session}"));
    let pairs = answer.split(' ').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| (key.into(), value.into()))
        .collect()
}

#[test]
fn a_session_is_bound_once() {
    let server = server!("warden").sized(2, 1).start();
    let mut client = server.connect_to(0);
    let mut other = server.connect_to(1);
    let session = client.ask_number("!session");
    assert_eq!(info(&mut other, session)["uid"], "None");
    let bind = |by: &mut Client, uid: u32| by.ask_number(&format!("!bind {session} {uid}"));
    assert_eq!(bind(&mut other, 0), 0, "binds nothing");
    assert_eq!(bind(&mut other, u32::MAX), 0);
    assert_eq!(bind(&mut client, 5), 509, "the first one counts");
    assert_eq!(bind(&mut client, 0), 509);
    for watcher in [&mut client, &mut other] {
        assert_eq!(info(watcher, session)["uid"], "Some(4294967295)");
    }
    drop((client, other));
    server.stop();
}

#[test]
fn every_process_sees_the_same_of_a_session() {
    let server = server!("warden").sized(2, 1).start();
    let mut client = server.connect_to(0);
    let mut other = server.connect_to(1);
    let session = client.ask_number("!session");
    let here = client.stream().local_addr().unwrap().port().to_string();
    let seen = info(&mut other, session);
    for (key, value) in [
        ("worker", "Some(0)"),
        ("port", "0"),
        ("server_port", &server.port().to_string()),
        ("kind", "Tcp"),
        ("remote_port", &here),
        ("errno", "0"),
        ("protected", "false"),
        ("paused", "false"),
    ] {
        assert_eq!(seen[key], value, "{key}");
    }
    assert_eq!(other.ask_number(&format!("!protect {session} 1")), 0);
    assert_eq!(info(&mut client, session)["protected"], "true");
    assert_eq!(client.ask_number(&format!("!protect {session} 0")), 0);
    assert_eq!(info(&mut other, session)["protected"], "false");
    drop((client, other));
    server.stop();
}

#[test]
fn a_clean_end_has_no_errno_and_a_reset_has_its_own() {
    let server = server!("warden").sized(1, 1).start();
    let mut clean = server.connect();
    let clean_id = clean.ask_number("!session");
    let mut broken = server.connect();
    let broken_id = broken.ask_number("!session");
    clean.send_raw(b"9:100:half a message").unwrap();
    drop(clean);
    broken.reset();
    eventually(patience(), || server.events_named("ended").len() == 2);
    let events = server.stop();
    for event in named(&events, "ended") {
        let errno = if event.session() == broken_id { 104 } else { 0 };
        assert!([clean_id, broken_id].contains(&event.session()));
        assert_eq!(event.number::<i32>("errno"), errno, "{event:?}");
    }
}

#[test]
fn a_paused_session_is_not_read_and_loses_nothing() {
    let server = server!("warden").sized(2, 1).start();
    let mut client = server.connect_to(0);
    let mut other = server.connect_to(1);
    let session = client.ask_number("!session");
    for _ in 0..2 {
        assert_eq!(
            other.ask_number(&format!("!pause {session}")),
            0,
            "also again"
        );
    }
    assert_eq!(info(&mut other, session)["paused"], "true");
    let before = info(&mut other, session)["received_us"].clone();
    let first = client.send("said while it was paused");
    let second = client.send("!session");
    let_the_reactor_turn(&mut other);
    assert_eq!(info(&mut other, session)["received_us"], before);
    assert!(!client.has_input());
    for _ in 0..2 {
        assert_eq!(
            other.ask_number(&format!("!resume {session}")),
            0,
            "also again"
        );
    }
    assert_eq!(client.expect(first), "said while it was paused");
    assert_eq!(client.expect(second), session.to_string());
    assert_eq!(info(&mut other, session)["paused"], "false");
    drop((client, other));
    server.stop();
}

#[test]
fn the_end_of_a_paused_client_is_noticed_after_the_resumption() {
    let server = server!("warden").sized(2, 1).start();
    let mut client = server.connect_to(0);
    let mut other = server.connect_to(1);
    let session = client.ask_number("!session");
    assert_eq!(other.ask_number(&format!("!pause {session}")), 0);
    let last = client.send("and good-bye");
    client.finish_sending();
    let_the_reactor_turn(&mut other);
    assert!(!client.has_input());
    assert_eq!(
        server
            .events_named("close")
            .iter()
            .filter(|e| e.session() == session)
            .count(),
        0
    );
    assert_eq!(other.ask_number(&format!("!resume {session}")), 0);
    assert_eq!(
        client.expect(last),
        "and good-bye",
        "the data comes before the end"
    );
    assert_eq!(client.ending(), Ending::Eof);
    drop(other);
    let events = server.stop();
    let closes = named(&events, "close");
    let close = closes
        .iter()
        .find(|event| event.session() == session)
        .unwrap();
    assert_eq!(close.number::<i32>("reactor"), 0);
}

#[test]
fn a_paused_session_can_be_sent_to_and_closed() {
    let server = server!("warden").sized(2, 1).start();
    let mut client = server.connect_to(0);
    let mut other = server.connect_to(1);
    let session = client.ask_number("!session");
    // Its worker pauses it itself, and the answer arrives all the same.
    assert_eq!(client.ask_number(&format!("!pause {session}")), 0);
    client.send("never read");
    assert_eq!(other.ask_number(&format!("!close {session}")), 0);
    assert_eq!(client.ending(), Ending::Eof);
    eventually(patience(), || other.stat("connection_num") == 1);
    drop(other);
    server.stop();
}

#[test]
fn unknown_and_closed_sessions_are_refused() {
    let server = server!("warden").sized(1, 1).start();
    let mut client = server.connect();
    let mut gone = server.connect();
    let session = gone.ask_number("!session");
    assert_eq!(client.ask_number(&format!("!close {session}")), 0);
    assert_eq!(gone.ending(), Ending::Eof);
    for verb in ["bind", "protect", "pause", "resume"] {
        assert_eq!(client.ask_number(&format!("!{verb} 0 1")), 1005, "{verb}");
        assert_eq!(client.ask_number(&format!("!{verb} 999 1")), 1005, "{verb}");
        assert_eq!(
            client.ask_number(&format!("!{verb} {session} 1")),
            1004,
            "{verb}"
        );
    }
    drop((client, gone));
    server.stop();
}

#[test]
fn a_session_can_wait_for_its_first_reading() {
    let server = server!("warden")
        .sized(1, 1)
        .set("enable_delay_receive", 1)
        .env("SKEP_TEST_RESUME", 2)
        .start();
    let mut waiting = server.connect();
    server.await_event("connect", 1);
    let mut read = server.connect();
    assert_eq!(read.ask("!session"), "2", "resumed in its connect callback");
    let first = waiting.send("the first words");
    let_the_reactor_turn(&mut read);
    assert!(!waiting.has_input());
    let seen = info(&mut read, 1);
    assert_eq!((&*seen["paused"], &*seen["received_us"]), ("true", "0"));
    assert_eq!(read.ask_number("!resume 1"), 0);
    assert_eq!(waiting.expect(first), "the first words");
    drop((waiting, read));
    server.stop();
}

#[test]
fn paused_sessions_do_not_hold_up_a_stop() {
    let server = server!("warden")
        .sized(1, 1)
        .set("enable_delay_receive", 1)
        .env("SKEP_TEST_RESUME", 2)
        .start();
    let mut fresh = server.connect();
    server.await_event("connect", 1);
    let mut paused = server.connect();
    assert_eq!(paused.ask_number("!pause 2"), 0);
    fresh.send("never read");
    paused.send("never read");
    let events = server.stop();
    let mut closed: Vec<_> = named(&events, "close")
        .iter()
        .map(|event| event.session())
        .collect();
    closed.sort_unstable();
    assert_eq!(closed, [1, 2]);
    drop((fresh, paused));
}

#[test]
fn the_manager_treats_sessions_as_workers_do() {
    let server = server!("warden").sized(1, 1).start();
    let mut client = server.connect();
    let mut other = server.connect();
    assert_eq!(client.ask_number("!session"), 1);
    server.signal(server.master(), Signal::SIGUSR1);
    server.await_event("after_reload", 1);
    let said = fs::read_to_string(server.path("stderr")).unwrap();
    assert!(said.contains("treated [0, 0, 0, 1005]"), "{said}");
    let seen = info(&mut other, 1);
    assert_eq!(
        (&*seen["uid"], &*seen["protected"], &*seen["paused"]),
        ("Some(7)", "true", "true")
    );
    drop((client, other));
    server.stop();
}

#[test]
fn lists_go_on_from_a_session_that_has_gone() {
    let server = server!("warden").sized(2, 2).start();
    let mut clients: Vec<Client> = (0..7).map(|_| server.connect()).collect();
    let mut last = clients.pop().unwrap();
    assert_eq!(last.ask("!session"), "7");
    assert_eq!(last.ask("!list 0 3"), "1 2 3");
    drop(clients.remove(2));
    drop(clients.remove(3));
    eventually(patience(), || last.stat("connection_num") == 5);
    assert_eq!(last.ask("!list 3 2"), "4 6", "3 and 5 have gone");
    assert_eq!(last.ask("!list 6 10"), "7");
    assert_eq!(last.ask("!list 7 10"), "");
    assert_eq!(last.ask("!list 0 100"), "1 2 4 6 7");
    drop((clients, last));
    server.stop();
}

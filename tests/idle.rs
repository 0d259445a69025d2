//! Sessions that are silent, half said, or take nothing: they end in time, and others do not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use skep_tests::client::{Client, Ending};
use skep_tests::eventually::{eventually, eventually_some, monotonic_ms, patience, promised};
use skep_tests::journal::{Event, named};
use skep_tests::server;
use skep_tests::server::Server;

/// Time for a loaded machine to notice what is due.
const SLACK: Duration = Duration::from_secs(2);

/// Say something every 100 ms for so long.
fn chat(client: &mut Client, limit: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < limit {
        assert_eq!(client.ask("I am here"), "I am here");
        thread::sleep(Duration::from_millis(100)); // the rhythm of a client
    }
}

fn close_of(events: &[Event], session: u64) -> Option<&Event> {
    { named(events, "close").into_iter() }.find(|event| event.session() == session)
}

/// The server ended this session by itself: its reactor did.
fn check_ended(server: &Server, session: u64) {
    let events = eventually_some(patience(), || {
        let events = server.events();
        close_of(&events, session).is_some().then_some(events)
    });
    let close = close_of(&events, session).unwrap();
    assert_eq!(close.number::<i32>("reactor"), 0);
}

#[test]
fn the_heartbeat_ends_silent_sessions_and_no_others() {
    let server = server!("warden")
        .sized(1, 1)
        .set("heartbeat_idle_time", 2)
        .start();
    let mut talker = server.connect();
    let mut protected = server.connect();
    let session = protected.ask_number("!session");
    assert_eq!(talker.ask_number(&format!("!protect {session} 1")), 0);
    let mut silent = server.connect();
    let ended = silent.ask_number("!session");
    let begin = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| chat(&mut talker, Duration::from_secs(4)));
        assert_eq!(silent.ending(), Ending::Eof);
        let took = begin.elapsed();
        // The interval is half the idle time.
        let limits = Duration::from_secs(2)..promised(Duration::from_secs(3) + SLACK);
        assert!(
            limits.contains(&(took + Duration::from_millis(50))),
            "{took:?}"
        );
    });
    check_ended(&server, ended);
    assert_eq!(protected.ask("still here"), "still here");
    assert_eq!(talker.ask_number(&format!("!protect {session} 0")), 0);
    thread::scope(|scope| {
        scope.spawn(|| chat(&mut talker, Duration::from_secs(4)));
        assert_eq!(protected.ending(), Ending::Eof, "not protected any more");
    });
    drop(talker);
    server.stop();
}

#[test]
fn sending_to_a_client_is_no_sign_of_its_life() {
    let server = server!("warden")
        .sized(1, 1)
        .set("heartbeat_idle_time", 1)
        .start();
    let mut client = server.connect();
    let begin = Instant::now();
    client.send(format!("!fill {}", 1 << 20));
    while client.receive().is_ok() {} // takes what it gets, says nothing
    let took = begin.elapsed();
    assert!(took < promised(Duration::from_secs(2) + SLACK), "{took:?}");
    server.stop();
}

#[test]
fn every_worker_gives_the_same_heartbeat() {
    let server = server!("warden")
        .sized(2, 2)
        .set("heartbeat_check_interval", 2)
        .set("heartbeat_idle_time", 4)
        .start();
    // Looked at on every second full second of the clock that all processes share.
    let mut silent = eventually_some(patience(), || {
        let phase = monotonic_ms() % 2000;
        (50..200).contains(&phase).then(|| server.connect())
    });
    let session = silent.ask_number("!session");
    let (mut one, mut other) = (server.connect_to(0), server.connect_to(1));
    eventually(patience(), || {
        other.ask("I am here");
        one.ask("!heartbeat 0") == session.to_string()
    });
    assert_eq!(other.ask("!heartbeat 0"), session.to_string());
    assert_eq!(one.ask_number(&format!("!protect {session} 1")), 0);
    assert_eq!(other.ask("!heartbeat 0"), "");
    assert_eq!(one.ask_number(&format!("!protect {session} 0")), 0);
    assert_eq!(other.ask("!heartbeat 1"), session.to_string());
    assert_eq!(silent.ending(), Ending::Eof);
    drop((one, other));
    let events = server.stop();
    let close = close_of(&events, session).unwrap();
    assert_eq!(close.number::<i32>("reactor"), -1, "a call closed it");
}

#[test]
fn without_settings_there_is_no_heartbeat() {
    let server = server!("warden").sized(1, 1).start();
    let mut client = server.connect();
    assert_eq!(client.ask("!heartbeat 1"), "none");
    drop(client);
    server.stop();
}

#[test]
fn sessions_without_traffic_end_and_others_live() {
    let server = server!("warden")
        .sized(1, 1)
        .set("max_idle_time", 1.5)
        .start();
    let mut talker = server.connect();
    let mut silent = server.connect();
    let session = silent.ask_number("!session");
    let begin = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| chat(&mut talker, Duration::from_secs(4)));
        assert_eq!(silent.ending(), Ending::Eof);
        let took = begin.elapsed();
        let limits = Duration::from_millis(1450)..promised(Duration::from_millis(1500) + SLACK);
        assert!(limits.contains(&took), "{took:?}");
    });
    check_ended(&server, session);
    assert_eq!(
        talker.ask("still here"),
        "still here",
        "it was never silent"
    );
    drop(talker);
    server.stop();
}

#[test]
fn the_rest_of_a_message_has_to_come() {
    let server = server!("frames")
        .sized(1, 1)
        .set("open_length_check", 1)
        .set("receive_timeout", 0.4)
        .start();
    let connect = || {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
        stream.set_read_timeout(Some(patience())).unwrap();
        stream
    };
    let mut quiet = connect();
    let mut half = connect();
    let begin = Instant::now();
    half.write_all(b"\0\0\0\x04whol\0\0\0\x0ahalf").unwrap();
    // Bytes that do not complete it change nothing.
    let mut answer = Vec::new();
    let mut trickle = half.try_clone().unwrap();
    let trickling = thread::spawn(move || {
        for _ in 0..3 {
            thread::sleep(Duration::from_millis(100)); // the rhythm of a client
            let _ = trickle.write_all(b"."); // at the end it may be closed
        }
    });
    half.read_to_end(&mut answer).unwrap();
    let took = begin.elapsed();
    trickling.join().unwrap();
    assert_eq!(
        answer, b"\0\0\0\x08\0\0\0\x04whol",
        "the whole one is answered"
    );
    let limits = Duration::from_millis(350)..promised(Duration::from_millis(400) + SLACK);
    assert!(limits.contains(&took), "{took:?}");
    check_ended(&server, 2);
    let log = server.log();
    let text = "receive() (ERRNO 110): the rest of a message from session#2 [127.0.0.1:";
    assert!(log.contains(text), "{log}");
    assert_eq!(
        server.events_named("close").len(),
        1,
        "silence is no half message"
    );
    quiet.write_all(b"\0\0\0\x02ok").unwrap();
    let mut answer = [0; 10];
    quiet.read_exact(&mut answer).unwrap();
    drop(quiet);
    let events = server.stop();
    assert_eq!(close_of(&events, 2).unwrap().number::<i32>("errno"), 110);
}

#[test]
fn the_rest_of_a_message_has_to_come_where_half_closed_clients_may_stay_too() {
    let server = server!("frames")
        .sized(1, 1)
        .set("open_length_check", 1)
        .set("open_half_close", 1)
        .set("receive_timeout", 0.2)
        .start();
    let mut half = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
    half.set_read_timeout(Some(patience())).unwrap();
    half.write_all(b"\0\0\0\x04whol\0\0\0\x0ahalf").unwrap();
    let mut answer = Vec::new();
    half.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"\0\0\0\x08\0\0\0\x04whol");
    check_ended(&server, 1);
    server.stop();
}

#[test]
fn a_client_that_takes_nothing_is_given_up() {
    let server = server!("warden")
        .sized(1, 1)
        .set("send_stall_timeout", 1)
        .start();
    let mut stalled = server.connect();
    stalled.shrink_receive_buffer(16 << 10);
    let session = stalled.ask_number("!session");
    let mut slow = server.connect();
    slow.shrink_receive_buffer(16 << 10);
    slow.ask("hello");
    for client in [&mut stalled, &mut slow] {
        client.send(format!("!fill {}", 1u64 << 40));
    }
    let mut reader = slow.stream().try_clone().unwrap();
    let reading = thread::spawn(move || {
        let (mut bytes, begin) = (vec![0; 8 << 10], Instant::now());
        let mut taken = 0;
        while begin.elapsed() < Duration::from_secs(4) {
            taken += reader.read(&mut bytes).unwrap();
            thread::sleep(Duration::from_millis(50)); // the rhythm of a slow client
        }
        taken
    });
    check_ended(&server, session);
    let log = server.log();
    let text = format!("send() (ERRNO 110): session#{session} [127.0.0.1:");
    assert!(
        log.contains(&text) && log.contains(" has taken nothing for 1 s, "),
        "{log}"
    );
    assert!(reading.join().unwrap() > 0);
    let events = server.events();
    assert_eq!(named(&events, "close").len(), 1, "slow is not stalled");
    drop((stalled, slow));
    let events = server.stop();
    let ended = { named(&events, "ended").into_iter() }.find(|e| e.session() == session);
    assert_eq!(ended.unwrap().number::<i32>("errno"), 110);
}

/// How often the threads of a process have gone to sleep.
fn sleeps(pid: i32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of_thread = |thread: fs::DirEntry| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|count| count.trim().parse::<u64>().ok())
            .unwrap_or(0)
    };
    threads.flatten().map(of_thread).sum()
}

#[test]
fn waiting_for_silence_costs_no_wakeups() {
    let server = server!("warden")
        .sized(1, 1)
        .set("heartbeat_idle_time", 60)
        .set("max_idle_time", 60)
        .set("receive_timeout", 60)
        .set("send_stall_timeout", 60)
        .start();
    let mut clients: Vec<Client> = (0..50).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.ask("hello");
    }
    let before = sleeps(server.master());
    thread::sleep(Duration::from_secs(2)); // the time that is measured
    let woken = sleeps(server.master()) - before;
    assert!(woken < 20, "{woken} wake-ups in 2 s");
    drop(clients);
    server.stop();
}

#[test]
fn limits_do_not_delay_a_stop() {
    for (key, value) in [("heartbeat_idle_time", 24), ("max_idle_time", 1000)] {
        let server = server!("warden").sized(1, 1).set(key, value).start();
        let mut client = server.connect();
        client.ask("hello");
        let begin = Instant::now();
        server.stop();
        assert!(begin.elapsed() < promised(Duration::from_secs(2)), "{key}");
    }
}

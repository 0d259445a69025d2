//! Which worker gets a message.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use skep_tests::client::{Client, Ending};
use skep_tests::eventually::{eventually, patience};
use skep_tests::journal::{Event, named};
use skep_tests::server::Server;
use skep_tests::{process, server};

fn started(mode: u32, workers: u32) -> (Server, Client) {
    let server = server!("echo")
        .sized(workers, 1)
        .set("dispatch_mode", mode)
        .start();
    let mut client = server.connect();
    // Modes 1 and 3 pass over workers that are still starting; the one that answers is busy.
    server.await_idle_workers(&mut client, u64::from(workers) - 1);
    (server, client)
}

fn count_by_worker(client: &mut Client, requests: u32) -> HashMap<u64, u32> {
    let mut counts = HashMap::new();
    for _ in 0..requests {
        *counts.entry(client.ask_number("!worker")).or_default() += 1;
    }
    counts
}

#[test]
fn mode_1_gives_each_worker_its_turn() {
    let (server, mut client) = started(1, 4);
    assert_eq!(
        count_by_worker(&mut client, 40),
        HashMap::from([(0, 10), (1, 10), (2, 10), (3, 10)])
    );
    server.stop();
}

/// The end of a connection is no message and takes no turn.
#[test]
fn mode_1_gives_each_worker_its_turn_with_short_connections() {
    let (server, first) = started(1, 2);
    drop(first);
    let mut counts: HashMap<u64, u32> = HashMap::new();
    for _ in 0..20 {
        let mut client = server.connect();
        *counts.entry(client.ask_number("!worker")).or_default() += 1;
        client.finish_sending();
        assert_eq!(client.ending(), Ending::Eof);
    }
    assert!(
        counts.len() == 2 && counts.values().all(|&count| count >= 5),
        "{counts:?}"
    );
    server.stop();
}

#[test]
fn mode_2_keeps_a_session_in_its_worker_and_spreads_sessions() {
    let (server, first) = started(2, 4);
    drop(first);
    let mut homes = HashMap::new();
    for _ in 0..20 {
        let mut client = server.connect();
        let counts = count_by_worker(&mut client, 10);
        assert_eq!(counts.len(), 1, "{counts:?}");
        *homes.entry(counts.into_keys().next().unwrap()).or_insert(0) += 1;
    }
    assert_eq!(homes, HashMap::from([(0, 5), (1, 5), (2, 5), (3, 5)]));
    server.stop();
}

#[test]
fn mode_2_keeps_the_order_of_a_session() {
    let (server, mut client) = started(2, 3);
    client.send("!sleep 50");
    let ids: Vec<_> = (0..100)
        .map(|number| client.send(format!("{number}")))
        .collect();
    assert!(matches!(client.receive(), Ok((_, answer)) if answer == b"slept"));
    for (number, id) in ids.into_iter().enumerate() {
        assert_eq!(client.expect(id), number.to_string());
    }
    let events = server.stop();
    assert_eq!(named(&events, "disorder"), Vec::<&Event>::new());
}

#[test]
fn mode_3_sends_quick_requests_past_a_blocked_worker() {
    quick_requests_pass_a_blocked_worker(4);
}

#[test]
fn mode_3_prefers_a_worker_that_makes_progress_to_a_blocked_one() {
    quick_requests_pass_a_blocked_worker(2);
}

fn quick_requests_pass_a_blocked_worker(workers: u32) {
    let (server, mut slow) = started(3, workers);
    let sleeping = slow.send("!sleep 1000");
    let blocked = server.await_event("sleeping", 1).role;
    // The server tells a blocked worker from one that is just ending a callback by the time that it takes.
    let begun = Instant::now();
    eventually(patience(), || begun.elapsed() > Duration::from_millis(30));
    let mut quick = server.connect();
    for number in 0..50 {
        let question = format!("quick {number}");
        assert_eq!(quick.ask(&question), question);
        assert_ne!(format!("worker{}", quick.ask_number("!worker")), blocked);
    }
    assert!(!slow.has_input(), "the blocked one is still at it");
    assert_eq!(slow.expect(sleeping), "slept");
    server.stop();
}

#[test]
fn mode_3_uses_every_worker_when_all_are_needed() {
    let (server, first) = started(3, 4);
    drop(first);
    let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
    let ids: Vec<_> = clients
        .iter_mut()
        .map(|client| client.send("!sleep 400"))
        .collect();
    for (client, id) in clients.iter_mut().zip(ids) {
        assert_eq!(client.expect(id), "slept");
    }
    let busy: HashSet<_> = server
        .events_named("sleeping")
        .into_iter()
        .map(|event| event.pid)
        .collect();
    assert_eq!(busy.len(), 4, "four slow requests are in four workers");
    server.stop();
}

/// A session whose bytes wait at a blocked worker may be read no further, but must not keep its
/// reactor awake: the worker that is idle will never make room for it.
#[test]
fn mode_3_does_not_spin_when_a_session_has_reached_its_limit() {
    let server = server!("echo")
        .sized(2, 1)
        .set("dispatch_mode", 3)
        .set("max_queued_bytes", 1000)
        .start();
    let mut watcher = server.connect();
    server.await_idle_workers(&mut watcher, 1);
    // Both workers are blocked, one of them for longer, and each has a message over the limit waiting.
    let (mut long, mut short) = (server.connect(), server.connect());
    let long_id = long.send("!sleep 2000");
    server.await_event("sleeping", 1);
    let short_id = short.send("!sleep 300");
    server.await_event("sleeping", 2);
    let mut waiting: Vec<_> = (0..2).map(|_| server.connect()).collect();
    let over = "x".repeat(1500);
    let first: Vec<_> = waiting
        .iter_mut()
        .map(|client| client.send(&over))
        .collect();
    assert_eq!(short.expect(short_id), "slept");
    eventually(patience(), || waiting.iter_mut().any(Client::has_input));
    let more: Vec<_> = waiting
        .iter_mut()
        .map(|client| client.send("one more"))
        .collect();
    let before = process::cpu_ticks(server.master());
    assert_eq!(long.expect(long_id), "slept");
    let used = process::cpu_ticks(server.master()) - before;
    for (client, (first, more)) in waiting.iter_mut().zip(first.into_iter().zip(more)) {
        // In this mode the second may overtake the first.
        let answers = HashMap::from([(); 2].map(|()| client.receive().unwrap()));
        let expected = [(first, over.clone().into()), (more, b"one more".into())];
        assert_eq!(answers, HashMap::from(expected));
    }
    assert!(
        used <= 20,
        "the master used {used} ticks of 10 ms while there was nothing to do"
    );
    server.stop();
}

#[test]
fn modes_1_and_3_have_no_connect_and_close_events() {
    for mode in [1, 3] {
        let (server, mut client) = started(mode, 2);
        for _ in 0..10 {
            assert_eq!(server.connect().ask("hello"), "hello");
        }
        eventually(patience(), || client.stat("connection_num") == 1);
        drop(client);
        for event in ["onConnect", "onClose"] {
            let line = format!("cannot set '{event}' event when using dispatch_mode={mode}");
            assert_eq!(server.log_count(&line), 1);
        }
        let events = server.stop();
        assert_eq!(
            named(&events, "connect").len() + named(&events, "close").len(),
            0,
            "mode {mode}"
        );
    }
}

#[test]
fn modes_1_and_3_answer_a_client_that_has_closed_its_half() {
    for mode in [1, 3] {
        let (server, mut watcher) = started(mode, 2);
        for _ in 0..20 {
            let mut client = server.connect();
            client.send("!sleep 10");
            client.finish_sending();
            assert_eq!(client.expect(1), "slept", "mode {mode}");
            assert_eq!(client.ending(), Ending::Eof, "mode {mode}");
        }
        eventually(patience(), || watcher.stat("connection_num") == 1);
        drop(watcher);
        server.stop();
    }
}

#[test]
fn modes_1_and_3_serve_the_requests_of_a_session_beside_each_other() {
    for mode in [1, 3] {
        let (server, watcher) = started(mode, 2);
        drop(watcher);
        let mut client = server.connect();
        let slow = client.send("!sleep 300");
        server.await_event("sleeping", 1);
        let quick = client.send("quick");
        client.finish_sending();
        // The quick one overtakes unless its turn is the blocked worker's; both are answered.
        let mut ids: Vec<_> = (0..2).map(|_| client.receive().unwrap().0).collect();
        ids.sort_unstable();
        assert_eq!(ids, [slow, quick], "mode {mode}");
        assert_eq!(client.ending(), Ending::Eof);
        server.stop();
    }
}

/// Mode 4: 127.0.0.1 as a number is 0x7f000001.
#[test]
fn mode_4_sends_all_sessions_of_an_address_to_one_worker() {
    let (server, mut first) = started(4, 4);
    let home = u64::from(0x7f00_0001u32 % 4);
    assert_eq!(first.ask_number("!worker"), home);
    for _ in 0..10 {
        assert_eq!(server.connect().ask_number("!worker"), home);
    }
    drop(first);
    let events = server.stop();
    let homes: HashSet<_> = ["connect", "close"]
        .iter()
        .flat_map(|name| named(&events, name))
        .map(|event| event.role.clone())
        .collect();
    assert_eq!(homes, HashSet::from([format!("worker{home}")]));
}

/// Mode 5: a session that is not bound to a user stays where its id leads.
#[test]
fn mode_5_keeps_unbound_sessions_by_their_id() {
    let (server, first) = started(5, 4);
    drop(first);
    for _ in 0..8 {
        let mut client = server.connect();
        let session = client.ask_number("!session");
        assert_eq!(
            count_by_worker(&mut client, 5),
            HashMap::from([(session % 4, 5)])
        );
    }
    server.stop();
}

/// Mode 5: once bound, a session goes to the worker of its user, and its close event too.
#[test]
fn mode_5_moves_a_session_to_the_worker_of_its_user() {
    let server = server!("warden")
        .sized(4, 2)
        .set("dispatch_mode", 5)
        .start();
    let mut clients = Vec::new();
    for uid in [7, 7, 100, 4_000_000_003u64] {
        let mut client = server.connect();
        let session = client.ask_number("!session");
        assert_eq!(client.ask_number("!worker"), session % 4);
        assert_eq!(client.ask(format!("!bind {session} {uid}")), "0");
        // The reactor learns of it by the lane that also brings the answer.
        assert_eq!(
            count_by_worker(&mut client, 5),
            HashMap::from([(uid % 4, 5)])
        );
        let info = client.ask(format!("!info {session}"));
        assert!(
            info.contains(&format!("worker=Some({})", uid % 4)),
            "{info}"
        );
        clients.push((client, session, uid));
    }
    let expected: HashMap<u64, String> = clients
        .iter()
        .map(|(_, session, uid)| (*session, format!("worker{}", uid % 4)))
        .collect();
    drop(clients);
    server.await_event("close", 4);
    let events = server.stop();
    let closes: HashMap<u64, String> = named(&events, "close")
        .into_iter()
        .map(|event| (event.session(), event.role.clone()))
        .collect();
    assert_eq!(named(&events, "close").len(), 4);
    assert_eq!(closes, expected);
}

/// The old worker still has messages of the session when the new one gets the first: everything is answered.
#[test]
fn mode_5_answers_what_both_workers_have_before_the_end() {
    let server = server!("warden")
        .sized(2, 1)
        .set("dispatch_mode", 5)
        .start();
    for round in 0..10 {
        let (mut client, mut other) = (server.connect(), server.connect());
        let session = client.ask_number("!session");
        let away = (session + 1) % 2 + 2;
        let slow = client.send("!sleep 60");
        server.await_event("sleeping", round + 1);
        if other.ask_number("!session") % 2 == session % 2 {
            other = server.connect(); // that one would wait
        }
        assert_eq!(other.ask(format!("!bind {session} {away}")), "0");
        let quick = client.send("quick");
        client.finish_sending();
        let mut answered: Vec<_> = (0..2).map(|_| client.receive().unwrap().0).collect();
        answered.sort_unstable();
        assert_eq!(answered, [slow, quick]);
        assert_eq!(client.ending(), Ending::Eof);
    }
    server.stop();
}

/// Whoever is chosen for the first event keeps the session, and a burst of them spreads although no worker has run.
#[test]
fn mode_8_spreads_a_burst_of_sessions_and_keeps_each() {
    let (server, mut watcher) = started(8, 4);
    let mut clients: Vec<_> = (0..12).map(|_| server.connect()).collect();
    let homes: Vec<_> = clients
        .iter_mut()
        .map(|client| client.ask_number("!worker"))
        .collect();
    let used: HashMap<u64, usize> = homes.iter().fold(HashMap::new(), |mut used, &home| {
        *used.entry(home).or_default() += 1;
        used
    });
    assert!(
        used.len() == 4 && used.values().all(|&n| n <= 6),
        "{used:?}"
    );
    for (client, home) in clients.iter_mut().zip(homes) {
        assert_eq!(count_by_worker(client, 3), HashMap::from([(home, 3)]));
    }
    // A new session avoids the worker that is at something.
    let blocked = watcher.ask_number("!worker");
    let sleeping = watcher.send("!sleep 600");
    server.await_event("sleeping", 1);
    for _ in 0..8 {
        assert_ne!(server.connect().ask_number("!worker"), blocked);
    }
    assert_eq!(watcher.expect(sleeping), "slept");
    server.stop();
}

/// Modes 7, 9, 10 and numbers without meaning behave as 3: a burst of one session spreads, counted by the sender.
#[test]
fn modes_9_and_10_spread_a_burst_over_all_workers() {
    for mode in [0, 7, 9, 10, 77] {
        let server = server!("echo")
            .sized(4, 1)
            .set("dispatch_mode", mode)
            .start();
        let mut watcher = server.connect();
        server.await_idle_workers(&mut watcher, 3);
        drop(watcher);
        let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
        let ids: Vec<_> = clients
            .iter_mut()
            .map(|client| client.send("!sleep 300"))
            .collect();
        for (client, id) in clients.iter_mut().zip(ids) {
            assert_eq!(client.expect(id), "slept");
        }
        let busy: HashSet<_> = server
            .events_named("sleeping")
            .into_iter()
            .map(|event| event.pid)
            .collect();
        assert_eq!(busy.len(), 4, "mode {mode}");
        let said = server.log_count(&format!(
            "dispatch_mode {mode} is not known, it behaves as 3"
        ));
        assert_eq!(said, usize::from([0, 77].contains(&mode)));
        server.stop();
    }
}

/// A worker that is dead, and does not come up again, is passed over.
#[test]
fn spreading_modes_pass_over_a_dead_worker() {
    for mode in [1, 3, 9] {
        let builder = server!("crash").sized(3, 1).set("dispatch_mode", mode);
        let failing = builder.path("failing");
        let server = builder
            .set("max_respawns", 0)
            .env("SKEP_TEST_FAIL_START", failing.display())
            .start();
        let mut client = server.connect();
        server.await_idle_workers(&mut client, 2);
        std::fs::write(&failing, "").unwrap();
        // The one that answers is asked to end there and then, so its session is closed.
        assert_eq!(client.try_ask("!exit 9").unwrap_err(), Ending::Eof);
        server.await_event("worker_error", 1);
        let dead: u64 = server.await_event("worker_error", 1).number("worker");
        let mut client = server.connect();
        let counts = count_by_worker(&mut client, 30);
        assert!(!counts.contains_key(&dead), "mode {mode}: {counts:?}");
        assert_eq!(counts.len(), 2, "mode {mode}: {counts:?}");
        std::fs::remove_file(&failing).unwrap();
        server.stop();
    }
}

#[test]
fn connections_go_to_the_reactor_with_the_fewest() {
    let server = server!("echo").sized(3, 3).start();
    let mut clients: Vec<_> = (0..9).map(|_| server.connect()).collect();
    clients
        .iter_mut()
        .for_each(|client| drop(client.ask("hello")));
    let reactor_of = |session| {
        let events = server.events_named("connect");
        events
            .iter()
            .find(|event| event.session() == session)
            .unwrap()
            .number::<u32>("reactor")
    };
    let reactors: Vec<_> = (1..=9).map(reactor_of).collect();
    assert_eq!(reactors, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    // The three of reactor 1 leave: the next three go there.
    for session in [8, 5, 2] {
        drop(clients.remove(session - 1));
    }
    eventually(patience(), || clients[0].stat("connection_num") == 6);
    for session in 10..=12 {
        let mut client = server.connect();
        client.ask("hello");
        assert_eq!(reactor_of(session), 1);
        clients.push(client);
    }
    drop(clients);
    server.stop();
}

//! A worker dies, and nobody but the client whose request it had in hand may notice.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use skep_tests::client::{Client, Ending};
use skep_tests::eventually::{eventually, monotonic_ms, patience, promised};
use skep_tests::journal::{Event, named};
use skep_tests::load::Load;
use skep_tests::server::Server;
use skep_tests::{pattern, process, server};

const BIG: usize = 64 << 20;
/// More than a lane holds, and less than what travels beside it.
const STUCK: usize = 1_000_000;

/// Load on connections of every worker but the one under attack.
fn load_beside(server: &Server, worker: u64, connections: usize) -> Load {
    let mut clients = Vec::new();
    while clients.len() < connections {
        let mut client = server.connect();
        if client.ask_number("!worker") != worker {
            clients.push(client);
        }
    }
    Load::on(server.port(), clients)
}

fn of_session(events: &[Event], name: &str, session: u64) -> Vec<Event> {
    let events = named(events, name)
        .into_iter()
        .filter(|event| event.session() == session);
    events.cloned().collect()
}

#[test]
fn a_worker_killed_in_a_callback_costs_its_client_the_connection_and_nobody_else_anything() {
    let server = server!("crash").sized(3, 2).quiet().start();
    let load = load_beside(&server, 0, 6);
    let mut watcher = server.connect_to(1);
    for round in 1..=5 {
        let mut victim = server.connect_to(0);
        let session = victim.ask_number("!session");
        let dying = victim.ask_number("!pid") as i32;
        let mut behind: Vec<_> = (0..4).map(|_| server.connect_to(0)).collect();
        // The worker is held in a callback while the others line up behind the deadly request.
        let mut holder = server.connect_to(0);
        let held = holder.send("!sleep 150");
        server.await_event("sleeping", round);
        let last_words = victim.send("!answer-and-kill");
        let ids: Vec<_> = behind
            .iter_mut()
            .map(|client| client.send("behind"))
            .collect();

        assert_eq!(holder.expect(held), "slept");
        let begin = Instant::now();
        assert_eq!(
            victim.expect(last_words),
            "before the end",
            "what was sent is delivered"
        );
        assert_eq!(victim.ending(), Ending::Eof);
        assert!(
            begin.elapsed() < promised(Duration::from_secs(1)),
            "{:?}",
            begin.elapsed()
        );
        for (client, id) in behind.iter_mut().zip(ids) {
            assert_eq!(client.expect(id), "behind");
            assert_ne!(client.ask_number("!pid") as i32, dying);
            assert_eq!(client.ask_number("!worker"), 0);
        }
        eventually(patience(), || watcher.stat("requests_lost") == round as u64);
        eventually(patience(), || {
            !of_session(&server.events(), "close", session).is_empty()
        });
        let closes = of_session(&server.events(), "close", session);
        assert_eq!(closes.len(), 1, "{closes:?}");
        assert_ne!(closes[0].pid, dying, "the successor delivers the close");
        let died: Vec<_> = server.events_named("worker_error");
        let died = died
            .iter()
            .find(|event| event.number::<i32>("died") == dying)
            .unwrap();
        assert_eq!(
            (
                died.number("worker"),
                died.number("code"),
                died.number("signal")
            ),
            (0, 0, 9)
        );
        let line = format!("worker(pid={dying}, id=0) abnormal exit, status=0, signal=9");
        assert_eq!(server.log_count(&line), 1);
    }
    load.wait_for(50);
    load.stop_unharmed();
    server.stop();
}

/// The answer and the news of the death come to the reactor on different lanes. The master is stopped
/// until both are there, so it has to keep them in order by itself.
#[test]
fn what_a_worker_sent_before_its_death_is_delivered_before_the_close() {
    const WORKERS: u64 = 6; // one for each round: a second early death would delay the restart
    let builder = server!("crash").sized(WORKERS as u32, 1);
    let go = builder.path("go");
    let server = builder.start();
    for worker in 0..WORKERS {
        let mut client = server.connect_to(worker);
        let dying = client.ask_number("!pid") as i32;
        let question = client.send(format!("!answer-and-kill {}", go.display()));
        server.await_event("armed", worker as usize + 1);
        server.signal(server.master(), Signal::SIGSTOP);
        eventually(patience(), || process::state(server.master()) == Some('T'));
        fs::write(&go, "").unwrap();
        eventually(patience(), || {
            let workers = server.workers();
            workers.len() == WORKERS as usize && !workers.contains(&dying)
        });
        server.signal(server.master(), Signal::SIGCONT);
        assert_eq!(client.expect(question), "before the end", "worker {worker}");
        assert_eq!(client.ending(), Ending::Eof);
        fs::remove_file(&go).unwrap();
    }
    server.stop();
}

/// The successor is at work on the rest of the session before the reactor has heard of the death.
#[test]
fn nothing_comes_after_a_message_that_was_lost() {
    let server = server!("crash").sized(2, 1).start();
    let (mut client, mut watcher) = (server.connect_to(0), server.connect_to(1));
    let dying = client.ask_number("!pid") as i32;
    client.send("!sleep 30000");
    server.await_event("sleeping", 1);
    let before = watcher.stat("dispatch_count");
    client.send("behind the one that is lost");
    let mut asked = 0;
    eventually(patience(), || {
        asked += 1;
        watcher.stat("dispatch_count") > before + asked
    });
    server.signal(server.master(), Signal::SIGSTOP);
    eventually(patience(), || process::state(server.master()) == Some('T'));
    server.signal(dying, Signal::SIGKILL);
    let successor = server.await_event("worker_start", 3).pid;
    eventually(patience(), || process::state(successor) == Some('S')); // it has done what there was
    server.signal(server.master(), Signal::SIGCONT);
    assert_eq!(client.ending(), Ending::Eof);
    assert_eq!(watcher.stat("requests_lost"), 1);
    server.stop();
}

#[test]
fn a_worker_killed_between_callbacks_is_missed_by_nobody() {
    let server = server!("crash").sized(2, 2).quiet().start();
    let load = load_beside(&server, 0, 4);
    let mut watcher = server.connect_to(1);
    let mut idle: Vec<_> = (0..10).map(|_| server.connect_to(0)).collect();
    for _ in 0..5 {
        let dying = idle[0].ask_number("!pid") as i32;
        eventually(patience(), || watcher.ask("!status 0") == "Idle");
        server.signal(dying, Signal::SIGKILL);
        for client in &mut idle {
            assert_eq!(client.ask("still there?"), "still there?");
            assert_ne!(client.ask_number("!pid") as i32, dying);
        }
    }
    assert_eq!(watcher.stat("requests_lost"), 0);
    load.stop_unharmed();
    server.stop();
}

/// Whatever the instant of the kill: each connection gets right answers, or an end that is accounted for.
#[test]
fn workers_killed_at_random_under_load_lose_what_they_had_in_hand_and_nothing_else() {
    // Several workers: one that dies young again and again is restarted with growing delay.
    let server = server!("crash").sized(4, 2).quiet().start();
    let load = Load::start(server.port(), 12);
    let mut kills = 0;
    for round in 0..16u64 {
        load.wait_for(20 + 13 * (round % 4));
        let victim = server.workers()[round as usize % 4];
        server.signal(victim, Signal::SIGKILL);
        kills += 1;
        eventually(patience(), || {
            let workers = server.workers();
            workers.len() == 4 && !workers.contains(&victim)
        });
    }
    load.wait_for(100);
    let tally = load.stop();
    assert_eq!((tally.reset, tally.wrong), (0, vec![]));
    let mut watcher = server.connect();
    assert_eq!(
        watcher.stat("requests_lost"),
        tally.ended,
        "every end is a lost request, {kills} kills"
    );
    assert!(
        tally.ended <= kills,
        "one request at most per kill: {} ends",
        tally.ended
    );
    drop(watcher);
    let events = server.stop();
    assert_eq!(named(&events, "disorder"), Vec::<&Event>::new());
    assert_eq!(named(&events, "worker_error").len() as u64, kills);
}

/// Receive the answer to `!big`: all of it, or the end of the connection without a byte of it.
fn receive_big(client: &mut Client) -> Result<(), Ending> {
    let (_, payload) = client.receive()?; // panics if the end comes within a message
    assert_eq!(payload.len(), BIG);
    assert_eq!(pattern::first_difference(&payload), None);
    Ok(())
}

#[test]
fn a_worker_killed_in_the_middle_of_a_big_send_sends_nothing_of_it() {
    let builder = server!("sender").sized(2, 1).quiet();
    let go = builder.path("go");
    let server = builder.start();
    let load = load_beside(&server, 0, 3);
    for round in 1..=3 {
        let mut client = server.connect_to(0);
        let worker = client.ask_number("!pid") as i32;
        client.send(format!("!big-when {STUCK} {}", go.display()));
        server.await_event("armed", round);
        // With the master stopped nobody empties the lane: the worker is stuck in its send for sure.
        server.signal(server.master(), Signal::SIGSTOP);
        eventually(patience(), || process::state(server.master()) == Some('T'));
        fs::write(&go, "").unwrap();
        server.await_event("sending", round);
        eventually(patience(), || process::state(worker) == Some('S'));
        server.signal(worker, Signal::SIGKILL);
        eventually(patience(), || !process::is_alive(worker));
        server.signal(server.master(), Signal::SIGCONT);
        assert_eq!(client.ending(), Ending::Eof);
        fs::remove_file(&go).unwrap();
        // The lane of the dead is in order again.
        assert!(server.connect_to(0).ask("!big 1000000").len() >= 999_000);
        assert_eq!(server.connect_to(1).stat("requests_lost"), round as u64);
    }
    assert_eq!(server.events_named("sent"), []);
    load.stop_unharmed();
    server.stop();
}

#[test]
fn a_worker_killed_at_any_time_of_a_big_send_tears_no_message() {
    let server = server!("sender").sized(2, 1).quiet().start();
    let load = load_beside(&server, 0, 2);
    let mut whole = 0;
    for round in 0..8u64 {
        let mut client = server.connect_to(0);
        let worker = client.ask_number("!pid") as i32;
        client.send(format!("!big {BIG}"));
        let begin = Instant::now();
        // A point in time is what is wanted here, a different one in each round.
        thread::sleep(Duration::from_millis(5 + 12 * round));
        server.signal(worker, Signal::SIGKILL);
        let came = receive_big(&mut client);
        assert!(begin.elapsed() < patience());
        whole += u32::from(came.is_ok());
    }
    println!("{whole} of 8 came whole");
    load.stop_unharmed();
    server.stop();
}

#[test]
fn every_abnormal_end_is_reported_as_what_it_was() {
    let server = server!("crash").sized(2, 1).start();
    let ends = [
        ("!exit 3", 3, 0),
        ("!exit 255", 255, 0),
        ("!panic", 101, 0),
        ("!abort", 0, 6),
        ("!kill", 0, 9),
    ];
    for (round, (command, code, signal)) in ends.into_iter().enumerate() {
        let mut client = server.connect_to(0);
        let dying = client.ask_number("!pid") as i32;
        assert_eq!(client.try_ask(command), Err(Ending::Eof), "{command}");
        let event = server.await_event("worker_error", round + 1);
        assert_eq!(
            (event.number("code"), event.number("signal")),
            (code, signal),
            "{command}"
        );
        let line =
            format!("worker(pid={dying}, id=0) abnormal exit, status={code}, signal={signal}");
        assert_eq!(server.log_count(&line), 1, "{command}");
        assert_eq!(event.role, "manager");
    }
    assert_eq!(server.log_count("asked to panic"), 1);
    assert_eq!(server.connect_to(1).stat("requests_lost"), 5);
    let events = server.stop();
    assert_eq!(
        named(&events, "worker_stop").len(),
        4,
        "those that left by themselves have their stop callback, the killed have none"
    );
}

#[test]
fn a_callback_that_leaves_with_code_0_is_no_error_but_loses_its_request() {
    let server = server!("crash").sized(2, 1).start();
    let mut client = server.connect_to(0);
    let leaving = client.ask_number("!pid") as i32;
    assert_eq!(client.try_ask("!exit 0"), Err(Ending::Eof));
    assert_ne!(server.worker_pid(0), leaving);
    assert_eq!(server.connect_to(1).stat("requests_lost"), 1);
    assert_eq!(server.events_named("worker_error"), []);
    server.stop();
}

#[test]
fn a_worker_that_dies_at_start_is_restarted_ten_times_in_five_seconds_at_most() {
    let builder = server!("crash").sized(2, 1);
    let cause = builder.path("cause");
    let server = builder.env("SKEP_TEST_FAIL_START", cause.display()).start();
    let mut other = server.connect_to(1);
    let mut waiting = server.connect_to(0);
    fs::write(&cause, "").unwrap();
    let begin = monotonic_ms();
    let born: Vec<u64> = server
        .events_named("worker_start")
        .iter()
        .map(|event| event.number("at"))
        .collect();
    let victim = waiting.ask_number("!pid") as i32;
    eventually(patience(), || other.ask("!status 0") == "Idle"); // an answer comes before its callback ends
    server.signal(victim, Signal::SIGKILL);
    let question = waiting.send("asked while nobody is there");
    let starts = || -> Vec<u64> {
        let events = server.events_named("worker_start");
        events
            .iter()
            .map(|event| event.number("at"))
            .skip(born.len())
            .collect()
    };
    // Until the first attempt after the five seconds, so that all of those within are on record.
    eventually(Duration::from_secs(15), || {
        starts().last().is_some_and(|at| *at > begin + 5_000)
    });
    let within = starts().iter().filter(|at| **at <= begin + 5_000).count();
    assert!((3..=10).contains(&within), "{within} restarts within 5 s");
    assert!(server.log_count("early deaths in a row, next start in") >= 2);
    assert_eq!(other.ask("fine here"), "fine here");
    fs::remove_file(cause).unwrap();
    assert_eq!(waiting.expect(question), "asked while nobody is there");
    server.stop();
}

//! What signals do: a stop in good order, a stop at once, and nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use skep_tests::client::{Client, Ending};
use skep_tests::eventually::{eventually, patience, promised};
use skep_tests::journal::{Event, named};
use skep_tests::load::Load;
use skep_tests::server::{Builder, Server, ended_by};
use skep_tests::{pattern, process, server};

/// Exit code of a master whose stop had to drop something.
const DROPPED: i32 = skep::Ended::DROPPED;

/// A server with one slow worker and one that answers questions meanwhile.
fn two_workers(max_wait_time: &str) -> Builder {
    server!("echo")
        .sized(2, 2)
        .set("max_wait_time", max_wait_time)
}

/// Put worker 0 to sleep and messages behind that; returns when the server has read all of it.
fn occupy(server: &Server, sleep_ms: u32, behind: usize) -> Vec<(Client, u64, &'static str)> {
    let mut clients: Vec<_> = (0..=behind).map(|_| server.connect_to(0)).collect();
    let mut watcher = server.connect_to(1);
    server.await_idle_workers(&mut watcher, 1);
    let before = watcher.stat("dispatch_count");
    let asked = 1; // the question above was itself dispatched after it was counted
    let sleeper = clients[0].send(format!("!sleep {sleep_ms}"));
    server.await_event("sleeping", 1);
    let mut waiting = vec![(clients.remove(0), sleeper, "slept")];
    for mut client in clients {
        let id = client.send("queued");
        waiting.push((client, id, "queued"));
    }
    let mut questions = 0;
    eventually(patience(), || {
        questions += 1;
        watcher.stat("dispatch_count") >= before + asked + questions + behind as u64 - 1
    });
    waiting
}

fn assert_orderly(events: &[Event], workers: usize) {
    let place = |name: &str| events.iter().position(|event| event.name == name).unwrap();
    let last = |name: &str| events.iter().rposition(|event| event.name == name).unwrap();
    assert_eq!(named(events, "worker_stop").len(), workers);
    assert_eq!(named(events, "manager_stop").len(), 1);
    assert_eq!(named(events, "shutdown").len(), 1);
    assert_eq!(named(events, "before_shutdown").len(), 1);
    assert!(last("worker_stop") < place("manager_stop"));
    assert!(place("manager_stop") < place("shutdown"));
    assert_every_session_closed(events);
}

fn assert_every_session_closed(events: &[Event]) {
    let sessions = |name: &str| {
        let mut ids: Vec<_> = named(events, name)
            .iter()
            .map(|event| event.session())
            .collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(
        sessions("connect"),
        sessions("close"),
        "each session is closed once"
    );
}

#[test]
fn term_answers_the_request_at_work_and_those_queued_behind_it() {
    let mut server = two_workers("10").start();
    let mut idle = server.connect_to(1);
    let waiting = occupy(&server, 300, 8);
    server.signal(server.master(), Signal::SIGTERM);
    for (mut client, id, answer) in waiting {
        assert_eq!(client.expect(id), answer);
        assert_eq!(client.ending(), Ending::Eof);
    }
    assert_eq!(idle.ending(), Ending::Eof);
    assert_eq!(
        server.await_end(promised(Duration::from_secs(3))).code(),
        Some(0)
    );
    assert_orderly(&server.events(), 2);
    assert_eq!(server.log_count("Server is shutdown now"), 1);
}

/// Answers may still be on their way to a reactor when the master learns that no work is left. It is
/// stopped meanwhile, so that it finds both at the same time.
#[test]
fn term_delivers_answers_that_the_reactors_have_not_seen_yet() {
    for _ in 0..5 {
        let mut server = two_workers("10").start();
        let waiting = occupy(&server, 150, 4);
        let received = |name| named(&server.events(), name).len();
        server.signal(server.master(), Signal::SIGTERM);
        server.await_log("Server is shutdown now");
        server.signal(server.master(), Signal::SIGSTOP);
        eventually(patience(), || received("receive") == received("received"));
        server.signal(server.master(), Signal::SIGCONT);
        for (mut client, id, answer) in waiting {
            assert_eq!(client.expect(id), answer);
            assert_eq!(client.ending(), Ending::Eof);
        }
        assert_eq!(server.await_end(patience()).code(), Some(0));
    }
}

#[test]
fn term_on_an_idle_server_ends_it_soon_and_clients_see_eof() {
    let mut server = server!("echo").sized(3, 2).start();
    let mut clients: Vec<_> = (0..10).map(|_| server.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.ask("hello"), "hello");
    }
    server.signal(server.master(), Signal::SIGTERM);
    for client in &mut clients {
        assert_eq!(client.ending(), Ending::Eof);
    }
    drop(clients);
    assert_eq!(
        server.await_end(promised(Duration::from_secs(1))).code(),
        Some(0)
    );
    assert_orderly(&server.events(), 3);
}

#[test]
fn term_under_load_answers_what_was_read_and_resets_nobody() {
    let mut server = server!("echo").sized(2, 2).quiet().start();
    let load = Load::start(server.port(), 16);
    load.wait_for(200);
    server.signal(server.master(), Signal::SIGTERM);
    assert_eq!(
        server.await_end(promised(Duration::from_secs(3))).code(),
        Some(0)
    );
    let tally = load.stop();
    assert_eq!((tally.reset, tally.wrong), (0, vec![]));
    assert_orderly(&server.events(), 2);
}

#[test]
fn term_delivers_unread_output_to_a_client_that_reads_late() {
    let mut server = server!("sender")
        .sized(1, 1)
        .set("max_wait_time", 10)
        .start();
    let mut client = server.connect();
    client.shrink_receive_buffer(64 << 10);
    client.send("!big 20000000");
    server.await_event("received", 1);
    server.signal(server.master(), Signal::SIGTERM);
    server.await_log("Server is shutdown now");
    let (_, payload) = client.receive().unwrap();
    assert_eq!(
        (payload.len(), pattern::first_difference(&payload)),
        (20_000_000, None)
    );
    assert_eq!(client.ending(), Ending::Eof);
    assert_eq!(server.await_end(patience()).code(), Some(0));
    assert_orderly(&server.events(), 1);
}

#[test]
fn term_does_not_wait_for_a_client_that_never_reads_beyond_the_deadline() {
    let mut server = server!("sender")
        .sized(1, 1)
        .set("max_wait_time", 1)
        .start();
    let mut client = server.connect();
    client.shrink_receive_buffer(64 << 10);
    client.send("!big 20000000");
    server.await_event("received", 1);
    server.signal(server.master(), Signal::SIGTERM);
    assert_eq!(
        server.await_end(promised(Duration::from_secs(2))).code(),
        Some(DROPPED)
    );
    assert_orderly(&server.events(), 1);
}

/// Draining ends late because of one worker; the sessions of the other are closed in good order.
#[test]
fn a_stuck_worker_does_not_cost_other_sessions_their_close_event() {
    let mut server = two_workers("1").start();
    let mut healthy: Vec<_> = (0..20).map(|_| server.connect_to(1)).collect();
    for client in &mut healthy {
        assert_eq!(client.ask("hello"), "hello");
    }
    let ids: Vec<u64> = healthy
        .iter_mut()
        .map(|client| client.ask_number("!session"))
        .collect();
    let stuck = occupy(&server, 30_000, 1);
    server.signal(server.master(), Signal::SIGTERM);
    server.await_end(promised(Duration::from_secs(2)));
    let closed: Vec<u64> = server
        .events_named("close")
        .iter()
        .map(skep_tests::journal::Event::session)
        .collect();
    for id in ids {
        assert_eq!(
            closed.iter().filter(|&&other| other == id).count(),
            1,
            "session {id}"
        );
    }
    drop(stuck);
}

#[test]
fn a_worker_that_blocks_past_max_wait_time_is_killed_and_the_server_ends_in_time() {
    let mut server = two_workers("1").start();
    let waiting = occupy(&server, 30_000, 2);
    server.signal(server.master(), Signal::SIGTERM);
    let begin = Instant::now();
    assert_eq!(
        server.await_end(promised(Duration::from_secs(2))).code(),
        Some(DROPPED)
    );
    assert!(
        begin.elapsed() >= Duration::from_secs(1),
        "it had its time: {:?}",
        begin.elapsed()
    );
    for (mut client, ..) in waiting {
        assert_eq!(client.drain().0, 0);
    }
    let events = server.events();
    assert_eq!(
        named(&events, "worker_stop").len(),
        1,
        "a killed worker has no stop callback"
    );
    assert_eq!(
        (
            named(&events, "manager_stop").len(),
            named(&events, "shutdown").len()
        ),
        (1, 1)
    );
    assert_eq!(
        server.log_count("all worker processes will be forcibly terminated"),
        1
    );
}

#[test]
fn a_second_term_ends_the_patience() {
    let mut server = two_workers("25").start();
    let waiting = occupy(&server, 30_000, 1);
    server.signal(server.master(), Signal::SIGTERM);
    server.await_log("Server is shutdown now");
    server.signal(server.master(), Signal::SIGTERM);
    assert_eq!(
        server.await_end(promised(Duration::from_secs(2))).code(),
        Some(DROPPED)
    );
    assert_eq!(named(&server.events(), "shutdown").len(), 1);
    drop(waiting);
}

#[test]
fn term_to_the_manager_stops_the_server() {
    let mut server = two_workers("10").start();
    let waiting = occupy(&server, 200, 3);
    server.signal(server.manager(), Signal::SIGTERM);
    for (mut client, id, answer) in waiting {
        assert_eq!(client.expect(id), answer);
        assert_eq!(client.ending(), Ending::Eof);
    }
    assert_eq!(server.await_end(patience()).code(), Some(0));
    assert_orderly(&server.events(), 2);
}

/// What a service manager does: every process gets the signal, and it is still one stop in good order.
#[test]
fn term_to_the_group_is_one_stop_in_good_order() {
    let mut server = two_workers("10").start();
    let waiting = occupy(&server, 200, 3);
    server.signal_group(Signal::SIGTERM);
    for (mut client, id, answer) in waiting {
        assert_eq!(client.expect(id), answer);
        assert_eq!(client.ending(), Ending::Eof);
    }
    assert_eq!(server.await_end(patience()).code(), Some(0));
    let events = server.events();
    assert_eq!(
        (
            named(&events, "manager_stop").len(),
            named(&events, "shutdown").len()
        ),
        (1, 1)
    );
    assert_eq!(named(&events, "worker_error"), Vec::<&Event>::new());
    assert_every_session_closed(&events);
}

#[test]
fn the_shutdown_call_stops_the_server_as_term_does() {
    let mut server = server!("echo").sized(2, 1).start();
    let mut client = server.connect();
    assert_eq!(client.ask("!shutdown"), "accepted");
    assert_eq!(client.ending(), Ending::Eof);
    assert_eq!(server.await_end(patience()).code(), Some(0));
    assert_orderly(&server.events(), 2);
}

#[test]
fn term_to_a_worker_replaces_it_after_its_callback() {
    let server = server!("echo").sized(2, 1).start();
    let mut client = server.connect_to(0);
    let old = client.ask_number("!pid") as i32;
    let sleeping = client.send("!sleep 100");
    server.await_event("sleeping", 1);
    let queued = client.send("queued behind");
    server.signal(old, Signal::SIGTERM);
    assert_eq!(client.expect(sleeping), "slept");
    assert_eq!(client.expect(queued), "queued behind");
    assert_ne!(client.ask_number("!pid") as i32, old);
    let stopped = server.await_event("worker_stop", 1);
    assert_eq!(stopped.pid, old);
    assert_eq!(server.connect_to(1).stat("requests_lost"), 0);
    assert_eq!(server.events_named("worker_error"), []);
    assert_eq!(server.log_count("abnormal exit"), 0);
    server.stop();
}

#[test]
fn int_to_the_master_ends_everything_at_once() {
    for signal in [Signal::SIGINT, Signal::SIGQUIT] {
        let mut server = server!("echo").sized(2, 2).start();
        let mut busy = server.connect();
        busy.send("!sleep 20000");
        server.await_event("sleeping", 1);
        server.signal(server.master(), signal);
        let status = server.await_end(promised(Duration::from_millis(1500)));
        assert_eq!(ended_by(status), Some(signal));
        assert_eq!(server.events_named("shutdown"), [], "{signal}: no callback");
    }
}

#[test]
fn int_to_the_group_ends_everything_at_once() {
    for busy in [false, true] {
        let mut server = server!("echo").sized(3, 2).start();
        let mut client = server.connect();
        client.ask("hello");
        if busy {
            client.send("!sleep 20000");
            server.await_event("sleeping", 1);
        }
        server.signal_group(Signal::SIGINT);
        let status = server.await_end(promised(Duration::from_millis(1500)));
        assert_eq!(ended_by(status), Some(Signal::SIGINT), "busy: {busy}");
        assert_eq!(server.events_named("shutdown"), [], "busy: {busy}");
    }
}

#[test]
fn int_to_the_manager_ends_everything_at_once() {
    let mut server = server!("echo").sized(2, 1).start();
    server.connect().ask("hello");
    server.signal(server.manager(), Signal::SIGINT);
    let status = server.await_end(promised(Duration::from_millis(1500)));
    assert_eq!(ended_by(status), Some(Signal::SIGINT));
}

#[test]
fn signals_without_a_meaning_are_survived_by_master_and_manager() {
    let server = server!("echo").sized(2, 2).quiet().start();
    let before = (server.manager(), server.workers());
    let load = Load::start(server.port(), 8);
    let signals = [
        Signal::SIGHUP,
        Signal::SIGPIPE,
        Signal::SIGALRM,
        Signal::SIGUSR2,
        Signal::SIGVTALRM,
        Signal::SIGIO,
        Signal::SIGWINCH,
        Signal::SIGCHLD,
    ];
    for signal in signals {
        for pid in [server.master(), server.manager()] {
            server.signal(pid, signal);
            load.wait_for(20);
            assert!(process::is_alive(pid), "{signal}");
        }
    }
    assert_eq!(process::children(server.master()), [before.0]);
    assert_eq!((server.manager(), server.workers()), before);
    let text = "cannot reload task workers, task workers is not started";
    assert!(
        server.log_count(text) >= 1,
        "USR2 without task workers is answered"
    );
    assert_eq!(server.log_count("Unable to find callback"), 0);
    load.stop_unharmed();
    server.stop();
}

#[test]
fn signals_without_a_meaning_are_survived_by_workers() {
    let server = server!("echo").sized(1, 1).start();
    let mut client = server.connect();
    let worker = client.ask_number("!pid") as i32;
    let harmless = [
        Signal::SIGHUP,
        Signal::SIGPIPE,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGWINCH,
        Signal::SIGCHLD,
    ];
    for signal in harmless {
        server.signal(worker, signal);
        assert_eq!(client.ask_number("!pid") as i32, worker, "{signal}");
    }
    server.stop();
}

/// The signal that stops, at moments a hand at a terminal cannot choose.
#[test]
fn term_at_any_moment_of_the_start_ends_everything() {
    for round in 0..20u64 {
        let mut server = server!("echo").sized(3, 2).start();
        thread::sleep(Duration::from_micros(300 * round)); // a point in time is what is varied here
        server.signal(server.master(), Signal::SIGTERM);
        assert_eq!(server.await_end(patience()).code(), Some(0));
        assert_orderly(&server.events(), 3);
    }
}

/// All that can be caught and does not tell of an error of the process itself.
#[test]
fn no_catchable_signal_ends_master_or_manager_alone() {
    let server = server!("echo").sized(1, 1).start();
    let asked = [
        1, 10, 12, 13, 14, 16, 17, 18, 23, 25, 26, 27, 28, 29, 30, 34, 35, 50, 63, 64,
    ];
    for number in asked {
        for pid in [server.master(), server.manager()] {
            process::signal_number(pid, number);
        }
    }
    let mut client = server.connect();
    for _ in 0..10 {
        assert_eq!(client.ask("hello"), "hello");
    }
    assert!(process::is_alive(server.master()) && process::is_alive(server.manager()));
    assert_eq!(process::children(server.master()), [server.manager()]);
    server.stop();
}

#[test]
fn term_reaches_a_server_whose_callbacks_ignore_and_block_it() {
    for to_manager in [false, true] {
        let mut server = server!("service")
            .sized(1, 1)
            .env("SKEP_TEST_DEAF", 1)
            .start();
        server.await_event("manager_start", 1);
        server.await_event("started", 1);
        assert_eq!(server.connect().ask("!deaf"), "deaf");
        let target = if to_manager {
            server.manager()
        } else {
            server.master()
        };
        server.signal(target, Signal::SIGTERM);
        assert_eq!(server.await_end(patience()).code(), Some(0));
    }
}

#[test]
fn term_to_a_worker_that_ignored_it_in_a_callback_replaces_it() {
    let server = server!("service").sized(1, 1).start();
    let mut client = server.connect();
    assert_eq!(client.ask("!deaf"), "deaf");
    let pid = server.workers()[0];
    // The worker takes its signals back when it has nothing to do, which it has now or soon.
    eventually(patience(), || {
        process::signal(pid, Signal::SIGTERM);
        !process::is_alive(pid)
    });
    assert_eq!(client.ask("hello"), "hello");
    server.stop();
}

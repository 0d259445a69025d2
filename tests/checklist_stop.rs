//! What a stop and a reload promise, where no other file has it: requests, connections and deadlines.

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
use skep_tests::exposition::Exposition;
use skep_tests::http::get;
use skep_tests::journal::{Event, named};
use skep_tests::load::Load;
use skep_tests::program::STOP_TAKES;
use skep_tests::server;
use skep_tests::server::Server;

/// A request at work when TERM comes is answered, and only then its connection ends: each of six times.
#[test]
fn a_request_of_a_second_survives_term_in_six_of_six_runs() {
    let run = || {
        let mut server = server!("echo").sized(2, 1).set("max_wait_time", 5).start();
        let mut client = server.connect();
        let slow = client.send("!sleep 1000");
        server.await_event("sleeping", 1);
        server.signal(server.master(), Signal::SIGTERM);
        assert_eq!(client.expect(slow), "slept");
        assert_eq!(client.ending(), Ending::Eof);
        assert_eq!(server.await_end(patience()).code(), Some(0));
    };
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(run);
        }
    });
}

/// Whatever was read before TERM is answered on every one of many connections, and none ends before its answer.
#[test]
fn term_with_requests_on_four_hundred_connections_answers_all_that_were_read() {
    const CONNECTIONS: usize = 400;
    let mut server = server!("echo")
        .sized(4, 2)
        .set("max_wait_time", 20)
        .set("metrics_listen", "127.0.0.1:0")
        .quiet()
        .start();
    let log = server.log();
    let place = log.split("metrics on http://127.0.0.1:").nth(1).unwrap();
    let metrics: u16 = place.split('/').next().unwrap().parse().unwrap();
    let mut clients: Vec<_> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    let mut asked = Vec::new();
    let mut bytes = 0;
    for (number, client) in clients.iter_mut().enumerate() {
        let question = client.number(format!("!sleep {}", number % 9));
        bytes += question.len();
        client.send_raw(&question).unwrap();
        asked.push(1);
    }
    // The endpoint, as every worker is busy.
    eventually(patience(), || {
        let page = Exposition::parse(&get(metrics, "/metrics").body).unwrap();
        page.value("skep_received_bytes_total") >= bytes as f64
    });
    server.signal(server.master(), Signal::SIGTERM);
    for (client, id) in clients.iter_mut().zip(asked) {
        assert_eq!(client.expect(id), "slept");
        assert_eq!(client.ending(), Ending::Eof);
    }
    assert_eq!(server.await_end(patience()).code(), Some(0));
    server.forget_port();
}

/// After TERM a new connection, and a message on an idle one, are refused at once instead of being held
/// until the slowest worker is through.
#[test]
fn what_comes_after_term_is_refused_at_once_and_not_at_the_end() {
    let mut server = server!("echo").sized(2, 1).set("max_wait_time", 8).start();
    let mut idle = server.connect_to(1);
    let mut busy = server.connect_to(0);
    let slow = busy.send("!sleep 2000");
    server.await_event("sleeping", 1);
    server.signal(server.master(), Signal::SIGTERM);
    server.await_log("stop: draining");
    assert!(Client::connect(server.port()).is_err(), "nobody listens");
    let _ = idle.try_send("too late"); // fails if the connection has ended already, which is right
    let answer = idle.receive();
    assert!(answer.is_err(), "{answer:?}");
    assert!(!busy.has_input(), "the late message was held until the end");
    assert_eq!(busy.expect(slow), "slept");
    assert_eq!(server.await_end(patience()).code(), Some(0));
}

/// Every state a session can be in, at once: those that can be answered are, all others end, every worker
/// that lives sees each of its sessions closed once, and the end comes within `max_wait_time` and a second.
#[test]
fn a_stop_with_sessions_in_every_state_ends_in_time() {
    let mut server = server!("sender")
        .sized(3, 2)
        .set("max_wait_time", 1)
        .start();
    let mut at_work = server.connect_to(0);
    let mut queued: Vec<_> = (0..3).map(|_| server.connect_to(0)).collect();
    let mut idle = server.connect_to(1);
    let mut unread = server.connect_to(1);
    let mut stuck = server.connect_to(2);
    let lost = stuck.ask_number("!session");
    let open = 7;
    eventually(patience(), || {
        server.events_named("connect").len() == server.events_named("close").len() + open
    });
    unread.shrink_receive_buffer(64 << 10);
    unread.ask("small"); // with the small window
    unread.send("!big 30000000");
    stuck.send("!sleep 30000");
    let first = at_work.send("!sleep 300");
    server.await_event("sleeping", 2);
    let before = idle.stat("dispatch_count");
    let ids: Vec<_> = queued
        .iter_mut()
        .map(|client| client.send("queued"))
        .collect();
    let mut questions = 0;
    eventually(patience(), || {
        questions += 1;
        idle.stat("dispatch_count") >= before + questions + queued.len() as u64
    });
    server.signal(server.master(), Signal::SIGTERM);
    let begin = Instant::now();
    assert_eq!(at_work.expect(first), "slept");
    for (client, id) in queued.iter_mut().zip(ids) {
        assert_eq!(client.expect(id), "queued");
        assert_eq!(client.ending(), Ending::Eof);
    }
    assert_eq!(idle.ending(), Ending::Eof);
    assert_eq!(stuck.drain().0, 0);
    let status = server.await_end(promised(Duration::from_secs(2)));
    assert!(begin.elapsed() < promised(Duration::from_secs(2)));
    assert_eq!(status.code(), Some(skep::Ended::DROPPED));
    let events = server.events();
    for event in named(&events, "connect") {
        let closes = named(&events, "close");
        let count = closes
            .iter()
            .filter(|close| close.session() == event.session())
            .count();
        let expected = usize::from(event.session() != lost);
        assert_eq!(count, expected, "session {}", event.session());
    }
}

/// Ten reloads while connections ask without a pause: none is closed, nothing is lost, doubled or late for ever.
#[test]
fn ten_reloads_under_load_cost_no_request_and_no_connection() {
    let server = server!("echo").sized(3, 2).quiet().start();
    let load = Load::start(server.port(), 32);
    for round in 1..=10 {
        load.wait_for(200);
        server.signal(server.master(), Signal::SIGUSR1);
        server.await_event("after_reload", round);
    }
    load.wait_for(200);
    load.stop_unharmed();
    let events = server.stop();
    assert_eq!(named(&events, "before_reload").len(), 10);
    assert_eq!(named(&events, "worker_start").len(), 33);
    for trouble in ["worker_error", "disorder", "garbage"] {
        assert_eq!(named(&events, trouble), Vec::<&Event>::new());
    }
}

/// The deadline of a rolling reload is each worker's own: all together may take three times as long and none
/// is killed. Shortened by a third from ten workers of a second each with a deadline of three.
#[test]
fn a_rolling_reload_of_ten_slow_workers_kills_none() {
    let server = server!("echo")
        .sized(10, 1)
        .set("reload_async", 0)
        .set("max_wait_time", 1)
        .env(STOP_TAKES, 330)
        .start();
    server.await_event("worker_start", 10);
    let old = server.workers();
    let begin = Instant::now();
    server.signal(server.master(), Signal::SIGUSR1);
    server.await_event("after_reload", 1);
    assert!(
        begin.elapsed() >= Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
    let stopped = server.events_named("worker_stopped");
    let mut through: Vec<_> = stopped.iter().map(|event| event.pid).collect();
    through.sort_unstable();
    assert_eq!(through, old, "each ended its clean-up");
    assert_eq!(server.events_named("worker_error"), []);
    assert_eq!(server.log_count("force kill"), 0);
    server.stop();
}

/// While every old worker blocks, 99 of 100 new requests after USR1 are answered within 50 ms.
#[test]
fn new_requests_stay_quick_while_every_old_worker_blocks() {
    let server = server!("echo").sized(2, 2).set("max_wait_time", 20).start();
    let mut sleepers: Vec<_> = (0..2).map(|worker| server.connect_to(worker)).collect();
    let ids: Vec<_> = sleepers
        .iter_mut()
        .map(|client| client.send("!sleep 2500"))
        .collect();
    server.await_event("sleeping", 2);
    server.signal(server.master(), Signal::SIGUSR1);
    server.await_event("worker_start", 4);
    let mut times: Vec<Duration> = (0..200).map(|_| time_of_request(&server)).collect();
    for client in &mut sleepers {
        assert!(!client.has_input(), "the old workers still block");
    }
    times.sort_unstable();
    assert!(
        times[197] < promised(Duration::from_millis(50)),
        "{:?}",
        &times[190..]
    );
    for (client, id) in sleepers.iter_mut().zip(ids) {
        assert_eq!(client.expect(id), "slept");
    }
    server.stop();
}

/// Of a request on a connection of its own.
fn time_of_request(server: &Server) -> Duration {
    let begin = Instant::now();
    assert_eq!(server.connect().ask("new"), "new");
    begin.elapsed()
}

//! What is promised of workers that die, are replaced or are busy, and of the log, where no other file has it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use skep_tests::client::{Client, Ending};
use skep_tests::eventually::{eventually, monotonic_ms, patience, promised};
use skep_tests::journal::{Event, named};
use skep_tests::load::Load;
use skep_tests::server;
use skep_tests::server::Server;

/// The client of a request that dies with its worker sees the end within 100 ms, and a successor has started
/// by then; both also when the worker is one of several that are killed.
#[test]
fn a_killed_worker_is_replaced_and_its_client_told_within_100_ms() {
    let server = server!("echo").sized(4, 2).start();
    for worker in 0..4 {
        let mut client = server.connect_to(worker);
        let pid = client.ask_number("!pid") as i32;
        client.send("!sleep 30000");
        server.await_event("sleeping", worker as usize + 1);
        let (begin, killed) = (Instant::now(), monotonic_ms());
        server.signal(pid, Signal::SIGKILL);
        assert_eq!(client.ending(), Ending::Eof);
        let told = begin.elapsed();
        assert!(told < promised(Duration::from_millis(100)), "{told:?}");
        let error = server.await_event("worker_error", worker as usize + 1);
        let seen = [
            error.number::<i64>("worker"),
            error.number("died"),
            error.number("code"),
            error.number("signal"),
        ];
        assert_eq!(seen, [worker as i64, i64::from(pid), 0, 9]);
        let born: u64 = server
            .await_event("worker_start", worker as usize + 5)
            .number("at");
        let limit = promised(Duration::from_millis(100)).as_millis() as u64;
        assert!(born - killed < limit, "{} ms", born - killed);
    }
    server.stop();
}

/// A signal that a worker does not handle ends it, is reported with its number, and costs one worker.
#[test]
fn signals_that_end_a_worker_are_reported_and_it_is_replaced() {
    let signals = [
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGIO,
        Signal::SIGVTALRM,
        Signal::SIGABRT,
        Signal::SIGKILL,
    ];
    let server = server!("echo").sized(7, 1).start();
    let mut witness = server.connect_to(6);
    for (worker, signal) in signals.into_iter().enumerate() {
        let mut client = server.connect_to(worker as u64);
        let pid = client.ask_number("!pid") as i32;
        server.await_idle_workers(&mut witness, 6); // what is at work when it dies would cost the session
        server.signal(pid, signal);
        let error = server.await_event("worker_error", worker + 1);
        let seen = [
            error.number::<i32>("died"),
            error.number("code"),
            error.number("signal"),
        ];
        assert_eq!(seen, [pid, 0, signal as i32], "{signal}");
        let line = format!(
            "worker(pid={pid}, id={worker}) abnormal exit, status=0, signal={}",
            signal as i32
        );
        assert_eq!(server.log_count(&line), 1, "{signal}");
        assert_ne!(
            client.ask_number("!pid") as i32,
            pid,
            "{signal}: the session goes on"
        );
    }
    assert_eq!(witness.ask("unmoved"), "unmoved");
    assert_eq!(
        named(&server.stop(), "worker_start").len(),
        7 + signals.len()
    );
}

/// A stop hook runs once in every process of a worker, whichever way it leaves: TERM, reload, `max_request`,
/// leaving with a code from a callback (an exception in PHP) and with none.
#[test]
fn the_stop_hook_runs_in_every_way_in_which_a_worker_can_leave() {
    type Way = (&'static str, fn(&Server, &mut Client));
    let ways: [Way; 5] = [
        ("TERM", |server, _| {
            server.signal(server.workers()[0], Signal::SIGTERM)
        }),
        ("reload", |server, _| {
            server.signal(server.master(), Signal::SIGUSR1)
        }),
        ("max_request", |_, client| {
            for _ in 0..20 {
                assert_eq!(client.ask("one more"), "one more");
            }
        }),
        ("code 0", |_, client| {
            assert_eq!(client.try_ask("!exit 0"), Err(Ending::Eof))
        }),
        ("code 255", |_, client| {
            assert_eq!(client.try_ask("!exit 255"), Err(Ending::Eof))
        }),
    ];
    for (way, leave) in ways {
        let limit = if way == "max_request" { 20 } else { 0 };
        let server = server!("crash")
            .sized(1, 1)
            .set("max_request", limit)
            .set("max_request_grace", 0)
            .start();
        let mut client = server.connect();
        let old = client.ask_number("!pid") as i32;
        leave(&server, &mut client);
        assert_eq!(server.await_event("worker_stop", 1).pid, old, "{way}");
        assert_ne!(server.connect().ask_number("!pid") as i32, old, "{way}");
        let events = server.stop();
        let stops: Vec<_> = named(&events, "worker_stop")
            .iter()
            .map(|event| event.pid)
            .collect();
        let starts: Vec<_> = named(&events, "worker_start")
            .iter()
            .map(|event| event.pid)
            .collect();
        assert_eq!(
            stops.iter().collect::<HashSet<_>>().len(),
            stops.len(),
            "{way}: once each"
        );
        assert_eq!(stops.len(), starts.len(), "{way}");
    }
}

/// Recycling by memory happens between requests: however often workers outgrow `worker_max_memory`, no request
/// is cut. `SKEP_TEST_RECYCLES=100` for as many as the requirement has.
#[test]
fn worker_max_memory_cuts_no_request() {
    let wanted = std::env::var("SKEP_TEST_RECYCLES").map_or(Ok(30), |count| count.parse());
    let wanted: usize = wanted.unwrap();
    let server = server!("echo")
        .sized(4, 2)
        .set("worker_max_memory", "48M")
        .quiet()
        .start();
    let stop = AtomicBool::new(false);
    let grow = |mut client: Client| {
        while !stop.load(Ordering::Relaxed) {
            assert_eq!(client.ask("!grow 4"), "grown");
            thread::sleep(Duration::from_millis(1)); // no worker shall be far over its limit when it is looked at
        }
    };
    thread::scope(|scope| {
        let growing: Vec<_> = (0..8)
            .map(|_| server.connect())
            .map(|client| scope.spawn(move || grow(client)))
            .collect();
        let begin = Instant::now();
        while server.events_named("worker_start").len() < 4 + wanted
            && begin.elapsed() < promised(Duration::from_secs(30))
        {
            thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
        for client in growing {
            client.join().unwrap();
        }
    });
    assert_eq!(server.connect().stat("requests_lost"), 0);
    let events = server.stop();
    assert!(named(&events, "worker_start").len() >= 4 + wanted);
    assert_eq!(named(&events, "worker_error"), Vec::<&Event>::new());
    assert_replacement_first(&events);
}

/// All workers reach `max_request` at the same moment: they are replaced one after the other, each when its
/// replacement is there, so that no worker is ever away and no request lost.
#[test]
fn workers_that_reach_max_request_together_are_never_away_together() {
    let server = server!("echo")
        .sized(8, 2)
        .set("dispatch_mode", 1) // in turn, so that they count alike
        .set("max_request", 200)
        .set("max_request_grace", 0)
        .quiet()
        .start();
    let load = Load::start(server.port(), 16);
    load.wait_for(15_000);
    assert!(load.stop_unharmed() >= 15_000);
    let events = server.stop();
    assert!(
        named(&events, "worker_start").len() >= 8 + 40,
        "{}",
        events.len()
    );
    assert_eq!(named(&events, "worker_error"), Vec::<&Event>::new());
    assert_replacement_first(&events);
}

/// Before a worker stops that is not stopped for good, another process of the same id has started.
fn assert_replacement_first(events: &[Event]) {
    let mut living: HashMap<u32, HashSet<i32>> = HashMap::new();
    for event in events
        .iter()
        .take_while(|event| event.name != "before_shutdown")
    {
        let processes = |event: &Event| event.number::<u32>("worker");
        match event.name.as_str() {
            "worker_start" => drop(
                living
                    .entry(processes(event))
                    .or_default()
                    .insert(event.pid),
            ),
            "worker_stop" => {
                let left = living.entry(processes(event)).or_default();
                left.remove(&event.pid);
                assert!(!left.is_empty(), "nobody is there in its place: {event:?}");
            }
            _ => {}
        }
    }
}

/// With default settings, requests on connections that are opened while one of four workers is busy do not
/// wait for it: all forty are answered long before it is through.
#[test]
fn forty_quick_requests_do_not_wait_for_one_busy_worker() {
    let server = server!("echo").sized(4, 2).start();
    server.await_event("worker_start", 4);
    let mut watcher = server.connect_to(1);
    let mut busy = server.connect_to(0);
    let slow = busy.send("!sleep 1500");
    // A worker is passed over when it has been in a callback for longer than a short one takes.
    eventually(patience(), || {
        watcher.report(0)["busy_ms"].parse::<u64>().unwrap() >= 30
    });
    let begin = Instant::now();
    let mut clients: Vec<_> = (0..40).map(|_| server.connect()).collect();
    let ids: Vec<_> = clients
        .iter_mut()
        .map(|client| client.send("quick"))
        .collect();
    for (client, id) in clients.iter_mut().zip(ids) {
        assert_eq!(client.expect(id), "quick");
    }
    let all = begin.elapsed();
    assert!(
        !busy.has_input(),
        "all were answered before the busy worker was through"
    );
    assert!(all < promised(Duration::from_millis(500)), "{all:?}");
    assert_eq!(busy.expect(slow), "slept");
    server.stop();
}

/// Every line of the log has the form that tools parse: `[date marker pid.id]`, level and text with tabs between,
/// and the marker tells the process that wrote it.
#[test]
fn every_log_line_has_the_form_and_the_marker_of_its_process() {
    let server = server!("service")
        .sized(2, 1)
        .set("max_connection", 5000)
        .through("ulimit -n 256; exec \"$0\"") // which is too few, and said before anything is forked
        .start();
    let (master, manager) = (server.master(), server.manager());
    for worker in 0..2 {
        server.connect_to(worker).ask(format!("!warn of {worker}"));
    }
    server.signal(manager, Signal::SIGUSR1);
    server.await_event("after_reload", 1);
    server.connect_to(1).ask("!warn of the second generation");
    let log = server.path("log");
    let mut server = server;
    server.signal(master, Signal::SIGTERM);
    assert_eq!(server.await_end(patience()).code(), Some(0));
    let workers: HashMap<i32, u32> = server
        .events_named("worker_start")
        .iter()
        .map(|event| (event.pid, event.number("worker")))
        .collect();
    let text = std::fs::read_to_string(log).unwrap();
    let mut markers = HashSet::new();
    for line in text.lines() {
        let (marker, pid, id) = parse(line).unwrap_or_else(|| panic!("form of: {line}"));
        markers.insert(marker);
        match marker {
            '%' | '#' => assert_eq!((pid, id), (master, 0), "{line}"),
            '$' => assert_eq!((pid, id), (manager, 0), "{line}"),
            _ => assert_eq!(workers.get(&pid), Some(&id), "{line}"),
        }
    }
    assert_eq!(markers, HashSet::from(['%', '#', '$', '*']), "{text}");
}

/// Marker, pid and id of a line that is as it shall be.
fn parse(line: &str) -> Option<(char, i32, u32)> {
    let (head, rest) = line.strip_prefix('[')?.split_once("]\t")?;
    let (level, text) = rest.split_once('\t')?;
    let known = ["DEBUG", "TRACE", "INFO", "NOTICE", "WARNING", "ERROR"].contains(&level);
    let (date, process) = (head.get(..19)?, head.get(19..)?.strip_prefix(' ')?);
    let shape: String = date
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    let marker = process
        .chars()
        .next()
        .filter(|marker| "%#$*".contains(*marker))?;
    let (pid, id) = process[1..].split_once('.')?;
    let good = known && !text.is_empty() && shape == "0000-00-00 00:00:00";
    good.then_some((marker, pid.parse().ok()?, id.parse().ok()?))
}

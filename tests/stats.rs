//! Counters tell the truth, whatever happened.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::time::{Duration, Instant};

use skep_tests::client::{Client, Ending};
use skep_tests::eventually::{eventually, patience};
use skep_tests::journal::named;
use skep_tests::server;

#[test]
fn counters_agree_after_a_mixed_run_with_a_kill() {
    let server = server!("crash").sized(2, 2).start();
    let mut watcher = server.connect_to(1);
    let mut open: Vec<_> = (0..6).map(|_| server.connect()).collect();
    for client in &mut open {
        for _ in 0..5 {
            assert_eq!(client.ask("hello"), "hello");
        }
    }
    drop(server.connect());
    let mut leaving = server.connect();
    leaving.ask("hello");
    leaving.reset();
    for command in ["!kill", "!exit 4", "!panic"] {
        assert_eq!(server.connect_to(0).try_ask(command), Err(Ending::Eof));
    }
    server.worker_pid(0); // its successor is there
    eventually(patience(), || watcher.stat("connection_num") == 7);
    eventually(patience(), || watcher.stat("requests_lost") == 3);
    // All callbacks but the one that answers have ended.
    eventually(patience(), || {
        let events = server.events();
        named(&events, "receive").len() == named(&events, "received").len() + 3
            && watcher.ask("!status 0") == "Idle"
    });
    let before = server.events();
    let stats = watcher.stats();
    let returned = named(&before, "received").len() as u64;
    assert_eq!(
        stats["request_count"], returned,
        "callbacks that have returned"
    );
    assert_eq!(
        stats["accept_count"],
        stats["close_count"] + stats["connection_num"]
    );
    assert_eq!(stats["accept_count"], stats["session_round"]);
    assert_eq!((stats["worker_num"], stats["abort_count"]), (2, 0));
    assert_eq!((stats["held_back"], stats["output_bytes"]), (0, 0));
    // Answers: one per request that was not lost.
    assert_eq!(stats["response_count"], returned);
    let received: u64 = named(&server.events(), "receive")
        .iter()
        .map(|e| e.number::<u64>("bytes"))
        .sum();
    assert_eq!(stats["total_recv_bytes"], received);
    assert_eq!(
        stats["dispatch_count"],
        named(&server.events(), "receive").len() as u64
    );
    drop((open, watcher));
    let events = server.stop();
    assert_eq!(
        named(&events, "connect").len(),
        named(&events, "close").len()
    );
}

#[test]
fn own_counters_are_those_of_the_answering_process() {
    let server = server!("crash").sized(2, 1).start();
    let mut zero = server.connect_to(0);
    let mut one = server.connect_to(1);
    for _ in 0..10 {
        zero.ask("hello");
    }
    let (of_zero, of_one) = (zero.stats(), one.stats());
    assert!(of_zero["own_request_count"] >= 10);
    assert!(of_one["own_request_count"] < of_zero["own_request_count"]);
    assert!(of_one["request_count"] > of_zero["own_request_count"]);
    // A successor begins with zero, the server does not.
    assert_eq!(zero.try_ask("!kill"), Err(Ending::Eof));
    let mut successor = server.connect_to(0);
    let after = successor.stats();
    assert!(after["own_request_count"] < 10);
    assert!(after["request_count"] >= of_one["request_count"]);
    drop((zero, one, successor));
    server.stop();
}

#[test]
fn idle_workers_are_counted_and_a_blocked_one_is_not() {
    let server = server!("echo").sized(3, 1).start();
    let mut watcher = server.connect_to(1);
    server.await_idle_workers(&mut watcher, 2); // the third one answers
    let mut blocked = server.connect_to(0);
    let sleeping = blocked.send("!sleep 200");
    server.await_event("sleeping", 1);
    assert_eq!(watcher.ask("!status 0"), "Busy");
    assert_eq!(watcher.stat("idle_worker_num"), 1);
    assert_eq!(blocked.expect(sleeping), "slept");
    server.await_idle_workers(&mut watcher, 2);
    assert_eq!(watcher.ask("!status 3"), "none");
    server.stop();
}

#[test]
fn every_process_reports_the_same_of_a_worker() {
    let server = server!("crash").sized(2, 2).start();
    let mut watcher = server.connect_to(1);
    let mut zero = server.connect_to(0);
    for _ in 0..5 {
        zero.ask("hello");
    }
    let pid = zero.ask("!pid");
    server.await_idle_workers(&mut watcher, 1);
    let report = watcher.report(0);
    let session = zero.ask("!session");
    assert_eq!(report["pid"], pid);
    assert_eq!(
        (report["state"].as_str(), report["callback"].as_str()),
        ("idle", "onReceive")
    );
    assert_eq!(
        (report["fd"].as_str(), report["busy_ms"].as_str()),
        (session.as_str(), "0")
    );
    assert!(report["served"].parse::<u64>().unwrap() >= 6);
    assert!(report["rss_bytes"].parse::<u64>().unwrap() > 100_000);
    assert_eq!(
        (
            report["queue_depth"].as_str(),
            report["queue_age_ms"].as_str()
        ),
        ("0", "0")
    );
    // Of itself: it is at work, on this very message.
    let own = zero.report(0);
    assert_eq!(
        (own["state"].as_str(), own["queue_depth"].as_str()),
        ("busy", "1")
    );
    assert_eq!(own["restarts"], "0");
    assert_eq!(watcher.ask("!report 2"), "none");
    // The count of restarts outlives every process; what was served is the new one's own.
    for restarts in ["1", "2"] {
        assert_eq!(server.connect_to(0).try_ask("!kill"), Err(Ending::Eof));
        server.worker_pid(0);
        let after = watcher.report(0);
        assert_eq!(after["restarts"], restarts);
        assert_ne!(after["pid"], pid);
        assert!(after["served"].parse::<u64>().unwrap() < 5 * 20);
    }
    assert_eq!(watcher.report(1)["restarts"], "0");
    let stats = watcher.stats();
    assert_eq!((stats["ready"], stats["reloads"]), (1, 0));
    drop((watcher, zero));
    server.stop();
}

#[test]
fn the_queue_of_a_blocked_worker_has_its_length_and_age() {
    let server = server!("echo").sized(2, 1).start();
    let mut watcher = server.connect_to(1);
    let mut blocked = server.connect_to(0);
    let asked = Instant::now();
    let id = blocked.send("!sleep 1200");
    server.await_event("sleeping", 1);
    let before = Instant::now();
    for _ in 0..4 {
        blocked.send("hello"); // may arrive as fewer messages
    }
    let number =
        |watcher: &mut Client, key: &str| -> u64 { watcher.report(0)[key].parse().unwrap() };
    eventually(patience(), || number(&mut watcher, "queue_depth") >= 2);
    // Its age is that of the message at work: between what this side knows of its begin. Clocks are
    // coarse by up to 10 ms.
    loop {
        let least = before.elapsed().as_millis() as u64;
        let report = watcher.report(0);
        let most = asked.elapsed().as_millis() as u64 + 12;
        if report["state"] != "busy" || report["callback"] != "onReceive" || most > 1_000 {
            break;
        }
        let age = report["queue_age_ms"].parse::<u64>().unwrap();
        assert!(
            (least.saturating_sub(12)..=most).contains(&age),
            "{least} <= {age} <= {most}"
        );
        let busy = report["busy_ms"].parse::<u64>().unwrap();
        assert!(
            busy <= most && busy + 12 >= least,
            "{least} <= {busy} <= {most}"
        );
        std::thread::sleep(Duration::from_millis(20)); // between looks, not for a fact
    }
    assert_eq!(blocked.expect(id), "slept");
    for after in 1..=4 {
        assert_eq!(blocked.expect(id + after), "hello");
    }
    eventually(patience(), || number(&mut watcher, "queue_depth") == 0);
    assert_eq!(number(&mut watcher, "queue_age_ms"), 0);
    drop((watcher, blocked));
    server.stop();
}

#[test]
fn session_ids_begin_where_they_are_told_to() {
    let server = server!("echo")
        .sized(1, 1)
        .set("start_session_id", 4_000_000_000u64)
        .start();
    assert_eq!(server.connect().ask_number("!session"), 4_000_000_001);
    assert_eq!(server.connect().ask_number("!session"), 4_000_000_002);
    server.stop();
}

#[test]
fn bytes_sent_are_counted_when_send_accepts_them() {
    let server = server!("sender").sized(1, 1).start();
    let mut client = server.connect();
    let before = client.stat("total_send_bytes");
    client.send("!big 1000000");
    let (_, payload) = client.receive().unwrap();
    assert_eq!(payload.len(), 1_000_000);
    assert!(client.stat("total_send_bytes") > before + 1_000_000);
    drop(client);
    server.stop();
}

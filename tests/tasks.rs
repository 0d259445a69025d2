//! Tasks: given, run once, answered; and what becomes of them when processes die, are replaced or stop.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::collections::HashSet;

use nix::sys::signal::Signal;
use skep_tests::eventually::{eventually, patience};
use skep_tests::process::cpu_ticks;
use skep_tests::server;
use skep_tests::server::Server;

fn start(task_workers: u32) -> Server {
    server!("tasks")
        .sized(1, 1)
        .set("task_worker_num", task_workers)
        .start()
}

/// Pid of a task worker, from the journal.
fn task_worker(server: &Server, id: u32) -> i32 {
    let events = server.events_named("worker_start");
    let role = format!("task{id}");
    events.iter().rfind(|event| event.role == role).unwrap().pid
}

#[test]
fn a_task_is_run_and_its_result_comes_back() {
    let server = start(2);
    let mut client = server.connect();
    assert_eq!(client.ask("!wait 5000 echo hello"), "hello");
    assert_eq!(client.ask("!wait 5000 none"), "Ok(Nothing)");
    assert_eq!(client.ask("!task - 3 twice x"), "given=3 code=0");
    server.await_event("finish", 6);
    eventually(patience(), || client.ask("!open") == "0");
    let ids: Vec<u64> = server
        .events_named("finish")
        .iter()
        .map(|event| event.number("id"))
        .collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 3);
    server.stop();
}

/// A result that comes meanwhile is for later: it must not keep the one that waits awake.
#[test]
fn who_waits_sleeps_although_another_result_is_there() {
    let server = start(2);
    let mut client = server.connect();
    let pid = client.ask_number("!pid") as i32;
    assert_eq!(client.ask("!task - 1 sleep 100 early"), "given=1 code=0");
    let before = cpu_ticks(pid);
    assert_eq!(client.ask("!wait 60000 sleep 2000 late"), "late");
    let used = cpu_ticks(pid) - before;
    assert!(used < 50, "{used} ticks of about 200 while it waited");
    server.await_event("finish", 1);
    server.stop();
}

/// The only task worker cannot answer the call before it has got rid of results that nobody reads meanwhile.
#[test]
fn a_wait_behind_more_results_than_may_wait_comes_to_its_end() {
    let server = server!("tasks")
        .sized(1, 1)
        .set("task_worker_num", 1)
        .set("task_queue_max_bytes", "1M")
        .start();
    let mut client = server.connect();
    assert_eq!(client.ask("!task - 400 big 50000"), "given=400 code=0");
    assert_eq!(client.ask("!wait 60000 echo x"), "x");
    server.await_event("finish", 400);
    assert_eq!(client.stat("tasks_lost"), 0);
    server.stop();
}

#[test]
fn one_queue_for_all_and_one_for_each() {
    let server = start(2);
    let hold = server.path("hold");
    let mut client = server.connect();
    // One task worker is held up; what has no target goes past it, what is for it waits.
    let held = format!("!task 0 1 hold {} held", hold.display());
    assert_eq!(client.ask(held), "given=1 code=0");
    server.await_event("task", 1);
    assert_eq!(
        client.ask("!waitall 5000 echo a|where|echo b|where"),
        "a|2|b|2"
    );
    assert_eq!(client.ask("!task 0 1 where"), "given=1 code=0");
    assert_eq!(client.stat("tasking_num"), 1);
    std::fs::write(&hold, "").unwrap();
    server.await_event("finish", 2);
    assert_eq!(client.stat("tasking_num"), 0);
    assert_eq!(client.ask("!task 2 1 echo"), "given=0 code=505");
    server.stop();
}

#[test]
fn of_what_a_kill_hits_nothing_is_lost_without_a_word() {
    let server = start(1);
    let mut client = server.connect();
    assert_eq!(client.ask("!task - 20 sleep 20 done"), "given=20 code=0");
    server.await_event("task", 3);
    server.signal(task_worker(&server, 1), Signal::SIGKILL);
    eventually(patience(), || {
        server.events_named("finish").len() + server.events_named("task_lost").len() == 20
    });
    assert_eq!(server.events_named("task_lost").len(), 1);
    let ids = |name| {
        server
            .events_named(name)
            .iter()
            .map(|event| event.number("id"))
            .collect::<Vec<u64>>()
    };
    let all: HashSet<u64> = ids("finish").into_iter().chain(ids("task_lost")).collect();
    assert_eq!(all.len(), 20);
    assert_eq!(
        (client.stat("tasking_num"), client.stat("tasks_lost")),
        (0, 1)
    );
    server.stop();
}

#[test]
fn who_waits_for_a_lost_task_hears_of_it_at_once() {
    let server = start(1);
    let mut client = server.connect();
    assert_eq!(client.ask("!wait 60000 die"), "Ok(Lost(WorkerDied))");
    assert_eq!(client.ask("!wait 60000 exit 0"), "Ok(Lost(WorkerDied))");
    assert_eq!(client.ask("!wait 60000 echo on"), "on");
    server.stop();
}

#[test]
fn a_task_may_be_run_again() {
    let server = server!("tasks")
        .sized(1, 1)
        .set("task_worker_num", 2)
        .set("task_redeliver", 1)
        .start();
    let mut client = server.connect();
    assert_eq!(client.ask("!wait 60000 die-once"), "alive");
    assert_eq!(client.ask("!wait 60000 die"), "Ok(Lost(WorkerDied))");
    server.stop();
}

#[test]
fn a_stop_runs_what_waits_and_reports_the_rest() {
    let mut server = server!("tasks")
        .sized(1, 1)
        .set("task_worker_num", 1)
        .set("max_wait_time", "1")
        .start();
    let mut client = server.connect();
    assert_eq!(client.ask("!task - 10 sleep 5 done"), "given=10 code=0");
    assert_eq!(client.ask("!task - 5 sleep 60000 never"), "given=5 code=0");
    server.signal(server.master(), Signal::SIGTERM);
    assert_eq!(server.await_end(patience()).code(), Some(1));
    assert_eq!(server.events_named("finish").len(), 10);
    assert_eq!(server.events_named("task_lost").len(), 5);
    server.await_log(", 5 tasks lost");
}

#[test]
fn the_queue_has_limits() {
    let server = server!("tasks")
        .sized(1, 1)
        .set("task_worker_num", 1)
        .set("task_queue_max_num", 100)
        .set("task_queue_max_bytes", 65536)
        .start();
    let mut client = server.connect();
    let hold = server.path("hold");
    assert_eq!(
        client.ask(format!("!task - 1 hold {} x", hold.display())),
        "given=1 code=0"
    );
    server.await_event("task", 1);
    assert_eq!(client.ask("!task - 200 echo x"), "given=100 code=2002");
    std::fs::write(&hold, "").unwrap();
    server.await_event("finish", 101);
    assert_eq!(client.ask("!check 20000"), "good");
    assert_eq!(client.ask("!check 65000"), "good");
    assert_eq!(client.ask("!check 70000"), "Err(Refused(2001))");
    server.stop();
}

#[test]
fn a_result_too_large_for_the_way_back_is_reported_as_a_loss() {
    let server = server!("tasks")
        .sized(1, 1)
        .set("task_worker_num", 1)
        .set("task_queue_max_bytes", 65536)
        .start();
    let mut client = server.connect();
    let pid = task_worker(&server, 1);
    assert_eq!(client.ask("!wait 20000 big 65536"), "good 65536");
    assert_eq!(
        client.ask("!wait 20000 big 70000"),
        "Ok(Lost(ResultTooLarge))"
    );
    assert_eq!(client.ask("!task - 3 big 70000"), "given=3 code=0");
    server.await_event("task_lost", 3);
    eventually(patience(), || client.stat("tasks_lost") == 4);
    assert_eq!(client.ask("!open"), "0");
    assert_eq!(server.events_named("finish").len(), 0);
    assert_eq!(task_worker(&server, 1), pid); // it lives
    server.stop();
}

#[test]
fn what_has_gone_through_a_queue_takes_no_room_from_what_comes() {
    let server = server!("tasks")
        .sized(1, 1)
        .set("task_worker_num", 1)
        .set("task_queue_max_bytes", "16M")
        .quiet()
        .start();
    let mut client = server.connect();
    let text = "x".repeat(1000);
    for round in 0..20 {
        // Some that are done at once, then as many as there is room for while nobody takes any.
        let quick = 50 + 13 * round;
        let answer = client.ask(format!("!task - {quick} echo {text}"));
        assert_eq!(answer, format!("given={quick} code=0"));
        eventually(patience(), || client.ask("!open") == "0");
        let hold = server.path(&format!("hold-{round}"));
        let held = format!("!task - 1 hold {} x", hold.display());
        assert_eq!(client.ask(held), "given=1 code=0");
        eventually(patience(), || client.stat("tasks_at_work") == 1);
        let answer = client.ask(format!("!task - 15000 echo {text}"));
        assert_eq!(answer, "given=15000 code=0");
        std::fs::write(&hold, "").unwrap();
        eventually(patience(), || client.ask("!open") == "0");
    }
    server.stop();
}

#[test]
fn large_payloads_go_both_ways() {
    let server = start(1);
    let mut client = server.connect();
    assert_eq!(client.ask("!check 3000000"), "good");
    assert_eq!(client.ask("!check 60000000"), "good");
    assert_eq!(client.ask("!wait 5000 big 3000000"), "good 3000000");
    server.stop();
}

#[test]
fn a_reload_loses_no_task_and_no_result() {
    let server = start(2);
    let mut client = server.connect();
    for round in 1..=5 {
        assert_eq!(client.ask("!task - 40 sleep 2 done"), "given=40 code=0");
        let signal = if round % 2 == 0 {
            Signal::SIGUSR2
        } else {
            Signal::SIGUSR1
        };
        server.signal(server.manager(), signal);
        server.await_event("after_reload", round);
    }
    server.await_event("finish", 200);
    assert_eq!(server.events_named("task_lost").len(), 0);
    assert_eq!(client.stat("task_count"), 200);
    server.stop();
}

#[test]
fn messages_come_in_order() {
    let server = server!("tasks")
        .sized(2, 1)
        .set("task_worker_num", 1)
        .start();
    let mut client = server.connect_to(0);
    assert_eq!(client.ask("!message 1 50 one"), "sent=50 code=0");
    assert_eq!(client.ask("!message 2 5 two"), "sent=5 code=0");
    assert_eq!(client.ask("!message 0 1 self"), "sent=0 code=505");
    assert_eq!(client.ask("!message 3 1 nobody"), "sent=0 code=505");
    server.await_event("message", 55);
    server.stop();
}

//! Tasks when processes end in good order: reloads, stops, limits of task workers, and what the log says of that.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use skep_tests::eventually::{eventually, patience, promised};
use skep_tests::server::{Builder, Server};
use skep_tests::{process, server};

fn one_worker(task_workers: u32) -> Builder {
    server!("tasks")
        .sized(1, 1)
        .set("task_worker_num", task_workers)
}

fn task_workers(server: &Server) -> Vec<i32> {
    let worker = server.connect().ask_number("!pid") as i32;
    let mut pids = server.workers();
    pids.retain(|&pid| pid != worker);
    pids
}

fn ids(server: &Server, event: &str) -> Vec<u64> {
    let events = server.events_named(event);
    events.iter().map(|event| event.number("id")).collect()
}

/// Workers that wait for tasks, and callbacks that wait for results, while everything is replaced 20 times.
#[test]
fn twenty_reloads_under_load_lose_no_task_and_none_expires() {
    let server = server!("tasks")
        .sized(3, 1)
        .set("task_worker_num", 2)
        .set("max_wait_time", 30)
        .quiet()
        .start();
    let (over, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for number in 0..24 {
            let (server, over, answered) = (&server, &over, &answered);
            scope.spawn(move || {
                let mut client = server.connect();
                let mut round = 0;
                while !over.load(Ordering::Relaxed) {
                    round += 1;
                    let text = format!("t{number}-{round}");
                    match number % 3 {
                        0 => assert_eq!(
                            client.ask(format!("!task - 5 echo {text}")),
                            "given=5 code=0"
                        ),
                        1 => assert_eq!(client.ask(format!("!wait 30000 sleep 1 {text}")), text),
                        _ => assert_eq!(
                            client.ask(format!("!waitall 30000 echo {text}|echo b|none")),
                            format!("{text}|b|Ok(Nothing)")
                        ),
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 1..=20 {
            let before = answered.load(Ordering::Relaxed);
            eventually(patience(), || {
                answered.load(Ordering::Relaxed) > before + 50
            });
            let signal = match round % 3 {
                0 => Signal::SIGUSR2,
                _ => Signal::SIGUSR1,
            };
            server.signal(server.manager(), signal);
            server.await_event("after_reload", round);
        }
        over.store(true, Ordering::Relaxed);
    });
    let mut client = server.connect();
    eventually(patience(), || {
        let stats = client.stats();
        stats["tasking_num"] + stats["tasks_at_work"] == 0 && client.ask("!open") == "0"
    });
    assert_eq!(client.stat("tasks_lost"), 0);
    assert_eq!(server.log_count("has expired"), 0);
    assert_eq!(server.log_count("abnormal exit"), 0);
    assert_eq!(server.log_count("force kill"), 0);
    server.stop();
}

#[test]
fn every_result_reaches_the_process_that_asked_although_it_is_being_replaced() {
    let server = one_worker(2).set("max_wait_time", 30).start();
    for round in 1..=6 {
        let mut client = server.connect();
        assert_eq!(client.ask("!task - 300 sleep 1 x"), "given=300 code=0");
        server.signal(server.manager(), Signal::SIGUSR1);
        server.await_event("after_reload", round);
    }
    server.await_event("finish", 6 * 300);
    let finished = server.events_named("finish");
    assert!(
        finished
            .iter()
            .all(|event| event.text("orphaned") == "false")
    );
    let distinct: HashSet<_> = finished
        .iter()
        .map(|event| (event.pid, event.number::<u64>("id")))
        .collect();
    assert_eq!(distinct.len(), finished.len());
    assert_eq!(server.events_named("task_lost").len(), 0);
    server.stop();
}

#[test]
fn a_task_worker_that_is_terminated_finishes_its_task_first() {
    let server = one_worker(2).start();
    let mut client = server.connect();
    for _ in 0..10 {
        assert_eq!(client.ask("!task - 6 sleep 10 x"), "given=6 code=0");
        for pid in task_workers(&server) {
            process::signal(pid, Signal::SIGTERM);
        }
        eventually(patience(), || client.ask("!open") == "0");
    }
    assert_eq!(ids(&server, "finish").len(), 60);
    assert_eq!(client.stat("tasks_lost"), 0);
    server.stop();
}

#[test]
fn a_task_that_outlives_max_wait_time_in_a_reload_is_killed_and_reported() {
    let server = one_worker(2).set("max_wait_time", "0.2").start();
    let mut client = server.connect();
    assert_eq!(client.ask("!task - 1 spin"), "given=1 code=0");
    server.await_event("task", 1);
    server.signal(server.manager(), Signal::SIGUSR2);
    server.await_event("task_lost", 1);
    assert_eq!(server.log_count("force kill worker process"), 1);
    assert_eq!(client.ask("!wait 5000 echo on"), "on");
    assert_eq!(client.ask("!open"), "0");
    server.stop();
}

#[test]
fn a_stop_waits_for_all_tasks_and_says_that_none_is_lost() {
    let mut server = one_worker(2).start();
    let mut client = server.connect();
    assert_eq!(client.ask("!task - 20 sleep 5 x"), "given=20 code=0");
    assert_eq!(client.ask("!task 1 20 sleep 5 x"), "given=20 code=0");
    let id = client.send("!waitall 5000 sleep 50 a|sleep 50 b");
    server.await_event("receive", 3); // what is not read when the stop begins, nobody answers
    server.signal(server.master(), Signal::SIGTERM);
    assert_eq!(client.expect(id), "a|b");
    assert_eq!(server.await_end(patience()).code(), Some(0));
    assert_eq!(server.events_named("finish").len(), 40);
    server.await_log(
        "requests answered in all, 0 dropped, 0 connections closed before their output was written, 0 tasks lost",
    );
}

#[test]
fn a_client_whose_answer_is_a_result_gets_it_from_a_server_that_stops() {
    let mut server = one_worker(1).start();
    let mut idle = server.connect();
    assert_eq!(idle.ask("!open"), "0");
    let mut client = server.connect();
    let id = client.send("!answer sleep 400 late");
    server.await_event("task", 1);
    server.signal(server.master(), Signal::SIGTERM);
    assert_eq!(client.expect(id), "late");
    assert_eq!(server.await_end(patience()).code(), Some(0));
}

#[test]
fn results_that_a_stop_leaves_unread_are_counted() {
    let mut server = one_worker(1).set("max_wait_time", "0.5").start();
    let mut client = server.connect();
    let hold = server.path("hold");
    assert_eq!(client.ask("!task - 30 echo x"), "given=30 code=0");
    server.await_event("finish", 30);
    let given = format!("!task - 1 hold {} x", hold.display());
    assert_eq!(client.ask(given), "given=1 code=0");
    assert_eq!(client.ask("!task - 19 echo x"), "given=19 code=0");
    server.await_event("task", 31);
    let worker = client.ask_number("!pid") as i32;
    server.signal(worker, Signal::SIGSTOP);
    std::fs::write(&hold, "").unwrap();
    server.await_event("task", 50);
    server.signal(server.master(), Signal::SIGTERM);
    assert_eq!(
        server.await_end(patience()).code(),
        Some(1),
        "something was dropped"
    );
    server.await_log("20 results of tasks were waiting when the server stopped: they are lost");
    server.await_log(", 20 tasks lost");
}

/// Tasks of every kind in every phase: done, at work, waiting for anybody, waiting for a worker that is stuck, waited for.
#[test]
fn a_stop_tells_the_sender_of_each_task_it_gives_up() {
    for round in 0..3 {
        let mut server = one_worker(2).set("max_wait_time", "0.5").start();
        let mut client = server.connect();
        assert_eq!(client.ask("!task - 10 echo x"), "given=10 code=0");
        server.await_event("finish", 10);
        assert_eq!(client.ask("!task 0 1 spin"), "given=1 code=0");
        assert_eq!(client.ask("!task 1 1 sleep 60000 x"), "given=1 code=0");
        server.await_event("task", 12);
        assert_eq!(client.ask("!task - 3000 echo x"), "given=3000 code=0");
        assert_eq!(client.ask("!task 0 30 echo x"), "given=30 code=0");
        if round == 1 {
            client.send("!wait 60000 echo x");
            eventually(patience(), || server.log_count("waiting for a task") > 0);
        }
        let begun = Instant::now();
        server.signal(server.master(), Signal::SIGTERM);
        let status = server.await_end(patience());
        assert_eq!(status.code(), Some(1), "something was dropped");
        assert!(begun.elapsed() < promised(Duration::from_millis(500 + 300 + 1_500)));
        let lost: HashSet<u64> = ids(&server, "task_lost").into_iter().collect();
        assert_eq!(lost, (10..10 + 2 + 3030).collect());
        assert_eq!(ids(&server, "task_lost").len(), lost.len());
        let in_all = if round == 1 { 3033 } else { 3032 };
        server.await_log(&format!(", {in_all} tasks lost"));
    }
}

#[test]
fn a_task_worker_is_replaced_after_exactly_its_number_of_tasks() {
    let server = one_worker(3).set("task_max_request", 5).start();
    let mut client = server.connect();
    for _ in 0..10 {
        assert_eq!(client.ask("!task - 30 echo x"), "given=30 code=0");
    }
    server.await_event("finish", 300);
    let by_pid = server.events_named("task").into_iter().fold(
        std::collections::HashMap::<i32, u32>::new(),
        |mut all, event| {
            *all.entry(event.pid).or_default() += 1;
            all
        },
    );
    assert!(by_pid.values().all(|&count| count <= 5), "{by_pid:?}");
    let alive = task_workers(&server);
    let ended = by_pid.iter().filter(|(pid, _)| !alive.contains(pid));
    assert!(ended.clone().count() >= 50);
    assert!({ ended }.all(|(_, &count)| count == 5), "{by_pid:?}");
    assert_eq!(client.stat("tasks_lost"), 0);
    server.stop();
}

#[test]
fn a_task_worker_that_cannot_start_is_tried_again_ever_later_and_tasks_wait() {
    let server = one_worker(1);
    let obstacle = server.path("no-start");
    std::fs::write(&obstacle, "").unwrap();
    let server = server.env("SKEP_TEST_NO_START", obstacle.display()).start();
    let mut client = server.connect();
    assert_eq!(client.ask("!task - 20 echo x"), "given=20 code=0");
    server.await_log("early deaths in a row, next start in 200 ms");
    let starts = server.events_named("worker_start").len();
    assert!(starts < 8, "{starts} starts");
    assert_eq!(client.stat("tasking_num"), 20);
    std::fs::remove_file(&obstacle).unwrap();
    server.await_event("finish", 20);
    assert_eq!(client.stat("tasks_lost"), 0);
    server.stop();
}

#[test]
fn a_task_worker_that_grows_too_large_is_replaced_between_two_tasks() {
    let server = one_worker(1).set("worker_max_memory", "200M").start();
    let mut client = server.connect();
    let before = task_workers(&server);
    assert_eq!(client.ask("!wait 5000 grow 250"), "grown");
    eventually(patience(), || {
        assert_eq!(client.ask("!wait 5000 echo x"), "x");
        let now = task_workers(&server);
        now.len() == 1 && now != before
    });
    assert_eq!(client.stat("tasks_lost"), 0);
    assert_eq!(server.log_count("abnormal exit"), 0);
    server.stop();
}

#[test]
fn what_is_rung_for_is_done_although_the_one_rung_has_something_else_to_do() {
    let server = one_worker(2).start();
    let mut client = server.connect();
    for round in 1..=20 {
        let hold = server.path(&format!("hold-{round}"));
        eventually(patience(), || client.stat("task_idle_worker_num") == 2);
        let worker = round % 2;
        // Both are for the same sleeper; it may take the first one only.
        assert_eq!(
            client.ask(format!("!both {worker} hold {} x|echo y", hold.display())),
            "given"
        );
        eventually(patience(), || {
            client.stat("tasking_num") == 0 && client.stat("tasks_at_work") == 1
        });
        std::fs::write(&hold, "").unwrap();
        eventually(patience(), || client.ask("!open") == "0");
    }
    server.stop();
}

#[test]
fn a_flood_from_several_workers_is_bounded_and_done() {
    let server = server!("tasks")
        .sized(3, 1)
        .set("task_worker_num", 2)
        .set("task_queue_max_num", 1000)
        .quiet()
        .start();
    let accepted: u64 = thread::scope(|scope| {
        let floods: Vec<_> = (0..3)
            .map(|worker| {
                let server = &server;
                scope.spawn(move || {
                    let mut client = server.connect_to(worker);
                    let mut accepted = 0;
                    for _ in 0..10 {
                        let answer = client.ask("!task - 20000 echo x");
                        let (given, code) = answer.split_once(' ').unwrap();
                        accepted += given["given=".len()..].parse::<u64>().unwrap();
                        assert!(code == "code=0" || code == "code=2002", "{answer}");
                        assert!(client.stat("tasking_num") <= 3 * 1000);
                    }
                    eventually(patience(), || client.ask("!open") == "0");
                    accepted
                })
            })
            .collect();
        floods.into_iter().map(|flood| flood.join().unwrap()).sum()
    });
    let mut client = server.connect();
    assert_eq!(client.stat("task_count"), accepted);
    assert_eq!(
        (client.stat("tasking_num"), client.stat("tasks_lost")),
        (0, 0)
    );
    server.stop();
}

#[test]
fn how_much_waits_and_since_when_is_known() {
    let server = one_worker(1).start();
    let mut client = server.connect();
    let hold = server.path("hold");
    assert_eq!(
        client.ask(format!("!task 0 1 hold {} x", hold.display())),
        "given=1 code=0"
    );
    server.await_event("task", 1);
    assert_eq!(
        (
            client.stat("task_queue_bytes"),
            client.stat("task_queue_age_ms")
        ),
        (0, 0)
    );
    let job = format!("echo {}", "x".repeat(995));
    assert_eq!(client.ask(format!("!task - 10 {job}")), "given=10 code=0");
    assert_eq!(client.ask(format!("!task 0 5 {job}")), "given=5 code=0");
    let bytes = client.stat("task_queue_bytes");
    assert!((15 * 1000..15 * 1040).contains(&bytes), "{bytes}");
    eventually(patience(), || client.stat("task_queue_age_ms") >= 200);
    let report = client.report(1);
    assert_eq!(report["queue_depth"], "6");
    assert!(report["queue_age_ms"].parse::<u64>().unwrap() >= 200);
    std::fs::write(&hold, "").unwrap();
    server.await_event("finish", 16);
    let stats = client.stats();
    assert_eq!(
        (stats["task_queue_bytes"], stats["task_queue_age_ms"]),
        (0, 0)
    );
    assert_eq!(client.report(1)["queue_depth"], "0");
    server.stop();
}

//! Tasks of other programs when the server stops, is killed, and starts again with the same key.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use skep::process::Queued;
use skep::task;
use skep_tests::eventually::{eventually, patience, promised};
use skep_tests::producer::Producer;
use skep_tests::server::{Builder, Server};
use skep_tests::{process, server};

fn server_of(key: u32, mode: u32, task_workers: u32) -> Builder {
    server!("tasks")
        .sized(1, 1)
        .set("task_worker_num", task_workers)
        .set("task_ipc_mode", mode)
        .set("message_queue_key", key)
        .set("max_wait_time", 1)
}

fn tasks(server: &Server) -> usize {
    server.events_named("task").len()
}

fn fill(producer: &mut Producer, job: &str) -> usize {
    let mut given = 0;
    while producer.give(2, job) {
        given += 1;
    }
    given
}

#[test]
fn what_was_given_while_there_was_no_server_runs_at_its_start() {
    let mut producer = Producer::new();
    for mode in [2, 3] {
        for _ in 0..100 {
            assert!(producer.give(2, "none"));
        }
        let server = server_of(producer.key, mode, 1).start();
        server.await_event("task", 100);
        server.stop();
        assert_eq!(producer.state().messages, 0);
    }
}

#[test]
fn a_stop_leaves_waiting_tasks_for_the_next_start() {
    let producer = Producer::new();
    let mut server = server_of(producer.key, 2, 1).start();
    let mut client = server.connect();
    assert_eq!(client.ask("!task - 1 sleep 60000 never"), "given=1 code=0");
    server.await_event("task", 1);
    assert_eq!(client.ask("!task - 5 echo any"), "given=5 code=0");
    assert_eq!(client.ask("!task 0 5 echo one"), "given=5 code=0");
    server.signal(server.master(), Signal::SIGTERM);
    server.await_end(patience());
    server.await_log(
        "10 tasks were waiting when the server stopped: they are in the message queue for the next start",
    );
    assert_eq!(
        server.events_named("task_lost").len(),
        1,
        "the one that was begun"
    );
    assert_eq!(producer.state().messages, 10);
    let server = server_of(producer.key, 2, 1).start();
    server.await_event("task", 10);
    producer.await_empty();
    let events = server.events_named("task");
    assert!(events.iter().all(|event| event.number::<u32>("bytes") == 8));
    // Their results are nobody's.
    let mut client = server.connect();
    assert_eq!(client.ask("!wait 5000 echo mine"), "mine");
    assert_eq!(client.ask("!open"), "0");
    assert_eq!(server.events_named("finish").len(), 0);
    server.stop();
}

#[test]
fn what_does_not_fit_into_the_queue_is_reported() {
    let producer = Producer::new();
    let mut server = server_of(producer.key, 2, 1).start();
    let mut client = server.connect();
    assert_eq!(client.ask("!task - 1 sleep 60000 never"), "given=1 code=0");
    server.await_event("task", 1);
    let large = format!("!task - 3 echo {}", "x".repeat(10_000));
    assert_eq!(client.ask(large), "given=3 code=0");
    assert_eq!(client.ask("!task - 3000 echo small"), "given=3000 code=0");
    server.signal(server.master(), Signal::SIGTERM);
    assert_eq!(server.await_end(patience()).code(), Some(1));
    let kept = producer.state().messages as usize;
    assert!(kept > 100, "{kept}");
    assert_eq!(server.events_named("task_lost").len(), 3004 - kept);
}

#[test]
fn a_stop_with_a_full_queue_keeps_its_time_and_accounts_for_all() {
    for mode in [2, 3] {
        let mut producer = Producer::new();
        let mut server = server_of(producer.key, mode, 2).start();
        assert!(producer.give(2, "sleep 60000 never") && producer.give(3, "sleep 60000 never"));
        server.await_event("task", 2);
        let mut client = server.connect();
        let mut given = 2;
        let ahead = if mode == 2 { 1 } else { 2 }; // type 3 names the other task worker
        eventually(patience(), || {
            let waiting = client.stat("tasking_num");
            let more = fill(&mut producer, "none");
            given += more;
            waiting == ahead && more == 0
        });
        let begin = Instant::now();
        server.signal(server.master(), Signal::SIGTERM);
        server.await_end(patience());
        assert!(begin.elapsed() < promised(Duration::from_secs(5)));
        // Those that had left the full queue have no room there any more, and those that were begun are gone.
        let left = producer.state().messages as usize;
        assert_eq!(left + 2 + ahead as usize, given);
        server.await_log(&format!(
            "{ahead} tasks were waiting when the server stopped: they are lost"
        ));
        server.await_log(&format!(", {} tasks lost", 2 + ahead));
        let server = server_of(producer.key, mode, 2).start();
        server.await_event("task", left);
        producer.await_empty();
        server.stop();
    }
}

#[test]
fn a_stop_does_not_wait_for_an_idle_intake() {
    let producer = Producer::new();
    for mode in [2, 3] {
        for _ in 0..10 {
            let server = server_of(producer.key, mode, 3).start();
            let begin = Instant::now();
            server.stop();
            assert!(begin.elapsed() < promised(Duration::from_secs(1)));
        }
    }
}

#[test]
fn stops_under_fire_lose_no_task() {
    const TASKS: usize = 3000;
    let producer = Producer::new();
    let mut feed = producer.queue();
    let feeding = thread::spawn(move || {
        let packed = task::pack(b"none", 0);
        for _ in 0..TASKS {
            assert!(matches!(feed.send(2, &packed, true), Ok(Queued::Done(..))));
            thread::sleep(Duration::from_micros(100));
        }
    });
    let mut run = 0;
    while !feeding.is_finished() || producer.state().messages > 0 {
        let server = server_of(producer.key, 2, 1).start();
        eventually(patience(), || tasks(&server) > 50 || feeding.is_finished());
        let events = server.stop();
        run += events.iter().filter(|event| event.name == "task").count();
    }
    feeding.join().unwrap();
    assert_eq!(run, TASKS);
}

#[test]
fn kills_of_the_supervisors_leave_the_queue_and_what_is_in_it() {
    for victim in [Server::master, Server::manager] {
        let mut producer = Producer::new();
        let mut server = server_of(producer.key, 2, 1).start();
        let hold = server.path("hold");
        assert!(producer.give(2, format!("hold {} x", hold.display())));
        server.await_event("task", 1);
        let given = fill(&mut producer, "none");
        process::signal(victim(&server), Signal::SIGKILL);
        server.await_end(patience());
        fs::write(hold, "").unwrap();
        let left = producer.state().messages as usize;
        assert!(left + 1 >= given, "{left} of {given}"); // one may have been on its way to the task worker
        let server = server_of(producer.key, 2, 1).start();
        server.await_event("task", left);
        producer.await_empty();
        server.stop();
    }
}

//! User processes: restarted, never reloaded, stopped last, and never left behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use skep_tests::eventually::{eventually, patience, promised};
use skep_tests::process;
use skep_tests::server;
use skep_tests::server::{Builder, Server};

fn prepared(users: &str) -> Builder {
    server!("users").sized(1, 1).env("SKEP_TEST_USERS", users)
}

fn start(users: &str) -> Server {
    let server = prepared(users).start();
    let count = users.split_whitespace().count();
    server.await_event("user_process", count);
    server
}

/// Pids of the user process that is counted so, one for each life.
fn lives(server: &Server, process: u64) -> Vec<i32> {
    let mut events = server.events_named("user_process");
    events.retain(|event| event.number::<u64>("process") == process);
    events.iter().map(|event| event.pid).collect()
}

/// What it has open.
fn descriptors(pid: i32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let mut links: Vec<String> = entries
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .map(|link| link.display().to_string())
        .collect();
    links.sort();
    links
}

#[test]
fn one_that_returns_at_once_is_restarted_but_does_not_spin() {
    let server = start("return exit");
    std::thread::sleep(Duration::from_secs(5)); // what is measured is this time
    for process in 0..2 {
        let count = lives(&server, process).len();
        assert!((4..=10).contains(&count), "{count} lives in 5 s");
    }
    assert!(server.log_count("id=1) abnormal exit") == 0);
    assert!(server.log_count("id=2) abnormal exit, status=3, signal=0") >= 3);
    assert!(server.log_count("worker(pid=") > 0 && server.log_count("next start in 400 ms") >= 1);
    let errors = server.events_named("worker_error");
    assert!(
        errors
            .iter()
            .all(|event| event.number::<i64>("worker") == 2)
    );
    server.stop();
}

#[test]
fn it_has_neither_the_port_nor_a_life_line_to_hold() {
    let server = start("sleep sleep");
    let old = lives(&server, 0)[0];
    server.signal(old, Signal::SIGKILL);
    server.await_event("user_process", 3);
    let worker = server.workers()[0];
    for pid in [lives(&server, 0)[1], lives(&server, 1)[0]] {
        assert!(!process::listens(pid, server.port()));
        let (own, its) = (descriptors(pid).len(), descriptors(worker).len());
        assert!(own <= its + 2, "{own} descriptors, {its} in a worker");
    }
    let errors = server.events_named("worker_error");
    assert_eq!(errors.len(), 1);
    assert_eq!(
        (
            errors[0].number::<i32>("worker"),
            errors[0].number::<i32>("signal")
        ),
        (1, 9)
    );
    assert_eq!(
        server.log_count("worker 1 (pid"),
        1,
        "the record of its life"
    );
    server.stop();
}

#[test]
fn a_reload_does_not_touch_it() {
    let server = start("sleep");
    server.signal(server.master(), Signal::SIGUSR1);
    server.await_event("after_reload", 1);
    server.signal(server.master(), Signal::SIGUSR1);
    server.signal(server.manager(), Signal::SIGUSR2);
    assert_eq!(lives(&server, 0).len(), 1);
    assert!(process::is_alive(lives(&server, 0)[0]));
    server.stop();
}

#[test]
fn it_counts_as_a_user_process_only() {
    let server = start("sleep sleep");
    let mut client = server.connect();
    assert_eq!(client.stat("worker_num"), 1);
    assert_eq!(client.stat("task_worker_num"), 0);
    assert_eq!(client.ask_number("!pid-of 1") as i32, lives(&server, 0)[0]);
    assert_eq!(client.ask_number("!pid-of 2") as i32, lives(&server, 1)[0]);
    assert_eq!(client.ask("!pid-of 3"), "-1");
    server.stop();
}

#[test]
fn stopping_one_by_its_id_ends_and_restarts_it() {
    let server = start("sleep");
    let mut client = server.connect();
    assert_eq!(client.ask("!stop 1"), "Ok(())");
    server.await_event("user_process", 2);
    let lives = lives(&server, 0);
    eventually(patience(), || !process::is_alive(lives[0]));
    assert_eq!(client.ask("!stop 2"), "Err(Refused(505))");
    server.stop();
}

#[test]
fn it_is_asked_to_end_when_the_workers_are_gone_and_killed_at_the_deadline() {
    let server = prepared("sleep deaf").set("max_wait_time", 1).start();
    server.await_event("user_process", 2);
    let begin = Instant::now();
    server.stop();
    assert!(
        begin.elapsed() >= Duration::from_millis(900),
        "the deaf one had its time"
    );
    assert!(begin.elapsed() < promised(Duration::from_secs(2)) + Duration::from_secs(1));
}

#[test]
fn kill_of_the_master_or_the_manager_leaves_nobody() {
    for victims in [[true, false], [false, true], [true, true]] {
        let mut server = start("sleep deaf timers idle");
        let [master, manager] = victims;
        // Stopped first, so that neither sees the other's end when both are meant.
        if master && manager {
            server.signal(server.master(), Signal::SIGSTOP);
        }
        if manager {
            server.signal(server.manager(), Signal::SIGKILL);
        }
        if master {
            server.signal(server.master(), Signal::SIGKILL);
        }
        server.await_end(promised(Duration::from_secs(1)));
    }
}

#[test]
fn its_timers_run_in_its_event_loop() {
    let server = start("timers");
    server.await_event("loop_over", 1);
    assert_eq!(server.events_named("ticked").len(), 3);
    assert_eq!(lives(&server, 0).len(), 1);
    server.stop();
}

#[test]
fn a_loop_with_nothing_due_does_not_wake() {
    let server = start("idle");
    let pid = lives(&server, 0)[0];
    let count = || {
        let before = switches(pid);
        std::thread::sleep(Duration::from_secs(1)); // what is measured is this time
        switches(pid) - before
    };
    // Once is enough: its beginning may have come to an end in the first second.
    eventually(promised(Duration::from_secs(20)), || count() == 0);
    server.stop();
}

fn switches(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}

#[test]
fn a_flood_is_refused_and_harms_nobody() {
    let server = prepared("flood")
        .set("task_worker_num", 1)
        .set("task_queue_max_bytes", 1 << 20)
        .start();
    server.await_event("flooded", 1);
    let mut client = server.connect();
    assert_eq!(client.ask("hello"), "hello");
    server.await_event("flooded", 2);
    let flooded = server.events_named("flooded");
    assert_eq!(flooded[0].number::<i32>("code"), 2002);
    assert_eq!(client.ask("again"), "again");
    assert_eq!(lives(&server, 0).len(), 1);
    server.stop();
}

#[test]
fn its_own_children_are_its_own() {
    let server = start("held");
    server.await_event("child", 1);
    assert_eq!(server.events_named("child")[0].text("ended"), "true");
    assert_eq!(lives(&server, 0).len(), 1);
    server.stop();
}

/// The real user of a process.
fn user_of(pid: i32) -> u32 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Uid:"));
    let uid = line.unwrap().split_whitespace().next().unwrap();
    uid.parse().unwrap()
}

#[test]
fn every_generation_has_the_account_and_the_title_and_dies_with_the_manager() {
    if !process::is_root() {
        return;
    }
    let users = prepared("sleep deaf").set("user", "nobody");
    let mut server = users.set("process_title", 1).start();
    server.await_event("user_process", 2);
    server.signal(lives(&server, 0)[0], Signal::SIGKILL);
    server.await_event("user_process", 3);
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    for (pid, id) in [(lives(&server, 0)[1], 1), (lives(&server, 1)[0], 2)] {
        assert_eq!(user_of(pid), nobody.uid.as_raw());
        let title = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
        assert!(
            title.starts_with(&format!("skep: user process {id}")),
            "{title}"
        );
    }
    server.signal(server.manager(), Signal::SIGKILL);
    server.await_end(promised(Duration::from_secs(1)));
}

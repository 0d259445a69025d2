//! Commands: run by the process they are sent to, answered in time, and failed at once when that dies.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use skep_tests::orders::{order_user, pid_of, prepared};
use skep_tests::server;

const TARGETS: [(&str, &str); 6] = [
    ("master", "Master"),
    ("manager", "Manager"),
    ("w0", "Worker(0)"),
    ("w1", "Worker(1)"),
    ("t0", "TaskWorker(2)"),
    ("t1", "TaskWorker(3)"),
];

#[test]
fn everybody_commands_everybody() {
    let server = prepared(server!("exchange")).start();
    let mut clients = [server.connect_to(0), server.connect_to(1)];
    for asker in ["w0", "w1", "t0", "master", "manager", "user"] {
        for (target, answer) in TARGETS {
            let order = format!("command 10000 {target} who");
            let answered = match asker {
                "w0" => clients[0].ask(format!("!do {order}")),
                "w1" => clients[1].ask(format!("!do {order}")),
                "user" => order_user(&server, &order),
                // By the worker that is not asked itself.
                _ => clients[usize::from(target == "w0")]
                    .ask(format!("!do command 20000 {asker} {order}")),
            };
            assert_eq!(answered, answer, "{asker} asks {target}");
        }
    }
    server.stop();
}

#[test]
fn commands_and_answers_may_be_long() {
    let server = prepared(server!("exchange")).start();
    let mut client = server.connect_to(0);
    for target in ["master", "manager", "w1", "t0"] {
        for bytes in [0, 300_000, 20_000_000] {
            let good = format!("good {bytes}");
            assert_eq!(client.ask(format!("!do send-check {target} {bytes}")), good);
            assert_eq!(
                client.ask(format!("!do get-pattern {target} {bytes}")),
                good
            );
        }
    }
    server.stop();
}

#[test]
fn an_answer_beyond_the_limit_fails() {
    let server = prepared(server!("exchange"))
        .set("task_queue_max_bytes", "1M")
        .start();
    let mut client = server.connect_to(0);
    for target in ["manager", "w1"] {
        assert_eq!(
            client.ask(format!("!do get-pattern {target} 2000000")),
            "Err(2006)"
        );
        assert_eq!(
            client.ask(format!("!do send-check {target} 2000000")),
            "Err(2001)"
        );
        assert_eq!(
            client.ask(format!("!do send-check {target} 900000")),
            "good 900000"
        );
    }
    server.stop();
}

#[test]
fn what_cannot_be_commanded_is_refused() {
    let server = prepared(server!("exchange")).start();
    let mut client = server.connect_to(0);
    for (order, answer) in [
        ("name nothing w1", "Err(9012)"),
        ("name workers w1", "workers"),
        ("name workers w0", "workers"),
        ("name workers master", "Err(507)"),
        ("name workers t0", "Err(507)"),
        ("name others w1", "Err(507)"),
        ("name others manager", "others"),
        ("command 100 w2 who", "Err(505)"),
        ("command 100 t2 who", "Err(505)"),
        ("command 100 w4000000000 who", "Err(505)"),
    ] {
        assert_eq!(client.ask(format!("!do {order}")), answer, "{order}");
    }
    server.stop();
}

#[test]
fn time_that_is_up_is_up() {
    let server = prepared(server!("exchange")).start();
    let mut client = server.connect_to(0);
    let hold = server.path("hold");
    let order = format!("!do message 1 1 >hold {}", hold.display());
    assert_eq!(client.ask(order), "sent=1 code=0");
    server.await_event("message", 1);
    let begun = Instant::now();
    assert_eq!(client.ask("!do command 200 w1 who"), "Err(6002)");
    assert!(begun.elapsed() >= Duration::from_millis(190));
    // By default it is 5 s.
    let begun = Instant::now();
    assert_eq!(client.ask("!do name workers w1"), "Err(6002)");
    assert!(begun.elapsed() >= Duration::from_millis(4_990));
    fs::write(format!("{} 0", hold.display()), "").unwrap();
    assert_eq!(client.ask("!do command 10000 w1 who"), "Worker(1)");
    // The others were not run late.
    assert_eq!(server.events_named("command").len(), 1);
    server.stop();
}

#[test]
fn a_target_that_dies_at_it_fails_the_call_at_once() {
    let server = prepared(server!("exchange")).start();
    let mut client = server.connect_to(0);
    let begun = Instant::now();
    for order in [
        "command 600000 w1 die",
        "command 600000 t0 die",
        "command 600000 w1 leave 3",
        "command 600000 t1 leave 0",
        "command 600000 master command 500000 w1 die",
        "command 600000 manager command 500000 w1 die",
        "command 600000 t0 command 500000 t1 die",
    ] {
        assert_eq!(client.ask(format!("!do {order}")), "Err(2006)", "{order}");
        // Those that were not hit go on, and who was has a successor.
        assert_eq!(client.ask("!do command 10000 w1 who"), "Worker(1)");
        assert_eq!(client.ask("!do command 10000 t1 who"), "TaskWorker(3)");
    }
    assert!(begun.elapsed() < Duration::from_secs(400));
    assert!(server.log_count("a command of ") >= 6);
    server.stop();
}

#[test]
fn a_command_that_was_not_begun_is_for_the_successor() {
    let server = prepared(server!("exchange")).start();
    let mut client = server.connect_to(0);
    let hold = server.path("hold");
    let order = format!("!do message 1 1 >hold {}", hold.display());
    assert_eq!(client.ask(order), "sent=1 code=0");
    server.await_event("message", 1);
    let asked = client.send("!do command 600000 w1 who");
    server.signal(pid_of(&server, "worker1"), Signal::SIGKILL);
    assert_eq!(client.expect(asked), "Worker(1)");
    server.stop();
}

#[test]
fn an_asker_that_dies_hinders_nobody() {
    let server = prepared(server!("exchange")).start();
    let mut client = server.connect_to(0);
    let hold = server.path("hold");
    client.send(format!("!do command 600000 w1 hold {}", hold.display()));
    server.await_event("command", 1);
    server.signal(pid_of(&server, "worker0"), Signal::SIGKILL);
    fs::write(&hold, "").unwrap();
    server.await_event("worker_error", 1);
    let mut client = server.connect_to(0);
    for _ in 0..3 {
        assert_eq!(client.ask("!do command 10000 w1 who"), "Worker(1)");
        assert_eq!(client.ask("!do get-pattern w1 1000000"), "good 1000000");
    }
    server.stop();
}

#[test]
fn a_reload_answers_every_command() {
    let server = prepared(server!("exchange")).start();
    for round in 1..=4 {
        let mut client = server.connect_to(0);
        server.signal(server.manager(), Signal::SIGUSR1);
        for _ in 0..20 {
            match client.try_ask("!do command 10000 t0 who") {
                Ok(answer) => assert_eq!(answer, "TaskWorker(2)"),
                Err(ending) => panic!("{ending:?}"),
            }
        }
        server.await_event("after_reload", round);
    }
    server.stop();
}

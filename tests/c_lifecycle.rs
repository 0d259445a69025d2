//! The life of processes as C programs see it.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it is"
)]

#[path = "c/support.rs"]
mod support;

use support::{C11, Client, Program, compile_test, ready};

#[test]
fn callbacks_run_in_their_process_with_their_data() {
    let mut program = Program::start(&compile_test(&C11, "lifecycle"), &["2"]);
    for _ in 0..2 {
        // The second server in the same process is like the first.
        let mut before = program.lines_until("master start");
        let port = ready(&before).unwrap();
        before.retain(|line| !line.starts_with("READY"));
        let mut client = Client::connect(port);
        client.send(b"hello");
        client.expect(b"hello");
        client.send(b"shutdown");
        client.expect_end();
        let after = program.lines_until("returned");
        for (line, place) in [
            ("manager manager_start", 0),
            ("worker worker_start", 0),
            ("session 1 connect", 0),
            ("master before_shutdown", 0),
            ("session 1 close", 0),
            ("worker worker_stop", 1),
            ("manager manager_stop", 2),
            ("master shutdown", 3),
        ] {
            let all: Vec<_> = before.iter().chain(&after).collect();
            assert_eq!(
                all.iter().filter(|text| **text == line).count(),
                1,
                "{line} in {all:?}"
            );
            if place > 0 {
                // The end is in one order: worker, manager, master, return.
                let from_end = after.iter().rev().position(|text| text == line).unwrap();
                assert_eq!(from_end, 4 - place, "{line} in {after:?}");
            }
        }
    }
    program.ends_well_after("done");
}

#[test]
fn worker_that_ends_badly_is_reported_and_replaced() {
    let mut program = Program::start(&compile_test(&C11, "lifecycle"), &[]);
    let port = ready(&program.lines_until("master start")).unwrap();
    for (message, report) in [
        ("leave", "manager worker_error worker 0 code 7 signal 0"),
        (
            "leave in close",
            "manager worker_error worker 0 code 8 signal 0",
        ),
        ("exit", "manager worker_error worker 0 code 9 signal 0"),
        ("crash", "manager worker_error worker 0 code 0 signal 6"),
    ] {
        let mut client = Client::connect(port);
        client.send(message.as_bytes());
        client.expect_broken(); // its request died with the worker
        let lines = program.lines_until(report);
        let stopped = lines.iter().any(|line| line == "worker worker_stop");
        assert_eq!(
            stopped,
            message.starts_with("leave"),
            "{message}: {lines:?}"
        );
        program.lines_until("worker worker_start");
        let mut client = Client::connect(port);
        client.send(b"hello");
        client.expect(b"hello");
    }
    program.signal("TERM");
    program.ends_well_after("done");
}

#[test]
fn stop_and_reload_replace_the_worker_and_keep_the_session() {
    let mut program = Program::start(&compile_test(&C11, "lifecycle"), &[]);
    let port = ready(&program.lines_until("master start")).unwrap();
    let mut client = Client::connect(port);
    // A worker that stops itself is replaced afterwards; a reload starts the new one first.
    for (message, first, second) in [
        ("stop", "worker worker_stop", "worker worker_start"),
        ("reload", "worker worker_start", "worker worker_stop"),
    ] {
        client.send(message.as_bytes());
        let mut lines = program.lines_until(first);
        lines.extend(program.lines_until(second));
        assert!(
            !lines.iter().any(|line| line.contains("worker_error")),
            "{lines:?}"
        );
        client.send(b"hello");
        client.expect(b"hello");
    }
    program.signal("TERM");
    program.ends_well_after("done");
}

#[test]
fn usr1_replaces_the_worker_and_keeps_the_session() {
    let mut program = Program::start(&compile_test(&C11, "lifecycle"), &[]);
    let port = ready(&program.lines_until("master start")).unwrap();
    let mut client = Client::connect(port);
    client.send(b"hello");
    client.expect(b"hello");
    program.signal("USR1");
    program.lines_until("worker worker_start");
    program.lines_until("worker worker_stop");
    client.send(b"hello");
    client.expect(b"hello");
    program.signal("TERM");
    program.ends_well_after("done");
}

#[test]
fn death_of_a_worker_is_told_with_all_that_is_known() {
    let mut program = Program::start(&compile_test(&C11, "lifecycle"), &[]);
    let port = ready(&program.lines_until("master start")).unwrap();
    for (message, said) in [
        ("leave", "code 7 signal 0 requests 1 callback 4 session 1"),
        ("crash", "code 0 signal 6 requests 2 callback 4 session 3"),
    ] {
        let mut client = Client::connect(port);
        client.send(b"hello");
        client.expect(b"hello");
        client.send(message.as_bytes());
        client.expect_broken();
        let short = format!("manager worker_error worker 0 {}", &said[..15]);
        program.lines_until(&short);
        // The same event, told in full right after.
        assert_eq!(
            program.line(),
            format!("manager worker_death worker 0 {said}")
        );
        program.lines_until("worker worker_start");
        let mut client = Client::connect(port);
        client.send(b"hello");
        client.expect(b"hello");
    }
    program.signal("TERM");
    program.ends_well_after("done");
}

#[test]
fn reload_is_told_before_and_after() {
    let mut program = Program::start(&compile_test(&C11, "lifecycle"), &[]);
    let port = ready(&program.lines_until("master start")).unwrap();
    let mut client = Client::connect(port);
    client.send(b"hello");
    client.expect(b"hello");
    for _ in 0..2 {
        program.signal("USR1");
        let before = program.lines_until("manager before_reload");
        assert!(
            !before.iter().any(|line| line == "worker worker_stop"),
            "{before:?}"
        );
        let during = program.lines_until("manager after_reload");
        assert!(
            during.iter().any(|line| line == "worker worker_stop"),
            "{during:?}"
        );
        client.send(b"hello");
        client.expect(b"hello");
    }
    program.signal("TERM");
    program.ends_well_after("done");
}

//! A C program that gives tasks, sends messages and has a process of its own.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it is"
)]

#[path = "c/support.rs"]
mod support;

use support::{C11, CXX17, Client, Program, compile_test};

#[test]
fn tasks_are_run_waited_for_and_reported() {
    for compiler in [C11, CXX17] {
        let mut program = Program::start(&compile_test(&compiler, "tasks"), &[]);
        let mut client = Client::connect(program.port());
        for (ask, answer) in [
            ("user", "yes"),
            ("wait", "waited for"),
            ("give", "finished"),
            ("nothing", "nothing"),
            ("misuse", "misuse"),
            ("die", "lost"),
            ("give", "finished"),
        ] {
            client.send(ask.as_bytes());
            client.expect(answer.as_bytes());
        }
        drop(client);
        program.signal("TERM");
        program.lines_until("stopped");
        program.ends_well();
    }
}

#[test]
fn what_is_refused_is_refused_in_every_process() {
    for compiler in [C11, CXX17] {
        let mut program = Program::start(&compile_test(&compiler, "task_rules"), &[]);
        // Lines of several processes come in any order.
        let mut lines = Vec::new();
        let port = loop {
            let line = program.line();
            match support::ready(std::slice::from_ref(&line)) {
                Some(port) => break port,
                None => lines.push(line),
            }
        };
        let mut client = Client::connect(port);
        client.send(b"go");
        client.expect(b"done");
        let mut expected = vec![
            "master ok",
            "manager ok",
            "user process ok",
            "heard the master",
            "heard the manager",
            "heard the user process",
            "8 messages",
            "finished",
        ];
        while lines.len() < expected.len() {
            lines.push(program.line());
        }
        lines.sort();
        expected.sort_unstable();
        assert_eq!(lines, expected);
        drop(client);
        program.signal("TERM");
        assert_eq!(
            program.lines_until("stopped"),
            ["shutdown ok", "stopped"],
            "{}",
            program.complaints()
        );
        program.ends_well();
    }
}

#[test]
fn without_task_workers_and_message_callback_there_are_neither() {
    let mut program = Program::start(&compile_test(&C11, "task_rules"), &["bare"]);
    let mut client = Client::connect(program.port());
    client.send(b"go");
    client.expect(b"done");
    drop(client);
    program.signal("TERM");
    assert_eq!(program.lines_until("stopped"), ["shutdown ok", "stopped"]);
    program.ends_well();
}

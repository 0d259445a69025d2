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

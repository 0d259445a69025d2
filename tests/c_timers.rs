//! A C program with timers, calls put off and a descriptor of its own.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it is"
)]

#[path = "c/support.rs"]
mod support;

use support::{C11, CXX17, Client, Program, compile_test, ready};

#[test]
fn timers_deferred_calls_and_descriptors_work_from_c() {
    for compiler in [C11, CXX17] {
        let mut program = Program::start(&compile_test(&compiler, "timers"), &[]);
        let mut client = Client::connect(program.port());
        client.send(b"tick");
        client.expect(b"ticked\n");
        client.send(b"after");
        client.expect(b"deferred\n");
        client.send(b"watch");
        client.expect(b"read\n");
        client.send(b"leave");
        assert_eq!(program.line(), "died in 32 with 7");
        program.signal("TERM");
        assert_eq!(program.lines_until("stopped"), ["stopped"]);
        program.ends_well();
    }
}

#[test]
fn every_process_has_timers_and_refuses_what_cannot_be() {
    for compiler in [C11, CXX17] {
        let mut program = Program::start(&compile_test(&compiler, "timer_rules"), &[]);
        // Each says that it is well; a task worker cannot put calls off.
        let mut expected = vec!["task worker ok".to_string()];
        for name in ["master", "manager", "worker", "user process"] {
            expected.extend([format!("{name} ok"), format!("{name} deferred")]);
        }
        let mut lines = Vec::new();
        while lines.len() < expected.len() {
            let line = program.line();
            if ready(std::slice::from_ref(&line)).is_none() {
                lines.push(line);
            }
        }
        lines.sort();
        expected.sort();
        assert_eq!(lines, expected);
        program.signal("TERM");
        program.lines_until("stopped");
        program.ends_well();
    }
}

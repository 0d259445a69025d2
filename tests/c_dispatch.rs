//! C programs that choose workers and cut messages themselves.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

#[path = "c/support.rs"]
mod support;

use support::{C11, CXX17, Client, Program, compile_test};

#[test]
fn functions_choose_workers_and_find_the_ends_of_messages() {
    for compiler in [C11, CXX17] {
        let mut program = Program::start(&compile_test(&compiler, "dispatch"), &[]);
        let mut client = Client::connect(program.port());
        assert_eq!(program.line(), "connect");
        client.send(b"0 here.1 th");
        client.expect(b"0 here. by 0\n");
        client.send(b"ere.");
        client.expect(b"1 there. by 1\n");
        client.send(b"d is dropped.2 is not.");
        client.expect(b"2 is not. by 2\n");
        client.send(b"by mode.");
        client.expect(b"by mode. by 1\n");
        client.send(b"c like close.");
        client.expect_end();
        assert_eq!(program.line(), "close");
        program.signal("TERM");
        assert_eq!(program.lines_until("stopped"), ["stopped"]);
        program.ends_well();
    }
}

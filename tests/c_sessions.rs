//! A C program that treats sessions in every way there is.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it is"
)]

#[path = "c/support.rs"]
mod support;

use support::{C11, CXX17, Client, Program, compile_test};

#[test]
fn sessions_are_bound_protected_paused_and_given_up() {
    for compiler in [C11, CXX17] {
        let mut program = Program::start(&compile_test(&compiler, "sessions"), &[]);
        let port = program.port();
        let mut first = Client::connect(port);
        first.send(b"anything");
        first.expect(b"heard\n"); // so it is session 1
        let mut second = Client::connect(port);
        second.send(b"treat");
        second.expect(b"treated\n");
        first.send(b"anything while it is paused");
        second.send(b"heartbeat");
        second.expect(b"silent 0\n");
        second.send(b"resume");
        second.expect(b"resumed\n");
        first.expect(b"heard\n");

        second.send(b"flood");
        let lines = program.lines_until("closed 2 by 0, errno 110");
        assert!(lines.contains(&"clogged".into()), "{lines:?}");
        assert!(lines.contains(&"full 2".into()), "{lines:?}");
        drop((first, second));
        assert_eq!(program.line(), "closed 1 by 0, errno 0");
        program.signal("TERM");
        assert_eq!(program.lines_until("stopped"), ["stopped"]);
        program.ends_well();
    }
}

//! A C program with several ports.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it is"
)]

#[path = "c/support.rs"]
mod support;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use support::{C11, CXX17, Client, Program, compile_test, scratch};

#[test]
fn each_port_has_its_own_callbacks_or_those_of_the_primary_port() {
    for compiler in [C11, CXX17] {
        let path = scratch("ports").join(format!("{}.sock", std::process::id()));
        let path = path.to_str().unwrap();
        let mut program = Program::start(&compile_test(&compiler, "ports"), &[path]);
        let second = program.line();
        let second = second.strip_prefix("second ").unwrap().parse().unwrap();
        let primary = program.port();

        let mut first = Client::connect(primary);
        assert_eq!(program.line(), "primary 1 of 0");
        first.send(b"hello");
        first.expect(b"primary 0\n");
        let mut client = Client::connect(second);
        assert_eq!(program.line(), "primary 2 of 1");
        client.send(b"hello");
        client.expect(b"second 1\n");
        let mut unix = UnixStream::connect(path).unwrap();
        assert_eq!(program.line(), "third 3 of 2");
        unix.write_all(b"hello").unwrap();
        let mut line = String::new();
        BufReader::new(&unix).read_line(&mut line).unwrap();
        assert_eq!(line, "primary 2\n");

        drop(client);
        assert_eq!(program.line(), "second 2 of 1");
        // 32 MiB: less than the primary port allows, and more than the default of the second one.
        first.send(b"flood");
        assert_eq!(program.line(), "primary took all");
        assert_eq!(program.line(), "primary 1 of 0");
        unix.write_all(b"flood").unwrap();
        assert_eq!(program.line(), "primary took all");
        assert_eq!(program.line(), "primary 3 of 2");
        let mut client = Client::connect(second);
        assert_eq!(program.line(), "primary 4 of 1");
        client.send(b"flood");
        assert_eq!(program.line(), "second took some");
        assert_eq!(program.line(), "second 4 of 1");
        program.signal("TERM");
        assert_eq!(program.lines_until("stopped"), ["stopped"]);
        program.ends_well();
    }
}

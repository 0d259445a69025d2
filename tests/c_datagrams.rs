//! Datagrams as C programs see them.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it is"
)]

#[path = "c/support.rs"]
mod support;

use std::net::UdpSocket;
use std::time::Duration;

use support::{C11, CXX17, Program, compile_test};

#[test]
fn datagrams_come_to_the_callback_of_their_port_and_are_answered() {
    for compiler in [C11, CXX17] {
        let mut program = Program::start(&compile_test(&compiler, "datagrams"), &[]);
        let second = program.line();
        let second: u16 = second.strip_prefix("SECOND ").unwrap().parse().unwrap();
        let first = program.port();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let ask = |port: u16, bytes: &[u8]| {
            client.send_to(bytes, ("127.0.0.1", port)).unwrap();
            let mut room = [0; 256];
            let (len, from) = client.recv_from(&mut room).unwrap();
            assert_eq!(from.port(), port);
            String::from_utf8_lossy(&room[..len]).into_owned()
        };
        let own = client.local_addr().unwrap();
        let told = format!("first {own} port {first} index 0 bytes 5");
        assert_eq!(ask(first, b"hello"), told);
        let told = format!("second {own} port {second} index 1 bytes 0");
        assert_eq!(ask(second, b""), told);
        assert_eq!(ask(second, b"send"), "send");
        assert_eq!(ask(first, b"misuse"), "misused");
        program.signal("TERM");
        program.ends_well_after("stopped");
    }
}

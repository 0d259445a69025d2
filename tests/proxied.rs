//! Behind a balancer: whom the PROXY header names is the client, and nobody else may send one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::io::{Read, Write};
use std::net::TcpStream;

use skep_tests::eventually::patience;
use skep_tests::server;
use skep_tests::server::{Builder, Server};

/// `PROXY` over IPv4, version 2: 192.0.2.7:4711 to 192.0.2.1:80, with an optional field of 3 bytes.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x12\xc0\x00\x02\x07\xc0\x00\x02\x01\x12\x67\x00\x50\x04\x00\x03xyz";
/// LOCAL: the balancer itself.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";

fn behind_a_balancer() -> Builder {
    server!("frames")
        .sized(1, 1)
        .set("proxy_protocol", 1)
        .set("proxy_protocol_from", "127.0.0.0/8")
        .set("open_eof_split", 1)
        .set("package_eof", "\\n")
}

/// Send this in steps, and get the answer to the line `hello`.
fn greet(server: &Server, header: &[u8], step: usize) {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream.set_read_timeout(Some(patience())).unwrap();
    stream.set_nodelay(true).unwrap();
    let bytes = [header, b"hello\n"].concat();
    for piece in bytes.chunks(step) {
        stream.write_all(piece).unwrap();
    }
    let mut answer = [0; 10];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"\x00\x00\x00\x06hello\n");
}

/// Send this, and see the connection end without a word.
fn turned_away(server: &Server, bytes: &[u8]) {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream.set_read_timeout(Some(patience())).unwrap();
    let _ = stream.write_all(bytes); // it may have ended before
    match stream.read(&mut [0]) {
        Ok(0) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_client_is_whom_the_header_names_however_it_is_split() {
    let server = behind_a_balancer().start();
    let cases: [(&[u8], &str); 4] = [
        (
            b"PROXY TCP4 203.0.113.9 203.0.113.1 56324 443\r\n",
            "203.0.113.9:56324",
        ),
        (
            b"PROXY TCP6 2001:db8::1 2001:db8::2 1000 443\r\n",
            "2001:db8::1:1000",
        ),
        (V2, "192.0.2.7:4711"),
        (LOCAL, "127.0.0.1:"),
    ];
    let mut expected = Vec::new();
    for (header, remote) in cases {
        for step in [1, 5, 1000] {
            greet(&server, header, step);
            expected.push(remote);
        }
    }
    let events = server.stop();
    let connects: Vec<_> = events
        .iter()
        .filter(|event| event.name == "connect")
        .map(|event| event.text("remote"))
        .collect();
    assert_eq!(connects.len(), expected.len());
    for (remote, expected) in connects.iter().zip(expected) {
        assert!(
            remote.starts_with(expected),
            "{remote} instead of {expected}"
        );
    }
}

#[test]
fn a_client_without_a_header_is_turned_away_without_an_event() {
    let server = behind_a_balancer().start();
    turned_away(&server, b"GET / HTTP/1.0\r\n\r\n");
    server.await_log("sent no PROXY header: ");
    turned_away(&server, b"PROXY TCP4 1.2.3.4 nonsense\r\n");
    greet(&server, V2, 1000);
    let events = server.stop();
    for name in ["connect", "close"] {
        let count = events.iter().filter(|event| event.name == name).count();
        assert_eq!(count, 1, "{name}: only the good one");
    }
}

#[test]
fn only_balancers_may_connect() {
    let server = behind_a_balancer()
        .set("proxy_protocol_from", "10.0.0.0/8, unix")
        .start();
    turned_away(&server, V2);
    server.await_log("client[127.0.0.1:");
    server.await_log("is not in proxy_protocol_from");
    server.stop();
}

#[test]
fn a_flood_that_is_turned_away_does_not_flood_the_log() {
    let server = behind_a_balancer()
        .set("proxy_protocol_from", "10.0.0.0/8")
        .start();
    for _ in 0..500 {
        turned_away(&server, V2);
    }
    server.await_log("more of these within a second");
    assert!(server.log_count("is not in proxy_protocol_from") < 100); // one in a second
    server.stop();
}

#[test]
fn without_a_list_of_balancers_there_is_no_start() {
    let (status, errors) = behind_a_balancer()
        .set("proxy_protocol_from", "")
        .start_to_fail();
    assert!(!status.success());
    assert!(
        errors.contains("proxy_protocol needs proxy_protocol_from"),
        "{errors}"
    );
}

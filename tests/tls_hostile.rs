//! Clients that do not keep to TLS, or take their time with it: they are gone soon, and nobody else notices.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use skep_tests::certificates::Identity;
use skep_tests::eventually::{eventually, patience, promised};
use skep_tests::server;
use skep_tests::server::{Builder, Server};
use skep_tests::tls::{Offer, TlsClient, aborted, secured, socket, tls12, tls13};
use skep_tests::{pattern, process};

fn under_tls() -> Builder {
    secured(
        server!("tls").sized(1, 1),
        &Identity::new("localhost", 1, None),
    )
}

/// What a client sends first.
fn hello(offer: &Offer) -> Vec<u8> {
    let mut bytes = Vec::new();
    offer.connection().write_tls(&mut bytes).unwrap();
    bytes
}

/// How the server ended the connection, and what it said before.
fn ending(socket: &mut TcpStream) -> (Vec<u8>, bool) {
    let mut said = Vec::new();
    match socket.read_to_end(&mut said) {
        Ok(_) => (said, true),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => (said, false),
        Err(error) => panic!("{error}"),
    }
}

fn events_of_sessions(server: &Server) -> usize {
    let of_port = |name: &str| server.events_named(name);
    let connects = of_port("connect");
    let under_tls = connects.iter().filter(|event| event.text("port") == "0");
    under_tls.count()
}

#[test]
fn plain_text_is_answered_by_the_end_and_one_line_with_the_clients_address() {
    // Longer than what is read at once: the end must not become a reset.
    let long = [b"POST / HTTP/1.1\r\n\r\n".as_slice(), &[b'x'; 200_000]].concat();
    for (text, reason) in [
        (
            b"GET / HTTP/1.0\r\n\r\n".as_slice(),
            "156, error_string=http request",
        ),
        (&long, "156, error_string=http request"),
        (b"\x01\x02\x03", "267, error_string=wrong version number"),
    ] {
        let server = under_tls().start();
        let mut client = socket(server.port()).unwrap();
        let address = client.local_addr().unwrap();
        client.write_all(text).unwrap();
        assert_eq!(ending(&mut client), (Vec::new(), true));
        server.await_log(&format!("bad SSL client[{address}], reason={reason}"));
        assert_eq!(server.log_count("bad SSL client"), 1);
        assert_eq!(aborted(&server), 1);
        assert_eq!(events_of_sessions(&server), 0);
        server.stop();
    }
}

#[test]
fn an_alert_reaches_a_client_that_was_refused() {
    let server = under_tls().set("ssl_protocols", 64).start();
    let mut client = socket(server.port()).unwrap();
    client.write_all(&hello(&tls12())).unwrap();
    let (said, in_order) = ending(&mut client);
    assert_eq!(
        (said.first(), said.get(5..)),
        (Some(&0x15), Some(&[2, 70][..]))
    );
    assert!(in_order);
    server.stop();
}

#[test]
fn a_client_that_leaves_in_the_handshake_leaves_nothing_behind() {
    let server = under_tls().start();
    let hello = hello(&tls13());
    for (count, sent) in [0, 1, 5, hello.len() - 1, hello.len()]
        .into_iter()
        .enumerate()
    {
        let mut client = socket(server.port()).unwrap();
        client.write_all(&hello[..sent]).unwrap();
        drop(client);
        eventually(patience(), || aborted(&server) == count as u64 + 1);
    }
    server.await_log("reason=294, error_string=unexpected eof while reading");
    assert_eq!(events_of_sessions(&server), 0);
    server.stop();
}

#[test]
fn a_handshake_has_to_be_over_in_time() {
    let server = under_tls().set("ssl_handshake_timeout", "0.5").start();
    let begin = Instant::now();
    let mut silent = socket(server.port()).unwrap();
    let mut half = socket(server.port()).unwrap();
    half.write_all(&hello(&tls13())[..50]).unwrap();
    let established = tls13().connect(server.port());
    for client in [&mut silent, &mut half] {
        assert_eq!(ending(client), (Vec::new(), true));
        assert!(begin.elapsed() >= Duration::from_millis(490));
        let address = client.local_addr().unwrap();
        server.await_log(&format!("client[{address}] was too slow"));
    }
    eventually(patience(), || aborted(&server) == 2);
    assert_eq!(established.unwrap().ask("x"), "x", "that one was in time");
    server.stop();
}

#[test]
fn slow_handshakes_byte_by_byte_do_not_hurt_others() {
    let server = under_tls().start();
    let mut slow: Vec<(TcpStream, Vec<u8>)> = (0..20)
        .map(|_| (socket(server.port()).unwrap(), hello(&tls12())))
        .collect();
    let longest = slow.iter().map(|(_, hello)| hello.len()).max().unwrap();
    let mut good = tls13().connect(server.port()).unwrap();
    for place in 0..longest {
        for (socket, hello) in &mut slow {
            if let Some(byte) = hello.get(place) {
                socket.write_all(&[*byte]).unwrap();
            }
        }
        if place % 16 == 0 {
            assert_eq!(good.ask("x"), "x");
        }
    }
    // Their hellos are whole now, and answered.
    for (socket, _) in &mut slow {
        let mut first = [0];
        socket.read_exact(&mut first).unwrap();
        assert_eq!(first, [0x16]);
    }
    server.stop();
}

#[test]
fn two_hundred_clients_with_garbage_leave_the_good_ones_alone() {
    let server = under_tls().sized(1, 1).start();
    let mut good: Vec<TlsClient> = (0..3)
        .map(|_| tls13().connect(server.port()).unwrap())
        .collect();
    let hello = hello(&tls13());
    let noise = pattern::make(4000);
    let pid = server.master();
    let before = process::resident_bytes(pid);
    let mut others = Vec::new();
    for number in 0..200_usize {
        let mut client = socket(server.port()).unwrap();
        let tail = &noise[number * 10..number * 10 + 300];
        let bytes = match number % 4 {
            0 => tail.to_vec(),
            1 => [&b"\x16\x03\x01"[..], tail].concat(),
            2 => [&hello[..hello.len() / 2], tail].concat(),
            _ => {
                // Whole, and then records that nobody can decrypt.
                let record = [&b"\x17\x03\x03\x01\x2c"[..], tail].concat();
                [&hello[..], &record].concat()
            }
        };
        let _ = client.write_all(&bytes); // it may have been ended before
        others.push(client);
        if number % 20 == 0 {
            for client in &mut good {
                assert_eq!(client.ask("x"), "x");
            }
        }
    }
    drop(others);
    eventually(patience(), || aborted(&server) == 200);
    for client in &mut good {
        assert_eq!(client.ask("x"), "x");
    }
    let grown = process::resident_bytes(pid).saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes more");
    assert_eq!(events_of_sessions(&server), 3);
    server.stop();
}

#[test]
fn garbage_in_an_open_session_is_its_end() {
    let server = under_tls().start();
    let mut client = tls13().connect(server.port()).unwrap();
    client.ask("x");
    let address = client.socket.local_addr().unwrap();
    client.socket.write_all(b"\x17\x03\x03\x00\x20").unwrap();
    client.socket.write_all(&[7; 32]).unwrap();
    let (said, in_order) = ending(&mut client.socket);
    assert!(in_order && !said.is_empty(), "an alert, and the end");
    server.await_log(&format!("SSL connection#1[{address}] protocol error[281]"));
    let close = server.await_event("close", 1);
    assert_eq!((close.session(), close.text("errno")), (1, "71"));
    assert_eq!(aborted(&server), 0, "its session had begun");
    server.stop();
}

#[test]
fn connections_that_are_open_on_one_side_cost_nobody_time() {
    let server = under_tls().start();
    let mut idle = Vec::new();
    for _ in 0..100 {
        let mut client = socket(server.port()).unwrap();
        client.write_all(&hello(&tls13())).unwrap();
        idle.push(client); // never reads what the server says
    }
    let begin = Instant::now();
    let mut good = tls13().connect(server.port()).unwrap();
    for _ in 0..100 {
        good.ask("x");
    }
    assert!(begin.elapsed() < promised(Duration::from_secs(5)));
    server.stop();
}

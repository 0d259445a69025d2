//! Against peers that do what no peer should.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::error::code;
use crate::net::SocketType;
use crate::settings::Value;

const LONG: Option<f64> = Some(10.0);

/// A client of a peer that does `body` with the connection.
fn against(
    settings: &[(&str, Value)],
    body: impl FnOnce(TcpStream) + Send + 'static,
) -> (Client, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = thread::spawn(move || body(listener.accept().unwrap().0));
    let mut client = Client::new(SocketType::Tcp, false);
    for (key, value) in settings {
        client.set(key, value).unwrap();
    }
    client.connect("127.0.0.1", port, LONG, false).unwrap();
    (client, peer)
}

fn text(value: &str) -> Value {
    Value::Text(value.into())
}

fn eof() -> Vec<(&'static str, Value)> {
    vec![
        ("open_eof_check", Value::Bool(true)),
        ("package_eof", text("\n")),
    ]
}

fn length(letter: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("open_length_check", Value::Bool(true)),
        ("package_length_type", text(letter)),
        ("package_max_length", Value::Int(100_000)),
    ]
}

fn all(client: &mut Client) -> (Vec<Vec<u8>>, String) {
    let mut messages = Vec::new();
    loop {
        match client.recv(0, Flags::default()) {
            Ok(Received::Data(message)) => messages.push(message.to_vec()),
            other => return (messages, format!("{other:?}")),
        }
    }
}

#[test]
fn messages_come_one_by_one_however_they_were_cut() {
    for pause in [false, true] {
        let (mut client, peer) = against(&eof(), move |mut peer| {
            for byte in b"one\ntwo\n\nlast without end".chunks(1) {
                peer.write_all(byte).unwrap();
                if pause {
                    thread::yield_now();
                }
            }
        });
        let (messages, end) = all(&mut client);
        assert_eq!(messages, [&b"one\n"[..], b"two\n", b"\n"]);
        assert_eq!(end, "Ok(End { code: 6001 })", "in the middle of a message");
        peer.join().unwrap();
    }
}

#[test]
fn every_letter_of_a_length_field_is_known() {
    for (letter, field) in [
        ("c", vec![3]),
        ("C", vec![3]),
        ("s", 3i16.to_ne_bytes().to_vec()),
        ("S", 3u16.to_ne_bytes().to_vec()),
        ("n", 3u16.to_be_bytes().to_vec()),
        ("v", 3u16.to_le_bytes().to_vec()),
        ("l", 3i32.to_ne_bytes().to_vec()),
        ("L", 3u32.to_ne_bytes().to_vec()),
        ("N", 3u32.to_be_bytes().to_vec()),
        ("V", 3u32.to_le_bytes().to_vec()),
        ("q", 3i64.to_ne_bytes().to_vec()),
        ("Q", 3u64.to_ne_bytes().to_vec()),
        ("J", 3u64.to_be_bytes().to_vec()),
        ("P", 3u64.to_le_bytes().to_vec()),
    ] {
        let mut settings = length(letter);
        settings.push(("package_length_offset", Value::Int(2)));
        settings.push(("package_body_offset", Value::Int(2 + field.len() as i64)));
        let message = [&b"xy"[..], &field, b"abc"].concat();
        let sent = message.repeat(2);
        let (mut client, peer) = against(&settings, move |mut peer| peer.write_all(&sent).unwrap());
        let (messages, end) = all(&mut client);
        assert_eq!(messages, [&message[..], &message], "{letter}");
        assert_eq!(end, "Ok(End { code: 0 })");
        peer.join().unwrap();
    }
}

#[test]
fn garbage_lengths_end_the_connection_and_nothing_waits_for_their_bytes() {
    for (letter, sent, first) in [
        ("N", vec![0xff; 4], "Ok(TooBig { length: 4294967299 })"),
        ("N", vec![0, 1, 0x86, 0xa0], "Ok(TooBig { length: 100004 })"),
        ("J", vec![0xff; 8], "1204"),
        ("l", vec![0xff; 4], "1204"),
    ] {
        let (mut client, peer) = against(&length(letter), move |mut peer| {
            peer.write_all(&sent).unwrap();
            let _ = peer.read(&mut [0]); // stays until the client goes
        });
        let begun = Instant::now();
        let found = format!("{:?}", client.recv(0, Flags::default()));
        assert!(found.contains(first), "{found}");
        let again = client.recv(0, Flags::default()).unwrap();
        assert!(matches!(again, Received::End { code: 1201 | 1204 }));
        assert!(client.send(b"more", Flags::default()).is_err());
        assert!(begun.elapsed() < Duration::from_secs(5));
        drop(client);
        peer.join().unwrap();
    }
}

#[test]
fn input_without_an_end_is_bounded() {
    let mut settings = eof();
    settings.push(("package_max_length", Value::Int(100_000)));
    let (mut client, peer) = against(
        &settings,
        |mut peer| {
            while peer.write_all(&[b'x'; 4096]).is_ok() {}
        },
    );
    let found = client.recv(0, Flags::default()).unwrap();
    assert_eq!(found, Received::NoEndMark);
    drop(client);
    peer.join().unwrap();
}

#[test]
fn the_time_counts_for_the_call_and_not_for_each_byte() {
    let mut settings = eof();
    settings.push(("read_timeout", Value::Float(0.3)));
    let (mut client, peer) = against(&settings, |mut peer| {
        while peer.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let begun = Instant::now();
    let code = client.recv(0, Flags::default()).unwrap_err().code();
    assert_eq!(code, 11);
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(299), "{took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    drop(client);
    peer.join().unwrap();
}

#[test]
fn a_peer_that_never_reads_stops_a_send_which_says_how_far_it_got() {
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let settings = [("write_timeout", Value::Float(0.2))];
    let (mut client, peer) = against(&settings, move |mut peer| {
        let _ = receiver.recv();
        let mut got = Vec::new();
        peer.read_to_end(&mut got).unwrap();
        assert!(got.iter().all(|byte| *byte == 7));
        assert!(got.len() > 1000);
    });
    let bytes = vec![7; 64 << 20];
    let sent = client.send(&bytes, Flags::default()).unwrap();
    assert!(sent > 0 && sent < bytes.len(), "{sent}");
    // The kernel may find room for a little more, now and then.
    let refused = (0..100).find_map(|_| client.send(&bytes, Flags::default()).err());
    assert_eq!(refused.unwrap().code(), 11);
    drop(client);
    drop(sender);
    peer.join().unwrap();
}

#[test]
fn a_reset_is_an_error_and_sends_never_kill_the_process() {
    let (mut client, peer) = against(&[], |peer| {
        crate::net::stream::reset_at_close(&peer.into());
    });
    peer.join().unwrap();
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(client.send(b"x", Flags::default()).map_err(|e| e.code()));
    }
    assert!(
        codes.contains(&Err(104)) || codes.contains(&Err(32)),
        "{codes:?}"
    );
    assert!(
        codes.contains(&Err(32)),
        "and then a broken pipe: {codes:?}"
    );
}

#[test]
fn half_a_close_leaves_the_other_half() {
    let (mut client, peer) = against(&[], |mut peer| {
        let mut got = Vec::new();
        peer.read_to_end(&mut got).unwrap();
        peer.write_all(&got).unwrap();
    });
    client.send(b"question", Flags::default()).unwrap();
    client.shutdown(Direction::Output).unwrap();
    let exactly = Flags {
        wait_all: true,
        ..Flags::default()
    };
    assert_eq!(
        client.recv(8, exactly).unwrap(),
        Received::Data(b"question")
    );
    assert_eq!(client.recv(8, exactly).unwrap(), Received::End { code: 0 });
    assert!(client.send(b"x", Flags::default()).is_err());
    peer.join().unwrap();
}

#[test]
fn looking_takes_nothing_and_all_means_all() {
    let (mut client, peer) = against(&[], |mut peer| {
        peer.write_all(b"abc").unwrap();
        let _ = peer.read(&mut [0]);
        peer.write_all(b"def").unwrap();
    });
    let peek = Flags::from_bits(2).unwrap();
    assert_eq!(client.recv(2, peek).unwrap(), Received::Data(b"ab"));
    assert_eq!(client.recv(0, peek).unwrap(), Received::Data(b"abc"));
    assert_eq!(
        client.recv(1, Flags::default()).unwrap(),
        Received::Data(b"a")
    );
    client.send(b"go", Flags::default()).unwrap();
    let exactly = Flags::from_bits(256).unwrap();
    assert_eq!(client.recv(5, exactly).unwrap(), Received::Data(b"bcdef"));
    assert_eq!(
        client
            .recv(1, Flags::from_bits(256 | 2).unwrap())
            .map(|_| ()),
        Err(22.into())
    );
    assert_eq!(Flags::from_bits(4), None);
    peer.join().unwrap();
}

#[test]
fn connecting_fails_with_the_reason() {
    let mut client = Client::new(SocketType::Tcp, false);
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let failed = |result: Result<(), ClientError>| result.unwrap_err().code();
    assert_eq!(failed(client.connect("127.0.0.1", port, LONG, false)), 111);
    assert_eq!(
        failed(client.connect("no such host", port, LONG, false)),
        code::RESOLVE_FAILED
    );
    let mut unix = Client::new(SocketType::UnixStream, false);
    assert_eq!(failed(unix.connect("/nowhere/at/all", 0, LONG, false)), 2);
    let long = "/".repeat(108);
    assert_eq!(
        failed(unix.connect(&long, 0, LONG, false)),
        code::NAME_TOO_LONG
    );
    assert_eq!(
        client.send(b"x", Flags::default()).unwrap_err().code(),
        code::NO_CONNECTION
    );
}

#[test]
fn what_is_kept_is_taken_once_and_only_while_nothing_has_come() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = |id: &str| {
        let mut client = Client::new(SocketType::Tcp, false);
        client.keep_as(id);
        client.connect("127.0.0.1", port, LONG, false).unwrap();
        client
    };
    let mut first = connect("a");
    let (mut peer, _) = listener.accept().unwrap();
    let socket = first.socket();
    first.close(false).unwrap();
    assert!(!first.is_connected());

    let other_id = connect("b");
    assert_eq!(other_id.reuse_count(), 0);
    let second = connect("a");
    assert_eq!((second.reuse_count(), second.socket()), (1, socket));
    let third = connect("a");
    assert_eq!(third.reuse_count(), 0);
    third_is_forced_closed(third);

    peer.write_all(b"nobody asked").unwrap();
    let mut watched = [Watched {
        fd: second.socket().unwrap(),
        interest: Interest::Read,
        ready: false,
    }];
    assert_eq!(select(&mut watched, Some(Duration::from_secs(10))), Ok(1));
    drop(second); // the end of a client is a close
    let fresh = connect("a");
    assert_eq!(fresh.reuse_count(), 0);
}

fn third_is_forced_closed(mut client: Client) {
    client.close(true).unwrap();
    assert_eq!(client.close(true).unwrap_err().code(), code::NO_CONNECTION);
}

#[test]
fn a_proxy_that_stops_in_the_middle_is_not_waited_for_for_ever() {
    for (key, said, expected) in [
        ("socks5", &b"\x04\x00"[..], vec![code::SOCKS5_VERSION]),
        ("socks5", b"\x05\xff", vec![code::SOCKS5_METHOD]),
        (
            "socks5",
            b"\x05\x00\x05\x05\x00\x01",
            vec![code::SOCKS5_SERVER],
        ),
        ("socks5", b"\x05", vec![code::SOCKS5_HANDSHAKE, 104]),
        (
            "http_proxy",
            b"nonsense\r\n\r\n",
            vec![code::HTTP_PROXY_BAD_RESPONSE],
        ),
        (
            "http_proxy",
            b"HTTP/1.1 403 Forbidden\r\n\r\n",
            vec![code::HTTP_PROXY_REFUSED],
        ),
        (
            "http_proxy",
            b"HTTP/1.1 200",
            vec![code::HTTP_PROXY_BAD_RESPONSE, 104],
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let peer = thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            peer.write_all(said).unwrap();
        });
        let mut client = Client::new(SocketType::Tcp, false);
        client
            .set(&format!("{key}_host"), &text("127.0.0.1"))
            .unwrap();
        client
            .set(&format!("{key}_port"), &Value::Int(port.into()))
            .unwrap();
        let found = client.connect("example.org", 80, LONG, false);
        let found = found.unwrap_err().code();
        // A peer that leaves with our bytes unread resets.
        assert!(
            expected.contains(&found) || found == 104 || found == 32,
            "{key} {said:?}: {found}"
        );
        peer.join().unwrap();
    }
}

//! Which bytes become which messages, over real connections: every rule, every limit, hostile input.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use skep_tests::eventually::{patience, promised};
use skep_tests::journal::Event;
use skep_tests::server::{Builder, Server};
use skep_tests::{process, server};

fn frames() -> Builder {
    server!("frames").sized(2, 1)
}

fn split_by_lines() -> Builder {
    frames()
        .set("open_eof_split", 1)
        .set("package_eof", "\\r\\n")
}

/// A big-endian 32-bit length in front that does not count itself.
fn by_length() -> Builder {
    frames().set("open_length_check", 1)
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream.set_read_timeout(Some(patience())).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// The next message as the server saw it; `None` at the end of the connection.
fn next(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Ok(()) => {}
        Err(error)
            if [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset].contains(&error.kind()) =>
        {
            return None;
        }
        Err(error) => panic!("no answer: {error}"),
    }
    let mut message = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut message).unwrap();
    Some(message)
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes(), body].concat()
}

fn closes(events: &[Event]) -> Vec<&Event> {
    events
        .iter()
        .filter(|event| event.name == "close")
        .collect()
}

/// Send hostile bytes; the messages that come back before the connection ends.
fn refused(server: &Server, bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut stream = connect(server);
    let _ = stream.write_all(bytes); // the server may close before it has read all of it
    let mut seen = Vec::new();
    while let Some(message) = next(&mut stream) {
        seen.push(message);
    }
    seen
}

#[test]
fn lines_arrive_one_by_one_however_they_are_split() {
    let server = split_by_lines().start();
    let lines: [&[u8]; 5] = [b"one\r\n", b"\r\n", b"\r\r\n", b"\n\r\n", b"a\rb\nc\r\n"];
    let stream = lines.concat();
    for step in [1, 2, 3, 7, stream.len()] {
        let mut client = connect(&server);
        for piece in stream.chunks(step) {
            client.write_all(piece).unwrap();
        }
        for line in lines {
            assert_eq!(next(&mut client).unwrap(), line, "in steps of {step}");
        }
    }
    server.stop();
}

#[test]
fn what_came_before_a_violation_is_answered_and_no_reset_destroys_the_answer() {
    let server = by_length().set("package_max_length", 65536).start();
    for _ in 0..5 {
        let mut client = connect(&server);
        // Whole, too long, and much that nobody will read: a close over it would be a reset.
        let bytes = [framed(b"whole"), vec![0xff; 300_000]].concat();
        let mut writer = client.try_clone().unwrap();
        let writing = thread::spawn(move || {
            let _ = writer.write_all(&bytes);
            let _ = writer.shutdown(Shutdown::Write);
        });
        assert_eq!(next(&mut client).unwrap(), framed(b"whole"));
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0, "an end, no reset");
        writing.join().unwrap();
    }
    server.stop();
}

#[test]
fn half_a_line_is_nothing_and_is_dropped_with_its_connection() {
    let server = split_by_lines().start();
    let mut client = connect(&server);
    client.write_all(b"whole\r\nhalf\r").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(next(&mut client).unwrap(), b"whole\r\n");
    assert_eq!(next(&mut client), None);
    let events = server.stop();
    let close = closes(&events)[0];
    assert_eq!(close.number::<i32>("errno"), 0, "a clean end is no error");
    assert_eq!(close.number::<i32>("reactor"), 0, "it was the client's");
}

#[test]
fn a_line_of_the_limit_passes_and_a_longer_one_ends_the_connection() {
    let server = split_by_lines().set("package_max_length", 100).start(); // raised to 64 KiB
    let mut client = connect(&server);
    let mut longest = vec![b'x'; 65534];
    longest.extend(b"\r\n");
    client.write_all(&longest).unwrap();
    assert_eq!(next(&mut client).unwrap(), longest);
    let before = b"first\r\nsecond\r\n".to_vec();
    let seen = refused(&server, &[before, vec![b'x'; 70_000]].concat());
    assert_eq!(seen, [b"first\r\n".to_vec(), b"second\r\n".to_vec()]);
    server.await_log("(ERRNO 1201): The received data packet is too large, length=");
    let events = server.stop();
    assert!(
        closes(&events)
            .iter()
            .all(|close| close.number::<i32>("reactor") >= 0)
    );
}

#[test]
fn without_split_messages_are_what_ends_with_the_marker() {
    let server = frames()
        .set("open_eof_check", 1)
        .set("package_eof", "\\r\\n")
        .start();
    let mut client = connect(&server);
    client.write_all(b"a\r\nb\r\n").unwrap();
    assert_eq!(next(&mut client).unwrap(), b"a\r\nb\r\n");
    client.write_all(b"a\r\nb").unwrap();
    client.write_all(b"\r\n").unwrap();
    assert_eq!(next(&mut client).unwrap(), b"a\r\nb\r\n");
    server.await_log("open_eof_split");
    server.stop();
}

#[test]
fn lengths_cut_a_pipelined_stream() {
    let server = by_length().set("package_max_length", "8M").start();
    let bodies: Vec<Vec<u8>> = [0, 1, 100, 65_532, 65_536, 1 << 20, 5 << 20]
        .iter()
        .map(|&size| (0..size).map(|n| n as u8).collect())
        .collect();
    let stream: Vec<u8> = bodies.iter().flat_map(|body| framed(body)).collect();
    let mut client = connect(&server);
    let mut writer = client.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| writer.write_all(&stream).unwrap());
        for body in &bodies {
            assert!(
                next(&mut client).unwrap() == framed(body),
                "body of {}",
                body.len()
            );
        }
    });
    server.stop();
}

#[test]
fn a_length_may_come_byte_by_byte() {
    let server = by_length()
        .set("package_length_type", "n")
        .set("package_length_offset", 2)
        .set("package_body_offset", 0)
        .start();
    let mut client = connect(&server);
    for byte in b"ID\x00\x07abcID\x00\x04".iter() {
        client.write_all(&[*byte]).unwrap();
    }
    assert_eq!(next(&mut client).unwrap(), b"ID\x00\x07abc");
    assert_eq!(next(&mut client).unwrap(), b"ID\x00\x04");
    server.stop();
}

#[test]
fn lengths_that_make_no_sense_end_the_connection() {
    let signed = by_length().set("package_length_type", "l").start();
    assert_eq!(
        refused(&signed, &(-5i32).to_ne_bytes()),
        Vec::<Vec<u8>>::new()
    );
    signed.await_log("(ERRNO 1204): received 4 bytes of malformed data, remote_addr=<127.0.0.1:");
    signed.stop();

    let whole = by_length().set("package_body_offset", 0).start();
    refused(&whole, &[0; 4]);
    whole.await_log(
        "(ERRNO 1202): bad request, no length found in 4 bytes, remote_addr=<127.0.0.1:",
    );
    refused(&whole, &2u32.to_be_bytes());
    whole.await_log("(ERRNO 1204)");
    refused(&whole, &(3u32 << 20).to_be_bytes());
    whole.await_log(
        "(ERRNO 1201): the received packet length 3145728 is too large, remote_addr=<127.0.0.1:",
    );
    let mut good = connect(&whole);
    good.write_all(&4u32.to_be_bytes()).unwrap();
    assert_eq!(next(&mut good).unwrap(), 4u32.to_be_bytes());
    whole.stop();
}

#[test]
fn mqtt_packets_are_messages() {
    let server = frames().set("open_mqtt_protocol", 1).start();
    let mut client = connect(&server);
    let connect_packet = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00".to_vec();
    let mut publish = vec![0x30, 0x80 | 0x48, 0x01]; // 200 bytes follow
    publish.extend([b'p'; 200]);
    let ping = b"\xc0\x00".to_vec();
    client
        .write_all(&[connect_packet.clone(), publish.clone(), ping.clone()].concat())
        .unwrap();
    for packet in [connect_packet, publish, ping] {
        assert_eq!(next(&mut client).unwrap(), packet);
    }
    refused(&server, b"\x30\xff\xff\xff\xff\x01");
    server.await_log("(ERRNO 1204)");
    server.stop();
}

#[test]
fn messages_read_before_their_worker_was_busy_wait_in_order_and_others_go_on() {
    let server = by_length().set("worker_queue_size", "64K").start();
    // Sessions 1 and 2 go to different workers.
    let (mut busy, mut quick) = (connect(&server), connect(&server));
    for client in [&mut busy, &mut quick] {
        client.write_all(&framed(b"hello")).unwrap();
        next(client).unwrap();
    }
    let mut flood = framed(b"!slow");
    let bodies: Vec<String> = (0..20_000)
        .map(|number| format!("message {number:06}"))
        .collect();
    flood.extend(bodies.iter().flat_map(|body| framed(body.as_bytes())));
    let mut writer = busy.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| writer.write_all(&flood).unwrap());
        for _ in 0..100 {
            quick.write_all(&framed(b"quick")).unwrap();
            assert_eq!(next(&mut quick).unwrap(), framed(b"quick"));
        }
        assert_eq!(next(&mut busy).unwrap(), framed(b"!slow"));
        for body in &bodies {
            assert_eq!(next(&mut busy).unwrap(), framed(body.as_bytes()));
        }
    });
    server.stop();
}

#[test]
fn a_stop_answers_every_message_that_was_read() {
    let server = by_length()
        .set("worker_queue_size", "64K")
        .sized(1, 1)
        .start();
    let mut client = connect(&server);
    let mut bytes = framed(b"!slow");
    let bodies: Vec<String> = (0..3000)
        .map(|number| format!("message {number:06}"))
        .collect();
    bytes.extend(bodies.iter().flat_map(|body| framed(body.as_bytes())));
    client.write_all(&bytes).unwrap(); // one read of the reactor: less than 64 KiB
    assert!(bytes.len() < 65_536);
    assert_eq!(next(&mut client).unwrap(), framed(b"!slow"));
    server.signal(server.master(), Signal::SIGTERM);
    for body in &bodies {
        assert_eq!(next(&mut client).unwrap(), framed(body.as_bytes()));
    }
    assert_eq!(next(&mut client), None);
    server.stop();
}

#[test]
fn garbage_of_two_hundred_clients_hurts_nobody() {
    let server = by_length().set("package_max_length", "64K").start();
    let mut good = connect(&server);
    good.write_all(&framed(b"before")).unwrap();
    assert_eq!(next(&mut good).unwrap(), framed(b"before"));
    thread::scope(|scope| {
        for client in 0..200u32 {
            let server = &server;
            scope.spawn(move || {
                // A different stream for each, the same in every run.
                let mut word = client.wrapping_mul(2_654_435_761).max(1);
                let bytes: Vec<u8> = (0..4096)
                    .map(|_| {
                        word ^= word << 13;
                        word ^= word >> 17;
                        word ^= word << 5;
                        word as u8
                    })
                    .collect();
                refused(server, &[&[0xff], &bytes[..]].concat());
            });
        }
        for _ in 0..200 {
            good.write_all(&framed(b"during")).unwrap();
            assert_eq!(next(&mut good).unwrap(), framed(b"during"));
        }
    });
    assert_eq!(server.workers().len(), 2);
    let events = server.stop();
    assert_eq!(closes(&events).len(), 201);
}

/// One client never stops sending short messages, on the same reactor as another, which has a worker of its own.
#[test]
fn a_flood_of_short_messages_leaves_others_their_turn() {
    let rules: [(Builder, &[u8]); 3] = [
        (frames(), b"x"),
        (split_by_lines(), b"x\r\n"),
        (by_length(), b"\0\0\0\x01x"),
    ];
    for (rule, message) in rules {
        let server = rule.start();
        let flooder = connect(&server);
        let mut other = connect(&server);
        let (mut sending, mut reading) = (flooder.try_clone().unwrap(), flooder);
        let flood = message.repeat(20_000);
        let writer = thread::spawn(move || while sending.write_all(&flood).is_ok() {});
        let mut taken = vec![0; 1 << 16];
        reading.read_exact(&mut taken).unwrap(); // it is under way
        let stop = reading.try_clone().unwrap();
        let reader = thread::spawn(move || {
            let mut all = 0;
            while let Ok(count @ 1..) = reading.read(&mut taken) {
                all += count;
            }
            all
        });
        for _ in 0..20 {
            let begin = Instant::now();
            other.write_all(message).unwrap();
            assert_eq!(next(&mut other).as_deref(), Some(message));
            let took = begin.elapsed();
            assert!(took < promised(Duration::from_secs(1)), "{took:?}");
        }
        stop.shutdown(Shutdown::Both).unwrap();
        assert!(reader.join().unwrap() > 0, "the flood went on");
        writer.join().unwrap();
        drop(other);
        server.stop();
    }
}

/// A header of four bytes may announce 2 GiB; memory is taken as the bytes come.
#[test]
fn an_announced_length_takes_no_memory_before_its_bytes_come() {
    let server = by_length().set("package_max_length", "3G").start();
    let mut other = connect(&server);
    let ask = |other: &mut TcpStream| {
        other.write_all(&framed(b"hello")).unwrap();
        assert_eq!(next(other).unwrap(), framed(b"hello"));
    };
    ask(&mut other);
    let before = process::virtual_bytes(server.master());
    let mut promises: Vec<_> = (0..20).map(|_| connect(&server)).collect();
    for promise in &mut promises {
        promise.write_all(&[0x7f, 0, 0, 0]).unwrap();
        promise.write_all(&[b'x'; 100_000]).unwrap();
        ask(&mut other); // the same reactor: it has had its turns
    }
    let grown = process::virtual_bytes(server.master()).saturating_sub(before);
    assert!(grown < 1 << 30, "{grown} bytes more for 2 MB received");
    drop((other, promises));
    server.stop();
}

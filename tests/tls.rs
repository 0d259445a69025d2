//! TLS over sockets: what arrives is what was sent, for each version and in any cut of the bytes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;

use skep_tests::certificates::Identity;
use skep_tests::eventually::{eventually, patience};
use skep_tests::tls::{Ending, Offer, OpenSsl, ask_plain, secured, socket, text, tls12, tls13};
use skep_tests::{pattern, server};

const MIB: usize = 1 << 20;

fn localhost() -> Identity {
    Identity::new("localhost", 1, None)
}

/// Send the pattern and get it back, reading and writing at once.
fn echo(offer: &Offer, port: u16, length: usize) {
    let mut client = offer.connect(port).unwrap();
    let data = pattern::make(length);
    let mut sent = 0;
    let mut came = Vec::with_capacity(length);
    client.socket.set_nonblocking(true).unwrap();
    let mut buffer = vec![0; 64 * 1024];
    eventually(patience() * 3, || {
        loop {
            let mut moved = false;
            let next = &data[sent..data.len().min(sent + 64 * 1024)];
            if !next.is_empty() {
                sent += client.tls.writer().write(next).unwrap();
            }
            while client.tls.wants_write() {
                match client.tls.write_tls(&mut client.socket) {
                    Ok(_) => moved = true,
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                    Err(error) => panic!("after {sent} bytes: {error}"),
                }
            }
            // All that is there: a client that sends faster than it reads has its answers refused.
            loop {
                match client.tls.read_tls(&mut client.socket) {
                    Ok(0) => panic!("the end after {} bytes", came.len()),
                    Ok(_) => {
                        moved = true;
                        client.tls.process_new_packets().unwrap();
                        while let Ok(count) = client.tls.reader().read(&mut buffer) {
                            came.extend_from_slice(&buffer[..count]);
                        }
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                    Err(error) => panic!("{error}"),
                }
            }
            if came.len() == length || !moved {
                return came.len() == length;
            }
        }
    });
    assert_eq!(pattern::first_difference(&came), None);
    client.socket.set_nonblocking(false).unwrap();
    client.say_farewell();
    assert_eq!(client.drain(), (Vec::new(), Ending::Farewell));
}

#[test]
fn sixteen_mebibytes_come_back_under_each_version() {
    let server = secured(server!("tls").sized(1, 1), &localhost()).start();
    for offer in [tls12(), tls13()] {
        echo(&offer, server.port(), 16 * MIB);
    }
    server.stop();
}

#[test]
fn openssl_gets_its_answer_and_a_farewell() {
    let server = secured(server!("tls").sized(1, 1), &localhost()).start();
    for (version, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let client = OpenSsl::connect(server.port(), &[version, "-nocommands"]);
        let (output, _) = client.talk(b"!bye 100000\n"); // it leaves when the server does
        assert!(output.contains(&format!("{name}, Cipher is ")), "{output}");
        assert!(output.ends_with("closed\n"), "{output}");
        assert!(output.len() > 100_000, "{}", output.len());
    }
    let old = OpenSsl::connect(server.port(), &["-tls1_1", "-cipher", "ALL@SECLEVEL=0"]);
    let (output, _) = old.talk(b"x\n");
    assert!(output.contains("Cipher is (NONE)"), "{output}");
    server.await_log("error_string=unsupported protocol");
    server.stop();
}

#[test]
fn a_version_that_the_port_does_not_allow_is_refused() {
    let builder = secured(server!("tls").sized(1, 1), &localhost()).set("ssl_protocols", 64);
    let server = builder.start();
    assert!(tls12().connect(server.port()).is_err());
    server.await_log("reason=258, error_string=unsupported protocol");
    tls13().connect(server.port()).unwrap().ask("x");
    server.stop();
}

#[test]
fn what_was_agreed_on_is_known_in_the_session() {
    let builder = secured(server!("tls").sized(1, 1), &localhost()).set("ssl_alpn", "two,one");
    let server = builder.start();
    let offer = tls13().name("www.example.test").alpn(&["one", "two"]);
    let facts = offer.connect(server.port()).unwrap().ask("!tls");
    let expected = "TLSv1.3 TLS_AES_256_GCM_SHA384 alpn=two name=www.example.test certificates=0";
    assert_eq!(facts, expected);
    let facts = tls12().connect(server.port()).unwrap().ask("!tls");
    let expected = "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 alpn= name= certificates=0";
    assert_eq!(facts, expected);
    let stranger = tls13().alpn(&["three"]).connect(server.port());
    assert!(stranger.is_err(), "no protocol in common");
    server.await_log("error_string=no application protocol");
    assert_eq!(ask_plain(&server, "!tls"), "none", "without TLS");
    server.stop();
}

#[test]
fn the_name_asked_for_chooses_the_certificate() {
    let [own, exact, wild] =
        ["own.test", "exact.test", "*.wild.test"].map(|name| Identity::new(name, 1, None));
    let mut builder = secured(server!("tls").sized(1, 1), &own);
    let mut named = Vec::new();
    for (host, file, identity) in [
        ("exact.test", "exact", &exact),
        ("*.wild.test", "wild", &wild),
    ] {
        identity.write(&builder.path(""), file);
        let path = |ending| builder.path(&format!("{file}.{ending}"));
        named.push(format!(
            "{host}={}:{}",
            path("crt").display(),
            path("key").display()
        ));
    }
    builder = builder.set("ssl_sni_certs", named.join(","));
    let server = builder.start();
    for (name, expected) in [
        ("exact.test", &exact),
        ("EXACT.test", &exact),
        ("a.wild.test", &wild),
        ("a.b.wild.test", &own),
        ("wild.test", &own),
        ("other.test", &own),
    ] {
        let client = Offer::default().name(name).connect(server.port()).unwrap();
        assert_eq!(client.shown(), expected.der(), "{name}");
    }
    let nameless = Offer::default().connect(server.port()).unwrap();
    assert_eq!(nameless.shown(), own.der());
    server.stop();
}

#[test]
fn messages_are_cut_whatever_records_they_come_in() {
    let split = secured(server!("tls").sized(1, 1), &localhost())
        .set("open_eof_split", 1)
        .set("package_eof", "\\r\\n")
        .env("SKEP_TEST_FRAMES", 1);
    let server = split.start();
    for step in [1, 3, 1000] {
        let mut client = tls13().connect(server.port()).unwrap();
        for piece in b"one\r\ntwo\r\n\r\n".chunks(step) {
            client.send(piece); // a record each
        }
        let answer = client.receive(24);
        assert_eq!(
            answer, b"\0\0\0\x05one\r\n\0\0\0\x05two\r\n\0\0\0\x02\r\n",
            "{step}"
        );
    }
    server.stop();
}

#[test]
fn length_frames_pass_over_the_borders_of_records() {
    let framed = secured(server!("tls").sized(1, 1), &localhost())
        .set("open_length_check", 1)
        .set("package_length_type", "N")
        .set("package_body_offset", 4)
        .set("package_max_length", 4 * MIB)
        .env("SKEP_TEST_FRAMES", 1);
    let server = framed.start();
    let mut client = tls12().connect(server.port()).unwrap();
    let frame = |body: &[u8]| [&(body.len() as u32).to_be_bytes()[..], body].concat();
    // 1000 of them in a few records, one in many, and one whose header is torn apart.
    let many: Vec<u8> = (0..1000_u32)
        .flat_map(|n| frame(&n.to_le_bytes()))
        .collect();
    client.send(&many);
    for n in 0..1000_u32 {
        assert_eq!(client.receive(12)[8..], n.to_le_bytes());
    }
    let long = pattern::make(MIB);
    let long_frame = frame(&long);
    client.send(&long_frame[..2]);
    client.send(&long_frame[2..]);
    let answer = client.receive(MIB + 8);
    assert_eq!(pattern::first_difference(&answer[8..]), None);
    server.stop();
}

#[test]
fn a_file_is_sent_under_tls() {
    let server = secured(server!("tls").sized(1, 1), &localhost()).start();
    let path = server.path("file");
    std::fs::write(&path, pattern::make(3 * MIB)).unwrap();
    let mut client = tls13().connect(server.port()).unwrap();
    client.send(format!("!file {}", path.display()));
    let came = client.receive(3 * MIB);
    assert_eq!(pattern::first_difference(&came), None);
    server.stop();
}

#[test]
fn the_header_of_a_balancer_comes_before_tls() {
    let server = secured(server!("tls").sized(1, 1), &localhost())
        .set("proxy_protocol", 1)
        .set("proxy_protocol_from", "127.0.0.0/8")
        .start();
    let header = b"PROXY TCP4 203.0.113.9 203.0.113.1 56324 443\r\n";
    for step in [1, 20, 1000] {
        let mut socket = socket(server.port()).unwrap();
        for piece in header.chunks(step) {
            socket.write_all(piece).unwrap();
        }
        assert_eq!(tls13().over(socket).unwrap().ask("x"), "x", "{step}");
    }
    // All at once: header and hello in one segment.
    let mut socket = socket(server.port()).unwrap();
    let mut tls = tls13().connection();
    let mut first = header.to_vec();
    tls.write_tls(&mut first).unwrap();
    socket.write_all(&first).unwrap();
    let mut stream = rustls::StreamOwned::new(tls, socket);
    stream.write_all(b"y").unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"y");
    for event in server.events_named("connect") {
        assert_eq!(event.text("remote"), "203.0.113.9:56324");
    }
    // TLS without a header is no header; a bad handshake behind one has the client's address.
    assert!(tls13().connect(server.port()).is_err());
    server.await_log("sent no PROXY header: ");
    let mut broken = skep_tests::tls::socket(server.port()).unwrap();
    broken.write_all(header).unwrap();
    broken.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    server.await_log("bad SSL client[203.0.113.9:56324], reason=156");
    server.stop();
}

#[test]
fn a_session_held_back_gets_what_came_with_its_handshake() {
    let server = secured(server!("tls").sized(1, 1), &localhost())
        .set("enable_delay_receive", 1)
        .start();
    let mut client = tls13().connect(server.port()).unwrap();
    assert_eq!(client.ask("hello"), "hello");
    assert_eq!(client.ask("again"), "again");
    client.say_farewell();
    assert_eq!(client.drain().1, Ending::Farewell);
    server.await_event("close", 1);
    server.stop();
}

#[test]
fn a_unix_socket_may_be_under_tls() {
    let builder = secured(server!("tls").sized(1, 1), &localhost());
    let path = builder.path("tls.sock");
    let server = builder.env("SKEP_TEST_UNIX", path.display()).start();
    let socket = UnixStream::connect(&path).unwrap();
    socket.set_read_timeout(Some(patience())).unwrap();
    let mut stream = rustls::StreamOwned::new(tls13().connection(), socket);
    stream.write_all(b"!tls").unwrap();
    let mut answer = [0; 100];
    let count = stream.read(&mut answer).unwrap();
    assert!(answer[..count].starts_with(b"TLSv1.3 "));
    server.stop();
}

#[test]
fn openssl_speaks_over_a_unix_socket_through_socat() {
    let builder = secured(server!("tls").sized(1, 1), &localhost());
    let path = builder.path("tls.sock");
    let server = builder.env("SKEP_TEST_UNIX", path.display()).start();
    let bridge = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = bridge.local_addr().unwrap().port();
    let carried = thread::spawn({
        let path = path.clone();
        move || {
            let (client, _) = bridge.accept().unwrap();
            let end: std::os::fd::OwnedFd = client.into();
            let mut socat = std::process::Command::new("socat")
                .args(["-", &format!("UNIX-CONNECT:{}", text(&path))])
                .stdin(end.try_clone().unwrap())
                .stdout(end)
                .spawn()
                .unwrap();
            socat.wait().unwrap()
        }
    });
    let (output, _) = OpenSsl::connect(port, &["-quiet", "-nocommands"]).talk(b"!bye 10\n");
    assert_eq!(
        output.len(),
        String::from_utf8_lossy(&pattern::make(10)).len()
    );
    carried.join().unwrap();
    server.stop();
}

#[test]
fn an_authority_of_its_own_is_what_openssl_checks() {
    let authority = Arc::new(Identity::authority("authority"));
    let identity = Identity::new("localhost", 7, Some(&authority));
    let builder = secured(server!("tls").sized(1, 1), &identity);
    authority.write(&builder.path(""), "authority");
    let file = builder.path("authority.crt");
    let server = builder.start();
    let arguments = [
        "-CAfile",
        text(&file),
        "-verify_return_error",
        "-verify_hostname",
        "localhost",
        "-servername",
        "localhost",
        "-nocommands",
    ];
    let (output, errors) = OpenSsl::connect(server.port(), &arguments).talk(b"!bye 10\n");
    assert!(
        output.contains("Verify return code: 0 (ok)"),
        "{output}{errors}"
    );
    server.stop();
}

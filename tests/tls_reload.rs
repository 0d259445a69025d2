//! New certificates without a restart: for new handshakes, while open sessions go on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::fs;

use nix::sys::signal::Signal;

use skep_tests::certificates::Identity;
use skep_tests::eventually::{eventually, patience};
use skep_tests::server;
use skep_tests::server::Server;
use skep_tests::tls::{OpenSsl, TlsClient, ask_plain, secured, tls12, tls13};

fn localhost(serial: u64) -> Identity {
    Identity::new("localhost", serial, None)
}

fn start() -> Server {
    secured(server!("tls").sized(2, 1), &localhost(1)).start()
}

/// What openssl says of the certificate that new clients see.
fn serial(server: &Server) -> String {
    let client = OpenSsl::connect(server.port(), &["-quiet", "-nocommands", "-msg"]);
    drop(client); // that one only shows that leaving early harms nobody
    let shown = tls12().connect(server.port()).unwrap().shown();
    let shown = shown.as_ref();
    // SEQUENCE { SEQUENCE { [0] version, INTEGER serial ..
    let at = shown
        .windows(5)
        .position(|bytes| bytes == [0xa0, 3, 2, 1, 2])
        .unwrap()
        + 5;
    assert_eq!(shown[at..at + 2], [2, 1]);
    shown[at + 2].to_string()
}

#[test]
fn each_way_to_reload_shows_the_new_certificate_and_keeps_a_hundred_sessions() {
    let server = start();
    let mut clients: Vec<TlsClient> = (0..100)
        .map(|number| if number % 2 == 0 { tls12() } else { tls13() })
        .map(|offer| offer.connect(server.port()).unwrap())
        .collect();
    assert_eq!(serial(&server), "1");
    let way = |number| match number {
        2 => server.signal(server.master(), Signal::SIGUSR1),
        3 => server.signal(server.manager(), Signal::SIGUSR1),
        4 => assert_eq!(ask_plain(&server, "!reload"), "asked"),
        _ => assert_eq!(ask_plain(&server, "!reload_tls"), "asked"),
    };
    for number in 2..=5 {
        localhost(number).write(&server.path(""), "own");
        let done = server.log_count("TLS certificates read again");
        way(number);
        eventually(patience(), || serial(&server) == number.to_string());
        eventually(patience(), || {
            server.log_count("TLS certificates read again") > done
        });
        for client in &mut clients {
            assert_eq!(client.ask("still there"), "still there");
        }
    }
    server.stop();
}

#[test]
fn a_reload_that_fails_keeps_the_certificate_and_says_why() {
    let server = start();
    let mut client = tls13().connect(server.port()).unwrap();
    let own = server.path("own.crt");
    let good = fs::read(&own).unwrap();
    for (text, why) in [
        (Vec::new(), "ssl cert file"),
        (
            localhost(9).pem().into_bytes(),
            "the TLS certificates stay as they were",
        ),
    ] {
        fs::write(&own, text).unwrap();
        let said = server.log_count("stay as they were");
        assert_eq!(ask_plain(&server, "!reload_tls"), "asked");
        eventually(patience(), || server.log_count("stay as they were") > said);
        assert!(server.log().contains(why), "{why}");
        assert_eq!(serial(&server), "1");
    }
    fs::remove_file(&own).unwrap();
    server.signal(server.master(), Signal::SIGUSR1);
    server.await_log("own.crt] not found");
    assert_eq!(serial(&server), "1");
    fs::write(&own, good).unwrap();
    assert_eq!(client.ask("x"), "x");
    server.stop();
}

//! Clients that do not speak TLS, or badly.

use proptest::prelude::*;

use super::certificates::Files;
use super::peers::{BOTH, Client, Pair, settings};
use crate::tls::fuzz::{self, check};
use crate::tls::{Spares, TlsAcceptor, TlsError};

fn client_hello() -> Vec<u8> {
    let mut bytes = Vec::new();
    Client::default().connect().write_tls(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_plain_text_client_is_known_by_its_first_byte() {
    let files = Files::new();
    let acceptor = TlsAcceptor::new(&settings(&files, 1)).unwrap();
    for (first, text) in [
        (b'G', true),
        (b'P', true),
        (0x80, false),
        (0, false),
        (b'{', false),
    ] {
        let mut session = acceptor.accept().unwrap();
        let (mut plain, mut spares) = (Vec::new(), Spares::default());
        let error = session
            .receive(&mut [first], &mut plain, &mut spares)
            .unwrap_err();
        assert_eq!(error, TlsError::NotTls { text });
        assert!(session.output().is_empty() && !session.is_established());
        // Told once; the rest is thrown away.
        let mut rest = *b"ET / HTTP/1.1\r\n\r\n";
        session.receive(&mut rest, &mut plain, &mut spares).unwrap();
        assert_eq!((plain.len(), session.buffered()), (0, 0));
    }
    let error = TlsError::NotTls { text: true };
    assert_eq!(error.code(false), 1015);
    assert_eq!(
        error.line(3, "192.0.2.1:4000", false),
        "bad SSL client[192.0.2.1:4000], reason=156, error_string=http request"
    );
}

#[test]
fn an_empty_read_is_nothing() {
    let files = Files::new();
    let acceptor = TlsAcceptor::new(&settings(&files, 1)).unwrap();
    let mut pair = Pair::new(&acceptor, &Client::default());
    pair.server
        .receive(&mut [], &mut Vec::new(), &mut Spares::default())
        .unwrap();
    pair.talk().unwrap();
    assert!(pair.server.is_established());
}

#[test]
fn a_record_longer_than_allowed_is_refused() {
    let files = Files::new();
    let acceptor = TlsAcceptor::new(&settings(&files, 1)).unwrap();
    let long = [0x17, 3, 3, 0x7f, 0xff];
    for versions in BOTH {
        let client = Client {
            versions,
            ..Client::default()
        };
        let mut pair = Pair::established(&acceptor, &client);
        let mut bytes = long.to_vec();
        bytes.resize(40_000, 0);
        let error = pair.receive(&mut bytes).unwrap_err();
        assert_eq!(error, TlsError::TooLong);
        assert_eq!(error.code(true), 1016);
        assert!(!pair.server.is_established() && pair.server.buffered() < 256);
        assert!(!pair.server.output().is_empty(), "an alert");
        assert_eq!(pair.server.seal(b"x", &mut pair.spares), Ok(0));
    }
    // In the handshake too, and before its bytes have come.
    let mut hello = [0x16, 3, 1, 0xff, 0xff];
    let mut pair = Pair::new(&acceptor, &Client::default());
    assert_eq!(pair.receive(&mut hello), Err(TlsError::TooLong));
}

#[test]
fn a_changed_byte_ends_an_established_session() {
    let files = Files::new();
    let acceptor = TlsAcceptor::new(&settings(&files, 1)).unwrap();
    for versions in BOTH {
        let client = Client {
            versions,
            ..Client::default()
        };
        let mut pair = Pair::established(&acceptor, &client);
        pair.send_from_client(b"good");
        pair.up().unwrap();
        let mut bytes = Vec::new();
        pair.send_from_client(b"evil");
        pair.client.write_tls(&mut bytes).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        let error = pair.receive(&mut bytes).unwrap_err();
        assert_eq!(error, TlsError::BadRecord);
        assert_eq!(
            error.line(5, "[2001:db8::1]:80", true),
            "SSL connection#5[[2001:db8::1]:80] protocol error[281]: decryption failed or bad record mac"
        );
        assert_eq!(pair.received, b"good");
        assert!(!pair.server.is_established());
    }
}

#[test]
fn a_truncated_record_waits_and_the_end_of_input_tells() {
    let files = Files::new();
    let acceptor = TlsAcceptor::new(&settings(&files, 1)).unwrap();
    let hello = client_hello();
    for cut in [1, 4, 5, 6, hello.len() - 1] {
        let mut session = acceptor.accept().unwrap();
        let (mut plain, mut spares) = (Vec::new(), Spares::default());
        let mut part = hello[..cut].to_vec();
        session.receive(&mut part, &mut plain, &mut spares).unwrap();
        assert!(session.output().is_empty());
        assert_eq!(session.buffered(), cut);
        assert_eq!(session.end_of_input(), Err(TlsError::EndOfInput));
        assert_eq!(TlsError::EndOfInput.reason(), 294);
    }
}

#[test]
fn a_fatal_alert_of_the_client_is_named() {
    let files = Files::new();
    let acceptor = TlsAcceptor::new(&settings(&files, 1)).unwrap();
    let mut pair = Pair::new(&acceptor, &Client::default());
    pair.up().unwrap();
    let mut unknown_ca = [0x15, 3, 3, 0, 2, 2, 48];
    let error = pair.receive(&mut unknown_ca).unwrap_err();
    assert_eq!(error.reason(), 1048);
    assert_eq!(error.to_string(), "alert UnknownCA received");
}

#[test]
fn a_handshake_message_in_tiny_records_is_put_together_within_a_limit() {
    let files = Files::new();
    let acceptor = TlsAcceptor::new(&settings(&files, 1)).unwrap();
    let hello = client_hello();
    let tiny = |message: &[u8]| {
        message
            .iter()
            .flat_map(|&byte| [0x16, 3, 1, 0, 1, byte])
            .collect::<Vec<_>>()
    };
    let mut pair = Pair::new(&acceptor, &Client::default());
    pair.step = 11;
    pair.receive(&mut tiny(&hello[5..])).unwrap();
    assert!(!pair.server.output().is_empty(), "it is answered");

    let mut endless = vec![1, 0, 0xff, 0xff];
    endless.resize(60_000, 0);
    let mut pair = Pair::new(&acceptor, &Client::default());
    pair.step = 60_000;
    assert_eq!(pair.receive(&mut tiny(&endless)), Err(TlsError::TooLong));
    assert!(pair.server.buffered() < 256);
}

#[test]
fn the_fuzzing_check_sees_the_difference() {
    let hello = client_hello();
    let outcome = check(&hello).unwrap();
    assert!(outcome.answered && outcome.refused.is_none());
    let outcome = check(b"GET / HTTP/1.0\r\n").unwrap();
    assert_eq!((outcome.answered, outcome.refused), (false, Some(156)));
    assert!(check(&[]).is_some());
    for tls13 in [true, false] {
        let outcome = check(&fuzz::hello(tls13)).unwrap();
        assert!(outcome.answered && outcome.refused.is_none(), "{tls13}");
    }
    // A second hello, garbage behind the hello, an alert in it.
    assert!(check(&hello.repeat(2)).unwrap().refused.is_some());
    let garbage = [&hello[..], &[0x17, 3, 3, 0, 40], &[9; 40]].concat();
    assert_eq!(check(&garbage).unwrap().refused, Some(281));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        check(&bytes);
    }

    #[test]
    fn any_record_is_survived(bytes in proptest::collection::vec(any::<u8>(), 1..300)) {
        let mut record = vec![0x16, 3, 1, (bytes.len() >> 8) as u8, bytes.len() as u8];
        record.extend_from_slice(&bytes);
        check(&record);
    }

    #[test]
    fn a_hello_with_changes_is_survived(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        tail in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut hello = client_hello();
        for (at, byte) in changes {
            let at = at.index(hello.len());
            hello[at] = byte;
        }
        hello.extend_from_slice(&tail);
        check(&hello);
    }
}

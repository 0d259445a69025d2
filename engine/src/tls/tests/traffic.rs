//! Established sessions: much data, borders of records, farewells.

use std::io::Read;

use super::certificates::Files;
use super::peers::{BOTH, Client, Pair, settings};
use crate::tls::{Spares, TlsAcceptor, TlsError};

fn pairs(mut test: impl FnMut(Pair)) {
    let files = Files::new();
    let acceptor = TlsAcceptor::new(&settings(&files, 1)).unwrap();
    for versions in BOTH {
        let client = Client {
            versions,
            ..Client::default()
        };
        test(Pair::established(&acceptor, &client));
    }
}

/// Bytes in which a hole or an exchange shows.
fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 7) as u8)
        .collect()
}

#[test]
fn much_data_to_the_client_waits_in_a_bounded_output() {
    pairs(|mut pair| {
        let data = pattern(3 << 20);
        let (mut rest, mut arrived, mut full) = (data.as_slice(), Vec::new(), 0);
        while arrived.len() < data.len() {
            let taken = pair.server.seal(rest, &mut pair.spares).unwrap();
            rest = &rest[taken..];
            full += usize::from(taken == 0 && !rest.is_empty());
            assert!(pair.server.output().len() <= 66 * 1024);
            // The socket takes a part, borders of records or not.
            pair.some_down(5_003);
            arrived.extend(pair.at_client());
        }
        assert!(arrived == data);
        assert!(full > 0, "the output was full at times");
        assert_eq!(pair.server.buffered(), 0);
    });
}

#[test]
fn much_data_from_the_client_arrives_whole_in_any_split() {
    pairs(|mut pair| {
        let data = pattern(300_000);
        for step in [65_536, 16_384, 16_389, 4_001, 3, 1] {
            pair.step = step;
            pair.received.clear();
            for part in data.chunks(50_000) {
                pair.send_from_client(part);
                pair.up().unwrap();
                assert!(pair.server.buffered() < 17 * 1024);
            }
            assert!(pair.received == data, "step {step}");
            assert_eq!(pair.server.buffered(), 0);
        }
    });
}

#[test]
fn several_small_records_come_out_of_one_call() {
    pairs(|mut pair| {
        let mut bytes = Vec::new();
        for _ in 0..16 {
            pair.send_from_client(&[b'm'; 32]);
            pair.client.write_tls(&mut bytes).unwrap();
        }
        let (mut plain, mut spares) = (Vec::new(), Spares::default());
        pair.server
            .receive(&mut bytes, &mut plain, &mut spares)
            .unwrap();
        assert_eq!(plain, [b'm'; 512]);
    });
}

#[test]
fn the_client_says_goodbye_and_can_still_be_sent_to() {
    pairs(|mut pair| {
        pair.send_from_client(b"last words");
        pair.client.send_close_notify();
        pair.up().unwrap();
        assert_eq!(pair.received, b"last words");
        assert!(pair.server.peer_closed() && pair.server.is_established());
        assert_eq!(pair.send_from_server(b"the answer"), b"the answer");
        pair.server.close_notify(&mut pair.spares);
        assert!(pair.down() > 0);
        assert_eq!(
            pair.client.reader().read(&mut [0; 8]).unwrap(),
            0,
            "a clean end"
        );
        assert_eq!(pair.server.end_of_input(), Ok(()));
    });
}

#[test]
fn bytes_after_the_goodbye_are_thrown_away() {
    pairs(|mut pair| {
        let mut bytes = Vec::new();
        pair.client.send_close_notify();
        pair.client.write_tls(&mut bytes).unwrap();
        bytes.extend_from_slice(&[b'x'; 100]);
        pair.receive(&mut bytes).unwrap();
        pair.receive(&mut [b'y'; 100]).unwrap();
        assert!(pair.server.peer_closed() && pair.received.is_empty());
        assert_eq!(pair.server.buffered(), 0);
    });
}

#[test]
fn the_server_says_goodbye_once_and_still_receives() {
    pairs(|mut pair| {
        assert_eq!(pair.send_from_server(b"all"), b"all");
        pair.server.close_notify(&mut pair.spares);
        let said = pair.server.output().len();
        assert!(said > 0);
        pair.server.close_notify(&mut pair.spares);
        assert_eq!(pair.server.output().len(), said);
        assert_eq!(pair.server.seal(b"more", &mut pair.spares), Ok(0));
        pair.down();
        assert_eq!(
            pair.client.reader().read(&mut [0; 8]).unwrap(),
            0,
            "a clean end"
        );
        pair.send_from_client(b"noted");
        pair.client.send_close_notify();
        pair.up().unwrap();
        assert_eq!(pair.received, b"noted");
        assert!(pair.server.peer_closed());
    });
}

#[test]
fn a_goodbye_in_the_handshake_says_nothing() {
    let files = Files::new();
    let acceptor = TlsAcceptor::new(&settings(&files, 1)).unwrap();
    let mut session = acceptor.accept().unwrap();
    session.close_notify(&mut Spares::default());
    assert!(session.output().is_empty());
    assert_eq!(session.end_of_input(), Err(TlsError::EndOfInput));
}

#[test]
fn a_new_key_of_the_client_is_taken_and_answered() {
    let files = Files::new();
    let acceptor = TlsAcceptor::new(&settings(&files, 1)).unwrap();
    let mut pair = Pair::established(&acceptor, &Client::default());
    for round in 0..3 {
        pair.client.refresh_traffic_keys().unwrap();
        pair.send_from_client(b"new key");
        pair.up().unwrap();
        let answer = pattern(40_000 + round);
        assert!(pair.send_from_server(&answer) == answer);
    }
    assert_eq!(pair.received, b"new key".repeat(3));
}

#[test]
fn an_idle_session_holds_no_buffer() {
    pairs(|mut pair| {
        let data = pattern(200_000);
        assert!(pair.send_from_server(&data) == data);
        pair.send_from_client(&data[..50_000]);
        pair.step = 1000;
        pair.up().unwrap();
        assert_eq!(pair.server.held(), 0);
    });
}

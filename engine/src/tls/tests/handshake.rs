//! Handshakes that succeed, and what comes out of them.

use rustls::HandshakeKind;

use super::certificates::{Files, Identity};
use super::peers::{BOTH, Client, Pair, serial, settings};
use crate::settings::{SniCertificate, TlsSettings};
use crate::tls::{TlsAcceptor, TlsError};

#[test]
fn both_versions_work_in_any_split_of_the_bytes() {
    let files = Files::new();
    let acceptor = TlsAcceptor::new(&settings(&files, 1)).unwrap();
    for versions in BOTH {
        for step in [usize::MAX, 1, 7, 100] {
            let client = Client {
                versions,
                ..Client::default()
            };
            let mut pair = Pair::new(&acceptor, &client);
            pair.step = step;
            assert!(!pair.server.is_established() && pair.server.facts().is_none());
            pair.talk().unwrap();
            assert!(pair.server.is_established());
            pair.send_from_client(b"to the server");
            pair.up().unwrap();
            assert_eq!(pair.received, b"to the server");
            assert_eq!(pair.send_from_server(b"to the client"), b"to the client");
            assert_eq!(pair.server.buffered(), 0);
        }
    }
}

#[test]
fn facts_name_version_cipher_and_server_name() {
    let files = Files::new();
    let acceptor = TlsAcceptor::new(&settings(&files, 1)).unwrap();
    let mut seen = Vec::new();
    for versions in BOTH {
        let client = Client {
            versions,
            ..Client::default()
        };
        let pair = Pair::established(&acceptor, &client);
        let facts = pair.server.facts().unwrap();
        assert_eq!(facts.server_name, Some("server.test"));
        assert_eq!(facts.alpn, None);
        assert!(pair.server.client_certificates().is_empty());
        seen.push((facts.version, facts.cipher));
    }
    assert_eq!(
        seen,
        [
            ("TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384".to_string()),
            ("TLSv1.3", "TLS_AES_256_GCM_SHA384".to_string())
        ]
    );
    // A client that asks for an address sends no name.
    let client = Client {
        name: "127.0.0.1",
        ..Client::default()
    };
    let pair = Pair::established(&acceptor, &client);
    assert_eq!(pair.server.facts().unwrap().server_name, None);
}

fn with_names(files: &Files) -> TlsSettings {
    let mut settings = settings(files, 1);
    for (serial, host) in [(2, "exact.test"), (3, "*.wild.test"), (4, "a.wild.test")] {
        let own = Identity::new("whatever.test", serial, None);
        settings.sni_certs.push(SniCertificate {
            host: host.into(),
            cert_file: files.put(&format!("{serial}.crt"), &own.pem()),
            key_file: files.put(&format!("{serial}.key"), &own.key_pem()),
        });
    }
    settings
}

#[test]
fn the_name_chooses_the_certificate() {
    let files = Files::new();
    let acceptor = TlsAcceptor::new(&with_names(&files)).unwrap();
    for (name, expected) in [
        ("exact.test", 2),
        ("EXACT.Test", 2),
        ("x.exact.test", 1),
        ("b.wild.test", 3),
        ("a.wild.test", 4),
        ("b.a.wild.test", 1), // one label only
        ("wild.test", 1),
        ("other.test", 1),
        ("127.0.0.1", 1),
    ] {
        let client = Client {
            name,
            ..Client::default()
        };
        let pair = Pair::established(&acceptor, &client);
        assert_eq!(serial(&pair.client), expected, "{name}");
    }
}

#[test]
fn a_port_may_have_certificates_for_names_only() {
    let files = Files::new();
    let mut settings = with_names(&files);
    settings.cert_file = None;
    settings.key_file = None;
    let acceptor = TlsAcceptor::new(&settings).unwrap();
    let client = Client {
        name: "exact.test",
        ..Client::default()
    };
    assert_eq!(serial(&Pair::established(&acceptor, &client).client), 2);
    let mut stranger = Pair::new(&acceptor, &Client::default());
    assert_eq!(stranger.talk(), Err(TlsError::NoCertificate));
}

#[test]
fn the_servers_preferred_protocol_of_those_in_common_is_taken() {
    let files = Files::new();
    let mut settings = settings(&files, 1);
    settings.alpn = vec!["h2".into(), "chat/1".into()];
    let acceptor = TlsAcceptor::new(&settings).unwrap();
    for (offered, taken) in [
        (&["chat/1", "h2"][..], Some(&b"h2"[..])),
        (&["x", "chat/1"], Some(b"chat/1")),
        (&[], None),
    ] {
        let client = Client {
            alpn: offered,
            ..Client::default()
        };
        let pair = Pair::established(&acceptor, &client);
        assert_eq!(pair.server.facts().unwrap().alpn, taken);
        assert_eq!(pair.client.alpn_protocol(), taken);
    }
    let client = Client {
        alpn: &["x"],
        ..Client::default()
    };
    let mut pair = Pair::new(&acceptor, &client);
    assert_eq!(pair.talk(), Err(TlsError::NoCommonProtocol));
    assert!(pair.server.output().is_empty(), "the alert was sent");
}

#[test]
fn a_reload_is_for_new_sessions_and_old_ones_go_on() {
    let files = Files::new();
    let acceptor = TlsAcceptor::new(&settings(&files, 1)).unwrap();
    let mut old = Pair::established(&acceptor, &Client::default());
    let mut begun = Pair::new(&acceptor, &Client::default());
    begun.up().unwrap();

    settings(&files, 2); // writes the same files anew
    let mut between = Pair::established(&acceptor, &Client::default());
    assert_eq!(serial(&between.client), 1);
    acceptor.reload().unwrap();
    let new = Pair::established(&acceptor, &Client::default());
    assert_eq!(serial(&new.client), 2);

    begun.talk().unwrap();
    assert_eq!(serial(&begun.client), 1);
    for pair in [&mut old, &mut begun, &mut between] {
        pair.send_from_client(b"still here");
        pair.up().unwrap();
        assert_eq!(pair.received, b"still here");
        assert_eq!(pair.send_from_server(b"so am I"), b"so am I");
    }
}

#[test]
fn a_reload_that_fails_changes_nothing_and_says_why() {
    let files = Files::new();
    let acceptor = TlsAcceptor::new(&settings(&files, 1)).unwrap();
    let other = Identity::new("server.test", 2, None);
    files.put("server.crt", &other.pem());
    let error = acceptor.reload().unwrap_err();
    assert!(error.text.contains("does not match"), "{error}");
    std::fs::remove_file(files.path("server.crt")).unwrap();
    let error = acceptor.reload().unwrap_err();
    assert!(error.text.ends_with("server.crt] not found"), "{error}");
    let pair = Pair::established(&acceptor, &Client::default());
    assert_eq!(serial(&pair.client), 1);
}

#[test]
fn a_client_may_resume_until_a_reload() {
    let files = Files::new();
    let acceptor = TlsAcceptor::new(&settings(&files, 1)).unwrap();
    for versions in BOTH {
        let client = Client {
            versions,
            ..Client::default()
        };
        let config = std::sync::Arc::new(client.config()); // with the memory of one client
        let kind = |acceptor: &TlsAcceptor| {
            let name = "server.test".try_into().unwrap();
            let mut pair = Pair::new(acceptor, &client);
            pair.client = rustls::ClientConnection::new(config.clone(), name).unwrap();
            pair.talk().unwrap();
            assert_eq!(
                pair.server.facts().unwrap().server_name,
                Some("server.test")
            );
            pair.client.handshake_kind().unwrap()
        };
        assert_eq!(kind(&acceptor), HandshakeKind::Full);
        assert_eq!(kind(&acceptor), HandshakeKind::Resumed);
        acceptor.reload().unwrap();
        assert_eq!(kind(&acceptor), HandshakeKind::Full);
    }
}

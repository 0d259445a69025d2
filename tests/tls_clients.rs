//! Certificates of clients: asked for, refused, and shown to the session.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::sync::Arc;

use skep_tests::certificates::Identity;
use skep_tests::eventually::eventually;
use skep_tests::eventually::patience;
use skep_tests::server;
use skep_tests::server::{Builder, Server};
use skep_tests::tls::{Offer, OpenSsl, aborted, secured, text, tls12, tls13};

struct Cast {
    authority: Arc<Identity>,
    good: Arc<Identity>,
    expired: Arc<Identity>,
    own: Arc<Identity>,
}

fn cast() -> Cast {
    let authority = Identity::authority("authority");
    Cast {
        good: Arc::new(Identity::new("client", 2, Some(&authority))),
        expired: Arc::new(Identity::expired("client", &authority)),
        own: Arc::new(Identity::new("client", 3, None)),
        authority: Arc::new(authority),
    }
}

/// A server whose `key` is the file of the authority.
fn checked_by(cast: &Cast, key: &str) -> Builder {
    let builder = secured(
        server!("tls").sized(2, 1),
        &Identity::new("localhost", 1, None),
    );
    cast.authority.write(&builder.path(""), "authority");
    let file = builder.path("authority.crt");
    builder.set(key, file.display())
}

/// Whether the server talks to a client. Under TLS 1.3 it learns of a refusal after its own part of the handshake.
fn is_served(offer: &Offer, server: &Server) -> bool {
    let Ok(mut client) = offer.connect(server.port()) else {
        return false;
    };
    client.try_send(b"x").is_ok() && client.receive_some().is_ok_and(|answer| answer == b"x")
}

#[test]
fn with_verify_peer_only_certificates_of_the_authority_are_good() {
    let cast = cast();
    for key in ["ssl_client_cert_file", "ssl_cafile"] {
        let server = checked_by(&cast, key).set("ssl_verify_peer", 1).start();
        let mut refused = 0;
        for offer in [tls12(), tls13()] {
            assert!(is_served(&offer.clone().identity(&cast.good), &server));
            for bad in [
                offer.clone(),
                offer.clone().identity(&cast.expired),
                offer.clone().identity(&cast.own),
            ] {
                assert!(!is_served(&bad, &server), "{key}");
                refused += 1;
            }
        }
        eventually(patience(), || aborted(&server) == refused);
        let connects = server.events_named("connect");
        let served = connects.iter().filter(|event| event.text("port") == "0");
        assert_eq!(served.count(), 2, "only the good ones: {connects:?}");
        server.stop();
    }
}

#[test]
fn the_log_says_what_is_wrong_with_a_certificate() {
    let cast = cast();
    for (offer, line) in [
        (tls13(), "peer did not return a certificate"),
        (
            tls13().identity(&cast.expired),
            "can not verify peer from fd#1 with error#10: certificate has expired",
        ),
        (
            tls13().identity(&cast.own),
            "self signed certificate from fd#1 is not allowed",
        ),
    ] {
        let server = checked_by(&cast, "ssl_cafile")
            .set("ssl_verify_peer", 1)
            .start();
        assert!(!is_served(&offer, &server));
        server.await_log(line);
        server.stop();
    }
}

#[test]
fn a_self_signed_certificate_may_be_allowed() {
    let cast = cast();
    let server = checked_by(&cast, "ssl_client_cert_file")
        .set("ssl_verify_peer", 1)
        .set("ssl_allow_self_signed", 1)
        .start();
    assert!(is_served(&tls13().identity(&cast.own), &server));
    assert!(!is_served(&tls13(), &server), "one must be shown");
    server.stop();
}

#[test]
fn without_verify_peer_any_certificate_is_taken_and_none_needed() {
    let cast = cast();
    let server = checked_by(&cast, "ssl_client_cert_file").start();
    for offer in [tls12(), tls13()] {
        assert!(is_served(&offer.clone(), &server));
        assert!(is_served(&offer.clone().identity(&cast.own), &server));
    }
    server.stop();
}

#[test]
fn the_certificate_is_shown_in_the_worker_that_had_connect() {
    let cast = cast();
    let server = checked_by(&cast, "ssl_client_cert_file")
        .set("ssl_verify_peer", 1)
        .start();
    for offer in [tls12(), tls13()] {
        let mut client = offer.identity(&cast.good).connect(server.port()).unwrap();
        assert_eq!(client.ask("!cert"), cast.good.pem());
        assert!(client.ask("!tls").ends_with("certificates=1"));
    }
    // It is there in the connect event already.
    for event in server.events_named("connect") {
        assert_eq!(event.text("shown"), "1");
    }
    server.stop();
}

#[test]
fn openssl_shows_its_certificate() {
    let cast = cast();
    let builder = checked_by(&cast, "ssl_client_cert_file").set("ssl_verify_peer", 1);
    cast.good.write(&builder.path(""), "client");
    let (certificate, key) = (builder.path("client.crt"), builder.path("client.key"));
    let server = builder.start();
    let arguments = [
        "-cert",
        text(&certificate),
        "-key",
        text(&key),
        "-nocommands",
    ];
    let (output, errors) = OpenSsl::connect(server.port(), &arguments).talk(b"!bye 10\n");
    assert!(
        output.contains("CN = authority"),
        "whom it would believe: {output}"
    );
    assert!(output.ends_with("closed\n"), "{output}{errors}");
    server.await_event("close", 1);
    let (_, errors) = OpenSsl::connect(server.port(), &["-nocommands"]).talk(b"x\n");
    assert!(errors.contains("alert certificate required"), "{errors}");
    server.stop();
}

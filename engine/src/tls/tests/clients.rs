//! Certificates of clients.

use super::certificates::{Files, Identity};
use super::peers::{BOTH, Client, Pair, settings};
use crate::settings::TlsSettings;
use crate::tls::{TlsAcceptor, TlsError};

struct Cast {
    files: Files,
    authority: Identity,
    known: Identity,
    own: Identity,
    stranger: Identity,
    expired: Identity,
    server_only: Identity,
}

impl Cast {
    fn new() -> Cast {
        let authority = Identity::authority("Authority", None);
        let elsewhere = Identity::authority("Elsewhere", None);
        Cast {
            files: Files::new(),
            known: Identity::new("client.test", 11, Some(&authority)),
            own: Identity::authority("own.test", None), // as `openssl req -x509` makes them
            stranger: Identity::new("stranger.test", 13, Some(&elsewhere)),
            expired: Identity::expired("late.test", Some(&authority)),
            server_only: Identity::server_only("server.test", Some(&authority)),
            authority,
        }
    }

    fn settings(&self) -> TlsSettings {
        TlsSettings {
            verify_peer: true,
            client_cert_file: Some(self.files.put("ca.crt", &self.authority.pem())),
            ..settings(&self.files, 1)
        }
    }
}

/// How a client fares that shows `chain`, the same in both versions.
fn outcome(settings: &TlsSettings, chain: &[&Identity]) -> Result<Vec<String>, TlsError> {
    let acceptor = TlsAcceptor::new(settings).unwrap();
    let [older, newer] = BOTH.map(|versions| {
        let client = Client {
            versions,
            shows: chain,
            ..Client::default()
        };
        let mut pair = Pair::new(&acceptor, &client);
        let result = pair.talk();
        assert_eq!(result.is_ok(), pair.server.is_established());
        result.map(|()| pair.server.client_certificates())
    });
    assert_eq!(older, newer);
    newer
}

fn refused(settings: &TlsSettings, chain: &[&Identity]) -> (u32, i32) {
    match outcome(settings, chain) {
        Err(error @ TlsError::ClientCertificate { number, .. }) => (number, error.code(false)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_required_certificate_must_be_there_and_trusted() {
    let cast = Cast::new();
    let settings = cast.settings();
    assert_eq!(outcome(&settings, &[]), Err(TlsError::NoClientCertificate));
    assert_eq!(outcome(&settings, &[&cast.own]), Err(TlsError::SelfSigned));
    assert_eq!(refused(&settings, &[&cast.stranger]), (20, 1014));
    assert_eq!(refused(&settings, &[&cast.expired]), (10, 1014));
    assert_eq!(refused(&settings, &[&cast.server_only]), (26, 1014));
    let shown = outcome(&settings, &[&cast.known]).unwrap();
    assert_eq!(shown.len(), 1);
    assert_eq!(
        pem::parse(&shown[0]).unwrap().contents(),
        cast.known.der().as_ref()
    );
    assert!(shown[0].starts_with("-----BEGIN CERTIFICATE-----\n"));
}

#[test]
fn an_authority_in_cafile_or_capath_is_as_good() {
    let cast = Cast::new();
    let mut settings = cast.settings();
    settings.client_cert_file = None;
    settings.ca_file = Some(cast.files.path("ca.crt"));
    for _ in 0..2 {
        assert_eq!(outcome(&settings, &[]), Err(TlsError::NoClientCertificate));
        assert_eq!(outcome(&settings, &[&cast.own]), Err(TlsError::SelfSigned));
        assert_eq!(refused(&settings, &[&cast.stranger]).0, 20);
        assert_eq!(outcome(&settings, &[&cast.known]).unwrap().len(), 1);
        settings.ca_file = None;
        cast.files.put("authorities/one.pem", &cast.authority.pem());
        cast.files.put("authorities/README", "no certificate");
        settings.ca_path = Some(cast.files.path("authorities"));
    }
}

#[test]
fn self_signed_ones_may_be_allowed_and_nothing_else_with_them() {
    let cast = Cast::new();
    let mut settings = cast.settings();
    settings.allow_self_signed = true;
    assert_eq!(outcome(&settings, &[]), Err(TlsError::NoClientCertificate));
    assert_eq!(refused(&settings, &[&cast.stranger]).0, 20);
    assert_eq!(outcome(&settings, &[&cast.own]).unwrap().len(), 1);
    let plain = Identity::new("plain.test", 5, None); // not marked as an authority
    assert_eq!(outcome(&settings, &[&plain]).unwrap().len(), 1);
    let late = Identity::expired("late.test", None);
    assert_eq!(refused(&settings, &[&late]).0, 10);
}

#[test]
fn a_self_signed_one_among_the_authorities_is_trusted() {
    let cast = Cast::new();
    let mut settings = cast.settings();
    let both = cast.authority.pem() + &cast.own.pem();
    settings.client_cert_file = Some(cast.files.put("both.crt", &both));
    assert_eq!(outcome(&settings, &[&cast.own]).unwrap().len(), 1);
    assert_eq!(outcome(&settings, &[&cast.known]).unwrap().len(), 1);
}

#[test]
fn without_verify_peer_a_certificate_is_asked_for_and_any_is_taken() {
    let cast = Cast::new();
    let mut settings = cast.settings();
    settings.verify_peer = false;
    assert_eq!(outcome(&settings, &[]), Ok(Vec::new()));
    for shown in [&cast.known, &cast.own, &cast.stranger] {
        assert_eq!(outcome(&settings, &[shown]).unwrap().len(), 1);
    }
    // Not asked for without ssl_client_cert_file.
    settings.client_cert_file = None;
    settings.ca_file = Some(cast.files.path("ca.crt"));
    assert_eq!(outcome(&settings, &[&cast.known]), Ok(Vec::new()));
}

#[test]
fn the_depth_of_a_chain_can_be_limited() {
    let cast = Cast::new();
    let middle = Identity::authority("Middle", Some(&cast.authority));
    let lower = Identity::authority("Lower", Some(&middle));
    let client = Identity::new("deep.test", 21, Some(&lower));
    let chain = [&client, &lower, &middle];
    let mut settings = cast.settings();
    assert_eq!(outcome(&settings, &chain).unwrap().len(), 3);
    settings.verify_depth = Some(2);
    assert_eq!(outcome(&settings, &chain).unwrap().len(), 3);
    settings.verify_depth = Some(1);
    assert_eq!(refused(&settings, &chain).0, 22);
    assert_eq!(outcome(&settings, &[&cast.known]).unwrap().len(), 1);
}

#[test]
fn the_lines_for_the_log_name_the_client() {
    let cast = Cast::new();
    let line = |chain: &[&Identity]| {
        outcome(&cast.settings(), chain)
            .unwrap_err()
            .line(7, "192.0.2.1:9", false)
    };
    assert_eq!(
        line(&[&cast.own]),
        "self signed certificate from fd#7 is not allowed"
    );
    assert_eq!(
        line(&[&cast.stranger]),
        "can not verify peer from fd#7 with error#20: unable to get local issuer certificate"
    );
    assert_eq!(
        line(&[]),
        "bad SSL client[192.0.2.1:9], reason=199, error_string=peer did not return a certificate"
    );
}

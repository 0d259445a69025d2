//! What a port refuses to start with, and what settings do.

use std::process::Command;

use rustls::crypto::ring;
use rustls::version;

use super::certificates::{Files, Identity};
use super::peers::{Client, Pair, settings};
use crate::settings::{SniCertificate, TlsSettings};
use crate::tls::{TlsAcceptor, TlsError};

fn refusal(settings: &TlsSettings) -> (String, i32) {
    let error = TlsAcceptor::new(settings).err().unwrap();
    (error.text, error.code)
}

#[test]
fn files_that_are_missing_or_wrong_are_named() {
    let files = Files::new();
    let good = settings(&files, 1);
    let other = Identity::new("other.test", 2, None);
    let missing = files.path("nothing");
    let text = files.put("text", "no PEM at all");
    let broken = files.put(
        "broken",
        "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n",
    );
    let other_key = files.put("other.key", &other.key_pem());
    let with = |change: &dyn Fn(&mut TlsSettings)| {
        let mut settings = good.clone();
        change(&mut settings);
        refusal(&settings).0
    };

    let both = "require `ssl_cert_file` and `ssl_key_file` options";
    assert_eq!(with(&|s| s.cert_file = None), both);
    assert_eq!(with(&|s| s.key_file = None), both);
    assert_eq!(refusal(&TlsSettings::default()), (both.into(), 509));
    assert_eq!(
        with(&|s| s.cert_file = Some(missing.clone())),
        format!("ssl cert file[{missing}] not found")
    );
    assert_eq!(
        with(&|s| s.cert_file = Some("/dev/zero".into())),
        "ssl cert file[/dev/zero] cannot be read: it is not a regular file"
    );
    assert_eq!(
        with(&|s| s.key_file = Some(missing.clone())),
        format!("ssl key file[{missing}] not found")
    );
    assert_eq!(
        with(&|s| s.cert_file = Some(text.clone())),
        format!("ssl cert file[{text}] holds no certificate")
    );
    assert_eq!(
        with(&|s| s.key_file = Some(text.clone())),
        format!("ssl key file[{text}] holds no private key")
    );
    let refused = with(&|s| s.cert_file = Some(broken.clone()));
    assert!(
        refused.starts_with(&format!("ssl cert file[{broken}] is not PEM")),
        "{refused}"
    );
    let cert = good.cert_file.as_deref().unwrap();
    assert_eq!(
        with(&|s| s.key_file = Some(other_key.clone())),
        format!(
            "ssl key file[{other_key}] does not match the certificate of ssl cert file[{cert}]"
        )
    );
    assert_eq!(
        with(&|s| s.client_cert_file = Some(missing.clone())),
        format!("ssl_client_cert_file[{missing}] not found")
    );
    assert_eq!(
        with(&|s| s.verify_peer = true),
        "server open verify peer require `ssl_client_cert_file` or `ssl_capath` or `ssl_cafile` config"
    );
    assert_eq!(
        with(&|s| {
            s.verify_peer = true;
            s.ca_path = Some(missing.clone());
        }),
        format!("ssl_capath[{missing}] not found")
    );
    let of_name = SniCertificate {
        host: "a.test".into(),
        cert_file: missing.clone(),
        key_file: missing.clone(),
    };
    assert_eq!(
        with(&|s| s.sni_certs = vec![of_name.clone()]),
        format!("ssl cert file[{missing}] not found")
    );
    assert!(with(&|s| s.ciphers = Some("RC4".into())).contains("allows none"));
    assert!(with(&|s| s.ecdh_curve = "curly".into()).contains("'curly'"));
    assert_eq!(
        refusal(&TlsSettings {
            verify_peer: true,
            ..good.clone()
        })
        .1,
        1019
    );
}

#[test]
fn words_without_effect_are_noted() {
    let files = Files::new();
    let mut settings = settings(&files, 1);
    assert!(TlsAcceptor::new(&settings).unwrap().notes().is_empty());
    settings.ciphers = Some("AESGCM:DES-CBC3-SHA:!RC4".into());
    settings.ecdh_curve = "P-521:P-384".into();
    let acceptor = TlsAcceptor::new(&settings).unwrap();
    assert_eq!(
        acceptor.notes(),
        [
            "ssl_ciphers: there is no cipher suite for 'DES-CBC3-SHA'",
            "ssl_ecdh_curve: there is no curve 'P-521'"
        ]
    );
}

#[test]
fn versions_can_be_limited() {
    let files = Files::new();
    for tls13 in [true, false] {
        let limited = TlsSettings {
            tls12: !tls13,
            tls13,
            ..settings(&files, 1)
        };
        let acceptor = TlsAcceptor::new(&limited).unwrap();
        let pair = Pair::established(&acceptor, &Client::default());
        let expected = if tls13 { "TLSv1.3" } else { "TLSv1.2" };
        assert_eq!(pair.server.facts().unwrap().version, expected);
        let client = Client {
            versions: if tls13 {
                &[&version::TLS12]
            } else {
                &[&version::TLS13]
            },
            ..Client::default()
        };
        let mut pair = Pair::new(&acceptor, &client);
        assert_eq!(pair.talk(), Err(TlsError::NoCommonVersion));
    }
}

#[test]
fn ciphers_and_curves_are_those_of_the_settings() {
    let files = Files::new();
    let mut settings = settings(&files, 1);
    settings.tls13 = false;
    let two = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305";
    settings.ciphers = Some(two.into());
    settings.ecdh_curve = "P-384".into();
    let mut reversed = ring::default_provider();
    reversed.cipher_suites.reverse();
    let client = |provider: &rustls::crypto::CryptoProvider| Client {
        provider: provider.clone(),
        ..Client::default()
    };

    // The reversed client would rather have the CHACHA20 suite of RSA, then that of ECDSA.
    for (prefer, expected) in [
        (true, "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (false, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ] {
        settings.prefer_server_ciphers = prefer;
        let acceptor = TlsAcceptor::new(&settings).unwrap();
        let mut provider = reversed.clone();
        provider
            .cipher_suites
            .sort_by_key(|suite| !format!("{suite:?}").contains("CHACHA"));
        let pair = Pair::established(&acceptor, &client(&provider));
        assert_eq!(pair.server.facts().unwrap().cipher, expected);
        let group = pair.client.negotiated_key_exchange_group().unwrap();
        assert_eq!(group.name(), rustls::NamedGroup::secp384r1);
    }

    let acceptor = TlsAcceptor::new(&settings).unwrap();
    let mut poor = ring::default_provider();
    poor.cipher_suites = vec![ring::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384];
    let poor_client = Client {
        versions: &[&version::TLS12],
        ..client(&poor)
    };
    assert_eq!(
        Pair::new(&acceptor, &poor_client).talk(),
        Err(TlsError::NoCommonCipher)
    );
    let mut curves = ring::default_provider();
    curves.kx_groups = vec![ring::kx_group::X25519];
    assert_eq!(
        Pair::new(&acceptor, &client(&curves)).talk(),
        Err(TlsError::NoCommonGroup)
    );
}

/// Files as OpenSSL writes them.
#[test]
fn keys_and_certificates_of_openssl_are_read() {
    let files = Files::new();
    let openssl = |arguments: &str| {
        let run = Command::new("openssl")
            .args(arguments.split(' '))
            .output()
            .unwrap();
        assert!(
            run.status.success(),
            "{}",
            String::from_utf8_lossy(&run.stderr)
        );
    };
    let path = |name: &str| files.path(name);
    let (rsa, pkcs1, ec) = (path("rsa.key"), path("pkcs1.key"), path("ec.key"));
    openssl(&format!("genrsa -out {rsa} 2048"));
    openssl(&format!("rsa -in {rsa} -traditional -out {pkcs1}"));
    openssl(&format!("ecparam -name prime256v1 -genkey -out {ec}"));
    for (key, cert) in [(&rsa, "rsa.crt"), (&ec, "ec.crt")] {
        let cert = path(cert);
        openssl(&format!(
            "req -x509 -new -key {key} -subj /CN=server.test -days 2 -out {cert}"
        ));
    }
    // Version 1 of X.509: no extensions.
    let (request, old) = (path("old.csr"), path("old.crt"));
    openssl(&format!(
        "req -new -key {rsa} -subj /CN=server.test -out {request}"
    ));
    openssl(&format!(
        "x509 -req -in {request} -signkey {rsa} -days 2 -out {old}"
    ));

    for (key, cert, expected) in [
        (&rsa, path("rsa.crt"), "ECDHE-RSA-AES256-GCM-SHA384"),
        (&pkcs1, path("rsa.crt"), "ECDHE-RSA-AES256-GCM-SHA384"),
        (&ec, path("ec.crt"), "ECDHE-ECDSA-AES256-GCM-SHA384"),
    ] {
        let settings = TlsSettings {
            cert_file: Some(cert),
            key_file: Some(key.clone()),
            tls13: false,
            ..TlsSettings::default()
        };
        let acceptor = TlsAcceptor::new(&settings).unwrap();
        let pair = Pair::established(&acceptor, &Client::default());
        assert_eq!(pair.server.facts().unwrap().cipher, expected);
    }
    let mut settings = TlsSettings {
        cert_file: Some(old),
        key_file: Some(rsa.clone()),
        ..TlsSettings::default()
    };
    assert!(
        TlsAcceptor::new(&settings).is_ok(),
        "clients may take version 1"
    );

    for (form, name) in [
        ("pkcs8 -topk8", "new.key"),
        ("rsa -aes128 -traditional", "old.key"),
    ] {
        let locked = path(name);
        openssl(&format!(
            "{form} -in {rsa} -passout pass:secret -out {locked}"
        ));
        settings.key_file = Some(locked.clone());
        assert_eq!(
            refusal(&settings).0,
            format!("ssl key file[{locked}] is encrypted; a key without a passphrase is needed")
        );
    }
}

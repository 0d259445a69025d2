//! What a TLS port cannot start with.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use skep_tests::certificates::Identity;
use skep_tests::server;
use skep_tests::server::Builder;
use skep_tests::tls::secured;

fn under_tls() -> Builder {
    secured(
        server!("tls").sized(1, 1),
        &Identity::new("localhost", 1, None),
    )
}

#[track_caller]
fn refused(builder: Builder, why: &str) {
    let (status, errors) = builder.start_to_fail();
    assert!(!status.success());
    assert!(errors.contains(why), "{errors}");
}

#[test]
fn a_port_without_a_certificate_is_refused() {
    let why = "require `ssl_cert_file` and `ssl_key_file` options";
    refused(server!("tls").sized(1, 1), why);
    refused(
        server!("tls").sized(1, 1).set("ssl_cert_file", "/x.crt"),
        why,
    );
}

#[test]
fn files_that_are_not_there_are_named() {
    let missing = |key: &str| under_tls().set(key, "/nowhere/x");
    refused(
        missing("ssl_cert_file"),
        "ssl cert file[/nowhere/x] not found",
    );
    refused(
        missing("ssl_key_file"),
        "ssl key file[/nowhere/x] not found",
    );
    refused(
        missing("ssl_client_cert_file"),
        "ssl_client_cert_file[/nowhere/x] not found",
    );
}

#[test]
fn a_key_that_belongs_to_another_certificate_is_refused() {
    let builder = under_tls();
    Identity::new("localhost", 2, None).write(&builder.path(""), "other");
    let other = builder.path("other.key");
    refused(builder.set("ssl_key_file", other.display()), "other.key");
}

#[test]
fn clients_cannot_be_checked_without_an_authority() {
    refused(
        under_tls().set("ssl_verify_peer", 1),
        "server open verify peer require `ssl_client_cert_file` or `ssl_capath` or `ssl_cafile` config",
    );
}

#[test]
fn what_cannot_be_honoured_is_refused() {
    refused(under_tls().set("ssl_ciphers", "RC4"), "ssl_ciphers");
    refused(under_tls().set("ssl_dhparam", "/x"), "ssl_ecdh_curve");
    refused(under_tls().set("ssl_compress", 1), "compression");
    refused(under_tls().set("ssl_protocols", 8), "ssl_protocols");
}

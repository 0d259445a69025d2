//! A C program under TLS.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it is"
)]

#[path = "c/support.rs"]
mod support;

use std::sync::Arc;

use skep_tests::certificates::Identity;
use skep_tests::eventually::{eventually, patience};
use skep_tests::tls::{text, tls12, tls13};
use support::{C11, CXX17, Program, compile_test, scratch};

#[test]
fn a_session_tells_of_its_tls_and_certificates_are_read_again() {
    let authority = Identity::authority("authority");
    let client = Arc::new(Identity::new("client", 2, Some(&authority)));
    let directory = scratch("tls");
    authority.write(&directory, "authority");
    let [certificate, key, trusted] =
        ["own.crt", "own.key", "authority.crt"].map(|name| directory.join(name));
    let arguments = [text(&certificate), text(&key), text(&trusted)];
    for compiler in [C11, CXX17] {
        let old = Identity::new("localhost", 1, None);
        old.write(&directory, "own");
        let mut program = Program::start(&compile_test(&compiler, "tls"), &arguments);
        let port = program.port();
        let offer = tls13().name("some.test").alpn(&["one"]).identity(&client);
        let mut first = offer.connect(port).unwrap();
        let facts = "TLSv1.3 TLS_AES_256_GCM_SHA384 alpn=one name=some.test shown=1";
        assert_eq!(program.line(), format!("connect 1 {facts}"));
        assert_eq!(first.shown(), old.der());

        let new = Identity::new("localhost", 2, None);
        new.write(&directory, "own");
        assert_eq!(first.ask("renew"), "renew");
        let mut sessions = 1;
        eventually(patience(), || {
            sessions += 1;
            let client = tls12().connect(port).unwrap();
            let facts = "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 alpn= name= shown=0";
            assert_eq!(program.line(), format!("connect {sessions} {facts}"));
            let shown = client.shown();
            drop(client);
            assert_eq!(program.line(), format!("close {sessions} {facts}"));
            shown == new.der()
        });
        assert_eq!(first.ask("still there"), "still there");
        drop(first);
        assert_eq!(program.line(), format!("close 1 {facts}"));
        program.signal("TERM");
        assert_eq!(program.lines_until("stopped"), ["stopped"]);
        program.ends_well();
    }
}

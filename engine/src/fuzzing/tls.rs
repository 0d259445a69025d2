use crate::tls::fuzz::{check, hello};

/// Bytes of a client that knows no keys: from the start, or behind a hello that was answered.
pub fn tls(after_hello: Option<bool>, bytes: &[u8]) {
    let before = after_hello.map(hello).unwrap_or_default();
    let outcome = check(&[&before, bytes].concat());
    assert!(outcome.is_some(), "the configuration can be used");
}

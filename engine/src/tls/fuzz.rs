//! Any bytes, in any split, at the edge where clients speak first.

use std::sync::{Arc, OnceLock};

use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ServerConfig, UnbufferedServerConnection};
use rustls::sign::CertifiedKey;

use super::buffers::Spares;
use super::names::Names;
use super::session::TlsSession;

/// A configuration without files. The key is no secret, and nobody looks into the certificate.
fn config() -> Option<Arc<ServerConfig>> {
    static CONFIG: OnceLock<Option<Arc<ServerConfig>>> = OnceLock::new();
    let build = || {
        let mut key = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec(); // PKCS#8, Ed25519
        key.extend_from_slice(&[7; 32]);
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key));
        let provider = Arc::new(ring::default_provider());
        let key = provider.key_provider.load_private_key(key).ok()?;
        let certified = CertifiedKey::new(vec![CertificateDer::from(vec![0x30, 0])], key);
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .ok()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Names::new(Some(Arc::new(certified)))));
        Some(Arc::new(config))
    };
    CONFIG.get_or_init(build).clone()
}

/// What a run over some bytes came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Refused, and with which reason.
    pub(crate) refused: Option<u32>,
    /// The server has said something.
    pub(crate) answered: bool,
}

/// Feed `bytes` to a fresh session, cut into the lengths that `split` gives.
fn run(bytes: &[u8], mut split: impl FnMut(usize) -> usize) -> Option<Outcome> {
    let mut session = TlsSession::new(UnbufferedServerConnection::new(config()?).ok()?);
    let (mut spares, mut plain) = (Spares::default(), Vec::new());
    let (mut input, mut refused, mut answered) = (bytes.to_vec(), None, false);
    let mut rest = input.as_mut_slice();
    let mut given = 0;
    while !rest.is_empty() {
        let (now, later) = rest.split_at_mut(split(given).clamp(1, rest.len()));
        given += now.len();
        let result = session.receive(now, &mut plain, &mut spares);
        rest = later;
        let failed = refused.is_some();
        if let Err(error) = result {
            assert!(!failed, "an error is told once");
            refused = Some(error.reason());
        }
        assert!(
            !session.is_established(),
            "nobody without keys gets a session"
        );
        assert!(plain.is_empty() && session.facts().is_none());
        assert!(
            session.buffered() <= given + 64 * 1024,
            "memory follows what was sent"
        );
        assert_eq!(session.seal(b"x", &mut spares), Ok(0));
        session.close_notify(&mut spares);
        answered |= !session.output().is_empty();
        session.wrote(session.output().len(), &mut spares);
    }
    Some(Outcome { refused, answered })
}

/// Bytes of a client that knows no keys: never a panic, never an established session, and the same outcome in every
/// split.
pub(crate) fn check(bytes: &[u8]) -> Option<Outcome> {
    let whole = run(bytes, |_| usize::MAX);
    let single = run(bytes, |_| 1);
    // Lengths out of the bytes themselves.
    let mixed = run(bytes, |at| {
        usize::from(bytes.get(at).copied().unwrap_or(1)) % 61 + 1
    });
    assert_eq!(whole, single);
    assert_eq!(whole, mixed);
    whole
}

/// A hello that the session answers, so that what comes behind it meets a handshake in progress.
pub(crate) fn hello(tls13: bool) -> Vec<u8> {
    let block = |kind: u16, body: &[u8]| {
        let head = [kind.to_be_bytes(), (body.len() as u16).to_be_bytes()].concat();
        [&head, body].concat()
    };
    let extensions = [
        match tls13 {
            true => block(43, &[2, 3, 4]),
            false => block(11, &[1, 0]), // points as they are
        },
        block(10, &[0, 2, 0, 29]), // X25519
        block(13, &[0, 2, 8, 7]),  // Ed25519
        block(51, &[&[0, 36, 0, 29, 0, 32][..], &[9; 32]].concat()),
    ]
    .concat();
    let mut body = vec![3, 3];
    body.extend_from_slice(&[5; 32]);
    body.extend_from_slice(&[0, 0, 4, 0x13, 1, 0xc0, 0x2b, 1, 0]);
    body.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
    body.extend_from_slice(&extensions);
    let message = [&[1, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat();
    let length = (message.len() as u16).to_be_bytes();
    [&[0x16, 3, 1][..], &length, &message].concat()
}

//! Certificates and keys from PEM files.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, InconsistentKeys};

/// A file whole. A pipe or a device would keep the start, or the master in a reload, waiting, or never end.
fn read(what: &str, path: &str) -> Result<Vec<u8>, String> {
    let regular = |path: &str| match std::fs::metadata(path)?.is_file() {
        true => std::fs::read(path),
        false => Err(io::Error::other("it is not a regular file")),
    };
    regular(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("{what}[{path}] not found"),
        _ => format!("{what}[{path}] cannot be read: {error}"),
    })
}

/// All certificates of a file; one at least.
pub(super) fn certificates(what: &str, path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(what, path)?;
    let found = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if found.is_empty() => Err(format!("{what}[{path}] holds no certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("{what}[{path}] is not PEM: {error}")),
    }
}

/// The certificates of all files of a directory. Files without one are passed over: such directories also hold
/// lists of revoked certificates, and links to the same files.
pub(super) fn directory(what: &str, path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let refused = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => format!("{what}[{path}] not found"),
        _ => format!("{what}[{path}] cannot be read: {error}"),
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(refused)? {
        let file = entry.map_err(refused)?.path();
        if !Path::is_file(&file) {
            continue;
        }
        let text = std::fs::read(&file).map_err(refused)?;
        found.extend(CertificateDer::pem_slice_iter(&text).flatten());
    }
    found.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
    found.dedup();
    match found.is_empty() {
        true => Err(format!("{what}[{path}] holds no certificate")),
        false => Ok(found),
    }
}

/// A certificate chain with its key.
pub(super) fn certified_key(
    certificate_file: &str,
    key_file: &str,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, String> {
    let chain = certificates("ssl cert file", certificate_file)?;
    let key = private_key(key_file)?;
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|error| format!("ssl key file[{key_file}] cannot be used: {error}"))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(Arc::new(certified)),
        // Version 1 of X.509 cannot be looked into here, but there are clients that take it.
        Err(Error::InvalidCertificate(CertificateError::Other(other)))
            if matches!(
                other.0.downcast_ref(),
                Some(webpki::Error::UnsupportedCertVersion)
            ) =>
        {
            Ok(Arc::new(certified))
        }
        Err(Error::InconsistentKeys(_)) => Err(format!(
            "ssl key file[{key_file}] does not match the certificate of ssl cert file[{certificate_file}]"
        )),
        Err(error) => Err(format!(
            "ssl cert file[{certificate_file}] cannot be used: {error}"
        )),
    }
}

/// The private key of a file.
pub(super) fn private_key(key_file: &str) -> Result<PrivateKeyDer<'static>, String> {
    let text = read("ssl key file", key_file)?;
    if contains(&text, b"ENCRYPTED PRIVATE KEY") || contains(&text, b"Proc-Type: 4,ENCRYPTED") {
        return Err(format!(
            "ssl key file[{key_file}] is encrypted; a key without a passphrase is needed"
        ));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => format!("ssl key file[{key_file}] holds no private key"),
        error => format!("ssl key file[{key_file}] is not PEM: {error}"),
    })
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

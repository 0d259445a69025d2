//! A certificate of its own for each run, and clients that trust it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Whom the certificate is for.
pub(crate) const NAME: &str = "localhost";

/// The files of a server.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Identity {
    pub(crate) fn in_dir(dir: &Path) -> Self {
        Self {
            certificate: dir.join("cert.pem"),
            key: dir.join("key.pem"),
        }
    }

    /// A new one, signed by itself.
    pub(crate) fn write(&self) -> Result<()> {
        let made = rcgen::generate_simple_self_signed([NAME.to_string()])
            .context("cannot make a certificate")?;
        std::fs::write(&self.certificate, made.cert.pem())
            .and_then(|()| std::fs::write(&self.key, made.signing_key.serialize_pem()))
            .with_context(|| format!("cannot write {}", self.certificate.display()))
    }
}

/// TLS 1.3 with one cipher: whichever a server would have preferred, all of them do the same work.
pub(crate) fn client(certificate: &Path) -> Result<Arc<ClientConfig>> {
    let provider = CryptoProvider {
        cipher_suites: vec![ring::cipher_suite::TLS13_AES_128_GCM_SHA256],
        kx_groups: vec![ring::kx_group::X25519],
        ..ring::default_provider()
    };
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(certificate)
        .with_context(|| format!("no certificate in {}", certificate.display()))?;
    roots.add(certificate)?;
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

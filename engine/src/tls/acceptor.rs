//! The TLS configuration of a port: made at start, made again by a reload.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::server::{ServerConfig, UnbufferedServerConnection};
use rustls::{DistinguishedName, SupportedProtocolVersion, version};

use super::chain::Chain;
use super::ciphers;
use super::client_verifier::ClientVerifier;
use super::error::TlsError;
use super::names::Names;
use super::pem_files;
use super::session::TlsSession;
use crate::error::{Error, code};
use crate::settings::TlsSettings;

/// Why a TLS port cannot start, or why its files cannot be read again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct StartError {
    pub(crate) text: String,
    pub(crate) code: i32,
}

impl From<String> for StartError {
    fn from(text: String) -> StartError {
        StartError {
            text,
            code: code::SSL_CREATE_CONTEXT_FAILED,
        }
    }
}

impl From<StartError> for Error {
    fn from(StartError { text, code }: StartError) -> Error {
        Error::Tls { text, code }
    }
}

/// Makes the sessions of one port. All reactors share it, and with it the memory of sessions that clients may resume.
pub(crate) struct TlsAcceptor {
    settings: TlsSettings,
    /// Sessions keep the one they began with. Locked for the time of a pointer copy.
    current: Mutex<Arc<ServerConfig>>,
    notes: Vec<String>,
}

impl TlsAcceptor {
    /// Read all files. Starts no thread and leaves nothing for later, so it may come before a fork.
    pub(crate) fn new(settings: &TlsSettings) -> Result<TlsAcceptor, StartError> {
        let mut notes = Vec::new();
        let config = configuration(settings, &mut notes)?;
        Ok(TlsAcceptor {
            settings: settings.clone(),
            current: Mutex::new(Arc::new(config)),
            notes,
        })
    }

    /// Things a user should read in the log: parts of settings that have no effect.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Read all files again, for the handshakes that begin from now on. If that fails everything stays as it was.
    ///
    /// Clients cannot resume a session from before: they see the new certificate, and are checked against the new
    /// authorities.
    pub(crate) fn reload(&self) -> Result<(), StartError> {
        let config = configuration(&self.settings, &mut Vec::new())?;
        *self.lock() = Arc::new(config);
        Ok(())
    }

    /// A session for a connection that was accepted just now.
    pub(crate) fn accept(&self) -> Result<TlsSession, TlsError> {
        let config = Arc::clone(&self.lock());
        Ok(TlsSession::new(UnbufferedServerConnection::new(config)?))
    }

    fn lock(&self) -> MutexGuard<'_, Arc<ServerConfig>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner) // a pointer is never half written
    }
}

fn configuration(
    settings: &TlsSettings,
    notes: &mut Vec<String>,
) -> Result<ServerConfig, StartError> {
    let mut provider = ring::default_provider();
    let chosen = ciphers::parse(settings.ciphers())?;
    if settings.ciphers.is_some() {
        for word in &chosen.without_effect {
            notes.push(format!(
                "ssl_ciphers: there is no cipher suite for '{word}'"
            ));
        }
    }
    provider.cipher_suites = ciphers::suites(&chosen);
    let (curves, missing) = ciphers::curves(&settings.ecdh_curve, &provider)?;
    for curve in missing {
        notes.push(format!("ssl_ecdh_curve: there is no curve '{curve}'"));
    }
    provider.kx_groups = curves;
    let mut versions: Vec<&'static SupportedProtocolVersion> = Vec::new();
    if settings.tls13 {
        versions.push(&version::TLS13);
    }
    if settings.tls12 {
        versions.push(&version::TLS12);
    }
    if settings.tls12 != settings.tls13 {
        let wanted =
            |suite: &rustls::SupportedCipherSuite| suite.tls13().is_some() == settings.tls13;
        provider.cipher_suites.retain(wanted);
    }
    let names = names(settings, &provider)?;
    let verifier = verifier(settings, &provider)?;

    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&versions)
        .map_err(|error| format!("ssl_protocols: {error}"))?;
    let config = match verifier {
        Some(verifier) => config.with_client_cert_verifier(Arc::new(verifier)),
        None => config.with_no_client_auth(),
    };
    let mut config = config.with_cert_resolver(Arc::new(names));
    config.ignore_client_order = settings.prefer_server_ciphers;
    config.alpn_protocols = settings
        .alpn
        .iter()
        .map(|name| name.clone().into())
        .collect();
    Ok(config)
}

fn names(settings: &TlsSettings, provider: &CryptoProvider) -> Result<Names, StartError> {
    let own = match (&settings.cert_file, &settings.key_file) {
        (Some(certificate), Some(key)) => {
            Some(pem_files::certified_key(certificate, key, provider)?)
        }
        (None, None) if !settings.sni_certs.is_empty() => None,
        _ => {
            return Err(StartError {
                text: "require `ssl_cert_file` and `ssl_key_file` options".into(),
                code: code::WRONG_OPERATION,
            });
        }
    };
    let mut names = Names::new(own);
    for entry in &settings.sni_certs {
        let key = pem_files::certified_key(&entry.cert_file, &entry.key_file, provider)?;
        names.add(&entry.host, key);
    }
    Ok(names)
}

/// Who checks the certificates of clients; `None` if they are not asked for one.
fn verifier(
    settings: &TlsSettings,
    provider: &CryptoProvider,
) -> Result<Option<ClientVerifier>, StartError> {
    let asked_by = settings.client_cert_file.as_deref();
    if !settings.verify_peer && asked_by.is_none() {
        return Ok(None);
    }
    let mut authorities: Vec<CertificateDer<'static>> = Vec::new();
    if let Some(file) = asked_by {
        authorities = pem_files::certificates("ssl_client_cert_file", file)?;
    }
    let hinted = authorities.len();
    if let Some(file) = &settings.ca_file {
        authorities.extend(pem_files::certificates("ssl_cafile", file)?);
    }
    if let Some(path) = &settings.ca_path {
        authorities.extend(pem_files::directory("ssl_capath", path)?);
    }
    if authorities.is_empty() {
        return Err(String::from(
            "server open verify peer require `ssl_client_cert_file` or `ssl_capath` or `ssl_cafile` config",
        )
        .into());
    }
    let mut anchors = Vec::new();
    for authority in &authorities {
        // Directories of the system hold some that are broken; one good authority is needed.
        anchors.extend(webpki::anchor_from_trusted_cert(authority).map(|anchor| anchor.to_owned()));
    }
    if anchors.is_empty() {
        return Err(String::from("no certificate of the authorities can be read").into());
    }
    // As many names as OpenSSL sends: those of ssl_client_cert_file.
    let hints = authorities[..hinted].iter().filter_map(|authority| {
        let anchor = webpki::anchor_from_trusted_cert(authority).ok()?;
        Some(DistinguishedName::in_sequence(&anchor.subject))
    });
    Ok(Some(ClientVerifier {
        hints: hints.collect(),
        required: settings.verify_peer,
        chain: Chain {
            anchors,
            authorities,
            algorithms: provider.signature_verification_algorithms,
            allow_self_signed: settings.allow_self_signed,
            depth: settings.verify_depth,
        },
    }))
}

//! The client's end of TLS: what the settings of one client come to.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::{ClientConnection, Resumption};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, Error, RootCertStore};
use rustls::{SupportedProtocolVersion, version};

use super::chain::{Chain, ChainTooLong, SelfSigned};
use super::client_session::TlsClientSession;
use super::server_verifier::{Asked, ServerVerifier};
use super::{ciphers, pem_files};
use crate::error::code;
use crate::settings::TlsSettings;

/// Why there is no TLS with this server, or no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientFault {
    pub(crate) code: i32,
    pub(crate) text: String,
}

impl ClientFault {
    fn of_settings(text: String) -> ClientFault {
        let code = code::SSL_CREATE_CONTEXT_FAILED;
        ClientFault { code, text }
    }

    /// What rustls has to say. `established`: the handshake was over.
    pub(super) fn of(error: &Error, established: bool) -> ClientFault {
        let (code, text) = match error {
            Error::InvalidCertificate(reason) => (code::SSL_VERIFY_FAILED, certificate(reason)),
            _ if established => (code::SSL_BAD_PROTOCOL, error.to_string()),
            _ => (code::SSL_HANDSHAKE_FAILED, error.to_string()),
        };
        ClientFault { code, text }
    }
}

fn certificate(reason: &CertificateError) -> String {
    match reason {
        CertificateError::UnknownIssuer => "unable to get local issuer certificate".into(),
        CertificateError::NotValidForName => "certificate is for another name".into(),
        CertificateError::Other(other) if other.0.is::<SelfSigned>() => {
            "self signed certificate".into()
        }
        CertificateError::Other(other) if other.0.is::<ChainTooLong>() => {
            "certificate chain too long".into()
        }
        other => other.to_string(),
    }
}

/// Makes the sessions of one client. Its files are read once.
pub(crate) struct TlsConnector {
    config: Arc<ClientConfig>,
    host: Option<ServerName<'static>>,
}

impl TlsConnector {
    /// Read all files. `host` is whose certificate is wanted: a name (which is also told to the server), an address,
    /// or nobody's in particular.
    pub(crate) fn new(
        settings: &TlsSettings,
        host: Option<&str>,
    ) -> Result<TlsConnector, ClientFault> {
        let host = match host {
            Some(host) => Some(server_name(host)?),
            None => None,
        };
        let provider = provider(settings).map_err(ClientFault::of_settings)?;
        let verifier = verifier(settings, &provider, settings.verify_peer)?;
        let mut versions: Vec<&'static SupportedProtocolVersion> = Vec::new();
        if settings.tls13 {
            versions.push(&version::TLS13);
        }
        if settings.tls12 {
            versions.push(&version::TLS12);
        }
        let own = own_certificate(settings, &provider)?;
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&versions)
            .map_err(|error| ClientFault::of_settings(format!("ssl_protocols: {error}")))?
            .dangerous() // what rustls calls each verifier that is not its own
            .with_custom_certificate_verifier(Arc::new(Asked {
                verifier,
                named: host.is_some(),
            }));
        let mut config = match own {
            None => config.with_no_client_auth(),
            Some((chain, key)) => config
                .with_client_auth_cert(chain, key)
                .map_err(|error| ClientFault::of_settings(format!("ssl_cert_file: {error}")))?,
        };
        config.resumption = Resumption::disabled(); // a client has few connections, and its process many clients
        config.enable_sni = host.is_some();
        config.alpn_protocols = settings
            .alpn
            .iter()
            .map(|name| name.clone().into())
            .collect();
        Ok(TlsConnector {
            config: Arc::new(config),
            host,
        })
    }

    /// A session for a connection that stands since just now.
    pub(crate) fn connect(&self) -> Result<TlsClientSession, ClientFault> {
        let nobody = || ServerName::from(IpAddr::from([0, 0, 0, 0])); // an address is never told to the server
        let name = self.host.clone().unwrap_or_else(nobody);
        let session = ClientConnection::new(Arc::clone(&self.config), name)
            .map_err(|error| ClientFault::of(&error, false))?;
        Ok(TlsClientSession::new(session))
    }
}

/// Check a chain that was taken without, or with other settings.
pub(crate) fn check(
    settings: &TlsSettings,
    host: Option<&str>,
    chain: &[CertificateDer<'_>],
) -> Result<(), ClientFault> {
    let provider = provider(settings).map_err(ClientFault::of_settings)?;
    let verifier = verifier(settings, &provider, true)?;
    let host = host.map(server_name).transpose()?;
    let Some((shown, between)) = chain.split_first() else {
        let text = "the server has shown no certificate".into();
        let code = code::SSL_EMPTY_PEER_CERTIFICATE;
        return Err(ClientFault { code, text });
    };
    verifier
        .check(shown, between, host.as_ref(), UnixTime::now())
        .map_err(|reason| ClientFault::of(&Error::InvalidCertificate(reason), true))
}

fn server_name(host: &str) -> Result<ServerName<'static>, ClientFault> {
    ServerName::try_from(host.to_string())
        .map_err(|_| ClientFault::of_settings(format!("ssl_host_name: '{host}' is no host name")))
}

fn provider(settings: &TlsSettings) -> Result<CryptoProvider, String> {
    let mut provider = ring::default_provider();
    if settings.ciphers.is_some() {
        let chosen = ciphers::parse(settings.ciphers())?;
        if let Some(word) = chosen.without_effect.first() {
            return Err(format!(
                "ssl_ciphers: there is no cipher suite for '{word}'"
            ));
        }
        provider.cipher_suites = ciphers::suites(&chosen);
    }
    if settings.tls12 != settings.tls13 {
        provider
            .cipher_suites
            .retain(|suite| suite.tls13().is_some() == settings.tls13);
    }
    Ok(provider)
}

fn verifier(
    settings: &TlsSettings,
    provider: &CryptoProvider,
    required: bool,
) -> Result<ServerVerifier, ClientFault> {
    let mut authorities = Vec::new();
    let failed = ClientFault::of_settings;
    if let Some(file) = &settings.ca_file {
        authorities.extend(pem_files::certificates("ssl_cafile", file).map_err(failed)?);
    }
    if let Some(path) = &settings.ca_path {
        authorities.extend(pem_files::directory("ssl_capath", path).map_err(failed)?);
    }
    let own = settings.ca_file.is_some() || settings.ca_path.is_some();
    if required && !own {
        // Those the machine trusts.
        authorities = rustls_native_certs::load_native_certs().certs;
    }
    let mut anchors = RootCertStore::empty();
    anchors.add_parsable_certificates(authorities.iter().cloned()); // some of a system's are broken
    if required && anchors.is_empty() && !settings.allow_self_signed {
        return Err(failed(
            "ssl_verify_peer needs `ssl_cafile` or `ssl_capath`: the system's authorities cannot be read".into(),
        ));
    }
    Ok(ServerVerifier {
        required,
        chain: Chain {
            anchors: anchors.roots,
            authorities: if own { authorities } else { Vec::new() },
            algorithms: provider.signature_verification_algorithms,
            allow_self_signed: settings.allow_self_signed,
            depth: settings.verify_depth,
        },
    })
}

type OwnCertificate = (
    Vec<CertificateDer<'static>>,
    rustls::pki_types::PrivateKeyDer<'static>,
);

/// What the server is shown if it asks.
fn own_certificate(
    settings: &TlsSettings,
    provider: &CryptoProvider,
) -> Result<Option<OwnCertificate>, ClientFault> {
    match (&settings.cert_file, &settings.key_file) {
        (Some(certificate), Some(key)) => {
            // Also says whether the two belong together.
            pem_files::certified_key(certificate, key, provider)
                .map_err(ClientFault::of_settings)?;
            let chain = pem_files::certificates("ssl cert file", certificate)
                .map_err(ClientFault::of_settings)?;
            let key = pem_files::private_key(key).map_err(ClientFault::of_settings)?;
            Ok(Some((chain, key)))
        }
        (None, None) => Ok(None),
        _ => Err(ClientFault::of_settings(
            "ssl_cert_file and ssl_key_file belong together".into(),
        )),
    }
}

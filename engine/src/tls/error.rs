//! Why a TLS session ended, for the log. Numbers of reasons are OpenSSL's, because tools match them.

use std::fmt;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use super::chain::{ChainTooLong, SelfSigned};
use crate::error::code;

/// Why a session ended. [`fmt::Display`] gives a short text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TlsError {
    /// The first byte is not that of a TLS handshake: a client that does not speak TLS.
    NotTls {
        /// It looks like the start of a text protocol such as HTTP.
        text: bool,
    },
    /// The client offers no version that this port allows.
    NoCommonVersion,
    /// The client offers no cipher suite (or no certificate type) in common.
    NoCommonCipher,
    /// The client offers no key exchange group in common.
    NoCommonGroup,
    /// The client offers no application protocol (ALPN) in common.
    NoCommonProtocol,
    /// No certificate fits the name the client asked for.
    NoCertificate,
    /// The client showed no certificate, but this port wants one.
    NoClientCertificate,
    /// The client's certificate signed itself.
    SelfSigned,
    /// The client's certificate is not accepted.
    ClientCertificate {
        /// X509_V_ERR_*.
        number: u32,
        text: &'static str,
    },
    /// The client sent a fatal alert.
    Alert(AlertDescription),
    /// A record that cannot be authenticated.
    BadRecord,
    /// A record or message longer than allowed.
    TooLong,
    /// Bytes that break the protocol.
    Protocol(&'static str),
    /// The connection ended in the middle of the handshake.
    EndOfInput,
    /// Something on this side.
    Internal(String),
}

/// Codes of X509_V_ERR_* that occur here.
mod x509 {
    pub(super) const UNABLE_TO_GET_ISSUER: u32 = 20;
    pub(super) const SIGNATURE: u32 = 7;
    pub(super) const NOT_YET_VALID: u32 = 9;
    pub(super) const EXPIRED: u32 = 10;
    pub(super) const CHAIN_TOO_LONG: u32 = 22;
    pub(super) const PURPOSE: u32 = 26;
    pub(super) const UNSPECIFIED: u32 = 1;
}

impl TlsError {
    /// Code of the engine. `established` says whether the handshake was over.
    pub(crate) fn code(&self, established: bool) -> i32 {
        match self {
            TlsError::NoClientCertificate => code::SSL_EMPTY_PEER_CERTIFICATE,
            TlsError::SelfSigned | TlsError::ClientCertificate { .. } => code::SSL_VERIFY_FAILED,
            TlsError::Internal(_) => code::SSL_CREATE_SESSION_FAILED,
            _ if established => code::SSL_BAD_PROTOCOL,
            _ => code::SSL_BAD_CLIENT,
        }
    }

    /// Reason number.
    pub(crate) fn reason(&self) -> u32 {
        match self {
            TlsError::NotTls { text: true } => 156,
            TlsError::NotTls { text: false } => 267,
            TlsError::NoCommonVersion => 258,
            TlsError::NoCommonCipher | TlsError::NoCertificate => 193,
            TlsError::NoCommonGroup => 101,
            TlsError::NoCommonProtocol => 235,
            TlsError::NoClientCertificate => 199,
            TlsError::SelfSigned | TlsError::ClientCertificate { .. } => 134,
            TlsError::Alert(alert) => 1000 + u32::from(u8::from(*alert)),
            TlsError::BadRecord => 281,
            TlsError::TooLong => 198,
            TlsError::Protocol(_) => 244,
            TlsError::EndOfInput => 294,
            TlsError::Internal(_) => 68,
        }
    }

    /// The line for the log. `session` and `client` (`ip:port`) name the connection; `established` says whether the
    /// handshake was over.
    pub(crate) fn line(&self, session: u64, client: &str, established: bool) -> String {
        let reason = self.reason();
        match self {
            TlsError::SelfSigned => {
                format!("self signed certificate from fd#{session} is not allowed")
            }
            TlsError::ClientCertificate { number, text } => {
                format!("can not verify peer from fd#{session} with error#{number}: {text}")
            }
            _ if established => {
                format!("SSL connection#{session}[{client}] protocol error[{reason}]: {self}")
            }
            _ => format!("bad SSL client[{client}], reason={reason}, error_string={self}"),
        }
    }
}

impl std::error::Error for TlsError {}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsError::NotTls { text: true } => "http request",
            TlsError::NotTls { text: false } => "wrong version number",
            TlsError::NoCommonVersion => "unsupported protocol",
            TlsError::NoCommonCipher => "no shared cipher",
            TlsError::NoCommonGroup => "no suitable key share",
            TlsError::NoCommonProtocol => "no application protocol",
            TlsError::NoCertificate => "no certificate for this server name",
            TlsError::NoClientCertificate => "peer did not return a certificate",
            TlsError::SelfSigned => "self signed certificate",
            TlsError::ClientCertificate { text, .. } | TlsError::Protocol(text) => text,
            TlsError::Alert(alert) => return write!(f, "alert {alert:?} received"),
            TlsError::BadRecord => "decryption failed or bad record mac",
            TlsError::TooLong => "packet length too long",
            TlsError::EndOfInput => "unexpected eof while reading",
            TlsError::Internal(text) => text,
        })
    }
}

impl From<Error> for TlsError {
    fn from(error: Error) -> TlsError {
        match error {
            Error::PeerIncompatible(what) => incompatible(what),
            Error::NoApplicationProtocol => TlsError::NoCommonProtocol,
            Error::NoCertificatesPresented => TlsError::NoClientCertificate,
            Error::InvalidCertificate(what) => certificate(&what),
            Error::AlertReceived(alert) => TlsError::Alert(alert),
            Error::DecryptError => TlsError::BadRecord,
            Error::PeerSentOversizedRecord
            | Error::InvalidMessage(
                InvalidMessage::MessageTooLarge | InvalidMessage::HandshakePayloadTooLarge,
            ) => TlsError::TooLong,
            Error::InvalidMessage(_) => TlsError::Protocol("malformed message"),
            Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
                TlsError::Protocol("unexpected message")
            }
            Error::PeerMisbehaved(_) => TlsError::Protocol("the client breaks the protocol"),
            // rustls's word for a resolver that has no certificate.
            Error::General(text) if text.contains("certificate") => TlsError::NoCertificate,
            other => TlsError::Internal(other.to_string()),
        }
    }
}

fn incompatible(what: PeerIncompatible) -> TlsError {
    use PeerIncompatible as P;
    match what {
        P::NoKxGroupsInCommon | P::NamedGroupsExtensionRequired | P::KeyShareExtensionRequired => {
            TlsError::NoCommonGroup
        }
        // What this one misses came with TLS 1.2: the client is older.
        P::SignatureAlgorithmsExtensionRequired
        | P::ServerDoesNotSupportTls12Or13
        | P::ServerTlsVersionIsDisabledByOurConfig
        | P::SupportedVersionsExtensionRequired
        | P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled => TlsError::NoCommonVersion,
        P::NullCompressionRequired => TlsError::Protocol("the client insists on compression"),
        _ => TlsError::NoCommonCipher,
    }
}

fn certificate(what: &CertificateError) -> TlsError {
    let (number, text) = match what {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            (x509::EXPIRED, "certificate has expired")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            (x509::NOT_YET_VALID, "certificate is not yet valid")
        }
        CertificateError::UnknownIssuer => (
            x509::UNABLE_TO_GET_ISSUER,
            "unable to get local issuer certificate",
        ),
        CertificateError::BadSignature => (x509::SIGNATURE, "certificate signature failure"),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            (x509::PURPOSE, "unsuitable certificate purpose")
        }
        CertificateError::Other(other) if other.0.is::<SelfSigned>() => {
            return TlsError::SelfSigned;
        }
        CertificateError::Other(other) if other.0.is::<ChainTooLong>() => {
            (x509::CHAIN_TOO_LONG, "certificate chain too long")
        }
        CertificateError::BadEncoding => (x509::UNSPECIFIED, "certificate cannot be read"),
        CertificateError::Other(other)
            if other.0.downcast_ref() == Some(&webpki::Error::UnsupportedCertVersion) =>
        {
            (x509::UNSPECIFIED, "certificate is not of version 3")
        }
        _ => (x509::UNSPECIFIED, "certificate is not acceptable"),
    };
    TlsError::ClientCertificate { number, text }
}

//! Certificates of clients: asked for, required, checked.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

/// The client's certificate signed itself and that is not allowed.
#[derive(Debug)]
pub(super) struct SelfSigned;
/// More certificates between the client and an authority than `ssl_verify_depth` allows.
#[derive(Debug)]
pub(super) struct ChainTooLong;

impl fmt::Display for SelfSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("self signed certificate")
    }
}

impl fmt::Display for ChainTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("certificate chain too long")
    }
}

impl std::error::Error for SelfSigned {}
impl std::error::Error for ChainTooLong {}

/// Checks certificates of clients. rustls' own verifier knows neither a depth nor self-signed ones, so this one asks
/// webpki itself.
pub(super) struct ClientVerifier {
    pub(super) authorities: Vec<CertificateDer<'static>>,
    pub(super) anchors: Vec<TrustAnchor<'static>>,
    /// Names of authorities that the client is told, to choose a certificate by.
    pub(super) hints: Vec<DistinguishedName>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    /// A client without an acceptable certificate is refused. Without this any certificate is taken, and none at all:
    /// the client then proves only that it has the key of what it shows.
    pub(super) required: bool,
    pub(super) allow_self_signed: bool,
    /// Certificates between that of the client and the authority.
    pub(super) depth: Option<u8>,
}

impl fmt::Debug for ClientVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientVerifier({} anchors)", self.anchors.len())
    }
}

impl ClientVerifier {
    fn check(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), CertificateError> {
        let certificate =
            EndEntityCert::try_from(shown).map_err(|_| CertificateError::BadEncoding)?;
        let depth = usize::from(self.depth.unwrap_or(u8::MAX));
        let short_enough = |path: &VerifiedPath<'_>| {
            let between = path.intermediate_certificates().count();
            if between > depth {
                return Err(webpki::Error::PathLenConstraintViolated);
            }
            Ok(())
        };
        let verified = certificate.verify_for_usage(
            self.algorithms.all,
            &self.anchors,
            intermediates,
            now,
            KeyUsage::client_auth(),
            None,
            Some(&short_enough),
        );
        let Err(error) = verified else {
            return Ok(());
        };
        // webpki looks at the dates before it says one of these. Tools make self-signed certificates as authorities.
        use webpki::Error as E;
        if matches!(error, E::UnknownIssuer | E::CaUsedAsEndEntity) {
            if self.authorities.iter().any(|known| known == shown) {
                return Ok(()); // trusted as it stands
            }
            // Its own signature would prove nothing: whoever shows it has made it. That the client holds the key is
            // proven by the handshake.
            if certificate.issuer() == certificate.subject() {
                return match self.allow_self_signed {
                    true => Ok(()),
                    false => Err(other(SelfSigned)),
                };
            }
        }
        Err(match error {
            E::CertExpired { time, not_after } => {
                CertificateError::ExpiredContext { time, not_after }
            }
            E::CertNotValidYet { time, not_before } => {
                CertificateError::NotValidYetContext { time, not_before }
            }
            E::UnknownIssuer => CertificateError::UnknownIssuer,
            E::InvalidSignatureForPublicKey => CertificateError::BadSignature,
            E::PathLenConstraintViolated => other(ChainTooLong),
            E::RequiredEkuNotFoundContext(_) | E::CaUsedAsEndEntity => {
                CertificateError::InvalidPurpose
            }
            error => other(error),
        })
    }
}

pub(super) fn other(error: impl std::error::Error + Send + Sync + 'static) -> CertificateError {
    CertificateError::Other(OtherError(Arc::new(error)))
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.required {
            self.check(shown, intermediates, now)
                .map_err(Error::InvalidCertificate)?;
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

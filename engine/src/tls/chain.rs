//! Whether a certificate is acceptable: the chain to an authority, and what else may stand for one.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use rustls::{CertificateError, OtherError};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

/// The certificate signed itself and that is not allowed.
#[derive(Debug)]
pub(super) struct SelfSigned;
/// More certificates between the peer's and an authority than `ssl_verify_depth` allows.
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

/// Checks chains. rustls' own verifiers know neither a depth nor self-signed certificates, so this asks webpki itself.
pub(super) struct Chain {
    pub(super) authorities: Vec<CertificateDer<'static>>,
    pub(super) anchors: Vec<TrustAnchor<'static>>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    pub(super) allow_self_signed: bool,
    /// Certificates between that of the peer and the authority.
    pub(super) depth: Option<u8>,
}

/// What an acceptable certificate stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// An authority vouches for it, or it is trusted as it stands.
    Known,
    /// Nobody vouches for it, and that is allowed.
    SelfSigned,
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain({} anchors)", self.anchors.len())
    }
}

impl Chain {
    pub(super) fn check(
        &self,
        shown: &CertificateDer<'_>,
        certificate: &EndEntityCert<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        usage: KeyUsage,
    ) -> Result<Standing, CertificateError> {
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
            usage,
            None,
            Some(&short_enough),
        );
        let Err(error) = verified else {
            return Ok(Standing::Known);
        };
        // webpki looks at the dates before it says one of these. Tools make self-signed certificates as authorities.
        use webpki::Error as E;
        if matches!(error, E::UnknownIssuer | E::CaUsedAsEndEntity) {
            if self.authorities.iter().any(|known| known == shown) {
                return Ok(Standing::Known);
            }
            // Its own signature would prove nothing: whoever shows it has made it. That the peer holds the key is
            // proven by the handshake.
            if certificate.issuer() == certificate.subject() {
                return match self.allow_self_signed {
                    true => Ok(Standing::SelfSigned),
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

fn other(error: impl std::error::Error + Send + Sync + 'static) -> CertificateError {
    CertificateError::Other(OtherError(Arc::new(error)))
}

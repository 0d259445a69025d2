//! The certificate of a server that we are the client of.

use std::fmt;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use super::client_verifier::{ChainTooLong, SelfSigned, other};

/// Checks certificates of servers. rustls' own verifier knows neither a depth nor self-signed ones, and can be told
/// nothing about not checking at all.
pub(super) struct ServerVerifier {
    pub(super) authorities: Vec<CertificateDer<'static>>,
    pub(super) anchors: Vec<TrustAnchor<'static>>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    /// Without this any certificate is taken: the server proves only that it has the key of what it shows.
    pub(super) required: bool,
    pub(super) allow_self_signed: bool,
    /// Certificates between that of the server and the authority.
    pub(super) depth: Option<u8>,
}

impl fmt::Debug for ServerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerVerifier({} anchors)", self.anchors.len())
    }
}

impl ServerVerifier {
    /// Whether this chain is acceptable; `name` is whom we wanted to talk to, if anybody has said so.
    pub(super) fn check(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: Option<&ServerName<'_>>,
        now: UnixTime,
    ) -> Result<(), CertificateError> {
        let certificate =
            EndEntityCert::try_from(shown).map_err(|_| CertificateError::BadEncoding)?;
        if let Err(error) = self.check_chain(&certificate, intermediates, now) {
            // webpki looks at the dates before it says one of these. Tools make self-signed certificates as
            // authorities.
            use webpki::Error as E;
            let signed_by_itself = certificate.issuer() == certificate.subject();
            match error {
                E::UnknownIssuer | E::CaUsedAsEndEntity
                    if self.authorities.iter().any(|known| known == shown) => {} // trusted as it stands
                E::UnknownIssuer | E::CaUsedAsEndEntity if signed_by_itself => {
                    // It names nobody who vouches for it, so its name would prove nothing either.
                    return match self.allow_self_signed {
                        true => Ok(()),
                        false => Err(other(SelfSigned)),
                    };
                }
                error => return Err(reason(error)),
            }
        }
        let Some(name) = name else { return Ok(()) };
        certificate
            .verify_is_valid_for_subject_name(name)
            .map_err(|_| CertificateError::NotValidForName)
    }

    fn check_chain(
        &self,
        certificate: &EndEntityCert<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), webpki::Error> {
        let depth = usize::from(self.depth.unwrap_or(u8::MAX));
        let short_enough = |path: &VerifiedPath<'_>| {
            let between = path.intermediate_certificates().count();
            if between > depth {
                return Err(webpki::Error::PathLenConstraintViolated);
            }
            Ok(())
        };
        certificate
            .verify_for_usage(
                self.algorithms.all,
                &self.anchors,
                intermediates,
                now,
                KeyUsage::server_auth(),
                None,
                Some(&short_enough),
            )
            .map(|_| ())
    }
}

fn reason(error: webpki::Error) -> CertificateError {
    use webpki::Error as E;
    match error {
        E::CertExpired { time, not_after } => CertificateError::ExpiredContext { time, not_after },
        E::CertNotValidYet { time, not_before } => {
            CertificateError::NotValidYetContext { time, not_before }
        }
        E::UnknownIssuer => CertificateError::UnknownIssuer,
        E::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        E::PathLenConstraintViolated => other(ChainTooLong),
        E::RequiredEkuNotFoundContext(_) | E::CaUsedAsEndEntity => CertificateError::InvalidPurpose,
        error => other(error),
    }
}

/// The verifier as rustls asks it. `named`: whether the name counts, or was made up because rustls
/// wants one.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) verifier: ServerVerifier,
    pub(super) named: bool,
}

impl ServerCertVerifier for Asked {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.verifier.required {
            self.verifier
                .check(shown, intermediates, self.named.then_some(name), now)
                .map_err(Error::InvalidCertificate)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.verifier.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.verifier.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.algorithms.supported_schemes()
    }
}

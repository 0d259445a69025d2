//! The certificate of a server that we are the client of.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage};

use super::chain::{Chain, Standing};

/// Checks certificates of servers.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    pub(super) chain: Chain,
    /// Without this any certificate is taken: the server proves only that it has the key of what it shows.
    pub(super) required: bool,
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
        let usage = KeyUsage::server_auth();
        let standing = (self.chain).check(shown, &certificate, intermediates, now, usage)?;
        match name {
            // Of one that names nobody who vouches for it the name would prove nothing either.
            Some(name) if standing == Standing::Known => certificate
                .verify_is_valid_for_subject_name(name)
                .map_err(|_| CertificateError::NotValidForName),
            _ => Ok(()),
        }
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
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.verifier.chain.algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.verifier.chain.algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.chain.algorithms.supported_schemes()
    }
}

//! Certificates of clients: asked for, required, checked.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage};

use super::chain::Chain;

/// Checks certificates of clients.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    pub(super) chain: Chain,
    /// Names of authorities that the client is told, to choose a certificate by.
    pub(super) hints: Vec<DistinguishedName>,
    /// A client without an acceptable certificate is refused. Without this any certificate is taken, and none at all:
    /// the client then proves only that it has the key of what it shows.
    pub(super) required: bool,
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
            let certificate = EndEntityCert::try_from(shown)
                .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
            let usage = KeyUsage::client_auth();
            self.chain
                .check(shown, &certificate, intermediates, now, usage)
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
        verify_tls12_signature(message, certificate, signed, &self.chain.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.chain.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.algorithms.supported_schemes()
    }
}

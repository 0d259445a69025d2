//! A client and a session with nothing between them.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme,
    SupportedProtocolVersion, version,
};

use super::certificates::{Files, Identity};
use crate::settings::TlsSettings;
use crate::tls::{Spares, TlsAcceptor, TlsError, TlsSession};

pub(super) static BOTH: [&[&SupportedProtocolVersion]; 2] =
    [&[&version::TLS12], &[&version::TLS13]];

/// Takes any certificate: what the server shows is looked at by the test.
#[derive(Debug)]
struct Credulous(CryptoProvider);

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What a client is like.
pub(super) struct Client<'a> {
    pub(super) versions: &'a [&'static SupportedProtocolVersion],
    pub(super) name: &'static str,
    pub(super) alpn: &'a [&'a str],
    /// The chain it shows, its own certificate first, and whose key it has.
    pub(super) shows: &'a [&'a Identity],
    pub(super) provider: CryptoProvider,
}

impl Default for Client<'_> {
    fn default() -> Self {
        Client {
            versions: rustls::ALL_VERSIONS,
            name: "server.test",
            alpn: &[],
            shows: &[],
            provider: ring::default_provider(),
        }
    }
}

impl Client<'_> {
    pub(super) fn config(&self) -> ClientConfig {
        let provider = self.provider.clone();
        let config = ClientConfig::builder_with_provider(Arc::new(provider.clone()))
            .with_protocol_versions(self.versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Credulous(provider)));
        let mut config = match self.shows.first() {
            None => config.with_no_client_auth(),
            Some(own) => {
                let chain = self.shows.iter().map(|shown| shown.der()).collect();
                config.with_client_auth_cert(chain, own.key_der()).unwrap()
            }
        };
        config.alpn_protocols = self.alpn.iter().map(|name| (*name).into()).collect();
        config
    }

    pub(super) fn connect(&self) -> ClientConnection {
        let name = ServerName::try_from(self.name).unwrap();
        ClientConnection::new(Arc::new(self.config()), name).unwrap()
    }
}

/// Settings with a certificate of their own.
pub(super) fn settings(files: &Files, serial: u64) -> TlsSettings {
    let own = Identity::new("server.test", serial, None);
    TlsSettings {
        cert_file: Some(files.put("server.crt", &own.pem())),
        key_file: Some(files.put("server.key", &own.key_pem())),
        ..TlsSettings::default()
    }
}

/// Both ends of a connection.
pub(super) struct Pair {
    pub(super) client: ClientConnection,
    pub(super) server: TlsSession,
    pub(super) spares: Spares,
    /// All that the server has received.
    pub(super) received: Vec<u8>,
    /// What has come to the client and was not looked at.
    arrived: Vec<u8>,
    /// Bytes given to the server at a time.
    pub(super) step: usize,
}

impl Pair {
    pub(super) fn new(acceptor: &TlsAcceptor, client: &Client<'_>) -> Pair {
        Pair {
            client: client.connect(),
            server: acceptor.accept().unwrap(),
            spares: Spares::default(),
            received: Vec::new(),
            arrived: Vec::new(),
            step: usize::MAX,
        }
    }

    /// A pair whose handshake is over.
    pub(super) fn established(acceptor: &TlsAcceptor, client: &Client<'_>) -> Pair {
        let mut pair = Pair::new(acceptor, client);
        pair.talk().unwrap();
        assert!(pair.server.is_established() && !pair.client.is_handshaking());
        pair
    }

    pub(super) fn receive(&mut self, bytes: &mut [u8]) -> Result<(), TlsError> {
        for part in bytes.chunks_mut(self.step) {
            self.server
                .receive(part, &mut self.received, &mut self.spares)?;
        }
        Ok(())
    }

    /// Bytes from the client to the server; how many there were.
    pub(super) fn up(&mut self) -> Result<usize, TlsError> {
        let mut bytes = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut bytes).unwrap();
        }
        self.receive(&mut bytes)?;
        Ok(bytes.len())
    }

    /// Bytes from the server to the client; how many there were.
    pub(super) fn down(&mut self) -> usize {
        self.some_down(usize::MAX)
    }

    /// At most `limit` of the bytes from the server to the client; how many there were.
    pub(super) fn some_down(&mut self, limit: usize) -> usize {
        let output = self.server.output();
        let bytes = output[..limit.min(output.len())].to_vec();
        self.server.wrote(bytes.len(), &mut self.spares);
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            self.client.read_tls(&mut rest).unwrap();
            // An alert of the server is an error here; tests look at the server's side of it.
            if self.client.process_new_packets().is_err() {
                break;
            }
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = self.client.reader().read(&mut buffer) {
                self.arrived.extend_from_slice(&buffer[..count]);
            }
        }
        bytes.len()
    }

    /// To and fro until both are silent.
    pub(super) fn talk(&mut self) -> Result<(), TlsError> {
        for _ in 0..20 {
            let there = self.up();
            let back = self.down();
            if there? + back == 0 {
                return Ok(());
            }
        }
        panic!("the two never fall silent");
    }

    pub(super) fn send_from_client(&mut self, bytes: &[u8]) {
        self.client.writer().write_all(bytes).unwrap();
    }

    /// What has come to the client.
    pub(super) fn at_client(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.arrived)
    }

    /// The whole of `bytes` from the server to the client.
    pub(super) fn send_from_server(&mut self, bytes: &[u8]) -> Vec<u8> {
        let (mut rest, mut arrived) = (bytes, Vec::new());
        while !rest.is_empty() {
            let taken = self.server.seal(rest, &mut self.spares).unwrap();
            rest = &rest[taken..];
            assert!(taken > 0 || !self.server.output().is_empty());
            self.down();
            arrived.extend(self.at_client());
        }
        arrived
    }
}

/// The serial number of the certificate that the client was shown: the last byte of it.
pub(super) fn serial(client: &ClientConnection) -> u8 {
    let shown = client.peer_certificates().unwrap();
    let certificate = webpki::EndEntityCert::try_from(&shown[0]).unwrap();
    *certificate.serial().last().unwrap()
}

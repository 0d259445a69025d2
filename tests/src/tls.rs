//! Clients under TLS: rustls's, which shows what was agreed on, and openssl's command, which the world uses.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme,
    SupportedProtocolVersion, version,
};

use crate::certificates::Identity;
use crate::eventually::patience;
use crate::server::{Builder, Server};

/// Takes any certificate: which one it was is for the test to look at. Signatures are checked.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
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
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What a client offers.
#[derive(Clone)]
pub struct Offer {
    versions: Vec<&'static SupportedProtocolVersion>,
    name: Option<String>,
    alpn: Vec<Vec<u8>>,
    identity: Option<Arc<Identity>>,
}

impl Default for Offer {
    fn default() -> Offer {
        Offer {
            versions: vec![&version::TLS13, &version::TLS12],
            name: None,
            alpn: Vec::new(),
            identity: None,
        }
    }
}

/// TLS 1.2 and nothing else.
pub fn tls12() -> Offer {
    Offer {
        versions: vec![&version::TLS12],
        ..Offer::default()
    }
}

/// TLS 1.3 and nothing else.
pub fn tls13() -> Offer {
    Offer {
        versions: vec![&version::TLS13],
        ..Offer::default()
    }
}

impl Offer {
    /// Ask for the server of this name.
    pub fn name(mut self, name: &str) -> Offer {
        self.name = Some(name.into());
        self
    }

    /// Application protocols, the preferred one first.
    pub fn alpn(mut self, names: &[&str]) -> Offer {
        self.alpn = names.iter().map(|name| name.as_bytes().into()).collect();
        self
    }

    /// Show this certificate.
    pub fn identity(mut self, identity: &Arc<Identity>) -> Offer {
        self.identity = Some(Arc::clone(identity));
        self
    }

    /// A connection's state, before the first byte.
    pub fn connection(&self) -> ClientConnection {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&self.versions)
            .unwrap_or_else(|error| panic!("{error}"))
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyServer(provider)));
        let mut config = match &self.identity {
            None => config.with_no_client_auth(),
            Some(identity) => config
                .with_client_auth_cert(vec![identity.der()], identity.key_der())
                .unwrap_or_else(|error| panic!("{error}")),
        };
        config.alpn_protocols = self.alpn.clone();
        config.enable_sni = self.name.is_some();
        let name = self.name.clone().unwrap_or_else(|| "localhost".into());
        let name = ServerName::try_from(name).unwrap_or_else(|error| panic!("{error}"));
        ClientConnection::new(Arc::new(config), name).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Connect, and go through the handshake.
    pub fn connect(&self, port: u16) -> io::Result<TlsClient> {
        self.over(socket(port)?)
    }

    /// The handshake over a connection that is there.
    pub fn over(&self, socket: TcpStream) -> io::Result<TlsClient> {
        let mut client = TlsClient {
            tls: self.connection(),
            socket,
        };
        while client.tls.is_handshaking() {
            client.tls.complete_io(&mut client.socket)?;
        }
        Ok(client)
    }
}

/// A connection without TLS, with a deadline on every read and write.
pub fn socket(port: u16) -> io::Result<TcpStream> {
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(patience()))?;
    socket.set_write_timeout(Some(patience()))?;
    Ok(socket)
}

/// How the server's output ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It said so under TLS.
    Farewell,
    /// The connection ended, and nothing was said.
    Eof,
    /// It was reset, or TLS broke.
    Broken,
}

/// One connection under TLS.
pub struct TlsClient {
    /// The TLS half.
    pub tls: ClientConnection,
    /// What carries it.
    pub socket: TcpStream,
}

impl TlsClient {
    /// Send bytes.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut stream = rustls::Stream::new(&mut self.tls, &mut self.socket);
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// Send bytes; panics if that fails.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        if let Err(error) = self.try_send(bytes.as_ref()) {
            panic!("send: {error}");
        }
    }

    /// So many bytes; panics at the deadline, and if fewer come.
    #[track_caller]
    pub fn receive(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let mut stream = rustls::Stream::new(&mut self.tls, &mut self.socket);
        match stream.read_exact(&mut bytes) {
            Ok(()) => bytes,
            Err(error) => panic!("{count} bytes expected: {error}"),
        }
    }

    /// What comes next, at most 64 KiB of it; empty at the end.
    pub fn receive_some(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; 64 * 1024];
        let count = rustls::Stream::new(&mut self.tls, &mut self.socket).read(&mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// Send a short message, get a short answer.
    #[track_caller]
    pub fn ask(&mut self, message: &str) -> String {
        self.send(message);
        match self.receive_some() {
            Ok(answer) if !answer.is_empty() => String::from_utf8_lossy(&answer).into_owned(),
            other => panic!("{message}: {other:?}"),
        }
    }

    /// Everything up to the end.
    #[track_caller]
    pub fn drain(&mut self) -> (Vec<u8>, Ending) {
        let mut all = Vec::new();
        loop {
            match self.receive_some() {
                Ok(bytes) if bytes.is_empty() => return (all, Ending::Farewell),
                Ok(bytes) => all.extend_from_slice(&bytes),
                Err(error) => match error.kind() {
                    io::ErrorKind::UnexpectedEof => return (all, Ending::Eof),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                        panic!("no end in time, after {} bytes", all.len())
                    }
                    _ => return (all, Ending::Broken),
                },
            }
        }
    }

    /// Say under TLS that nothing more will come. The connection stays open in both directions.
    pub fn say_farewell(&mut self) {
        self.tls.send_close_notify();
        while self.tls.wants_write() {
            if let Err(error) = self.tls.write_tls(&mut self.socket) {
                panic!("farewell: {error}");
            }
        }
    }

    /// End the output of the connection without a word under TLS.
    pub fn cut_output(&self) {
        let _ = self.socket.shutdown(Shutdown::Write); // fails only if the connection has gone
    }

    /// The certificate that the server has shown.
    #[track_caller]
    pub fn shown(&self) -> CertificateDer<'static> {
        let shown = self.tls.peer_certificates().unwrap_or_default();
        let shown = shown.first().unwrap_or_else(|| panic!("no certificate"));
        shown.clone().into_owned()
    }
}

/// A server under TLS with the files of `identity`, which are `own.crt` and `own.key` in its directory.
pub fn secured(builder: Builder, identity: &Identity) -> Builder {
    identity.write(&builder.path(""), "own");
    let (certificate, key) = (builder.path("own.crt"), builder.path("own.key"));
    builder
        .set("ssl_cert_file", certificate.display())
        .set("ssl_key_file", key.display())
}

/// One short question to the server's plain port.
#[track_caller]
pub fn ask_plain(server: &Server, message: &str) -> String {
    let port = server.await_event("plain", 1).number("port");
    let answer = socket(port).and_then(|mut socket| {
        socket.write_all(message.as_bytes())?;
        let mut bytes = [0; 4096];
        let count = socket.read(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes[..count]).into_owned())
    });
    answer.unwrap_or_else(|error| panic!("{message}: {error}"))
}

/// Connections that ended before their session began.
#[track_caller]
pub fn aborted(server: &Server) -> u64 {
    let answer = ask_plain(server, "!count");
    let count = answer.split(' ').next_back().and_then(|n| n.parse().ok());
    count.unwrap_or_else(|| panic!("{answer}"))
}

/// `openssl s_client` on a port, quiet but for errors. Ended when dropped.
pub struct OpenSsl(Child);

impl OpenSsl {
    /// Start it with these arguments besides.
    #[track_caller]
    pub fn connect(port: u16, arguments: &[&str]) -> OpenSsl {
        let child = Command::new("openssl")
            .args(["s_client", "-connect", &format!("127.0.0.1:{port}")])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        OpenSsl(child.unwrap_or_else(|error| panic!("openssl: {error}")))
    }

    /// Send this, and give back what it writes until the server ends the connection: output and errors.
    #[track_caller]
    pub fn talk(mut self, input: &[u8]) -> (String, String) {
        let mut pipe = self.0.stdin.take(); // kept open: at its end openssl would leave
        if let Some(pipe) = &mut pipe {
            let _ = pipe.write_all(input); // it may have ended before
        }
        let read = |pipe: Option<&mut dyn Read>| {
            let mut text = Vec::new();
            if let Some(pipe) = pipe {
                let _ = pipe.read_to_end(&mut text); // what came before counts
            }
            String::from_utf8_lossy(&text).into_owned()
        };
        let output = read(self.0.stdout.as_mut().map(|pipe| pipe as &mut dyn Read));
        let errors = read(self.0.stderr.as_mut().map(|pipe| pipe as &mut dyn Read));
        (output, errors)
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.0.kill(); // gone already, as a rule
        let _ = self.0.wait();
    }
}

/// As [`Path::display`], for settings and arguments.
#[track_caller]
pub fn text(path: &Path) -> &str {
    path.to_str()
        .unwrap_or_else(|| panic!("{}", path.display()))
}

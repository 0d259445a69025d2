//! The client's end of one TLS connection, driven by bytes.
//!
//! rustls' buffered interface: a client has one connection and waits for it, so buffers of its own cost nothing that
//! matters.

use std::io::{Read, Write};

use pem::Pem;
use rustls::client::ClientConnection;

use super::connector::{self, ClientFault};
use crate::settings::TlsSettings;

/// The most plaintext that is sealed in one go.
const PIECE: usize = 64 * 1024;

/// A session, from the first byte of the handshake on.
pub(crate) struct TlsClientSession {
    tls: ClientConnection,
    peer_closed: bool,
}

impl TlsClientSession {
    pub(super) fn new(tls: ClientConnection) -> TlsClientSession {
        TlsClientSession {
            tls,
            peer_closed: false,
        }
    }

    /// Take what the socket gave; what it says is appended to `plaintext`. After an error the output may hold an
    /// alert, worth one write.
    pub(crate) fn receive(
        &mut self,
        input: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Result<(), ClientFault> {
        let mut rest = input;
        while !rest.is_empty() && !self.peer_closed {
            let before = rest.len();
            let internal = |error: std::io::Error| ClientFault {
                code: crate::error::code::SSL_BAD_PROTOCOL,
                text: error.to_string(),
            };
            self.tls.read_tls(&mut rest).map_err(internal)?;
            let established = !self.tls.is_handshaking();
            let state = self
                .tls
                .process_new_packets()
                .map_err(|error| ClientFault::of(&error, established))?;
            let start = plaintext.len();
            plaintext.resize(start + state.plaintext_bytes_to_read(), 0);
            if let Some(room) = plaintext.get_mut(start..) {
                self.tls.reader().read_exact(room).map_err(internal)?;
            }
            self.peer_closed = state.peer_has_closed();
            if rest.len() == before {
                break; // it takes no more; cannot be while the above empties it
            }
        }
        Ok(())
    }

    /// Encrypt from the front of `plaintext`, and say how much.
    pub(crate) fn seal(&mut self, plaintext: &[u8]) -> usize {
        let piece = plaintext.get(..PIECE).unwrap_or(plaintext);
        self.tls.writer().write(piece).unwrap_or(0) // writes to memory
    }

    /// Move what is for the socket to the end of `output`.
    pub(crate) fn take_output(&mut self, output: &mut Vec<u8>) {
        while self.tls.wants_write() {
            if !matches!(self.tls.write_tls(output), Ok(1..)) {
                return;
            }
        }
    }

    /// Say that nothing more will come from us.
    pub(crate) fn close_notify(&mut self) {
        self.tls.send_close_notify();
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// The server has said that nothing more will come from it.
    pub(crate) fn peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// The server's certificate as PEM.
    pub(crate) fn certificate(&self) -> Option<String> {
        let shown = self.tls.peer_certificates()?.first()?;
        Some(pem::encode(&Pem::new("CERTIFICATE", shown.to_vec())))
    }

    /// Check what the server has shown by these settings, as if its verification had been asked for.
    pub(crate) fn verify(
        &self,
        settings: &TlsSettings,
        host: Option<&str>,
    ) -> Result<(), ClientFault> {
        let chain = self.tls.peer_certificates().unwrap_or_default();
        connector::check(settings, host, chain)
    }
}

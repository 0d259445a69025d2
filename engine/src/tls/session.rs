//! One TLS connection, driven by bytes. The parent module shows how.

use rustls::ProtocolVersion;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, InsufficientSizeError,
    UnbufferedStatus,
};

use super::buffers::{Output, Spares};
use super::error::TlsError;
use super::{ciphers, names};

/// Ciphertext that may wait for the socket before [`TlsSession::seal`] takes no more.
const OUTPUT_LIMIT: usize = 64 * 1024;
/// Plaintext in one record, at most.
const RECORD: usize = 16 * 1024;
/// Header, explicit nonce, content type, tag and some more, per record.
const RECORD_OVERHEAD: usize = 64;
/// Room for what the protocol itself has to say before the next record (a new key), usually.
const CONTROL: usize = 256;
/// Type, version, length.
const HEADER: usize = 5;
/// First byte of a record that carries the handshake.
const HANDSHAKE: u8 = 0x16;
/// Input that is kept for want of its rest: a record, or a handshake message in many records. rustls limits the
/// message to 64 KiB, but not the overhead of a client that sends it in tiny records.
const PARTIAL_LIMIT: usize = 128 * 1024;

/// The server's end of one TLS connection.
pub(crate) struct TlsSession {
    tls: UnbufferedServerConnection,
    /// Input whose rest has not come yet.
    partial: Vec<u8>,
    output: Output,
    server_name: Option<Box<str>>,
    stage: Stage,
    peer_closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing has come yet.
    New,
    Handshake,
    Established,
    /// We have said that nothing more will come from us.
    Closing,
    /// An error has ended it; what is still in the output (an alert) is worth one write.
    Failed,
}

/// What was agreed on in the handshake.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TlsFacts<'a> {
    pub(crate) version: &'static str,
    /// OpenSSL's name of the cipher suite.
    pub(crate) cipher: String,
    pub(crate) alpn: Option<&'a [u8]>,
    /// What the client asked for by SNI, in its spelling.
    pub(crate) server_name: Option<&'a str>,
}

impl TlsSession {
    pub(super) fn new(tls: UnbufferedServerConnection) -> TlsSession {
        TlsSession {
            tls,
            partial: Vec::new(),
            output: Output::default(),
            server_name: None,
            stage: Stage::New,
            peer_closed: false,
        }
    }

    /// Take what the socket gave. `input` is decrypted in place and worthless afterwards; what it says is appended to
    /// `plaintext`. Bytes after an error or after the peer's farewell are thrown away.
    pub(crate) fn receive(
        &mut self,
        input: &mut [u8],
        plaintext: &mut Vec<u8>,
        spares: &mut Spares,
    ) -> Result<(), TlsError> {
        let mut rest = input;
        if self.stage == Stage::New
            && let Some(&first) = rest.first()
        {
            if first != HANDSHAKE {
                self.stage = Stage::Failed;
                let text = first.is_ascii_uppercase();
                return Err(TlsError::NotTls { text });
            }
            self.stage = Stage::Handshake;
        }
        while !rest.is_empty() && self.stage != Stage::Failed && !self.peer_closed {
            if self.partial.is_empty() {
                let consumed = self.process(rest, plaintext, spares)?;
                let left = rest.get(consumed..).unwrap_or_default();
                return self.keep(left);
            }
            let (now, later) = rest.split_at_mut(self.missing(rest.len()));
            self.keep(now)?;
            rest = later;
            let mut partial = std::mem::take(&mut self.partial);
            let consumed = self.process(&mut partial, plaintext, spares)?;
            if consumed < partial.len() {
                partial.drain(..consumed);
                self.partial = partial;
            }
        }
        Ok(())
    }

    /// How many of `available` bytes to put to the partial input: what completes a record, so that the records behind
    /// it need not be moved. In the handshake everything: a message may be spread over records.
    fn missing(&self, available: usize) -> usize {
        let have = self.partial.len();
        let whole = match self.partial.get(3..HEADER) {
            _ if self.tls.is_handshaking() => return available,
            None => HEADER,
            Some(length) => length
                .iter()
                .fold(0, |sum, &byte| sum << 8 | usize::from(byte))
                .saturating_add(HEADER),
        };
        match whole.checked_sub(have) {
            None | Some(0) => available,
            Some(missing) => missing.min(available),
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), TlsError> {
        if self.peer_closed {
            return Ok(());
        }
        if self.partial.len() + bytes.len() > PARTIAL_LIMIT {
            self.stage = Stage::Failed;
            self.partial = Vec::new();
            return Err(TlsError::TooLong);
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    /// Let rustls work on `input` from its start; returns how much of it is done with.
    fn process(
        &mut self,
        input: &mut [u8],
        plaintext: &mut Vec<u8>,
        spares: &mut Spares,
    ) -> Result<usize, TlsError> {
        let mut done = 0;
        loop {
            let left = input.get_mut(done..).unwrap_or_default();
            let UnbufferedStatus { discard, state } = self.tls.process_tls_records(left);
            let mut discard = discard;
            let mut go_on = true;
            let result = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => loop {
                    match traffic.next_record() {
                        None => break Ok(()),
                        Some(Ok(record)) => {
                            discard += record.discard;
                            plaintext.extend_from_slice(record.payload);
                        }
                        Some(Err(error)) => break Err(error.into()),
                    }
                },
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, &mut self.output, spares),
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    Ok(())
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.peer_closed = true;
                    Ok(())
                }
                Ok(ConnectionState::ReadEarlyData(_)) => {
                    Err(TlsError::Protocol("early data was not asked for"))
                }
                Ok(_) => {
                    go_on = false;
                    Ok(())
                }
                Err(error) => Err(error.into()),
            };
            done += discard;
            if self.stage == Stage::Handshake {
                if let Some(name) = names::asked() {
                    self.server_name = Some(name);
                }
                if result.is_ok() && !self.tls.is_handshaking() {
                    self.stage = Stage::Established;
                }
            }
            if let Err(error) = result {
                self.stage = Stage::Failed;
                self.partial = Vec::new();
                self.take_alert(input.get_mut(done..).unwrap_or_default(), spares);
                return Err(error);
            }
            if !go_on {
                return Ok(done);
            }
        }
    }

    /// After an error rustls has an alert to send, if any; it must not look at the input again, beyond that.
    fn take_alert(&mut self, mut input: &mut [u8], spares: &mut Spares) {
        while self.tls.wants_write() {
            let UnbufferedStatus { discard, state } = self.tls.process_tls_records(input);
            let Ok(ConnectionState::EncodeTlsData(data)) = state else {
                return;
            };
            if encode(data, &mut self.output, spares).is_err() {
                return;
            }
            input = input.get_mut(discard..).unwrap_or_default();
        }
    }

    /// Encrypt from the front of `plaintext`; returns how much was taken, 0 when enough is waiting for the socket (or
    /// when the session is not established, or closed).
    pub(crate) fn seal(
        &mut self,
        plaintext: &[u8],
        spares: &mut Spares,
    ) -> Result<usize, TlsError> {
        let room = OUTPUT_LIMIT.saturating_sub(self.output.len());
        let count = match plaintext.len() <= room {
            true => plaintext.len(),
            false => room / RECORD * RECORD, // whole records: a short one costs as much as a long one
        };
        let taken = plaintext.get(..count).unwrap_or_default();
        if taken.is_empty() || self.stage != Stage::Established {
            return Ok(0);
        }
        let records = taken.len().div_ceil(RECORD);
        let size = taken.len() + records * RECORD_OVERHEAD + CONTROL;
        self.speak(size, spares, |traffic, room| traffic.encrypt(taken, room))?;
        Ok(taken.len())
    }

    /// Say that nothing more will come from us. Does nothing in the handshake, or a second time.
    pub(crate) fn close_notify(&mut self, spares: &mut Spares) {
        if self.stage == Stage::Established {
            // That it fails means the session is over anyhow.
            let _ = self.speak(CONTROL, spares, |traffic, room| {
                traffic.queue_close_notify(room)
            });
            self.stage = Stage::Closing;
        }
    }

    /// Let rustls write into at least `size` bytes of the output.
    fn speak(
        &mut self,
        size: usize,
        spares: &mut Spares,
        write: impl Fn(&mut WriteTraffic<'_>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> Result<(), TlsError> {
        let mut size = size;
        loop {
            // The partial input goes along: rustls remembers where in it the parts of an unfinished message are.
            let UnbufferedStatus { discard, state } =
                self.tls.process_tls_records(&mut self.partial);
            let result = match state {
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    match write(&mut traffic, self.output.room(size, spares)) {
                        Ok(written) => {
                            self.output.filled(written);
                            return Ok(());
                        }
                        Err(EncryptError::InsufficientSize(InsufficientSizeError {
                            required_size,
                        })) if required_size > size => {
                            size = required_size;
                            Ok(())
                        }
                        Err(error) => Err(TlsError::Internal(error.to_string())),
                    }
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, &mut self.output, spares),
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    Ok(())
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.peer_closed = true;
                    Ok(())
                }
                Ok(other) => Err(TlsError::Internal(format!(
                    "nothing can be sent: {other:?}"
                ))),
                Err(error) => Err(error.into()),
            };
            self.partial.drain(..discard.min(self.partial.len()));
            if let Err(error) = result {
                self.stage = Stage::Failed;
                return Err(error);
            }
        }
    }

    /// Ciphertext for the socket.
    pub(crate) fn output(&self) -> &[u8] {
        self.output.pending()
    }

    /// The first `count` bytes of [`TlsSession::output`] are with the kernel.
    pub(crate) fn wrote(&mut self, count: usize, spares: &mut Spares) {
        self.output.wrote(count, spares);
    }

    /// The handshake is over, successfully, and no error came after it.
    pub(crate) fn is_established(&self) -> bool {
        matches!(self.stage, Stage::Established | Stage::Closing)
    }

    /// The peer has said that nothing more will come from it. It can still be sent to.
    pub(crate) fn peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// The socket has no more input: what that means for the session. Without the peer's farewell an established
    /// session may have lost its end; the framing knows better whether that matters, so it is no error here.
    pub(crate) fn end_of_input(&mut self) -> Result<(), TlsError> {
        match self.stage {
            Stage::New | Stage::Handshake => {
                self.stage = Stage::Failed;
                Err(TlsError::EndOfInput)
            }
            _ => Ok(()),
        }
    }

    /// What was agreed on; `None` before the end of the handshake.
    pub(crate) fn facts(&self) -> Option<TlsFacts<'_>> {
        if !self.is_established() {
            return None;
        }
        Some(TlsFacts {
            version: match self.tls.protocol_version()? {
                ProtocolVersion::TLSv1_2 => "TLSv1.2",
                _ => "TLSv1.3",
            },
            cipher: ciphers::name(self.tls.negotiated_cipher_suite()?),
            alpn: self.tls.alpn_protocol(),
            server_name: self.server_name.as_deref(),
        })
    }

    /// The certificates that the client has shown, its own first, as PEM.
    pub(crate) fn client_certificates(&self) -> Vec<String> {
        let shown = self.tls.peer_certificates().unwrap_or_default();
        let line_ending = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        shown
            .iter()
            .map(|der| pem::encode_config(&pem::Pem::new("CERTIFICATE", der.to_vec()), line_ending))
            .collect()
    }

    /// Bytes held for the input that is not complete and for the output that is not written.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn buffered(&self) -> usize {
        self.partial.len() + self.output.len()
    }

    /// Memory of the buffers.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.partial.capacity() + self.output.capacity()
    }
}

type WriteTraffic<'a> = rustls::unbuffered::WriteTraffic<'a, rustls::server::ServerConnectionData>;

/// Put a message of the handshake, or an alert, to the output.
fn encode<Data>(
    mut data: EncodeTlsData<'_, Data>,
    output: &mut Output,
    spares: &mut Spares,
) -> Result<(), TlsError> {
    let mut size = CONTROL;
    loop {
        match data.encode(output.room(size, spares)) {
            Ok(written) => {
                output.filled(written);
                return Ok(());
            }
            Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size }))
                if required_size > size =>
            {
                size = required_size;
            }
            Err(error) => return Err(TlsError::Internal(error.to_string())),
        }
    }
}

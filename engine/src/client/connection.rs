//! One connection (or datagram socket), and how bytes get in and out of it within a time.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use super::fault::ClientError;
use super::inbox::Inbox;
use crate::error::code;
use crate::net::SocketType;
use crate::net::dial::{self, Reading};
use crate::net::peer::DatagramPeer;
use crate::net::stream::Io;
use crate::net::target::Target;
use crate::net::waiting::{self, Deadline, Until};
use crate::protocol::Progress;
use crate::tls::{ClientFault, TlsClientSession, TlsConnector};

/// The most that is read at once where nobody has said how much.
pub(super) const READ: usize = 64 * 1024;

/// Why nothing more will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The peer has ended its side.
    Closed,
    /// It did, but without TLS's farewell.
    Cut,
    /// What it has sent is no message, or the bytes of one were lost: what follows cannot be understood. The code.
    Broken(i32),
}

/// A socket and what belongs to it.
pub(super) struct Connection {
    pub(super) socket: OwnedFd,
    pub(super) kind: SocketType,
    pub(super) tls: Option<Box<TlsClientSession>>,
    /// Ciphertext for the socket, and how much of it is gone.
    sealed: Vec<u8>,
    pub(super) inbox: Inbox,
    pub(super) progress: Progress,
    pub(super) end: Option<End>,
    /// Where datagrams go if the socket has no peer of its own.
    pub(super) target: Option<Target>,
    /// Who sent the last datagram.
    pub(super) sender: Option<DatagramPeer>,
    /// A unix socket's own file.
    pub(super) file: Option<PathBuf>,
    /// Ciphertext just read.
    scratch: Vec<u8>,
    /// The process that opened it: a child that inherits it must not speak for it.
    owner: u32,
}

impl Connection {
    pub(super) fn new(socket: OwnedFd, kind: SocketType) -> Connection {
        Connection {
            socket,
            kind,
            tls: None,
            sealed: Vec::new(),
            inbox: Inbox::default(),
            progress: Progress::default(),
            end: None,
            target: None,
            sender: None,
            file: None,
            scratch: Vec::new(),
            owner: std::process::id(),
        }
    }

    pub(super) fn number(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Whether this process opened it.
    pub(super) fn is_ours(&self) -> bool {
        self.owner == std::process::id()
    }

    /// Read once, waiting for something to read. Datagrams do not come by here.
    pub(super) fn fill(
        &mut self,
        most: usize,
        how: Reading,
        deadline: Deadline,
    ) -> Result<usize, ClientError> {
        loop {
            match self.fill_now(most, how)? {
                Some(count) => return Ok(count),
                None if waiting::wait(&self.socket, Until::Readable, deadline)? => {}
                None => return Err(errno::EAGAIN.into()),
            }
        }
    }

    /// Read once what is there; none if nothing is.
    pub(super) fn fill_now(
        &mut self,
        most: usize,
        how: Reading,
    ) -> Result<Option<usize>, ClientError> {
        let Some(tls) = &mut self.tls else {
            return match dial::read_more(&self.socket, self.inbox.filling(), most, how) {
                Io::Bytes(0) if most > 0 => {
                    self.end = Some(End::Closed);
                    Ok(Some(0))
                }
                Io::Bytes(count) => Ok(Some(count)),
                Io::WouldBlock => Ok(None),
                Io::Broken(number) => Err(number.into()),
            };
        };
        self.scratch.clear();
        match dial::read_more(&self.socket, &mut self.scratch, READ, Reading::default()) {
            Io::Bytes(0) => {
                self.end = Some(match tls.peer_closed() {
                    true => End::Closed,
                    false => End::Cut,
                });
                Ok(Some(0))
            }
            Io::Bytes(_) => {
                let before = self.inbox.len();
                let done = tls.receive(&self.scratch, self.inbox.filling());
                if tls.peer_closed() {
                    self.end = Some(End::Closed);
                }
                // An alert, or an answer of the protocol; what does not go now goes with the next send.
                tls.take_output(&mut self.sealed);
                let _ = self.flush_now();
                if let Err(fault) = done {
                    self.end = Some(End::Broken(fault.code));
                    return Err(fault.into());
                }
                match self.inbox.len() - before {
                    0 if self.end.is_none() => Ok(None), // nothing but protocol
                    count => Ok(Some(count)),
                }
            }
            Io::WouldBlock => Ok(None),
            Io::Broken(number) => Err(number.into()),
        }
    }

    /// Begin TLS, and finish its handshake.
    pub(super) fn secure(
        &mut self,
        connector: &TlsConnector,
        deadline: Deadline,
    ) -> Result<(), ClientError> {
        let mut tls = connector.connect()?;
        tls.take_output(&mut self.sealed);
        self.tls = Some(Box::new(tls));
        self.flush(deadline)?;
        while self.tls.as_ref().is_some_and(|tls| tls.is_handshaking()) {
            if self.end.is_some() {
                let text = "the peer has closed the connection".into();
                let code = code::SSL_HANDSHAKE_FAILED;
                return Err(ClientFault { code, text }.into());
            }
            self.fill_now(READ, Reading::default())?;
            self.flush(deadline)?;
            let handshaking = self.tls.as_ref().is_some_and(|tls| tls.is_handshaking());
            if handshaking
                && self.end.is_none()
                && !waiting::wait(&self.socket, Until::Readable, deadline)?
            {
                return Err(errno::ETIMEDOUT.into());
            }
        }
        Ok(())
    }

    /// Write some of these bytes, waiting for room. How many the peer will get: under TLS they may still be on this
    /// side, but they go before anything else does.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        urgent: bool,
        deadline: Deadline,
    ) -> Result<usize, ClientError> {
        if self.tls.is_some() {
            self.flush(deadline)?;
            let Some(tls) = &mut self.tls else {
                return Ok(0);
            };
            let count = tls.seal(bytes);
            tls.take_output(&mut self.sealed);
            // That the rest does not go in time is the next call's trouble.
            return match self.flush(deadline) {
                Err(error) if error.code() != errno::EAGAIN => Err(error),
                _ => Ok(count),
            };
        }
        loop {
            match dial::write(&self.socket, bytes, urgent) {
                Io::Bytes(count) => return Ok(count),
                Io::Broken(number) => return Err(number.into()),
                Io::WouldBlock if waiting::wait(&self.socket, Until::Writable, deadline)? => {}
                Io::WouldBlock => return Err(errno::EAGAIN.into()),
            }
        }
    }

    /// Write all ciphertext.
    pub(super) fn flush(&mut self, deadline: Deadline) -> Result<(), ClientError> {
        loop {
            self.flush_now()?;
            if self.sealed.is_empty() {
                return Ok(());
            }
            if !waiting::wait(&self.socket, Until::Writable, deadline)? {
                return Err(errno::EAGAIN.into());
            }
        }
    }

    fn flush_now(&mut self) -> Result<(), ClientError> {
        let mut gone = 0;
        let mut broken = None;
        while let Some(rest) = self.sealed.get(gone..).filter(|rest| !rest.is_empty()) {
            match dial::write(&self.socket, rest, false) {
                Io::Bytes(count) => gone += count,
                Io::WouldBlock => break,
                Io::Broken(number) => {
                    broken = Some(number);
                    break;
                }
            }
        }
        self.sealed.drain(..gone);
        match broken {
            Some(number) => {
                self.sealed.clear();
                Err(number.into())
            }
            None => Ok(()),
        }
    }

    /// Say farewell, as far as that goes without waiting.
    pub(super) fn bid_farewell(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.close_notify();
            tls.take_output(&mut self.sealed);
            let _ = self.flush_now();
        }
    }

    /// Whether it could serve somebody else: nothing has come that nobody asked for, not even its end.
    pub(super) fn is_fresh(&mut self) -> bool {
        let quiet = self.end.is_none() && self.inbox.len() == 0 && self.sealed.is_empty();
        quiet && matches!(self.fill_now(1, Reading::default()), Ok(None))
    }

    /// The number for a call that finds the end.
    pub(super) fn end_code(&self) -> i32 {
        match self.end {
            Some(End::Broken(code)) => code,
            Some(End::Cut) => code::SSL_RESET,
            Some(End::Closed) if self.inbox.len() > 0 => code::SOCKET_CLOSED,
            Some(End::Closed) | None => 0,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        self.bid_farewell();
        if let Some(file) = &self.file {
            let _ = std::fs::remove_file(file); // gone already, perhaps
        }
    }
}

/// The three errno values that are decisions of this module and not the kernel's. (libc is `net`'s and `sys`'s own.)
pub(super) mod errno {
    /// The time is over, nothing has come or gone.
    pub(crate) const EAGAIN: i32 = 11;
    /// A value that cannot be.
    pub(crate) const EINVAL: i32 = 22;
    /// The time is over before there was a connection.
    pub(crate) const ETIMEDOUT: i32 = 110;
}

//! A client's end of a connection, plain or TLS, non-blocking and for an edge-triggered poll.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::{ClientConfig, ClientConnection};

use crate::client;

/// Several records in one recv: rustls by itself reads 4 KiB at a time.
const CIPHERTEXT: usize = 64 * 1024;

/// One that is connected, and done with the handshake.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<Tls>),
}

pub(crate) struct Tls {
    socket: TcpStream,
    session: ClientConnection,
    received: Box<[u8]>,
    fed: usize,
    filled: usize,
}

impl Stream {
    pub(crate) fn open(addr: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> Result<Self> {
        let (socket, session) = client::open(addr, tls)?;
        socket
            .set_nonblocking(true)
            .context("cannot set O_NONBLOCK")?;
        let socket = TcpStream::from_std(socket);
        Ok(match session {
            None => Self::Plain(socket),
            Some(session) => Self::Tls(Box::new(Tls {
                socket,
                session,
                received: vec![0; CIPHERTEXT].into(),
                fed: 0,
                filled: 0,
            })),
        })
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let socket = match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => &mut tls.socket,
        };
        socket.register(registry, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Less than asked for means that there will be an edge when more arrives. 0: the peer closed.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(into),
            Self::Tls(tls) => tls.read(into),
        }
    }

    /// Less than given means that there will be an edge when the socket takes more.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    /// What was taken by `write` and could not be sent then.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

impl Tls {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        let mut drained = false;
        loop {
            match self.session.reader().read(&mut into[done..]) {
                Ok(0) => return Ok(done), // all of it is full, or a close that was announced
                Ok(n) => {
                    done += n;
                    if done == into.len() {
                        return Ok(done);
                    }
                    continue;
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
            if self.fed == self.filled {
                match (drained, done) {
                    (true, 0) => return Err(ErrorKind::WouldBlock.into()), // a part of a record
                    (true, _) => return Ok(done),
                    (false, _) => {}
                }
                (self.fed, self.filled) = (0, 0);
                match self.socket.read(&mut self.received) {
                    Ok(0) => return Ok(done),
                    Ok(n) => self.filled = n,
                    Err(e) if e.kind() == ErrorKind::WouldBlock && done > 0 => return Ok(done),
                    Err(e) => return Err(e),
                }
                drained = self.filled < self.received.len();
            }
            let mut rest = &self.received[self.fed..self.filled];
            self.fed += self.session.read_tls(&mut rest)?;
            self.session
                .process_new_packets()
                .map_err(|e| io::Error::new(ErrorKind::InvalidData, e))?;
        }
    }

    /// rustls takes a part at a time, and only a full socket means that there will be an edge.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while taken < bytes.len() {
            if self.session.wants_write() {
                let blocked = Err(ErrorKind::WouldBlock.into());
                return if taken > 0 { Ok(taken) } else { blocked };
            }
            taken += self.session.writer().write(&bytes[taken..])?;
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

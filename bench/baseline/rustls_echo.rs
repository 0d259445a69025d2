//! The limit for TLS: one process, one thread, one epoll set, rustls, echo.
//!
//!     skep-rustls-echo PORT CERTIFICATE KEY      (0 = any port; prints "READY <port>")
//!
//! As lean as rustls permits: one recv of up to 64 KiB per readable event, all the records in it
//! decrypted, their plain text encrypted again, one write. Like the plain one it keeps what the socket
//! does not take, and a peer that does not read stops being read from. SIGTERM ends it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use mio::net::{TcpListener, TcpStream};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use slab::Slab;

const BUFFER: usize = 64 * 1024;
const BATCH: usize = 1024;
const LISTENER: Token = Token(usize::MAX);
const TERM: Token = Token(usize::MAX - 1);

struct Client {
    socket: TcpStream,
    session: ServerConnection,
}

struct Buffers {
    received: Box<[u8]>,
    plain: Box<[u8]>,
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [port, certificate, key] = &args[..] else {
        bail!("usage: skep-rustls-echo PORT CERTIFICATE KEY    (0 = any port)");
    };
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    let config = config(certificate, key)?;
    let at = (Ipv4Addr::LOCALHOST, port.parse().context("PORT")?);
    let mut listener = TcpListener::bind(at.into()).context("cannot listen")?;
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut term = SigSet::empty();
    term.add(Signal::SIGTERM);
    term.thread_block()?;
    let term = SignalFd::with_flags(&term, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    poll.registry()
        .register(&mut SourceFd(&term.as_raw_fd()), TERM, Interest::READABLE)?;
    println!("READY {}", listener.local_addr()?.port());

    let mut clients = Slab::new();
    let mut events = Events::with_capacity(BATCH);
    let mut buffers = Buffers {
        received: vec![0; BUFFER].into(),
        plain: vec![0; BUFFER].into(),
    };
    loop {
        match poll.poll(&mut events, None) {
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            if event.token() == TERM {
                return Ok(());
            }
            if event.token() == LISTENER {
                accept(&listener, &poll, &config, &mut clients)?;
            } else if let Some(client) = clients.get_mut(event.token().0)
                && serve(client, &mut buffers).is_err()
            {
                clients.remove(event.token().0);
            }
        }
    }
}

fn config(certificate: &str, key: &str) -> Result<Arc<ServerConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = vec![CertificateDer::from_pem_file(certificate).context("no certificate")?];
    let key = PrivateKeyDer::from_pem_file(key).context("no key")?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

fn accept(
    listener: &TcpListener,
    poll: &Poll,
    config: &Arc<ServerConfig>,
    clients: &mut Slab<Client>,
) -> Result<()> {
    loop {
        let mut socket = match listener.accept() {
            Ok((socket, _)) => socket,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(e) if e.kind() == ErrorKind::ConnectionAborted => continue,
            Err(e) => return Err(e).context("accept"),
        };
        socket.set_nodelay(true)?;
        let entry = clients.vacant_entry();
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(&mut socket, Token(entry.key()), both)?;
        let mut session = ServerConnection::new(Arc::clone(config))?;
        session.set_buffer_limit(None); // a turn reads at most one buffer, so it adds no more
        entry.insert(Client { socket, session });
    }
}

/// An error when the connection is over, for whatever reason.
fn serve(client: &mut Client, buffers: &mut Buffers) -> io::Result<()> {
    loop {
        if !send(client)? {
            return Ok(()); // no reading until this is gone; there will be an edge
        }
        let got = match client.socket.read(&mut buffers.received) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(got) => got,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        let mut rest = &buffers.received[..got];
        while !rest.is_empty() {
            client.session.read_tls(&mut rest)?;
            client
                .session
                .process_new_packets()
                .map_err(|e| io::Error::new(ErrorKind::InvalidData, e))?;
            echo(&mut client.session, &mut buffers.plain)?;
        }
        if got < buffers.received.len() {
            send(client)?;
            return Ok(());
        }
    }
}

fn echo(session: &mut ServerConnection, plain: &mut [u8]) -> io::Result<()> {
    loop {
        match session.reader().read(plain) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => session.writer().write_all(&plain[..n])?,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(e) => return Err(e),
        }
    }
}

/// Whether all of it is gone.
fn send(client: &mut Client) -> io::Result<bool> {
    while client.session.wants_write() {
        match client.session.write_tls(&mut client.socket) {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(true)
}

//! Sockets to a server on this machine.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustls::{ClientConfig, ClientConnection};

use crate::tls;

/// A server that does not answer a single message for this long is reported as stuck.
pub(crate) const STUCK: Duration = Duration::from_secs(10);

pub(crate) fn connect(addr: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&addr, STUCK)
        .with_context(|| format!("cannot connect to {addr}"))?;
    stream.set_nodelay(true).context("cannot set TCP_NODELAY")?;
    Ok(stream)
}

/// Connects, and shakes hands if there is a configuration for it; still blocking.
pub(crate) fn open(
    addr: SocketAddr,
    tls: Option<&Arc<ClientConfig>>,
) -> Result<(TcpStream, Option<ClientConnection>)> {
    let mut socket = connect(addr)?;
    socket.set_read_timeout(Some(STUCK))?;
    let session = tls
        .map(|config| {
            let name = tls::NAME.try_into().context("a name for the server")?;
            let mut session = ClientConnection::new(Arc::clone(config), name)?;
            while session.is_handshaking() {
                let done = session.complete_io(&mut socket);
                done.context("TLS handshake")?;
            }
            anyhow::Ok(session)
        })
        .transpose()?;
    Ok((socket, session))
}

/// A connection that will do nothing.
pub(crate) struct Idle {
    socket: TcpStream,
    /// Kept as a client keeps it, though nothing more is said.
    session: Option<ClientConnection>,
}

impl Idle {
    /// For more to be said after all; not over TLS.
    pub(crate) fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    fn hello(&mut self) -> Result<()> {
        const HELLO: [u8; 32] = [b'i'; 32];
        let mut answer = [0; HELLO.len()];
        match &mut self.session {
            None => {
                self.socket.write_all(&HELLO)?;
                self.socket.read_exact(&mut answer)?;
            }
            Some(session) => {
                let mut stream = rustls::Stream::new(session, &mut self.socket);
                stream.write_all(&HELLO)?;
                stream.read_exact(&mut answer)?;
            }
        }
        anyhow::ensure!(answer == HELLO, "wrong echo");
        Ok(())
    }
}

/// Each one echoes one message first: only then has the server certainly accepted it and handed it
/// to whoever owns it.
pub(crate) fn connect_idle(
    addr: SocketAddr,
    count: usize,
    tls: Option<&Arc<ClientConfig>>,
) -> Result<Vec<Idle>> {
    let mut all = Vec::with_capacity(count);
    for n in 0..count {
        let name = || format!("idle connection {n}");
        let (socket, session) = open(addr, tls).with_context(name)?;
        let mut idle = Idle { socket, session };
        idle.hello().context("no echo").with_context(name)?;
        all.push(idle);
    }
    Ok(all)
}

/// Lets this process, and the servers it starts, have as many descriptors as the system permits.
pub(crate) fn raise_file_limit(needed: usize) -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("cannot read RLIMIT_NOFILE")?;
    anyhow::ensure!(
        hard > needed as u64,
        "{needed} connections need more descriptors than the hard limit of {hard}"
    );
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("cannot raise RLIMIT_NOFILE")?;
    }
    Ok(())
}

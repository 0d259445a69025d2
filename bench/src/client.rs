//! Sockets to a server on this machine.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// A server that does not answer a single message for this long is reported as stuck.
pub(crate) const STUCK: Duration = Duration::from_secs(10);

pub(crate) fn connect(addr: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&addr, STUCK)
        .with_context(|| format!("cannot connect to {addr}"))?;
    stream.set_nodelay(true).context("cannot set TCP_NODELAY")?;
    Ok(stream)
}

/// Connections that will do nothing. Each one echoes one message first: only then has the server
/// certainly accepted it and handed it to whoever owns it.
pub(crate) fn connect_idle(addr: SocketAddr, count: usize) -> Result<Vec<TcpStream>> {
    const HELLO: [u8; 32] = [b'i'; 32];
    let mut all = Vec::with_capacity(count);
    for n in 0..count {
        let mut stream = connect(addr).with_context(|| format!("idle connection {n}"))?;
        stream.set_read_timeout(Some(STUCK))?;
        let mut answer = [0; HELLO.len()];
        stream
            .write_all(&HELLO)
            .and_then(|()| stream.read_exact(&mut answer))
            .with_context(|| format!("idle connection {n}: no echo"))?;
        anyhow::ensure!(answer == HELLO, "idle connection {n}: wrong echo");
        all.push(stream);
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

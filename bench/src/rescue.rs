//! Quick requests while one worker is blocked: how long does the slowest of them wait?

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::cases::Sample;
use crate::client::{self, STUCK};
use crate::figure::Figure;
use crate::server::Server;

const QUICK: &[u8] = b"quick";

/// All connections are open before the worker blocks, and each sends one request after that.
pub(crate) fn run(server: &Server, connections: usize, blocked: Duration) -> Result<Sample> {
    let mut clients = client::connect_idle(server.addr(), connections, None)?;
    let mut blocker = client::connect_idle(server.addr(), 1, None)?;
    let order = format!("block {}", blocked.as_secs_f64()).into_bytes();
    let blocker = blocker.first_mut().context("no connection")?.socket();
    blocker.write_all(&order)?;
    expect(blocker, &order)?; // its worker sleeps now, or will in a moment

    let start = Instant::now();
    for client in &mut clients {
        client.socket().write_all(QUICK)?;
    }
    for client in &mut clients {
        expect(client.socket(), QUICK)?;
    }
    // They are read one after the other, but the last read ends when the slowest has come.
    let slowest = start.elapsed();
    Ok(Sample::from([(
        Figure::SlowestAnswer,
        slowest.as_secs_f64() * 1000.0,
    )]))
}

fn expect(socket: &mut TcpStream, bytes: &[u8]) -> Result<()> {
    let mut answer = vec![0; bytes.len()];
    socket
        .read_exact(&mut answer)
        .with_context(|| format!("no echo within {STUCK:?}"))?;
    ensure!(answer == bytes, "wrong echo");
    Ok(())
}

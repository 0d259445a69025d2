//! What a server costs while nobody asks it for anything: CPU and memory.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use rustls::ClientConfig;

use crate::cases::Sample;
use crate::client;
use crate::figure::Figure;
use crate::memory::Resident;
use crate::proc_tree::CpuMark;
use crate::server::{Program, Server};

/// Time for the last echo's aftermath (counters, bells, page faults) to end.
const SETTLE: Duration = Duration::from_millis(500);

/// CPU of the tree over some seconds with idle connections open.
pub(crate) fn cpu(server: &Server, connections: usize, time: Duration) -> Result<Sample> {
    client::raise_file_limit(connections + 64)?;
    let clients = client::connect_idle(server.addr(), connections, None)?;
    thread::sleep(SETTLE);
    let before = CpuMark::take(server.pid())?;
    thread::sleep(time);
    let spent = before.until(&CpuMark::take(server.pid())?);
    drop(clients);
    anyhow::ensure!(!spent.lost, "a process of the server died while idle");
    Ok(Sample::from([
        (Figure::IdleCpu, spent.cpu.as_secs_f64() * 1000.0),
        (Figure::IdleProcesses, spent.processes as f64),
    ]))
}

/// What the root process (the master) keeps resident: at its start, and more per connection.
pub(crate) fn memory(
    server: &Server,
    connections: usize,
    tls: Option<&Arc<ClientConfig>>,
) -> Result<Sample> {
    client::raise_file_limit(connections + 64)?;
    thread::sleep(SETTLE);
    let before = Resident::of(server.pid())?;
    let clients = client::connect_idle(server.addr(), connections, tls)?;
    thread::sleep(SETTLE);
    let after = Resident::of(server.pid())?;
    drop(clients);
    let each = |of: fn(&Resident) -> f64| (of(&after) - of(&before)) / connections as f64;
    Ok(Sample::from([
        (Figure::MasterAtStart, before.all / 1024.0),
        (Figure::PerConnection, each(|r| r.all)),
        (Figure::PrivatePerConnection, each(|r| r.private)),
        (Figure::ProportionalPerConnection, each(|r| r.proportional)),
    ]))
}

/// KiB a program that only sleeps keeps resident.
pub(crate) fn sleeping(program: &Program) -> Result<f64> {
    let server = Server::start(program)?;
    thread::sleep(SETTLE);
    let resident = Resident::of(server.pid())?;
    Ok(resident.all / 1024.0) // dropped, so killed: it has no tree and no manners to test
}

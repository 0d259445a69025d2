//! Round trips of tasks and messages inside a server: it counts them, and is asked before and after.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::cases::{Errand, Sample};
use crate::client::{self, STUCK};
use crate::figure::Figure;
use crate::server::Server;
use crate::watch::Watch;

pub(crate) fn run(
    server: &Server,
    errand: Errand,
    warmup: Duration,
    time: Duration,
) -> Result<Sample> {
    let mut socket = client::connect(server.addr())?;
    socket.set_read_timeout(Some(STUCK))?;
    let Errand {
        kind,
        size,
        under_way,
    } = errand;
    // In one piece: `writeln!` on a socket sends what is between two braces by itself.
    socket.write_all(format!("go {} {size} {under_way}\n", kind.name()).as_bytes())?;
    thread::sleep(warmup);
    let before = count(&mut socket)?;
    let watch = Watch::begin(Some(server.pid()))?;
    thread::sleep(time);
    let rounds = count(&mut socket)? - before;
    let spent = watch.end()?;
    ensure!(rounds > 0, "no round trip in {time:?}");
    let mut sample = spent.sample(Figure::CpuPerRequest, rounds as f64)?;
    let rate = rounds as f64 / spent.elapsed.as_secs_f64();
    sample.insert(Figure::Rate, rate);
    sample.insert(Figure::Megabytes, rate * size as f64 / 1e6);
    Ok(sample)
}

fn count(socket: &mut TcpStream) -> Result<u64> {
    socket.write_all(b"?\n")?;
    let mut number = [0; 8];
    socket
        .read_exact(&mut number)
        .context("the server does not count")?;
    Ok(u64::from_be_bytes(number))
}

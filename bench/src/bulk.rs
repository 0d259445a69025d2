//! Bytes in bulk to one client that reads as fast as it can.
//!
//! Copying what arrives out of the kernel and looking at it costs more than sending it, and a slow
//! client would make all servers alike. So the transfer that warms up is compared byte by byte; in the
//! one that counts one read of 64 is, and the others make the kernel drop what it has (`MSG_TRUNC`).
//! With sendfile the kernel's receiving side alone still costs as much as the sending one: there the
//! CPU per MB tells servers apart, the MB/s hardly.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};

use crate::cases::Sample;
use crate::client::{self, STUCK};
use crate::figure::Figure;
use crate::watch::Watch;

const PERIOD: usize = 251;
/// What the servers repeat.
const PIECE: usize = 64 * 1024;
const SCRATCH: usize = 256 * 1024;
/// Let the window and the page tables grow before the clock runs.
const WARMUP_SHARE: u64 = 8;
const LOOK_EVERY: u64 = 64;

/// The bytes that are asked for, repeated.
fn piece() -> impl Iterator<Item = u8> {
    (0..PIECE).map(|i| (i % PERIOD) as u8)
}

/// A file of at least so many bytes, in the page cache and on the disk: writing it back meanwhile
/// would be in the figures.
pub(crate) fn make_file(path: &Path, bytes: u64) -> Result<()> {
    if path.metadata().is_ok_and(|m| m.len() >= bytes) {
        return Ok(());
    }
    let block: Vec<u8> = piece().collect::<Vec<u8>>().repeat(16);
    let name = || format!("cannot write {}", path.display());
    let mut file = std::fs::File::create(path).with_context(name)?;
    for _ in 0..bytes.div_ceil(block.len() as u64) {
        file.write_all(&block).with_context(name)?;
    }
    file.sync_all().with_context(name)
}

/// One transfer, after a shorter one that does not count.
pub(crate) fn run(addr: SocketAddr, pid: i32, bytes: u64) -> Result<Sample> {
    let mut stream = client::connect(addr)?;
    stream.set_read_timeout(Some(STUCK))?;
    let mut reader = Reader::new();
    reader.transfer(&mut stream, bytes / WARMUP_SHARE, 1)?;
    let watch = Watch::begin(Some(pid))?;
    reader.transfer(&mut stream, bytes, LOOK_EVERY)?;
    let spent = watch.end()?;
    let megabytes = bytes as f64 / 1e6;
    let mut sample = spent.sample(Figure::CpuPerMegabyte, megabytes)?;
    sample.insert(Figure::Megabytes, megabytes / spent.elapsed.as_secs_f64());
    Ok(sample)
}

struct Reader {
    scratch: Vec<u8>,
    /// Twice the period, so that what is expected from any offset on is in one part.
    expected: Vec<u8>,
}

impl Reader {
    fn new() -> Self {
        let piece: Vec<u8> = piece().collect();
        Self {
            scratch: vec![0; SCRATCH],
            expected: piece.repeat(1 + SCRATCH / PIECE),
        }
    }

    fn transfer(&mut self, stream: &mut TcpStream, bytes: u64, look_every: u64) -> Result<()> {
        stream.write_all(&bytes.to_le_bytes())?;
        let mut received = 0;
        for read in 0_u64.. {
            if received == bytes {
                break;
            }
            let wanted = (bytes - received).min(SCRATCH as u64) as usize;
            let looked_at = read.is_multiple_of(look_every);
            let flags = if looked_at {
                MsgFlags::empty()
            } else {
                MsgFlags::MSG_TRUNC
            };
            let got = match recv(stream.as_raw_fd(), &mut self.scratch[..wanted], flags) {
                Err(Errno::EINTR) => continue,
                got => got.with_context(|| format!("after {received} of {bytes} bytes"))?,
            };
            ensure!(got > 0, "closed after {received} of {bytes} bytes");
            let from = (received % PIECE as u64) as usize;
            ensure!(
                !looked_at || self.scratch[..got] == self.expected[from..from + got],
                "wrong bytes behind the first {received}"
            );
            received += got as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A server that answers with these bytes.
    fn transferred(answer: &[u8], look_every: u64) -> Result<()> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let mut stream = TcpStream::connect(listener.local_addr()?)?;
        thread::scope(|scope| {
            scope.spawn(|| -> Result<()> {
                let (mut server, _) = listener.accept()?;
                server.read_exact(&mut [0; 8])?;
                Ok(server.write_all(answer)?)
            });
            Reader::new().transfer(&mut stream, 1 << 20, look_every)
        })
    }

    #[test]
    fn all_of_it_must_come_and_be_right() {
        let mut bytes = piece().collect::<Vec<u8>>().repeat(16);
        transferred(&bytes, 1).unwrap();
        transferred(&bytes, LOOK_EVERY).unwrap(); // the first read is looked at
        let short = transferred(&bytes[..1_000_000], LOOK_EVERY).unwrap_err();
        assert!(short.to_string().contains("closed after 1000000 of"));
        bytes[700_000] ^= 1;
        transferred(&bytes, 1).unwrap_err();
    }
}

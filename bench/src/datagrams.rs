//! Echoed datagrams: some sockets, each with a window of datagrams under way.
//!
//! A closed loop as over TCP, but a datagram may be lost: one without an answer for long is counted
//! and its place in the window given to a new one. The driver sends and receives many per system
//! call, so that the server, which may not, is what limits the pace.

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg};

use crate::cases::Sample;
use crate::client::STUCK;
use crate::connection::Clock;
use crate::figure::Figure;
use crate::latency::Latency;
use crate::message::{Framing, Messages};
use crate::watch::Watch;

/// An answer on this machine takes less, if it comes.
const LOST: Duration = Duration::from_millis(300);
/// How often it is looked for the lost.
const LOOK: Duration = Duration::from_millis(50);

/// What to put on a server.
pub(crate) struct Load {
    pub(crate) addr: SocketAddr,
    pub(crate) sockets: usize,
    pub(crate) size: usize,
    pub(crate) window: usize,
    pub(crate) warmup: Duration,
    pub(crate) time: Duration,
    pub(crate) pid: i32,
}

/// Drives the load. Fails on a wrong datagram, not on a missing one.
pub(crate) fn run(load: &Load) -> Result<Sample> {
    let mut driver = Driver::open(load)?;
    driver.run_until(load.warmup.as_nanos() as u64)?;
    let watch = Watch::begin(Some(load.pid))?;
    let start = driver.clock.now();
    driver.tally = Tally::since(start)?;
    driver.run_until(start + load.time.as_nanos() as u64)?;
    let spent = watch.end()?;
    let tally = &driver.tally;
    ensure!(tally.answered > 0, "no answer within the window");
    let answered = tally.answered as f64;
    let latency = tally.latency.percentiles();
    let rate = answered / spent.elapsed.as_secs_f64();
    let mut sample = spent.sample(Figure::CpuPerRequest, answered)?;
    sample.extend([
        (Figure::Rate, rate),
        (Figure::Megabytes, rate * load.size as f64 / 1e6),
        (Figure::P50, latency.p50),
        (Figure::P99, latency.p99),
        (Figure::P999, latency.p999),
        (Figure::Slowest, latency.max),
        (
            Figure::Lost,
            tally.lost.saturating_sub(tally.late) as f64 * 1e6 / answered,
        ),
    ]);
    Ok(sample)
}

struct Tally {
    latency: Latency,
    since: u64,
    answered: u64,
    lost: u64,
    /// Were taken for lost, and came.
    late: u64,
}

impl Tally {
    fn since(since: u64) -> Result<Self> {
        Ok(Self {
            latency: Latency::new()?,
            since,
            answered: 0,
            lost: 0,
            late: 0,
        })
    }
}

struct Driver {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    messages: Messages,
    headers: MultiHeaders<SockaddrIn>,
    clock: Clock,
    tally: Tally,
}

/// One socket. Datagram `n` has place `n % window`.
struct Client {
    socket: UdpSocket,
    number: u64,
    places: Box<[Place]>,
    scratch: Box<[u8]>,
    outgoing: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Place {
    datagram: u64,
    sent_at: u64,
}

impl Driver {
    fn open(load: &Load) -> Result<Self> {
        let poll = Poll::new()?;
        let mut driver = Self {
            poll,
            events: Events::with_capacity(load.sockets),
            clients: Vec::with_capacity(load.sockets),
            messages: Messages::new(load.size, 1, Framing::None),
            headers: MultiHeaders::preallocate(load.window, None),
            clock: Clock::start(),
            tally: Tally::since(0)?,
        };
        for number in 0..load.sockets {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot bind")?;
            socket.connect(load.addr).context("cannot connect")?;
            socket.set_nonblocking(true)?;
            driver.poll.registry().register(
                &mut SourceFd(&socket.as_raw_fd()),
                Token(number),
                Interest::READABLE,
            )?;
            let now = driver.clock.now();
            let places = (0..load.window as u64).map(|datagram| Place {
                datagram,
                sent_at: now,
            });
            let mut client = Client {
                socket,
                number: number as u64,
                places: places.collect(),
                // One byte more shows an answer that is too long.
                scratch: vec![0; (load.size + 1) * load.window].into(),
                outgoing: Vec::with_capacity(load.size * load.window),
            };
            for datagram in 0..load.window as u64 {
                client.prepare(&mut driver.messages, datagram);
            }
            client.send(load.size, &mut driver.headers)?;
            driver.clients.push(client);
        }
        Ok(driver)
    }

    fn run_until(&mut self, end: u64) -> Result<()> {
        let (mut looked, mut heard) = (self.clock.now(), self.clock.now());
        loop {
            let now = self.clock.now();
            if now >= end {
                return Ok(());
            }
            if now - looked >= LOOK.as_nanos() as u64 {
                looked = now;
                for client in &mut self.clients {
                    client.replace_lost(now, &mut self.messages, &mut self.tally);
                    client.send(self.messages.size(), &mut self.headers)?;
                }
            }
            if now - heard > STUCK.as_nanos() as u64 {
                bail!("the server sent nothing for {STUCK:?}");
            }
            match self.poll.poll(&mut self.events, Some(LOOK)) {
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &self.events {
                heard = now;
                let client = &mut self.clients[event.token().0];
                client.serve(
                    &mut self.messages,
                    &mut self.headers,
                    self.clock,
                    &mut self.tally,
                )?;
            }
        }
    }
}

impl Client {
    /// Receives until there is no more: edges only.
    fn serve(
        &mut self,
        messages: &mut Messages,
        headers: &mut MultiHeaders<SockaddrIn>,
        clock: Clock,
        tally: &mut Tally,
    ) -> Result<()> {
        let (size, window) = (messages.size(), self.places.len());
        loop {
            let mut lengths = Vec::with_capacity(window);
            let mut slices: Vec<[IoSliceMut<'_>; 1]> = self
                .scratch
                .chunks_mut(size + 1)
                .map(|chunk| [IoSliceMut::new(chunk)])
                .collect();
            match recvmmsg(
                self.socket.as_raw_fd(),
                headers,
                slices.iter_mut(),
                MsgFlags::MSG_DONTWAIT,
                None,
            ) {
                Ok(received) => lengths.extend(received.map(|one| one.bytes)),
                Err(Errno::EAGAIN | Errno::EINTR) => return Ok(()),
                Err(e) => return Err(e).context("cannot receive"),
            }
            let now = clock.now();
            for (n, length) in lengths.iter().enumerate() {
                let at = n * (size + 1);
                self.answer(at..at + length, messages, now, tally)?;
            }
            self.send(size, headers)?;
            if lengths.len() < window {
                return Ok(());
            }
        }
    }

    fn answer(
        &mut self,
        at: std::ops::Range<usize>,
        messages: &mut Messages,
        now: u64,
        tally: &mut Tally,
    ) -> Result<()> {
        let got = &self.scratch[at];
        let number = got
            .first_chunk()
            .map(|id| u64::from_le_bytes(*id) & 0xffff_ffff_ffff);
        let right = number
            .filter(|n| got.len() == messages.size() && messages.matches(self.number, *n, 0, got));
        let Some(number) = right else {
            bail!("socket {}: a wrong echo of {} B", self.number, got.len());
        };
        let place = (number % self.places.len() as u64) as usize;
        let Place { datagram, sent_at } = self.places[place];
        if datagram != number {
            ensure!(
                number < datagram,
                "socket {}: echo of what was not sent",
                self.number
            );
            tally.late += 1;
            return Ok(());
        }
        tally.answered += 1;
        if sent_at >= tally.since {
            tally.latency.record(now - sent_at);
        }
        self.reuse(place, now, messages);
        Ok(())
    }

    fn replace_lost(&mut self, now: u64, messages: &mut Messages, tally: &mut Tally) {
        for place in 0..self.places.len() {
            if now.saturating_sub(self.places[place].sent_at) > LOST.as_nanos() as u64 {
                tally.lost += 1;
                self.reuse(place, now, messages);
            }
        }
    }

    fn reuse(&mut self, place: usize, now: u64, messages: &mut Messages) {
        let datagram = self.places[place].datagram + self.places.len() as u64;
        self.places[place] = Place {
            datagram,
            sent_at: now,
        };
        self.prepare(messages, datagram);
    }

    fn prepare(&mut self, messages: &mut Messages, datagram: u64) {
        let bytes = messages.bytes(self.number, datagram, datagram + 1);
        self.outgoing.extend_from_slice(bytes);
    }

    /// What was prepared. A datagram the socket does not take is a lost one.
    fn send(&mut self, size: usize, headers: &mut MultiHeaders<SockaddrIn>) -> Result<()> {
        if self.outgoing.is_empty() {
            return Ok(());
        }
        let slices: Vec<[IoSlice<'_>; 1]> = self
            .outgoing
            .chunks(size)
            .map(|chunk| [IoSlice::new(chunk)])
            .collect();
        let nobody = vec![None::<SockaddrIn>; slices.len()];
        let flags = MsgFlags::MSG_DONTWAIT;
        let sent = sendmmsg(self.socket.as_raw_fd(), headers, &slices, nobody, [], flags);
        match sent.map(|_| ()) {
            Ok(()) | Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) => {}
            Err(e) => return Err(e).context("cannot send"),
        }
        self.outgoing.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Echoes until the clients have gone, what `answer` makes of each datagram.
    fn measured(mut answer: impl FnMut(u64, &mut [u8]) -> bool + Send) -> Result<Sample> {
        let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        server.set_read_timeout(Some(Duration::from_secs(1)))?;
        let load = Load {
            addr: server.local_addr()?,
            sockets: 2,
            size: 64,
            window: 4,
            warmup: Duration::ZERO,
            time: Duration::from_millis(700),
            pid: std::process::id() as i32,
        };
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut bytes = [0; 100];
                for n in 0_u64.. {
                    let Ok((len, peer)) = server.recv_from(&mut bytes) else {
                        return;
                    };
                    if answer(n, &mut bytes[..len]) {
                        let _ = server.send_to(&bytes[..len], peer); // lost if not
                    }
                }
            });
            run(&load)
        })
    }

    #[test]
    fn what_is_not_answered_is_counted_and_does_not_stop_the_rest() {
        let sample = measured(|n, _| n != 20).unwrap();
        let answered = sample[&Figure::Rate] * 0.7;
        assert!(answered > 100.0, "{answered}");
        let lost = sample[&Figure::Lost] * answered / 1e6;
        assert!((0.5..9.0).contains(&lost), "{lost}");
    }

    #[test]
    fn a_wrong_echo_ends_it() {
        let wrong = |n: u64, bytes: &mut [u8]| {
            bytes[40] ^= u8::from(n == 50);
            true
        };
        assert!(
            measured(wrong)
                .unwrap_err()
                .to_string()
                .contains("wrong echo")
        );
    }
}

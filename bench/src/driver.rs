//! All clients on one thread: warm up, measure, let the last answers come in.
//!
//! A closed loop: a connection sends its next message when the answer to an earlier one is
//! complete, so `depth` messages per connection are always under way and the server decides the
//! pace. An answer's time runs from the moment its message was allowed to be sent.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mio::{Events, Poll};

use crate::client::{self, STUCK};
use crate::connection::{Clock, Connection, Tally};
use crate::latency::{Latency, Percentiles};
use crate::message::Messages;
use crate::stream::Stream;
use crate::tls;
use crate::watch::Watch;

pub use crate::message::Framing;
pub use crate::watch::{ServerCpu, Spent};

/// What to put on a server.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where it listens.
    pub addr: SocketAddr,
    /// How many clients.
    pub connections: usize,
    /// Bytes of a message.
    pub size: usize,
    /// Messages under way per client.
    pub depth: usize,
    /// What a server recognizes a message by; part of its size.
    pub framing: Framing,
    /// TLS, to a server with this certificate.
    pub certificate: Option<PathBuf>,
    /// Time before the window.
    pub warmup: Duration,
    /// The window.
    pub window: Window,
    /// Root of the server's process tree, to know its CPU.
    pub pid: Option<i32>,
}

/// When the measured window ends.
#[derive(Clone, Copy, Debug)]
pub enum Window {
    /// After this time.
    Time(Duration),
    /// After this many answers.
    Requests(u64),
}

/// What was measured in the window.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Its length, and the CPU of everybody.
    pub spent: Spent,
    /// Messages answered.
    pub requests: u64,
    /// Bytes of a message.
    pub size: usize,
    /// Times of the answers.
    pub latency: Percentiles,
}

impl Measured {
    /// Answers per second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.spent.elapsed.as_secs_f64()
    }

    /// Millions of bytes per second in each direction.
    pub fn megabytes(&self) -> f64 {
        self.rate() * self.size as f64 / 1e6
    }

    /// Microseconds of a CPU time per request.
    pub fn per_request(&self, cpu: Duration) -> f64 {
        cpu.as_secs_f64() * 1e6 / self.requests as f64
    }
}

/// Drives the load. Fails on any wrong, missing or superfluous byte.
pub fn run(load: &Load) -> Result<Measured> {
    ensure!(
        load.connections > 0 && load.connections < 1 << 16,
        "connections: 1 to 65535"
    );
    let least = load.framing.least();
    ensure!(load.size >= least, "size: at least {least}");
    ensure!(load.depth > 0, "depth: at least 1");
    client::raise_file_limit(load.connections + 64)?;
    let mut driver = Driver::open(load)?;
    driver.run_until(load.warmup.as_nanos() as u64, u64::MAX)?;
    let measured = driver.measure(load)?;
    driver.drain()?;
    Ok(measured)
}

struct Driver {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    messages: Messages,
    scratch: Vec<u8>,
    clock: Clock,
    tally: Tally,
    /// Answers lead to new messages.
    go_on: bool,
}

/// Large enough for every connection of the usual cases, so one poll collects all that is ready.
const EVENTS: usize = 1024;
const SCRATCH: std::ops::RangeInclusive<usize> = 16 * 1024..=256 * 1024;

impl Driver {
    fn open(load: &Load) -> Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::with_capacity(load.connections);
        let tls = load.certificate.as_deref().map(tls::client).transpose()?;
        for number in 0..load.connections {
            let stream = Stream::open(load.addr, tls.as_ref())
                .with_context(|| format!("connection {number}"))?;
            connections.push(Connection::new(stream, number, load.depth));
        }
        let flight = load.size.saturating_mul(load.depth);
        let mut driver = Self {
            poll,
            events: Events::with_capacity(EVENTS),
            connections,
            messages: Messages::new(load.size, load.depth, load.framing),
            // One byte more than can be under way, or else every read that gets all of it looks
            // like a full buffer and costs a second read.
            scratch: vec![0; (flight + 1).clamp(*SCRATCH.start(), *SCRATCH.end())],
            clock: Clock::start(),
            tally: Tally {
                latency: Latency::new()?,
                answered: 0,
                since: None,
                received: 0,
            },
            go_on: true,
        };
        for connection in &mut driver.connections {
            connection.register(driver.poll.registry())?;
            connection.begin(&mut driver.messages, driver.clock.now())?;
        }
        Ok(driver)
    }

    fn measure(&mut self, load: &Load) -> Result<Measured> {
        let watch = Watch::begin(load.pid)?;
        let start = self.clock.now();
        self.tally.since = Some(start);
        match load.window {
            Window::Time(time) => self.run_until(start + time.as_nanos() as u64, u64::MAX)?,
            Window::Requests(n) => self.run_until(u64::MAX, n)?,
        }
        self.tally.since = None;
        // What the server still does for the messages under way counts here; what it did for those
        // under way at the start did not. The two cancel out.
        let spent = watch.end()?;
        ensure!(
            self.tally.answered > 0,
            "no answer within the window of {:?}",
            spent.elapsed
        );
        Ok(Measured {
            spent,
            requests: self.tally.answered,
            size: load.size,
            latency: self.tally.latency.percentiles(),
        })
    }

    /// Every message that was sent is answered before the connections are closed.
    fn drain(&mut self) -> Result<()> {
        self.go_on = false;
        self.connections.iter_mut().for_each(Connection::finish);
        let deadline = self.clock.now() + STUCK.as_nanos() as u64;
        while !self.connections.iter().all(Connection::finished) {
            ensure!(self.clock.now() < deadline, "{}", self.stuck());
            self.turn(Duration::from_millis(20))?;
        }
        Ok(())
    }

    fn run_until(&mut self, end: u64, answers: u64) -> Result<()> {
        let mut seen = (self.tally.received, self.clock.now());
        loop {
            let now = self.clock.now();
            if now >= end || self.tally.answered >= answers {
                return Ok(());
            }
            if self.tally.received != seen.0 {
                seen = (self.tally.received, now);
            } else if now - seen.1 > STUCK.as_nanos() as u64 {
                bail!("{}", self.stuck());
            }
            self.turn(Duration::from_nanos(end - now).min(Duration::from_millis(200)))?;
        }
    }

    /// Polls once and serves what is ready.
    fn turn(&mut self, timeout: Duration) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        for event in &self.events {
            let connection = &mut self.connections[event.token().0];
            if event.is_readable() || event.is_error() {
                let (scratch, tally) = (&mut self.scratch, &mut self.tally);
                connection.read(&self.messages, scratch, self.clock, tally, self.go_on)?;
            }
            connection.write(&mut self.messages)?;
        }
        Ok(())
    }

    fn stuck(&self) -> String {
        let in_flight: u64 = self.connections.iter().map(Connection::in_flight).sum();
        format!("the server sent nothing for {STUCK:?} with {in_flight} messages under way")
    }
}

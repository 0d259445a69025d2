//! One client: sends, reads, checks. No allocation after it is made.

use std::io::ErrorKind;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use mio::{Registry, Token};

use crate::latency::Latency;
use crate::message::Messages;
use crate::stream::Stream;

/// Nanoseconds since the driver started, from the vDSO clock.
#[derive(Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// What all connections add to.
pub(crate) struct Tally {
    pub(crate) latency: Latency,
    /// Messages answered in the window.
    pub(crate) answered: u64,
    /// Start of the window; `None` outside of it.
    pub(crate) since: Option<u64>,
    /// Bytes of all time: standing still means that the server is stuck.
    pub(crate) received: u64,
}

pub(crate) struct Connection {
    stream: Stream,
    number: u64,
    /// Messages written completely, and bytes of the next one.
    sent: u64,
    sent_bytes: usize,
    /// Messages that may have been written by now: `depth` more than were answered.
    allowed: u64,
    /// Messages answered completely, and bytes of the next answer.
    answered: u64,
    answer_bytes: usize,
    /// When each message in flight was allowed. A message takes the place of the one whose answer
    /// allowed it.
    allowed_at: Box<[u64]>,
}

impl Connection {
    pub(crate) fn new(stream: Stream, number: usize, depth: usize) -> Self {
        Self {
            stream,
            number: number as u64,
            sent: 0,
            sent_bytes: 0,
            allowed: 0,
            answered: 0,
            answer_bytes: 0,
            allowed_at: vec![0; depth].into(),
        }
    }

    pub(crate) fn register(&mut self, registry: &Registry) -> Result<()> {
        self.stream
            .register(registry, Token(self.number as usize))
            .context("cannot register a connection")
    }

    /// Sends the first messages.
    pub(crate) fn begin(&mut self, messages: &mut Messages, now: u64) -> Result<()> {
        self.allowed = self.allowed_at.len() as u64;
        self.allowed_at.fill(now);
        self.write(messages)
    }

    /// No further messages; one that was begun is finished.
    pub(crate) fn finish(&mut self) {
        self.allowed = self.sent + u64::from(self.sent_bytes > 0);
    }

    pub(crate) fn finished(&self) -> bool {
        self.answered == self.allowed
    }

    pub(crate) fn in_flight(&self) -> u64 {
        self.allowed - self.answered
    }

    /// Reads until a short read: the poll is edge-triggered, and what arrives after a short read
    /// is a new edge.
    pub(crate) fn read(
        &mut self,
        messages: &Messages,
        scratch: &mut [u8],
        clock: Clock,
        tally: &mut Tally,
        go_on: bool,
    ) -> Result<()> {
        loop {
            match self.stream.read(scratch) {
                Ok(0) => bail!("connection {}: closed by the server", self.number),
                Ok(n) => {
                    self.take(messages, &scratch[..n], clock.now(), tally, go_on)?;
                    if n < scratch.len() {
                        return Ok(());
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => {
                    return Err(e).with_context(|| format!("connection {}: read", self.number));
                }
            }
        }
    }

    fn take(
        &mut self,
        messages: &Messages,
        mut got: &[u8],
        now: u64,
        tally: &mut Tally,
        go_on: bool,
    ) -> Result<()> {
        tally.received += got.len() as u64;
        while !got.is_empty() {
            let part = got.len().min(messages.size() - self.answer_bytes);
            let (answer, rest) = got.split_at(part);
            ensure!(
                self.answered < self.allowed
                    && messages.matches(self.number, self.answered, self.answer_bytes, answer),
                "connection {}: wrong echo in bytes {}.. of message {} ({} were sent)",
                self.number,
                self.answer_bytes,
                self.answered,
                self.sent,
            );
            got = rest;
            self.answer_bytes += part;
            if self.answer_bytes == messages.size() {
                self.answer_bytes = 0;
                self.answer(now, tally, go_on);
            }
        }
        Ok(())
    }

    fn answer(&mut self, now: u64, tally: &mut Tally, go_on: bool) {
        let place = (self.answered % self.allowed_at.len() as u64) as usize;
        let allowed_at = std::mem::replace(&mut self.allowed_at[place], now);
        if let Some(since) = tally.since {
            tally.answered += 1;
            // One that was under way when the window opened waited while the marks were taken.
            if allowed_at >= since {
                tally.latency.record(now - allowed_at);
            }
        }
        self.answered += 1;
        if go_on {
            self.allowed += 1;
        }
    }

    /// Writes what is allowed, until the socket takes no more; then there will be an edge.
    pub(crate) fn write(&mut self, messages: &mut Messages) -> Result<()> {
        self.stream
            .flush()
            .with_context(|| format!("connection {}: write", self.number))?;
        while self.sent < self.allowed {
            let bytes = &messages.bytes(self.number, self.sent, self.allowed)[self.sent_bytes..];
            match self.stream.write(bytes) {
                Ok(n) => {
                    let short = n < bytes.len();
                    let done = self.sent_bytes + n;
                    self.sent += (done / messages.size()) as u64;
                    self.sent_bytes = done % messages.size();
                    if short {
                        return Ok(());
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => {
                    return Err(e).with_context(|| format!("connection {}: write", self.number));
                }
            }
        }
        Ok(())
    }
}

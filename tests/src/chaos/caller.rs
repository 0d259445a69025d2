//! One client under load: asks, checks every byte that comes back, connects anew when it is cut off.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::dice::Dice;
use super::errand::{Errand, Failure};
use super::wire;
use crate::eventually::promised;

/// Faults delay an answer by a restart's back-off (5 s) or a callback's deadline; nothing excuses more.
fn hang() -> Duration {
    promised(Duration::from_secs(15))
}

/// What all clients look at.
#[derive(Debug)]
pub struct Stage {
    /// Where the server listens.
    pub port: u16,
    /// Seed of the run.
    pub seed: u64,
    /// When the run began.
    pub begin: Instant,
    /// How far the run is: [`Stage::SERVING`] and so on.
    pub act: AtomicUsize,
    /// Per client, requests answered so far.
    pub answered: Vec<AtomicU64>,
}

impl Stage {
    /// The server is to serve.
    pub const SERVING: usize = 0;
    /// It has been told to stop: connections may end now.
    pub const STOPPING: usize = 1;

    pub(super) fn is_stopping(&self) -> bool {
        self.act.load(Ordering::SeqCst) >= Stage::STOPPING
    }

    /// A client has an answer.
    pub(super) fn answer_to(&self, client: usize) {
        self.answered[client].fetch_add(1, Ordering::Relaxed);
    }
}

/// A connection that the server ended while it was to serve.
#[derive(Debug, Clone)]
pub struct Closing {
    /// Who noticed: a client's number, or the fault's name.
    pub who: String,
    /// The server's number of the session; 0: it ended before the greeting.
    pub fd: u64,
    /// Worker that served it; `u32::MAX`: not known.
    pub worker: u32,
    /// Requests without an answer.
    pub unanswered: Vec<u64>,
    /// How it ended.
    pub how: String,
    /// Milliseconds since the beginning of the run.
    pub at: u64,
}

/// What one client has seen.
#[derive(Debug, Default)]
pub struct Tally {
    /// Connections that were greeted.
    pub connections: u64,
    /// Requests sent, in whole or in part.
    pub sent: u64,
    /// Requests answered completely and rightly.
    pub answered: u64,
    /// Callbacks that answered.
    pub pieces: HashMap<u32, u64>,
    /// Connections lost while the server was to serve.
    pub closings: Vec<Closing>,
    /// Requests without an answer when the server stopped.
    pub cut_by_stop: u64,
    /// What must not be.
    pub wrong: Vec<String>,
    /// Microseconds per request.
    pub latencies: Vec<u32>,
}

struct Waiting {
    number: u64,
    bytes: Vec<u8>,
    since: Instant,
}

/// One client.
pub struct Caller<'a> {
    stage: &'a Stage,
    client: usize,
    dice: Dice,
    number: u64,
    waiting: VecDeque<Waiting>,
    /// Bytes of the first waiting request that have come back.
    come: usize,
    tally: Tally,
}

impl Caller<'_> {
    /// Ask until the server has stopped.
    pub fn run(stage: &Stage, client: usize) -> Tally {
        let dice = Dice::new(stage.seed, client as u64);
        let mut caller = Caller {
            stage,
            client,
            dice,
            number: 0,
            waiting: VecDeque::new(),
            come: 0,
            tally: Tally::default(),
        };
        while !stage.is_stopping() {
            caller.visit();
        }
        caller.tally
    }

    /// One connection from its beginning to its end.
    fn visit(&mut self) {
        let mut line = match Errand::begin(self.stage.port, hang()) {
            Ok(line) => line,
            Err(failure) => {
                self.ended(0, u32::MAX, failure);
                return thread::sleep(Duration::from_millis(10)); // do not hammer a dead server
            }
        };
        self.tally.connections += 1;
        *self.tally.pieces.entry(line.worker).or_default() += 1; // the greeting
        loop {
            if let Err(failure) = self.exchange(&mut line) {
                return self.ended(line.fd, line.worker, failure);
            }
            // Some pauses, so that workers are hit idle as well as busy.
            thread::sleep(Duration::from_micros(self.dice.between(0, 6_000)));
        }
    }

    /// A few requests at once, and all their answers.
    fn exchange(&mut self, line: &mut Errand) -> Result<(), Failure> {
        let depth = match self.dice.between(0, 1) {
            0 => 1,
            _ => self.dice.between(2, 4),
        };
        for _ in 0..depth {
            let cells = match self.dice.between(0, 19) {
                0 => self.dice.between(64, 6400), // up to 100 KiB
                1..=4 => self.dice.between(8, 256),
                _ => self.dice.between(2, 8),
            };
            self.number += 1;
            let bytes = wire::request(self.client, self.number, cells as usize);
            let since = Instant::now();
            self.tally.sent += 1;
            self.waiting.push_back(Waiting {
                number: self.number,
                bytes,
                since,
            });
            let last = self.waiting.len() - 1;
            line.send(&self.waiting[last].bytes)?;
        }
        while !self.waiting.is_empty() {
            let answer = line.receive()?;
            if answer.worker != line.worker {
                let text = format!("served by worker {} and {}", line.worker, answer.worker);
                self.wrong(line.fd, text);
            }
            *self.tally.pieces.entry(answer.worker).or_default() += 1;
            self.check(&answer.piece).map_err(Failure::Garbage)?;
        }
        Ok(())
    }

    /// A piece has to go on exactly where the last one ended.
    fn check(&mut self, piece: &[u8]) -> Result<(), String> {
        let mut rest = piece;
        while !rest.is_empty() {
            let Some(first) = self.waiting.front() else {
                return Err(format!("{} bytes too many: {}", rest.len(), start_of(rest)));
            };
            let due = &first.bytes[self.come..];
            let length = due.len().min(rest.len());
            if due[..length] != rest[..length] {
                let differs = (0..length).find(|at| due[*at] != rest[*at]).unwrap_or(0);
                // From the beginning of the cell, if the piece has it.
                let place = differs.saturating_sub((self.come + differs) % wire::CELL);
                return Err(format!(
                    "{} instead of {}",
                    start_of(&rest[place..]),
                    start_of(&due[place..])
                ));
            }
            (rest, self.come) = (&rest[length..], self.come + length);
            if self.come == first.bytes.len() {
                self.tally
                    .latencies
                    .push(first.since.elapsed().as_micros() as u32);
                self.tally.answered += 1;
                self.stage.answer_to(self.client);
                self.waiting.pop_front();
                self.come = 0;
            }
        }
        Ok(())
    }

    /// The connection is over; what that means depends on what the server was told to do.
    fn ended(&mut self, fd: u64, worker: u32, failure: Failure) {
        let unanswered: Vec<u64> = self
            .waiting
            .drain(..)
            .map(|waiting| waiting.number)
            .collect();
        self.come = 0;
        match failure {
            Failure::Ended(_) if self.stage.is_stopping() => {
                self.tally.cut_by_stop += unanswered.len() as u64;
            }
            Failure::Ended(how) => self.tally.closings.push(Closing {
                who: format!("client {}", self.client),
                fd,
                worker,
                unanswered,
                how,
                at: self.stage.begin.elapsed().as_millis() as u64,
            }),
            Failure::Hangs => {
                self.wrong(
                    fd,
                    format!("worker {worker}: no answer to {unanswered:?} and no end"),
                );
            }
            Failure::Garbage(text) => self.wrong(fd, text),
        }
    }

    fn wrong(&mut self, fd: u64, text: String) {
        let at = self.stage.begin.elapsed().as_millis();
        self.tally
            .wrong
            .push(format!("{at} ms, client {}, fd {fd}: {text}", self.client));
    }
}

/// The cell that bytes begin with, more or less.
fn start_of(bytes: &[u8]) -> String {
    let end = bytes.len().min(2 * wire::CELL);
    format!("{:?}", String::from_utf8_lossy(&bytes[..end]))
}

//! One HTTP connection: a request comes, an answer goes, the end. All of it within [`LIFE_MS`].

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use super::answer::Answer;
use super::request::{LONGEST, Page, parse};
use crate::net::stream::{self, Io};
use crate::shared::Shared;

/// A connection's whole life.
const LIFE_MS: u64 = 2_000;
/// How long the main loop may take to come round.
const TURN_MS: u64 = 1_000;
/// Kept of a connection's life for writing, whatever the main loop does.
const WRITE_MS: u64 = 200;

enum Stage {
    Reading,
    /// Waiting for the main loop to get beyond `turns`.
    Asking {
        turns: u64,
        until_ms: u64,
        head: bool,
    },
    Writing {
        written: usize,
    },
    /// Everything is written; what still comes is thrown away, so that no reset overtakes the answer.
    Ending,
}

/// What becomes of a connection after a look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// It waits for its peer or for the time.
    Wait,
    /// It is over.
    Drop,
}

/// A connection.
pub(super) struct Client {
    socket: OwnedFd,
    deadline_ms: u64,
    stage: Stage,
    /// Request while reading, answer while writing.
    bytes: Vec<u8>,
}

impl Client {
    pub(super) fn new(socket: OwnedFd, now_ms: u64) -> Client {
        Client {
            socket,
            deadline_ms: now_ms + LIFE_MS,
            stage: Stage::Reading,
            bytes: Vec::new(),
        }
    }

    pub(super) fn raw(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Monotonic ms at which to look at it, whatever the socket says.
    pub(super) fn due_ms(&self) -> u64 {
        match self.stage {
            Stage::Asking { until_ms, .. } => until_ms,
            _ => self.deadline_ms,
        }
    }

    /// Go as far as possible. `ask` asks the main loop for a turn and returns those so far, `turns` counts
    /// them.
    pub(super) fn advance(
        &mut self,
        shared: &Shared,
        now_ms: u64,
        ask: impl FnOnce() -> u64,
        turns: u64,
    ) -> Then {
        if now_ms >= self.deadline_ms {
            return Then::Drop;
        }
        if matches!(self.stage, Stage::Reading) && self.read(shared, now_ms, ask) == Then::Drop {
            return Then::Drop;
        }
        if let Stage::Asking {
            turns: before,
            until_ms,
            head,
        } = self.stage
            && (turns > before || now_ms >= until_ms)
        {
            self.answer(&Answer::to(Page::Health, turns > before, shared), head);
        }
        if let Stage::Writing { written } = self.stage
            && self.write(written) == Then::Drop
        {
            return Then::Drop;
        }
        match self.stage {
            Stage::Ending => self.discard(),
            _ => Then::Wait,
        }
    }

    fn read(&mut self, shared: &Shared, now_ms: u64, ask: impl FnOnce() -> u64) -> Then {
        let mut room = [0; 2048];
        let request = loop {
            let most = room.len().min(LONGEST - self.bytes.len());
            match stream::read(&self.socket, &mut room[..most]) {
                Io::Bytes(0) | Io::Broken(_) => return Then::Drop, // gone, or done without having asked
                Io::Bytes(count) => self.bytes.extend_from_slice(&room[..count]),
                Io::WouldBlock => return Then::Wait,
            }
            // At the latest when `LONGEST` is reached there is a request, good or bad.
            if let Some(request) = parse(&self.bytes) {
                break request;
            }
        };
        match request.page {
            Ok(Page::Health) => {
                self.stage = Stage::Asking {
                    turns: ask(),
                    until_ms: (now_ms + TURN_MS).min(self.deadline_ms - WRITE_MS),
                    head: request.head,
                };
            }
            Ok(page) => self.answer(&Answer::to(page, true, shared), request.head),
            Err(refusal) => self.answer(&Answer::refusal(refusal), request.head),
        }
        Then::Wait
    }

    fn answer(&mut self, answer: &Answer, head: bool) {
        self.bytes = answer.encode(head);
        self.stage = Stage::Writing { written: 0 };
    }

    fn write(&mut self, mut written: usize) -> Then {
        while written < self.bytes.len() {
            match stream::write(&self.socket, &self.bytes[written..]) {
                Io::Bytes(count) => written += count,
                Io::WouldBlock => {
                    self.stage = Stage::Writing { written };
                    return Then::Wait;
                }
                Io::Broken(_) => return Then::Drop,
            }
        }
        stream::end_output(&self.socket);
        self.stage = Stage::Ending;
        Then::Wait
    }

    /// Throw away a bounded part of what comes: others have their turn, and the rest its event or deadline.
    fn discard(&mut self) -> Then {
        let mut room = [0; 2048];
        for _ in 0..32 {
            match stream::read(&self.socket, &mut room) {
                Io::Bytes(0) | Io::Broken(_) => return Then::Drop,
                Io::Bytes(_) => {}
                Io::WouldBlock => return Then::Wait,
            }
        }
        Then::Drop // it had its answer, and goes on talking
    }
}

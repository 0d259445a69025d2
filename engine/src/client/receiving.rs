//! `recv`: one message, or what is there.

use super::connection::{Connection, End, READ, errno};
use super::fault::ClientError;
use crate::net::dial::{self, Reading};
use crate::net::stream::Io;
use crate::net::waiting::{self, Deadline, Until};
use crate::protocol::{Framing, Progress, Step, Violation};

/// What a call wants besides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    /// Leave what is received where it is.
    pub peek: bool,
    /// Exactly so many bytes, unless the end comes before.
    pub wait_all: bool,
    /// Do not wait.
    pub dont_wait: bool,
    /// The urgent byte.
    pub urgent: bool,
}

impl Flags {
    /// From the numbers of `MSG_*`; none if there is an unknown one among them.
    pub fn from_bits(bits: i64) -> Option<Flags> {
        const OOB: i64 = 1;
        const PEEK: i64 = 2;
        const DONTWAIT: i64 = 64;
        const WAITALL: i64 = 256;
        (bits & !(OOB | PEEK | DONTWAIT | WAITALL) == 0).then_some(Flags {
            peek: bits & PEEK != 0,
            wait_all: bits & WAITALL != 0,
            dont_wait: bits & DONTWAIT != 0,
            urgent: bits & OOB != 0,
        })
    }
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// A message, or some bytes. They stay until the client's next call.
    Data(&'a [u8]),
    /// Nothing more will come. 0: in good order; else why not.
    End {
        /// The number.
        code: i32,
    },
    /// A message says that it is longer than allowed. Nothing of what follows can be understood: it is the end.
    TooBig {
        /// What it says, header and all.
        length: u64,
    },
    /// As many bytes as allowed, and no end mark in them. This is the end, too.
    NoEndMark,
}

/// Something of the inbox, or an end.
enum Found {
    Range(std::ops::Range<usize>),
    End,
}

impl Connection {
    /// A datagram, or what a stream has.
    pub(super) fn receive(
        &mut self,
        framing: Option<&Framing>,
        size: usize,
        flags: Flags,
        deadline: Deadline,
    ) -> Result<Received<'_>, ClientError> {
        if flags.peek && flags.wait_all || flags.urgent && self.tls.is_some() {
            return Err(errno::EINVAL.into());
        }
        let deadline = match flags.dont_wait {
            true => Deadline::at_once(),
            false => deadline,
        };
        if self.kind.is_datagram() {
            let range = self.datagram(size, flags, deadline)?;
            return Ok(Received::Data(self.inbox.shown(range)));
        }
        if matches!(self.end, Some(End::Broken(_))) {
            let code = self.end_code();
            return Ok(Received::End { code });
        }
        let found = match framing {
            None => self.bytes(size, flags, deadline)?,
            Some(framing) => match self.message(framing, flags, deadline)? {
                Ok(found) => found,
                Err(violation) => return self.violated(violation),
            },
        };
        Ok(match found {
            Found::Range(range) => Received::Data(self.inbox.shown(range)),
            Found::End => {
                let code = self.end_code();
                self.inbox.clear();
                self.progress = Progress::default();
                Received::End { code }
            }
        })
    }

    fn datagram(
        &mut self,
        size: usize,
        flags: Flags,
        deadline: Deadline,
    ) -> Result<std::ops::Range<usize>, ClientError> {
        let how = Reading {
            peek: flags.peek,
            urgent: flags.urgent,
        };
        loop {
            match dial::read_datagram(&self.socket, self.inbox.filling(), size, how) {
                (Io::Bytes(count), sender) => {
                    self.sender = sender;
                    return Ok(self.inbox.take(count));
                }
                (Io::Broken(number), _) => return Err(number.into()),
                (Io::WouldBlock, _) if waiting::wait(&self.socket, Until::Readable, deadline)? => {}
                (Io::WouldBlock, _) => return Err(errno::EAGAIN.into()),
            }
        }
    }

    /// Without framing.
    fn bytes(
        &mut self,
        size: usize,
        flags: Flags,
        deadline: Deadline,
    ) -> Result<Found, ClientError> {
        let how = Reading {
            urgent: flags.urgent,
            // Under TLS, and of what has been read already, leaving it is our own business.
            peek: flags.peek && self.tls.is_none() && self.inbox.len() == 0,
        };
        let least = if flags.wait_all { size } else { 1 };
        while self.inbox.len() < least && self.end.is_none() {
            let most = (size - self.inbox.len()).min(READ);
            self.fill(most, how, deadline)?;
        }
        // More may be there already, if that much was asked for.
        while !how.peek && !how.urgent && self.inbox.len() < size && self.end.is_none() {
            let most = (size - self.inbox.len()).min(READ);
            match self.fill_now(most, how) {
                Ok(Some(count)) if count == most => {}
                _ => break, // an error shows itself again, to a call that has nothing to give
            }
        }
        let count = self.inbox.len().min(size);
        if how.peek {
            // It is still with the kernel, too; so is the end.
            let range = self.inbox.take(count);
            return Ok(match self.end.take() {
                Some(_) if range.is_empty() => Found::End,
                _ => Found::Range(range),
            });
        }
        if count == 0 {
            return Ok(Found::End);
        }
        let range = self.inbox.take(count);
        if flags.peek {
            self.inbox.give_back(&range);
        }
        Ok(Found::Range(range))
    }

    fn message(
        &mut self,
        framing: &Framing,
        flags: Flags,
        deadline: Deadline,
    ) -> Result<Result<Found, Violation>, ClientError> {
        loop {
            match framing.next(self.inbox.waiting(), &mut self.progress) {
                Step::Message(count) => {
                    let range = self.inbox.take(count);
                    match flags.peek {
                        true => self.inbox.give_back(&range),
                        false => self.progress = Progress::default(),
                    }
                    return Ok(Ok(Found::Range(range)));
                }
                Step::Broken(violation) => return Ok(Err(violation)),
                Step::More { .. } if self.end.is_some() => return Ok(Ok(Found::End)),
                Step::More { .. } => {
                    self.fill(READ, Reading::default(), deadline)?;
                }
            }
        }
    }

    /// The stream cannot be understood from here on.
    fn violated(&mut self, violation: Violation) -> Result<Received<'_>, ClientError> {
        self.inbox.clear();
        self.progress = Progress::default();
        self.end = Some(End::Broken(violation.code()));
        match violation {
            Violation::TooLarge { length } => Ok(Received::TooBig { length }),
            Violation::NoEnd { .. } => Ok(Received::NoEndMark),
            Violation::NoLength { received } | Violation::Malformed { received } => {
                Err(ClientError::with(
                    violation.code(),
                    format!("after {received} bytes of a message"),
                ))
            }
        }
    }

    /// Whether a call of `recv` would have something at once, without asking the kernel.
    pub(super) fn has_waiting(&mut self, framing: Option<&Framing>) -> bool {
        if self.end.is_some() {
            return true;
        }
        match framing {
            None => self.inbox.len() > 0,
            Some(framing) => !matches!(
                framing.next(self.inbox.waiting(), &mut self.progress),
                Step::More { .. }
            ),
        }
    }
}

//! Sessions whose message is at work in a process that has been replaced.
//!
//! Their next messages must not overtake it in the successor, and the successor's answers not its own. So
//! they wait here until that message is dealt with, or has died with its process, and then until the
//! reactor has read everything the process had sent.

use super::feed::Held;
use crate::ipc::directory::Seat;
use crate::session::SessionId;

/// One such session.
pub(super) struct ParkedSession {
    /// Where its message is at work, and in which incarnation of that seat.
    pub(super) seat: Seat,
    epoch: u32,
    session: SessionId,
    pub(super) messages: Vec<Held>,
    /// Tokens of connections to be read again afterwards.
    pub(super) waiting: Vec<usize>,
    /// The message is dealt with; its answers may still be on their way.
    ripe: bool,
}

/// All of them.
#[derive(Default)]
pub(super) struct Parked(Vec<ParkedSession>);

impl Parked {
    /// `session` waits for the process on `seat`.
    pub(super) fn begin(&mut self, seat: Seat, epoch: u32, session: SessionId) {
        self.0.push(ParkedSession {
            seat,
            epoch,
            session,
            messages: Vec::new(),
            waiting: Vec::new(),
            ripe: false,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, session: SessionId) -> bool {
        self.0.iter().any(|parked| parked.session == session)
    }

    /// A message for a parked session.
    pub(super) fn push(&mut self, message: Held) {
        let session = message.head.session;
        // The last one: a session may wait for several generations, and its messages for all of them.
        if let Some(parked) = self.0.iter_mut().rfind(|parked| parked.session == session) {
            parked.messages.push(message);
        }
    }

    /// A connection not to be read until its session is let go.
    pub(super) fn wait(&mut self, session: SessionId, token: usize) {
        if let Some(parked) = self.0.iter_mut().rfind(|parked| parked.session == session) {
            parked.waiting.push(token);
        }
    }

    /// Take out the sessions that may go on: their answers have been read.
    pub(super) fn over(&mut self, heard_all: bool) -> Vec<ParkedSession> {
        if !heard_all {
            return Vec::new();
        }
        let (over, parked) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|p| p.ripe);
        self.0 = parked;
        over
    }

    /// Ask of each whether its message is dealt with.
    pub(super) fn look(&mut self, mut is_done: impl FnMut(Seat, u32) -> bool) {
        for parked in &mut self.0 {
            parked.ripe = parked.ripe || is_done(parked.seat, parked.epoch);
        }
    }

    pub(super) fn has_ripe(&self) -> bool {
        self.0.iter().any(|parked| parked.ripe)
    }

    pub(super) fn held(&self) -> usize {
        self.0.iter().map(|parked| parked.messages.len()).sum()
    }

    pub(super) fn waiting(&self) -> usize {
        self.0.iter().map(|parked| parked.waiting.len()).sum()
    }
}

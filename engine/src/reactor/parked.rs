//! Sessions whose message is at work in a process that has been replaced, or in one that is stuck while others were
//! given everything else that waited for it.
//!
//! Their next messages must not overtake it in the successor, and the successor's answers not its own. So
//! they wait here until that message is dealt with, or has died with its process, and then until the
//! reactor has read everything the process had sent.

use super::feed::Held;
use crate::ipc::directory::Seat;
use crate::session::SessionId;

/// What has become of a message in a process that has been replaced.
pub(super) enum Fate {
    AtWork,
    Done,
    /// The process is dead.
    Dead,
}

/// Its answers were sent before it was done: one round reads them.
const ROUNDS_DONE: u8 = 1;
/// The news of a loss is read in one round, takes effect in the next ([`super::endings`]), and only then
/// may anything of that session go on.
const ROUNDS_DEAD: u8 = 3;

/// One such session.
pub(super) struct ParkedSession {
    /// Where its message is at work, and in which incarnation of that seat.
    pub(super) seat: Seat,
    pub(super) epoch: u32,
    pub(super) session: SessionId,
    /// It is dealt with once so many messages of the lane are finished.
    pub(super) left: u64,
    pub(super) messages: Vec<Held>,
    weight: usize,
    /// Tokens of connections to be read again afterwards.
    pub(super) waiting: Vec<usize>,
    /// The message is dealt with, and so many rounds over the mail are left until its answers, or the news
    /// of its loss, have taken effect.
    rounds: Option<u8>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Parked(Vec<ParkedSession>);

impl Parked {
    /// `session` waits for the process on `seat` to have finished the message that is at work there: the last of the
    /// first `left` ones of its lane.
    pub(super) fn begin(&mut self, seat: Seat, epoch: u32, session: SessionId, left: u64) {
        let same = |parked: &ParkedSession| {
            let place = (parked.seat, parked.epoch, parked.session);
            place == (seat, epoch, session) && parked.rounds.is_none()
        };
        if self.0.iter().any(same) {
            return; // it was stuck, and is replaced now
        }
        self.0.push(ParkedSession {
            seat,
            epoch,
            session,
            left,
            messages: Vec::new(),
            weight: 0,
            waiting: Vec::new(),
            rounds: None,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether messages of `session` for this worker have to wait.
    pub(super) fn has(&self, session: SessionId, worker: u32) -> bool {
        let waits =
            |parked: &ParkedSession| parked.session == session && parked.seat.worker() == worker;
        self.0.iter().any(waits)
    }

    /// A message for a parked session.
    pub(super) fn push(&mut self, message: Held) {
        let session = message.head.session;
        // The last one: a session may wait for several generations, and its messages for all of them.
        if let Some(parked) = self.0.iter_mut().rfind(|parked| parked.session == session) {
            parked.weight += message.weight();
            parked.messages.push(message);
        }
    }

    /// What the messages of a parked session cost.
    pub(super) fn weight(&self, session: SessionId) -> usize {
        let parked = self.0.iter().rfind(|parked| parked.session == session);
        parked.map_or(0, |parked| parked.weight)
    }

    /// A connection not to be read until its session is let go.
    pub(super) fn wait(&mut self, session: SessionId, token: usize) {
        if let Some(parked) = self.0.iter_mut().rfind(|parked| parked.session == session) {
            parked.waiting.push(token);
        }
    }

    /// A round over the mail is done, `heard_all` if it left nothing: take out the sessions that may go on.
    pub(super) fn over(&mut self, heard_all: bool) -> Vec<ParkedSession> {
        if !heard_all {
            return Vec::new();
        }
        for rounds in self
            .0
            .iter_mut()
            .filter_map(|parked| parked.rounds.as_mut())
        {
            *rounds = rounds.saturating_sub(1);
        }
        let (over, parked) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|parked| parked.rounds == Some(0));
        self.0 = parked;
        over
    }

    /// Ask of each what has become of its message.
    pub(super) fn look(&mut self, mut fate: impl FnMut(&ParkedSession) -> Fate) {
        for parked in self.0.iter_mut().filter(|parked| parked.rounds.is_none()) {
            parked.rounds = match fate(parked) {
                Fate::AtWork => None,
                Fate::Done => Some(ROUNDS_DONE),
                Fate::Dead => Some(ROUNDS_DEAD),
            };
        }
    }

    /// Whether one of them only waits for more rounds over the mail.
    pub(super) fn has_ripe(&self) -> bool {
        self.0.iter().any(|parked| parked.rounds.is_some())
    }

    pub(super) fn held(&self) -> usize {
        self.0.iter().map(|parked| parked.messages.len()).sum()
    }

    pub(super) fn waiting(&self) -> usize {
        self.0.iter().map(|parked| parked.waiting.len()).sum()
    }
}

//! The end of a session, asked for by a callback.

use super::{Context, Refused};
use crate::error::code;
use crate::handler::{CLOSED_BY_SERVER, Callback};
use crate::ipc::frame::{Head, Kind, close_flags};
use crate::session::table::{NO_OWNER, state};
use crate::session::{SessionId, TlsInfo};
use crate::sync::Ordering;

/// So many sessions under TLS are remembered before there is a look which of them are still there.
const SEALED: usize = 64;

impl Context {
    /// End a session after what is queued for it has been written; with `reset`, at once and without it.
    ///
    /// In the worker that owns the session `on_close` runs before this returns (unless its `on_connect` is
    /// still to come, or the client has closed its side: then the event is on its way); from anywhere else the owner runs it later. Refused: 1003 inside the session's own
    /// close callback, 1004 closed before, 1005 no such session.
    pub fn close(&self, session: SessionId, reset: bool) -> Result<(), Refused> {
        if self.closing.get() == session && session != 0 {
            self.log.notice(format_args!(
                "close() (ERRNO {}): session#{session} is closing",
                code::SESSION_CLOSING
            ));
            return Err(Refused(code::SESSION_CLOSING));
        }
        let slot = self.live(session)?;
        let owner = slot.owner();
        // The event is ours to emit if we own the session, or if any worker may serve it. If its
        // connect event still waits in our lane, the close event must queue up behind that.
        let wanted = self.port_of(slot).interests;
        let spread = owner == NO_OWNER;
        let met = !self.port_of(slot).tells_connect(!spread) || slot.has(state::CONNECTED);
        let ours = met
            && match self.worker_id() {
                Some(_) if spread => wanted.close,
                Some(id) => id == owner && self.speaks_for(session),
                None => false,
            };
        let here = ours || (spread && !wanted.close);
        let bits = if here { state::CLAIMED } else { 0 };
        // Should this process die before the reactor has heard of it, the manager tells it.
        self.put_on_record(session);
        let over = state::ENDED | state::SERVER_CLOSED;
        let claimed = slot.mark_ending(bits | over);
        // The client has closed its side: the close event is on its way, and this is about what comes before it.
        let left = !claimed && slot.mark_ending_after_peer(over);
        // Replaced just now, or the session was given to another worker, which may be in a callback of it.
        let lost = !self.speaks_for(session) || slot.owner() != owner;
        let handed_over = ours && !spread && lost;
        let mut told = Ok(());
        if claimed {
            let mut flags = if reset { close_flags::RESET } else { 0 };
            if handed_over {
                flags |= close_flags::HAND_OVER;
            } else if here {
                slot.mark(state::EVENT_DONE);
                flags |= close_flags::EVENT_DONE;
            }
            let head = Head::new(Kind::CloseSession, session, flags);
            told = self.to_reactor(slot.reactor(), head, &[]);
        }
        if left {
            let flags = if reset { close_flags::RESET } else { 0 };
            let head = Head::new(Kind::CloseSession, session, flags);
            told = self.to_reactor(slot.reactor(), head, &[]);
        }
        self.put_on_record(0);
        if left {
            return told;
        }
        if !claimed {
            return Err(Refused(code::SESSION_CLOSED));
        }
        told?;
        if ours && !handed_over && wanted.close {
            self.run_on_close(session, CLOSED_BY_SERVER);
        }
        Ok(())
    }

    /// Whether a session is open and not being closed.
    pub fn exists(&self, session: SessionId) -> bool {
        self.shared
            .sessions
            .find(session)
            .is_some_and(|slot| slot.is_open())
    }

    /// A session under TLS has begun; what was agreed on with its client.
    pub(crate) fn note_tls(&self, session: SessionId, info: TlsInfo) {
        let mut sealed = self.sealed.borrow_mut();
        if sealed.len() >= SEALED && sealed.len().is_power_of_two() {
            // Of sessions that have gone to other workers nobody says here that they have ended.
            let sessions = &self.shared.sessions;
            let lives = |id: SessionId| {
                sessions
                    .find(id)
                    .is_some_and(|slot| !slot.has(state::SOCKET_CLOSED))
            };
            sealed.retain(|&id, _| lives(id));
        }
        sealed.insert(session, info);
    }

    /// A session has ended: forget what is known of it here.
    pub(crate) fn forget(&self, session: SessionId) {
        self.sealed.borrow_mut().remove(&session);
    }

    /// Run the close callback of a session; a wish to leave is kept for [`Context::take_leaving`].
    pub(crate) fn run_on_close(&self, session: SessionId, reactor: i32) {
        let outer = self.closing.replace(session);
        let at_work = self.enter(Callback::Close, session);
        let outer_port = self.port.get();
        if let Some(slot) = self.shared.sessions.find(session) {
            self.port.set(slot.port()); // close() may have been called in an event of another port
        }
        match self.handler.on_close(self, session, reactor) {
            Ok(()) => self.resume(at_work),
            Err(leave) => self.leaving.set(Some(leave)), // and this callback stays on record
        }
        self.forget(session);
        self.port.set(outer_port);
        self.closing.set(outer);
    }

    /// Whether this process may run the session's callbacks: it gets its worker's messages, or is still
    /// at one of this very session.
    fn speaks_for(&self, session: SessionId) -> bool {
        let Some(seat) = self.seat() else {
            return false;
        };
        let at_work = self.shared.seat_block(seat).session.load(Ordering::Relaxed);
        self.shared.seat_of(seat.worker()) == seat || at_work == session
    }

    /// Which session this worker is closing; 0 none.
    fn put_on_record(&self, session: SessionId) {
        if let Some(block) = self.own_block() {
            block.closing.store(session, Ordering::Release);
        }
    }
}

//! Looking at sessions, and changing how they are treated.

use super::Context;
use crate::error::code;
use crate::ipc::frame::{Head, Kind};
use crate::port::Port;
use crate::session::table::{Slot, state};
use crate::session::{Entrance, SessionId, SessionInfo};
use crate::settings::DispatchMode;
use crate::sync::Ordering;
use crate::sys::clock;

use super::Refused;

impl Context {
    /// What is known of a session: until its socket is closed, and in its close callback.
    pub fn info(&self, session: SessionId) -> Option<SessionInfo> {
        let slot = self.shared.sessions.find_live(session)?;
        let visible = self.closing.get() == session || !slot.has(state::SOCKET_CLOSED);
        visible.then(|| {
            let port = self.port_of(slot);
            let mut info = slot.info(Entrance {
                number: port.number,
                socket: port.socket,
                kind: port.kind,
            });
            info.tls = self.sealed.borrow().get(&session).cloned();
            if self.settings.dispatch_mode == DispatchMode::User {
                info.uid = info.uid.or(Some(0)); // there every session has one
            }
            info
        })
    }

    /// When a worker was last given something of a session, Unix time in microseconds: the one figure of
    /// [`Context::info`] that is cheap.
    pub fn last_dispatch_us(&self, session: SessionId) -> Option<u64> {
        let slot = self.shared.sessions.find_live(session)?;
        Some(slot.dispatched_us())
    }

    /// Ids of open sessions greater than `after`, smallest first, at most `limit`. Page by passing the last one;
    /// whether that session is still there makes no difference.
    pub fn sessions(&self, after: SessionId, limit: usize) -> Vec<SessionId> {
        self.list(after, limit, |_| true)
    }

    /// As [`Context::sessions`], of those that came by one port.
    pub fn port_sessions(&self, port: u16, after: SessionId, limit: usize) -> Vec<SessionId> {
        self.list(after, limit, |slot| slot.port() == port)
    }

    /// How many of the open sessions came by one port. Looks at all of them.
    pub fn port_session_count(&self, port: u16) -> u64 {
        self.list(0, usize::MAX, |slot| slot.port() == port).len() as u64
    }

    /// The port that an open session came by.
    pub fn session_port(&self, session: SessionId) -> Option<u16> {
        let slot = self.shared.sessions.find(session)?;
        let port = slot.port();
        slot.is_open().then_some(port)
    }

    fn list(
        &self,
        after: SessionId,
        limit: usize,
        wanted: impl Fn(&Slot) -> bool,
    ) -> Vec<SessionId> {
        let mut index = self.index.borrow_mut();
        { index.after(&self.shared.sessions, after, self.last_session()) }
            .filter(|(_, slot)| wanted(slot))
            .map(|(id, _)| id)
            .take(limit)
            .collect()
    }

    fn last_session(&self) -> SessionId {
        self.shared.server().last_session.load(Ordering::Acquire)
    }

    /// Sessions that have been silent for `heartbeat_idle_time` and are not protected; with `close`, end them as
    /// [`Context::close`] does. `None`: there is no heartbeat. The answer is the same in every process.
    pub fn heartbeat(&self, close: bool) -> Option<Vec<SessionId>> {
        let limit = |port: &Port| port.settings.session.heartbeat_ms();
        if self.ports.iter().all(|(_, port)| limit(port) == 0) {
            return None;
        }
        let now_ms = clock::monotonic_ms();
        let silent = self.list(0, usize::MAX, |slot| {
            slot.is_silent(limit(self.port_of(slot)), now_ms)
        });
        if close {
            for &session in &silent {
                let _ = self.close(session, false); // it may just have ended by itself
            }
        }
        Some(silent)
    }

    /// Bind a session to a user id, which can be done once; with `dispatch_mode` 5 its messages go to the worker
    /// of that id from then on. 0 binds nothing. Refused: 509 bound already, 1004 closed, 1005 no such session.
    pub fn bind(&self, session: SessionId, uid: u32) -> Result<(), Refused> {
        let slot = self.unended(session)?;
        if !slot.bind(uid) {
            return Err(Refused(code::WRONG_OPERATION));
        }
        match uid {
            0 => Ok(()),
            _ => self.tell_reactor(slot, Kind::Bound, session, u64::from(uid)),
        }
    }

    /// Whether silence (`heartbeat_idle_time`, `max_idle_time`) ends a session. Refused: 1004 closed, 1005 no
    /// such session.
    pub fn protect(&self, session: SessionId, protected: bool) -> Result<(), Refused> {
        let slot = self.unended(session)?;
        match protected {
            true => drop(slot.mark(state::PROTECTED)),
            false => slot.unmark(state::PROTECTED),
        }
        Ok(())
    }

    /// Read no more from a session's client, until [`Context::resume_reading`]. What was read before is still
    /// delivered, and sending goes on; that the client has left is noticed after the resumption. A session that
    /// is paused already stays so. Refused: 1004 closed, 1005 no such session.
    pub fn pause_reading(&self, session: SessionId) -> Result<(), Refused> {
        let slot = self.unended(session)?;
        slot.mark(state::PAUSED);
        self.tell_reactor(slot, Kind::Pause, session, 0)
    }

    /// Read a session that was paused, or has not been read yet (`enable_delay_receive`); one that is read
    /// already stays so. Refused: 1004 closed, 1005 no such session.
    pub fn resume_reading(&self, session: SessionId) -> Result<(), Refused> {
        let slot = self.unended(session)?;
        slot.unmark(state::PAUSED);
        self.tell_reactor(slot, Kind::Resume, session, 0)
    }

    /// A session that nobody has closed.
    fn unended(&self, session: SessionId) -> Result<&Slot, Refused> {
        let slot = self.live(session)?;
        match slot.has(state::ENDED) {
            true => Err(Refused(code::SESSION_CLOSED)),
            false => Ok(slot),
        }
    }

    fn tell_reactor(
        &self,
        slot: &Slot,
        kind: Kind,
        session: SessionId,
        argument: u64,
    ) -> Result<(), Refused> {
        self.to_reactor(slot.reactor(), Head::new(kind, session, argument), &[])
    }
}

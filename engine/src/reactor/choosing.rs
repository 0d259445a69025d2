//! Which worker gets what comes next of a session: the dispatch function is asked first, then the mode decides.

use super::turn::Reactor;
use crate::choice::{DispatchEvent, DispatchKind, Target};
use crate::ipc::directory::Seat;
use crate::ipc::frame::{Head, Kind, Origin};
use crate::session::SessionId;
use crate::session::table::{NO_OWNER, Slot, state};

/// What becomes of a message.
pub(super) enum Choice {
    /// This seat gets it.
    Seat(Seat),
    /// Nobody does.
    Drop,
    /// Nobody does, and the session is to end.
    Dismiss,
}

impl Reactor {
    /// Who gets the next message of a connection. What the function has said is kept until the message is on its way:
    /// see [`Reactor::keep_decision`].
    pub(super) fn choose(&mut self, token: usize, data: &[u8]) -> Choice {
        if !self.feed.dispatcher().has_function() {
            return Choice::Seat(self.choose_by_mode(token));
        }
        let connection = &mut self.connections[token];
        let event = DispatchEvent {
            session: connection.id,
            kind: DispatchKind::Data,
            port: connection.port,
            data,
        };
        let kept = connection.decided.take();
        let target = kept.unwrap_or_else(|| self.feed.dispatcher().consult(&event));
        match target {
            Target::Discard | Target::Unknown(_) => Choice::Drop,
            Target::Close => Choice::Dismiss,
            Target::Mode => Choice::Seat(self.choose_by_mode(token)),
            Target::Worker(worker) => {
                self.settle_owner(token, worker);
                Choice::Seat(self.feed.dispatcher().route(worker))
            }
        }
    }

    /// The message waits: the function is not asked for it again.
    pub(super) fn keep_decision(&mut self, token: usize, seat: Seat) {
        if self.feed.dispatcher().has_function() {
            self.connections[token].decided = Some(Target::Worker(seat.worker()));
        }
    }

    /// The seat that a message would go to which is not there yet; none if only the function knows.
    pub(super) fn foresee(&mut self, token: usize) -> Option<Seat> {
        match (
            self.feed.dispatcher().has_function(),
            self.connections[token].decided,
        ) {
            (false, _) => Some(self.choose_by_mode(token)),
            (true, Some(Target::Worker(worker))) => Some(self.feed.dispatcher().route(worker)),
            (true, _) => None,
        }
    }

    fn choose_by_mode(&mut self, token: usize) -> Seat {
        let owner = self.present_owner(token);
        self.feed.dispatcher().choose(owner)
    }

    /// The first event of a session decides who owns it.
    fn settle_owner(&mut self, token: usize, worker: u32) {
        let connection = &mut self.connections[token];
        if connection.begun || !self.feed.dispatcher().keeps_order() {
            return;
        }
        connection.owner = worker;
        if let Some(slot) = self.shared.sessions.find(connection.id) {
            slot.set_owner(worker);
        }
    }

    /// Something of the session goes to a worker.
    pub(super) fn note_begun(&mut self, token: usize) {
        self.connections[token].begun = true;
        self.feed.dispatcher().advance();
    }

    /// Give an event of a connection to a worker. Events are never dropped: where the function will not have one, the
    /// mode decides.
    pub(super) fn dispatch(&mut self, token: usize, kind: Kind, by_server: bool) {
        self.dispatch_with(token, kind, by_server, &[]);
    }

    pub(super) fn dispatch_with(
        &mut self,
        token: usize,
        kind: Kind,
        by_server: bool,
        payload: &[u8],
    ) {
        let connection = &self.connections[token];
        let (id, port) = (connection.id, connection.port);
        let head = Head::new(kind, id, Origin { port, by_server }.encode());
        let target = match asked_for(kind) {
            Some(kind) => self.feed.dispatcher().consult(&DispatchEvent {
                session: id,
                kind,
                port,
                data: &[],
            }),
            None => Target::Mode,
        };
        let seat = match target {
            Target::Worker(worker) => {
                self.settle_owner(token, worker);
                self.feed.dispatcher().route(worker)
            }
            _ => self.choose_by_mode(token),
        };
        self.note_begun(token);
        self.feed.push(seat, head, payload);
        if target == Target::Close && kind != Kind::Close {
            self.dismiss(token);
        }
    }

    /// The dispatch function wants the session to end.
    pub(super) fn dismiss(&mut self, token: usize) {
        self.emit_close(token, true);
        self.close_after_output(token);
    }

    /// A session was bound to a user: in mode 5 another worker may own it from now on. What its old owner was given
    /// stays there, and its end waits for both.
    pub(super) fn bound(&mut self, id: SessionId) {
        let Some(token) = self.token_of(id) else {
            return;
        };
        let Some(slot) = self.shared.sessions.find(id) else {
            return;
        };
        let old = self.connections[token].owner;
        if !self.feed.dispatcher().follows_users() || slot.has(state::CLAIMED) {
            return;
        }
        let new = self.feed.dispatcher().owner_for(id);
        if new == old {
            return;
        }
        if self.connections[token].begun {
            slot.mark(state::SPREAD);
        }
        self.connections[token].owner = new;
        slot.set_owner(new);
    }

    /// Whether everything of a session that was given to workers has been dealt with.
    pub(super) fn is_settled(&self, slot: &Slot) -> bool {
        let port = self.ports.get(slot.port());
        let connects = port.tells_connect(slot.owner() != NO_OWNER);
        slot.all_completed() && (!connects || slot.has(state::CONNECT_DONE))
    }
}

/// As what a dispatch function gets to see an event.
fn asked_for(kind: Kind) -> Option<DispatchKind> {
    match kind {
        Kind::Connect => Some(DispatchKind::Connect),
        Kind::Close => Some(DispatchKind::Close),
        Kind::BufferFull => Some(DispatchKind::BufferFull),
        Kind::BufferEmpty => Some(DispatchKind::BufferEmpty),
        _ => None,
    }
}

//! From a socket to the workers: read, cut into messages, dispatch.
//!
//! Bytes are read into the reactor's buffer and whole messages are given to workers from there; only what is
//! left over is kept with the connection. A connection whose worker has no room is not read, and what was read
//! of it already waits.

use std::rc::Rc;

use super::choosing::Choice;
use super::connection::{Connection, Stage};
use super::feed::Obstacle;
use super::turn::Reactor;
use crate::ipc::frame::{Head, Kind, Origin};
use crate::net::stream::{self, Io};
use crate::port::Port;
use crate::protocol::{Progress, Step, Violation};
use crate::session::table::{Slot, state};
use crate::stats::bump;

/// Reads of one connection before others get their turn.
const READS_PER_TURN: usize = 4;
/// Messages of one connection before others get their turn.
const MESSAGES_PER_TURN: usize = 1024;

/// How far some bytes have been cut into messages.
struct Cut {
    /// Bytes that are dealt with.
    taken: usize,
    end: CutEnd,
}

/// Why cutting ended.
enum CutEnd {
    /// There is no further whole message.
    Hungry,
    /// A worker has no room.
    Obstacle(Obstacle),
    /// It is the turn of others.
    Turn,
    /// The dispatch function wants the session to end.
    Dismissed,
    /// The bytes are no message.
    Broken(Violation),
}

impl Reactor {
    /// Read a connection. `to_the_end`: a short read does not prove that the socket is drained.
    pub(super) fn read(&mut self, token: usize, to_the_end: bool) {
        let mut budget = MESSAGES_PER_TURN;
        for _ in 0..READS_PER_TURN {
            let Some(connection) = self.connections.get(token) else {
                return;
            };
            match connection.stage {
                Stage::Open => {
                    if connection.inbound.ready && !self.take_in(token, &[], &mut budget)
                        || self.draining()
                        || self.connections[token].paused
                        || self.has_taken_leave(token)
                        || self.waits(token)
                    {
                        return;
                    }
                }
                Stage::Opening if self.draining() => return self.give_up(token),
                Stage::Opening => {}
                Stage::PeerClosed => return,
                Stage::Closing | Stage::Lingering => {} // thrown away, only the end matters
            }
            let mut scratch = std::mem::take(&mut self.scratch);
            let connection = &self.connections[token];
            let (stage, sealed) = (connection.stage, connection.tls.is_some());
            let got = stream::read(&connection.socket, &mut scratch);
            let goes_on = match got {
                Io::Bytes(0) => {
                    self.peer_closed(token);
                    false
                }
                Io::Bytes(count) => {
                    self.connections[token].times.note_read(self.now_ms);
                    let bytes = &mut scratch[..count];
                    let goes_on = match stage {
                        Stage::Opening => self.go_on_opening(token, bytes, &mut budget),
                        Stage::Open if sealed => self.unseal(token, bytes, &mut budget),
                        Stage::Open => self.take_in(token, bytes, &mut budget),
                        _ => true,
                    };
                    goes_on && (count == scratch.len() || to_the_end)
                }
                Io::WouldBlock => false,
                Io::Broken(errno) => {
                    self.break_off(token, errno);
                    false
                }
            };
            self.scratch = scratch;
            if !goes_on {
                return;
            }
        }
        self.read_again(token);
    }

    /// Read it again without waiting for an event.
    pub(super) fn read_again(&mut self, token: usize) {
        if let Some(connection) = self.connections.get_mut(token)
            && !connection.queued
        {
            connection.queued = true;
            self.again.push_back(token);
        }
    }

    /// Whether the connection has to wait before it may be read; it will be read again then.
    fn waits(&mut self, token: usize) -> bool {
        let connection = &mut self.connections[token];
        let id = connection.id;
        let slot = self.shared.sessions.find(id);
        if let Some(slot) = slot
            && !connection.begun
        {
            // No event of it has been anywhere: the worker may be chosen anew.
            let owner = self.feed.dispatcher().owner_for(id);
            connection.owner = owner;
            slot.set_owner(owner);
        }
        let queued = slot.map_or(0, Slot::settle_queued);
        let spread = slot.is_some_and(|slot| slot.has(state::SPREAD));
        let seat = self.foresee(token);
        match self.feed.obstacle(seat, id, spread, queued) {
            Some(obstacle) => {
                self.await_end_of(&obstacle, token);
                true
            }
            None => false,
        }
    }

    fn await_end_of(&mut self, obstacle: &Obstacle, token: usize) {
        let connection = &mut self.connections[token];
        if !connection.queued {
            connection.queued = true;
            self.feed.wait(obstacle, connection.id, token);
        }
    }

    /// Give the messages in what was kept of a connection and in `new` bytes of it to workers; keep the rest.
    /// False: the connection is not to be read now.
    pub(super) fn take_in(&mut self, token: usize, new: &[u8], budget: &mut usize) -> bool {
        let connection = &mut self.connections[token];
        let ports = Rc::clone(&self.ports);
        let port = ports.get(connection.port);
        let id = connection.id;
        let mut inbound = std::mem::take(&mut connection.inbound);
        let was_ready = std::mem::take(&mut inbound.ready);
        if self.is_held(token) {
            inbound.append(new);
            inbound.ready = !inbound.is_empty();
            self.ready_inputs =
                self.ready_inputs + usize::from(inbound.ready) - usize::from(was_ready);
            self.connections[token].inbound = inbound;
            return false;
        }
        let end;
        let whole;
        if inbound.is_empty() {
            let cut = self.cut(token, port, new, &mut inbound.progress, budget);
            inbound.append(&new[cut.taken..]);
            whole = cut.taken > 0;
            end = cut.end;
        } else {
            inbound.append(new);
            let mut progress = inbound.progress;
            let cut = self.cut(token, port, inbound.bytes(), &mut progress, budget);
            inbound.progress = progress;
            inbound.take(cut.taken);
            whole = cut.taken > 0;
            end = cut.end;
        }
        if !new.is_empty() {
            if let Some(slot) = self.shared.sessions.find(id) {
                slot.note_received(self.now_us, self.now_ms);
            }
            bump(
                &self.shared.reactor(self.id).received_bytes,
                new.len() as u64,
            );
        }
        let waits = matches!(end, CutEnd::Obstacle(_) | CutEnd::Turn);
        inbound.ready = waits && !inbound.is_empty();
        self.ready_inputs = self.ready_inputs + usize::from(inbound.ready) - usize::from(was_ready);
        let half = matches!(end, CutEnd::Hungry) && !inbound.is_empty();
        let connection = &mut self.connections[token];
        connection.inbound = inbound;
        if connection.times.note_half(half, whole, self.now_ms)
            && port.settings.session.receive_timeout_ms > 0
        {
            self.watch(token);
        }
        match end {
            CutEnd::Hungry => return true,
            CutEnd::Obstacle(obstacle) => self.await_end_of(&obstacle, token),
            CutEnd::Turn => self.read_again(token),
            CutEnd::Dismissed => self.dismiss(token),
            CutEnd::Broken(violation) => self.refuse(token, &violation),
        }
        false
    }

    /// Whether nothing of the session goes to workers yet (`enable_delay_receive`). What came with its handshake
    /// has been read all the same, and at a stop its worker gets it.
    fn is_held(&self, token: usize) -> bool {
        let connection = &self.connections[token];
        let is_fresh = || { self.shared.sessions.find(connection.id) }.is_some_and(Slot::is_fresh);
        connection.paused && !self.draining() && is_fresh()
    }

    /// The server reads no more: what is held for a resumption goes to workers.
    pub(super) fn let_go_held(&mut self) {
        let held = |connection: &Connection| connection.paused && connection.inbound.ready;
        let held: Vec<usize> = { self.connections.iter() }
            .filter(|(_, connection)| held(connection))
            .map(|(token, _)| token)
            .collect();
        for token in held {
            self.read_again(token);
        }
    }

    /// Give the messages in `bytes` to workers.
    fn cut(
        &mut self,
        token: usize,
        port: &Port,
        bytes: &[u8],
        progress: &mut Progress,
        budget: &mut usize,
    ) -> Cut {
        let connection = &self.connections[token];
        let (id, index) = (connection.id, connection.port);
        let head = Head::new(
            Kind::Receive,
            id,
            Origin {
                port: index,
                by_server: false,
            }
            .encode(),
        );
        let mut taken = 0;
        let mut delivered = 0;
        let mut messages = 0;
        let end = loop {
            let rest = &bytes[taken..];
            if rest.is_empty() {
                break CutEnd::Hungry;
            }
            let length = match port.framing.next(rest, progress) {
                Step::Message(length) => length.clamp(1, rest.len()),
                Step::More { .. } => break CutEnd::Hungry,
                Step::Broken(violation) => break CutEnd::Broken(violation),
            };
            if *budget == 0 {
                break CutEnd::Turn;
            }
            let seat = match self.choose(token, &rest[..length]) {
                Choice::Seat(seat) => Some(seat),
                Choice::Drop => None,
                Choice::Dismiss => {
                    taken = bytes.len();
                    break CutEnd::Dismissed;
                }
            };
            if let Some(seat) = seat
                && let Some(obstacle) = self.feed.obstacle(Some(seat), id, false, 0)
            {
                self.keep_decision(token, seat);
                break CutEnd::Obstacle(obstacle);
            }
            *budget -= 1;
            *progress = Progress::default();
            let Some(seat) = seat else {
                taken += length;
                continue;
            };
            self.note_begun(token);
            self.feed.push(seat, head, &rest[..length]);
            delivered += length;
            taken += length;
            messages += 1;
        };
        if messages > 0 {
            if let Some(slot) = self.shared.sessions.find(id) {
                slot.note_dispatched(messages, delivered as u64, self.now_us);
            }
            bump(&self.shared.reactor(self.id).dispatched, messages);
            self.delivered += messages as usize;
        }
        Cut { taken, end }
    }

    /// What a client has sent is no message: nothing more is read of it. What came before is still answered.
    fn refuse(&mut self, token: usize, violation: &Violation) {
        let id = self.connections[token].id;
        let peer = self
            .shared
            .sessions
            .find(id)
            .map_or_else(String::new, Slot::remote);
        self.log
            .coded("receive", violation.code(), violation.text(&peer));
        self.end_input(token);
    }

    /// Forget what was read of a connection that is not served any more.
    pub(super) fn drop_input(&mut self, token: usize) {
        let connection = &mut self.connections[token];
        let inbound = std::mem::take(&mut connection.inbound);
        connection.times.half_since_ms = 0;
        self.ready_inputs -= usize::from(inbound.ready);
    }
}

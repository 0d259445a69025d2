//! What workers, the manager and the main thread ask of a reactor.

use std::io;

use super::connection::Stage;
use super::file_range::{FileFault, FileRange};
use super::outbox::Amount;
use super::turn::Reactor;
use crate::ipc::frame::{FileOrder, Head, Kind, Origin, close_flags};
use crate::ipc::lane::{Payload, Verdict};
use crate::net::stream::{self, Io};
use crate::session::SessionId;
use crate::session::table::{Slot, state};
use crate::sync::Ordering;

/// A message so long is written as soon as it is read, if nothing else is waiting: gathering it with others would save
/// a call and cost a copy.
const AT_ONCE: usize = 16 * 1024;

impl Reactor {
    /// One message. Unknown kinds are dropped: only a process gone mad could send them.
    pub(super) fn handle_mail(&mut self, head: Head, payload: Payload<'_>) -> Verdict {
        match head.kind {
            Kind::Send => self.send(head.session, payload),
            Kind::SendFile => self.send_file(head.session, head.argument, payload),
            Kind::CloseSession => self.close_session(head.session, head.argument),
            Kind::Closed => self.closed(head.session),
            Kind::Pause | Kind::Resume => self.follow_pause(head.session),
            Kind::Bound => self.bound(head.session),
            Kind::Lost => self.endings.note(head.session, Kind::Lost),
            _ => self.log.error(format_args!(
                "reactor {}: unexpected message {:?}",
                self.id, head.kind
            )),
        }
        Verdict::Done
    }

    /// The connection of a session, if this reactor still has it.
    pub(super) fn token_of(&self, id: SessionId) -> Option<usize> {
        let token = self.shared.sessions.find(id).map(Slot::token)? as usize;
        self.connections
            .get(token)
            .is_some_and(|connection| connection.id == id)
            .then_some(token)
    }

    fn send(&mut self, id: SessionId, payload: Payload<'_>) {
        let bytes = payload.bytes().len() as u64;
        let Some(token) = self.open_token_of(id) else {
            // Gone, or closed before these bytes: keep the account of what is queued right.
            if let Some(slot) = self.shared.sessions.find(id) {
                slot.note_sent(bytes, self.now_us);
            }
            return;
        };
        let connection = &mut self.connections[token];
        let mut written = 0;
        match payload {
            Payload::Owned(data) => connection.outbox.append_owned(data),
            Payload::Borrowed(data) => {
                if data.len() >= AT_ONCE && connection.takes_writes() {
                    // Straight from the lane, without another copy. What the socket does not take or
                    // say is left for the end of the turn.
                    if let Io::Bytes(count) = stream::write(&connection.socket, data) {
                        written = count;
                    }
                }
                if written < data.len() {
                    connection.outbox.append(&data[written..], &mut self.spares);
                }
            }
        }
        self.note_waiting(bytes);
        self.output_grew(token);
        self.account_written(
            token,
            Amount {
                sends: written as u64,
                ..Amount::default()
            },
        );
        self.output_grew(token);
        if (written as u64) < bytes && !self.connections[token].blocked {
            self.touch(token);
        }
    }

    /// The next bytes of a session are those of a file, which has come beside the message.
    fn send_file(&mut self, id: SessionId, ticket: u64, payload: Payload<'_>) {
        let descriptor = self.deliveries.take(ticket, self.now_ms);
        let Some(order) = FileOrder::decode(payload.bytes()) else {
            return self.log.error(format_args!(
                "reactor {}: an order for a file that makes no sense",
                self.id
            ));
        };
        let token = self.open_token_of(id);
        let (Some(token), Some(descriptor)) = (token, descriptor) else {
            if let Some(slot) = self.shared.sessions.find(id) {
                if order.is_send {
                    slot.note_sent(order.length, self.now_us);
                }
                slot.note_file_sent(1, if order.is_send { 0 } else { order.length });
            }
            if let Some(token) = token {
                let lost = io::Error::other("out of descriptors");
                self.file_failed(token, &FileFault::Read(lost));
            }
            return;
        };
        let range = match order.is_send {
            true => FileRange::of_memory(descriptor, order.length),
            false => FileRange::of_file(descriptor, order.offset, order.length),
        };
        self.connections[token].outbox.append_file(range);
        self.note_waiting(order.length);
        self.output_grew(token);
        if !self.connections[token].blocked {
            self.touch(token);
        }
    }

    /// The connection of a session that can still be sent to.
    fn open_token_of(&self, id: SessionId) -> Option<usize> {
        self.token_of(id)
            .filter(|&t| matches!(self.connections[t].stage, Stage::Open | Stage::PeerClosed))
    }

    fn note_waiting(&self, bytes: u64) {
        let own = self.shared.reactor(self.id);
        own.output_bytes.store(
            own.output_bytes.load(Ordering::Relaxed) + bytes,
            Ordering::Relaxed,
        );
    }

    /// A session is to be read no more, or again: its state says which.
    fn follow_pause(&mut self, id: SessionId) {
        let Some(token) = self.token_of(id) else {
            return;
        };
        let paused = { self.shared.sessions.find(id) }.is_some_and(|slot| slot.has(state::PAUSED));
        let connection = &mut self.connections[token];
        if std::mem::replace(&mut connection.paused, paused) && !paused {
            let waits = connection.times.half_since_ms > 0;
            if waits {
                connection.times.half_since_ms = self.now_ms;
            }
            self.read(token, true); // whatever the poll said of it meanwhile was passed over
        }
    }

    fn close_session(&mut self, id: SessionId, flags: u64) {
        let Some(token) = self.token_of(id) else {
            if flags & close_flags::HAND_OVER != 0 {
                self.close_event_of_the_gone(id);
            }
            return;
        };
        if flags & close_flags::HAND_OVER != 0 {
            self.dispatch(token, Kind::Close, true);
        } else if flags & close_flags::EVENT_DONE == 0 {
            self.emit_close(token, true);
        }
        if flags & close_flags::RESET != 0 {
            return self.release(token);
        }
        self.close_after_output(token);
    }

    /// A connection broke while its worker, which has the right to the close event and must not deliver it, was in
    /// `close()`: when it broke, that right was taken, so nobody has delivered the event.
    fn close_event_of_the_gone(&mut self, id: SessionId) {
        let Some(slot) = self.shared.sessions.find(id) else {
            return;
        };
        let routes = self.feed.dispatcher().routes();
        let Some(&seat) = routes.get(slot.owner() as usize) else {
            return;
        };
        if slot.has(state::EVENT_DONE) {
            return;
        }
        let origin = Origin {
            port: slot.port(),
            by_server: true,
        };
        self.feed
            .push(seat, Head::new(Kind::Close, id, origin.encode()), &[]);
    }

    /// The close event is dealt with: the owner's last word, on this very lane, has been read, and a process
    /// that it has replaced was heard to its end before. Where several workers serve a session, other lanes
    /// may still hold words of theirs.
    fn closed(&mut self, id: SessionId) {
        let slot = self.shared.sessions.find(id);
        match self.token_of(id) {
            Some(_) if slot.is_some_and(|slot| slot.has(state::SPREAD)) => {
                self.endings.note(id, Kind::Closed)
            }
            Some(token) => self.close_after_output(token),
            None => {}
        }
    }

    /// Everything sent to a session has arrived. If it was lost with a worker, the client learns by the
    /// close that there will be no answer.
    pub(super) fn end(&mut self, id: SessionId, kind: Kind) {
        let Some(token) = self.token_of(id) else {
            return;
        };
        if kind == Kind::Lost {
            self.emit_close(token, false);
        } else if !self.all_is_over(token) {
            return; // the last of its messages and events brings the news again
        }
        self.close_after_output(token);
    }

    /// Whether nothing of a session is to come: the close event is the last, where the messages are spread too.
    fn all_is_over(&mut self, token: usize) -> bool {
        let connection = &self.connections[token];
        let Some(slot) = self.shared.sessions.find(connection.id) else {
            return true;
        };
        if !slot.has(state::PEER_CLOSED) {
            return true; // the server has ended it
        }
        if slot.has(state::EVENT_DONE) {
            return self.is_settled(slot);
        }
        if self.is_settled(slot) && slot.mark(state::CLAIMED) & state::CLAIMED == 0 {
            self.dispatch(token, Kind::Close, false);
        }
        false
    }

    /// A sender died in the middle of a long send: its bytes will not come.
    pub(super) fn forget_partial(&mut self, head: Head) {
        if head.kind == Kind::Send
            && let Some(slot) = self.shared.sessions.find(head.session)
        {
            slot.note_sent(head.argument, self.now_us);
        }
    }
}

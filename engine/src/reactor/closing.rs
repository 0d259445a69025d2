//! How a connection ends: by the peer, by an error, by the server, at a stop.

use mio::unix::SourceFd;

use super::connection::{Connection, Stage};
use super::file_range::FileFault;
use super::turn::Reactor;
use crate::error::code::SYSTEM_CALL_FAIL;
use crate::ipc::frame::Kind;
use crate::net::stream;
use crate::session::table::state;
use crate::stats::bump;
use crate::sync::Ordering;

/// How long a closed connection waits for the peer's end, so that a reset does not destroy the last
/// bytes on their way. nginx's lingering_close has the same purpose.
const LINGER_MS: u64 = 2000;
/// The same when the whole server stops: one round trip on any sane network.
const LINGER_AT_STOP_MS: u64 = 200;

/// `EIO`: what ended the connection is neither side's socket, but a file.
const IO_ERROR: i32 = 5;

/// How often to look for sessions that have their answers.
const DISMISSAL_MS: u64 = 10;

impl Reactor {
    /// Everything is written: say so to the peer, and wait a moment for its answer.
    pub(super) fn end_output(&mut self, token: usize) {
        let connection = &mut self.connections[token];
        if connection.peer_done {
            return self.release(token);
        }
        stream::end_output(&connection.socket);
        connection.stage = Stage::Lingering;
        let linger = if self.draining() {
            LINGER_AT_STOP_MS
        } else {
            LINGER_MS
        };
        self.connections[token].times.linger_until_ms = self.now_ms + linger;
        self.watch(token);
        self.read(token, true); // the peer's end may have been seen and put aside
    }

    /// The end of the peer's output. What workers still send is delivered.
    pub(super) fn peer_closed(&mut self, token: usize) {
        let connection = &mut self.connections[token];
        connection.peer_done = true;
        let stays = self.ports.get(connection.port).settings.half_close;
        if !stays || connection.stage != Stage::Open {
            return self.end_input(token);
        }
        self.drop_input(token); // part of a message, at most
    }

    /// Nothing more comes from the peer, or is wanted from it. Where it has not said so itself, it gets the usual
    /// moment to take the last answers: bytes of its that nobody reads would turn the close into a reset.
    pub(super) fn end_input(&mut self, token: usize) {
        let connection = &mut self.connections[token];
        let (id, port, stage) = (connection.id, connection.port, connection.stage);
        match stage {
            Stage::Open => {}
            Stage::Opening => return self.leave_early(token),
            Stage::Lingering => return self.release(token),
            Stage::Closing | Stage::PeerClosed => return,
        }
        connection.stage = Stage::PeerClosed;
        self.drop_input(token); // part of a message that will never be whole
        let Some(slot) = self.shared.sessions.find(id) else {
            return self.release(token);
        };
        if slot.has(state::SPREAD) {
            let wanted = self.ports.get(port).interests.close;
            slot.mark(match wanted {
                true => state::PEER_CLOSED, // the event comes when everything else is dealt with
                false => state::PEER_CLOSED | state::CLAIMED | state::EVENT_DONE,
            });
            if self.is_settled(slot) {
                self.endings.note(id, Kind::Closed);
            }
        } else if slot.mark(state::PEER_CLOSED | state::CLAIMED) & state::CLAIMED == 0 {
            self.dispatch(token, Kind::Close, false);
        }
    }

    /// The connection is broken: nothing can be written any more.
    pub(super) fn break_off(&mut self, token: usize, errno: i32) {
        if self.connections[token].stage == Stage::Opening {
            return self.give_up(token);
        }
        self.note_broken(token, errno);
        self.release(token);
    }

    /// A session ends by an error: say so, and drop what waits for the client.
    pub(super) fn note_broken(&mut self, token: usize, errno: i32) {
        if let Some(slot) = self.shared.sessions.find(self.connections[token].id) {
            slot.note_errno(errno);
        }
        self.emit_close(token, false);
        let unwritten = self.connections[token].outbox.clear();
        self.account_written(token, unwritten);
    }

    /// A file cannot be sent to the end that its session was promised. What the client has is no answer: it learns by
    /// a reset that there will be none.
    pub(super) fn file_failed(&mut self, token: usize, fault: &FileFault) {
        let connection = &self.connections[token];
        self.log.coded(
            "sendfile",
            SYSTEM_CALL_FAIL,
            format_args!(
                "a file for session#{} cannot be sent to its end, the session is closed: {fault}",
                connection.id
            ),
        );
        stream::reset_at_close(&connection.socket);
        self.break_off(token, IO_ERROR);
    }

    /// End a session at once: what is queued for the client is dropped.
    pub(super) fn cut_off(&mut self, token: usize) {
        if self.connections[token].stage == Stage::Opening {
            return self.give_up(token);
        }
        self.emit_close(token, false);
        self.release(token);
    }

    /// The server is at its end: count what is dropped with it.
    pub(super) fn abandon_all(&self) {
        let cut = |(_, connection): &(usize, &Connection)| connection.outbox.len() > 0;
        let own = self.shared.reactor(self.id);
        bump(
            &own.cut_off,
            self.connections.iter().filter(cut).count() as u64,
        );
        let held = (self.feed.held() + self.packets.left()) as u64;
        own.undelivered.store(held, Ordering::Release);
    }

    /// Send the close event to the session's owner, unless somebody else has that right.
    pub(super) fn emit_close(&mut self, token: usize, by_server: bool) {
        let (id, port) = (self.connections[token].id, self.connections[token].port);
        let Some(slot) = self.shared.sessions.find(id) else {
            return;
        };
        let claimed = slot.mark(state::CLAIMED | state::ENDED) & state::CLAIMED != 0;
        if slot.has(state::SPREAD) && !self.ports.get(port).interests.close {
            slot.mark(state::EVENT_DONE);
        } else if !claimed {
            self.dispatch(token, Kind::Close, by_server);
        }
    }

    /// Close when everything queued has been written.
    pub(super) fn close_after_output(&mut self, token: usize) {
        let connection = &mut self.connections[token];
        if matches!(connection.stage, Stage::Open | Stage::PeerClosed) {
            connection.stage = Stage::Closing;
            self.watch(token); // while a worker was at the close event, nothing was due
        }
        self.drop_input(token);
        self.touch(token);
    }

    /// Close the socket and forget the connection.
    pub(super) fn release(&mut self, token: usize) {
        use std::os::fd::AsRawFd;
        self.drop_input(token);
        let waiting = self.connections[token].outbox.clear();
        if waiting.bytes() > 0 {
            self.account_written(token, waiting);
            // A reset asked for by the server, or by the client, is nobody's loss.
            if self.finishing && self.connections[token].stage == Stage::Closing {
                bump(&self.shared.reactor(self.id).cut_off, 1);
            }
        }
        let connection = self.connections.remove(token);
        let _ = self
            .poll
            .registry()
            .deregister(&mut SourceFd(&connection.socket.as_raw_fd()));
        if let Some(slot) = self.shared.sessions.find(connection.id) {
            slot.mark(state::ENDED | state::SOCKET_CLOSED);
        }
        drop(connection);
        let own = self.shared.reactor(self.id);
        own.closed
            .store(own.closed.load(Ordering::Relaxed) + 1, Ordering::Release);
        self.main.ring_if_asleep(); // it may be waiting for room for a connection
    }

    /// While the server drains, end each session that has its answers: what its client still sends would
    /// otherwise wait for the slowest worker, and then get none. Not before the tasks are through, as nobody knows which
    /// sessions their results are for.
    pub(super) fn dismiss_answered(&mut self) {
        if !self.draining() || self.finishing || self.now_ms < self.next_dismissal_ms {
            return;
        }
        self.next_dismissal_ms = self.now_ms + DISMISSAL_MS;
        let candidates: Vec<usize> = (self.connections.iter())
            .filter(|(_, connection)| self.is_answered(connection))
            .map(|(token, _)| token)
            .collect();
        if candidates.is_empty() || !self.shared.tasks_drained() {
            return;
        }
        // Looked at again: the last callback may have given a task, whose result has come meanwhile.
        for token in candidates {
            if self.is_answered(&self.connections[token]) {
                self.finish(token);
            }
        }
    }

    fn is_answered(&self, connection: &Connection) -> bool {
        let idle = connection.outbox.len() == 0 && !connection.inbound.ready;
        let slot = self.shared.sessions.find(connection.id);
        connection.stage == Stage::Open
            && idle
            && slot.is_some_and(|slot| {
                slot.all_completed() && slot.send_queued() + slot.files_queued() == 0
            })
    }

    /// When to look at that again; monotonic ms.
    pub(super) fn next_dismissal(&self) -> Option<u64> {
        let looks = self.draining() && !self.finishing && !self.connections.is_empty();
        looks.then_some(self.next_dismissal_ms)
    }

    /// End every session, as a stopping server does.
    pub(super) fn finish_all(&mut self) {
        self.finishing = true;
        let tokens: Vec<usize> = self.connections.iter().map(|(token, _)| token).collect();
        for token in tokens {
            self.finish(token);
        }
    }

    pub(super) fn finish(&mut self, token: usize) {
        let connection = &mut self.connections[token];
        if connection.stage == Stage::Opening {
            return self.give_up(token);
        }
        if connection.stage == Stage::Lingering {
            // Those that linger already need not have the long patience of normal service.
            let until = &mut connection.times.linger_until_ms;
            *until = (*until).min(self.now_ms + LINGER_AT_STOP_MS);
            self.watch(token);
        }
        self.emit_close(token, false);
        self.close_after_output(token);
    }
}

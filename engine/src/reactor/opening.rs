//! Before a session begins: what a balancer has to say, and the TLS handshake.
//!
//! Until then the connection counts, but nobody sees a session: it has no events, and an end is no close event.

use super::connection::Stage;
use super::turn::Reactor;
use crate::log::Topic;
use crate::net::address::Peer;
use crate::protocol::proxy::{self, Proxied, Source};
use crate::session::table::state;
use crate::stats::bump;

/// `EACCES`: it may not be a balancer.
const REFUSED: i32 = 13;
/// `EPROTO`: what it says is not what comes first here.
const PROTOCOL_ERROR: i32 = 71;
/// `ECONNRESET`: it has gone.
const LEFT: i32 = 104;

impl Reactor {
    /// A connection is here; what has to come before its session?
    pub(super) fn open(&mut self, token: usize) {
        let connection = &mut self.connections[token];
        let (id, port) = (connection.id, connection.port);
        let proxy = &self.ports.get(port).settings.proxy;
        if !proxy.expected {
            return self.await_handshake(token);
        }
        let trusted = self
            .shared
            .sessions
            .find(id)
            .is_some_and(|slot| match slot.peer() {
                Peer::Unix => proxy.from.contains_unix(),
                Peer::Ip(address) => proxy.from.contains(address.ip()),
            });
        if !trusted {
            return self.turn_away(token, REFUSED, "is not in proxy_protocol_from");
        }
        let timeout_ms = proxy.timeout_ms;
        connection.awaits_header = true;
        connection.stage = Stage::Opening;
        self.must_begin_within(token, timeout_ms);
    }

    /// The connection has so long for what comes before its session; 0: as long as it likes.
    pub(super) fn must_begin_within(&mut self, token: usize, limit_ms: u64) {
        let until = (limit_ms > 0).then_some(self.now_ms + limit_ms);
        self.connections[token].times.begin_by_ms = until.unwrap_or(0);
        self.watch(token);
    }

    /// More bytes of a connection whose session has not begun. False: it is not to be read now.
    pub(super) fn go_on_opening(
        &mut self,
        token: usize,
        bytes: &mut [u8],
        budget: &mut usize,
    ) -> bool {
        let connection = &mut self.connections[token];
        if !connection.awaits_header {
            return self.unseal(token, bytes, budget);
        }
        connection.inbound.append(bytes);
        let (len, source) = match proxy::parse(connection.inbound.bytes()) {
            Proxied::Header { len, source } => (len, source),
            Proxied::More => return true,
            Proxied::Broken(reason) => {
                self.turn_away(
                    token,
                    PROTOCOL_ERROR,
                    &format!("sent no PROXY header: {reason}"),
                );
                return false;
            }
        };
        connection.awaits_header = false;
        connection.stage = Stage::Open;
        let mut rest = std::mem::take(&mut connection.inbound);
        rest.take(len);
        let peer = match source {
            Source::Ip { client, .. } => Some(Peer::Ip(client)),
            Source::Unix => Some(Peer::Unix),
            Source::Own => None,
        };
        if let (Some(peer), Some(slot)) = (peer, self.shared.sessions.find(connection.id)) {
            slot.set_peer(&peer);
        }
        self.await_handshake(token);
        let Some(connection) = self.connections.get(token) else {
            return false;
        };
        match (connection.stage, &connection.tls) {
            _ if rest.is_empty() => true,
            (Stage::Opening, Some(_)) => self.unseal(token, rest.bytes_mut(), budget),
            (Stage::Open, None) => self.take_in(token, rest.bytes(), budget),
            _ => true, // its session ended as it began
        }
    }

    /// The client has left before its session began.
    pub(super) fn leave_early(&mut self, token: usize) {
        let ended = self.connections[token].tls.as_mut();
        match ended.map(|tls| tls.end_of_input()) {
            Some(Err(error)) => self.end_tls(token, &error),
            _ => self.turn_away(token, LEFT, "left before its session began"),
        }
    }

    /// End a connection whose session has not begun. `code`: the kind of reason; lines of one kind may come in floods.
    pub(super) fn turn_away(&mut self, token: usize, code: i32, why: &str) {
        let id = self.connections[token].id;
        if let Some(slot) = self.shared.sessions.find(id) {
            let client = slot.remote();
            let topic = Topic {
                function: "accept",
                code,
            };
            self.log
                .limited(topic, format_args!("accept(): client[{client}] {why}"));
        }
        self.give_up(token);
    }

    /// It never began, so it does not end: the connection is closed without a close event.
    pub(super) fn give_up(&mut self, token: usize) {
        self.note_given_up(token);
        self.release(token);
    }

    /// Nobody is to hear of this connection's end.
    pub(super) fn note_given_up(&mut self, token: usize) {
        if let Some(slot) = self.shared.sessions.find(self.connections[token].id) {
            slot.mark(state::CLAIMED | state::EVENT_DONE);
        }
        bump(&self.shared.reactor(self.id).aborted, 1);
    }
}

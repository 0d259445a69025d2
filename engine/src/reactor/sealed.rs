//! Connections under TLS: the same life as others, with a [`TlsSession`] between the socket and everything else.

use std::os::fd::OwnedFd;
use std::rc::Rc;

use super::connection::Stage;
use super::outbox::{BYTES_PER_TURN, Left, Outbox, Spares};
use super::turn::Reactor;
use crate::ipc::frame::Kind;
use crate::net::stream::{self, Io};
use crate::session::TlsInfo;
use crate::session::table::NO_OWNER;
use crate::tls::{self, TlsError, TlsSession};

/// Plaintext buffers beyond this are given back: most reads bring less.
const KEEP: usize = 128 * 1024;

/// `EPROTO`: what ended the connection is neither side's socket.
const PROTOCOL_ERROR: i32 = 71;

impl Reactor {
    /// The handshake comes next.
    pub(super) fn await_handshake(&mut self, token: usize) {
        let connection = &mut self.connections[token];
        let ports = Rc::clone(&self.ports);
        let Some(acceptor) = &ports.get(connection.port).tls else {
            return self.begin(token);
        };
        connection.stage = Stage::Opening;
        match acceptor.accept() {
            Ok(session) => {
                connection.tls = Some(Box::new(session));
                let limit_ms = ports.get(connection.port).settings.tls.handshake_timeout_ms;
                self.must_begin_within(token, limit_ms);
            }
            Err(error) => self.end_tls(token, &error),
        }
    }

    /// Encrypted bytes of a connection, which are decrypted in place. False: it is not to be read now.
    pub(super) fn unseal(&mut self, token: usize, input: &mut [u8], budget: &mut usize) -> bool {
        let Some(tls) = &mut self.connections[token].tls else {
            return true;
        };
        let mut plain = std::mem::take(&mut self.plain);
        let was_established = tls.is_established();
        let outcome = tls.receive(input, &mut plain, &mut self.tls_spares);
        let begins = tls.is_established() && !was_established;
        if !tls.output().is_empty() {
            self.touch(token);
        }
        if begins {
            self.connections[token].stage = Stage::Open;
            self.begin(token);
        }
        let is_open = |reactor: &Reactor| {
            let connection = reactor.connections.get(token);
            connection.is_some_and(|connection| connection.stage == Stage::Open)
        };
        let goes_on = plain.is_empty() || !is_open(self) || self.take_in(token, &plain, budget);
        plain.clear();
        plain.shrink_to(KEEP);
        self.plain = plain;
        if let Err(error) = outcome {
            self.end_tls(token, &error);
            return false;
        }
        goes_on && !self.has_taken_leave(token)
    }

    /// Whether the client has said under TLS that nothing more will come, and everything before that is with the
    /// workers: then that is the end of its input.
    pub(super) fn has_taken_leave(&mut self, token: usize) -> bool {
        let Some(connection) = self.connections.get(token) else {
            return true;
        };
        let said = connection.tls.as_ref().is_some_and(|tls| tls.peer_closed());
        let left = said && connection.stage == Stage::Open && !connection.inbound.ready;
        let is_news = left && !connection.peer_done; // it may stay: `open_half_close`
        if is_news {
            self.peer_closed(token);
        }
        is_news
    }

    /// TLS cannot go on.
    pub(super) fn end_tls(&mut self, token: usize, error: &TlsError) {
        let Some(connection) = self.connections.get_mut(token) else {
            return;
        };
        let id = connection.id;
        let begun = connection.stage != Stage::Opening;
        let client = self.shared.sessions.find(id);
        let client = client.map_or_else(String::new, |slot| slot.remote());
        let line = error.line(id, &client, begun);
        self.log.coded("tls", error.code(begun), line);
        let said = self.send_alert(token);
        match (begun, said) {
            (true, false) => self.break_off(token, PROTOCOL_ERROR),
            (false, false) => self.give_up(token),
            (true, true) => {
                self.note_broken(token, PROTOCOL_ERROR);
                self.close_after_output(token);
            }
            (false, true) => {
                self.note_given_up(token);
                self.connections[token].stage = Stage::Closing;
                self.touch(token);
            }
        }
    }

    /// Write what TLS has to say about its end. True: the client can read it, if the connection is not closed under
    /// bytes that it has sent meanwhile, for these would make it a reset. False: it has gone, or does not listen.
    fn send_alert(&mut self, token: usize) -> bool {
        let connection = &mut self.connections[token];
        if connection.peer_done {
            return false;
        }
        let Some(tls) = &mut connection.tls else {
            return true;
        };
        while !tls.output().is_empty() {
            match stream::write(&connection.socket, tls.output()) {
                Io::Bytes(count) => tls.wrote(count, &mut self.tls_spares),
                Io::WouldBlock | Io::Broken(_) => return false,
            }
        }
        true
    }

    /// Tell the session's worker that it has begun, and what was agreed on.
    pub(super) fn announce(&mut self, token: usize) {
        let connection = &self.connections[token];
        let port = self.ports.get(connection.port);
        if !port.tells_connect(connection.owner != NO_OWNER) {
            return;
        }
        let facts = connection.tls.as_ref().and_then(|tls| {
            let facts = tls.facts()?;
            let mut shown = tls.client_certificates().into_iter();
            Some(TlsInfo {
                version: facts.version.into(),
                cipher: facts.cipher,
                alpn: String::from_utf8_lossy(facts.alpn.unwrap_or_default()).into_owned(),
                server_name: facts.server_name.unwrap_or_default().into(),
                client_cert: shown.next().unwrap_or_default(),
                client_chain: shown.collect(),
            })
        });
        let payload = facts.map_or_else(Vec::new, |facts| facts.encode());
        self.dispatch_with(token, Kind::Connect, false, &payload);
    }
}

/// Encrypt and write until everything is with the kernel, the socket is full, or others shall have their turn. `last`:
/// nothing more will come. Also how much of the ciphertext the kernel has taken.
pub(super) fn flush(
    tls: &mut TlsSession,
    outbox: &mut Outbox,
    socket: &OwnedFd,
    spares: &mut Spares,
    tls_spares: &mut tls::Spares,
    last: bool,
) -> (Left, u64) {
    let mut written = 0;
    let left = 'out: loop {
        loop {
            let bytes = match outbox.front(spares) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break,
                Err(fault) => break 'out Left::Fault(fault),
            };
            match tls.seal(bytes, tls_spares) {
                Ok(0) => break, // enough is waiting for the socket
                Ok(taken) => outbox.consume(taken, spares),
                Err(_) => break 'out Left::Broken(PROTOCOL_ERROR),
            }
        }
        if last && outbox.len() == 0 {
            tls.close_notify(tls_spares);
        }
        if tls.output().is_empty() {
            break Left::Nothing;
        }
        match stream::write(socket, tls.output()) {
            Io::Bytes(count) => {
                tls.wrote(count, tls_spares);
                written += count as u64;
                if written >= BYTES_PER_TURN && (outbox.len() > 0 || !tls.output().is_empty()) {
                    break Left::More;
                }
            }
            Io::WouldBlock => break Left::Blocked,
            Io::Broken(errno) => break Left::Broken(errno),
        }
    };
    (left, written)
}

//! Clients of a pool, as one worker sees those it has accepted: `length, bytes` each way, and the end.
//!
//! A client that is slow keeps nobody waiting: what has come of its request is kept while others are served, and what it
//! does not take of its answer too. Each has [`PATIENCE`] for its request, and as long again for the answer.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use crate::net::listener::Listener;
use crate::net::stream::{self, Io};
use crate::sys::ready::{self, Want};

/// How long a client may take to send its request, and to read its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Clients of one worker at a time; others wait in the queue of the listening socket, for any worker.
const AT_ONCE: usize = 64;
/// Bytes of the length.
const HEAD: usize = 4;
/// Bytes that one read asks for.
const PIECE: usize = 64 << 10;

/// What a client has sent or is to be sent.
enum State {
    /// Its request, with the length in front.
    Sends(Vec<u8>),
    /// Its answer, with the length in front, and how much of it is written.
    Reads(Vec<u8>, usize),
}

struct Client {
    socket: OwnedFd,
    state: State,
    deadline: Instant,
}

/// A whole request.
pub(super) struct Request {
    socket: OwnedFd,
    bytes: Vec<u8>,
}

impl Request {
    pub(super) fn data(&self) -> &[u8] {
        self.bytes.get(HEAD..).unwrap_or_default()
    }
}

/// What one look at a client has shown.
enum Look {
    Nothing,
    Gone,
    Whole,
}

/// All clients of a worker.
pub(super) struct Clients<'p> {
    listeners: &'p [Listener],
    clients: Vec<Client>,
    whole: Vec<Request>,
    accepts: bool,
    limit: usize,
    scratch: Vec<u8>,
}

impl<'p> Clients<'p> {
    /// `limit`: bytes of the longest request.
    pub(super) fn new(listeners: &'p [Listener], limit: usize) -> Clients<'p> {
        Clients {
            listeners,
            clients: Vec::new(),
            whole: Vec::new(),
            accepts: true,
            limit,
            scratch: vec![0; PIECE],
        }
    }

    /// Wait until something has happened here or on the `others`, for `limit` at most, and deal with it.
    pub(super) fn wait(&mut self, others: &[RawFd], limit: Option<Duration>) {
        if !self.whole.is_empty() {
            return;
        }
        let listening = self.accepts && self.clients.len() < AT_ONCE;
        let mut wanted: Vec<_> = others.iter().map(|&other| (other, Want::Read)).collect();
        wanted.extend(self.clients.iter().map(|client| match client.state {
            State::Sends(_) => (client.socket.as_raw_fd(), Want::Read),
            State::Reads(..) => (client.socket.as_raw_fd(), Want::Write),
        }));
        if listening {
            wanted.extend(self.listeners.iter().map(|l| (l.raw(), Want::Read)));
        }
        let due = self.clients.iter().map(|client| client.deadline).min();
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        let Ok(ready) = ready::wait(&wanted, left.into_iter().chain(limit).min()) else {
            return;
        };
        let mut ready = ready.into_iter().skip(others.len());
        let of_clients: Vec<bool> = ready.by_ref().take(self.clients.len()).collect();
        self.look_at(&of_clients);
        if listening && ready.any(|ready| ready) {
            self.accept();
        }
    }

    fn look_at(&mut self, ready: &[bool]) {
        let now = Instant::now();
        let clients = std::mem::take(&mut self.clients);
        for (at, mut client) in clients.into_iter().enumerate() {
            let look = match ready.get(at) {
                Some(true) => client.look(&mut self.scratch, self.limit),
                _ => Look::Nothing,
            };
            match (look, client.state) {
                (Look::Whole, State::Sends(bytes)) => self.whole.push(Request {
                    socket: client.socket,
                    bytes,
                }),
                (Look::Nothing, state) if client.deadline > now => {
                    client.state = state;
                    self.clients.push(client);
                }
                _ => {} // gone, or too slow
            }
        }
    }

    fn accept(&mut self) {
        let listeners = self.listeners;
        for listener in listeners {
            // One each: the other workers are free for the next.
            if let Ok((socket, _)) = listener.accept() {
                self.clients.push(Client {
                    socket,
                    state: State::Sends(Vec::new()),
                    deadline: Instant::now() + PATIENCE,
                });
            }
        }
        // Its request has come with it, as a rule.
        let mut ready = vec![false; self.clients.len()];
        let fresh = ready.len().saturating_sub(listeners.len());
        ready.iter_mut().skip(fresh).for_each(|flag| *flag = true);
        self.look_at(&ready);
    }

    /// Take nobody else: the others are for the other workers, or the successor.
    pub(super) fn accept_no_more(&mut self) {
        self.accepts = false;
    }

    /// Whether somebody has still to send a request.
    pub(super) fn awaits_requests(&self) -> bool {
        let sends = |client: &Client| matches!(client.state, State::Sends(_));
        self.clients.iter().any(sends)
    }

    pub(super) fn next_request(&mut self) -> Option<Request> {
        match self.whole.is_empty() {
            true => None,
            false => Some(self.whole.remove(0)),
        }
    }

    /// Nothing to say is no answer: the connection is closed.
    pub(super) fn answer(&mut self, request: Request, answer: &[u8]) {
        let Ok(length) = u32::try_from(answer.len()) else {
            return;
        };
        if answer.is_empty() {
            return;
        }
        let mut bytes = Vec::with_capacity(HEAD + answer.len());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(answer);
        let mut client = Client {
            socket: request.socket,
            state: State::Reads(bytes, 0),
            deadline: Instant::now() + PATIENCE,
        };
        if let Look::Nothing = client.look(&mut [], 0) {
            self.clients.push(client);
        }
    }

    /// The worker ends: answers are written, in their time. Requests that have not come whole are nobody's.
    pub(super) fn finish(mut self) {
        self.clients
            .retain(|client| matches!(client.state, State::Reads(..)));
        while !self.clients.is_empty() {
            let wanted: Vec<_> = (self.clients.iter())
                .map(|client| (client.socket.as_raw_fd(), Want::Write))
                .collect();
            let due = self.clients.iter().map(|client| client.deadline).min();
            let left = due.map(|due| due.saturating_duration_since(Instant::now()));
            let Ok(ready) = ready::wait(&wanted, left) else {
                return;
            };
            self.look_at(&ready);
        }
    }
}

impl Client {
    fn look(&mut self, scratch: &mut [u8], limit: usize) -> Look {
        match &mut self.state {
            State::Sends(bytes) => loop {
                let missing = match length_of(bytes) {
                    Some(length) if length > limit => return Look::Gone,
                    Some(length) => (HEAD + length).saturating_sub(bytes.len()),
                    None => HEAD - bytes.len(),
                };
                if missing == 0 {
                    return Look::Whole;
                }
                let most = missing.min(scratch.len());
                let room = scratch.get_mut(..most).unwrap_or_default();
                match stream::read(&self.socket, room) {
                    Io::Bytes(0) | Io::Broken(_) => return Look::Gone,
                    Io::Bytes(count) => {
                        bytes.extend_from_slice(room.get(..count).unwrap_or_default());
                    }
                    Io::WouldBlock => return Look::Nothing,
                }
            },
            State::Reads(bytes, written) => loop {
                match stream::write(&self.socket, bytes.get(*written..).unwrap_or_default()) {
                    Io::Bytes(count) => *written += count,
                    Io::WouldBlock => return Look::Nothing,
                    Io::Broken(_) => return Look::Gone,
                }
                if *written >= bytes.len() {
                    return Look::Gone; // all is said
                }
            },
        }
    }
}

/// What the first bytes of a request say about its length.
fn length_of(bytes: &[u8]) -> Option<usize> {
    let head = bytes.first_chunk::<HEAD>()?;
    Some(u32::from_be_bytes(*head) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_needs_four_bytes() {
        assert_eq!(length_of(&[0, 0, 1]), None);
        assert_eq!(length_of(&[0, 0, 1, 2, 9]), Some(258));
    }
}

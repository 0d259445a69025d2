//! Clients of a pool, as one worker sees those it has accepted: `length, bytes` each way, and the end.
//!
//! A client that is slow keeps nobody waiting: what has come of its request is kept while others are served, and what it
//! does not take of its answer too. Each has [`PATIENCE`] for its request, and as long again for the answer. They are as many as
//! descriptors allow; one more, and who has been silent the longest makes room.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use slab::Slab;

use crate::net::listener::Listener;
use crate::net::stream::{self, Io};
use crate::sys::poller::{Poller, Readiness};
use crate::sys::process;
use crate::sys::ready;

/// How long a client may take to send its request, and to read its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most clients of one worker at a time, where the limit of descriptors allows more.
const AT_ONCE: usize = 16_384;
/// Fewest, however few descriptors there are.
const AT_LEAST: usize = 8;
/// Descriptors left to callbacks.
const SPARE: usize = 64;
/// Bytes of unfinished requests and answers of one worker.
const HELD: usize = 256 << 20;
/// How long to wait if there is no descriptor for a client, and none of a client to close.
const NO_DESCRIPTOR: Duration = Duration::from_millis(10);
/// Bytes of the length.
const HEAD: usize = 4;
/// Bytes that one read asks for.
const PIECE: usize = 64 << 10;
/// The first listening socket in the set; the others follow. Clients have the numbers from 0.
const LISTENERS: u64 = 1 << 32;

const READ: Readiness = Readiness {
    read: true,
    write: false,
};
const WRITE: Readiness = Readiness {
    read: false,
    write: true,
};

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
    /// When it last sent or took anything.
    heard: Instant,
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
    poller: Poller,
    clients: Slab<Client>,
    /// By deadline: whose time is up first.
    due: BTreeSet<(Instant, usize)>,
    /// By last sign of life, those who have their answer last.
    silent: BTreeSet<(bool, Instant, usize)>,
    /// Bytes of their requests and answers.
    held: usize,
    at_once: usize,
    whole: Vec<Request>,
    limit: usize,
    scratch: Vec<u8>,
    found: Vec<(u64, Readiness)>,
}

impl<'p> Clients<'p> {
    /// `limit`: bytes of the longest request.
    pub(super) fn new(listeners: &'p [Listener], limit: usize) -> io::Result<Clients<'p>> {
        let poller = Poller::new()?;
        for (token, listener) in (LISTENERS..).zip(listeners) {
            poller.add(listener.raw(), READ, token)?;
        }
        let free = process::free_descriptors().saturating_sub(SPARE);
        Ok(Clients {
            listeners,
            poller,
            clients: Slab::new(),
            due: BTreeSet::new(),
            silent: BTreeSet::new(),
            held: 0,
            at_once: free.clamp(AT_LEAST, AT_ONCE),
            whole: Vec::new(),
            limit,
            scratch: vec![0; PIECE],
            found: Vec::new(),
        })
    }

    /// Wait until something has happened here or on the `others`, for `limit` at most, and deal with it.
    pub(super) fn wait(&mut self, others: &[RawFd], limit: Option<Duration>) {
        if !self.whole.is_empty() {
            return;
        }
        let wanted = [others, &[self.poller.raw()]].concat();
        let due = self.due.first();
        let left = due.map(|(due, _)| due.saturating_duration_since(Instant::now()));
        let ready = ready::wait(&wanted, left.into_iter().chain(limit).min());
        if ready.is_ok_and(|ready| ready.last() == Some(&true)) {
            self.look_at_ready();
        }
        self.drop_overdue();
    }

    fn look_at_ready(&mut self) {
        let mut found = std::mem::take(&mut self.found);
        self.poller.look(Some(0), &mut found);
        for &(token, _) in found.iter().filter(|(token, _)| *token < LISTENERS) {
            self.look_at(token as usize);
        }
        // Behind all others, so that nobody new has the number of one that is gone.
        for &(token, _) in found.iter().filter(|(token, _)| *token >= LISTENERS) {
            let listeners = self.listeners;
            if let Some(listener) = listeners.get((token - LISTENERS) as usize) {
                // One each: the other workers are free for the next.
                self.accept(listener);
            }
        }
        self.found = found;
    }

    fn look_at(&mut self, at: usize) {
        let Some(client) = self.clients.get_mut(at) else {
            return;
        };
        let before = (client.silence(at), client.progress(), client.bytes());
        match client.look(&mut self.scratch, self.limit) {
            Look::Nothing if client.progress() == before.1 => {}
            Look::Nothing => {
                client.heard = Instant::now();
                self.silent.remove(&before.0);
                self.silent.insert(client.silence(at));
                self.held = self.held + client.bytes() - before.2;
                self.keep_within_bounds(at);
            }
            look => {
                self.held = self.held + client.bytes() - before.2;
                let client = self.take(at);
                self.note_end(look, client);
            }
        }
    }

    fn note_end(&mut self, look: Look, client: Option<Client>) {
        if let (
            Look::Whole,
            Some(Client {
                socket,
                state: State::Sends(bytes),
                ..
            }),
        ) = (look, client)
        {
            self.whole.push(Request { socket, bytes });
        }
    }

    fn drop_overdue(&mut self) {
        let now = Instant::now();
        while let Some(&(_, at)) = self.due.first().filter(|(due, _)| *due <= now) {
            drop(self.take(at));
        }
    }

    fn accept(&mut self, listener: &Listener) {
        while self.clients.len() >= self.at_once && self.drop_most_silent() {}
        let socket = match listener.accept() {
            Ok((socket, _)) => socket,
            Err(error) if matches!(error.raw_os_error(), Some(ENFILE | EMFILE)) => {
                // Callbacks have opened more than was left to them.
                if !self.drop_most_silent() {
                    std::thread::sleep(NO_DESCRIPTOR);
                }
                return;
            }
            Err(_) => return, // another worker was first, or the client has thought better of it
        };
        let now = Instant::now();
        let mut client = Client {
            socket,
            state: State::Sends(Vec::new()),
            deadline: now + PATIENCE,
            heard: now,
        };
        // Its request has come with it, as a rule.
        match client.look(&mut self.scratch, self.limit) {
            Look::Nothing => self.put(client),
            look => self.note_end(look, Some(client)),
        }
    }

    /// Hang up on who has been silent the longest; those who have their answer to read last. False if there is nobody.
    fn drop_most_silent(&mut self) -> bool {
        let first = self.silent.first();
        let gone = first.map(|&(_, _, at)| at).and_then(|at| self.take(at));
        gone.is_some()
    }

    /// Wait for a client.
    fn put(&mut self, client: Client) {
        let wanted = match client.state {
            State::Sends(_) => READ,
            State::Reads(..) => WRITE,
        };
        let at = self.clients.vacant_key();
        let descriptor = client.socket.as_raw_fd();
        if self.poller.add(descriptor, wanted, at as u64).is_err() {
            return; // out of memory: as if it had gone
        }
        self.due.insert((client.deadline, at));
        self.silent.insert(client.silence(at));
        self.held += client.bytes();
        self.clients.insert(client);
        self.keep_within_bounds(at);
    }

    /// Somebody has been given more memory: others make room, who have been silent the longest.
    fn keep_within_bounds(&mut self, given: usize) {
        while self.held > HELD {
            let holds = |at: usize| self.clients.get(at).is_some_and(|other| other.bytes() > 0);
            let mut others = self.silent.iter().map(|&(_, _, other)| other);
            let Some(other) = others.find(|&other| other != given && holds(other)) else {
                return; // what one client alone may have
            };
            drop(self.take(other));
        }
    }

    /// Do not wait for it any more.
    fn take(&mut self, at: usize) -> Option<Client> {
        let client = self.clients.try_remove(at)?;
        self.poller.remove(client.socket.as_raw_fd()); // a child of user code may hold it open
        self.due.remove(&(client.deadline, at));
        self.silent.remove(&client.silence(at));
        self.held -= client.bytes();
        Some(client)
    }

    /// Take nobody else: the others are for the other workers, or the successor.
    pub(super) fn accept_no_more(&mut self) {
        for listener in self.listeners {
            self.poller.remove(listener.raw());
        }
    }

    /// Whether somebody has still to send a request.
    pub(super) fn awaits_requests(&self) -> bool {
        let sends = |client: &Client| matches!(client.state, State::Sends(_));
        self.clients.iter().any(|(_, client)| sends(client))
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
        let now = Instant::now();
        let mut client = Client {
            socket: request.socket,
            state: State::Reads(bytes, 0),
            deadline: now + PATIENCE,
            heard: now,
        };
        if let Look::Nothing = client.look(&mut [], 0) {
            self.put(client);
        }
    }

    /// The worker ends: answers are written, in their time. Requests that have not come whole are nobody's.
    pub(super) fn finish(mut self) {
        self.accept_no_more();
        let sends = |client: &Client| matches!(client.state, State::Sends(_));
        let sending: Vec<_> = (self.clients.iter())
            .filter(|(_, client)| sends(client))
            .map(|(at, _)| at)
            .collect();
        for at in sending {
            drop(self.take(at));
        }
        self.whole.clear();
        while !self.clients.is_empty() {
            self.wait(&[], None);
        }
    }
}

/// No descriptor left in the system, or in this process.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

impl Client {
    /// Its place among those who are silent.
    fn silence(&self, at: usize) -> (bool, Instant, usize) {
        (matches!(self.state, State::Reads(..)), self.heard, at)
    }

    /// How far it has come.
    fn progress(&self) -> usize {
        match &self.state {
            State::Sends(bytes) => bytes.len(),
            State::Reads(_, written) => *written,
        }
    }

    /// What it costs.
    fn bytes(&self) -> usize {
        match &self.state {
            State::Sends(bytes) | State::Reads(bytes, _) => bytes.capacity(),
        }
    }

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

//! One session's place in shared memory. One writer per field group:
//!
//! | fields | written by |
//! |---|---|
//! | id, address, owner, reactor, times of birth | main thread, before the reactor hears of the session |
//! | token, received, sent, dispatched, closed files | the session's reactor |
//! | queued | whoever sends (atomic add) |
//! | uid | whoever is the first to bind the session |
//! | completed, consumed | whoever handled a message (atomic add) |
//! | state | everyone, by `fetch_or` of the bits below |
//!
//! Life of the state word: `LIVE` once its reactor has it. `CLAIMED` by whoever is the first to end the session and
//! so has the right to emit its close event. `ENDED` when sends stop being accepted: by `close()`, or
//! when the close callback starts after the peer has gone. `EVENT_DONE` and `SOCKET_CLOSED` in any
//! order; with both, the slot is free.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::SessionId;
use crate::ipc::shm::shared_block;
use crate::net::address::Peer;
use crate::sync::{AtomicI32, AtomicU32, AtomicU64, Ordering};

/// Bits of the state word.
pub(crate) mod state {
    /// Its reactor serves it.
    pub(crate) const LIVE: u32 = 1;
    /// The peer has closed its side; what the worker still sends is still delivered.
    pub(crate) const PEER_CLOSED: u32 = 2;
    /// Somebody has the right to emit the close event, and nobody else.
    pub(crate) const CLAIMED: u32 = 4;
    /// Sends are refused.
    pub(crate) const ENDED: u32 = 8;
    /// The close event has been delivered, or nobody wants it.
    pub(crate) const EVENT_DONE: u32 = 16;
    /// The socket is closed.
    pub(crate) const SOCKET_CLOSED: u32 = 32;
    /// The server asked for the end: messages still waiting are discarded.
    pub(crate) const SERVER_CLOSED: u32 = 64;
    /// The connect event has been handed to its callback.
    pub(crate) const CONNECTED: u32 = 128;
    /// Silence does not end it.
    pub(crate) const PROTECTED: u32 = 256;
    /// It is not to be read. Whoever changes this tells the reactor, which then looks here: so orders of
    /// several processes need no order among themselves.
    pub(crate) const PAUSED: u32 = 512;
    /// More was queued for the client than a watermark says, and the reactor has not seen it fall again.
    pub(crate) const FULL: u32 = 1024;
    /// Its messages may be in several workers: it ends when all of them are done.
    pub(crate) const SPREAD: u32 = 1 << 16;
    /// The connect event has been dealt with.
    pub(crate) const CONNECT_DONE: u32 = 1 << 17;
    /// With both, the slot is free.
    pub(crate) const FREE: u32 = EVENT_DONE | SOCKET_CLOSED;
}

/// Owner of a session whose messages go to any worker.
pub(crate) const NO_OWNER: u32 = u32::MAX;

shared_block! {
    /// One session.
    pub(crate) struct Slot {
        pub(super) id: AtomicU64,
        state: AtomicU32,
        owner: AtomicU32,
        reactor: AtomicU32,
        token: AtomicU32,
        pub(super) socket: AtomicI32,
        /// Family (0 unix, 4, 6) in the high half, port in the low.
        pub(super) peer: AtomicU32,
        pub(super) address: [AtomicU64; 2],
        pub(super) connected_us: AtomicU64,
        /// Index of the port it came by.
        pub(super) port: AtomicU32,
        /// User id it is bound to; 0 none.
        pub(super) uid: AtomicU32,

        pub(super) received_us: AtomicU64,
        pub(super) sent_us: AtomicU64,
        pub(super) dispatched_us: AtomicU64,
        dispatched: AtomicU64,
        dispatched_bytes: AtomicU64,
        sent_bytes: AtomicU64,
        pub(super) close_errno: AtomicI32,
        _second_line: AtomicU32,
        /// As `received_us`, monotonic, and the beginning of the session if nothing came yet.
        pub(super) alive_ms: AtomicU64,

        completed: AtomicU64,
        consumed_bytes: AtomicU64,
        queued_bytes: AtomicU64,
        queued_file_bytes: AtomicU64,
        sent_file_bytes: AtomicU64,
        /// Open files, given to the reactor ever,
        queued_files: AtomicU32,
        /// and closed by it.
        closed_files: AtomicU32,
        _third_line: [AtomicU64; 2],
    }
}

const _: () = assert!(size_of::<Slot>() == 192);

/// What is known of a session at accept.
pub(crate) struct Birth<'a> {
    pub(crate) port: u16,
    pub(crate) reactor: u32,
    pub(crate) socket: i32,
    pub(crate) peer: &'a Peer,
    pub(crate) now_us: u64,
}

fn encode_peer(peer: &Peer) -> (u32, u16, [u64; 2]) {
    match peer {
        Peer::Unix => (0, 0, [0; 2]),
        Peer::Ip(address) => match address.ip() {
            IpAddr::V4(ip) => (4, address.port(), [u64::from(ip.to_bits()), 0]),
            IpAddr::V6(ip) => {
                let bits = ip.to_bits();
                (6, address.port(), [(bits >> 64) as u64, bits as u64])
            }
        },
    }
}

impl Slot {
    /// A new session takes the slot. For the main thread only.
    pub(super) fn begin(&self, id: SessionId, birth: &Birth<'_>) {
        self.id.store(0, Ordering::Release); // the previous session is gone before its fields are
        self.owner.store(NO_OWNER, Ordering::Relaxed);
        self.reactor.store(birth.reactor, Ordering::Relaxed);
        self.socket.store(birth.socket, Ordering::Relaxed);
        self.set_peer(birth.peer);
        self.connected_us.store(birth.now_us, Ordering::Relaxed);
        self.port.store(birth.port.into(), Ordering::Relaxed);
        self.uid.store(0, Ordering::Relaxed);
        for word in [
            &self.alive_ms,
            &self.received_us,
            &self.sent_us,
            &self.dispatched_us,
            &self.dispatched,
            &self.dispatched_bytes,
            &self.sent_bytes,
            &self.completed,
            &self.consumed_bytes,
            &self.queued_bytes,
            &self.queued_file_bytes,
            &self.sent_file_bytes,
        ] {
            word.store(0, Ordering::Relaxed);
        }
        self.queued_files.store(0, Ordering::Relaxed);
        self.closed_files.store(0, Ordering::Relaxed);
        self.close_errno.store(0, Ordering::Relaxed);
        self.state.store(0, Ordering::Relaxed);
        self.id.store(id, Ordering::Release);
    }

    /// Whether another session may take the slot.
    pub(super) fn is_free(&self) -> bool {
        let id = self.id.load(Ordering::Acquire);
        id == 0 || self.has(state::FREE)
    }

    /// Being closed, or gone.
    pub(super) fn is_over(&self) -> bool {
        self.state.load(Ordering::Acquire) & (state::CLAIMED | state::ENDED) != 0
    }

    /// Open for sending and not being closed.
    pub(crate) fn is_open(&self) -> bool {
        let now = self.state.load(Ordering::Acquire);
        let over = state::CLAIMED | state::ENDED | state::PEER_CLOSED;
        now & state::LIVE != 0 && now & over == 0
    }

    /// Whether all of `bits` are set.
    pub(crate) fn has(&self, bits: u32) -> bool {
        self.state.load(Ordering::Acquire) & bits == bits
    }

    /// Set bits; returns the state before. SeqCst: `PEER_CLOSED` here and `completed` below are
    /// a store-then-load pair between reactor and worker.
    pub(crate) fn mark(&self, bits: u32) -> u32 {
        self.state.fetch_or(bits, Ordering::SeqCst)
    }

    /// Take bits back.
    pub(crate) fn unmark(&self, bits: u32) {
        self.state.fetch_and(!bits, Ordering::SeqCst);
    }

    /// Set `bits` of a session whose client has closed its side, unless its end has begun here too: the close event
    /// is on its way already. False: nothing was changed.
    pub(crate) fn mark_ending_after_peer(&self, bits: u32) -> bool {
        let over = state::PEER_CLOSED | state::ENDED;
        let end = |now| (now & over == state::PEER_CLOSED).then_some(now | bits);
        self.state
            .fetch_update(Ordering::SeqCst, Ordering::Acquire, end)
            .is_ok()
    }

    /// Set `bits` unless the session is being closed already. False: it is, and nothing was changed.
    pub(crate) fn mark_ending(&self, bits: u32) -> bool {
        let end = |now| (now & (state::CLAIMED | state::ENDED) == 0).then_some(now | bits);
        self.state
            .fetch_update(Ordering::SeqCst, Ordering::Acquire, end)
            .is_ok()
    }

    /// Worker that owns the session, or [`NO_OWNER`]. SeqCst: with `state` it makes the pair by which a worker that
    /// closes a session and the reactor that moves it see each other.
    pub(crate) fn owner(&self) -> u32 {
        self.owner.load(Ordering::SeqCst)
    }

    /// User id it is bound to; 0 none.
    pub(crate) fn uid(&self) -> u32 {
        self.uid.load(Ordering::Acquire)
    }

    /// Index of the port it came by.
    pub(crate) fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed) as u16
    }

    /// The client is at this address. For the main thread at first; the reactor learns better from a PROXY
    /// header, before anybody sees the session.
    pub(crate) fn set_peer(&self, peer: &Peer) {
        let (family, port, address) = encode_peer(peer);
        let word = family << 16 | u32::from(port);
        self.peer.store(word, Ordering::Relaxed);
        self.address[0].store(address[0], Ordering::Relaxed);
        self.address[1].store(address[1], Ordering::Relaxed);
    }

    /// Where the client is.
    pub(crate) fn peer(&self) -> Peer {
        let word = self.peer.load(Ordering::Relaxed);
        let (high, low) = (
            self.address[0].load(Ordering::Relaxed),
            self.address[1].load(Ordering::Relaxed),
        );
        let ip: IpAddr = match word >> 16 {
            4 => Ipv4Addr::from_bits(high as u32).into(),
            6 => Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)).to_canonical(),
            _ => return Peer::Unix,
        };
        Peer::Ip(SocketAddr::new(ip, word as u16))
    }

    /// Reactor: this worker owns the session from now on.
    pub(crate) fn set_owner(&self, worker: u32) {
        self.owner.store(worker, Ordering::SeqCst);
    }

    /// Whether no message has been given to a worker yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.dispatched.load(Ordering::Relaxed) == 0
    }

    /// Reactor thread that serves it.
    pub(crate) fn reactor(&self) -> u32 {
        self.reactor.load(Ordering::Relaxed)
    }

    /// The reactor's private index of the connection.
    pub(crate) fn token(&self) -> u32 {
        self.token.load(Ordering::Relaxed)
    }

    pub(crate) fn set_token(&self, token: u32) {
        self.token.store(token, Ordering::Relaxed);
    }

    /// Reactor: bytes came from the client.
    pub(crate) fn note_received(&self, now_us: u64, now_ms: u64) {
        self.received_us.store(now_us, Ordering::Relaxed);
        self.note_alive(now_ms);
    }

    /// Reactor: from now on the client's silence counts.
    pub(crate) fn note_alive(&self, now_ms: u64) {
        self.alive_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Whether the client has been silent for `limit_ms` and that is not allowed.
    pub(crate) fn is_silent(&self, limit_ms: u64, now_ms: u64) -> bool {
        let silent = now_ms.saturating_sub(self.alive_ms.load(Ordering::Relaxed));
        limit_ms > 0 && silent >= limit_ms && !self.has(state::PROTECTED)
    }

    /// Bind it to a user id, once; 0 binds nothing. False: it is bound already.
    pub(crate) fn bind(&self, uid: u32) -> bool {
        self.uid
            .compare_exchange(0, uid, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// When a worker was last given something of it, Unix time in microseconds.
    pub(crate) fn dispatched_us(&self) -> u64 {
        self.dispatched_us.load(Ordering::Relaxed)
    }

    /// Reactor: so many messages, of so many bytes together, were given to workers.
    pub(crate) fn note_dispatched(&self, messages: u64, bytes: u64, now_us: u64) {
        self.dispatched_us.store(now_us, Ordering::Relaxed);
        // Single writer: load and store are enough.
        let total = self.dispatched_bytes.load(Ordering::Relaxed) + bytes;
        self.dispatched_bytes.store(total, Ordering::Relaxed);
        let messages = self.dispatched.load(Ordering::Relaxed) + messages;
        self.dispatched.store(messages, Ordering::SeqCst);
    }

    /// Reactor: bytes left the queue, written or dropped.
    pub(crate) fn note_sent(&self, bytes: u64, now_us: u64) {
        self.sent_us.store(now_us, Ordering::Relaxed);
        self.sent_bytes.store(
            self.sent_bytes.load(Ordering::Relaxed) + bytes,
            Ordering::Release,
        );
    }

    pub(crate) fn note_errno(&self, errno: i32) {
        self.close_errno.store(errno, Ordering::Relaxed);
    }

    /// Worker: a callback takes a message of `bytes`.
    pub(crate) fn note_consumed(&self, bytes: usize) {
        self.consumed_bytes
            .fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Worker (or the manager for a dead one): a message is dealt with. True if it was the last one
    /// of a session whose peer has closed, so that the reactor waits for this news.
    pub(crate) fn note_completed(&self) -> bool {
        let completed = self.completed.fetch_add(1, Ordering::SeqCst) + 1;
        self.state.load(Ordering::SeqCst) & state::PEER_CLOSED != 0
            && completed >= self.dispatched.load(Ordering::SeqCst)
    }

    /// Whether every message given to a worker has been dealt with.
    pub(crate) fn all_completed(&self) -> bool {
        self.completed.load(Ordering::SeqCst) >= self.dispatched.load(Ordering::SeqCst)
    }

    /// Messages given to workers and not dealt with.
    pub(super) fn unanswered(&self) -> u64 {
        let completed = self.completed.load(Ordering::SeqCst);
        let dispatched = self.dispatched.load(Ordering::SeqCst);
        dispatched.saturating_sub(completed)
    }

    /// Bytes given to workers and not yet taken.
    pub(crate) fn recv_queued(&self) -> u64 {
        let consumed = self.consumed_bytes.load(Ordering::Relaxed);
        self.dispatched_bytes
            .load(Ordering::Relaxed)
            .saturating_sub(consumed)
    }

    /// Reactor: the same, and the account is put right where it can be: of a message that died with its worker
    /// before it was whole there, nobody took the bytes. With nothing under way, nothing waits.
    pub(crate) fn settle_queued(&self) -> u64 {
        let queued = self.recv_queued();
        if queued > 0 && self.all_completed() {
            let consumed = self.consumed_bytes.load(Ordering::Relaxed);
            self.dispatched_bytes.store(consumed, Ordering::Relaxed);
            return 0;
        }
        queued
    }

    /// Bytes accepted by send and not yet written.
    pub(crate) fn send_queued(&self) -> u64 {
        let sent = self.sent_bytes.load(Ordering::Acquire);
        self.queued_bytes
            .load(Ordering::Relaxed)
            .saturating_sub(sent)
    }

    /// Sender: `bytes` are on their way. `full`: from how much on somebody wants to hear of a slow client.
    pub(crate) fn note_queued(&self, bytes: usize, full: Option<u64>) {
        self.queued_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if full.is_some_and(|full| self.send_queued() >= full) && !self.has(state::FULL) {
            self.mark(state::FULL);
        }
    }

    /// Sender: `files` descriptors, with `bytes` of files in file systems, are on their way.
    pub(crate) fn note_file_queued(&self, files: u32, bytes: u64) {
        self.queued_files.fetch_add(files, Ordering::Relaxed);
        self.queued_file_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Reactor (a sender whose message did not go, besides): so many are closed, and so many bytes written or dropped.
    pub(crate) fn note_file_sent(&self, files: u32, bytes: u64) {
        self.closed_files.fetch_add(files, Ordering::Relaxed);
        self.sent_file_bytes.fetch_add(bytes, Ordering::Release);
    }

    /// Bytes of files accepted and not yet written. They do not count against `socket_buffer_size`.
    pub(crate) fn files_queued(&self) -> u64 {
        let sent = self.sent_file_bytes.load(Ordering::Acquire);
        let queued = self.queued_file_bytes.load(Ordering::Relaxed);
        queued.saturating_sub(sent)
    }

    /// Descriptors that wait for this client.
    pub(crate) fn files_open(&self) -> u32 {
        let closed = self.closed_files.load(Ordering::Relaxed);
        let queued = self.queued_files.load(Ordering::Relaxed);
        queued.wrapping_sub(closed)
    }
}

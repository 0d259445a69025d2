//! The shared table of sessions: what every process may want to know about a connection.
//!
//! A session of id `n` is in slot `n mod slots`; an id whose slot is taken is skipped, so ids never
//! repeat and a lookup is one comparison. One writer per field group:
//!
//! | fields | written by |
//! |---|---|
//! | id, address, owner, reactor, times of birth | main thread, before the reactor hears of the session |
//! | token, received, sent, dispatched | the session's reactor |
//! | queued | whoever sends (atomic add) |
//! | completed, consumed | whoever handled a message (atomic add) |
//! | state | everyone, by `fetch_or` of the bits below |
//!
//! Life of the state word: `LIVE` once its reactor has it. `CLAIMED` by whoever is the first to end the session and
//! so has the right to emit its close event. `ENDED` when sends stop being accepted: by `close()`, or
//! when the close callback starts after the peer has gone. `EVENT_DONE` and `SOCKET_CLOSED` in any
//! order; with both, the slot is free.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::SessionId;
use crate::ipc::shm::{At, Layout, Region, shared_block};
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
    /// With both, the slot is free.
    pub(crate) const FREE: u32 = EVENT_DONE | SOCKET_CLOSED;
}

/// Owner of a session whose messages go to any worker.
pub(crate) const NO_OWNER: u32 = u32::MAX;

shared_block! {
    /// One session.
    pub(crate) struct Slot {
        id: AtomicU64,
        state: AtomicU32,
        owner: AtomicU32,
        reactor: AtomicU32,
        token: AtomicU32,
        socket: AtomicI32,
        /// Family (0 unix, 4, 6) in the high half, port in the low.
        peer: AtomicU32,
        address: [AtomicU64; 2],
        connected_us: AtomicU64,
        /// Index of the port it came by.
        port: AtomicU32,
        /// User id it is bound to; 0 none.
        uid: AtomicU32,

        received_us: AtomicU64,
        sent_us: AtomicU64,
        dispatched_us: AtomicU64,
        dispatched: AtomicU64,
        dispatched_bytes: AtomicU64,
        sent_bytes: AtomicU64,
        close_errno: AtomicI32,
        _second_line: [AtomicU32; 3],

        completed: AtomicU64,
        consumed_bytes: AtomicU64,
        queued_bytes: AtomicU64,
        _third_line: [AtomicU64; 5],
    }
}

const _: () = assert!(size_of::<Slot>() == 192);

/// Place of the table in shared memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionTableAt {
    slots: At<Slot>,
    mask: u64,
}

impl SessionTableAt {
    /// Reserve room for `limit` sessions at a time.
    pub(crate) fn place(layout: &mut Layout, limit: u32) -> SessionTableAt {
        // Twice the limit: a session that has ended keeps its slot until its worker has seen the close.
        let slots = (2 * limit.max(512) as usize).next_power_of_two();
        SessionTableAt {
            slots: layout.place(slots),
            mask: slots as u64 - 1,
        }
    }
}

/// The table, as any process or thread sees it.
#[derive(Clone)]
pub(crate) struct SessionTable {
    region: Arc<Region>,
    at: SessionTableAt,
}

/// What `getClientInfo` tells.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionInfo {
    /// Index of the port it came by.
    pub port: u16,
    /// Worker that gets this session's messages; `None` if any worker may.
    pub worker: Option<u32>,
    /// Descriptor of the connection in the master.
    pub socket: i32,
    /// The client's port; 0 on a unix socket.
    pub remote_port: u16,
    /// The client's address; empty on a unix socket.
    pub remote_ip: String,
    /// Reactor thread that serves the connection.
    pub reactor: u32,
    /// When it was accepted, microseconds since the Unix epoch.
    pub connected_us: u64,
    /// Last bytes from the client, microseconds since the epoch; 0 never.
    pub received_us: u64,
    /// Last bytes written to the client; 0 never.
    pub sent_us: u64,
    /// Last message given to a worker; 0 never.
    pub dispatched_us: u64,
    /// `errno` that ended the connection, 0 if none.
    pub close_errno: i32,
    /// Bytes given to workers and not yet taken by a callback.
    pub recv_queued_bytes: u64,
    /// Bytes accepted by send and not yet written to the socket.
    pub send_queued_bytes: u64,
}

impl SessionInfo {
    /// The client as log lines name it.
    pub(crate) fn remote(&self) -> String {
        let Self {
            remote_ip,
            remote_port,
            ..
        } = self;
        match (remote_ip.is_empty(), remote_ip.contains(':')) {
            (true, _) => "unix".into(),
            (_, true) => format!("[{remote_ip}]:{remote_port}"),
            (_, false) => format!("{remote_ip}:{remote_port}"),
        }
    }
}

impl SessionTable {
    pub(crate) fn new(region: Arc<Region>, at: SessionTableAt) -> SessionTable {
        SessionTable { region, at }
    }

    fn slots(&self) -> &[Slot] {
        self.region.slice(self.at.slots)
    }

    fn slot(&self, id: SessionId) -> &Slot {
        &self.slots()[(id & self.at.mask) as usize]
    }

    /// The session with this id, in whatever state, as long as its slot is not reused.
    pub(crate) fn find(&self, id: SessionId) -> Option<&Slot> {
        let slot = self.slot(id);
        (id != 0 && slot.id.load(Ordering::Acquire) == id).then_some(slot)
    }

    /// The session with this id, if its reactor has adopted it: what may be sent to and closed.
    pub(crate) fn find_live(&self, id: SessionId) -> Option<&Slot> {
        self.find(id).filter(|slot| slot.has(state::LIVE))
    }

    /// The first id from `next` on whose slot is free, if there is one. For the main thread only.
    pub(crate) fn free_id(&self, next: SessionId) -> Option<SessionId> {
        (next..next + self.slots().len() as u64).find(|&id| self.slot(id).is_free())
    }

    /// Begin a session in a free slot. For the main thread only.
    ///
    /// It becomes `LIVE`, and so visible to senders, when its reactor has adopted it.
    pub(crate) fn open(&self, id: SessionId, birth: Birth<'_>) {
        let slot = self.slot(id);
        slot.id.store(0, Ordering::Release); // the previous session is gone before its fields are
        let (family, port, address) = encode_peer(birth.peer);
        slot.owner.store(NO_OWNER, Ordering::Relaxed);
        slot.reactor.store(birth.reactor, Ordering::Relaxed);
        slot.socket.store(birth.socket, Ordering::Relaxed);
        slot.peer
            .store(family << 16 | u32::from(port), Ordering::Relaxed);
        slot.address[0].store(address[0], Ordering::Relaxed);
        slot.address[1].store(address[1], Ordering::Relaxed);
        slot.connected_us.store(birth.now_us, Ordering::Relaxed);
        slot.port.store(birth.port.into(), Ordering::Relaxed);
        slot.uid.store(0, Ordering::Relaxed);
        for word in [
            &slot.received_us,
            &slot.sent_us,
            &slot.dispatched_us,
            &slot.dispatched,
            &slot.dispatched_bytes,
            &slot.sent_bytes,
            &slot.completed,
            &slot.consumed_bytes,
            &slot.queued_bytes,
        ] {
            word.store(0, Ordering::Relaxed);
        }
        slot.close_errno.store(0, Ordering::Relaxed);
        slot.state.store(0, Ordering::Relaxed);
        slot.id.store(id, Ordering::Release);
    }

    /// Messages given to workers and not dealt with, of all sessions up to the `last` id.
    pub(crate) fn unanswered(&self, last: SessionId) -> u64 {
        let touched = usize::try_from(last).map_or(usize::MAX, |last| last.saturating_add(1));
        // Slots that no id has reached are not looked at, which would make them cost memory.
        let slots = self.slots().iter().take(touched);
        slots.map(Slot::unanswered).sum()
    }

    /// The sessions that are open. `given`: the ids given so far; slots that no id has reached are not
    /// looked at, which would make them cost memory.
    pub(crate) fn open_slots(
        &self,
        given: RangeInclusive<SessionId>,
    ) -> impl Iterator<Item = &Slot> {
        given
            .take(self.slots().len())
            .map(|id| self.slot(id))
            .filter(|slot| slot.is_open())
    }

    /// Ids of sessions that are open, greater than `after`, smallest first, at most `limit`; of one port, if one
    /// is named. `given`: as for [`SessionTable::open_slots`].
    pub(crate) fn list(
        &self,
        given: RangeInclusive<SessionId>,
        port: Option<u16>,
        after: SessionId,
        limit: usize,
    ) -> Vec<SessionId> {
        let mut ids: Vec<SessionId> = self
            .open_slots(given)
            .filter(|slot| port.is_none_or(|port| slot.port() == port))
            .map(|slot| slot.id.load(Ordering::Acquire))
            .filter(|&id| id > after)
            .collect();
        ids.sort_unstable();
        ids.truncate(limit);
        ids
    }
}

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
    fn is_free(&self) -> bool {
        let id = self.id.load(Ordering::Acquire);
        id == 0 || self.has(state::FREE)
    }

    /// Open for sending and not being closed.
    pub(crate) fn is_open(&self) -> bool {
        let now = self.state.load(Ordering::Acquire);
        now & state::LIVE != 0 && now & (state::CLAIMED | state::ENDED) == 0
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

    /// Set `bits` unless the session is being closed already. False: it is, and nothing was changed.
    pub(crate) fn mark_ending(&self, bits: u32) -> bool {
        let end = |now| (now & (state::CLAIMED | state::ENDED) == 0).then_some(now | bits);
        self.state
            .fetch_update(Ordering::SeqCst, Ordering::Acquire, end)
            .is_ok()
    }

    /// Worker that owns the session, or [`NO_OWNER`].
    pub(crate) fn owner(&self) -> u32 {
        self.owner.load(Ordering::Relaxed)
    }

    /// Index of the port it came by.
    pub(crate) fn port(&self) -> u16 {
        self.port.load(Ordering::Relaxed) as u16
    }

    /// Reactor: this worker owns the session from now on.
    pub(crate) fn set_owner(&self, worker: u32) {
        self.owner.store(worker, Ordering::Relaxed);
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
    pub(crate) fn note_received(&self, now_us: u64) {
        self.received_us.store(now_us, Ordering::Relaxed);
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

    fn unanswered(&self) -> u64 {
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

    /// Bytes accepted by send and not yet written.
    pub(crate) fn send_queued(&self) -> u64 {
        let sent = self.sent_bytes.load(Ordering::Acquire);
        self.queued_bytes
            .load(Ordering::Relaxed)
            .saturating_sub(sent)
    }

    /// Sender: `bytes` are on their way.
    pub(crate) fn note_queued(&self, bytes: usize) {
        self.queued_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Everything about the session, as of now.
    pub(crate) fn info(&self) -> SessionInfo {
        let peer = self.peer.load(Ordering::Relaxed);
        let (high, low) = (
            self.address[0].load(Ordering::Relaxed),
            self.address[1].load(Ordering::Relaxed),
        );
        let remote_ip = match peer >> 16 {
            4 => Ipv4Addr::from_bits(high as u32).to_string(),
            6 => {
                let ip = Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low));
                ip.to_ipv4_mapped()
                    .map_or_else(|| ip.to_string(), |v4| v4.to_string())
            }
            _ => String::new(),
        };
        let owner = self.owner();
        SessionInfo {
            port: self.port(),
            worker: (owner != NO_OWNER).then_some(owner),
            socket: self.socket.load(Ordering::Relaxed),
            remote_port: peer as u16,
            remote_ip,
            reactor: self.reactor(),
            connected_us: self.connected_us.load(Ordering::Relaxed),
            received_us: self.received_us.load(Ordering::Relaxed),
            sent_us: self.sent_us.load(Ordering::Relaxed),
            dispatched_us: self.dispatched_us.load(Ordering::Relaxed),
            close_errno: self.close_errno.load(Ordering::Relaxed),
            recv_queued_bytes: self.recv_queued(),
            send_queued_bytes: self.send_queued(),
        }
    }
}

#[cfg(all(test, not(loom)))]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod tests {
    use super::*;

    /// The smallest table.
    const SLOTS: u64 = 1024;

    fn table() -> SessionTable {
        let mut layout = Layout::default();
        let at = SessionTableAt::place(&mut layout, SLOTS as u32 / 2);
        SessionTable::new(Arc::new(Region::map(&layout).unwrap()), at)
    }

    fn open(table: &SessionTable, id: SessionId) {
        table.open(
            id,
            Birth {
                port: 0,
                reactor: 1,
                socket: 9,
                peer: &Peer::Unix,
                now_us: id,
            },
        );
        assert!(
            table.find_live(id).is_none(),
            "not before its reactor has it"
        );
        table.find(id).unwrap().mark(state::LIVE);
    }

    fn end(table: &SessionTable, id: SessionId) {
        table
            .find(id)
            .unwrap()
            .mark(state::CLAIMED | state::ENDED | state::FREE);
    }

    #[test]
    fn ids_are_never_given_twice() {
        let table = table();
        let mut last = 0;
        for _ in 0..5 * SLOTS {
            let id = table.free_id(last + 1).unwrap();
            assert!(id > last);
            open(&table, id);
            end(&table, id);
            last = id;
        }
    }

    #[test]
    fn ids_of_occupied_slots_are_skipped() {
        let table = table();
        for id in 1..=SLOTS {
            open(&table, table.free_id(id).unwrap());
        }
        assert_eq!(table.free_id(SLOTS + 1), None, "every slot is taken");
        end(&table, 5);
        end(&table, 7);
        assert_eq!(table.free_id(SLOTS + 1), Some(SLOTS + 5));
        open(&table, SLOTS + 5);
        assert_eq!(table.free_id(SLOTS + 6), Some(SLOTS + 7));
    }

    #[test]
    fn a_slot_is_free_only_after_both_the_event_and_the_socket() {
        for bits in [state::EVENT_DONE, state::SOCKET_CLOSED] {
            let table = table();
            open(&table, 1);
            table.find(1).unwrap().mark(state::ENDED | bits);
            assert_eq!(table.free_id(SLOTS + 1), Some(SLOTS + 2));
            table.find(1).unwrap().mark(state::FREE);
            assert_eq!(table.free_id(SLOTS + 1), Some(SLOTS + 1));
        }
    }

    #[test]
    fn an_old_id_finds_nothing_once_its_slot_is_reused() {
        let table = table();
        assert!(table.find(0).is_none() && table.find(3).is_none());
        open(&table, 3);
        table.find(3).unwrap().note_queued(10);
        assert!(table.find(3 + SLOTS).is_none());
        end(&table, 3);
        assert!(
            table.find(3).is_some(),
            "its last facts stay readable until then"
        );
        open(&table, 3 + SLOTS);
        assert!(table.find(3).is_none());
        let slot = table.find(3 + SLOTS).unwrap();
        assert!(slot.is_open());
        assert_eq!(slot.send_queued(), 0, "nothing of the predecessor is left");
    }

    #[test]
    fn lists_page_through_open_sessions_in_order() {
        let table = table();
        let ids: Vec<_> = (60..90).collect();
        ids.iter().rev().for_each(|&id| open(&table, id));
        for id in [60, 75, 89] {
            table.find(id).unwrap().mark(state::CLAIMED);
        }
        let open: Vec<_> = ids
            .into_iter()
            .filter(|id| ![60, 75, 89].contains(id))
            .collect();
        let mut pages = Vec::new();
        let mut after = 0;
        loop {
            let page = table.list(1..=100, None, after, 10);
            let Some(&last) = page.last() else { break };
            after = last;
            pages.push(page);
        }
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 7]);
        assert_eq!(pages.concat(), open);
        assert_eq!(table.list(1..=100, None, 0, 0), []);
        assert_eq!(table.list(1..=100, None, SessionId::MAX, 10), []);
    }

    #[test]
    fn the_last_completion_after_the_peer_has_gone_is_told() {
        let table = table();
        open(&table, 1);
        let slot = table.find(1).unwrap();
        slot.note_dispatched(1, 5, 1);
        slot.note_dispatched(1, 5, 1);
        assert!(!slot.note_completed());
        slot.mark(state::PEER_CLOSED);
        assert!(!slot.all_completed());
        assert!(slot.note_completed());
        assert!(slot.all_completed());
    }
}

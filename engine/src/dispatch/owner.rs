//! Which worker owns a session, where one does.

use std::net::IpAddr;

use super::Dispatcher;
use crate::net::address::Peer;
use crate::session::SessionId;
use crate::session::table::{NO_OWNER, Slot};
use crate::settings::DispatchMode;
use crate::stats::seat_state;
use crate::sync::Ordering;
use crate::sys::clock;

/// A worker that has been in one callback for so long gets no new session, if another is free.
pub(super) const BUSY_MS: u64 = 5;

impl Dispatcher {
    /// The worker that owns a session from its first event on, or [`NO_OWNER`] in modes that spread messages.
    ///
    /// The owner is kept in the session's record and not computed anew: workers come and go, and `bind()` changes it.
    pub(crate) fn owner_for(&mut self, session: SessionId) -> u32 {
        let workers = self.shared.workers();
        match self.mode {
            DispatchMode::Sticky | DispatchMode::Adaptive => self.by_session(session),
            DispatchMode::User => {
                let uid = self.shared.sessions.find(session).map_or(0, Slot::uid);
                match uid {
                    0 => self.by_session(session),
                    uid => uid % workers,
                }
            }
            DispatchMode::Address => {
                let peer = self.shared.sessions.find(session).map(Slot::peer);
                let key = peer.as_ref().and_then(address_key);
                key.map_or((session % u64::from(workers)) as u32, |key| key % workers)
            }
            DispatchMode::LeastLoadedOnce => {
                let worker = self.least_loaded();
                self.turn.fetch_add(1, Ordering::Relaxed);
                worker
            }
            _ => NO_OWNER,
        }
    }

    /// The session id is hashed rather than the descriptor: descriptors are reused lowest first and would send
    /// every short connection to the same worker. A worker that is stuck in a callback, or not there, is passed
    /// over: affinity is worth something once a session has begun, and nothing before.
    fn by_session(&self, session: SessionId) -> u32 {
        let shared = &self.shared;
        let workers = u64::from(shared.workers());
        let hashed = (session % workers) as u32;
        let is_free = |&worker: &u32| {
            let block = shared.seat_block(shared.seat_of(worker));
            if block.state.load(Ordering::Relaxed) != seat_state::READY {
                // One of the first generation is about to come: without its share the others would keep it.
                return shared.worker(worker).forks.load(Ordering::Relaxed) <= 1;
            }
            !self.in_callback_for(worker, BUSY_MS)
        };
        let candidates = (0..workers).map(|step| ((session + step) % workers) as u32);
        { candidates }.find(is_free).unwrap_or(hashed)
    }

    /// Whether a worker has been in its present callback for so long.
    pub(super) fn in_callback_for(&self, worker: u32, ms: u64) -> bool {
        self.ms_in_callback(worker) >= ms
    }

    /// How long a worker has been in its present callback, by a clock that is a few ms coarse; 0 if it is in none.
    pub(super) fn ms_in_callback(&self, worker: u32) -> u64 {
        let block = self.shared.seat_block(self.shared.seat_of(worker));
        match block.callback_since_ms.load(Ordering::Relaxed) {
            0 => 0,
            since => clock::coarse_ms().saturating_sub(since),
        }
    }
}

/// What mode 4 divides by the number of workers: an IPv4 address as a number, so that neighbours spread; of an IPv6
/// address a hash of its 16 bytes and nothing else.
fn address_key(peer: &Peer) -> Option<u32> {
    let Peer::Ip(address) = peer else {
        return None;
    };
    Some(match address.ip() {
        IpAddr::V4(ip) => ip.to_bits(),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(v4) => v4.to_bits(),
            None => crc32fast::hash(&ip.octets()),
        },
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod tests {
    use super::*;

    fn key(text: &str) -> Option<u32> {
        address_key(&Peer::Ip(text.parse().unwrap()))
    }

    #[test]
    fn addresses_count_and_ports_do_not() {
        assert_eq!(key("10.0.0.7:1"), Some(0x0a00_0007));
        assert_eq!(key("[::ffff:10.0.0.7]:1"), key("10.0.0.7:2"));
        assert_eq!(key("[fd00::1]:1"), key("[fd00::1]:2"));
        assert_ne!(key("[fd00::1]:1"), key("[fd00::2]:1"));
        assert_eq!(address_key(&Peer::Unix), None);
    }
}

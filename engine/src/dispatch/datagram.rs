//! Datagrams have no session: what stands for one is their sender.

use std::net::SocketAddr;

use crate::net::peer::DatagramPeer;

/// The sender of a datagram as dispatch modes see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DatagramKey {
    /// The same for all datagrams of one host or unix socket; dispatch functions get it in place of a session id.
    pub(crate) hash: u32,
    /// An IPv4 address as a number, in the order in which it is written.
    v4: Option<u32>,
}

impl DatagramKey {
    /// For [`DatagramPeer::key`] and, in mode 4, the address itself.
    pub(crate) fn of(peer: &DatagramPeer) -> DatagramKey {
        let v4 = match peer {
            DatagramPeer::Ip(SocketAddr::V4(v4)) => Some(v4.ip().to_bits()),
            _ => None,
        };
        DatagramKey {
            hash: peer.key(),
            v4,
        }
    }

    /// What mode 4 divides by the number of workers.
    pub(super) fn by_address(&self) -> u32 {
        self.v4.unwrap_or(self.hash)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod tests {
    use super::*;
    use crate::net::peer::UnixName;

    fn ip(text: &str) -> DatagramKey {
        DatagramKey::of(&DatagramPeer::Ip(text.parse().unwrap()))
    }

    #[test]
    fn keys_are_those_that_scripts_know() {
        assert_eq!(ip("127.0.0.1:5000").hash, 0x0100_007f);
        assert_eq!(ip("127.0.0.1:5000").by_address(), 0x7f00_0001);
        assert_eq!(ip("[::1]:5000").hash, crc32fast::hash(b"::1"));
        let name = UnixName::new(b"/run/a.sock").unwrap();
        let key = DatagramKey::of(&DatagramPeer::Unix(name));
        assert_eq!(key.hash, crc32fast::hash(b"/run/a.sock"));
        assert_eq!(key.by_address(), key.hash);
    }

    #[test]
    fn the_port_of_a_sender_does_not_matter() {
        assert_eq!(ip("10.1.2.3:1"), ip("10.1.2.3:2"));
        assert_eq!(ip("[fd00::7]:1"), ip("[fd00::7]:2"));
    }
}

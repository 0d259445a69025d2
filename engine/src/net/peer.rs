//! Who sent a datagram: read from the kernel's own form with its length, kept without allocation, and
//! carried between processes in a few bytes.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::address::plain;

/// Longest name of a unix socket, bytes.
pub(crate) const NAME_MAX: usize = 108;

/// The name of a unix socket: a path, an abstract name (its first byte is 0), or nothing at all.
#[derive(Clone, Copy)]
pub(crate) struct UnixName {
    len: u8,
    bytes: [u8; NAME_MAX],
}

impl UnixName {
    /// A socket that was never bound.
    pub(crate) const ANONYMOUS: UnixName = UnixName {
        len: 0,
        bytes: [0; NAME_MAX],
    };

    /// A name; none if it is longer than any name can be.
    pub(crate) fn new(name: &[u8]) -> Option<UnixName> {
        let mut bytes = [0; NAME_MAX];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        Some(UnixName {
            len: name.len() as u8,
            bytes,
        })
    }

    /// Path, abstract name with its leading zero byte, or empty.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// From `sun_path` as far as the kernel has filled it. Nothing beyond that is looked at: a buffer that is used
    /// again still holds the name of whoever was there before.
    fn from_filled(filled: &[u8]) -> UnixName {
        let name = match filled {
            [] => filled,
            [0, ..] => filled, // abstract: every byte counts, zeros too
            path => path.split(|byte| *byte == 0).next().unwrap_or_default(),
        };
        UnixName::new(name.get(..NAME_MAX).unwrap_or(name)).unwrap_or(UnixName::ANONYMOUS)
    }
}

impl PartialEq for UnixName {
    fn eq(&self, other: &UnixName) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for UnixName {}

impl fmt::Debug for UnixName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnixName({})", self.bytes().escape_ascii())
    }
}

/// The sender of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DatagramPeer {
    /// An IP sender; one of IPv4 at a dual-stack socket is an IPv4 sender.
    Ip(SocketAddr),
    /// A unix socket; anonymous if it has no name.
    Unix(UnixName),
}

/// The most bytes [`DatagramPeer::encode`] makes.
pub(crate) const ENCODED_MAX: usize = 2 + NAME_MAX;

const TAG_V4: u8 = 4;
const TAG_V6: u8 = 6;
const TAG_UNIX: u8 = 1;

impl DatagramPeer {
    /// The address as `onPacket` shows it: an IP address as text, a path, or empty for an anonymous sender. A
    /// link-local IPv6 address has its scope (`fe80::1%2`), without which nothing can be sent to it.
    pub(crate) fn address(&self) -> Vec<u8> {
        match self {
            DatagramPeer::Ip(SocketAddr::V6(v6)) if v6.scope_id() != 0 => {
                format!("{}%{}", v6.ip(), v6.scope_id()).into_bytes()
            }
            DatagramPeer::Ip(address) => address.ip().to_string().into_bytes(),
            DatagramPeer::Unix(name) => name.bytes().to_vec(),
        }
    }

    /// The port; none for a unix socket.
    pub(crate) fn port(&self) -> Option<u16> {
        match self {
            DatagramPeer::Ip(address) => Some(address.port()),
            DatagramPeer::Unix(_) => None,
        }
    }

    /// What workers are chosen by: the address without the port. Of IPv4 its bytes, the first one lowest, else the
    /// CRC-32 of the text.
    pub(crate) fn key(&self) -> u32 {
        match self {
            DatagramPeer::Ip(SocketAddr::V4(v4)) => u32::from_le_bytes(v4.ip().octets()),
            DatagramPeer::Ip(SocketAddr::V6(v6)) => crc32fast::hash(v6.ip().to_string().as_bytes()),
            DatagramPeer::Unix(name) => crc32fast::hash(name.bytes()),
        }
    }

    /// As bytes, to stand in front of the payload in a frame: a tag, then port and IP address and scope, or the
    /// length of the name and the name.
    pub(crate) fn encode(&self) -> Encoded {
        let mut out = Encoded {
            len: 0,
            bytes: [0; ENCODED_MAX],
        };
        match self {
            DatagramPeer::Ip(SocketAddr::V4(v4)) => {
                out.push(&[TAG_V4]);
                out.push(&v4.port().to_le_bytes());
                out.push(&v4.ip().octets());
            }
            DatagramPeer::Ip(SocketAddr::V6(v6)) => {
                out.push(&[TAG_V6]);
                out.push(&v6.port().to_le_bytes());
                out.push(&v6.ip().octets());
                out.push(&v6.scope_id().to_le_bytes());
            }
            DatagramPeer::Unix(name) => {
                out.push(&[TAG_UNIX, name.len]);
                out.push(name.bytes());
            }
        }
        out
    }

    /// Back from the front of `bytes`, with what follows. None if that is no peer.
    pub(crate) fn decode(bytes: &[u8]) -> Option<(DatagramPeer, &[u8])> {
        let (tag, rest) = bytes.split_first()?;
        match *tag {
            TAG_V4 => {
                let (port, rest) = rest.split_first_chunk()?;
                let (ip, rest) = rest.split_first_chunk::<4>()?;
                let address = (Ipv4Addr::from(*ip), u16::from_le_bytes(*port));
                Some((DatagramPeer::Ip(address.into()), rest))
            }
            TAG_V6 => {
                let (port, rest) = rest.split_first_chunk()?;
                let (ip, rest) = rest.split_first_chunk::<16>()?;
                let (scope, rest) = rest.split_first_chunk()?;
                let (port, scope) = (u16::from_le_bytes(*port), u32::from_le_bytes(*scope));
                let address = SocketAddrV6::new(Ipv6Addr::from(*ip), port, 0, scope);
                Some((DatagramPeer::Ip(address.into()), rest))
            }
            TAG_UNIX => {
                let (len, rest) = rest.split_first()?;
                let (name, rest) = rest.split_at_checked(usize::from(*len))?;
                Some((DatagramPeer::Unix(UnixName::new(name)?), rest))
            }
            _ => None,
        }
    }

    /// From what the kernel has written: `len` bytes of `storage`. Without an address it is an anonymous unix socket:
    /// no other sender is without one.
    pub(super) fn from_kernel(storage: &libc::sockaddr_storage, len: usize) -> DatagramPeer {
        let anonymous = DatagramPeer::Unix(UnixName::ANONYMOUS);
        if len < size_of::<libc::sa_family_t>() {
            return anonymous;
        }
        let room = size_of::<libc::sockaddr_storage>();
        match i32::from(storage.ss_family) {
            libc::AF_INET if len >= size_of::<libc::sockaddr_in>() => {
                // SAFETY: the family says what it is, the kernel has filled it, and storage is aligned for every kind.
                let v4 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in>() };
                let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
                DatagramPeer::Ip((ip, u16::from_be(v4.sin_port)).into())
            }
            libc::AF_INET6 if len >= size_of::<libc::sockaddr_in6>() => {
                // SAFETY: as above.
                let v6 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in6>() };
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                let port = u16::from_be(v6.sin6_port);
                let address = SocketAddrV6::new(ip, port, 0, v6.sin6_scope_id);
                DatagramPeer::Ip(plain(address.into()))
            }
            libc::AF_UNIX => {
                let front = size_of::<libc::sa_family_t>();
                let filled = len.min(room) - front;
                // SAFETY: `filled` bytes after the family are inside `storage`, whose every byte was initialized.
                let name = unsafe {
                    let start = (&raw const *storage).cast::<u8>().add(front);
                    std::slice::from_raw_parts(start, filled)
                };
                DatagramPeer::Unix(UnixName::from_filled(name))
            }
            _ => anonymous,
        }
    }
}

/// A peer as bytes.
pub(crate) struct Encoded {
    len: usize,
    bytes: [u8; ENCODED_MAX],
}

impl Encoded {
    fn push(&mut self, more: &[u8]) {
        let room = self.bytes.get_mut(self.len..self.len + more.len());
        if let Some(room) = room {
            room.copy_from_slice(more); // always: ENCODED_MAX is the longest kind
            self.len += more.len();
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn peers() -> impl Strategy<Value = DatagramPeer> {
        let v4 = (any::<u32>(), any::<u16>())
            .prop_map(|(ip, port)| DatagramPeer::Ip((Ipv4Addr::from(ip), port).into()));
        let v6 = (any::<u128>(), any::<u16>(), any::<u32>()).prop_map(|(ip, port, scope)| {
            DatagramPeer::Ip(SocketAddrV6::new(Ipv6Addr::from(ip), port, 0, scope).into())
        });
        let unix = proptest::collection::vec(any::<u8>(), 0..=NAME_MAX)
            .prop_map(|name| DatagramPeer::Unix(UnixName::new(&name).unwrap()));
        prop_oneof![v4, v6, unix]
    }

    proptest! {
        #[test]
        fn what_is_encoded_comes_back_with_the_payload_behind_it(
            peer in peers(), payload in proptest::collection::vec(any::<u8>(), 0..40)
        ) {
            let mut frame = peer.encode().bytes().to_vec();
            prop_assert!(frame.len() <= ENCODED_MAX);
            let header = frame.len();
            frame.extend_from_slice(&payload);
            let (back, rest) = DatagramPeer::decode(&frame).unwrap();
            prop_assert_eq!(back, peer);
            prop_assert_eq!(rest, &payload[..]);
            for cut in 0..header {
                prop_assert!(DatagramPeer::decode(&frame[..cut]).is_none());
            }
        }

        #[test]
        fn any_bytes_at_all_are_a_peer_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some((peer, rest)) = DatagramPeer::decode(&bytes) {
                let again = peer.encode();
                prop_assert_eq!(again.bytes(), &bytes[..bytes.len() - rest.len()]);
            }
        }
    }

    #[test]
    fn a_name_ends_where_the_kernel_says_and_a_path_at_its_zero() {
        let name = |filled: &[u8]| UnixName::from_filled(filled);
        assert_eq!(name(b"").bytes(), b"");
        assert_eq!(name(b"/a/b\0").bytes(), b"/a/b");
        assert_eq!(name(b"/a/b\0/left/over").bytes(), b"/a/b");
        assert_eq!(name(b"\0ab\0cd").bytes(), b"\0ab\0cd");
        let longest = [b'x'; NAME_MAX];
        let mut closed = longest.to_vec();
        closed.push(0);
        assert_eq!(name(&closed).bytes(), longest);
        assert!(UnixName::new(&[b'x'; NAME_MAX + 1]).is_none());
    }

    #[test]
    fn no_address_is_an_anonymous_peer_whatever_the_buffer_held_before() {
        // SAFETY: plain integers, for which all zero is a value.
        let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        storage.ss_family = libc::AF_UNIX as libc::sa_family_t;
        // SAFETY: inside `storage`, and of integers only.
        unsafe { (&raw mut storage).cast::<u8>().add(2).write_bytes(b'x', 20) };
        for len in 0..=2 {
            let peer = DatagramPeer::from_kernel(&storage, len);
            assert_eq!(peer, DatagramPeer::Unix(UnixName::ANONYMOUS));
            assert_eq!((peer.address(), peer.port()), (Vec::new(), None));
        }
        assert_eq!(DatagramPeer::from_kernel(&storage, 6).address(), b"xxxx");
        storage.ss_family = libc::AF_INET as libc::sa_family_t;
        let short = DatagramPeer::from_kernel(&storage, 7);
        assert_eq!(short, DatagramPeer::Unix(UnixName::ANONYMOUS), "cut off");
    }

    #[test]
    fn workers_are_chosen_by_address_without_port() {
        let key = |text: &str| DatagramPeer::Ip(text.parse().unwrap()).key();
        assert_eq!(key("127.0.0.1:9"), 0x0100_007f);
        assert_eq!(key("127.0.0.1:10"), key("127.0.0.1:9"));
        // Of the text, not of the bytes.
        assert_eq!(key("[::1]:9"), 0xa2ca_6717);
        let unix = |name: &[u8]| DatagramPeer::Unix(UnixName::new(name).unwrap()).key();
        assert_eq!(unix(b"123456789"), 0xcbf4_3926); // the check value of this CRC
        assert_eq!(unix(b""), 0);
    }

    #[test]
    fn a_scope_is_shown_because_it_is_needed_to_answer() {
        let shown = |text: &str| {
            let peer = DatagramPeer::Ip(text.parse().unwrap());
            String::from_utf8(peer.address()).unwrap()
        };
        assert_eq!(shown("[fe80::1%3]:9"), "fe80::1%3");
        assert_eq!(shown("[2001:db8::1]:9"), "2001:db8::1");
        assert_eq!(shown("192.0.2.7:9"), "192.0.2.7");
    }
}

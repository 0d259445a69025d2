//! Addresses as users write them, and the kinds of listening sockets.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

/// Kind of a listening socket; numbers are those of the `SWOOLE_SOCK_*` constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum SocketType {
    /// TCP over IPv4.
    Tcp = 1,
    /// UDP over IPv4.
    Udp = 2,
    /// TCP over IPv6; `::` also takes IPv4 clients.
    Tcp6 = 3,
    /// UDP over IPv6; `::` also takes IPv4 datagrams.
    Udp6 = 4,
    /// Unix stream socket.
    UnixStream = 5,
    /// Unix datagram socket.
    UnixDgram = 6,
}

impl SocketType {
    /// The type with this number, if the engine serves it.
    pub fn from_number(number: i64) -> Option<SocketType> {
        match number {
            1 => Some(SocketType::Tcp),
            2 => Some(SocketType::Udp),
            3 => Some(SocketType::Tcp6),
            4 => Some(SocketType::Udp6),
            5 => Some(SocketType::UnixStream),
            6 => Some(SocketType::UnixDgram),
            _ => None,
        }
    }

    /// Datagrams: no connections, one callback per message.
    pub fn is_datagram(self) -> bool {
        matches!(
            self,
            SocketType::Udp | SocketType::Udp6 | SocketType::UnixDgram
        )
    }

    /// Connections.
    pub fn is_stream(self) -> bool {
        !self.is_datagram()
    }

    /// Named by a path, not by an IP address and a port.
    pub fn is_unix(self) -> bool {
        matches!(self, SocketType::UnixStream | SocketType::UnixDgram)
    }

    /// Over IPv6 (and IPv4, if bound to `::`).
    pub fn is_v6(self) -> bool {
        matches!(self, SocketType::Tcp6 | SocketType::Udp6)
    }

    /// TCP in either family: what the `TCP_*` socket options are for.
    pub(crate) fn is_tcp(self) -> bool {
        matches!(self, SocketType::Tcp | SocketType::Tcp6)
    }

    /// The same service over the family of this address.
    pub(super) fn over(self, address: &SocketAddr) -> SocketType {
        match (self, address.is_ipv6()) {
            (SocketType::Tcp | SocketType::Tcp6, false) => SocketType::Tcp,
            (SocketType::Tcp | SocketType::Tcp6, true) => SocketType::Tcp6,
            (SocketType::Udp | SocketType::Udp6, false) => SocketType::Udp,
            (SocketType::Udp | SocketType::Udp6, true) => SocketType::Udp6,
            (unix, _) => unix,
        }
    }
}

/// The other end of an accepted connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A unix socket peer, which has no address of interest.
    Unix,
    /// An IP peer. An IPv4 client of a dual-stack socket is an IPv4 peer.
    Ip(SocketAddr),
}

/// IPv4 clients of a dual-stack socket come as `::ffff:a.b.c.d`; programs that compare addresses know `a.b.c.d`.
pub(super) fn plain(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, address.port())),
        IpAddr::V6(_) => address, // keeps the scope
    }
}

/// The address to bind for a host as users write it. The address decides the family: `::` on a TCP socket is
/// IPv6 all the same. A name is looked up (this may block), in the family of `kind`.
pub(super) fn resolve(host: &str, port: u16, kind: SocketType) -> Option<SocketAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Some(SocketAddr::new(ip, port));
    }
    if bare.is_empty() {
        return None; // the resolver would take it for any address at all
    }
    let mut found = (bare, port).to_socket_addrs().ok()?;
    if bare.contains(':') {
        return found.next(); // no name has a colon: an IPv6 address with a scope
    }
    found.find(|address| address.is_ipv6() == kind.is_v6())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_constants() {
        let served: Vec<i64> = (-1..600)
            .filter(|n| SocketType::from_number(*n).is_some_and(|kind| kind as i64 == *n))
            .collect();
        assert_eq!(served, [1, 2, 3, 4, 5, 6]);
        let told = |asked: fn(SocketType) -> bool| -> Vec<i64> {
            let kinds = (1..=6).filter_map(SocketType::from_number);
            kinds
                .filter(|kind| asked(*kind))
                .map(|kind| kind as i64)
                .collect()
        };
        assert_eq!(told(SocketType::is_datagram), [2, 4, 6]);
        assert_eq!(told(SocketType::is_stream), [1, 3, 5]);
        assert_eq!(told(SocketType::is_unix), [5, 6]);
        assert_eq!(told(SocketType::is_v6), [3, 4]);
        assert_eq!(told(SocketType::is_tcp), [1, 3]);
    }

    #[test]
    fn the_address_decides_the_family_and_a_name_follows_the_kind() {
        let ip = |host, kind| resolve(host, 7, kind).map(|address| address.to_string());
        assert_eq!(ip("::", SocketType::Tcp).unwrap(), "[::]:7");
        assert_eq!(ip("[::1]", SocketType::Udp).unwrap(), "[::1]:7");
        assert_eq!(ip("127.0.0.1", SocketType::Tcp6).unwrap(), "127.0.0.1:7");
        assert_eq!(ip("localhost", SocketType::Tcp).unwrap(), "127.0.0.1:7");
        for bad in ["", "[]", "999.1.1.1", "::g", "no\0name"] {
            assert_eq!(ip(bad, SocketType::Tcp), None, "{bad:?}");
        }
        let v6: SocketAddr = "[::1]:1".parse().unwrap();
        assert_eq!(SocketType::Udp.over(&v6), SocketType::Udp6);
        assert_eq!(SocketType::UnixDgram.over(&v6), SocketType::UnixDgram);
    }

    #[test]
    fn a_mapped_address_is_shown_plain_and_others_as_they_are() {
        let shown = |text: &str| plain(text.parse().unwrap()).to_string();
        assert_eq!(shown("[::ffff:127.0.0.1]:9"), "127.0.0.1:9");
        assert_eq!(
            shown("[::1]:9"),
            "[::1]:9",
            "not an IPv4-compatible address"
        );
        assert_eq!(shown("[fe80::1%3]:9"), "[fe80::1%3]:9");
        assert_eq!(shown("10.0.0.1:9"), "10.0.0.1:9");
    }
}

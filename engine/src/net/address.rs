//! Addresses as users write them and as sockets report them.

use std::net::SocketAddr;

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
    /// UDP over IPv6; `::` also takes IPv4 clients.
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

    /// Whether it takes datagrams; otherwise it takes connections.
    pub fn is_datagram(self) -> bool {
        matches!(
            self,
            SocketType::Udp | SocketType::Udp6 | SocketType::UnixDgram
        )
    }

    /// Whether its address is a path.
    pub fn is_unix(self) -> bool {
        matches!(self, SocketType::UnixStream | SocketType::UnixDgram)
    }
}

/// The other end of an accepted connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A unix socket peer, which has no address of interest.
    Unix,
    /// An IP peer.
    Ip(SocketAddr),
}

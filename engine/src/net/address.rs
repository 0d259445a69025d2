//! Addresses as users write them and as sockets report them.

use std::net::SocketAddr;

/// Kind of a listening socket; numbers are those of the `SWOOLE_SOCK_*` constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum SocketType {
    /// TCP over IPv4.
    Tcp = 1,
    /// TCP over IPv6; `::` also takes IPv4 clients.
    Tcp6 = 3,
    /// Unix stream socket.
    UnixStream = 5,
}

impl SocketType {
    /// The type with this number, if the engine serves it.
    pub fn from_number(number: i64) -> Option<SocketType> {
        match number {
            1 => Some(SocketType::Tcp),
            3 => Some(SocketType::Tcp6),
            5 => Some(SocketType::UnixStream),
            _ => None,
        }
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

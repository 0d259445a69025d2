//! Sockets: addresses, listeners of every kind, datagrams, the calls on a connection, and descriptors on their way to a
//! reactor. No policy.

pub(crate) mod address;

pub(crate) mod datagram;
pub(crate) mod handover;
#[allow(dead_code, reason = "SYSTEMD as a host comes with several ports")]
pub(crate) mod inherited;
#[allow(dead_code, reason = "the options come with the settings of ports")]
pub(crate) mod listener;
pub(crate) mod networks;
mod option;
#[allow(dead_code, reason = "the options come with the settings of ports")]
pub(crate) mod options;

pub(crate) mod peer;
#[allow(
    dead_code,
    reason = "used once the acceptor survives without descriptors"
)]
pub(crate) mod reserve;
mod socket_file;
pub(crate) mod stream;

pub(crate) mod target;
pub(crate) mod unsent;

#[cfg(test)]
mod alone;

pub use address::SocketType;

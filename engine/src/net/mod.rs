//! Sockets: addresses, listeners of every kind, datagrams, the calls on a connection, sockets that go out, and descriptors
//! on their way to a reactor. No policy.

pub(crate) mod address;

pub(crate) mod datagram;
pub(crate) mod dial;
pub(crate) mod handover;
pub(crate) mod inherited;
pub(crate) mod listener;
pub(crate) mod networks;
mod option;
pub(crate) mod options;

pub(crate) mod peer;
pub(crate) mod reserve;
mod socket_file;
pub(crate) mod stream;

pub(crate) mod target;
pub(crate) mod unsent;
pub(crate) mod waiting;

#[cfg(test)]
mod alone;

pub use address::SocketType;
pub use dial::Direction;
pub use waiting::{Interest, Watched};

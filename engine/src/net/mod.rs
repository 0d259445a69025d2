//! Sockets: addresses, listeners, and the calls on a connection. No policy.

pub(crate) mod address;
pub(crate) mod inherited;
pub(crate) mod listener;
pub(crate) mod networks;
pub(crate) mod stream;
pub(crate) mod unsent;

pub use address::SocketType;

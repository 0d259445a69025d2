//! The other end: a blocking client for any server, with the framing and the TLS of the engine's own.
//!
//! Every call takes its time and no more: the limits count for the whole call, however often the peer says a little.
//! What a peer can make a client keep is one message (`package_max_length`) and one read.
//!
//! ```no_run
//! use skep::client::{Client, Flags, Received};
//! use skep::SocketType;
//!
//! let mut client = Client::new(SocketType::Tcp, false);
//! client.set("open_eof_split", &skep::settings::Value::Bool(true)).unwrap();
//! client.connect("127.0.0.1", 9501, None, false).unwrap();
//! client.send(b"who is there?\r\n\r\n", Flags::default()).unwrap();
//! if let Received::Data(message) = client.recv(0, Flags::default()).unwrap() {
//!     println!("{} bytes", message.len());
//! }
//! ```
//!
//! `client` is the front. Behind it: `settings` what it was told, `connecting` (and `proxy`) how it gets a `connection`,
//! `receiving` and `sending` on that, `pool` for those that outlive their client, `inbox` for bytes that wait.

#[allow(clippy::module_inception, reason = "the noun of the module")]
mod client;
mod connecting;
mod connection;
mod fault;
mod inbox;
mod pool;
mod proxy;
mod receiving;
mod sending;
mod settings;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::net::waiting;

pub use crate::net::{Direction, Interest, Watched};
pub use client::{Client, Name};
pub use fault::ClientError;
pub use receiving::{Flags, Received};

/// Wait until one of these descriptors is ready; how many are. None for `timeout`: for ever.
pub fn select(watched: &mut [Watched], timeout: Option<Duration>) -> Result<usize, ClientError> {
    waiting::wait_any(watched, waiting::Deadline::after(timeout)).map_err(ClientError::from)
}

/// Seconds as users write them: none for no limit.
pub fn limit(seconds: f64) -> Option<Duration> {
    // Not a number is no limit either; far beyond any life is none at all.
    (seconds > 0.0 && seconds < 1e9).then(|| Duration::from_secs_f64(seconds))
}

//! What the integration tests stand on.
//!
//! A test never forks: it starts a server program (`programs/*.rs`) as a process of its own, reads the
//! port from its `READY` line, talks to it over sockets, signals it, and asserts at the end that
//! nothing it started is left. Nothing waits by sleeping for a guessed time: [`eventually`] waits for a
//! fact, up to a deadline. The servers keep a [`journal`] of their callbacks, which is what most
//! assertions are about.
//!
//! Test side: [`mod@server`] [`orders`] [`daemon`] [`client`] [`http`] [`exposition`] [`load`] [`tls`] [`certificates`] [`eventually`] [`process`]. Server side: [`program`] [`stubborn`].
//! What is left behind: [`census`] [`sandbox`]. The chaos run: [`chaos`]. Both sides: [`journal`] [`message`] [`pattern`].
//!
//! `SKEP_TEST_STRETCH=3` multiplies every deadline, for slow or busy machines.

pub mod census;
pub mod certificates;
pub mod chaos;
pub mod client;
pub mod daemon;
pub mod eventually;
pub mod exposition;
pub mod http;
pub mod journal;
pub mod load;
pub mod message;
pub mod orders;
pub mod pattern;
pub mod process;
pub mod producer;
pub mod program;
pub mod sandbox;
pub mod server;
pub mod stubborn;
pub mod tls;

/// A builder for the server program of this name, as cargo built it for the calling test.
#[macro_export]
macro_rules! server {
    ($name:literal) => {
        $crate::server::Builder::new(
            env!(concat!("CARGO_BIN_EXE_skep-test-", $name)),
            env!("CARGO_TARGET_TMPDIR"),
        )
    };
}

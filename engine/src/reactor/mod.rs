//! A reactor: one thread of the master that owns connections for life. It reads, frames, dispatches to
//! workers, and writes what workers send. It never waits for a worker and never runs user code.
//!
//! `turn` is the loop, `closing` how connections end; `connection` and `outbox` are what it works on; `feed` is the way to workers;
//! `inbox` is how the main thread talks to it; `accept` runs on the main thread.

pub(crate) mod accept;
mod closing;
mod connection;
mod endings;
mod feed;
pub(crate) mod inbox;
mod mail;
mod outbox;
mod parked;
mod spin;
mod turn;
mod wheel;

pub(crate) use turn::{Reactor, Setup};

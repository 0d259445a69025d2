//! A reactor: one thread of the master that owns connections for life. It reads, frames, dispatches to
//! workers, and writes what workers send. It never waits for a worker and never runs user code.
//!
//! `turn` is the loop, `intake` how bytes become messages for workers, `closing` how connections end; `connection`, `inbound` and `outbox` are what it works on; `feed` is the way to workers;
//! `inbox` is how the main thread talks to it; `accept` runs on the main thread.

pub(crate) mod accept;
mod closing;
mod connection;
mod deliveries;
mod endings;
mod feed;
mod file_range;
mod inbound;
pub(crate) mod inbox;
mod intake;
mod mail;
mod opening;
mod outbox;
mod parked;
mod sealed;
mod spin;
mod turn;
mod wheel;

pub(crate) use turn::{Reactor, Setup};

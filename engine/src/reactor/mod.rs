//! A reactor: one thread of the master that owns connections for life. It reads, frames, dispatches to
//! workers, and writes what workers send. It never waits for a worker and never runs user code.
//!
//! `turn` is the loop, `intake` how bytes become messages for workers, `closing` how connections end; `connection`, `inbound` and `outbox` are what it works on;
//! `choosing` which worker it is, `feed` the way there, `rescue` the way past one that is stuck; `deadlines` and `watermarks` are about slow and silent clients;
//! `file_range` is part of a file in an outbox, `deliveries` how its descriptor comes;
//! `inbox` is how the main thread talks to it; `accept` runs on the main thread.

pub(crate) mod accept;
mod choosing;
mod closing;
mod connection;
mod deadlines;
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
mod packets;
mod parked;
mod rescue;
mod sealed;
mod spin;
mod turn;
mod watermarks;
mod wheel;

pub(crate) use turn::{Reactor, Setup};

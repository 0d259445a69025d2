//! Ring the bell only for a sleeper.
//!
//! An owner about to sleep says so in shared memory, fences, and looks once more; a sender
//! publishes, fences, and rings only if it sees a sleeper:
//!
//! ```text
//! sender:  publish tail;  fence SeqCst (A);  if asleep { ring }
//! owner:   asleep = 1;    fence SeqCst (B);  if a tail moved { stay awake } else { sleep }
//! ```
//!
//! Both store one location and then load the other. Of two SeqCst fences one comes first: if (A),
//! the owner sees the tail; if (B), the sender sees the sleeper. Release/Acquire alone would allow
//! both to miss (the loom model in `models.rs` shows it). Several senders may see one sleeper: the
//! one that swaps the flag back to 0 writes to the eventfd, so one sleep costs one write.

use std::sync::Arc;

use super::shm::{At, Region, Shared};
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};
use crate::sys::eventfd::EventFd;

/// The shared half of a doorbell.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct BellState {
    /// 1 while the owner sleeps or is about to. Set by the owner, cleared by the owner or the ringer.
    asleep: AtomicU32,
    /// How often somebody rang; counted by ringers, for measurements.
    rings: AtomicU64,
}

// SAFETY: two atomics, zero is "awake, never rung".
#[cfg(not(loom))]
unsafe impl Shared for BellState {}

/// A mailbox's bell, held by its owner and by everyone who may ring it.
#[derive(Clone)]
pub(crate) struct Doorbell {
    region: Arc<Region>,
    at: At<BellState>,
    wake: Arc<EventFd>,
}

impl Doorbell {
    pub(crate) fn new(region: Arc<Region>, at: At<BellState>, wake: Arc<EventFd>) -> Doorbell {
        Doorbell { region, at, wake }
    }

    #[cfg(not(loom))]
    fn state(&self) -> &BellState {
        self.region.one(self.at)
    }

    /// Sender: ring if the owner sleeps. Everything the owner is to see must be published before.
    pub(crate) fn ring_if_asleep(&self) {
        fence(Ordering::SeqCst); // (A)
        self.ring_if_asleep_fenced();
    }

    /// As [`Doorbell::ring_if_asleep`], for a sender that has fenced for several bells at once.
    pub(crate) fn ring_if_asleep_fenced(&self) {
        let state = self.state();
        if state.asleep.load(Ordering::Relaxed) == 1 && state.asleep.swap(0, Ordering::Relaxed) == 1
        {
            self.ring();
        }
    }

    /// Wake the owner whatever it says: for facts that are not on a lane (room, phases).
    pub(crate) fn ring(&self) {
        self.state().rings.fetch_add(1, Ordering::Relaxed);
        self.wake.notify();
    }

    /// Owner: announce sleep. The caller then looks at its lanes once more before it sleeps.
    pub(crate) fn announce_sleep(&self) {
        self.state().asleep.store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst); // (B)
    }

    /// Owner: awake again.
    pub(crate) fn announce_awake(&self) {
        self.state().asleep.store(0, Ordering::Relaxed);
    }

    /// How often this bell has been rung.
    #[cfg_attr(not(test), allow(dead_code, reason = "read by benchmarks and tests"))]
    pub(crate) fn rings(&self) -> u64 {
        self.state().rings.load(Ordering::Relaxed)
    }

    /// The descriptor to watch, edge-triggered.
    pub(crate) fn descriptor(&self) -> &EventFd {
        &self.wake
    }
}

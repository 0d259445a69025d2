//! Ring the bell only for a sleeper.
//!
//! An owner about to sleep says so in shared memory, fences, and looks once more; a sender
//! publishes, fences, and rings only if it sees a sleeper:
//!
//! ```text
//! sender:  publish tail;  fence SeqCst (A);  if asleep { ring; asleep = no }
//! owner:   asleep = yes;  fence SeqCst (B);  if a tail moved { stay awake } else { sleep }
//! ```
//!
//! Both store one location and then load the other. Of two SeqCst fences one comes first: if (A),
//! the owner sees the tail; if (B), the sender sees the sleeper. Release/Acquire alone would allow
//! both to miss (the loom model in `models.rs` shows it).
//!
//! The sender rings first and says "awake" after that: killed in between, it leaves a sleeper that
//! the next sender rings once more, never one that everybody takes for awake. So that a slow ringer
//! cannot end a sleep it has not rung for, sleeps are numbered; senders that see the same sleep at
//! the same instant may both ring, which costs a system call and nothing else.

use std::sync::Arc;

use super::shm::{At, Region, Shared};
use crate::sync::Ordering;
use crate::sync::modelled::{AtomicU32, AtomicU64, fence};
use crate::sys::eventfd::EventFd;

/// The shared half of a doorbell.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct BellState {
    /// Odd while the owner sleeps or is about to. The owner counts up when it announces either; so
    /// does the ringer of a sleep, if that sleep still lasts.
    sleep: AtomicU32,
    /// How often somebody rang; counted by ringers, for measurements.
    rings: AtomicU64,
}

// SAFETY: two atomics, zero is "awake, never rung". (Not under loom, where no region exists.)
unsafe impl Shared for BellState {}

impl BellState {
    /// Sender, after its fence: ring if the owner sleeps.
    pub(super) fn ring_if_asleep(&self, wake: impl FnOnce()) {
        let sleep = self.sleep.load(Ordering::Relaxed);
        if sleep & 1 == 0 {
            return;
        }
        self.ring(wake);
        // A failure means that this sleep is over already.
        let _ = self.sleep.compare_exchange(
            sleep,
            sleep.wrapping_add(1),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    pub(super) fn ring(&self, wake: impl FnOnce()) {
        self.rings.fetch_add(1, Ordering::Relaxed);
        wake();
    }

    /// Owner: a new sleep, even if a predecessor died in one.
    pub(super) fn announce_sleep(&self) {
        self.count(|last| Some(last.wrapping_add(1) | 1));
        fence(Ordering::SeqCst); // (B)
    }

    /// Owner: awake, if the ringer has not said so already.
    pub(super) fn announce_awake(&self) {
        self.count(|last| (last & 1 == 1).then_some(last.wrapping_add(1)));
    }

    fn count(&self, next: impl FnMut(u32) -> Option<u32>) {
        // `None` says that there is nothing to change.
        let _ = self
            .sleep
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    }
}

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
        self.state().ring_if_asleep(|| self.wake.notify());
    }

    /// Wake the owner whatever it says: for facts that are not on a lane (room, phases).
    pub(crate) fn ring(&self) {
        self.state().ring(|| self.wake.notify());
    }

    /// Owner: announce sleep. The caller then looks at its lanes once more before it sleeps.
    pub(crate) fn announce_sleep(&self) {
        self.state().announce_sleep();
    }

    /// Owner: awake again.
    pub(crate) fn announce_awake(&self) {
        self.state().announce_awake();
    }

    /// How often this bell has been rung.
    pub(crate) fn rings(&self) -> u64 {
        self.state().rings.load(Ordering::Relaxed)
    }

    /// The descriptor to watch, edge-triggered.
    pub(crate) fn descriptor(&self) -> &EventFd {
        &self.wake
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn one_sleep_costs_one_ring() {
        let bell = BellState::default();
        let mut woken = 0;
        bell.ring_if_asleep(|| woken += 1);
        assert_eq!(woken, 0, "nobody sleeps");
        bell.announce_sleep();
        bell.ring_if_asleep(|| woken += 1);
        bell.ring_if_asleep(|| woken += 1);
        assert_eq!(woken, 1);
        bell.announce_awake();
        bell.announce_sleep();
        bell.ring_if_asleep(|| woken += 1);
        assert_eq!((woken, bell.rings.load(Ordering::Relaxed)), (2, 2));
    }

    #[test]
    fn an_owner_that_stays_awake_is_not_rung() {
        let bell = BellState::default();
        bell.announce_sleep();
        bell.announce_awake();
        bell.ring_if_asleep(|| panic!("awake"));
    }

    #[test]
    fn a_ringer_killed_before_it_rings_leaves_a_sleeper_that_others_ring() {
        let bell = BellState::default();
        bell.announce_sleep();
        let killed = std::panic::AssertUnwindSafe(|| bell.ring_if_asleep(|| panic!("killed")));
        assert!(std::panic::catch_unwind(killed).is_err());
        let mut woken = false;
        bell.ring_if_asleep(|| woken = true);
        assert!(woken);
    }

    #[test]
    fn a_slow_ringer_does_not_end_the_next_sleep() {
        let bell = BellState::default();
        bell.announce_sleep();
        bell.ring_if_asleep(|| {
            bell.announce_awake();
            bell.announce_sleep();
        });
        let mut woken = false;
        bell.ring_if_asleep(|| woken = true);
        assert!(woken);
    }

    #[test]
    fn the_successor_of_a_sleeper_that_died_starts_a_sleep_of_its_own() {
        let bell = BellState::default();
        bell.announce_sleep();
        bell.ring_if_asleep(|| bell.announce_sleep());
        let mut woken = false;
        bell.ring_if_asleep(|| woken = true);
        assert!(woken);
    }
}

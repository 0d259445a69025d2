//! Whether the master's main loop turns: asked by the observer, answered by a turn.

use std::io;

use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::sys::eventfd::EventFd;

/// Between the main thread and the observer thread.
pub(super) struct Pulse {
    /// Turns of the main loop.
    turns: AtomicU64,
    /// 1: wake the observer at the next turn.
    asked: AtomicU32,
    /// 1: the observer is to end.
    over: AtomicU32,
    /// Wakes the observer.
    pub(super) wake: EventFd,
}

impl Pulse {
    pub(super) fn new() -> io::Result<Pulse> {
        Ok(Pulse {
            turns: AtomicU64::new(0),
            asked: AtomicU32::new(0),
            over: AtomicU32::new(0),
            wake: EventFd::new()?,
        })
    }

    /// Main thread: another turn.
    pub(super) fn beat(&self) {
        self.turns.fetch_add(1, Ordering::Release);
        if self.asked.load(Ordering::Acquire) == 1 && self.asked.swap(0, Ordering::AcqRel) == 1 {
            self.wake.notify();
        }
    }

    /// Main thread: no more answers.
    pub(super) fn end(&self) {
        self.over.store(1, Ordering::Release);
        self.wake.notify();
    }

    /// Observer: be woken at the next turn. The main thread's bell must be rung afterwards, whether it
    /// seems to sleep or not: nothing else tells it to look here. Returns the turns so far.
    pub(super) fn ask(&self) -> u64 {
        let turns = self.turns();
        self.asked.store(1, Ordering::Release);
        turns
    }

    pub(super) fn turns(&self) -> u64 {
        self.turns.load(Ordering::Acquire)
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire) == 1
    }
}

//! What a process does beside its messages: timers, descriptors of user code, signals, and calls put off.
//!
//! One value per process. In a server each role turns it between two batches of messages
//! ([`EventLoop::turn`]), and sleeps on its [descriptor](EventLoop::descriptor) and no longer than until its
//! [next due time](EventLoop::next_due); a program without a server turns it with [`EventLoop::run`]. Nothing here wakes
//! a process without a reason: no timer, no wake-up.
//!
//! Descriptors are watched level-triggered, in an epoll set of their own. That set is nested in the role's
//! edge-triggered poll: the edge says that something has become ready, and a look at the inner set without waiting,
//! once per turn, finds all that still is. A role sleeps only after a look that found nothing, so no edge is missed.
//! The set is made when it is first needed, and a process without timers and descriptors pays one look at a cell per batch.
//!
//! A callback is taken out of its place while it runs, and no cell is borrowed then: it may change anything here, its
//! own timer included, and may turn the loop itself.

mod callbacks;
#[cfg(test)]
mod tests;
mod turn;
mod watches;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::RawFd;
use std::rc::Rc;

use crate::context::Refused;
use crate::error::code;
use crate::sys::poller::Readiness;
use crate::sys::{clock, fork, user_signal};
use crate::timer::{Queue, TimerId, TimerInfo, TimerStats};

pub use callbacks::{DeferredFn, SignalFn, TimerFn, TurnFn, WatchFn};
use watches::Watches;

/// A signal that somebody listens to.
struct Listener {
    callback: Option<SignalFn>,
    keeps_alive: bool,
}

/// The event loop of a process.
#[derive(Default)]
pub struct EventLoop {
    timers: RefCell<Queue<TimerFn>>,
    watches: RefCell<Watches>,
    deferred: RefCell<VecDeque<DeferredFn>>,
    /// Before and after each turn.
    each_turn: [RefCell<Option<TurnFn>>; 2],
    /// Whether that was taken away, or replaced, while it ran.
    each_turn_ended: [Cell<bool>; 2],
    /// Room for what a look finds.
    ready: RefCell<Vec<(u64, Readiness)>>,
    signals: RefCell<BTreeMap<i32, Listener>>,
    /// There is anything at all.
    active: Cell<bool>,
    /// User code has run since it was last seen which descriptors are closed.
    unseen: Cell<bool>,
    /// [`EventLoop::run`] is on the stack, and not to return yet.
    running: Cell<bool>,
    /// The process this belongs to, see [`fork::generation`].
    generation: Cell<u32>,
}

impl EventLoop {
    /// An empty one, for the calling process.
    pub fn new() -> Rc<EventLoop> {
        Rc::new(EventLoop {
            generation: Cell::new(fork::generation()),
            ..EventLoop::default()
        })
    }

    /// Whether it was made by another process, which has forked this one: then what is in it is that one's.
    pub fn is_inherited(&self) -> bool {
        self.generation.get() != fork::generation()
    }

    /// It is this process's from now on: the one that made it has gone, or has no use for it.
    pub(crate) fn adopt(&self) {
        self.generation.set(fork::generation());
    }

    /// Call `callback` every `ms` milliseconds, the first time after as many. Calls come on the grid of the first one:
    /// periods that a slow callback has missed are skipped. Refused: 505 for less than 1 ms.
    pub fn tick(&self, ms: u64, callback: TimerFn) -> Result<TimerId, Refused> {
        self.add_timer(ms, true, callback)
    }

    /// Call `callback` once, after `ms` milliseconds. Refused: 505 for less than 1 ms.
    pub fn after(&self, ms: u64, callback: TimerFn) -> Result<TimerId, Refused> {
        self.add_timer(ms, false, callback)
    }

    fn add_timer(&self, ms: u64, repeats: bool, callback: TimerFn) -> Result<TimerId, Refused> {
        if ms == 0 {
            return Err(Refused(code::INVALID_PARAMS));
        }
        // Rounded up, and looked at rounded down: no timer comes early.
        let now = clock::monotonic_us().div_ceil(1_000);
        self.active.set(true);
        Ok(self.timers.borrow_mut().add(now, ms, repeats, callback))
    }

    /// Take a timer away. False: there is no such timer; one that is called once is gone when it is called.
    pub fn clear_timer(&self, id: TimerId) -> bool {
        let cleared = self.timers.borrow_mut().clear(id);
        self.note();
        cleared.is_some() // the callback is dropped here, with nothing borrowed
    }

    /// Take all timers away. False: this process has never had one.
    pub fn clear_timers(&self) -> bool {
        let cleared = self.timers.borrow_mut().clear_all();
        drop(cleared);
        self.note();
        self.timer_stats().initialized
    }

    /// Whether a timer is there.
    pub fn timer_exists(&self, id: TimerId) -> bool {
        self.timers.borrow().exists(id)
    }

    /// What is known of a timer.
    pub fn timer_info(&self, id: TimerId) -> Option<TimerInfo> {
        self.timers.borrow().info(id)
    }

    /// All timers, the newest first.
    pub fn timers(&self) -> Vec<TimerId> {
        self.timers.borrow().ids()
    }

    /// What is known of all of them.
    pub fn timer_stats(&self) -> TimerStats {
        self.timers.borrow().stats()
    }

    /// Call this at the end of the turn at hand, before any timer is due again. What is put off in such a call comes at
    /// the end of the next turn, which does not wait for anything.
    pub fn defer(&self, callback: DeferredFn) {
        self.deferred.borrow_mut().push_back(callback);
        self.active.set(true);
    }

    /// How many calls are put off.
    pub(crate) fn put_off(&self) -> usize {
        self.deferred.borrow().len()
    }

    /// Call this in each turn, at its beginning (`before`) or at its end, in place of what was called there; `None`: call
    /// nothing. It is no reason for a turn.
    pub fn each_turn(&self, before: bool, callback: Option<TurnFn>) {
        let which = usize::from(!before);
        self.each_turn_ended[which].set(callback.is_none());
        let old = self.each_turn[which].replace(callback);
        drop(old);
        self.note();
    }

    /// Call `callback` whenever this descriptor is ready for what is `wanted`, again and again as long as it is. The
    /// descriptor stays the caller's, who should [`EventLoop::unwatch`] before closing it: a closed one is forgotten before
    /// the loop sleeps, but may be called a few times until then. Refused: 17 (EEXIST) for one that is
    /// watched, else what the system says (1, EPERM, for files, which are always ready; 9, EBADF).
    pub fn watch(&self, fd: RawFd, wanted: Readiness, callback: WatchFn) -> Result<(), Refused> {
        self.watches.borrow_mut().add(fd, wanted, callback)?;
        self.active.set(true);
        self.unseen.set(true);
        Ok(())
    }

    /// Watch for something else. Refused: 2 (ENOENT) for one that is not watched.
    pub fn rewatch(&self, fd: RawFd, wanted: Readiness) -> Result<(), Refused> {
        self.watches.borrow_mut().change(fd, wanted)
    }

    /// Do not watch a descriptor any more. False: it was not.
    pub fn unwatch(&self, fd: RawFd) -> bool {
        let removed = self.watches.borrow_mut().remove(fd);
        self.note();
        removed.is_some() // the callback is dropped here, with nothing borrowed
    }

    /// What a descriptor is watched for; `None`: it is not watched.
    pub fn watched(&self, fd: RawFd) -> Option<Readiness> {
        self.watches.borrow().wanted(fd)
    }

    /// How many descriptors are watched.
    pub fn watches(&self) -> usize {
        self.watches.borrow().len()
    }

    /// All watched descriptors, but for those that have been closed.
    pub fn descriptors(&self) -> Vec<RawFd> {
        let (open, closed) = self.watches.borrow_mut().prune();
        drop(closed);
        self.note();
        open
    }

    /// Call `callback` from the loop when this signal has come, in place of what was called. With `keeps_alive`, a
    /// program's [`EventLoop::run`] goes on as long as this is so. Refused: 16 (EBUSY) for signals that a server's process
    /// lives by, 22 (EINVAL) for what nobody can handle.
    pub fn on_signal(
        &self,
        number: i32,
        keeps_alive: bool,
        callback: SignalFn,
    ) -> Result<(), Refused> {
        let wake = self.watches.borrow_mut().wake()?;
        user_signal::listen(number, wake).map_err(|error| watches::refused(&error))?;
        let listener = Listener {
            callback: Some(callback),
            keeps_alive,
        };
        let old = self.signals.borrow_mut().insert(number, listener);
        drop(old);
        self.active.set(true);
        Ok(())
    }

    /// Do not listen to a signal any more: what it did before holds again. False: nobody listened.
    pub fn off_signal(&self, number: i32) -> bool {
        let old = self.signals.borrow_mut().remove(&number);
        if old.is_some() {
            user_signal::forget(number);
        }
        self.note();
        old.is_some()
    }

    /// Whether there is anything that a process should not end without: timers, descriptors, calls put off, and signals
    /// that say so.
    pub fn is_alive(&self) -> bool {
        self.active.get()
            && (!self.timers.borrow().is_empty()
                || !self.watches.borrow().is_empty()
                || !self.deferred.borrow().is_empty()
                || self.signals.borrow().values().any(|one| one.keeps_alive))
    }

    /// Forget everything, and call nothing of it any more.
    pub fn clear(&self) {
        self.clear_timers();
        let watches = self.watches.borrow_mut().clear();
        let deferred = self.deferred.take();
        let each_turn = [self.each_turn[0].take(), self.each_turn[1].take()];
        let signals = self.signals.take();
        for &number in signals.keys() {
            user_signal::forget(number);
        }
        self.active.set(false);
        drop((watches, deferred, each_turn, signals)); // with nothing borrowed
    }

    /// Whether a turn would find anything to look at.
    pub(crate) fn is_active(&self) -> bool {
        self.active.get()
    }

    /// Monotonic ms at which this wants a turn at the latest: 0 for at once.
    pub(crate) fn next_due(&self) -> Option<u64> {
        if !self.active.get() {
            return None;
        }
        match self.deferred.borrow().is_empty() {
            false => Some(0),
            true => self.timers.borrow().next_due(),
        }
    }

    /// What a sleeper watches besides: readable on the edge when a descriptor becomes ready or a signal comes. Another one may
    /// take its place in a turn.
    pub(crate) fn descriptor(&self) -> Option<RawFd> {
        self.watches.borrow_mut().lend()
    }

    /// See whether there is anything left.
    fn note(&self) {
        let something = !self.timers.borrow().is_empty()
            || !self.watches.borrow().is_empty()
            || !self.deferred.borrow().is_empty()
            || !self.signals.borrow().is_empty()
            || self.each_turn.iter().any(|one| one.borrow().is_some());
        self.active.set(something);
    }
}

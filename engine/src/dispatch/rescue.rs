//! Mode 11: a session stays with its worker while that worker is free. Once the worker has been in one callback for
//! too long, the reactor takes back what it has not begun, and the sessions concerned go to others. This is the
//! book that is kept for it; who acts on it is `reactor::rescue`.
//!
//! A worker is *watched* while something that this reactor gave it may be waiting there, and looked at now and then.
//! It is *stuck* from the moment that its messages were taken back until it comes to its lane again.

use super::Dispatcher;
use crate::ipc::lane::Recalled;
use crate::sync::Ordering;

/// Longest time between two looks; the clock that says how long a callback has lasted is no finer.
const LOOK_MS: u64 = 4;

/// What is known of the workers. Empty in other modes.
pub(super) struct Rescue {
    /// A callback may take so long. `None`: nobody is rescued.
    after_ms: Option<u64>,
    next_look_ms: u64,
    /// By worker id.
    watched: Vec<bool>,
    stuck: Vec<bool>,
}

impl Rescue {
    pub(super) fn new(after_ms: Option<u64>, workers: u32) -> Rescue {
        Rescue {
            after_ms,
            next_look_ms: 0,
            watched: vec![false; workers as usize],
            stuck: vec![false; workers as usize],
        }
    }

    /// Something was given to a worker.
    pub(super) fn watch(&mut self, worker: u32) {
        if self.after_ms.is_some() {
            self.watched[worker as usize] = true;
        }
    }
}

impl Dispatcher {
    /// When to look at the workers that are watched; monotonic ms.
    pub(crate) fn next_look(&self) -> Option<u64> {
        let watches = self.rescue.watched.contains(&true);
        watches.then_some(self.rescue.next_look_ms)
    }

    /// Workers that are too long in a callback. `held` says how much the reactor holds for one: what has nothing to
    /// wait for is not watched any more.
    pub(crate) fn look(&mut self, now_ms: u64, held: impl Fn(u32) -> usize) -> Vec<u32> {
        let Some(after_ms) = self.rescue.after_ms else {
            return Vec::new();
        };
        self.rescue.next_look_ms = now_ms + LOOK_MS.min(after_ms);
        let mut late = Vec::new();
        for worker in 0..self.shared.workers() {
            if !self.rescue.watched[worker as usize] {
                continue;
            }
            let seat = self.route(worker);
            if !self.outlets[seat.0 as usize].lane().has_waiting() && held(worker) == 0 {
                self.rescue.watched[worker as usize] = false;
            } else if self.is_ready(worker) && self.in_callback_for(worker, after_ms) {
                late.push(worker);
            }
        }
        late
    }

    /// Take back what a worker has not begun; it gets nothing more until it comes to its lane again. `None`: that has
    /// been done already.
    pub(crate) fn take_back(&mut self, worker: u32) -> Option<Recalled> {
        let seat = self.route(worker);
        if self.is_paused(seat) {
            return None;
        }
        let lane = self.outlet(seat).lane(); // it is rung at the end of the batch
        let recalled = lane.take_back();
        let (in_flight, finished) = lane.progress();
        let mark = self.shared.queue_mark(self.reactor, seat);
        mark.cut(finished + in_flight);
        self.rescue.stuck[worker as usize] = true;
        Some(recalled)
    }

    /// Whether the messages of a worker were taken back and it has not come to its lane since.
    pub(crate) fn is_stuck(&mut self, worker: u32) -> bool {
        let Some(true) = self.rescue.stuck.get(worker as usize) else {
            return false;
        };
        let stuck = self.is_paused(self.route(worker));
        self.rescue.stuck[worker as usize] = stuck;
        stuck
    }

    /// The worker that a session should go to instead of one that is stuck.
    pub(crate) fn rescuer(&mut self) -> Option<u32> {
        let after_ms = self.rescue.after_ms?;
        let mut free: Vec<u32> = self.turn_order().collect();
        free.retain(|&worker| {
            self.is_ready(worker)
                && !self.in_callback_for(worker, after_ms)
                && !self.is_stuck(worker)
        });
        let least = free.into_iter().min_by_key(|&worker| self.load(worker));
        if least.is_some() {
            self.turn.fetch_add(1, Ordering::Relaxed);
        }
        least
    }
}

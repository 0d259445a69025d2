//! One turn of the loop, and a program's loop of turns.

use super::EventLoop;
use crate::callback::Callback;
use crate::context::Context;
use crate::handler::{Leave, Step};
use crate::sys::poller::Readiness;
use crate::sys::{clock, fork, user_signal};

/// Run one callback as those of messages are run.
fn call(
    context: Option<&Context>,
    callback: Callback,
    job: impl FnOnce(Option<&Context>) -> Step,
) -> Step {
    let Some(context) = context else {
        let generation = fork::generation();
        let step = job(None);
        // A child that the callback has forked came back: what else there is to call is the parent's business.
        return match fork::generation() == generation {
            true => step,
            false => Err(step.err().unwrap_or(Leave { code: 0 })),
        };
    };
    context.run_job(callback, || job(Some(context)))
}

impl EventLoop {
    /// Call what is ready and due now: descriptors, signals, timers in the order of due time and id, then what was put off.
    /// True: something was called. An error is the end of the process, and of this turn.
    pub(crate) fn turn(&self, context: Option<&Context>) -> Result<bool, Leave> {
        self.turn_within(context, Some(0))
    }

    /// The loop of a program without a server: turn, and sleep in between, until there is nothing left to wait for,
    /// [`EventLoop::exit`] is called or a callback wants the end. Within a callback of the loop: nothing.
    pub fn run(&self) -> Step {
        self.run_with(None)
    }

    /// The same, in a process of a server that has nothing else to do.
    pub(crate) fn run_with(&self, context: Option<&Context>) -> Step {
        if self.running.replace(true) {
            return Ok(());
        }
        let mut step = Ok(());
        while self.running.get() && self.is_alive() && step.is_ok() {
            step = self.sleep_and_turn(context).map(drop);
        }
        self.running.set(false);
        step
    }

    /// One turn of a program without a server, that first sleeps until there is something to do. True: something was called.
    /// An error is what a callback wants, or code 255 if there is no descriptor left to sleep on.
    pub fn turn_and_wait(&self) -> Result<bool, Leave> {
        self.sleep_and_turn(None)
    }

    /// The same, in a process of a server that has nothing else to do.
    pub(crate) fn sleep_and_turn(&self, context: Option<&Context>) -> Result<bool, Leave> {
        let opened = self.watches.borrow_mut().open();
        opened.map_err(|_| Leave { code: 255 })?;
        let now = clock::monotonic_us() / 1_000;
        let memory = context.and_then(Context::give_back_memory);
        let due = self.next_due().into_iter().chain(memory).min();
        self.turn_within(context, due.map(|due| due.saturating_sub(now)))
    }

    /// One turn without a sleep, for a program without a server. True: something was called.
    pub fn dispatch(&self) -> Result<bool, Leave> {
        self.turn(None)
    }

    /// Have [`EventLoop::run`] return after the turn at hand.
    pub fn exit(&self) {
        self.running.set(false);
    }

    /// Whether [`EventLoop::run`] is on the stack, and not about to return.
    pub fn is_running(&self) -> bool {
        self.running.get()
    }

    fn turn_within(&self, context: Option<&Context>, timeout: Option<u64>) -> Result<bool, Leave> {
        self.run_each_turn(context, 0)?;
        let timeout = self.see_what_is_closed(timeout);
        let mut called = self.run_ready(context, timeout)?;
        called |= self.run_signals(context)?;
        called |= self.run_due(context)?;
        called |= self.run_deferred(context)?;
        self.run_each_turn(context, 1)?;
        if called {
            self.unseen.set(true);
        }
        self.note();
        Ok(called)
    }

    /// User code may have closed descriptors that it watches: see which, or how soon that may be seen. How long to sleep.
    fn see_what_is_closed(&self, timeout: Option<u64>) -> Option<u64> {
        let watches = self.watches.borrow();
        if watches.is_empty() && !watches.is_stale() || !self.unseen.get() && !watches.is_stale() {
            return timeout;
        }
        let (now, allowed) = (clock::monotonic_us(), watches.next_sweep());
        drop(watches);
        if now < allowed {
            let wait = (allowed - now).div_ceil(1_000);
            return Some(timeout.map_or(wait, |timeout| timeout.min(wait)));
        }
        let closed = self.watches.borrow_mut().sweep(now);
        self.unseen.set(false);
        if closed.is_empty() {
            return timeout;
        }
        drop(closed); // with nothing borrowed
        self.note();
        match self.is_alive() {
            true => timeout,
            false => Some(0),
        }
    }

    fn run_each_turn(&self, context: Option<&Context>, which: usize) -> Step {
        let Some(mut callback) = self.each_turn[which].take() else {
            return Ok(());
        };
        // Put back unless another one has been put there; one that takes itself away leaves a mark.
        self.each_turn_ended[which].set(false);
        let step = call(context, Callback::Turn, &mut callback);
        let mut place = self.each_turn[which].borrow_mut();
        if place.is_none() && !self.each_turn_ended[which].take() {
            *place = Some(callback);
        }
        step
    }

    fn run_ready(&self, context: Option<&Context>, timeout: Option<u64>) -> Result<bool, Leave> {
        if self.watches.borrow().descriptor().is_none() {
            return Ok(false);
        }
        let mut ready = self.ready.take();
        // Nobody else can want the table while this sleeps: one thread.
        if !self.watches.borrow_mut().look(timeout, &mut ready) {
            self.unseen.set(true); // what the handler of the signal did
        }
        let mut step = Ok(());
        let mut called = false;
        for &(token, found) in &ready {
            let taken = self.watches.borrow_mut().take(token, found);
            let Some((fd, found, mut callback)) = taken else {
                continue;
            };
            if found != Readiness::default() {
                called = true;
                step = call(context, Callback::Event, |context| {
                    callback(context, fd, found)
                });
            }
            let gone = self.watches.borrow_mut().put_back(token, fd, callback);
            drop(gone);
            if step.is_err() {
                break;
            }
        }
        ready.clear();
        self.ready.replace(ready); // its room is used again
        step.map(|()| called)
    }

    fn run_signals(&self, context: Option<&Context>) -> Result<bool, Leave> {
        if self.signals.borrow().is_empty() {
            return Ok(false);
        }
        let numbers: Vec<i32> = self.signals.borrow().keys().copied().collect();
        let mut called = false;
        for number in numbers.into_iter().filter(|&one| user_signal::take(one)) {
            let mut signals = self.signals.borrow_mut();
            let place = signals.get_mut(&number);
            let Some(mut callback) = place.and_then(|one| one.callback.take()) else {
                continue;
            };
            drop(signals);
            called = true;
            let step = call(context, Callback::Signal, |context| {
                callback(context, number)
            });
            if let Some(place) = self.signals.borrow_mut().get_mut(&number)
                && place.callback.is_none()
            {
                place.callback = Some(callback);
            }
            step?;
        }
        Ok(called)
    }

    fn run_due(&self, context: Option<&Context>) -> Result<bool, Leave> {
        let Some(due) = self.timers.borrow().next_due() else {
            return Ok(false);
        };
        let now = clock::monotonic_us() / 1_000;
        if now < due {
            return Ok(false);
        }
        self.timers.borrow_mut().begin_pass(now);
        loop {
            let Some(due) = self.timers.borrow_mut().pop_due(now) else {
                return Ok(true);
            };
            let (id, mut callback) = (due.id, due.item);
            let step = call(context, Callback::Timer, |context| callback(context, id));
            if due.repeats {
                let now = clock::monotonic_us() / 1_000; // the callback may have been slow
                let gone = self.timers.borrow_mut().done(now, id, callback);
                drop(gone);
            }
            step?;
        }
    }

    /// Those that are put off by now.
    fn run_deferred(&self, context: Option<&Context>) -> Result<bool, Leave> {
        let count = self.deferred.borrow().len();
        for _ in 0..count {
            let next = self.deferred.borrow_mut().pop_front();
            let Some(callback) = next else {
                break; // a turn within a callback has called them
            };
            call(context, Callback::Defer, callback)?;
        }
        Ok(count > 0)
    }
}

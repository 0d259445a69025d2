//! Timers, descriptors, signals and calls put off, in a process of the server.

use std::os::fd::RawFd;
use std::rc::Rc;

use super::{Context, Refused, Role};
use crate::callback::Callback;
use crate::error::code;
use crate::event_loop::EventLoop;
use crate::handler::{Leave, Step};
use crate::sys::fork;
use crate::sys::poller::Readiness;
use crate::timer::{TimerId, TimerInfo, TimerStats};

impl Context {
    /// Call `callback` every `ms` milliseconds in this process, the first time after as many. Calls come on the grid of the
    /// first one; periods that were missed are skipped. Timers that are due together come in the order of due time and id.
    ///
    /// A timer lives until it is cleared or its process ends. A worker that is to end lives until its timers are gone, but
    /// no longer than `max_wait_time`: clear them in [`crate::Handler::on_worker_exit`]. (With `reload_async` off it does not
    /// wait for them.)
    ///
    /// Refused: 505 for less than 1 ms, 509 in a child that user code forked.
    pub fn tick(
        &self,
        ms: u64,
        mut callback: impl FnMut(&Context, TimerId) -> Step + 'static,
    ) -> Result<TimerId, Refused> {
        self.own_loop()?.tick(
            ms,
            Box::new(move |context, id| context.map_or(Ok(()), |context| callback(context, id))),
        )
    }

    /// Call `callback` once, after `ms` milliseconds. Otherwise as [`Context::tick`].
    pub fn after(
        &self,
        ms: u64,
        callback: impl FnOnce(&Context, TimerId) -> Step + 'static,
    ) -> Result<TimerId, Refused> {
        let mut callback = Some(callback);
        self.own_loop()?.after(
            ms,
            Box::new(move |context, id| match (context, callback.take()) {
                (Some(context), Some(callback)) => callback(context, id),
                _ => Ok(()),
            }),
        )
    }

    /// Take a timer of this process away, also within its own callback. False: there is no such timer.
    pub fn clear_timer(&self, id: TimerId) -> bool {
        self.own_loop().is_ok_and(|own| own.clear_timer(id))
    }

    /// Take all timers of this process away.
    pub fn clear_timers(&self) {
        if let Ok(own) = self.own_loop() {
            own.clear_timers();
        }
    }

    /// What is known of a timer of this process.
    pub fn timer_info(&self, id: TimerId) -> Option<TimerInfo> {
        self.own_loop().ok()?.timer_info(id)
    }

    /// All timers of this process, the newest first.
    pub fn timers(&self) -> Vec<TimerId> {
        self.own_loop().map_or(Vec::new(), |own| own.timers())
    }

    /// What is known of all timers of this process.
    pub fn timer_stats(&self) -> TimerStats {
        self.own_loop()
            .map_or(TimerStats::default(), |own| own.timer_stats())
    }

    /// Call `callback` when the callback at hand, and others that are due now, have returned. Refused: 509 in a child that
    /// user code forked.
    pub fn defer(&self, callback: impl FnOnce(&Context) -> Step + 'static) -> Result<(), Refused> {
        self.own_loop()?
            .defer(Box::new(move |context| context.map_or(Ok(()), callback)));
        Ok(())
    }

    /// Call `callback` whenever a descriptor of the program's own is ready for what is `wanted`; see
    /// [`EventLoop::watch`]. A worker that is to end waits for it as for timers.
    pub fn watch(
        &self,
        fd: RawFd,
        wanted: Readiness,
        mut callback: impl FnMut(&Context, RawFd, Readiness) -> Step + 'static,
    ) -> Result<(), Refused> {
        self.own_loop()?.watch(
            fd,
            wanted,
            Box::new(move |context, fd, ready| {
                context.map_or(Ok(()), |context| callback(context, fd, ready))
            }),
        )
    }

    /// Watch a descriptor for something else. Refused: 2 (ENOENT) for one that is not watched.
    pub fn rewatch(&self, fd: RawFd, wanted: Readiness) -> Result<(), Refused> {
        self.own_loop()?.rewatch(fd, wanted)
    }

    /// Do not watch a descriptor any more. False: it was not.
    pub fn unwatch(&self, fd: RawFd) -> bool {
        self.own_loop().is_ok_and(|own| own.unwatch(fd))
    }

    /// The event loop of this process, for what has no method here. Its callbacks are called like all others.
    pub fn event_loop(&self) -> &Rc<EventLoop> {
        &self.wires.event_loop
    }

    fn own_loop(&self) -> Result<&EventLoop, Refused> {
        match fork::is_foreign() {
            true => Err(Refused(code::WRONG_OPERATION)),
            false => Ok(&self.wires.event_loop),
        }
    }

    /// One turn of the event loop within a callback, which does not wait for anything. True: something was called.
    pub fn dispatch(&self) -> Result<bool, Leave> {
        self.own_loop()
            .map_or(Ok(false), |own| own.turn(Some(self)))
    }

    /// User process: one turn of its event loop, which first sleeps until there is something to do. True: something was
    /// called. An error is what a callback wants, to be passed on, or code 255 if there is no descriptor left to sleep on. Elsewhere
    /// this does not wait, as [`Context::dispatch`].
    pub fn turn_and_wait(&self) -> Result<bool, Leave> {
        match (self.role, self.own_loop()) {
            (Role::UserProcess(_), Ok(own)) => own.sleep_and_turn(Some(self)),
            _ => self.dispatch(),
        }
    }

    /// User process: run its event loop until nothing is left to wait for: no timer, no descriptor, no call put off, no
    /// signal that keeps it; or [`EventLoop::exit`] is called. Elsewhere, where the role runs it, and within a callback of the loop:
    /// nothing.
    pub fn run_event_loop(&self) -> Step {
        match (self.role, self.own_loop()) {
            (Role::UserProcess(_), Ok(own)) => own.run_with(Some(self)),
            _ => Ok(()),
        }
    }

    // ---- for the roles -------------------------------------------------------------------------

    /// After each batch of messages: call what is ready and due. True: something was called, so there may be more, and
    /// messages meanwhile. An error is the end of the process, as of every callback.
    pub(crate) fn tend(&self) -> Result<bool, Leave> {
        match self.wires.event_loop.is_active() {
            false => Ok(false), // as a rule
            true => self.wires.event_loop.turn(Some(self)),
        }
    }

    /// Around each callback of the event loop: on record as those of messages, and with the same end.
    pub(crate) fn run_job(&self, callback: Callback, job: impl FnOnce() -> Step) -> Step {
        let port = self.port.replace(0); // of no port
        let outer = self.enter_job(callback);
        let step = job();
        if fork::is_foreign() {
            fork::flush_stdio();
            fork::exit_now(step.err().map_or(0, |leave| leave.code));
        }
        self.left_job(outer);
        self.at_port(port);
        match (step, self.take_leaving()) {
            (Ok(()), Some(leave)) => Err(leave),
            (step, _) => step,
        }
    }
}

//! The end of a server: from the first request through the phases to the account.

use super::Master;
use crate::ipc::directory::{Endpoint, Seat};
use crate::ipc::frame::{Head, Kind};
use crate::reactor::inbox::Order;
use crate::role::stop::{self, Account};
use crate::role::{exit, phase::Phase};
use crate::sync::Ordering;
use crate::sys::wait::Exit;
use crate::sys::{clock, fork, process, signal};

/// Time for everything when there is no manager any more, or SIGINT wants an end at once.
const HURRY_MS: u64 = 500;
/// What the manager may need beyond the workers' deadline before it is killed too.
const MANAGER_GRACE_MS: u64 = 1_500;
/// Time to write what is written and deliver close events when draining has used up all there was.
const FLUSH_GRACE_MS: u64 = 300;

impl Master {
    /// A stop was asked for: the first time begins it, the second ends the patience.
    pub(super) fn ask_to_stop(&mut self) {
        match Phase::of(&self.shared) {
            Phase::Starting | Phase::Serving => {
                self.asked_ms = clock::monotonic_ms();
                let step = self.context.handler().on_before_shutdown(&self.context);
                match step {
                    Err(leave) => {
                        self.code = leave.code;
                        self.begin_stop();
                    }
                    Ok(()) => self.leave(),
                }
            }
            Phase::Leaving => {
                self.begin_stop();
                self.hurry(0);
            }
            _ => self.hurry(0),
        }
    }

    /// SIGINT, SIGQUIT: a supervised end at once, then this process dies by the same signal.
    pub(super) fn interrupt(&mut self, number: i32) {
        self.interrupted = number;
        self.begin_stop();
        self.hurry(0);
    }

    /// For a while everything is served, but those who ask are told that the server is going.
    fn leave(&mut self) {
        if self.shutdown_delay_ms == 0 || Phase::of(&self.shared) != Phase::Serving {
            return self.begin_stop();
        }
        self.service.stopping();
        self.deadline = clock::monotonic_ms() + self.shutdown_delay_ms;
        self.enter(Phase::Leaving);
    }

    fn enter(&self, phase: Phase) {
        phase.publish(&self.shared);
        self.log.info(stop::line(phase, &self.shared));
    }

    /// The last line of the log, and the exit code: 0 only if nothing was dropped.
    pub(super) fn close_account(&mut self) {
        let dropped = self.account.dropped(&self.shared);
        let now = clock::monotonic_ms();
        let line = self.account.closing_line(&self.shared, &dropped, now);
        if dropped.is_nothing() {
            return self.log.info(line);
        }
        self.log.warning(line);
        if self.code == exit::NORMAL {
            self.code = exit::DROPPED;
        }
    }

    pub(super) fn begin_stop(&mut self) {
        if Phase::of(&self.shared) >= Phase::Draining {
            return;
        }
        self.log.info("Server is shutdown now");
        if Phase::of(&self.shared) != Phase::Leaving {
            self.service.stopping();
        }
        let now = clock::monotonic_ms();
        // The time that onBeforeShutdown takes counts, a delay of full service does not.
        let asked = match (Phase::of(&self.shared), self.asked_ms) {
            (Phase::Leaving, _) | (_, 0) => now,
            (_, asked) => asked,
        };
        self.account = Account::open(&self.shared, asked);
        self.deadline = asked + self.max_wait_ms;
        self.intake.close(&self.shared, &self.log);
        self.enter(Phase::Draining);
        for listener in self.listeners.drain(..) {
            if !listener.kind().is_datagram() {
                fork::share(listener.raw());
            }
            listener.unlink();
        } // closed here, but for those of datagrams, which answers go out by: clients not yet accepted are refused, not kept waiting
        self.reactors.order_all(|| Order::Drain);
        self.shared.directory.bell(Endpoint::Manager).ring(); // it restarts what waits for a restart
        // Workers that sleep have nothing left to say; those that are busy ring when they are done.
    }

    pub(super) fn hurry(&mut self, within: u64) {
        self.hurried = true;
        self.deadline = self.deadline.min(clock::monotonic_ms() + within);
        if Phase::of(&self.shared) == Phase::Stopping && !self.manager_gone {
            let _ = self
                .context
                .to_manager(Head::new(Kind::StopAll, 0, self.deadline));
        }
    }

    pub(super) fn next_deadline(&self) -> u64 {
        match Phase::of(&self.shared) {
            Phase::Stopping if !self.manager_gone => self.deadline + MANAGER_GRACE_MS,
            _ => self.deadline,
        }
    }

    /// One step at a time; each asks only for facts in shared memory.
    pub(super) fn advance_phase(&mut self) {
        let now = clock::monotonic_ms();
        let late = now >= self.deadline;
        match Phase::of(&self.shared) {
            Phase::Starting | Phase::Serving | Phase::Stopped => {}
            Phase::Leaving => {
                if late {
                    self.begin_stop();
                }
            }
            Phase::Draining => {
                if late && !self.hurried {
                    // One stuck worker shall not cost the sessions of the others their close event.
                    self.deadline = now + FLUSH_GRACE_MS;
                }
                if late || self.is_drained() {
                    self.enter(Phase::Flushing);
                    self.reactors.order_all(|| Order::Finish);
                    self.advance_phase();
                }
            }
            Phase::Flushing => {
                if late || self.shared.output_bytes() == 0 {
                    self.enter(Phase::Closing);
                    self.advance_phase();
                }
            }
            Phase::Closing => {
                let deserted = self.shared.open_sessions() == 0;
                if late || (deserted && self.is_drained()) {
                    self.enter(Phase::Stopping);
                    self.stop_processes();
                    self.advance_phase(); // there may be nobody left who could wake us
                }
            }
            Phase::Stopping => {
                if self.manager_gone {
                    if self.kill_orphans() {
                        Phase::Stopped.publish(&self.shared);
                    }
                } else if now >= self.deadline + MANAGER_GRACE_MS {
                    self.log
                        .warning("wait timeout, all worker processes will be forcibly terminated");
                    self.manager_killed = true;
                    signal::send(self.manager, signal::SIGKILL);
                    self.deadline = now; // the kill is repeated after another grace
                }
            }
        }
    }

    /// Whether nothing that was read waits for a worker. Asked of the reactors before and after the look at
    /// the lanes: one that brings messages from a lane to another says so before it takes them.
    fn is_drained(&self) -> bool {
        let quiet = self.reactors.are_quiet() && self.shared.workers_drained();
        quiet && self.reactors.are_quiet() && self.shared.tasks_drained()
    }

    /// Expected at the end of a stop; at any other time the server has lost its supervisor and stops.
    pub(super) fn manager_ended(&mut self, how: Exit) {
        let expected = Phase::of(&self.shared) >= Phase::Stopping && how.is_clean();
        if expected || self.manager_killed {
            return;
        }
        if how.signal != 0 || Phase::of(&self.shared) < Phase::Stopping {
            self.log.warning(format_args!(
                "Fatal Error: manager process exit. status={}, signal=[{}: {}]",
                how.code,
                if how.signal == 0 {
                    "none".into()
                } else {
                    signal::description(how.signal)
                },
                how.signal,
            ));
        }
        self.code = if how.code == 0 { exit::FATAL } else { how.code };
        self.begin_stop();
        self.hurry(HURRY_MS);
    }

    fn stop_processes(&mut self) {
        if !self.manager_gone {
            let deadline = self.deadline.max(clock::monotonic_ms());
            // Refused if the lane is full of other orders: then the phase says the same.
            let _ = self
                .context
                .to_manager(Head::new(Kind::StopAll, 0, deadline));
            return;
        }
        for seat in self.shared.all_seats() {
            self.shared.directory.bell(Endpoint::Worker(seat)).ring(); // they look at the phase
        }
    }

    /// Workers whose manager died under way are this process's children now. True: none is left.
    fn kill_orphans(&mut self) -> bool {
        let late = clock::monotonic_ms() >= self.deadline;
        let alive = |seat: Seat| {
            let pid = self.shared.seat_block(seat).pid.load(Ordering::Acquire);
            // A pid may have been given to a stranger since its manager reaped it.
            (pid > 0 && process::is_child(pid)).then_some(pid)
        };
        let pids: Vec<i32> = self.shared.all_seats().filter_map(alive).collect();
        if late {
            for &pid in &pids {
                signal::send(pid, signal::SIGKILL);
            }
            self.deadline = clock::monotonic_ms() + 20; // look again soon
        }
        pids.is_empty()
    }
}

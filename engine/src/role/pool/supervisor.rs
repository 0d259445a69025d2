//! The master of a pool: forks, reaps and replaces workers; runs the start and shutdown callbacks.
//!
//! One loop, as in the manager of a server: sleep on the bell; turn what happened into roster events; perform the roster's
//! actions.

use std::fmt::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::context::{PoolContext, Shared};
use super::{Pool, PoolEnded, PoolHandler, worker};
use crate::error::{Doing, Error, Result};
use crate::handler::Step;
use crate::ipc::directory::Seat;
use crate::log::{Author, Log};
use crate::role::roster::{Action, Policy, Roster};
use crate::role::{exit, signals};
use crate::shared::ChildKind;
use crate::sync::Ordering;
use crate::sys::fork::{self, Fork};
use crate::sys::ready;
use crate::sys::wait::{self, Reaped};
use crate::sys::{clock, pipe, process, signal};

/// A worker that waits in a system call which a signal came just before is reminded so often.
const REMIND_MS: u64 = 100;

struct Supervisor<'p> {
    pool: &'p Pool,
    handler: &'p dyn PoolHandler,
    shared: Arc<Shared>,
    context: Rc<PoolContext>,
    signals: signals::Table,
    roster: Roster,
    /// Both ends; workers close the second.
    line: (OwnedFd, OwnedFd),
    log: Log,
    code: i32,
    stopping: bool,
    finished: bool,
    became: Option<u32>,
    /// Of the process reaped last.
    reaped: Option<Reaped>,
    /// Monotonic ms.
    next_reminder: Option<u64>,
}

/// The whole pool; returns in every process.
pub(super) fn run(pool: Pool, handler: Rc<dyn PoolHandler>) -> Result<PoolEnded> {
    let threads = fork::threads();
    if threads > 1 {
        pool.clear();
        return Err(Error::Threads(threads));
    }
    let ended = supervise(&pool, &*handler);
    // In a worker, or in a child of user code, the queue and the sockets are the master's.
    if !matches!(&ended, Ok(ended) if ended.worker.is_some()) && !fork::is_foreign() {
        pool.clear();
    }
    pool.log.finish();
    ended
}

fn supervise(pool: &Pool, handler: &dyn PoolHandler) -> Result<PoolEnded> {
    fork::watch_foreign_forks();
    let shared = Shared::create(pool.workers, pool.messages, pool.queue);
    let shared = Arc::new(shared.doing("create shared memory")?);
    let line = pipe::lifeline().doing("create a life-line")?;
    let table = signals::supervisor();
    let installed = table
        .install(shared.bell.raw())
        .doing("install signal handlers")?;
    for listener in &pool.listeners {
        fork::keep_private(listener.raw());
    }
    fork::keep_private(line.1.as_raw_fd());
    let policy = Policy {
        patience_ms: pool.settings.max_wait_ms,
        reload_async: false,
        start_ms: 0,
        max_respawns: pool.settings.max_respawns,
    };
    let mut supervisor = Supervisor {
        pool,
        handler,
        context: PoolContext::new(&shared, None),
        shared,
        signals: table,
        roster: Roster::new((0..pool.workers).map(|_| ChildKind::Worker), policy),
        line,
        log: pool.log.by(Author::Master),
        code: exit::NORMAL,
        stopping: false,
        finished: false,
        became: None,
        reaped: None,
        next_reminder: None,
    };
    fork::flush_stdio();
    supervisor.live();
    if let Some(worker) = supervisor.became {
        installed.keep(); // the worker installs its own; until then none of them can kill it
        let Supervisor { line, shared, .. } = supervisor;
        let (watch, hold) = line;
        fork::forget_private();
        drop(hold);
        for listener in &pool.listeners {
            fork::keep_private(listener.raw());
        }
        let code = worker::run(pool, handler, &shared, worker, watch);
        return Ok(PoolEnded {
            worker: Some(worker),
            code,
        });
    }
    if fork::is_foreign() {
        installed.keep(); // user code forked within a callback of the master: nothing of this is the child's
    } else {
        fork::forget_private();
    }
    Ok(PoolEnded {
        worker: None,
        code: supervisor.code,
    })
}

impl Supervisor<'_> {
    fn live(&mut self) {
        self.tick(); // forks the first generation
        if self.became.is_none() {
            self.handler.attach(&self.context);
            let step = self.handler.on_start(&self.context);
            signal::reassert_unblocked();
            self.heed(step);
        }
        while !self.finished && self.became.is_none() && !fork::is_foreign() {
            self.sleep();
            self.heed_signals();
            self.note_members();
            self.reap();
            self.tick();
            self.remind();
        }
        if self.became.is_none() && !fork::is_foreign() {
            let step = self.handler.on_shutdown(&self.context);
            self.heed(step);
        }
    }

    fn sleep(&self) {
        let now = clock::monotonic_ms();
        let due = self.roster.next_deadline(now).into_iter();
        let next = due
            .chain(self.next_reminder)
            .chain(self.log.tick())
            .min()
            .map(|due| Duration::from_millis(due.saturating_sub(now)));
        let bell = self.shared.bell.raw();
        let _ = ready::wait(&[bell], next); // fails for a bad descriptor only
        self.shared.bell.drain();
    }

    fn heed_signals(&mut self) {
        for action in self.signals.take() {
            match action {
                signals::Action::Interrupt(_) | signals::Action::Stop => self.stop(),
                signals::Action::Reload | signals::Action::ReloadTasks => {
                    let actions = self.roster.reload(clock::monotonic_ms());
                    self.perform(actions);
                }
                signals::Action::Reopen => self.log.reopen(),
                signals::Action::Reap
                | signals::Action::Survive
                | signals::Action::Die
                | signals::Action::Host => {}
            }
        }
    }

    fn stop(&mut self) {
        if std::mem::replace(&mut self.stopping, true) {
            return;
        }
        self.context.running.set(false);
        let now = clock::monotonic_ms();
        let actions = self
            .roster
            .stop_all(now + self.pool.settings.max_wait_ms, now);
        self.perform(actions);
    }

    /// A callback of the master wants it to end.
    fn heed(&mut self, step: Step) {
        if let Err(leave) = step {
            self.code = leave.code;
            if !fork::is_foreign() {
                self.stop();
            }
        }
    }

    /// Workers that have become ready, or have left the pool.
    fn note_members(&mut self) {
        let now = clock::monotonic_ms();
        for worker in 0..self.pool.workers {
            let Some(member) = self.shared.member(worker) else {
                continue;
            };
            let left = member.detached.swap(0, Ordering::AcqRel);
            let ready = member.ready.load(Ordering::Acquire) != 0;
            if left > 0 {
                self.log.notice(format_args!(
                    "worker {worker} (pid {left}) has left the pool"
                ));
                let exit = wait::Exit { code: 0, signal: 0 };
                let actions = self.roster.died(left, exit, now);
                self.perform(actions);
            } else if ready {
                let actions = self.roster.ready(Seat::first_of(worker), false, now);
                self.perform(actions);
            }
        }
    }

    fn reap(&mut self) {
        while let Some(reaped) = wait::reap() {
            if let Some(seat) = self.roster.seat_of(reaped.pid) {
                // A worker that ends by itself at once would be forked again and again, whatever its exit code.
                self.roster.lost_work(seat);
                self.reaped = Some(reaped);
            }
            let now = clock::monotonic_ms();
            let actions = self.roster.died(reaped.pid, reaped.exit, now);
            self.perform(actions);
        }
    }

    fn tick(&mut self) {
        let actions = self.roster.tick(clock::monotonic_ms(), |_| false);
        self.perform(actions);
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Spawn(seat) => self.spawn(seat),
                Action::AskToStop(seat) => {
                    if let Some(member) = self.shared.member(seat.worker()) {
                        member.asked.store(1, Ordering::Release);
                        signal::send(member.pid.load(Ordering::Acquire), signal::SIGTERM);
                        self.next_reminder = Some(clock::monotonic_ms() + REMIND_MS);
                    }
                }
                Action::Kill { pid, worker } => {
                    self.log.warning(format_args!(
                        "kill() (ERRNO {}): force kill worker process(pid={pid}, id={worker})",
                        crate::error::code::WORKER_EXIT_TIMEOUT
                    ));
                    signal::send(pid, signal::SIGKILL);
                }
                Action::Info(text) => self.log.info(text),
                Action::Warn(text) => self.log.warning(text),
                Action::Error(text) => self.log.error(text),
                Action::ReportDeath => self.report_death(),
                Action::GiveUp(reason) => {
                    self.log.error(format_args!("the pool stops: {reason}"));
                    self.code = exit::FATAL;
                    self.stop();
                }
                Action::Finish => self.finished = true,
                // One seat of each worker is used, and reloads have no callbacks.
                Action::Switch(_) | Action::BeforeReload | Action::AfterReload => {}
            }
            if self.became.is_some() {
                return; // in the child: the rest is the parent's business
            }
        }
    }

    /// Signals again for those who are still to end.
    fn remind(&mut self) {
        let now = clock::monotonic_ms();
        if self.next_reminder.is_none_or(|due| now < due) {
            return;
        }
        self.next_reminder = None;
        for seat in self.roster.alive() {
            if let Some(member) = self.shared.member(seat.worker())
                && member.asked.load(Ordering::Acquire) != 0
            {
                signal::send(member.pid.load(Ordering::Acquire), signal::SIGTERM);
                self.next_reminder = Some(now + REMIND_MS);
            }
        }
    }

    /// The line that tools know, and the crash record.
    fn report_death(&mut self) {
        let Some(reaped) = self.reaped.take() else {
            return;
        };
        let Some((worker, member)) = (0..self.pool.workers)
            .filter_map(|worker| Some((worker, self.shared.member(worker)?)))
            .find(|(_, member)| member.pid.load(Ordering::Acquire) == reaped.pid)
        else {
            return;
        };
        let (pid, exit) = (reaped.pid, reaped.exit);
        self.log.warning(format_args!(
            "worker(pid={pid}, id={worker}) abnormal exit, status={}, signal={}",
            exit.code, exit.signal
        ));
        let mut line = format!("worker {worker} (pid {pid}) lost: ");
        // Writing to a string cannot fail.
        let _ = match exit.signal {
            0 => write!(line, "exit code {}", exit.code),
            number => write!(line, "signal {number} ({})", signal::name(number)),
        };
        let born = member.born_ms.load(Ordering::Relaxed);
        let seconds = clock::monotonic_ms().saturating_sub(born) as f64 / 1000.0;
        let at = match member.busy.load(Ordering::Relaxed) {
            0 => "",
            _ => ", in onMessage",
        };
        let _ = write!(
            line,
            ", uptime {seconds:.3} s, {} messages served{at}, peak memory {:.1} MiB",
            member.messages.load(Ordering::Relaxed),
            reaped.peak_rss_kib as f64 / 1024.0
        );
        self.log.warning(line);
    }

    fn spawn(&mut self, seat: Seat) {
        let now = clock::monotonic_ms();
        let Some(member) = self.shared.member(seat.worker()) else {
            return;
        };
        for word in [&member.ready, &member.asked, &member.busy] {
            word.store(0, Ordering::Relaxed);
        }
        member.messages.store(0, Ordering::Relaxed);
        member.born_ms.store(now, Ordering::Relaxed);
        match fork::fork() {
            Ok(Fork::Child) => {
                member.pid.store(process::pid(), Ordering::Release);
                self.became = Some(seat.worker());
            }
            Ok(Fork::Parent(pid)) => {
                member.pid.store(pid, Ordering::Release);
                self.roster.spawned(seat, pid, now);
            }
            Err(error) => {
                self.log
                    .warning(format_args!("fork() failed, Error: {error}"));
                self.roster.spawn_failed(seat, now);
            }
        }
    }
}

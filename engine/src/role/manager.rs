//! The manager: forks workers, reaps and replaces them, carries no user data.
//!
//! One loop: sleep on the bell; turn what happened into roster events; perform the roster's actions.

use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::roster::{Action, Roster};
use super::signals;
use super::{Ground, exit, phase::Phase, record, watch};
use crate::context::Context;
use crate::error::code;
use crate::handler::{Callback, Death, Step};
use crate::ipc::directory::{Endpoint, Seat};
use crate::ipc::frame::{Head, Kind};
use crate::ipc::lane::Verdict;
use crate::ipc::mailbox::Mailbox;
use crate::ipc::parker::Parker;
use crate::log::Author;
use crate::session::table::state;
use crate::stats::{bump, seat_state};
use crate::sync::Ordering;
use crate::sys::fork::{self, Fork};
use crate::sys::wait::{self, Reaped};
use crate::sys::{clock, pipe, process, signal};

/// Time workers get when the master is dead, before the roster's grace and the kill. Everybody shall be
/// gone within a second, and the kill must come before this process's own orphan alarm (`sys::signal`).
const ORPHAN_PATIENCE_MS: u64 = 100;

/// How the manager's function ended; in the worker it became, it ends as well.
pub(super) enum Outcome {
    /// The manager is done, with this exit code.
    Finished(i32),
    /// This is a freshly forked worker.
    BecameWorker {
        seat: Seat,
        /// Pid of the manager that forked it.
        manager: i32,
        /// Breaks when the manager dies.
        manager_line: OwnedFd,
    },
}

struct Manager<'g> {
    ground: &'g Ground,
    context: Rc<Context>,
    signals: signals::Table,
    roster: Roster,
    /// Both ends; children close the second.
    line: (OwnedFd, OwnedFd),
    /// Exit code of the manager itself.
    code: i32,
    finished: bool,
    /// A reload has been seen to go on.
    reloading: bool,
    stopping: bool,
    /// A stop has been seen to begin.
    draining: bool,
    /// The log says that workers are killed because the stop took too long.
    said_timeout: bool,
    became: Option<Seat>,
    /// Of the process reaped last.
    obituary: Option<Death>,
}

/// The manager's life.
pub(super) fn run(ground: &Ground, master: i32) -> Outcome {
    let shared = &ground.shared;
    let bell = shared.directory.bell(Endpoint::Manager);
    signal::set_supervisor(master, 0);
    let Ok(installed) = signals::supervisor().install(bell.descriptor().raw()) else {
        return Outcome::Finished(exit::FATAL);
    };
    ground.service.as_manager();
    shared
        .server()
        .manager_pid
        .store(process::pid(), Ordering::Release);
    if !process::die_with_parent(master) {
        return Outcome::Finished(exit::FATAL);
    }
    let log = ground.log.by(Author::Manager);
    let (Ok(line), Ok(mut parker)) = (
        pipe::lifeline(),
        Parker::new(&bell, &[ground.master_line.as_fd()]),
    ) else {
        log.error("the manager cannot start: out of descriptors");
        return Outcome::Finished(exit::FATAL);
    };
    let context = Context::new(
        Endpoint::Manager,
        Rc::clone(&ground.handler),
        Arc::clone(shared),
        Arc::clone(&ground.settings),
        log,
        watch(&ground.master_line),
    );
    let mut mailbox = shared.directory.mailbox(Endpoint::Manager);
    let mut manager = Manager {
        ground,
        context,
        signals: signals::supervisor(),
        roster: Roster::new(ground.sizes.workers, ground.settings.max_wait_ms),
        line,
        code: exit::NORMAL,
        finished: false,
        reloading: false,
        stopping: false,
        draining: false,
        said_timeout: false,
        became: None,
        obituary: None,
    };
    manager.tick(); // forks the first generation
    if manager.became.is_none() {
        shared.server().forked.store(1, Ordering::Release);
        shared.directory.bell(Endpoint::Main).ring();
        manager.context.handler().attach(&manager.context);
        let started = manager.context.handler().on_manager_start(&manager.context);
        manager.heed(started);
    }
    while !manager.finished && manager.became.is_none() {
        manager.sleep(&mut mailbox, &mut parker);
        manager.heed_signals();
        manager.read_mail(&mut mailbox);
        if parker.supervisor_lost() {
            signal::disarm_fuse(); // this stop has a deadline of its own
            manager.stop_all(clock::monotonic_ms() + ORPHAN_PATIENCE_MS);
        } else if !manager.stopping && Phase::of(shared) >= Phase::Stopping {
            manager.stop_all(clock::monotonic_ms() + ORPHAN_PATIENCE_MS); // the order itself met a full lane
        }
        manager.note_ready();
        manager.reap();
        manager.note_draining();
        manager.tick();
        manager.note_reloads();
    }
    if let Some(seat) = manager.became {
        installed.keep(); // the worker installs its own; until then none of them can kill it
        let Manager {
            line: (watch, hold),
            ..
        } = manager;
        drop(hold);
        return Outcome::BecameWorker {
            seat,
            manager: shared.server().manager_pid.load(Ordering::Acquire),
            manager_line: watch,
        };
    }
    if let Err(leave) = manager.context.handler().on_manager_stop(&manager.context) {
        manager.code = leave.code;
    }
    Outcome::Finished(manager.code)
}

impl Manager<'_> {
    fn sleep(&self, mailbox: &mut Mailbox, parker: &mut Parker) {
        if mailbox.may_sleep() {
            let now = clock::monotonic_ms();
            let due = self.roster.next_deadline();
            let timeout = due
                .into_iter()
                .chain(self.context.log().tick())
                .min()
                .map(|due| Duration::from_millis(due.saturating_sub(now)));
            parker.park(timeout);
            mailbox.awake();
        }
    }

    fn heed_signals(&mut self) {
        for action in self.signals.take() {
            match action {
                signals::Action::Interrupt(_) => {
                    let _ = self.context.to_main(Head::new(Kind::Shutdown, 0, 1)); // fails only if the master is dead
                    // Ctrl-C has reached the workers too: those that die of it are not to be replaced.
                    self.stop_all(clock::monotonic_ms() + ORPHAN_PATIENCE_MS);
                    return;
                }
                signals::Action::Stop => {
                    if process::parent() == self.context.master_pid() {
                        let _ = self.context.to_main(Head::new(Kind::Shutdown, 0, 0));
                    }
                }
                signals::Action::Reopen => self.reopen_logs(),
                signals::Action::Reload => {
                    self.reopen_logs();
                    self.reload();
                }
                signals::Action::ReloadTasks => {
                    self.reopen_logs();
                    self.context
                        .log()
                        .warning("cannot reload task workers, task workers is not started");
                }
                signals::Action::Reap
                | signals::Action::Survive
                | signals::Action::Die
                | signals::Action::Host => {}
            }
        }
    }

    /// Here first: this process may create a file that workers under another account may only open.
    fn reopen_logs(&self) {
        self.context.log().reopen();
        self.ground.shared.reopen_logs();
    }

    fn read_mail(&mut self, mailbox: &mut Mailbox) {
        let mut heads = self.context.take_own();
        mailbox.drain(64, |_, head, _| {
            heads.push(head);
            Verdict::Done
        });
        for head in heads {
            match head.kind {
                Kind::Reload => self.reload(),
                Kind::StopWorker => {
                    let actions = self
                        .roster
                        .stop_worker(head.argument as u32, clock::monotonic_ms());
                    self.perform(actions);
                }
                Kind::StopAll => self.stop_all(head.argument),
                other => self
                    .context
                    .log()
                    .error(format_args!("manager: unexpected message {other:?}")),
            }
        }
    }

    fn reload(&mut self) {
        let actions = self.roster.reload();
        self.perform(actions);
    }

    /// For the master, which tells systemd.
    fn note_reloads(&mut self) {
        let reloading = self.roster.is_reloading();
        match (std::mem::replace(&mut self.reloading, reloading), reloading) {
            (false, true) => self.ground.shared.note_reload_begun(),
            (true, false) => self.ground.shared.note_reload_ended(),
            _ => {}
        }
    }

    fn stop_all(&mut self, deadline: u64) {
        self.stopping = true;
        let actions = self.roster.stop_all(deadline, clock::monotonic_ms());
        self.perform(actions);
    }

    /// A callback of the manager wants it to end: the server stops, with that exit code.
    fn heed(&mut self, step: Step) {
        if let Err(leave) = step {
            self.code = leave.code;
            let _ = self.context.to_main(Head::new(Kind::Shutdown, 0, 0));
        }
    }

    /// Workers that wait for a restart have requests to answer before the stop.
    fn note_draining(&mut self) {
        let draining = Phase::of(&self.ground.shared) >= Phase::Draining;
        if draining && !std::mem::replace(&mut self.draining, true) {
            self.roster.respawn_now(clock::monotonic_ms());
        }
    }

    fn note_ready(&mut self) {
        for seat in self.roster.starting() {
            if self
                .ground
                .shared
                .seat_block(seat)
                .state
                .load(Ordering::Acquire)
                == seat_state::READY
            {
                self.roster.ready(seat);
            }
        }
    }

    /// Facts first: who is dead. Each one's account is settled before anything else happens to its seat.
    fn reap(&mut self) {
        while let Some(reaped) = wait::reap() {
            if let Some(seat) = self.roster.seat_of(reaped.pid) {
                self.obituary = Some(self.obituary(seat, reaped));
                self.settle(seat);
            }
            let actions = self
                .roster
                .died(reaped.pid, reaped.exit, clock::monotonic_ms());
            self.perform(actions);
        }
    }

    fn tick(&mut self) {
        let actions = self.roster.tick(clock::monotonic_ms());
        self.perform(actions);
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Spawn(seat) => self.spawn(seat),
                Action::AskToStop(seat) => {
                    self.ground
                        .shared
                        .seat_block(seat)
                        .stop_asked
                        .store(1, Ordering::Release);
                    self.ground
                        .shared
                        .directory
                        .bell(Endpoint::Worker(seat))
                        .ring();
                }
                Action::Kill { pid, worker } => self.kill(pid, worker),
                Action::Info(text) => self.context.log().info(text),
                Action::Warn(text) => self.context.log().warning(text),
                Action::Error(text) => self.context.log().error(text),
                Action::ReportDeath { .. } => self.report_death(),
                Action::Finish => self.finished = true,
            }
            if self.became.is_some() {
                return; // in the child: the rest is the parent's business
            }
        }
    }

    /// A worker has not ended in its time.
    fn kill(&mut self, pid: i32, worker: u32) {
        let log = self.context.log();
        let code = code::WORKER_EXIT_TIMEOUT;
        if !self.stopping {
            let text = format!("force kill worker process(pid={pid}, id={worker})");
            log.warning(format_args!("kill() (ERRNO {code}): {text}"));
        } else if !std::mem::replace(&mut self.said_timeout, true) {
            let text = "wait timeout, all worker processes will be forcibly terminated";
            log.warning(format_args!("kill() (ERRNO {code}): {text}"));
        }
        signal::send(pid, signal::SIGKILL);
    }

    /// What is known of a dead worker, before its account is settled.
    fn obituary(&self, seat: Seat, reaped: Reaped) -> Death {
        let block = self.ground.shared.seat_block(seat);
        let born = block.born_ms.load(Ordering::Relaxed);
        Death {
            worker: seat.worker(),
            pid: reaped.pid,
            code: reaped.exit.code,
            signal: reaped.exit.signal,
            uptime_ms: clock::monotonic_ms().saturating_sub(born),
            requests: block.requests.load(Ordering::Relaxed),
            callback: Callback::from_u32(block.callback.load(Ordering::Relaxed)),
            session: block.session.load(Ordering::Relaxed),
            peak_rss_kib: reaped.peak_rss_kib,
        }
    }

    /// The line that tools know, the crash record, the callback.
    fn report_death(&mut self) {
        let Some(death) = self.obituary.take() else {
            return;
        };
        let log = self.context.log();
        let Death {
            worker,
            pid,
            code,
            signal,
            ..
        } = death;
        log.warning(format_args!(
            "worker(pid={pid}, id={worker}) abnormal exit, status={code}, signal={signal}"
        ));
        log.warning(record::of(&death));
        let step = self
            .context
            .handler()
            .on_worker_error(&self.context, &death);
        self.heed(step);
    }

    fn spawn(&mut self, seat: Seat) {
        let block = self.ground.shared.seat_block(seat);
        for word in [&block.stop_asked, &block.busy, &block.callback] {
            word.store(0, Ordering::Relaxed);
        }
        block.callback_since_ms.store(0, Ordering::Relaxed);
        block.session.store(0, Ordering::Relaxed);
        block
            .born_ms
            .store(clock::monotonic_ms(), Ordering::Relaxed);
        block
            .epoch
            .store(block.epoch.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        block.state.store(seat_state::STARTING, Ordering::Release);
        match fork::fork() {
            Ok(Fork::Child) => self.became = Some(seat),
            Ok(Fork::Parent(pid)) => {
                block.pid.store(pid, Ordering::Release);
                self.roster.spawned(seat, pid, clock::monotonic_ms());
            }
            Err(error) => {
                block.state.store(seat_state::EMPTY, Ordering::Release);
                self.context
                    .log()
                    .warning(format_args!("fork() failed, Error: {error}"));
                self.roster.spawn_failed(seat, clock::monotonic_ms());
            }
        }
    }

    /// What died with the worker on `seat`: its message at work is lost, its counters become history.
    fn settle(&self, seat: Seat) {
        let shared = &self.ground.shared;
        let block = shared.seat_block(seat);
        block.state.store(seat_state::EMPTY, Ordering::Release);
        block.busy.store(0, Ordering::Relaxed);
        block.pid.store(0, Ordering::Release);
        for (counter, past) in [
            (&block.requests, &block.past_requests),
            (&block.responses, &block.past_responses),
            (&block.sent_bytes, &block.past_sent_bytes),
        ] {
            bump(past, counter.swap(0, Ordering::Relaxed));
        }
        block.events.store(0, Ordering::Relaxed);
        self.settle_close(block.closing.swap(0, Ordering::AcqRel));
        for casualty in shared.directory.settle(Endpoint::Worker(seat)) {
            let Some(slot) = shared.sessions.find(casualty.session) else {
                continue;
            };
            if casualty.kind == Kind::Close {
                slot.mark(state::EVENT_DONE);
            } else {
                slot.note_completed();
                bump(&shared.server().requests_lost, 1);
            }
            // The reactor closes the session; it never waits for us, so this does not block for long.
            let _ = self.context.to_reactor(
                slot.reactor(),
                Head::new(Kind::Lost, casualty.session, 0),
                &[],
            );
        }
        if Phase::of(shared) >= Phase::Draining {
            shared.directory.bell(Endpoint::Main).ring(); // it waits for the workers' queues
        }
    }

    /// The worker died inside close(): whether or not the reactor has heard of it, it ends the session.
    fn settle_close(&self, session: u64) {
        let shared = &self.ground.shared;
        let Some(slot) = shared.sessions.find(session) else {
            return;
        };
        if slot.has(state::CLAIMED) {
            slot.mark(state::EVENT_DONE);
        }
        let head = Head::new(Kind::Lost, session, 0);
        let _ = self.context.to_reactor(slot.reactor(), head, &[]);
    }
}

//! The manager: forks workers, reaps and replaces them, carries no user data.
//!
//! One loop: sleep on the bell; turn what happened into roster events; perform the roster's actions.

mod actions;
mod facts;

use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::messages::Messages;
use super::roster::{Policy, Roster};
use super::signals;
use super::watchdog::Watchdog;
use super::{Ground, exit, phase::Phase, record, settle, watch};
use crate::context::{Context, Wires};
use crate::event_loop::EventLoop;
use crate::handler::{Death, Step};
use crate::ipc::directory::{Endpoint, Seat};
use crate::ipc::exchange::Target;
use crate::ipc::frame::{Head, Kind, reload};
use crate::ipc::lane::Verdict;
use crate::ipc::mailbox::Mailbox;
use crate::ipc::parker::Parker;
use crate::ipc::queue::Claimant;
use crate::log::Author;
use crate::shared::ChildKind;
use crate::sync::Ordering;
use crate::sys::wait;
use crate::sys::{clock, fuse, pipe, process, signal};

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
    watchdog: Watchdog,
    /// Both ends; children close the second.
    line: (OwnedFd, OwnedFd),
    /// Exit code of the manager itself.
    code: i32,
    finished: bool,
    /// A reload has been seen to go on.
    stopping: bool,
    /// A stop has been seen to begin.
    draining: bool,
    /// The log says that workers are killed because the stop took too long.
    said_timeout: bool,
    became: Option<Seat>,
    /// The event loop has called something, and is to be turned again before a sleep.
    more: bool,
    /// Of the process reaped last.
    obituary: Option<Death>,
}

/// The manager's life.
pub(super) fn run(ground: &Ground, master: i32) -> Outcome {
    let shared = &ground.shared;
    let bell = shared.directory.bell(Endpoint::Manager);
    fuse::set_supervisor(master, 0);
    let Ok(installed) = signals::supervisor().install(bell.descriptor().raw()) else {
        return Outcome::Finished(exit::FATAL);
    };
    ground.service.as_manager();
    shared
        .server()
        .manager_pid
        .store(process::pid(), Ordering::Release);
    if !process::die_with_parent(master, process::LastCall::Notice) {
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
        ground.ports.clone(),
        Arc::clone(&ground.settings),
        log,
        Wires {
            file_senders: Rc::clone(&ground.file_senders),
            lifelines: watch(&ground.master_line),
            commands: ground.commands.clone(),
            event_loop: EventLoop::new(),
        },
    );
    let mut mailbox = shared.directory.mailbox(Endpoint::Manager);
    let mut messages = Messages::of_supervisor(&context, Target::Manager, Claimant::MANAGER);
    let mut manager = Manager {
        ground,
        context,
        signals: signals::supervisor(),
        roster: Roster::new(
            (0..shared.children()).map(|id| shared.kind_of(id)),
            Policy {
                patience_ms: ground.settings.max_wait_ms,
                reload_async: ground.settings.reload_async,
                start_ms: ground.settings.worker_start_ms,
                max_respawns: ground.settings.max_respawns,
            },
        ),
        watchdog: Watchdog::new(Arc::clone(shared), ground.settings.worker_deadline_ms),
        line,
        code: exit::NORMAL,
        finished: false,
        stopping: false,
        draining: false,
        said_timeout: false,
        became: None,
        more: false,
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
        manager.sleep(&mut mailbox, &mut parker, &messages);
        manager.heed_signals();
        manager.read_mail(&mut mailbox);
        manager.obey_commands(&mut messages);
        manager.tend();
        if parker.supervisor_lost() {
            fuse::put_out(); // this stop has a deadline of its own
            manager.stop_all(clock::monotonic_ms() + ORPHAN_PATIENCE_MS);
        } else if !manager.stopping && Phase::of(shared) >= Phase::Stopping {
            manager.stop_all(clock::monotonic_ms() + ORPHAN_PATIENCE_MS); // the order itself met a full lane
        }
        manager.note_ready();
        manager.note_leaving();
        manager.note_recycling();
        manager.watch_callbacks();
        manager.reap();
        manager.note_draining();
        manager.tick();
        if manager.became.is_none() {
            manager.answer_recycling();
        }
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
    settle::report_waiting_messages(ground, &manager.context);
    settle::report_unread_results(ground, &manager.context);
    if let Err(leave) = manager.context.handler().on_manager_stop(&manager.context) {
        manager.code = leave.code;
    }
    Outcome::Finished(manager.code)
}

impl Manager<'_> {
    fn sleep(&mut self, mailbox: &mut Mailbox, parker: &mut Parker, messages: &Messages) {
        if std::mem::take(&mut self.more) {
            return; // a descriptor may still be ready
        }
        let memory = self.context.give_back_memory();
        if mailbox.may_sleep() {
            if messages.has_any() {
                return mailbox.awake();
            }
            let now = clock::monotonic_ms();
            let due = self.roster.next_deadline(now).into_iter();
            let look = self.watchdog.next_look(&self.roster.alive(), now);
            let job = self.context.event_loop().next_due();
            let note = self.context.log().tick();
            let next = due.chain(look).chain(note).chain(job).chain(memory).min();
            parker.watch(self.context.event_loop().descriptor());
            parker.park(next.map(|due| Duration::from_millis(due.saturating_sub(now))));
            mailbox.awake();
        }
    }

    /// Call what is ready and due, one round of it: what this process is there for comes in between.
    fn tend(&mut self) {
        if self.became.is_some() {
            return;
        }
        let step = self.context.tend();
        if step == Ok(true) {
            signal::reassert_unblocked(); // as after other callbacks
            self.more = true;
        }
        self.heed(step.map(drop));
    }

    fn heed_signals(&mut self) {
        for action in self.signals.take() {
            match action {
                signals::Action::Interrupt(number) => {
                    let head = Head::new(Kind::Shutdown, 0, number as u64);
                    let _ = self.context.to_main(head); // fails only if the master is dead
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
                    self.reload_tasks();
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
                Kind::Reload if head.argument == reload::TASKS => self.reload_tasks(),
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

    fn obey_commands(&mut self, messages: &mut Messages) {
        while self.context.next_reply().is_some() {} // of commands whose time was up
        // One at a time: a process that has died meanwhile is not to wait for many of them.
        if let Some(step) = messages.next(&self.context) {
            self.heed(step);
        }
        let leaving = self.context.take_leaving().map_or(Ok(()), Err);
        self.heed(leaving);
    }

    fn reload(&mut self) {
        if Phase::of(&self.ground.shared) >= Phase::Draining {
            return; // asked for before the stop, read after it
        }
        let actions = self.roster.reload(clock::monotonic_ms());
        self.perform(actions);
    }

    fn reload_tasks(&mut self) {
        if self.ground.shared.task_workers() == 0 {
            let log = self.context.log();
            log.warning("cannot reload task workers, task workers is not started");
        } else if Phase::of(&self.ground.shared) < Phase::Draining {
            let actions = self.roster.reload_tasks(clock::monotonic_ms());
            self.perform(actions);
        }
    }

    fn stop_all(&mut self, deadline: u64) {
        self.stopping = true;
        settle::report_waiting_tasks(self.ground, &self.context); // their senders are still there to hear of it
        let actions = self.roster.stop_all(deadline, clock::monotonic_ms());
        self.perform(actions);
        for seat in self.roster.alive() {
            self.tell_deadline(seat); // also to those that were asked before
        }
    }

    /// A callback of the manager wants it to end: the server stops, with that exit code.
    fn heed(&mut self, step: Step) {
        if let Err(leave) = step {
            self.code = leave.code;
            let _ = self.context.to_main(Head::new(Kind::Shutdown, 0, 0));
        }
    }

    /// Facts first: who is dead. Each one's account is settled before anything else happens to its seat.
    fn reap(&mut self) {
        let mut stopped = Vec::new();
        while let Some(reaped) = wait::reap_and_see_stopped(|pid| stopped.push(pid)) {
            if let Some(seat) = self.roster.seat_of(reaped.pid) {
                self.obituary = Some(settle::obituary(&self.ground.shared, seat, reaped));
                if settle::settle(self.ground, &self.context, seat) > 0 {
                    self.roster.lost_work(seat);
                    if reaped.exit.is_clean()
                        && let Some(death) = &self.obituary
                    {
                        // Nobody calls that an error, but somebody waits for an answer.
                        self.context.log().warning(record::of(death));
                    }
                }
            }
            let actions = self
                .roster
                .died(reaped.pid, reaped.exit, clock::monotonic_ms());
            self.perform(actions);
        }
        for pid in stopped {
            self.note_stopped(pid);
        }
        if self.stopping {
            self.report_waiting_tasks();
        }
    }

    /// A signal has stopped this process, and nobody knows for how long. If it is a task worker, the others do its work,
    /// and it must not be in the middle of taking a task.
    fn note_stopped(&self, pid: i32) {
        let is_task_worker =
            |seat: &Seat| self.ground.shared.kind_of(seat.worker()) == ChildKind::TaskWorker;
        let Some(seat) = self.roster.seat_of(pid).filter(is_task_worker) else {
            return;
        };
        if self.context.pass_over(seat) {
            let worker = seat.worker();
            self.context.log().warning(format_args!(
                "worker(pid={pid}, id={worker}) was stopped by a signal while it was taking a task, which nobody else can take now: it is killed"
            ));
            signal::send(pid, signal::SIGKILL);
        }
    }

    /// The server stops. Once nobody takes tasks any more, those that wait are lost: their senders may be there to hear of it.
    fn report_waiting_tasks(&self) {
        let shared = &self.ground.shared;
        let task_worker = |seat: &Seat| shared.kind_of(seat.worker()) == ChildKind::TaskWorker;
        if shared.task_workers() > 0 && !self.roster.alive().iter().any(task_worker) {
            settle::report_waiting_tasks(self.ground, &self.context);
        }
    }

    fn tick(&mut self) {
        let shared = Arc::clone(&self.ground.shared);
        let free = |seat| Manager::is_free(&shared, seat);
        let actions = self.roster.tick(clock::monotonic_ms(), free);
        self.perform(actions);
    }
}

//! Performing what the roster has decided.

use super::Manager;
use crate::error::code;
use crate::handler::Death;
use crate::ipc::directory::{Endpoint, SEATS, Seat};
use crate::ipc::frame::{Head, Kind, shutdown};
use crate::role::roster::Action;
use crate::role::{exit, record};
use crate::shared::ChildKind;
use crate::stats::{bump, replacement, seat_state};
use crate::sync::Ordering;
use crate::sys::fork::{self, Fork};
use crate::sys::{clock, signal};

/// So many of those who are killed together are named.
const NAMED: usize = 20;

impl Manager<'_> {
    pub(super) fn perform(&mut self, actions: Vec<Action>) {
        self.announce_kills(&actions);
        for action in actions {
            match action {
                Action::Spawn(seat) => self.spawn(seat),
                Action::AskToStop(seat) => self.ask_to_stop(seat),
                Action::Kill { pid, .. } => {
                    signal::send(pid, signal::SIGKILL);
                }
                Action::Info(text) => self.context.log().info(text),
                Action::Warn(text) => self.context.log().warning(text),
                Action::Error(text) => self.context.log().error(text),
                Action::Switch(seat) => self.switch(seat),
                Action::ReportDeath => self.report_death(),
                Action::BeforeReload => {
                    self.ground.shared.note_reload_begun();
                    let step = self.context.handler().on_before_reload(&self.context);
                    self.heed(step);
                }
                Action::AfterReload => {
                    self.ground.shared.note_reload_ended();
                    let step = self.context.handler().on_after_reload(&self.context);
                    self.heed(step);
                }
                Action::GiveUp(reason) => {
                    self.context
                        .log()
                        .error(format_args!("the server stops: {reason}"));
                    self.code = exit::FATAL;
                    let _ = self
                        .context
                        .to_main(Head::new(Kind::Shutdown, 0, shutdown::AT_ONCE));
                }
                Action::Finish => self.finished = true,
            }
            if self.became.is_some() {
                return; // in the child: the rest is the parent's business
            }
        }
    }

    fn ask_to_stop(&self, seat: Seat) {
        self.tell_deadline(seat);
        let shared = &self.ground.shared;
        let block = shared.seat_block(seat);
        block.stop_asked.store(1, Ordering::Release);
        shared.directory.bell(Endpoint::Worker(seat)).ring();
        if shared.kind_of(seat.worker()) == ChildKind::UserProcess {
            signal::send(block.pid.load(Ordering::Acquire), signal::SIGTERM); // it has no loop that would look
        }
    }

    /// So that a worker which waits for something ends by itself before it is killed.
    pub(super) fn tell_deadline(&self, seat: Seat) {
        if let Some(end) = self.roster.end_of(seat) {
            let block = self.ground.shared.seat_block(seat);
            block.end_by_ms.store(end, Ordering::Release);
        }
    }

    /// From now on this seat gets its worker's messages; reactors bring those that wait elsewhere.
    fn switch(&self, seat: Seat) {
        let shared = &self.ground.shared;
        let incarnation = seat.0 % SEATS as u32;
        let serving = &shared.worker(seat.worker()).serving;
        serving.store(incarnation, Ordering::Release);
        shared.server().routes.fetch_add(1, Ordering::Release);
        for reactor in 0..shared.reactor_count() {
            shared.directory.bell(Endpoint::Reactor(reactor)).ring();
        }
        shared.directory.bell(Endpoint::Worker(seat)).ring(); // messages and tasks wait where they are
    }

    /// Workers have not ended in their time: who, and what kept them.
    fn announce_kills(&mut self, actions: &[Action]) {
        let late = |action: &Action| match action {
            Action::Kill { pid, worker } => Some((*pid, *worker)),
            _ => None,
        };
        let late: Vec<_> = actions.iter().filter_map(late).collect();
        let log = self.context.log();
        let code = code::WORKER_EXIT_TIMEOUT;
        if !self.stopping {
            for (pid, worker) in late {
                let doing = self.last_callback(pid);
                log.warning(format_args!(
                    "kill() (ERRNO {code}): force kill worker process(pid={pid}, id={worker}){doing}"
                ));
            }
            return;
        }
        if late.is_empty() {
            return;
        }
        let first = !std::mem::replace(&mut self.said_timeout, true);
        let what = match first {
            true => "wait timeout, all worker processes will be forcibly terminated",
            false => "these as well",
        };
        let some = late.iter().take(NAMED);
        let mut names: Vec<_> = some
            .map(|(pid, worker)| format!("worker {worker} (pid {pid}){}", self.last_callback(*pid)))
            .collect();
        if late.len() > NAMED {
            names.push(format!("{} others", late.len() - NAMED));
        }
        let names = names.join("; ");
        log.warning(format_args!("kill() (ERRNO {code}): {what}: {names}"));
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
        for word in [
            &block.stop_asked,
            &block.recycle,
            &block.replacement,
            &block.busy,
            &block.callback,
        ] {
            word.store(0, Ordering::Relaxed);
        }
        block.end_by_ms.store(0, Ordering::Relaxed);
        let serving = self.ground.shared.seat_of(seat.worker());
        if serving != seat {
            let incumbent = self.ground.shared.seat_block(serving);
            incumbent
                .replacement
                .store(replacement::COMING, Ordering::Release);
        }
        block.callback_since_ms.store(0, Ordering::Relaxed);
        block.overdue.store(0, Ordering::Relaxed);
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
                bump(&self.ground.shared.worker(seat.worker()).forks, 1);
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
}

//! What workers and task workers have in common: how their time at work begins, what ends it, and how they sleep.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::child::MASTER_LINE;
use super::limits::Limits;
use super::signals::{Action, Table};
use super::{exit, phase::Phase};
use crate::context::Context;
use crate::handler::{Callback, Leave};
use crate::ipc::directory::{Endpoint, Seat};
use crate::ipc::doorbell::Doorbell;
use crate::ipc::parker::Parker;
use crate::shared::Shared;
use crate::stats::{SeatBlock, seat_state};
use crate::sync::Ordering;
use crate::sys::{clock, process, signal};

/// With the manager dead nobody rings for a stop: so often the phase is looked at then.
const LOOK: Duration = Duration::from_millis(50);

/// A process's time at work.
pub(super) struct Shift<'g> {
    context: Rc<Context>,
    signals: Table,
    shared: &'g Arc<Shared>,
    block: &'g SeatBlock,
    id: u32,
    main: Doorbell,
    pub(super) manager: Doorbell,
    /// Callbacks asked for this end of the process.
    pub(super) leave: Cell<Option<Leave>>,
    termed: Cell<bool>,
}

impl<'g> Shift<'g> {
    pub(super) fn new(
        context: &Rc<Context>,
        signals: Table,
        shared: &'g Arc<Shared>,
        seat: Seat,
    ) -> Shift<'g> {
        Shift {
            context: Rc::clone(context),
            signals,
            shared,
            block: shared.seat_block(seat),
            id: seat.worker(),
            main: shared.directory.bell(Endpoint::Main),
            manager: shared.directory.bell(Endpoint::Manager),
            leave: Cell::new(None),
            termed: Cell::new(false),
        }
    }

    /// The first callbacks, and the news that this process serves. An exit code if it does not.
    pub(super) fn begin(&self, bootstrap: Option<&str>, limits: &Limits) -> Result<(), i32> {
        let (context, handler) = (&self.context, self.context.handler());
        handler.attach(context);
        if let Some(path) = bootstrap {
            context.enter(Callback::Bootstrap, 0);
            let loaded = handler.on_bootstrap(context, path);
            loaded.map_err(|leave| leave.code)?;
        }
        context.enter(Callback::WorkerStart, 0);
        let started = handler.on_worker_start(context, self.id);
        context.left();
        if let Err(leave) = started {
            self.leave.set(Some(leave));
            return Err(self.end());
        }
        limits.fit(|warning| context.log().warning(warning));
        self.block.state.store(seat_state::READY, Ordering::Release);
        self.manager.ring();
        Ok(())
    }

    /// The last callback; also of a process whose end a callback has asked for, and then with that code,
    /// and that callback is on record again afterwards. Returns the exit code.
    pub(super) fn end(&self) -> i32 {
        let (context, handler) = (&self.context, self.context.handler());
        let state = &self.block.state;
        state.store(seat_state::STOPPING, Ordering::Release);
        self.manager.ring(); // the end has a deadline, whoever wants it
        let asked = context.enter(Callback::WorkerStop, 0);
        let stopped = handler.on_worker_stop(context, self.id);
        let leave = self.leave.get();
        if leave.is_some() {
            context.resume(asked);
        }
        leave.or(stopped.err()).map_or(exit::NORMAL, |l| l.code)
    }

    /// Whether the process is to end now, between two callbacks.
    pub(super) fn is_over(&self) -> bool {
        for action in self.signals.take() {
            match action {
                Action::Stop if process::parent() != self.context.master_pid() => {
                    self.termed.set(true);
                }
                Action::Reopen => self.context.log().reopen(), // this worker's alone
                _ => {}
            }
        }
        self.leave.get().is_some()
            || self.termed.get()
            || self.context.is_stopping()
            || self.block.stop_asked.load(Ordering::Relaxed) == 1
    }

    /// A supervisor is dead. While the master lives it decides: we serve until its stop says otherwise.
    /// (Asking for the parent's pid would not do: the manager's life-line breaks before its children
    /// get their new parent.)
    pub(super) fn is_abandoned(&self, parker: &Parker) -> bool {
        parker.line_lost(MASTER_LINE) || Phase::of(self.shared) >= Phase::Stopping
    }

    /// Call what is ready and due. Whether that was anything.
    pub(super) fn tend(&self) -> bool {
        match self.context.tend() {
            Ok(called) => called,
            Err(leave) => {
                self.leave.set(Some(leave));
                false
            }
        }
    }

    /// Before a sleep: main may be waiting until everything is answered.
    pub(super) fn say_idle(&self) {
        if Phase::of(self.shared) >= Phase::Draining {
            self.main.ring();
        }
    }

    /// Sleep until the bell rings, a supervisor dies, or something is due. The mailbox has announced it.
    pub(super) fn sleep(&self, parker: &mut Parker) {
        self.say_idle();
        signal::reassert(); // a callback may have installed handlers
        let look = parker.supervisor_lost().then_some(LOOK);
        let event_loop = self.context.event_loop();
        let memory = self.context.give_back_memory();
        let due = [self.context.log().tick(), event_loop.next_due(), memory];
        let due = due.into_iter().flatten().min();
        let due = due.map(|due| Duration::from_millis(due.saturating_sub(clock::monotonic_ms())));
        parker.watch(event_loop.descriptor());
        parker.park(look.into_iter().chain(due).min());
    }
}

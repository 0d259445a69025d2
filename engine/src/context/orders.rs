//! What a process asks of the manager and of the master: reload, shutdown, the end of a worker.

use std::cell::RefCell;

use super::{Context, Refused, Role};
use crate::error::code;
use crate::ipc::frame::{Head, Kind, reload};
use crate::ipc::lane::Push;
use crate::ipc::outlet::Outlet;
use crate::shared::phase::Phase;
use crate::sys::fork;

impl Context {
    /// Replace all workers without losing a request. Ok: the manager will do it.
    /// Refused: 509 while the server stops.
    pub fn reload(&self) -> Result<(), Refused> {
        if Phase::of(&self.shared) >= Phase::Draining {
            return Err(Refused(code::WRONG_OPERATION));
        }
        self.to_manager(Head::new(Kind::Reload, 0, 0))
    }

    /// Replace all task workers; what they are at is finished, what waits is for the new ones. Refused: 509 while the server
    /// stops.
    pub fn reload_tasks(&self) -> Result<(), Refused> {
        if Phase::of(&self.shared) >= Phase::Draining {
            return Err(Refused(code::WRONG_OPERATION));
        }
        self.to_manager(Head::new(Kind::Reload, 0, reload::TASKS))
    }

    /// Read the certificates of all ports again, for the clients that come from now on. Ok: the master will
    /// do it; the log tells how it went.
    pub fn reload_tls(&self) -> Result<(), Refused> {
        self.to_main(Head::new(Kind::ReloadTls, 0, 0))
    }

    /// Stop the server in good order. Ok: the master will do it.
    pub fn shutdown(&self) -> Result<(), Refused> {
        self.to_main(Head::new(Kind::Shutdown, 0, 0))
    }

    /// Replace one worker: it ends after the callback at hand. `None`: this one. A user process gets SIGTERM, and a
    /// successor when it is gone. Refused: 509 in master and manager without an id, 505 for an id that does not exist.
    pub fn stop(&self, worker: Option<u32>) -> Result<(), Refused> {
        let own = match self.role {
            Role::UserProcess(id) => Some(id),
            _ => self.worker_id(),
        };
        let Some(worker) = worker.or(own) else {
            self.log.warning(format_args!(
                "stop() (ERRNO {}): kill worker in non worker process requires specifying an id",
                code::WRONG_OPERATION
            ));
            return Err(Refused(code::WRONG_OPERATION));
        };
        if worker >= self.shared.children() {
            self.log.warning(format_args!(
                "stop() (ERRNO {}): the worker_id[{worker}] is invalid",
                code::INVALID_PARAMS
            ));
            return Err(Refused(code::INVALID_PARAMS));
        }
        if self.worker_id() == Some(worker) {
            self.stopping.set(true);
            return Ok(());
        }
        self.to_manager(Head::new(Kind::StopWorker, 0, u64::from(worker)))
    }

    /// Order something of the manager. Never waits: it may be in a user's callback.
    pub(crate) fn to_manager(&self, head: Head) -> Result<(), Refused> {
        self.order(&self.manager, head)
    }

    /// Order something of the master's main thread. Never waits either.
    pub(crate) fn to_main(&self, head: Head) -> Result<(), Refused> {
        self.order(&self.main, head)
    }

    /// A lane full of orders is a lane full of the same few wishes: one more reload or shutdown is among
    /// them already, anything else is refused.
    fn order(&self, outlet: &RefCell<Option<Outlet>>, head: Head) -> Result<(), Refused> {
        if fork::is_foreign() {
            return Err(Refused(code::WRONG_OPERATION));
        }
        let Some(outlet) = &mut *outlet.borrow_mut() else {
            self.own.borrow_mut().push(head);
            return Ok(());
        };
        let pushed = outlet.push(head, &[], &mut 0);
        outlet.bell().ring_if_asleep();
        match (pushed, head.kind) {
            (Push::Whole, _) | (Push::Full, Kind::Reload | Kind::Shutdown) => Ok(()),
            (Push::Full, _) => Err(Refused(code::SYSTEM_CALL_FAIL)),
        }
    }

    /// What callbacks of this process asked of this process: manager and main have no lane to themselves,
    /// their loops take this up after the callback.
    pub(crate) fn take_own(&self) -> Vec<Head> {
        self.own.take()
    }
}

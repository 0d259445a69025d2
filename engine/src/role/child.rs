//! What every child of the manager begins with, whatever it is for.

use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;

use super::signals::Table;
use super::{Ground, exit, watch};
use crate::context::{Context, Wires};
use crate::event_loop::EventLoop;
use crate::ipc::directory::{Endpoint, Seat};
use crate::ipc::parker::Parker;
use crate::ipc::queue::Claimant;
use crate::log::Author;
use crate::shared::ChildKind;
use crate::stats::SeatBlock;
use crate::sync::Ordering;
use crate::sys::process::{self, LastCall};
use crate::sys::{fuse, last_line};

/// Index of the master's life-line in a child's parker.
pub(super) const MASTER_LINE: usize = 0;

/// A process that has sat down on its seat.
pub(super) struct Child<'g> {
    pub(super) context: Rc<Context>,
    pub(super) parker: Parker,
    pub(super) block: &'g SeatBlock,
    pub(super) me: Claimant,
}

impl<'g> Child<'g> {
    /// Take on signals, life-lines, identity, log and context. An exit code if it cannot be; the log has the reason.
    pub(super) fn settle_in(
        ground: &'g Ground,
        seat: Seat,
        manager: i32,
        manager_line: &OwnedFd,
        signals: &Table,
    ) -> Result<Child<'g>, i32> {
        let shared = &ground.shared;
        let endpoint = Endpoint::Worker(seat);
        let bell = shared.directory.bell(endpoint);
        fuse::set_supervisor(manager, shared.server().master_pid.load(Ordering::Acquire));
        let installed = signals.install(bell.descriptor().raw());
        installed.map_err(|_| exit::FATAL)?.keep(); // this process ends soon after its role
        let id = seat.worker();
        let kind = shared.kind_of(id);
        let last_call = match kind {
            ChildKind::Worker | ChildKind::TaskWorker => LastCall::Notice,
            // It may sleep, loop or have blocked every signal, and must not be left behind even if both supervisors die.
            ChildKind::UserProcess => LastCall::Kill,
        };
        if !process::die_with_parent(manager, last_call) {
            return Err(exit::FATAL);
        }
        let log = ground.log.by(match kind {
            ChildKind::Worker => Author::Worker(id),
            ChildKind::TaskWorker => Author::TaskWorker(id),
            ChildKind::UserProcess => Author::UserProcess(id),
        });
        match ground.last_line.as_ref().map(last_line::end_with) {
            None | Some(Ok(true)) => {}
            Some(Ok(false)) => return Err(exit::FATAL), // nobody is left above
            Some(Err(error)) => log.warning(format_args!(
                "should both supervisors be killed, this process will see it by a signal only: {error}"
            )),
        }
        let lines = [ground.master_line.as_fd(), manager_line.as_fd()];
        let Ok(parker) = Parker::new(&bell, &lines) else {
            log.error("the worker cannot start: out of descriptors");
            return Err(exit::FATAL);
        };
        let service = &ground.service;
        if let Err(reason) = service.as_child(kind, id, &ground.settings, &log) {
            log.error(format_args!("the worker cannot start: {reason}"));
            return Err(exit::FATAL);
        }
        if !process::die_with_parent(manager, last_call) {
            return Err(exit::FATAL); // asked for again: a change of the user cancels it
        }
        let context = Context::new(
            endpoint,
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
        let block = shared.seat_block(seat);
        block.pid.store(process::pid(), Ordering::Release);
        let epoch = block.epoch.load(Ordering::Relaxed);
        let me = Claimant::new(seat, epoch);
        context.listen_to_replies(me);
        Ok(Child {
            context,
            parker,
            block,
            me,
        })
    }
}

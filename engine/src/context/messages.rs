//! Messages of user code to other processes.

use super::outgoing::ring_child;
use super::{Context, Refused};
use crate::error::code;
use crate::ipc::envelope::Unsent;
use crate::ipc::exchange::{Target, Way};
use crate::ipc::frame::Kind;
use crate::sys::fork;

impl Context {
    /// Send something to a worker or task worker, whose `on_pipe_message` gets it. Ok means queued: in order with what this process has
    /// sent it before, and kept for its successor should it die. Never waits. `flags` is a set of [`crate::task::flags`].
    ///
    /// Refused: 505 for an id that does not exist, or that is a user process, or this one; 509 if the handler takes no messages
    /// ([`crate::Handler::takes_messages`]); 2001 for more than `task_queue_max_bytes`; 2002 if as much waits as may wait.
    pub fn send_message(&self, data: &[u8], worker: u32, flags: u8) -> Result<(), Refused> {
        if !self.handler.takes_messages() || fork::is_foreign() {
            return Err(Refused(code::WRONG_OPERATION));
        }
        let receivers = self.shared.workers() + self.shared.task_workers();
        if worker >= receivers || self.worker_id() == Some(worker) {
            return Err(Refused(code::INVALID_PARAMS));
        }
        let id = self.next_call();
        let mut outgoing = self.outgoing.borrow_mut();
        let way = Way::Request(outgoing.party, Target::Child(worker));
        let message = (Kind::Message, id, outgoing.stamp(flags, 0));
        let exchange = self.shared.directory.exchange();
        let limit = self.settings.tasks.queue_max_num;
        outgoing
            .post(exchange, way, message, data, limit)
            .map_err(Unsent::refusal)?;
        drop(outgoing);
        ring_child(&self.shared, worker);
        Ok(())
    }
}

//! Giving tasks that no process of the server has: those of other programs.

use std::sync::Arc;
use std::time::Duration;

use super::outgoing::{Outgoing, ring_child, ring_task_worker};
use crate::ipc::exchange::{Party, Way};
use crate::ipc::frame::Kind;
use crate::ipc::parcels::INLINE;
use crate::shared::Shared;
use crate::sync::Ordering;
use crate::sys::futex;
use crate::task::flags;

/// Longest sleep until somebody has taken a task, should a wake-up be missed: who was to send it may have died.
const RECHECK: Duration = Duration::from_secs(1);

/// The sending end of one queue, for one thread of the master.
pub(crate) struct Feeder {
    shared: Arc<Shared>,
    outgoing: Outgoing,
    way: Way,
    target: Option<u32>,
}

impl Feeder {
    /// To one task worker, counted from 0, or to any.
    pub(crate) fn new(shared: Arc<Shared>, target: Option<u32>) -> Feeder {
        let party = Party::INTAKE;
        Feeder {
            shared,
            outgoing: Outgoing::new(party, 0),
            way: target.map_or(Way::Tasks(party), |worker| Way::Targeted(party, worker)),
            target,
        }
    }

    /// Whether fewer than `limit` tasks wait. If not, sleeps until one was taken, or [`wake_feeders`], first.
    pub(crate) fn has_room(&mut self, limit: u64) -> bool {
        let exchange = self.shared.directory.exchange();
        let server = self.shared.server();
        server.intake_waiting.fetch_add(1, Ordering::SeqCst);
        let taken = server.intake_taken.load(Ordering::SeqCst);
        let has_room = self.outgoing.is_below(exchange, self.way, limit);
        if !has_room {
            futex::sleep(&server.intake_taken, taken, RECHECK);
        }
        server.intake_waiting.fetch_sub(1, Ordering::SeqCst);
        has_room
    }

    /// Give a task. False: it is too big, or the queue's memory is used up.
    pub(crate) fn give(&mut self, id: u64, data: &[u8], kind: u8) -> bool {
        if data.len() > INLINE {
            return false; // parcels are one thread's at a time
        }
        let exchange = self.shared.directory.exchange();
        let given = (kind & flags::SERIALIZE) | flags::NONBLOCK | flags::NOREPLY;
        let message = (Kind::Task, id, self.outgoing.stamp(given, 0));
        let posted = (self.outgoing).post(exchange, self.way, message, data, u64::MAX);
        match self.target {
            Some(worker) => ring_child(&self.shared, self.shared.workers() + worker),
            None => ring_task_worker(&self.shared),
        }
        posted.is_ok()
    }
}

/// A task worker has taken a task of the intake, or the intake is to look up for another reason.
pub(crate) fn wake_feeders(shared: &Shared) {
    let server = shared.server();
    server.intake_taken.fetch_add(1, Ordering::SeqCst);
    if server.intake_waiting.load(Ordering::SeqCst) > 0 {
        futex::wake(&server.intake_taken, u32::MAX);
    }
}

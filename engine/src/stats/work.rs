//! What a task worker is at, where others can see it when it dies.

use crate::ipc::exchange::Stamp;
use crate::ipc::shm::shared_block;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Steps of a task in a worker.
mod step {
    /// None is here.
    pub(super) const NONE: u32 = 0;
    /// It is being copied from its queue, which may have it still.
    pub(super) const TAKING: u32 = 1;
    /// It is here and nowhere else.
    pub(super) const AT_WORK: u32 = 2;
    /// Its last answer is on its way; the callback may go on.
    pub(super) const ANSWERED: u32 = 3;
}

shared_block! {
    /// The task of one task worker's process, written by it alone; read by the manager when it has died.
    pub(crate) struct WorkBlock {
        step: AtomicU32,
        /// Number of the call.
        id: AtomicU64,
        /// Its [`Stamp`].
        stamp: AtomicU64,
        /// When it was given, as the queue has it.
        given: AtomicU64,
        /// Bytes of its payload that are kept for another run.
        kept: AtomicU64,
        /// Untargeted (0), or one more than the task worker it was for.
        target: AtomicU64,
    }
}

/// A task that was at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) id: u64,
    pub(crate) stamp: Stamp,
    pub(crate) given: u64,
    /// Bytes of its payload that were kept.
    pub(crate) kept: u64,
    /// The task worker it was for, counted from 0.
    pub(crate) target: Option<u32>,
}

impl WorkBlock {
    /// A task is being taken.
    pub(crate) fn take(&self, work: &Work) {
        self.id.store(work.id, Ordering::Relaxed);
        self.stamp.store(work.stamp.encode(), Ordering::Relaxed);
        self.given.store(work.given, Ordering::Relaxed);
        self.kept.store(work.kept, Ordering::Relaxed);
        let target = work.target.map_or(0, |worker| u64::from(worker) + 1);
        self.target.store(target, Ordering::Relaxed);
        self.step.store(step::TAKING, Ordering::Release);
    }

    /// It has left its queue.
    pub(crate) fn begin(&self) {
        self.step.store(step::AT_WORK, Ordering::Release);
    }

    /// Who gave it will hear of its end, whatever happens here.
    pub(crate) fn answered(&self) {
        self.step.store(step::ANSWERED, Ordering::Release);
    }

    /// It is through.
    pub(crate) fn end(&self) {
        self.step.store(step::NONE, Ordering::Release);
    }

    /// Whether a task is at work.
    pub(crate) fn is_busy(&self) -> bool {
        self.step.load(Ordering::Acquire) != step::NONE
    }

    /// When the task at work was given (Unix time, µs); `None` if none is.
    pub(crate) fn given_at(&self) -> Option<u64> {
        self.is_busy().then(|| self.given.load(Ordering::Relaxed))
    }

    /// The manager, when the process is dead: what died with it. `put_back`: what it was taking is in its queue again.
    pub(crate) fn settle(&self, put_back: bool) -> Option<Work> {
        let at = self.step.swap(step::NONE, Ordering::AcqRel);
        if matches!(at, step::NONE | step::ANSWERED) || (at == step::TAKING && put_back) {
            return None;
        }
        Some(Work {
            id: self.id.load(Ordering::Relaxed),
            stamp: Stamp::decode(self.stamp.load(Ordering::Relaxed)),
            given: self.given.load(Ordering::Relaxed),
            kept: self.kept.load(Ordering::Relaxed),
            target: self
                .target
                .load(Ordering::Relaxed)
                .checked_sub(1)
                .map(|worker| worker as u32),
        })
    }
}

//! What a process is at that another one has given it, where the manager can see it when it dies.

use super::envelope::Envelope;
use super::exchange::Stamp;
use super::frame::Kind;
use super::parcels::Parcel;
use super::shm::shared_block;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Steps of a task, message or command in a worker.
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
    /// The task of one task worker's process, or the message or command of any child, written by it alone; read by the
    /// manager when it has died.
    pub(crate) struct WorkBlock {
        step: AtomicU32,
        /// [`Kind`] of the message.
        kind: AtomicU32,
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
        /// The parcel with its payload, 0 if there is none.
        parcel: AtomicU64,
    }
}

/// What was at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) envelope: Envelope,
    /// Bytes of its payload that were kept.
    pub(crate) kept: u64,
    /// The task worker it was for, counted from 0.
    pub(crate) target: Option<u32>,
    /// What has its payload, if the process was not through with it.
    pub(crate) parcel: Option<Parcel>,
}

impl WorkBlock {
    /// It is being taken.
    pub(crate) fn take(&self, work: &Work) {
        let Envelope {
            kind,
            id,
            stamp,
            given,
        } = work.envelope;
        self.kind.store(kind as u32, Ordering::Relaxed);
        self.id.store(id, Ordering::Relaxed);
        self.stamp.store(stamp.encode(), Ordering::Relaxed);
        self.given.store(given, Ordering::Relaxed);
        self.kept.store(work.kept, Ordering::Relaxed);
        let target = work.target.map_or(0, |worker| u64::from(worker) + 1);
        self.target.store(target, Ordering::Relaxed);
        let parcel = work.parcel.map_or(0, Parcel::word);
        self.parcel.store(parcel, Ordering::Relaxed);
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

    /// Its payload is where nobody else can have it, and the parcel is free.
    pub(crate) fn forget_parcel(&self) {
        self.parcel.store(0, Ordering::Relaxed);
    }

    /// It is through.
    pub(crate) fn end(&self) {
        self.step.store(step::NONE, Ordering::Release);
    }

    /// Whether something is at work.
    pub(crate) fn is_busy(&self) -> bool {
        self.step.load(Ordering::Acquire) != step::NONE
    }

    /// When the task at work was given (Unix time, µs); `None` if none is.
    pub(crate) fn given_at(&self) -> Option<u64> {
        self.is_busy().then(|| self.given.load(Ordering::Relaxed))
    }

    /// The manager, when the process is dead, before [`WorkBlock::settle`]: a parcel that it was through with and may not have
    /// freed. `put_back`: what it was taking is in its queue again. Then a parcel without a step is that one's, written down a
    /// moment before the step was: whoever takes it next needs it.
    pub(crate) fn leftover(&self, put_back: bool) -> Option<Parcel> {
        match self.step.load(Ordering::Acquire) {
            step::NONE if put_back => None,
            step::NONE | step::ANSWERED => {
                Parcel::from_word(self.parcel.swap(0, Ordering::Relaxed))
            }
            _ => None,
        }
    }

    /// The manager, when the process is dead: what died with it. `put_back`: what it was taking is in its queue again.
    pub(crate) fn settle(&self, put_back: bool) -> Option<Work> {
        let at = self.step.swap(step::NONE, Ordering::AcqRel);
        let parcel = self.parcel.swap(0, Ordering::Relaxed);
        if matches!(at, step::NONE | step::ANSWERED) || (at == step::TAKING && put_back) {
            return None;
        }
        let load = |word: &AtomicU64| word.load(Ordering::Relaxed);
        Some(Work {
            envelope: Envelope {
                kind: Kind::from_u8(self.kind.load(Ordering::Relaxed) as u8)?,
                id: load(&self.id),
                stamp: Stamp::decode(load(&self.stamp)),
                given: load(&self.given),
            },
            kept: load(&self.kept),
            target: load(&self.target)
                .checked_sub(1)
                .map(|worker| worker as u32),
            parcel: Parcel::from_word(parcel),
        })
    }
}

#[cfg(all(test, not(loom)))]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod tests {
    use super::*;
    use crate::ipc::exchange::Party;

    fn work() -> (Work, Parcel) {
        let parcel = Parcel::from_word(7 << 32 | 1).unwrap();
        let stamp = Stamp {
            party: Party::MAIN,
            epoch: 1,
            flags: 0,
            extra: 0,
        };
        let envelope = Envelope {
            kind: Kind::Task,
            id: 5,
            stamp,
            given: 9,
        };
        let work = Work {
            envelope,
            kept: 0,
            target: None,
            parcel: Some(parcel),
        };
        (work, parcel)
    }

    fn taken() -> (WorkBlock, Work, Parcel) {
        let (work, parcel) = work();
        let block = WorkBlock {
            step: AtomicU32::new(0),
            kind: AtomicU32::new(0),
            id: AtomicU64::new(0),
            stamp: AtomicU64::new(0),
            given: AtomicU64::new(0),
            kept: AtomicU64::new(0),
            target: AtomicU64::new(0),
            parcel: AtomicU64::new(0),
        };
        block.take(&work);
        (block, work, parcel)
    }

    #[test]
    fn killed_before_its_first_step_it_leaves_the_parcel_to_the_next_one() {
        let (block, ..) = taken();
        block.step.store(step::NONE, Ordering::Relaxed);
        assert_eq!(block.leftover(true), None);
        assert_eq!(block.settle(true), None);
        assert_eq!(block.leftover(false), None);
    }

    #[test]
    fn what_was_put_back_is_not_lost_and_what_was_not_is() {
        let (block, work, _) = taken();
        assert_eq!((block.leftover(true), block.settle(true)), (None, None));
        block.take(&work);
        assert_eq!(
            (block.leftover(false), block.settle(false)),
            (None, Some(work))
        );
        block.take(&work);
        block.begin();
        assert_eq!(
            (block.leftover(true), block.settle(true)),
            (None, Some(work))
        );
    }

    #[test]
    fn a_parcel_that_nobody_needs_any_more_is_left_over_once() {
        let (block, work, parcel) = taken();
        block.begin();
        block.answered();
        assert_eq!(
            (block.leftover(true), block.settle(true)),
            (Some(parcel), None)
        );
        block.take(&work);
        block.begin();
        block.end();
        assert_eq!(
            (block.leftover(false), block.settle(false)),
            (Some(parcel), None)
        );
        assert_eq!(block.leftover(false), None);
    }
}

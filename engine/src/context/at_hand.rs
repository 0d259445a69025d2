//! The task that a task worker is at: answering it, and how it ends for who gave it.

use super::replies::Answer;
use super::{Context, Refused};
use crate::error::code;
use crate::ipc::exchange::Stamp;
use crate::ipc::frame::Kind;
use crate::sys::fork;
use crate::task::{Task, TaskId, TaskLoss, flags};

/// The task that a task worker runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct AtHand {
    id: TaskId,
    stamp: Stamp,
    flags: u8,
    /// Its last result has been sent.
    closed: bool,
    /// Why it counts as lost if nothing else is sent.
    loss: Option<TaskLoss>,
}

impl Context {
    /// Answer the task at hand; may be called several times. Waits while the asking worker's queue is full. Refused: 509
    /// outside of `on_task`, or if nobody can be answered ([`flags::NOREPLY`]); 2001 for more than
    /// `task_queue_max_bytes`: unless something shorter is sent after that, the task counts as lost.
    pub fn finish(&self, data: &[u8], flags: u8) -> Result<(), Refused> {
        self.answer_task(data, flags, false)
    }

    /// Answer the task at hand for the last time: as [`Context::finish`], but cheaper than leaving the end to be told of.
    pub fn finish_last(&self, data: &[u8], flags: u8) -> Result<(), Refused> {
        self.answer_task(data, flags, true)
    }

    /// The task at hand cannot be run. When `on_task` has returned, who gave it hears that it is lost, and why, unless it has been
    /// answered after this. Refused: 509 outside of `on_task`, and after the last result.
    pub fn lose_task(&self, reason: TaskLoss) -> Result<(), Refused> {
        let mut task = self.open_task()?;
        task.loss = Some(reason);
        self.tasks.at_hand.set(Some(task));
        Ok(())
    }

    /// A result has come that cannot be read: its task counts as lost in the figures.
    pub fn count_lost_task(&self) {
        self.shared.server().note_lost_tasks(1);
    }

    /// A task worker begins a task.
    pub(crate) fn begin_task(&self, task: &Task, stamp: Stamp) {
        self.tasks.at_hand.set(Some(AtHand {
            id: task.id,
            stamp,
            flags: stamp.flags,
            closed: false,
            loss: None,
        }));
    }

    /// It is through: the asker hears of that, if it has not with the last result.
    pub(crate) fn end_task(&self) {
        let Some(task) = self.tasks.at_hand.take().filter(|task| !task.closed) else {
            return;
        };
        let end = Answer {
            kind: task.loss.map_or(Kind::TaskDone, |_| Kind::TaskLost),
            id: task.id,
            flags: task.flags,
            extra: task.loss.map_or(1, |reason| reason as u8),
        };
        if task.flags & flags::NOREPLY == 0 {
            self.reply_to(task.stamp, &end, &[], None);
        }
        if let Some(reason) = task.loss {
            self.note_loss(task.id, task.stamp, reason);
        }
    }

    /// The figures and the log have a lost task.
    pub(crate) fn note_loss(&self, id: TaskId, stamp: Stamp, reason: TaskLoss) {
        self.count_lost_task();
        let (source, _) = self.source_of(stamp.party);
        self.log.warning(format_args!(
            "task[{id}] of worker#{source} is lost: {}",
            reason.name()
        ));
    }

    fn answer_task(&self, data: &[u8], flags: u8, last: bool) -> Result<(), Refused> {
        let mut task = self.open_task()?;
        if task.flags & flags::NOREPLY != 0 {
            return Err(Refused(code::WRONG_OPERATION));
        }
        let flags = (task.flags & !flags::SERIALIZE) | (flags & flags::SERIALIZE);
        let result = Answer {
            kind: Kind::TaskResult,
            id: task.id,
            flags,
            extra: u8::from(last),
        };
        let sent = self.reply_to(task.stamp, &result, data, None);
        task.closed = sent && last;
        task.loss = (!sent).then_some(TaskLoss::ResultTooLarge);
        self.tasks.at_hand.set(Some(task));
        match sent {
            true => Ok(()),
            false => Err(Refused(code::TASK_TOO_BIG)),
        }
    }

    fn open_task(&self) -> Result<AtHand, Refused> {
        let task = self.tasks.at_hand.get().filter(|task| !task.closed);
        task.filter(|_| !fork::is_foreign())
            .ok_or(Refused(code::WRONG_OPERATION))
    }
}

//! Tasks, what becomes of them, and messages.

use skep::task::{LostTask, PipeMessage, Task, TaskId, TaskLoss, TaskResult, flags};
use skep::{Context, Leave, Step};

use super::{PhpHandler, long};
use crate::call::{Frame, Target};
use crate::classes::data::Shape;
use crate::classes::server::note_unanswered;
use crate::events::Event;
use crate::globals;
use crate::payload::Payload;
use crate::zend::Zv;

impl PhpHandler {
    pub(super) fn has(&self, event: Event) -> bool {
        self.object().place(event).callback().is_some()
    }

    /// `onTask`, and what it returns: anything but null is a result, the last one.
    pub(super) fn run_task(&self, context: &Context, task: &Task, data: &[u8]) -> Step {
        let (mut returned, mut unread): (Option<Payload>, bool) = (None, false);
        let shape = Shape::Task(*task);
        globals::begin_task();
        let step = self.run(context, Event::Task, |frame| {
            let frame = match self.task_objects {
                true => frame.with_object(&shape),
                false => frame.with(Zv::long(task.id as i64)).with(long(task.source)),
            };
            frame
                .with_payload(data, task.flags, &mut unread)
                .wanting(&mut returned)
        });
        globals::end_task();
        if unread {
            let _ = context.lose_task(TaskLoss::TaskUnreadable); // it is at hand, as nobody has answered it
        }
        if let Some(payload) = returned {
            let sent = match step {
                Ok(()) => context.finish_last(payload.bytes(), payload.flags()),
                Err(_) => Ok(()), // the process ends, and the task counts as lost
            };
            payload.release();
            if let Err(refused) = sent {
                note_unanswered(context, "task", refused.0);
            }
        }
        step
    }

    /// A result: for the callable that was given with the task, or else for `onFinish`. One that cannot be read is a loss.
    pub(super) fn run_finish(&self, context: &Context, result: &TaskResult, data: &[u8]) -> Step {
        let mut unread = false;
        let step = self.hand_over(context, result, data, &mut unread);
        if !unread {
            return step;
        }
        let lost = LostTask {
            id: result.id,
            source: context.worker_id().unwrap_or(0),
            reason: TaskLoss::ResultUnreadable,
            orphaned: result.orphaned,
        };
        context.count_lost_task();
        let reason = lost.reason.name();
        context.log_warning(&format!("task[{}] is lost: {reason}", result.id));
        step.and_then(|()| self.run_task_lost(context, &lost))
    }

    fn hand_over(
        &self,
        context: &Context,
        result: &TaskResult,
        data: &[u8],
        unread: &mut bool,
    ) -> Step {
        let shape = Shape::TaskResult(*result);
        let mut arguments = |frame: Frame| {
            let frame = match self.objects {
                true => frame.with_object(&shape),
                false => frame.with(Zv::long(result.id as i64)),
            };
            frame.with_payload(data, result.flags, unread)
        };
        // The number is one of ours only if we have given the task.
        if result.flags & flags::CALLBACK != 0
            && !result.orphaned
            && let Some(callable) = self.object().take_finisher(result.id)
        {
            let frame = Frame::new(Target::Named(callable))
                .owning(callable)
                .with(Zv::object(self.server));
            return self.guarded_unless_left(context, Event::Finish.name(), &arguments(frame));
        }
        if self.has(Event::Finish) {
            return self.run(context, Event::Finish, |frame| match self.objects {
                true => arguments(frame),
                false => arguments(frame).with_extra(Zv::bool(result.orphaned)),
            });
        }
        self.miss_finish(context, result)
    }

    /// Nobody wants a result: say so, once.
    fn miss_finish(&self, context: &Context, result: &TaskResult) -> Step {
        if self.finish_missed.replace(true) {
            return Ok(());
        }
        if result.orphaned && result.flags & flags::CALLBACK != 0 {
            context.log_warning(&format!(
                "onFinish(): the worker that gave task[{}] has died, and the finish callback with it; there is no onFinish for its result",
                result.id
            ));
            return Ok(());
        }
        let frame = Frame::new(Target::Warning("require 'onFinish' callback"));
        self.guarded_unless_left(context, Event::Finish.name(), &frame)
    }

    /// No result comes any more: forget the callable that was given with the task.
    pub(super) fn forget_finisher(&self, context: &Context, task: TaskId) -> Step {
        match self.object().take_finisher(task) {
            None => Ok(()),
            Some(callable) => {
                let frame = Frame::new(Target::Release).owning(callable);
                self.guarded_unless_left(context, Event::Finish.name(), &frame)
            }
        }
    }

    pub(super) fn run_task_lost(&self, context: &Context, lost: &LostTask) -> Step {
        if !lost.orphaned {
            self.forget_finisher(context, lost.id)?;
        }
        let shape = Shape::LostTask(*lost);
        self.run(context, Event::TaskLost, |frame| match self.objects {
            true => frame.with_object(&shape),
            false => frame
                .with(Zv::long(lost.id as i64))
                .with(long(lost.source))
                .with_bytes(lost.reason.name().as_bytes())
                .with_extra(Zv::bool(lost.orphaned)),
        })
    }

    pub(super) fn run_pipe_message(
        &self,
        context: &Context,
        message: &PipeMessage,
        data: &[u8],
    ) -> Step {
        let shape = Shape::PipeMessage {
            message: *message,
            receiver: context.worker_id().map_or(-1, i64::from),
        };
        let mut unread = false;
        globals::set_in_message(true);
        let step = self.run(context, Event::PipeMessage, |frame| {
            let frame = match self.objects {
                true => frame.with_object(&shape),
                false => frame.with(long(message.source)),
            };
            frame.with_payload(data, message.flags, &mut unread)
        });
        globals::set_in_message(false);
        if unread {
            context.log_warning(&format!(
                "a message of {:?} (id {}) is lost: it cannot be read",
                message.source_role, message.source
            ));
        }
        step
    }

    /// As `guarded`, unless this process is on its way out.
    fn guarded_unless_left(&self, context: &Context, event: &str, frame: &Frame) -> Step {
        match self.left.get() {
            Some(code) => Err(Leave { code }),
            None => self.guarded(context, event, frame),
        }
    }
}

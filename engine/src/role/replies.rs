//! What has become of tasks, as it reaches the worker that gave them.

use std::rc::Rc;

use crate::context::{Context, Reply, Role};
use crate::handler::{Callback, Step};
use crate::ipc::frame::Kind;
use crate::task::{LostTask, TaskLoss, TaskResult};

/// Run the callback for the next reply; `None` if there is none.
pub(super) fn next(context: &Rc<Context>) -> Option<Step> {
    let reply = context.next_reply()?;
    Some(deliver(context, &reply))
}

fn deliver(context: &Rc<Context>, reply: &Reply) -> Step {
    let handler = context.handler();
    match reply.kind {
        Kind::TaskResult => {
            let (task_worker, _) = context.source_of(reply.stamp.party);
            let result = TaskResult {
                id: reply.id,
                task_worker,
                dispatch_time: reply.given as f64 / 1e6,
                flags: reply.stamp.flags,
                orphaned: reply.orphaned,
            };
            context.enter(Callback::Finish, 0);
            handler.on_finish(context, &result, &reply.data)?;
            match reply.stamp.extra == 1 && !reply.orphaned {
                true => handler.on_task_done(context, reply.id),
                false => Ok(()),
            }
        }
        Kind::TaskLost => {
            let source = match context.role() {
                Role::Worker(id) => id,
                _ => 0,
            };
            let lost = LostTask {
                id: reply.id,
                source,
                reason: TaskLoss::from_u8(reply.stamp.extra),
                orphaned: reply.orphaned,
            };
            context.enter(Callback::TaskLost, 0);
            handler.on_task_lost(context, &lost)
        }
        _ if reply.orphaned => Ok(()),
        _ => handler.on_task_done(context, reply.id),
    }
}

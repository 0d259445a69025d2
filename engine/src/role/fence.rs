//! Callbacks may fork. What comes back from a callback in such a child is not the role that made the call.
//!
//! The child shares the role's lanes, bells and descriptors; a second producer or consumer on a lane would
//! destroy it. So a child whose callback ends, by return or otherwise, ends there and then, and while it
//! runs, [`crate::Context`] refuses to send, close or order anything.

use std::rc::Rc;

use crate::choice::{DispatchEvent, Target};
use crate::command::Command;
use crate::context::Context;
use crate::handler::{Death, Handler, Interests, Leave, Step};
use crate::packet::Packet;
use crate::session::SessionId;
use crate::sys::{fork, signal};
use crate::task::{LostTask, PipeMessage, Task, TaskId, TaskResult};

/// The user's handler behind the fence.
pub(super) struct Fence(pub(super) Rc<dyn Handler>);

/// Let only the role's own process go on.
fn fence(step: Step) -> Step {
    if fork::is_foreign() {
        fork::flush_stdio();
        fork::exit_now(step.err().map_or(0, |leave| leave.code));
    }
    step
}

/// After the callbacks that scripts set their process up in: the role's signals stay the role's. (A worker
/// looks after that itself when it has nothing to do, so that no message pays for it.)
fn settle(step: Step) -> Step {
    let step = fence(step);
    signal::reassert_unblocked();
    step
}

impl Handler for Fence {
    fn interests(&self, port: u16) -> Interests {
        self.0.interests(port)
    }

    fn dispatches(&self) -> bool {
        self.0.dispatches()
    }

    fn on_dispatch(&self, context: &Context, event: &DispatchEvent<'_>) -> Result<Target, Leave> {
        let answer = self.0.on_dispatch(context, event);
        fence(answer.map(drop))?;
        answer
    }

    fn measures(&self, port: u16) -> bool {
        self.0.measures(port)
    }

    fn on_length(&self, context: &Context, port: u16, data: &[u8]) -> Result<i64, Leave> {
        let answer = self.0.on_length(context, port, data);
        fence(answer.map(drop))?;
        answer
    }

    fn attach(&self, context: &Rc<Context>) {
        self.0.attach(context);
        let _ = fence(Ok(()));
    }

    fn on_start(&self, context: &Context) -> Step {
        settle(self.0.on_start(context))
    }

    fn on_before_shutdown(&self, context: &Context) -> Step {
        settle(self.0.on_before_shutdown(context))
    }

    fn on_shutdown(&self, context: &Context) -> Step {
        fence(self.0.on_shutdown(context))
    }

    fn on_manager_start(&self, context: &Context) -> Step {
        settle(self.0.on_manager_start(context))
    }

    fn on_manager_stop(&self, context: &Context) -> Step {
        fence(self.0.on_manager_stop(context))
    }

    fn on_before_reload(&self, context: &Context) -> Step {
        settle(self.0.on_before_reload(context))
    }

    fn on_after_reload(&self, context: &Context) -> Step {
        settle(self.0.on_after_reload(context))
    }

    fn on_worker_error(&self, context: &Context, death: &Death) -> Step {
        settle(self.0.on_worker_error(context, death))
    }

    fn loads_bootstrap(&self) -> bool {
        self.0.loads_bootstrap()
    }

    fn on_bootstrap(&self, context: &Context, path: &str) -> Step {
        settle(self.0.on_bootstrap(context, path))
    }

    fn on_worker_exit(&self, context: &Context, worker: u32) -> Step {
        fence(self.0.on_worker_exit(context, worker))
    }

    fn on_worker_start(&self, context: &Context, worker: u32) -> Step {
        settle(self.0.on_worker_start(context, worker))
    }

    fn on_worker_stop(&self, context: &Context, worker: u32) -> Step {
        fence(self.0.on_worker_stop(context, worker))
    }

    fn on_connect(&self, context: &Context, session: SessionId, reactor: i32) -> Step {
        fence(self.0.on_connect(context, session, reactor))
    }

    fn on_receive(&self, context: &Context, session: SessionId, reactor: i32, data: &[u8]) -> Step {
        fence(self.0.on_receive(context, session, reactor, data))
    }

    fn on_packet(&self, context: &Context, packet: &Packet, data: &[u8]) -> Step {
        fence(self.0.on_packet(context, packet, data))
    }

    fn on_buffer_full(&self, context: &Context, session: SessionId) -> Step {
        fence(self.0.on_buffer_full(context, session))
    }

    fn on_buffer_empty(&self, context: &Context, session: SessionId) -> Step {
        fence(self.0.on_buffer_empty(context, session))
    }

    fn runs_tasks(&self) -> bool {
        self.0.runs_tasks()
    }

    fn on_task(&self, context: &Context, task: &Task, data: &[u8]) -> Step {
        fence(self.0.on_task(context, task, data))
    }

    fn on_finish(&self, context: &Context, result: &TaskResult, data: &[u8]) -> Step {
        fence(self.0.on_finish(context, result, data))
    }

    fn on_task_done(&self, context: &Context, task: TaskId) -> Step {
        fence(self.0.on_task_done(context, task))
    }

    fn on_task_lost(&self, context: &Context, lost: &LostTask) -> Step {
        fence(self.0.on_task_lost(context, lost))
    }

    fn takes_messages(&self) -> bool {
        self.0.takes_messages()
    }

    fn on_pipe_message(&self, context: &Context, message: &PipeMessage, data: &[u8]) -> Step {
        fence(self.0.on_pipe_message(context, message, data))
    }

    fn on_command(
        &self,
        context: &Context,
        command: &Command<'_>,
        data: &[u8],
    ) -> Result<Vec<u8>, Leave> {
        let answer = self.0.on_command(context, command, data);
        if let Err(leave) = &answer {
            fence(Err(*leave))?;
        }
        fence(Ok(()))?;
        answer
    }

    fn on_user_process(&self, context: &Context, process: u32) -> Step {
        settle(self.0.on_user_process(context, process))
    }

    fn on_close(&self, context: &Context, session: SessionId, reactor: i32) -> Step {
        fence(self.0.on_close(context, session, reactor))
    }
}

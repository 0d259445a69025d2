//! What every program does in its callbacks: it journals them, and asks the script for more.

use std::time::Duration;
use std::{env, thread};

use skep::command::Command;
use skep::task::{LostTask, PipeMessage, Task, TaskResult};
use skep::{Context, Death, DispatchEvent, Handler, Interests, Leave, SessionId, Step, Target};

use super::{Event, HOLD_START, Program, STOP_TAKES, block_until_exists, flag};
use crate::process;

impl Handler for Program {
    fn interests(&self, _: u16) -> Interests {
        let (buffer_full, buffer_empty) = (self.script.buffers)();
        Interests {
            connect: true,
            receive: true,
            close: true,
            packet: false,
            buffer_full,
            buffer_empty,
        }
    }

    fn dispatches(&self) -> bool {
        self.script.dispatch.is_some()
    }

    fn on_dispatch(&self, server: &Context, event: &DispatchEvent<'_>) -> Result<Target, Leave> {
        self.script
            .dispatch
            .map_or(Ok(Target::Mode), |dispatch| dispatch(server, event))
    }

    fn measures(&self, _: u16) -> bool {
        self.script.length.is_some()
    }

    fn on_length(&self, server: &Context, _: u16, data: &[u8]) -> Result<i64, Leave> {
        self.script
            .length
            .map_or(Ok(-1), |length| length(server, data))
    }

    fn runs_tasks(&self) -> bool {
        self.script.task.is_some()
    }

    fn on_task(&self, server: &Context, task: &Task, data: &[u8]) -> Step {
        if !self.quiet {
            let Task {
                id,
                source,
                attempts,
                ..
            } = task;
            let what = format!(
                "id={id} source={source} attempts={attempts} bytes={}",
                data.len()
            );
            self.note(server, "task", what);
        }
        self.script
            .task
            .map_or(Ok(()), |job| job(server, task, data))
    }

    fn on_finish(&self, server: &Context, result: &TaskResult, data: &[u8]) -> Step {
        if !self.quiet {
            let TaskResult {
                id,
                task_worker,
                orphaned,
                ..
            } = result;
            let text = String::from_utf8_lossy(&data[..data.len().min(40)]);
            let what = format!(
                "id={id} by={task_worker} orphaned={orphaned} bytes={} data={text}",
                data.len()
            );
            self.note(server, "finish", what);
        }
        (self.script.finished)(server, result, data)
    }

    fn on_task_lost(&self, server: &Context, lost: &LostTask) -> Step {
        let LostTask {
            id,
            reason,
            orphaned,
            ..
        } = lost;
        self.note(
            server,
            "task_lost",
            format_args!("id={id} reason={reason:?} orphaned={orphaned}"),
        );
        Ok(())
    }

    fn takes_messages(&self) -> bool {
        self.script.message.is_some()
    }

    fn on_pipe_message(&self, server: &Context, message: &PipeMessage, data: &[u8]) -> Step {
        if !self.quiet {
            let PipeMessage {
                source,
                source_role,
                ..
            } = message;
            let text = String::from_utf8_lossy(&data[..data.len().min(40)]);
            let what = format!(
                "source={source} role={source_role:?} bytes={} data={text}",
                data.len()
            );
            self.note(server, "message", what);
        }
        self.script
            .message
            .map_or(Ok(()), |script| script(server, message, data))
    }

    fn on_command(
        &self,
        server: &Context,
        command: &Command<'_>,
        data: &[u8],
    ) -> Result<Vec<u8>, Leave> {
        if !self.quiet {
            let Command {
                name,
                source,
                source_role,
                ..
            } = command;
            let bytes = data.len();
            let what = format!("name={name} source={source} role={source_role:?} bytes={bytes}");
            self.note(server, "command", what);
        }
        (self.script.obey)(server, command, data)
    }

    fn on_user_process(&self, server: &Context, process: u32) -> Step {
        self.note(server, "user_process", format_args!("process={process}"));
        (self.script.user_process)(server, process)
    }

    fn on_start(&self, server: &Context) -> Step {
        let forked = process::children(server.manager_pid()).len();
        self.note(server, "start", format_args!("forked={forked}"));
        println!("READY {}", self.port);
        if let Some(path) = flag(HOLD_START) {
            block_until_exists(&path);
        }
        self.supervise(server, "started", "")
    }

    fn on_before_shutdown(&self, server: &Context) -> Step {
        self.supervise(server, "before_shutdown", "")
    }

    fn on_shutdown(&self, server: &Context) -> Step {
        self.supervise(server, "shutdown", "")
    }

    fn on_manager_start(&self, server: &Context) -> Step {
        let forked = process::children(server.manager_pid()).len();
        self.supervise(server, "manager_start", format_args!("forked={forked}"))
    }

    fn on_manager_stop(&self, server: &Context) -> Step {
        self.supervise(server, "manager_stop", "")
    }

    fn on_before_reload(&self, server: &Context) -> Step {
        self.supervise(server, "before_reload", "")
    }

    fn on_after_reload(&self, server: &Context) -> Step {
        self.supervise(server, "after_reload", "")
    }

    fn on_worker_error(&self, server: &Context, death: &Death) -> Step {
        let Death {
            worker,
            pid,
            code,
            signal,
            ..
        } = death;
        let what = format!("worker={worker} died={pid} code={code} signal={signal}");
        self.supervise(server, "worker_error", what)
    }

    fn on_worker_start(&self, server: &Context, worker: u32) -> Step {
        let now = crate::eventually::monotonic_ms();
        self.note(
            server,
            "worker_start",
            format_args!("worker={worker} at={now}"),
        );
        (self.script.worker_started)(server, worker)
    }

    fn on_worker_exit(&self, server: &Context, worker: u32) -> Step {
        let now = crate::eventually::monotonic_ms();
        let what = format_args!("worker={worker} at={now}");
        self.note(server, "worker_exit", what);
        (self.script.worker_exit)(server)
    }

    fn on_worker_stop(&self, server: &Context, worker: u32) -> Step {
        self.note(server, "worker_stop", format_args!("worker={worker}"));
        let takes = env::var(STOP_TAKES).map_or(Ok(0), |takes| takes.parse());
        thread::sleep(Duration::from_millis(takes.unwrap_or(0)));
        self.note(server, "worker_stopped", format_args!("worker={worker}"));
        Ok(())
    }

    fn on_connect(&self, server: &Context, session: SessionId, reactor: i32) -> Step {
        self.note(
            server,
            "connect",
            format_args!("session={session} reactor={reactor}"),
        );
        (self.script.connected)(server, session)
    }

    fn on_receive(&self, server: &Context, session: SessionId, reactor: i32, data: &[u8]) -> Step {
        let bytes = data.len();
        if !self.quiet {
            self.note(
                server,
                "receive",
                format_args!("session={session} reactor={reactor} bytes={bytes}"),
            );
        }
        let messages = self.complete(server, session, data);
        let obeyed: Result<(), Leave> = messages
            .iter()
            .try_for_each(|(id, payload)| self.obey(server, session, *id, payload));
        obeyed?;
        if !self.quiet {
            self.note(server, "received", format_args!("session={session}"));
        }
        Ok(())
    }

    fn on_buffer_full(&self, server: &Context, session: SessionId) -> Step {
        self.note_buffer(server, "buffer_full", session)
    }

    fn on_buffer_empty(&self, server: &Context, session: SessionId) -> Step {
        self.note_buffer(server, "buffer_empty", session)
    }

    fn on_close(&self, server: &Context, session: SessionId, reactor: i32) -> Step {
        self.conversations.borrow_mut().remove(&session);
        self.note(
            server,
            "close",
            format_args!("session={session} reactor={reactor}"),
        );
        (self.script.closed)(&Event {
            server,
            session,
            program: self,
        })
    }
}

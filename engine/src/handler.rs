//! What a user of the engine writes: one method per event, each with an empty default.
//!
//! All methods of one process are called on one thread, never two at a time, with one exception
//! that is part of the contract: [`Context::close`] runs `on_close` before it returns, so a handler can
//! be entered again from within its own call. That is why methods take `&self`; keep state in `Cell`
//! and `RefCell`, and hold no borrow across a call into [`Context`].

use std::rc::Rc;

pub use crate::callback::{Callback, Interests};
use crate::choice::{DispatchEvent, Target};
use crate::command::Command;
use crate::context::Context;
use crate::packet::Packet;
use crate::session::SessionId;
use crate::sys::signal;
use crate::task::{LostTask, PipeMessage, Task, TaskId, TaskResult};

/// The process cannot go on: end it with this exit code, without further callbacks but a worker's
/// [`Handler::on_worker_stop`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leave {
    /// Exit code, 0 to 255. The message at work counts as lost, whatever the code.
    pub code: i32,
}

/// What a callback returns.
pub type Step = Result<(), Leave>;

/// How a worker ended, and what is known of its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// Worker id.
    pub worker: u32,
    /// Pid of the process that ended.
    pub pid: i32,
    /// Exit code; 0 if a signal ended it.
    pub code: i32,
    /// Signal number; 0 if it ended by itself.
    pub signal: i32,
    /// How long it lived, milliseconds.
    pub uptime_ms: u64,
    /// Receive and packet callbacks that it finished.
    pub requests: u64,
    /// The callback it was in, or was in last.
    pub callback: Callback,
    /// The session of that callback; 0 if it belongs to none.
    pub session: SessionId,
    /// Its largest resident memory, KiB.
    pub peak_rss_kib: u64,
}

impl Death {
    /// The signal's symbolic name, `SIGKILL` for 9; empty if no signal ended it.
    pub fn signal_name(&self) -> &'static str {
        match self.signal {
            0 => "",
            number => signal::static_name(number),
        }
    }
}

/// The reactor id that `on_close` gets when [`Context::close`] ended the session. A client that left, a
/// broken connection, a lost request and a stopping server give the real reactor id.
pub const CLOSED_BY_SERVER: i32 = -1;

/// A server's callbacks.
pub trait Handler {
    /// Which events of a port to deliver (its index: 0 is the primary port, others in the order of
    /// [`crate::Server::listen`]). Asked once for each, at start. By default all but those of datagrams and of buffers.
    fn interests(&self, port: u16) -> Interests {
        let _ = port;
        Interests {
            connect: true,
            receive: true,
            close: true,
            packet: false,
            buffer_full: false,
            buffer_empty: false,
        }
    }

    /// First call in each process, before any other: here is what this process can do.
    fn attach(&self, context: &Rc<Context>) {
        let _ = context;
    }

    /// Whether [`Handler::on_dispatch`] is to choose workers. Asked once, at start.
    fn dispatches(&self) -> bool {
        false
    }

    /// Master, on its main thread: which worker gets this? The reactor that asks waits for the answer, and so do all
    /// its connections: [`crate::Server::dispatch_with`] is the quick way. Only the first 8152 bytes of a message are
    /// shown.
    fn on_dispatch(&self, context: &Context, event: &DispatchEvent<'_>) -> Result<Target, Leave> {
        let _ = (context, event);
        Ok(Target::Mode)
    }

    /// Whether [`Handler::on_length`] is to say where messages of a port end. Asked once for each, at start.
    fn measures(&self, port: u16) -> bool {
        let _ = port;
        false
    }

    /// Master, on its main thread: how long is the message on this port that begins so; 0 if that cannot be said yet,
    /// something negative if this is none. As with [`Handler::on_dispatch`] a reactor waits for the answer:
    /// [`crate::Server::length_with`] is the quick way.
    fn on_length(&self, context: &Context, port: u16, data: &[u8]) -> Result<i64, Leave> {
        let _ = (context, port, data);
        Ok(-1)
    }

    /// Master: every process has been forked, accepting begins when this returns.
    fn on_start(&self, context: &Context) -> Step {
        let _ = context;
        Ok(())
    }

    /// Master: a stop was asked for; the server still serves.
    fn on_before_shutdown(&self, context: &Context) -> Step {
        let _ = context;
        Ok(())
    }

    /// Master: all other processes are gone. The last callback.
    fn on_shutdown(&self, context: &Context) -> Step {
        let _ = context;
        Ok(())
    }

    /// Manager: the first generation of workers has been forked.
    fn on_manager_start(&self, context: &Context) -> Step {
        let _ = context;
        Ok(())
    }

    /// Manager: all workers are gone.
    fn on_manager_stop(&self, context: &Context) -> Step {
        let _ = context;
        Ok(())
    }

    /// Manager: a reload begins; no worker has been asked to end yet.
    fn on_before_reload(&self, context: &Context) -> Step {
        let _ = context;
        Ok(())
    }

    /// Manager: a reload is over; every worker that was there when it began has gone.
    fn on_after_reload(&self, context: &Context) -> Step {
        let _ = context;
        Ok(())
    }

    /// Manager: a worker ended with a code other than 0 or by a signal; called before it is replaced.
    fn on_worker_error(&self, context: &Context, death: &Death) -> Step {
        let _ = (context, death);
        Ok(())
    }

    /// Whether [`Handler::on_bootstrap`] can load a file. A server whose `bootstrap` is set and whose
    /// handler cannot load it does not start.
    fn loads_bootstrap(&self) -> bool {
        false
    }

    /// Worker: load the file that the setting `bootstrap` names, before `on_worker_start`.
    fn on_bootstrap(&self, context: &Context, path: &str) -> Step {
        let _ = (context, path);
        Ok(())
    }

    /// Worker: first event of the process.
    fn on_worker_start(&self, context: &Context, worker: u32) -> Step {
        let _ = (context, worker);
        Ok(())
    }

    /// Worker: it is to end and still has something to finish, such as a long message half received.
    /// Called once for that. As long as it has timers, watched descriptors or deferred calls it is called again and again:
    /// at once whenever one of them has gone, else every 100 ms, until none is left or `max_wait_time` is over.
    fn on_worker_exit(&self, context: &Context, worker: u32) -> Step {
        let _ = (context, worker);
        Ok(())
    }

    /// Worker: last event of a process, unless a signal or a fatal error ends it: also after a callback
    /// that asked for the end by [`Leave`].
    fn on_worker_stop(&self, context: &Context, worker: u32) -> Step {
        let _ = (context, worker);
        Ok(())
    }

    /// Worker: a session has begun.
    fn on_connect(&self, context: &Context, session: SessionId, reactor: i32) -> Step {
        let _ = (context, session, reactor);
        Ok(())
    }

    /// Worker: a message has come; session 0 is a datagram, see [`Handler::on_packet`]. `data` is valid during the call only.
    fn on_receive(&self, context: &Context, session: SessionId, reactor: i32, data: &[u8]) -> Step {
        let _ = (context, session, reactor, data);
        Ok(())
    }

    /// Worker: a datagram has come; it may be empty. `data` is valid during the call only. Answer with
    /// [`Context::send_to`], or with [`Context::send`] to session 0.
    ///
    /// Datagrams of a port without this callback go to [`Handler::on_receive`], with session 0.
    fn on_packet(&self, context: &Context, packet: &Packet, data: &[u8]) -> Step {
        let _ = (context, packet, data);
        Ok(())
    }

    /// Worker: `buffer_high_watermark` bytes or more wait for a client.
    fn on_buffer_full(&self, context: &Context, session: SessionId) -> Step {
        let _ = (context, session);
        Ok(())
    }

    /// Worker: after that, `buffer_low_watermark` bytes or fewer wait for it.
    fn on_buffer_empty(&self, context: &Context, session: SessionId) -> Step {
        let _ = (context, session);
        Ok(())
    }

    /// Whether [`Handler::on_task`] is there. A server with task workers does not start without it.
    fn runs_tasks(&self) -> bool {
        false
    }

    /// Task worker: run a task. Results are given by [`Context::finish`], any number of them. `data` is valid during the call only.
    fn on_task(&self, context: &Context, task: &Task, data: &[u8]) -> Step {
        let _ = (context, task, data);
        Ok(())
    }

    /// Worker: a task it has given has a result. `data` is valid during the call only.
    fn on_finish(&self, context: &Context, result: &TaskResult, data: &[u8]) -> Step {
        let _ = (context, result, data);
        Ok(())
    }

    /// Worker: a task it has given is through; no result comes any more. For handlers that keep something for each task.
    fn on_task_done(&self, context: &Context, task: TaskId) -> Step {
        let _ = (context, task);
        Ok(())
    }

    /// Worker: a task it has given is lost, and [`Handler::on_task_done`] will not come.
    fn on_task_lost(&self, context: &Context, lost: &LostTask) -> Step {
        let _ = (context, lost);
        Ok(())
    }

    /// Whether [`Handler::on_pipe_message`] is there: without it nobody may send messages.
    fn takes_messages(&self) -> bool {
        false
    }

    /// Worker or task worker: another process has sent something. `data` is valid during the call only.
    fn on_pipe_message(&self, context: &Context, message: &PipeMessage, data: &[u8]) -> Step {
        let _ = (context, message, data);
        Ok(())
    }

    /// Any process that a command was sent to: run it. What this returns is the answer. `data` is valid during the call only.
    fn on_command(
        &self,
        context: &Context,
        command: &Command<'_>,
        data: &[u8],
    ) -> Result<Vec<u8>, Leave> {
        let _ = (context, command, data);
        Ok(Vec::new())
    }

    /// User process, counted from 0 in the order of [`crate::Server::add_process`]: its whole life. When this returns the
    /// process ends, and another one takes its place. It hears of nothing, and a stop of the server ends it by SIGTERM. Its timers
    /// and the like are called in [`Context::run_event_loop`] and [`Context::turn_and_wait`].
    fn on_user_process(&self, context: &Context, process: u32) -> Step {
        let _ = (context, process);
        Ok(())
    }

    /// Worker: a session has ended. `reactor` is [`CLOSED_BY_SERVER`] if a callback closed it.
    fn on_close(&self, context: &Context, session: SessionId, reactor: i32) -> Step {
        let _ = (context, session, reactor);
        Ok(())
    }
}

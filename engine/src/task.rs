//! Tasks as user code sees them.

mod packet;

pub use self::packet::{BadPacket, HEADER, header, pack, unpack};

use crate::callback::Role;

/// Number of a task: counted by each process from 0, so it is unique together with who gave it only.
pub type TaskId = u64;

/// What is said of a task beside its payload, numbered as `SWOOLE_TASK_*`.
pub mod flags {
    /// The payload is large. Set for information: nothing is written to a file.
    pub const TMPFILE: u8 = 1;
    /// The payload is a value that a front has serialized.
    pub const SERIALIZE: u8 = 2;
    /// Nobody blocks for the result.
    pub const NONBLOCK: u8 = 4;
    /// The result goes to a callback of its own.
    pub const CALLBACK: u8 = 8;
    /// One of several that somebody waits for.
    pub const WAITALL: u8 = 16;
    /// No result can be delivered.
    pub const NOREPLY: u8 = 128;
}

/// A task, for [`crate::Handler::on_task`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Task {
    /// Its number, of the process that gave it.
    pub id: TaskId,
    /// Id of the worker or user process that gave it; 0 for master and manager, as for worker 0.
    pub source: u32,
    /// When it was given, Unix time in seconds.
    pub dispatch_time: f64,
    /// A set of [`flags`].
    pub flags: u8,
    /// How often it has been run before, by task workers that died with it.
    pub attempts: u8,
}

/// What belongs to a result, for [`crate::Handler::on_finish`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaskResult {
    /// Number of the task.
    pub id: TaskId,
    /// Id of the task worker that ran it.
    pub task_worker: u32,
    /// When the result was given, Unix time in seconds.
    pub dispatch_time: f64,
    /// A set of [`flags`]: those of the task, but [`flags::SERIALIZE`] is that of the result.
    pub flags: u8,
    /// The process that gave the task has died: this is its successor, which knows nothing of it.
    pub orphaned: bool,
}

/// Why there will be no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum TaskLoss {
    /// The task worker died while it was at it, as often as `task_redeliver` allows.
    WorkerDied = 1,
    /// The server stopped before the task was begun, or before it was through.
    Stopped = 2,
    /// The answer could not be sent. (Of a command; a task's result waits.)
    Unanswered = 3,
    /// Its result was too large for the way back.
    ResultTooLarge = 4,
    /// The front of the task worker could not read it.
    TaskUnreadable = 5,
    /// The front of the worker that gave it could not read its result.
    ResultUnreadable = 6,
}

impl TaskLoss {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            TaskLoss::WorkerDied => "the task worker died",
            TaskLoss::Stopped => "the server stopped",
            TaskLoss::Unanswered => "the answer could not be sent",
            TaskLoss::ResultTooLarge => "the result is too large for the way back",
            TaskLoss::TaskUnreadable => "the task worker cannot read it",
            TaskLoss::ResultUnreadable => "its result cannot be read",
        }
    }

    pub(crate) fn from_u8(number: u8) -> TaskLoss {
        match number {
            2 => TaskLoss::Stopped,
            3 => TaskLoss::Unanswered,
            4 => TaskLoss::ResultTooLarge,
            5 => TaskLoss::TaskUnreadable,
            6 => TaskLoss::ResultUnreadable,
            _ => TaskLoss::WorkerDied,
        }
    }
}

/// A task that is lost, for [`crate::Handler::on_task_lost`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostTask {
    /// Number of the task.
    pub id: TaskId,
    /// Id of the worker that gave it.
    pub source: u32,
    /// What has happened.
    pub reason: TaskLoss,
    /// The process that gave the task has died: this is its successor, which knows nothing of it.
    pub orphaned: bool,
}

/// What a call that waits for a task gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskAnswer {
    /// The first result, and its [`flags`].
    Result(Vec<u8>, u8),
    /// The task is through and has given no result.
    Nothing,
    /// There will be no result.
    Lost(TaskLoss),
    /// No result has come in time.
    TimedOut,
}

/// Who sent a message, for [`crate::Handler::on_pipe_message`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PipeMessage {
    /// Id of the sending worker, task worker or user process; 0 for master and manager, as for worker 0.
    pub source: u32,
    /// Which kind of process it is.
    pub source_role: Role,
    /// When it was sent, Unix time in seconds.
    pub dispatch_time: f64,
    /// A set of [`flags`].
    pub flags: u8,
}

//! Tasks and messages: giving, waiting, answering.

use std::ffi::c_void;
use std::time::Duration;

use super::guard::{Out, bytes, guard};
use super::handle::{get, skep_server};
use super::status::{
    Fault, SKEP_INVALID_ARGUMENT, SKEP_NO_RESULT, SKEP_TASK_LOST, SKEP_TIMED_OUT, skep_status,
};
use crate::task::{PipeMessage, Task, TaskAnswer, TaskLoss, TaskResult};
use crate::{Role, error::code};

/// Number of a task, counted by each process from 0.
pub type skep_task_id = u64;

/// Any task worker, whichever is free first.
pub const SKEP_ANY_TASK_WORKER: i32 = -1;

/// Why there will be no result.
pub type skep_task_loss = i32;

/// The task worker died while it was at it, as often as the setting task_redeliver allows.
pub const SKEP_TASK_WORKER_DIED: skep_task_loss = 1;
/// The server stopped before the task was begun, or before it was through.
pub const SKEP_TASK_STOPPED: skep_task_loss = 2;
/// The result was too large for the way back: see the setting task_queue_max_bytes.
pub const SKEP_TASK_RESULT_TOO_LARGE: skep_task_loss = 4;

const _: () = assert!(
    SKEP_TASK_WORKER_DIED == TaskLoss::WorkerDied as i32
        && SKEP_TASK_STOPPED == TaskLoss::Stopped as i32
        && SKEP_TASK_RESULT_TOO_LARGE == TaskLoss::ResultTooLarge as i32
);

/// A task. Later versions may have more fields at the end; a program that is to run with an earlier one compares `size`
/// before it reads what came later.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct skep_task {
    /// Size of the struct in the library that filled it in.
    pub size: usize,
    /// Its number, of the process that gave it.
    pub id: skep_task_id,
    /// When it was given, microseconds since the Unix epoch.
    pub dispatch_us: u64,
    /// Id of the worker or user process that gave it; 0 for master and manager, as for worker 0.
    pub source: u32,
    /// How often it has been run before, by task workers that died with it.
    pub attempts: u32,
}

/// What belongs to a result.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct skep_task_result {
    /// Size of the struct in the library that filled it in.
    pub size: usize,
    /// Number of the task.
    pub id: skep_task_id,
    /// When the result was given, microseconds since the Unix epoch.
    pub dispatch_us: u64,
    /// Id of the task worker that ran it.
    pub task_worker: u32,
    /// 1 if the process that gave the task has died and this one is its successor; else 0.
    pub orphaned: i32,
}

/// Who sent a message.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct skep_message {
    /// Size of the struct in the library that filled it in.
    pub size: usize,
    /// When it was sent, microseconds since the Unix epoch.
    pub dispatch_us: u64,
    /// Id of the sending worker, task worker or user process; 0 for master and manager, as for worker 0.
    pub source: u32,
    /// What it is: one of SKEP_ROLE_*.
    pub source_role: i32,
}

/// The master.
pub const SKEP_ROLE_MASTER: i32 = 0;
/// The manager.
pub const SKEP_ROLE_MANAGER: i32 = 1;
/// A worker.
pub const SKEP_ROLE_WORKER: i32 = 2;
/// A task worker.
pub const SKEP_ROLE_TASK_WORKER: i32 = 3;
/// A user process.
pub const SKEP_ROLE_USER_PROCESS: i32 = 4;

const _: () = assert!(size_of::<skep_task>() == 4 * 8 && size_of::<skep_task_result>() == 4 * 8);
const _: () = assert!(size_of::<skep_message>() == 3 * 8);

fn microseconds(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}

impl From<&Task> for skep_task {
    fn from(task: &Task) -> skep_task {
        skep_task {
            size: size_of::<skep_task>(),
            id: task.id,
            dispatch_us: microseconds(task.dispatch_time),
            source: task.source,
            attempts: task.attempts.into(),
        }
    }
}

impl From<&TaskResult> for skep_task_result {
    fn from(result: &TaskResult) -> skep_task_result {
        skep_task_result {
            size: size_of::<skep_task_result>(),
            id: result.id,
            dispatch_us: microseconds(result.dispatch_time),
            task_worker: result.task_worker,
            orphaned: result.orphaned.into(),
        }
    }
}

impl From<&PipeMessage> for skep_message {
    fn from(message: &PipeMessage) -> skep_message {
        skep_message {
            size: size_of::<skep_message>(),
            dispatch_us: microseconds(message.dispatch_time),
            source: message.source,
            source_role: match message.source_role {
                Role::Master => SKEP_ROLE_MASTER,
                Role::Manager => SKEP_ROLE_MANAGER,
                Role::Worker(_) => SKEP_ROLE_WORKER,
                Role::TaskWorker(_) => SKEP_ROLE_TASK_WORKER,
                Role::UserProcess(_) => SKEP_ROLE_USER_PROCESS,
            },
        }
    }
}

fn target(task_worker: i32) -> Result<Option<u32>, Fault> {
    match task_worker {
        SKEP_ANY_TASK_WORKER => Ok(None),
        id => u32::try_from(id).map(Some).map_err(|_| {
            Fault::new(
                SKEP_INVALID_ARGUMENT,
                format!("no task worker has the id {id}"),
            )
        }),
    }
}

/// Give a task, `len` bytes at `data`, to the task workers: to one of them, counted from 0, or with SKEP_ANY_TASK_WORKER to
/// whichever is free first. Results come to the finish callback of the same process, if it is a worker; nobody hears of
/// other processes' tasks. `id` gets the task's number and may be NULL.
///
/// Ownership: `data` is borrowed for the call, `id` is the caller's.
/// Callable from: any process but a task worker, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE (a task worker, or none are there), SKEP_INVALID_ARGUMENT (no such task
///   worker), SKEP_TOO_LARGE, SKEP_QUEUE_FULL (settings task_queue_max_num and task_queue_max_bytes; the server stops),
///   SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_task(
    server: *mut skep_server,
    data: *const u8,
    len: usize,
    task_worker: i32,
    id: *mut skep_task_id,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle, and NULL or as many bytes as said.
        let (server, data) = unsafe { (get(server)?, bytes(data, len)?) };
        let out = match id.is_null() {
            true => None,
            // SAFETY: not NULL, so room for a number, says the caller.
            false => Some(unsafe { Out::new(id, "id") }?),
        };
        let given = server.context()?.task(data, target(task_worker)?, 0)?;
        if let Some(out) = out {
            out.set(given);
        }
        Ok(())
    })
}

/// What skep_server_task_wait() calls with the result: `len` bytes at `data`, valid during the call only.
pub type skep_task_wait_callback =
    Option<unsafe extern "C" fn(data: *const u8, len: usize, user_data: *mut c_void)>;

/// Give a task and wait for its first result, at most `timeout_ms` milliseconds (negative: for ever), which `callback` gets before
/// this returns. Blocks the worker: nothing else is served meanwhile.
///
/// Ownership: `data` is borrowed for the call; `user_data` stays the caller's.
/// Callable from: worker, in a callback.
/// Errors: as skep_server_task(); SKEP_STATE outside of workers, SKEP_TIMED_OUT, SKEP_NO_RESULT (the task is through and has
///   given none), SKEP_TASK_LOST (the code is one of SKEP_TASK_*); `callback` is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_task_wait(
    server: *mut skep_server,
    data: *const u8,
    len: usize,
    task_worker: i32,
    timeout_ms: i64,
    callback: skep_task_wait_callback,
    user_data: *mut c_void,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle, and NULL or as many bytes as said.
        let (server, data) = unsafe { (get(server)?, bytes(data, len)?) };
        let callback = callback.ok_or_else(|| Fault::null("callback"))?;
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        let context = server.context()?;
        match context.task_wait(data, target(task_worker)?, 0, timeout)? {
            TaskAnswer::Result(result, _) => {
                // SAFETY: given with this signature; the bytes are valid for the call.
                unsafe { callback(result.as_ptr(), result.len(), user_data) };
                Ok(())
            }
            TaskAnswer::Nothing => Err(Fault::new(SKEP_NO_RESULT, "the task has given no result")),
            TaskAnswer::TimedOut => Err(Fault {
                code: code::TIMEOUT,
                ..Fault::new(SKEP_TIMED_OUT, "no result in time")
            }),
            TaskAnswer::Lost(loss) => Err(Fault {
                code: loss as i32,
                ..Fault::new(SKEP_TASK_LOST, loss.name())
            }),
        }
    })
}

/// Answer the task at hand; may be called several times. Waits while the asking worker's queue is full.
///
/// Ownership: `data` is borrowed for the call.
/// Callable from: task worker, in the task callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE (no task is at hand, or nobody can be answered), SKEP_TOO_LARGE (unless something shorter
///   is sent after that, the task is lost: SKEP_TASK_RESULT_TOO_LARGE), SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_finish(
    server: *mut skep_server,
    data: *const u8,
    len: usize,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle, and NULL or as many bytes as said.
        let (server, data) = unsafe { (get(server)?, bytes(data, len)?) };
        Ok(server.context()?.finish(data, 0)?)
    })
}

/// Send something to a worker or task worker (ids of task workers come after those of workers), whose message callback gets it. Never
/// waits; queued is in order, and kept for a successor should the process die.
///
/// Ownership: `data` is borrowed for the call.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE (no message callback is registered), SKEP_INVALID_ARGUMENT (no such process, or this one),
///   SKEP_TOO_LARGE, SKEP_QUEUE_FULL, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_send_message(
    server: *mut skep_server,
    worker: u32,
    data: *const u8,
    len: usize,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle, and NULL or as many bytes as said.
        let (server, data) = unsafe { (get(server)?, bytes(data, len)?) };
        Ok(server.context()?.send_message(data, worker, 0)?)
    })
}

/// Replace all task workers: what they are at is finished, what waits is for the new ones.
///
/// Ownership: none.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE while the server stops, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_reload_tasks(server: *mut skep_server) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle.
        let server = unsafe { get(server)? };
        Ok(server.context()?.reload_tasks()?)
    })
}

/// Bytes that skep_task_pack() puts in front of a payload.
pub const SKEP_TASK_HEADER_SIZE: usize = 16;

const _: () = assert!(SKEP_TASK_HEADER_SIZE == crate::task::HEADER);

/// For programs that give tasks to a server from outside, by msgsnd() on the queue of the setting message_queue_key: write what
/// comes in front of a payload of `len` bytes to the SKEP_TASK_HEADER_SIZE bytes at `header`. The payload follows it in the same
/// message; the message's type is the id of the task worker + 1, any positive number with task_ipc_mode 3.
///
/// Ownership: `header` is the caller's.
/// Callable from: any process and thread, with or without a server.
/// Errors: SKEP_NULL_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_task_pack(header: *mut u8, len: usize) -> skep_status {
    guard(|| {
        // SAFETY: NULL or room for a header, says the caller; an array of bytes needs no alignment.
        let out = unsafe { Out::new(header.cast::<[u8; SKEP_TASK_HEADER_SIZE]>(), "header")? };
        out.set(crate::task::header(0, len));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capi::status::{SKEP_NULL_ARGUMENT, SKEP_OK};
    use crate::task::unpack;

    #[test]
    fn a_header_and_its_payload_are_a_packed_task() {
        let mut message = [0; SKEP_TASK_HEADER_SIZE + 5];
        // SAFETY: room for a header and more.
        assert_eq!(unsafe { skep_task_pack(message.as_mut_ptr(), 5) }, SKEP_OK);
        message[SKEP_TASK_HEADER_SIZE..].copy_from_slice(b"hello");
        assert_eq!(unpack(&message), Ok((0, &b"hello"[..])));
        // SAFETY: NULL is refused.
        let refused = unsafe { skep_task_pack(std::ptr::null_mut(), 5) };
        assert_eq!(refused, SKEP_NULL_ARGUMENT);
    }
}

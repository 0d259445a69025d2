//! Callbacks about tasks, messages and user processes: their types and their registration.

use std::ffi::c_void;

use super::callbacks::register;
use super::guard::guard;
use super::handle::{get, skep_server};
use super::status::{Fault, skep_status};
use super::tasks::{skep_message, skep_task, skep_task_id, skep_task_loss, skep_task_result};

/// A task is to be run: `len` bytes at `data`, valid during the call only, as is `task`. Answer with skep_server_finish().
pub type skep_task_callback = Option<
    unsafe extern "C" fn(
        server: *mut skep_server,
        task: *const skep_task,
        data: *const u8,
        len: usize,
        user_data: *mut c_void,
    ),
>;

/// A task has a result: `len` bytes at `data`, valid during the call only, as is `result`.
pub type skep_finish_callback = Option<
    unsafe extern "C" fn(
        server: *mut skep_server,
        result: *const skep_task_result,
        data: *const u8,
        len: usize,
        user_data: *mut c_void,
    ),
>;

/// A task is lost. `orphaned`: 1 if the process that gave it has died and this one is its successor.
pub type skep_task_lost_callback = Option<
    unsafe extern "C" fn(
        server: *mut skep_server,
        id: skep_task_id,
        reason: skep_task_loss,
        orphaned: i32,
        user_data: *mut c_void,
    ),
>;

/// Another process has sent something: `len` bytes at `data`, valid during the call only, as is `message`.
pub type skep_message_callback = Option<
    unsafe extern "C" fn(
        server: *mut skep_server,
        message: *const skep_message,
        data: *const u8,
        len: usize,
        user_data: *mut c_void,
    ),
>;

/// The life of a user process, counted from 0.
pub type skep_process_function =
    Option<unsafe extern "C" fn(server: *mut skep_server, process: u32, user_data: *mut c_void)>;

/// Call `callback` in a task worker for every task. A server with the setting task_worker_num cannot start without it.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: task worker.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_task(
    server: *mut skep_server,
    callback: skep_task_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe { register(server, |callbacks| &callbacks.task, callback, user_data) }
}

/// Call `callback` in the worker that gave a task, for every result.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_finish(
    server: *mut skep_server,
    callback: skep_finish_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe { register(server, |callbacks| &callbacks.finish, callback, user_data) }
}

/// Call `callback` in the worker that gave a task, if the task is lost: every task that was accepted is run or reported here.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_task_lost(
    server: *mut skep_server,
    callback: skep_task_lost_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe {
        register(
            server,
            |callbacks| &callbacks.task_lost,
            callback,
            user_data,
        )
    }
}

/// Call `callback` in a worker or task worker for every message of another process.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker, task worker.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_message(
    server: *mut skep_server,
    callback: skep_message_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe { register(server, |callbacks| &callbacks.message, callback, user_data) }
}

/// One more process, which runs `function`; when that returns the process ends and another one takes its place. Its event
/// loop runs in skep_run_event_loop(). A stop of the server ends it by SIGTERM.
///
/// Ownership: `user_data` stays the caller's; it is given back to the function and never touched.
/// Callable from: setup; the function runs in: user process.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; there is no process then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_add_process(
    server: *mut skep_server,
    function: skep_process_function,
    user_data: *mut c_void,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives a handle as `get` needs it.
        let server = unsafe { get(server) }?;
        let function = function.ok_or_else(|| Fault::null("function"))?;
        server.setup(|engine| {
            engine.add_process();
            server.callbacks.add_process(function, user_data);
            Ok(())
        })
    })
}

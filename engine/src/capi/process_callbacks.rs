//! Callbacks about processes: their types and their registration.

use std::ffi::c_void;

use super::callbacks::register;
use super::handle::skep_server;
use super::status::skep_status;

/// An event of a whole process.
pub type skep_process_callback =
    Option<unsafe extern "C" fn(server: *mut skep_server, user_data: *mut c_void)>;

/// A step in a worker's life; `worker` is its id.
pub type skep_worker_callback =
    Option<unsafe extern "C" fn(server: *mut skep_server, worker: u32, user_data: *mut c_void)>;

/// A worker ended badly: `code` is its exit code, `signal` the signal that killed it, or 0.
pub type skep_worker_error_callback = Option<
    unsafe extern "C" fn(
        server: *mut skep_server,
        worker: u32,
        pid: i32,
        code: i32,
        signal: i32,
        user_data: *mut c_void,
    ),
>;

/// Call `callback` in the master when every process has been forked and accepting begins: the place to
/// tell others that the server is there.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: master.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_start(
    server: *mut skep_server,
    callback: skep_process_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe { register(server, |callbacks| &callbacks.start, callback, user_data) }
}

/// Call `callback` in the master when a stop was asked for; the server still serves.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: master.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_before_shutdown(
    server: *mut skep_server,
    callback: skep_process_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe {
        register(
            server,
            |callbacks| &callbacks.before_shutdown,
            callback,
            user_data,
        )
    }
}

/// Call `callback` in the master when all other processes are gone. The last callback of all.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: master.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_shutdown(
    server: *mut skep_server,
    callback: skep_process_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe { register(server, |callbacks| &callbacks.shutdown, callback, user_data) }
}

/// Call `callback` in the manager when the first generation of workers has been forked.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: manager.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_manager_start(
    server: *mut skep_server,
    callback: skep_process_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe {
        register(
            server,
            |callbacks| &callbacks.manager_start,
            callback,
            user_data,
        )
    }
}

/// Call `callback` in the manager when all workers are gone.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: manager.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_manager_stop(
    server: *mut skep_server,
    callback: skep_process_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe {
        register(
            server,
            |callbacks| &callbacks.manager_stop,
            callback,
            user_data,
        )
    }
}

/// Call `callback` in the manager when a reload begins; no worker has been asked to end yet.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: manager.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_before_reload(
    server: *mut skep_server,
    callback: skep_process_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe {
        register(
            server,
            |callbacks| &callbacks.before_reload,
            callback,
            user_data,
        )
    }
}

/// Call `callback` in the manager when a reload is over: every worker that was there when it began has gone.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: manager.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_after_reload(
    server: *mut skep_server,
    callback: skep_process_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe {
        register(
            server,
            |callbacks| &callbacks.after_reload,
            callback,
            user_data,
        )
    }
}

/// Call `callback` in each worker and task worker before any other callback: the place to open files and connections,
/// which must not be shared by processes. Ids of task workers come after those of workers.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker, task worker.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_worker_start(
    server: *mut skep_server,
    callback: skep_worker_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe {
        register(
            server,
            |callbacks| &callbacks.worker_start,
            callback,
            user_data,
        )
    }
}

/// Call `callback` in a worker that is to end and still has something to finish: once when that is found, and
/// again whenever something of it is done.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_worker_exit(
    server: *mut skep_server,
    callback: skep_worker_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe {
        register(
            server,
            |callbacks| &callbacks.worker_exit,
            callback,
            user_data,
        )
    }
}

/// Call `callback` in each worker and task worker that ends in good order, by skep_server_leave() too, after all other
/// callbacks. Not if it ends by a signal or by exit().
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker, task worker.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_worker_stop(
    server: *mut skep_server,
    callback: skep_worker_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe {
        register(
            server,
            |callbacks| &callbacks.worker_stop,
            callback,
            user_data,
        )
    }
}

/// Call `callback` in the manager when a worker ended with a code other than 0 or by a signal, before it
/// is replaced.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: manager.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_worker_error(
    server: *mut skep_server,
    callback: skep_worker_error_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe {
        register(
            server,
            |callbacks| &callbacks.worker_error,
            callback,
            user_data,
        )
    }
}

//! The processes of a running server: who they are, and what may be asked of them.

use std::ffi::c_char;

use super::guard::{Out, guard, text};
use super::handle::{get, skep_server};
use super::status::{Fault, SKEP_INVALID_ARGUMENT, SKEP_SYSTEM, skep_status};
use crate::{Context, WorkerStatus};

/// Show `title` instead of the command line of the calling process, in ps and /proc. Longer titles are
/// cut to the room that arguments and environment had when the program was started.
///
/// Ownership: `title` is borrowed for the call.
/// Callable from: any process, at any time, while no other thread uses the environment.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (text), SKEP_SYSTEM if the system does not say where
///   the command line is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_process_set_title(title: *const c_char) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a terminated text.
        let title = unsafe { text(title, "title") }?;
        match crate::set_process_title(title) {
            true => Ok(()),
            false => Err(Fault::new(SKEP_SYSTEM, "the command line cannot be found")),
        }
    })
}

/// State of a worker: one of SKEP_WORKER_*.
pub type skep_worker_status = i32;

/// Handling messages.
pub const SKEP_WORKER_BUSY: skep_worker_status = 1;
/// Waiting.
pub const SKEP_WORKER_IDLE: skep_worker_status = 2;
/// Starting, stopping or gone.
pub const SKEP_WORKER_EXIT: skep_worker_status = 3;

const _: () = assert!(
    SKEP_WORKER_BUSY == WorkerStatus::Busy as i32
        && SKEP_WORKER_IDLE == WorkerStatus::Idle as i32
        && SKEP_WORKER_EXIT == WorkerStatus::Exit as i32
);

/// Answer a question about the running server.
///
/// # Safety
/// As for [`get`] and [`Out::new`].
unsafe fn ask<T>(
    server: *mut skep_server,
    out: *mut T,
    answer: impl FnOnce(&Context) -> Result<T, Fault>,
) -> skep_status {
    guard(|| {
        // SAFETY: by this function's own contract.
        let (server, out) = unsafe { (get(server)?, Out::new(out, "out")?) };
        out.set(answer(&*server.context()?)?);
        Ok(())
    })
}

fn no_worker(worker: u32) -> Fault {
    Fault::new(
        SKEP_INVALID_ARGUMENT,
        format!("no worker has the id {worker}"),
    )
}

/// Id of the calling worker, 0 to the number of workers less one; -1 in the master and the manager.
///
/// Ownership: `out` is the caller's.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_worker_id(
    server: *mut skep_server,
    out: *mut i32,
) -> skep_status {
    // SAFETY: handle and room for the answer are the caller's, as documented.
    unsafe {
        ask(server, out, |context| {
            Ok(context.worker_id().map_or(-1, |worker| worker as i32))
        })
    }
}

/// Number of workers.
///
/// Ownership: `out` is the caller's.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_worker_num(
    server: *mut skep_server,
    out: *mut u32,
) -> skep_status {
    // SAFETY: handle and room for the answer are the caller's, as documented.
    unsafe { ask(server, out, |context| Ok(context.worker_num())) }
}

/// Process id of the master.
///
/// Ownership: `out` is the caller's.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_master_pid(
    server: *mut skep_server,
    out: *mut i32,
) -> skep_status {
    // SAFETY: handle and room for the answer are the caller's, as documented.
    unsafe { ask(server, out, |context| Ok(context.master_pid())) }
}

/// Process id of the manager.
///
/// Ownership: `out` is the caller's.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_manager_pid(
    server: *mut skep_server,
    out: *mut i32,
) -> skep_status {
    // SAFETY: handle and room for the answer are the caller's, as documented.
    unsafe { ask(server, out, |context| Ok(context.manager_pid())) }
}

/// Process id of a worker; 0 while it is being replaced.
///
/// Ownership: `out` is the caller's.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (`worker`), SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_worker_pid(
    server: *mut skep_server,
    worker: u32,
    out: *mut i32,
) -> skep_status {
    // SAFETY: handle and room for the answer are the caller's, as documented.
    unsafe {
        ask(server, out, |context| {
            context.worker_pid(worker).ok_or_else(|| no_worker(worker))
        })
    }
}

/// What a worker is doing.
///
/// Ownership: `out` is the caller's.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (`worker`), SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_worker_status(
    server: *mut skep_server,
    worker: u32,
    out: *mut skep_worker_status,
) -> skep_status {
    // SAFETY: handle and room for the answer are the caller's, as documented.
    unsafe {
        ask(server, out, |context| {
            context
                .worker_status(worker)
                .map(|status| status as i32)
                .ok_or_else(|| no_worker(worker))
        })
    }
}

/// Replace all workers, one after the other, without losing a request. SKEP_OK: the manager will do it.
///
/// Ownership: none.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_reload(server: *mut skep_server) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle.
        let server = unsafe { get(server) }?;
        Ok(server.context()?.reload()?)
    })
}

/// Read the certificates of all ports again, for the clients that come from now on. SKEP_OK: the master will do it, and
/// the log tells how it went; if a file cannot be used everything stays as it was. skep_server_reload() does it, too.
///
/// Ownership: none.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_reload_tls(server: *mut skep_server) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle.
        let server = unsafe { get(server) }?;
        Ok(server.context()?.reload_tls()?)
    })
}

/// Stop the server in good order. SKEP_OK: the master will do it.
///
/// Ownership: none.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_shutdown(server: *mut skep_server) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle.
        let server = unsafe { get(server) }?;
        Ok(server.context()?.shutdown()?)
    })
}

/// Replace one worker: it ends after the callback at hand. -1 means the calling one.
///
/// Ownership: none.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (no such worker), SKEP_STATE (-1 outside of a worker),
///   SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_stop_worker(
    server: *mut skep_server,
    worker: i32,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle.
        let server = unsafe { get(server) }?;
        let context = server.context()?;
        let worker =
            match worker {
                -1 => None,
                id => Some(u32::try_from(id).map_err(|_| {
                    Fault::new(SKEP_INVALID_ARGUMENT, format!("{id} is no worker id"))
                })?),
            };
        Ok(context.stop(worker)?)
    })
}

/// End the calling process with an exit code when the callback at hand returns, without further
/// callbacks but that of skep_server_on_worker_stop(). A worker is replaced; the message at work counts as lost, whatever the code. In the
/// master the whole server ends and skep_server_start() returns.
///
/// Ownership: none.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (`code` is not within 0 to 255), SKEP_NOT_RUNNING,
///   SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_leave(server: *mut skep_server, code: i32) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle.
        let server = unsafe { get(server) }?;
        if !(0..=255).contains(&code) {
            return Err(Fault::new(
                SKEP_INVALID_ARGUMENT,
                format!("{code} is not an exit code from 0 to 255"),
            ));
        }
        server.context()?;
        server.ask_to_leave(code);
        Ok(())
    })
}

//! What is known of a dead worker.

use std::ffi::c_void;

use super::callbacks::register;
use super::handle::skep_server;
use super::session::skep_session_id;
use super::status::skep_status;
use crate::{Callback, Death};

/// A callback of a worker: one of SKEP_CALLBACK_*. Later versions may have more.
pub type skep_callback = i32;

/// None has run yet.
pub const SKEP_CALLBACK_NONE: skep_callback = 0;
/// The callback of skep_server_on_worker_start().
pub const SKEP_CALLBACK_WORKER_START: skep_callback = 2;
/// The callback of skep_server_on_connect().
pub const SKEP_CALLBACK_CONNECT: skep_callback = 3;
/// The callback of skep_server_on_receive().
pub const SKEP_CALLBACK_RECEIVE: skep_callback = 4;
/// The callback of skep_server_on_close().
pub const SKEP_CALLBACK_CLOSE: skep_callback = 5;
/// The callback of skep_server_on_worker_exit().
pub const SKEP_CALLBACK_WORKER_EXIT: skep_callback = 6;
/// The callback of skep_server_on_worker_stop().
pub const SKEP_CALLBACK_WORKER_STOP: skep_callback = 7;
/// The callback of skep_server_on_packet().
pub const SKEP_CALLBACK_PACKET: skep_callback = 8;

/// The callback of a timer: skep_timer_tick(), skep_timer_after().
pub const SKEP_CALLBACK_TIMER: skep_callback = 32;
/// The callback of a descriptor: skep_watch().
pub const SKEP_CALLBACK_EVENT: skep_callback = 33;
/// A call that was put off: skep_defer().
pub const SKEP_CALLBACK_DEFER: skep_callback = 34;

// 1 is the bootstrap file, which C has not.
const _: () = assert!(
    SKEP_CALLBACK_NONE == Callback::None as i32
        && SKEP_CALLBACK_WORKER_START == Callback::WorkerStart as i32
        && SKEP_CALLBACK_CONNECT == Callback::Connect as i32
        && SKEP_CALLBACK_RECEIVE == Callback::Receive as i32
        && SKEP_CALLBACK_CLOSE == Callback::Close as i32
        && SKEP_CALLBACK_WORKER_EXIT == Callback::WorkerExit as i32
        && SKEP_CALLBACK_WORKER_STOP == Callback::WorkerStop as i32
        && SKEP_CALLBACK_PACKET == Callback::Packet as i32
        && SKEP_CALLBACK_TIMER == Callback::Timer as i32
        && SKEP_CALLBACK_EVENT == Callback::Event as i32
        && SKEP_CALLBACK_DEFER == Callback::Defer as i32
);

/// How a worker ended, and what is known of its life. Later versions may have more fields at the end; a
/// program that is to run with an earlier one compares `size` before it reads what came later.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct skep_death {
    /// Size of the struct in the library that filled it in.
    pub size: usize,
    /// Worker id.
    pub worker: u32,
    /// Process id.
    pub pid: i32,
    /// Exit code; 0 if a signal ended it.
    pub code: i32,
    /// The signal that ended it, or 0.
    pub signal: i32,
    /// How long it lived, in milliseconds.
    pub uptime_ms: u64,
    /// Receive and packet callbacks that it finished.
    pub requests: u64,
    /// The session of `callback`; 0 if it belongs to none.
    pub session: skep_session_id,
    /// Its largest resident memory, in bytes.
    pub peak_rss: u64,
    /// The callback it was in, or was in last.
    pub callback: skep_callback,
}

impl From<&Death> for skep_death {
    fn from(death: &Death) -> skep_death {
        skep_death {
            size: size_of::<skep_death>(),
            worker: death.worker,
            pid: death.pid,
            code: death.code,
            signal: death.signal,
            uptime_ms: death.uptime_ms,
            requests: death.requests,
            session: death.session,
            peak_rss: death.peak_rss_kib.saturating_mul(1024),
            callback: death.callback as i32,
        }
    }
}

/// A worker ended badly; `death` is valid during the call only.
pub type skep_worker_death_callback = Option<
    unsafe extern "C" fn(
        server: *mut skep_server,
        death: *const skep_death,
        user_data: *mut c_void,
    ),
>;

/// Call `callback` in the manager when a worker ended with a code other than 0 or by a signal, before it is
/// replaced, and after the callback of skep_server_on_worker_error(): the same event with all that is known.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: manager.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_worker_death(
    server: *mut skep_server,
    callback: skep_worker_death_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe {
        register(
            server,
            |callbacks| &callbacks.worker_death,
            callback,
            user_data,
        )
    }
}

//! Callbacks about sessions: their types and their registration.

use std::ffi::c_void;

use super::callbacks::register_at;
use super::handle::skep_server;
use super::session::skep_session_id;
use super::status::skep_status;
use crate::CLOSED_BY_SERVER;

/// A session began or ended; `reactor` is the thread that serves it, or SKEP_CLOSED_BY_SERVER.
pub type skep_session_callback = Option<
    unsafe extern "C" fn(
        server: *mut skep_server,
        session: skep_session_id,
        reactor: i32,
        user_data: *mut c_void,
    ),
>;

/// A message came: `len` bytes at `data`, which are not NUL-terminated and valid during the call only.
pub type skep_receive_callback = Option<
    unsafe extern "C" fn(
        server: *mut skep_server,
        session: skep_session_id,
        reactor: i32,
        data: *const u8,
        len: usize,
        user_data: *mut c_void,
    ),
>;

/// Output began or ceased to wait for a slow client.
pub type skep_buffer_callback = Option<
    unsafe extern "C" fn(
        server: *mut skep_server,
        session: skep_session_id,
        user_data: *mut c_void,
    ),
>;

/// The reactor id that a close callback gets when skep_server_close() ended the session. A client that
/// left, a broken connection, a lost request and a stopping server give the real reactor id.
pub const SKEP_CLOSED_BY_SERVER: i32 = -1;

const _: () = assert!(SKEP_CLOSED_BY_SERVER == CLOSED_BY_SERVER);

/// Call `callback` in a worker when a session has begun.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_connect(
    server: *mut skep_server,
    callback: skep_session_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe { register_at(server, 0, |port| &port.connect, callback, user_data) }
}

/// Call `callback` in a worker for every message. A server cannot start without it, unless each of its ports
/// has one of its own.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_receive(
    server: *mut skep_server,
    callback: skep_receive_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe { register_at(server, 0, |port| &port.receive, callback, user_data) }
}

/// Call `callback` in a worker when a session has ended, once for each session. skep_server_close() runs
/// it before it returns, if the session belongs to the same worker.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_close(
    server: *mut skep_server,
    callback: skep_session_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe { register_at(server, 0, |port| &port.close, callback, user_data) }
}

/// Call `callback` in a worker when buffer_high_watermark bytes or more wait for a client.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_buffer_full(
    server: *mut skep_server,
    callback: skep_buffer_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe { register_at(server, 0, |port| &port.buffer_full, callback, user_data) }
}

/// Call `callback` in a worker when, after that, buffer_low_watermark bytes or fewer wait for the client.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_buffer_empty(
    server: *mut skep_server,
    callback: skep_buffer_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe { register_at(server, 0, |port| &port.buffer_empty, callback, user_data) }
}

//! Callbacks of one port: their registration. Their types are those of the server's.

use std::ffi::c_void;

use super::callbacks::register_at;
use super::handle::skep_server;
use super::session_callbacks::{
    skep_buffer_callback, skep_receive_callback, skep_session_callback,
};
use super::status::skep_status;

/// Call `callback` in a worker when a session has begun that came by this port. Without a callback of its own
/// a port has that of the primary port, index 0, which is also that of skep_server_on_connect().
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (no such port), SKEP_STATE after start, SKEP_WRONG_THREAD;
///   the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_port_on_connect(
    server: *mut skep_server,
    port: u16,
    callback: skep_session_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe { register_at(server, port, |port| &port.connect, callback, user_data) }
}

/// Call `callback` in a worker for every message of a session that came by this port. A server cannot start
/// while neither a port nor the primary port has one.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker.
/// Errors: as for skep_port_on_connect().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_port_on_receive(
    server: *mut skep_server,
    port: u16,
    callback: skep_receive_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe { register_at(server, port, |port| &port.receive, callback, user_data) }
}

/// Call `callback` in a worker when a session has ended that came by this port, once for each session.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker.
/// Errors: as for skep_port_on_connect().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_port_on_close(
    server: *mut skep_server,
    port: u16,
    callback: skep_session_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe { register_at(server, port, |port| &port.close, callback, user_data) }
}

/// Call `callback` in a worker when much waits for a client that came by this port, see
/// skep_server_on_buffer_full().
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker.
/// Errors: as for skep_port_on_connect().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_port_on_buffer_full(
    server: *mut skep_server,
    port: u16,
    callback: skep_buffer_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe { register_at(server, port, |port| &port.buffer_full, callback, user_data) }
}

/// Call `callback` in a worker when, after that, little waits for the client any more.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker.
/// Errors: as for skep_port_on_connect().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_port_on_buffer_empty(
    server: *mut skep_server,
    port: u16,
    callback: skep_buffer_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe { register_at(server, port, |port| &port.buffer_empty, callback, user_data) }
}

//! How a session is treated: bound to a user, protected, read or not, ended for its silence.

use super::guard::{Out, guard};
use super::handle::{get, skep_server};
use super::session::skep_session_id;
use super::status::{Fault, SKEP_STATE, skep_status};

/// Bind a session to a user id, which can be done once. With the setting dispatch_mode at 5 its messages go to the
/// worker of that id from then on. 0 binds nothing.
///
/// Ownership: none.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE (bound already), SKEP_SESSION_UNKNOWN, SKEP_SESSION_CLOSED,
///   SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_bind(
    server: *mut skep_server,
    session: skep_session_id,
    uid: u32,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle.
        let server = unsafe { get(server) }?;
        Ok(server.context()?.bind(session, uid)?)
    })
}

/// Say whether a session is protected: then silence (settings heartbeat_idle_time and max_idle_time) does not end it.
///
/// Ownership: none.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_SESSION_UNKNOWN, SKEP_SESSION_CLOSED, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_protect(
    server: *mut skep_server,
    session: skep_session_id,
    is_protected: bool,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle.
        let server = unsafe { get(server) }?;
        Ok(server.context()?.protect(session, is_protected)?)
    })
}

/// Read no more from a session's client until skep_server_resume(). What was read before is still delivered, and
/// sending goes on. A session that is paused already stays so.
///
/// Ownership: none.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_SESSION_UNKNOWN, SKEP_SESSION_CLOSED, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_pause(
    server: *mut skep_server,
    session: skep_session_id,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle.
        let server = unsafe { get(server) }?;
        Ok(server.context()?.pause_reading(session)?)
    })
}

/// Read a session again that was paused, or begin with it (setting enable_delay_receive). One that is read stays so.
///
/// Ownership: none.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_SESSION_UNKNOWN, SKEP_SESSION_CLOSED, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_resume(
    server: *mut skep_server,
    session: skep_session_id,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle.
        let server = unsafe { get(server) }?;
        Ok(server.context()?.resume_reading(session)?)
    })
}

/// Write the ids of sessions whose clients have been silent for the setting heartbeat_idle_time, and that are not
/// protected, to `sessions`, at most `capacity` of them, and the number of all of them to `out`. With
/// `close` all of them are closed, as skep_server_close() does.
///
/// Ownership: `sessions` and `out` are the caller's.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE (there is no heartbeat), SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_heartbeat(
    server: *mut skep_server,
    close: bool,
    sessions: *mut skep_session_id,
    capacity: usize,
    out: *mut usize,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle, and NULL or room for the number.
        let (server, out) = unsafe { (get(server)?, Out::new(out, "out")?) };
        if sessions.is_null() && capacity > 0 {
            return Err(Fault::null("sessions"));
        }
        let silent = server.context()?.heartbeat(close);
        let silent = silent.ok_or_else(|| Fault::new(SKEP_STATE, "there is no heartbeat"))?;
        let count = silent.len().min(capacity);
        if count > 0 {
            // SAFETY: there is room for `capacity` ids, and no more than that are copied out of a vector
            // of our own.
            unsafe { silent.as_ptr().copy_to_nonoverlapping(sessions, count) };
        }
        out.set(silent.len());
        Ok(())
    })
}

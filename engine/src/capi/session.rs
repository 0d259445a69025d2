//! Sessions: client connections, known to every process by their ids.

use std::ffi::c_char;

use super::guard::{Out, bytes, file_name, guard};
use super::handle::{get, skep_server};
use super::sized::{Growing, SizedOut};
use super::status::{Fault, SKEP_SESSION_UNKNOWN, skep_status};
use crate::SessionInfo;

/// Id of a session. Ids start at 1, grow in the order of acceptance and are never used again while
/// the server lives. It is not a file descriptor.
pub type skep_session_id = u64;

/// Room for an address as text, in skep_session_info.
pub const SKEP_REMOTE_IP_SIZE: usize = 48;

/// What is known of a session. Times are microseconds since the Unix epoch, 0 for never.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct skep_session_info {
    /// In: sizeof(skep_session_info). Out: how many of these bytes have been filled in.
    pub size: usize,
    /// Its id.
    pub session: skep_session_id,
    /// When it was accepted.
    pub connected_us: u64,
    /// Last bytes from the client.
    pub received_us: u64,
    /// Last bytes written to the client.
    pub sent_us: u64,
    /// Last message given to a worker.
    pub dispatched_us: u64,
    /// Bytes given to workers and not yet taken by a callback.
    pub recv_queued_bytes: u64,
    /// Bytes accepted by skep_server_send() and skep_server_sendfile() and not yet written to the socket.
    pub send_queued_bytes: u64,
    /// Worker that gets its messages; -1 if any worker may.
    pub worker: i32,
    /// Reactor thread that serves it.
    pub reactor: i32,
    /// Descriptor of the connection, valid in the master only.
    pub socket: i32,
    /// errno that ended the connection; 0 if none.
    pub close_errno: i32,
    /// The client's port; 0 on a unix socket.
    pub remote_port: u32,
    /// Index of the port it came by; 0 is the primary one.
    pub port: u32,
    /// The client's address, NUL-terminated; empty on a unix socket.
    pub remote_ip: [c_char; SKEP_REMOTE_IP_SIZE],
    /// User id it is bound to; 0 none.
    pub uid: u32,
    /// Number of the port it came by; 0 on a unix socket.
    pub server_port: u32,
    /// Descriptor of that port's socket in the master.
    pub server_socket: i32,
    /// Kind of that socket: SKEP_SOCKET_TCP and its siblings.
    pub socket_type: i32,
    /// 1 if silence does not end it: skep_server_protect().
    pub is_protected: u32,
    /// 1 if it is not read: skep_server_pause().
    pub is_paused: u32,
}

// SAFETY: `size` first; eight 8-byte fields, six 4-byte fields, 48 bytes and six 4-byte fields are the whole struct.
unsafe impl Growing for skep_session_info {
    const FIRST: usize = 136;

    fn set_size(&mut self, size: usize) {
        self.size = size;
    }
}

const _: () =
    assert!(size_of::<skep_session_info>() == 8 * 8 + 6 * 4 + SKEP_REMOTE_IP_SIZE + 6 * 4);
const _: () = assert!(skep_session_info::FIRST <= size_of::<skep_session_info>());

impl skep_session_info {
    fn new(session: skep_session_id, info: &SessionInfo) -> skep_session_info {
        let mut remote_ip = [0; SKEP_REMOTE_IP_SIZE];
        // The last byte stays 0 whatever the length.
        for (to, from) in remote_ip[..SKEP_REMOTE_IP_SIZE - 1]
            .iter_mut()
            .zip(info.remote_ip.bytes())
        {
            *to = from as c_char;
        }
        skep_session_info {
            size: 0,
            session,
            connected_us: info.connected_us,
            received_us: info.received_us,
            sent_us: info.sent_us,
            dispatched_us: info.dispatched_us,
            recv_queued_bytes: info.recv_queued_bytes,
            send_queued_bytes: info.send_queued_bytes,
            worker: info.worker.map_or(-1, |worker| worker as i32),
            reactor: info.reactor as i32,
            socket: info.socket,
            close_errno: info.close_errno,
            remote_port: info.remote_port.into(),
            port: info.port.into(),
            remote_ip,
            uid: info.uid.unwrap_or(0),
            server_port: info.server_port.into(),
            server_socket: info.server_socket,
            socket_type: info.kind as i32,
            is_protected: info.protected.into(),
            is_paused: info.paused.into(),
        }
    }
}

/// Queue `len` bytes for a session. SKEP_OK means queued, in order after what this process has sent
/// before; they arrive unless the connection breaks.
///
/// Ownership: `data` is borrowed for the call.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_NO_PAYLOAD (`len` is 0), SKEP_SESSION_UNKNOWN, SKEP_SESSION_CLOSED,
///   SKEP_OUTPUT_FULL, SKEP_TOO_LARGE, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_send(
    server: *mut skep_server,
    session: skep_session_id,
    data: *const u8,
    len: usize,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle, and NULL or `len` bytes.
        let (server, data) = unsafe { (get(server)?, bytes(data, len)?) };
        Ok(server.context()?.send(session, data)?)
    })
}

/// Send part of a file: `length` bytes from `offset` on, or with `length` 0 all to the end. The file is opened before
/// this returns, and may be replaced or removed then. SKEP_OK means queued, in order after what this process has sent
/// before. Should the file become shorter under way, or reading fail, the session is closed with a warning in the log.
///
/// What waits of files does not count against the setting socket_buffer_size.
///
/// Ownership: `path` is borrowed for the call.
/// Callable from: the manager and workers, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (not a regular file, too long a name, or a range beyond the end),
///   SKEP_SYSTEM (it cannot be opened, or there is nothing at `offset`), SKEP_STATE (in the master),
///   SKEP_SESSION_UNKNOWN, SKEP_SESSION_CLOSED, SKEP_OUTPUT_FULL (256 files wait for this client),
///   SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_sendfile(
    server: *mut skep_server,
    session: skep_session_id,
    path: *const c_char,
    offset: u64,
    length: u64,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle, and NULL or a C text.
        let (server, path) = unsafe { (get(server)?, file_name(path, "path")?) };
        Ok(server.context()?.send_file(session, path, offset, length)?)
    })
}

/// End a session after what is queued for it has been written; with `reset` at once, without it. In
/// the worker the session belongs to, the close callback runs before this returns.
///
/// Ownership: none.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_SESSION_UNKNOWN, SKEP_SESSION_CLOSED, SKEP_SESSION_CLOSING (in the
///   session's own close callback), SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_close(
    server: *mut skep_server,
    session: skep_session_id,
    reset: bool,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle.
        let server = unsafe { get(server) }?;
        Ok(server.context()?.close(session, reset)?)
    })
}

/// Whether a session is open and not being closed.
///
/// Ownership: `out` is the caller's.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD; an unknown id is no error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_exists(
    server: *mut skep_server,
    session: skep_session_id,
    out: *mut bool,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle, and NULL or room for the answer.
        let (server, out) = unsafe { (get(server)?, Out::new(out, "out")?) };
        out.set(server.context()?.exists(session));
        Ok(())
    })
}

/// What is known of a session: while it is open, and in its close callback. Set `out->size` to
/// sizeof(skep_session_info) first.
///
/// Ownership: `out` is the caller's.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (`size`), SKEP_SESSION_UNKNOWN, SKEP_NOT_RUNNING,
///   SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_session_info(
    server: *mut skep_server,
    session: skep_session_id,
    out: *mut skep_session_info,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle, and NULL or a struct of `size` bytes.
        let (server, out) = unsafe { (get(server)?, SizedOut::new(out, "out")?) };
        let info = server.context()?.info(session);
        let info = info.ok_or_else(|| {
            Fault::new(
                SKEP_SESSION_UNKNOWN,
                format!("no session has the id {session}"),
            )
        })?;
        out.set(skep_session_info::new(session, &info));
        Ok(())
    })
}

/// Write the ids of open sessions greater than `after` to `sessions`, smallest first, at most
/// `capacity` of them, and their number to `out`. Begin with `after` 0; pass the last id to go on.
///
/// Ownership: `sessions` and `out` are the caller's.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_list_sessions(
    server: *mut skep_server,
    after: skep_session_id,
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
        let context = server.context()?;
        let found = match capacity {
            0 => Vec::new(),
            _ => context.sessions(after, capacity),
        };
        let count = found.len().min(capacity);
        if count > 0 {
            // SAFETY: there is room for `capacity` ids, and no more than that are copied out of a
            // vector of our own.
            unsafe { found.as_ptr().copy_to_nonoverlapping(sessions, count) };
        }
        out.set(count);
        Ok(())
    })
}

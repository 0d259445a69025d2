//! A server from its creation to its end.

use std::ffi::c_char;
use std::rc::Rc;

use super::callbacks::CHandler;
use super::guard::{Out, guard, text};
use super::handle::{get, skep_server};
use super::status::{
    Fault, SKEP_INVALID_ARGUMENT, SKEP_LEFT, SKEP_START_FAILED, SKEP_STATE, SKEP_SYSTEM,
    skep_status,
};
use crate::{Children, Error, Server, SocketType};

/// Kind of a listening socket: one of SKEP_SOCKET_*.
pub type skep_socket_type = i32;

/// TCP over IPv4.
pub const SKEP_SOCKET_TCP: skep_socket_type = 1;
/// UDP over IPv4.
pub const SKEP_SOCKET_UDP: skep_socket_type = 2;
/// TCP over IPv6; the address "::" takes IPv4 clients as well.
pub const SKEP_SOCKET_TCP6: skep_socket_type = 3;
/// UDP over IPv6; the address "::" takes IPv4 datagrams as well.
pub const SKEP_SOCKET_UDP6: skep_socket_type = 4;
/// Unix stream socket; the host is its path.
pub const SKEP_SOCKET_UNIX_STREAM: skep_socket_type = 5;
/// Unix datagram socket; the host is its path.
pub const SKEP_SOCKET_UNIX_DGRAM: skep_socket_type = 6;

/// Make a server and bind its socket; it listens from skep_server_start() on. `host` is an address, a
/// name or the path of a unix socket. With port 0 the system chooses one, see skep_server_port().
///
/// Ownership: `*out` must be given to skep_server_free() in the end; `host` is borrowed for the call.
/// Callable from: setup.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (type, text), SKEP_LISTEN_FAILED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_new(
    host: *const c_char,
    port: u16,
    socket_type: skep_socket_type,
    out: *mut *mut skep_server,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a terminated text, and NULL or room for a pointer.
        let (host, out) = unsafe { (text(host, "host")?, Out::new(out, "out")?) };
        let kind = socket_type_of(socket_type)?;
        let server = Server::bind(host, port.into(), kind)?;
        out.set(Box::into_raw(Box::new(skep_server::new(server))));
        Ok(())
    })
}

pub(super) fn socket_type_of(number: skep_socket_type) -> Result<SocketType, Fault> {
    SocketType::from_number(number.into()).ok_or_else(|| {
        let text = format!("no socket type has the number {number}");
        Fault::new(SKEP_INVALID_ARGUMENT, text)
    })
}

/// Give a server back; it must not be used afterwards. NULL is allowed and does nothing.
///
/// Ownership: takes `server`, unless it fails.
/// Callable from: setup, and after skep_server_start() has returned.
/// Errors: SKEP_STATE inside a callback of this server, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_free(server: *mut skep_server) -> skep_status {
    guard(|| {
        if server.is_null() {
            return Ok(());
        }
        // SAFETY: not NULL, so a live handle by the caller's contract.
        if unsafe { get(server) }?.is_running() {
            return Err(Fault::new(SKEP_STATE, "a running server cannot be freed"));
        }
        // SAFETY: made by Box::into_raw in skep_server_new. No call on it is under way: it is not
        // running, only its own thread uses it, and outside of start() no user code runs within a call.
        drop(unsafe { Box::from_raw(server) });
        Ok(())
    })
}

/// The number of the primary port: the real one if the server was made with port 0; 0 for a unix
/// socket.
///
/// Ownership: `out` is the caller's.
/// Callable from: setup and any process.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_port(
    server: *const skep_server,
    out: *mut u16,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle, and NULL or room for the number.
        let (server, out) = unsafe { (get(server)?, Out::new(out, "out")?) };
        out.set(server.port());
        Ok(())
    })
}

/// Run the server. The call returns in the calling process only, when the server has stopped; the
/// processes it forks end inside. The calling process must have one thread, and its memory is copied
/// into every process. A server runs once.
///
/// SIGTERM stops the server in good order, SIGUSR1 replaces all workers.
///
/// Ownership: `server` stays the caller's; free it afterwards.
/// Callable from: setup.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_MISSING_CALLBACK (receive, of a port), SKEP_STATE (second start),
///   SKEP_LISTEN_FAILED, SKEP_START_FAILED, SKEP_LEFT, SKEP_WRONG_THREAD, SKEP_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_start(server: *mut skep_server) -> skep_status {
    let caller = std::process::id();
    let status = guard(|| {
        // SAFETY: the caller gives NULL or a live handle.
        let handle = unsafe { get(server) }?;
        // SAFETY: skep_server_free refuses the handle until `ended` is dropped, and the engine drops
        // its handler before that; the last reference is the context's, which `ended` drops.
        let handler = unsafe { CHandler::new(server) };
        // Before the engine takes the server, so that the program can still register what is missing.
        handle.setup(|engine| Ok(engine.check_callbacks(&handler)?))?;
        let engine = handle.begin()?;
        let ended = Ending(handle);
        let result = engine.start(Rc::new(handler), Children::Exit);
        drop(ended);
        match result {
            Ok(end) if end.code == 0 => Ok(()),
            Ok(end) => {
                let text = format!("the master ended with code {}", end.code);
                Err(Fault {
                    code: end.code,
                    ..Fault::new(SKEP_LEFT, text)
                })
            }
            Err(error) => Err(start_fault(error)),
        }
    });
    if std::process::id() != caller {
        // A child that came back, by a bug, must not go on with the program of its parent.
        std::process::abort();
    }
    status
}

fn start_fault(error: Error) -> Fault {
    let fault = Fault::from(error);
    match fault.status {
        SKEP_SYSTEM => Fault {
            status: SKEP_START_FAILED,
            ..fault
        },
        _ => fault,
    }
}

/// Ends the phase "running", even if the engine panics.
struct Ending<'a>(&'a skep_server);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

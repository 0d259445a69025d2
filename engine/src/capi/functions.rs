//! Functions of the program that choose workers and measure messages. They run on the reactor threads of the
//! master.

use std::ffi::c_void;
use std::sync::Arc;

use super::guard::guard;
use super::handle::{get, skep_server};
use super::port::must_exist;
use super::session::skep_session_id;
use super::status::{Fault, skep_status};
use crate::{DispatchEvent, DispatchKind, Target};

/// What a worker is wanted for: one of SKEP_DISPATCH_DATA and so on.
pub type skep_dispatch_kind = i32;

/// A message of a session.
pub const SKEP_DISPATCH_DATA: skep_dispatch_kind = 0;
/// A datagram.
pub const SKEP_DISPATCH_DATAGRAM: skep_dispatch_kind = 1;
/// A session has ended.
pub const SKEP_DISPATCH_CLOSE: skep_dispatch_kind = 4;
/// A session has begun.
pub const SKEP_DISPATCH_CONNECT: skep_dispatch_kind = 5;
/// Much waits for a client.
pub const SKEP_DISPATCH_BUFFER_FULL: skep_dispatch_kind = 13;
/// Not much waits for it any more.
pub const SKEP_DISPATCH_BUFFER_EMPTY: skep_dispatch_kind = 14;

/// Answer of a dispatch function: drop the message. Events are not dropped, dispatch_mode decides.
pub const SKEP_TARGET_DISCARD: i64 = -1;
/// Answer of a dispatch function: drop the message and close the session.
pub const SKEP_TARGET_CLOSE: i64 = -2;
/// Answer of a dispatch function: as dispatch_mode says.
pub const SKEP_TARGET_MODE: i64 = -3;

/// Value of the setting dispatch_mode: a session stays with its worker until that one is stuck in a callback.
pub const SKEP_DISPATCH_ADAPTIVE: i64 = 11;

const _: () = assert!(
    DispatchKind::Data as i32 == SKEP_DISPATCH_DATA
        && DispatchKind::Datagram as i32 == SKEP_DISPATCH_DATAGRAM
        && DispatchKind::Close as i32 == SKEP_DISPATCH_CLOSE
        && DispatchKind::Connect as i32 == SKEP_DISPATCH_CONNECT
        && DispatchKind::BufferFull as i32 == SKEP_DISPATCH_BUFFER_FULL
        && DispatchKind::BufferEmpty as i32 == SKEP_DISPATCH_BUFFER_EMPTY
);

/// Which worker gets this: its id, or one of SKEP_TARGET_*. `session` is the session's id; of a datagram a number that is
/// the same for all datagrams of its sender. `data` is the message or datagram, none for an event.
pub type skep_dispatch_function = Option<
    unsafe extern "C" fn(
        session: skep_session_id,
        kind: skep_dispatch_kind,
        data: *const u8,
        length: usize,
        user_data: *mut c_void,
    ) -> i64,
>;

/// How long the message is that begins with `data`: 0 if that cannot be said yet, something negative if this is none.
pub type skep_length_function =
    Option<unsafe extern "C" fn(data: *const u8, length: usize, user_data: *mut c_void) -> i64>;

/// What a program wants back; it says itself that any thread may have it.
#[derive(Clone, Copy)]
struct UserData(*mut c_void);

// SAFETY: never followed here; the documentation of the two functions below tells the program that its function gets the
// pointer on several threads at a time.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    fn pointer(&self) -> *mut c_void {
        self.0
    }
}

/// Ask `function` which worker gets a message or event, before dispatch_mode is asked. It is called on the reactor threads
/// of the master, several of them at the same time: it must be quick and thread-safe, and must not call any function of
/// this header.
///
/// Ownership: `user_data` stays the caller's and must live as long as the server; it is given back and never touched.
/// Callable from: setup; the function runs in: master, on reactor threads.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the function is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_set_dispatch_function(
    server: *mut skep_server,
    function: skep_dispatch_function,
    user_data: *mut c_void,
) -> skep_status {
    guard(|| {
        // SAFETY: the handle is the caller's, as documented.
        let server = unsafe { get(server) }?;
        let function = function.ok_or_else(|| Fault::null("function"))?;
        let user_data = UserData(user_data);
        let choose = move |event: &DispatchEvent<'_>| {
            let (kind, data) = (event.kind as i32, event.data);
            // SAFETY: the program's function, called as documented; the slice is valid during the call.
            let number = unsafe {
                function(
                    event.session,
                    kind,
                    data.as_ptr(),
                    data.len(),
                    user_data.pointer(),
                )
            };
            Target::from_number(number)
        };
        server.setup(|engine| {
            engine.dispatch_with(Arc::new(choose));
            Ok(())
        })
    })
}

/// Let `function` say where the messages of a port end. It is called on the reactor threads of the master, several of them
/// at the same time: it must be quick and thread-safe, and must not call any function of this header. It is shown the
/// first 8192 bytes of what has come, and up to 65536 if it asks for more.
///
/// Ownership: `user_data` stays the caller's and must live as long as the server; it is given back and never touched.
/// Callable from: setup; the function runs in: master, on reactor threads.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (no such port), SKEP_STATE after start, SKEP_WRONG_THREAD; the
///   function is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_port_set_length_function(
    server: *mut skep_server,
    port: u16,
    function: skep_length_function,
    user_data: *mut c_void,
) -> skep_status {
    guard(|| {
        // SAFETY: the handle is the caller's, as documented.
        let server = unsafe { get(server) }?;
        let function = function.ok_or_else(|| Fault::null("function"))?;
        let user_data = UserData(user_data);
        let measure = move |data: &[u8]| {
            // SAFETY: as in `skep_server_set_dispatch_function`.
            unsafe { function(data.as_ptr(), data.len(), user_data.pointer()) }
        };
        server.setup(|engine| {
            must_exist(engine, port)?;
            engine.length_with(port, Arc::new(measure))?;
            Ok(())
        })
    })
}

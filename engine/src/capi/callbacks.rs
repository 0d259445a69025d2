//! Callbacks: their types, their registration, and the handler that calls them.

use std::cell::Cell;
use std::ffi::c_void;
use std::rc::Rc;

use super::guard::guard;
use super::handle::{get, skep_server};
use super::session::skep_session_id;
use super::status::{Fault, skep_status};
use crate::{CLOSED_BY_SERVER, Context, Death, Handler, Interests, SessionId, Step};

/// An event of a whole process.
pub type skep_process_callback =
    Option<unsafe extern "C" fn(server: *mut skep_server, user_data: *mut c_void)>;

/// The beginning or end of a worker's life; `worker` is its id.
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

/// The reactor id that a close callback gets when skep_server_close() ended the session. A client that
/// left, a broken connection, a lost request and a stopping server give the real reactor id.
pub const SKEP_CLOSED_BY_SERVER: i32 = -1;

const _: () = assert!(SKEP_CLOSED_BY_SERVER == CLOSED_BY_SERVER);

/// One event: what to call, and what to give back to it.
struct Slot<T>(Cell<(Option<T>, *mut c_void)>);

impl<T> Default for Slot<T> {
    fn default() -> Slot<T> {
        Slot(Cell::new((None, std::ptr::null_mut())))
    }
}

impl<T: Copy> Slot<T> {
    fn set(&self, callback: T, user_data: *mut c_void) {
        self.0.set((Some(callback), user_data));
    }

    fn get(&self) -> Option<(T, *mut c_void)> {
        let (callback, user_data) = self.0.get();
        callback.map(|callback| (callback, user_data))
    }

    fn is_set(&self) -> bool {
        self.0.get().0.is_some()
    }
}

/// The callbacks of a server. Only their registration writes here, and only before start.
#[derive(Default)]
pub(super) struct Callbacks {
    start: Slot<ProcessFn>,
    before_shutdown: Slot<ProcessFn>,
    shutdown: Slot<ProcessFn>,
    manager_start: Slot<ProcessFn>,
    manager_stop: Slot<ProcessFn>,
    worker_start: Slot<WorkerFn>,
    worker_stop: Slot<WorkerFn>,
    worker_error: Slot<WorkerErrorFn>,
    connect: Slot<SessionFn>,
    receive: Slot<ReceiveFn>,
    close: Slot<SessionFn>,
}

type ProcessFn = unsafe extern "C" fn(*mut skep_server, *mut c_void);
type WorkerFn = unsafe extern "C" fn(*mut skep_server, u32, *mut c_void);
type WorkerErrorFn = unsafe extern "C" fn(*mut skep_server, u32, i32, i32, i32, *mut c_void);
type SessionFn = unsafe extern "C" fn(*mut skep_server, skep_session_id, i32, *mut c_void);
type ReceiveFn =
    unsafe extern "C" fn(*mut skep_server, skep_session_id, i32, *const u8, usize, *mut c_void);

impl Callbacks {
    /// Whether the server can start.
    pub(super) fn can_serve(&self) -> bool {
        self.receive.is_set()
    }
}

/// Register one callback, replacing an earlier one.
///
/// # Safety
/// As for [`get`].
unsafe fn register<T: Copy>(
    server: *mut skep_server,
    slot: fn(&Callbacks) -> &Slot<T>,
    callback: Option<T>,
    user_data: *mut c_void,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller of the exported function gives a handle as `get` needs it.
        let server = unsafe { get(server) }?;
        let callback = callback.ok_or_else(|| Fault::null("callback"))?;
        server.setup(|_| {
            slot(&server.callbacks).set(callback, user_data);
            Ok(())
        })
    })
}

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

/// Call `callback` in each worker before any other callback: the place to open files and connections,
/// which must not be shared by processes.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker.
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

/// Call `callback` in each worker that ends in good order, after all other callbacks.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker.
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
    unsafe { register(server, |callbacks| &callbacks.connect, callback, user_data) }
}

/// Call `callback` in a worker for every message. A server cannot start without it.
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
    unsafe { register(server, |callbacks| &callbacks.receive, callback, user_data) }
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
    unsafe { register(server, |callbacks| &callbacks.close, callback, user_data) }
}

/// The engine's handler over the callbacks of one handle.
pub(super) struct CHandler {
    server: *mut skep_server,
}

impl CHandler {
    /// # Safety
    /// `server` is a live handle that is not freed while the handler exists.
    pub(super) unsafe fn new(server: *mut skep_server) -> CHandler {
        CHandler { server }
    }

    fn handle(&self) -> &skep_server {
        // SAFETY: live by the contract of `new`, and only ever borrowed shared.
        unsafe { &*self.server }
    }

    /// Make the call if the event is registered; then see whether it wants the process to end. The
    /// registration is copied out first: nothing is borrowed while user code runs.
    fn call<T: Copy>(
        &self,
        slot: fn(&Callbacks) -> &Slot<T>,
        call: impl FnOnce(T, *mut c_void),
    ) -> Step {
        if let Some((callback, user_data)) = slot(&self.handle().callbacks).get() {
            call(callback, user_data);
        }
        self.handle().step()
    }

    fn process(&self, slot: fn(&Callbacks) -> &Slot<ProcessFn>) -> Step {
        self.call(slot, |callback, user_data| {
            // SAFETY: registered with this signature; the handle is live by the contract of `new`.
            unsafe { callback(self.server, user_data) }
        })
    }

    fn worker(&self, slot: fn(&Callbacks) -> &Slot<WorkerFn>, worker: u32) -> Step {
        self.call(slot, |callback, user_data| {
            // SAFETY: as in `process`.
            unsafe { callback(self.server, worker, user_data) }
        })
    }

    fn session(
        &self,
        slot: fn(&Callbacks) -> &Slot<SessionFn>,
        session: SessionId,
        reactor: i32,
    ) -> Step {
        self.call(slot, |callback, user_data| {
            // SAFETY: as in `process`.
            unsafe { callback(self.server, session, reactor, user_data) }
        })
    }
}

impl Handler for CHandler {
    fn interests(&self) -> Interests {
        let callbacks = &self.handle().callbacks;
        Interests {
            connect: callbacks.connect.is_set(),
            receive: callbacks.receive.is_set(),
            close: callbacks.close.is_set(),
        }
    }

    fn attach(&self, context: &Rc<Context>) {
        self.handle().attach(context);
    }

    fn on_start(&self, _: &Context) -> Step {
        self.process(|callbacks| &callbacks.start)
    }

    fn on_before_shutdown(&self, _: &Context) -> Step {
        self.process(|callbacks| &callbacks.before_shutdown)
    }

    fn on_shutdown(&self, _: &Context) -> Step {
        self.process(|callbacks| &callbacks.shutdown)
    }

    fn on_manager_start(&self, _: &Context) -> Step {
        self.process(|callbacks| &callbacks.manager_start)
    }

    fn on_manager_stop(&self, _: &Context) -> Step {
        self.process(|callbacks| &callbacks.manager_stop)
    }

    fn on_worker_error(&self, _: &Context, death: &Death) -> Step {
        let &Death {
            worker,
            pid,
            code,
            signal,
            ..
        } = death;
        self.call(
            |callbacks| &callbacks.worker_error,
            |callback, user_data| {
                // SAFETY: as in `process`.
                unsafe { callback(self.server, worker, pid, code, signal, user_data) }
            },
        )
    }

    fn on_worker_start(&self, _: &Context, worker: u32) -> Step {
        self.worker(|callbacks| &callbacks.worker_start, worker)
    }

    fn on_worker_stop(&self, _: &Context, worker: u32) -> Step {
        self.worker(|callbacks| &callbacks.worker_stop, worker)
    }

    fn on_connect(&self, _: &Context, session: SessionId, reactor: i32) -> Step {
        self.session(|callbacks| &callbacks.connect, session, reactor)
    }

    fn on_receive(&self, _: &Context, session: SessionId, reactor: i32, data: &[u8]) -> Step {
        self.call(
            |callbacks| &callbacks.receive,
            |callback, user_data| {
                // SAFETY: as in `process`; `data` is valid for the call, as the callback's contract says.
                unsafe {
                    callback(
                        self.server,
                        session,
                        reactor,
                        data.as_ptr(),
                        data.len(),
                        user_data,
                    )
                }
            },
        )
    }

    fn on_close(&self, _: &Context, session: SessionId, reactor: i32) -> Step {
        self.session(|callbacks| &callbacks.close, session, reactor)
    }
}

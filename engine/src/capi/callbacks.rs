//! The callbacks of a server: where they are kept, and the handler that calls them. Their types and their
//! registration are in files by theme.

use std::cell::Cell;
use std::ffi::c_void;
use std::rc::Rc;

use super::death::skep_death;
use super::guard::guard;
use super::handle::{get, skep_server};
use super::session::skep_session_id;
use super::status::{Fault, skep_status};
use crate::{Context, Death, Handler, Interests, SessionId, Step};

/// One event: what to call, and what to give back to it.
pub(super) struct Slot<T>(Cell<(Option<T>, *mut c_void)>);

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
    pub(super) start: Slot<ProcessFn>,
    pub(super) before_shutdown: Slot<ProcessFn>,
    pub(super) shutdown: Slot<ProcessFn>,
    pub(super) manager_start: Slot<ProcessFn>,
    pub(super) manager_stop: Slot<ProcessFn>,
    pub(super) before_reload: Slot<ProcessFn>,
    pub(super) after_reload: Slot<ProcessFn>,
    pub(super) worker_start: Slot<WorkerFn>,
    pub(super) worker_exit: Slot<WorkerFn>,
    pub(super) worker_stop: Slot<WorkerFn>,
    pub(super) worker_error: Slot<WorkerErrorFn>,
    pub(super) worker_death: Slot<WorkerDeathFn>,
    pub(super) connect: Slot<SessionFn>,
    pub(super) receive: Slot<ReceiveFn>,
    pub(super) close: Slot<SessionFn>,
}

pub(super) type ProcessFn = unsafe extern "C" fn(*mut skep_server, *mut c_void);
pub(super) type WorkerFn = unsafe extern "C" fn(*mut skep_server, u32, *mut c_void);
pub(super) type WorkerErrorFn =
    unsafe extern "C" fn(*mut skep_server, u32, i32, i32, i32, *mut c_void);
pub(super) type WorkerDeathFn =
    unsafe extern "C" fn(*mut skep_server, *const skep_death, *mut c_void);
pub(super) type SessionFn =
    unsafe extern "C" fn(*mut skep_server, skep_session_id, i32, *mut c_void);
pub(super) type ReceiveFn =
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
pub(super) unsafe fn register<T: Copy>(
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
    fn interests(&self, _: u16) -> Interests {
        let callbacks = &self.handle().callbacks;
        Interests {
            connect: callbacks.connect.is_set(),
            receive: callbacks.receive.is_set(),
            close: callbacks.close.is_set(),
            packet: false,
            buffer_full: false,
            buffer_empty: false,
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
        )?;
        let death = skep_death::from(death);
        self.call(
            |callbacks| &callbacks.worker_death,
            |callback, user_data| {
                // SAFETY: as in `process`; `death` is valid for the call, as the callback's contract says.
                unsafe { callback(self.server, &raw const death, user_data) }
            },
        )
    }

    fn on_before_reload(&self, _: &Context) -> Step {
        self.process(|callbacks| &callbacks.before_reload)
    }

    fn on_after_reload(&self, _: &Context) -> Step {
        self.process(|callbacks| &callbacks.after_reload)
    }

    fn on_worker_exit(&self, _: &Context, worker: u32) -> Step {
        self.worker(|callbacks| &callbacks.worker_exit, worker)
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

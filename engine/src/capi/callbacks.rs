//! The callbacks of a server and of its ports: where they are kept, and the handler that calls them. Their types
//! and their registration are in files by theme.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::rc::Rc;

use super::datagrams::skep_packet;
use super::death::skep_death;
use super::guard::guard;
use super::handle::{get, skep_server};
use super::port::must_exist;
use super::session::skep_session_id;
use super::status::{Fault, skep_status};
use super::tasks::{skep_message, skep_task, skep_task_id, skep_task_loss, skep_task_result};
use crate::task::{LostTask, PipeMessage, Task, TaskResult};
use crate::{Context, Death, Handler, Interests, Packet, SessionId, Step};

/// One event: what to call, and what to give back to it.
pub(super) struct Slot<T>(Cell<(Option<T>, *mut c_void)>);

impl<T> Default for Slot<T> {
    fn default() -> Slot<T> {
        Slot(Cell::new((None, std::ptr::null_mut())))
    }
}

impl<T: Copy> Slot<T> {
    /// This one, or `primary` if nothing is registered here.
    fn or(&self, primary: &Slot<T>) -> Slot<T> {
        let own = if self.is_set() { self } else { primary };
        Slot(Cell::new(own.0.get()))
    }

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
    pub(super) task: Slot<TaskFn>,
    pub(super) finish: Slot<FinishFn>,
    pub(super) task_lost: Slot<TaskLostFn>,
    pub(super) message: Slot<MessageFn>,
    /// In the order of their ids.
    processes: RefCell<Vec<(UserProcessFn, *mut c_void)>>,
    /// By port; as many as anything has been registered for.
    ports: RefCell<Vec<PortCallbacks>>,
}

/// The callbacks of one port.
#[derive(Default)]
pub(super) struct PortCallbacks {
    pub(super) connect: Slot<SessionFn>,
    pub(super) receive: Slot<ReceiveFn>,
    pub(super) close: Slot<SessionFn>,
    pub(super) packet: Slot<PacketFn>,
    pub(super) buffer_full: Slot<BufferFn>,
    pub(super) buffer_empty: Slot<BufferFn>,
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

pub(super) type PacketFn =
    unsafe extern "C" fn(*mut skep_server, *const skep_packet, *const u8, usize, *mut c_void);

pub(super) type BufferFn = unsafe extern "C" fn(*mut skep_server, skep_session_id, *mut c_void);

pub(super) type TaskFn =
    unsafe extern "C" fn(*mut skep_server, *const skep_task, *const u8, usize, *mut c_void);
pub(super) type FinishFn =
    unsafe extern "C" fn(*mut skep_server, *const skep_task_result, *const u8, usize, *mut c_void);
pub(super) type TaskLostFn =
    unsafe extern "C" fn(*mut skep_server, skep_task_id, skep_task_loss, i32, *mut c_void);
pub(super) type MessageFn =
    unsafe extern "C" fn(*mut skep_server, *const skep_message, *const u8, usize, *mut c_void);
pub(super) type UserProcessFn = unsafe extern "C" fn(*mut skep_server, u32, *mut c_void);

impl Callbacks {
    pub(super) fn add_process(&self, function: UserProcessFn, user_data: *mut c_void) {
        self.processes.borrow_mut().push((function, user_data));
    }

    /// Callbacks for each port: its own or the primary port's. The ports behind the last one have those of the
    /// primary port, and no row here.
    fn effective(&self) -> Vec<PortCallbacks> {
        let ports = self.ports.borrow();
        let Some(primary) = ports.first() else {
            return vec![PortCallbacks::default()];
        };
        ports.iter().map(|port| port.or(primary)).collect()
    }
}

impl PortCallbacks {
    fn or(&self, primary: &PortCallbacks) -> PortCallbacks {
        PortCallbacks {
            connect: self.connect.or(&primary.connect),
            receive: self.receive.or(&primary.receive),
            close: self.close.or(&primary.close),
            packet: self.packet.or(&primary.packet),
            buffer_full: self.buffer_full.or(&primary.buffer_full),
            buffer_empty: self.buffer_empty.or(&primary.buffer_empty),
        }
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

/// Register one callback of one port, replacing an earlier one.
///
/// # Safety
/// As for [`get`].
pub(super) unsafe fn register_at<T: Copy>(
    server: *mut skep_server,
    port: u16,
    slot: fn(&PortCallbacks) -> &Slot<T>,
    callback: Option<T>,
    user_data: *mut c_void,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller of the exported function gives a handle as `get` needs it.
        let server = unsafe { get(server) }?;
        let callback = callback.ok_or_else(|| Fault::null("callback"))?;
        server.setup(|engine| {
            must_exist(engine, port)?;
            let mut ports = server.callbacks.ports.borrow_mut();
            let index = usize::from(port);
            if ports.len() <= index {
                ports.resize_with(index + 1, PortCallbacks::default);
            }
            slot(&ports[index]).set(callback, user_data);
            Ok(())
        })
    })
}

/// The engine's handler over the callbacks of one handle.
pub(super) struct CHandler {
    server: *mut skep_server,
    /// See [`Callbacks::effective`].
    ports: Vec<PortCallbacks>,
}

impl CHandler {
    /// # Safety
    /// `server` is a live handle that is not freed while the handler exists.
    pub(super) unsafe fn new(server: *mut skep_server) -> CHandler {
        // SAFETY: a live handle, says the caller.
        let ports = unsafe { &*server }.callbacks.effective();
        CHandler { server, ports }
    }

    /// Callbacks of one port; those of the primary one if it has none of its own.
    fn port(&self, index: u16) -> &PortCallbacks {
        self.ports.get(usize::from(index)).unwrap_or(&self.ports[0]) // `effective` makes one at least
    }

    fn handle(&self) -> &skep_server {
        // SAFETY: live by the contract of `new`, and only ever borrowed shared.
        unsafe { &*self.server }
    }

    /// Make the call if the event is registered; then see whether it wants the process to end. No cell is
    /// borrowed while user code runs.
    fn call<T: Copy>(&self, slot: &Slot<T>, call: impl FnOnce(T, *mut c_void)) -> Step {
        if let Some((callback, user_data)) = slot.get() {
            call(callback, user_data);
        }
        self.handle().step()
    }

    fn process(&self, slot: fn(&Callbacks) -> &Slot<ProcessFn>) -> Step {
        self.call(slot(&self.handle().callbacks), |callback, user_data| {
            // SAFETY: registered with this signature; the handle is live by the contract of `new`.
            unsafe { callback(self.server, user_data) }
        })
    }

    fn worker(&self, slot: fn(&Callbacks) -> &Slot<WorkerFn>, worker: u32) -> Step {
        self.call(slot(&self.handle().callbacks), |callback, user_data| {
            // SAFETY: as in `process`.
            unsafe { callback(self.server, worker, user_data) }
        })
    }

    fn session(&self, slot: &Slot<SessionFn>, session: SessionId, reactor: i32) -> Step {
        self.call(slot, |callback, user_data| {
            // SAFETY: as in `process`.
            unsafe { callback(self.server, session, reactor, user_data) }
        })
    }

    fn buffer(&self, slot: &Slot<BufferFn>, session: SessionId) -> Step {
        self.call(slot, |callback, user_data| {
            // SAFETY: as in `process`.
            unsafe { callback(self.server, session, user_data) }
        })
    }
}

impl Handler for CHandler {
    fn interests(&self, port: u16) -> Interests {
        let callbacks = self.port(port);
        Interests {
            connect: callbacks.connect.is_set(),
            receive: callbacks.receive.is_set(),
            close: callbacks.close.is_set(),
            packet: callbacks.packet.is_set(),
            buffer_full: callbacks.buffer_full.is_set(),
            buffer_empty: callbacks.buffer_empty.is_set(),
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
            &self.handle().callbacks.worker_error,
            |callback, user_data| {
                // SAFETY: as in `process`.
                unsafe { callback(self.server, worker, pid, code, signal, user_data) }
            },
        )?;
        let death = skep_death::from(death);
        self.call(
            &self.handle().callbacks.worker_death,
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

    fn on_connect(&self, context: &Context, session: SessionId, reactor: i32) -> Step {
        self.session(&self.port(context.event_port()).connect, session, reactor)
    }

    fn on_receive(&self, context: &Context, session: SessionId, reactor: i32, data: &[u8]) -> Step {
        let slot = &self.port(context.event_port()).receive;
        self.call(slot, |callback, user_data| {
            let (at, len) = (data.as_ptr(), data.len());
            // SAFETY: as in `process`; `data` is valid for the call, as the callback's contract says.
            unsafe { callback(self.server, session, reactor, at, len, user_data) }
        })
    }

    fn on_close(&self, context: &Context, session: SessionId, reactor: i32) -> Step {
        self.session(&self.port(context.event_port()).close, session, reactor)
    }

    fn on_packet(&self, context: &Context, packet: &Packet, data: &[u8]) -> Step {
        let slot = &self.port(context.event_port()).packet;
        self.call(slot, |callback, user_data| {
            let mut address = packet.address();
            address.push(0);
            let packet = skep_packet::new(packet, &address);
            let (at, len) = (data.as_ptr(), data.len());
            // SAFETY: as in `process`; the packet, its address and `data` are valid for the call.
            unsafe { callback(self.server, &raw const packet, at, len, user_data) }
        })
    }

    fn runs_tasks(&self) -> bool {
        self.handle().callbacks.task.is_set()
    }

    fn on_task(&self, _: &Context, task: &Task, data: &[u8]) -> Step {
        self.call(&self.handle().callbacks.task, |callback, user_data| {
            let task = skep_task::from(task);
            // SAFETY: as in `process`; task and `data` are valid for the call.
            unsafe {
                callback(
                    self.server,
                    &raw const task,
                    data.as_ptr(),
                    data.len(),
                    user_data,
                )
            }
        })
    }

    fn on_finish(&self, _: &Context, result: &TaskResult, data: &[u8]) -> Step {
        self.call(&self.handle().callbacks.finish, |callback, user_data| {
            let result = skep_task_result::from(result);
            let (at, len) = (data.as_ptr(), data.len());
            // SAFETY: as in `process`; result and `data` are valid for the call.
            unsafe { callback(self.server, &raw const result, at, len, user_data) }
        })
    }

    fn on_task_lost(&self, _: &Context, lost: &LostTask) -> Step {
        self.call(&self.handle().callbacks.task_lost, |callback, user_data| {
            let (reason, orphaned) = (lost.reason as i32, lost.orphaned.into());
            // SAFETY: as in `process`.
            unsafe { callback(self.server, lost.id, reason, orphaned, user_data) }
        })
    }

    fn takes_messages(&self) -> bool {
        self.handle().callbacks.message.is_set()
    }

    fn on_pipe_message(&self, _: &Context, message: &PipeMessage, data: &[u8]) -> Step {
        self.call(&self.handle().callbacks.message, |callback, user_data| {
            let message = skep_message::from(message);
            let (at, len) = (data.as_ptr(), data.len());
            // SAFETY: as in `process`; message and `data` are valid for the call.
            unsafe { callback(self.server, &raw const message, at, len, user_data) }
        })
    }

    fn on_user_process(&self, _: &Context, process: u32) -> Step {
        let found = self
            .handle()
            .callbacks
            .processes
            .borrow()
            .get(process as usize)
            .copied();
        if let Some((function, user_data)) = found {
            // SAFETY: as in `process`; nothing is borrowed during the call.
            unsafe { function(self.server, process, user_data) };
        }
        self.handle().step()
    }

    fn on_buffer_full(&self, context: &Context, session: SessionId) -> Step {
        self.buffer(&self.port(context.event_port()).buffer_full, session)
    }

    fn on_buffer_empty(&self, context: &Context, session: SessionId) -> Step {
        self.buffer(&self.port(context.event_port()).buffer_empty, session)
    }
}

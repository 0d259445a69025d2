//! Class `Skep\Server`: the object.

mod class;
mod commands;
mod configuration;
mod construction;
mod datagrams;
mod finishers;
mod inspection;
mod lifecycle;
mod listening;
mod processes;
mod sessions;
mod tasks;
mod timers;

use std::cell::{Cell, RefCell};
use std::ptr::null_mut;

use skep::{Context, Role};

pub(super) use self::class::register;
pub(crate) use self::commands::Answering;
pub(crate) use self::configuration::{Whose, merge};
pub(super) use self::construction::in_cli;
pub(crate) use self::tasks::{give_answer, note_unanswered};
use super::place::Place;
use super::slot;
use super::state::{self, Class, State};
use crate::callbacks::Callback;
use crate::events::{EVENTS, Event};
use crate::globals;
use crate::method::Call;
use crate::zend::{Zv, kind, zend_object, zend_object_handlers};

/// Where in its life a server object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The constructor has not run, or has failed.
    Raw,
    /// Bound; may be configured and started.
    Bound,
    /// start() is on the stack.
    Running,
    /// start() has returned.
    Over,
}

/// Declared properties, in order; the callables of `on()` follow.
#[derive(Clone, Copy)]
pub(crate) enum Property {
    Host,
    Port,
    Type,
    Mode,
    Ssl,
    Setting,
    Connections,
    Ports,
    MasterPid,
    ManagerPid,
    WorkerId,
    TaskWorker,
    WorkerPid,
    #[expect(dead_code, reason = "declared for scripts, not written yet")]
    StatsTimer,
    #[expect(dead_code, reason = "declared for scripts, not written yet")]
    AdminServer,
    /// Callables given to `task()`, by the number of the task.
    FinishCallbacks,
    FirstCallback,
}

/// The Rust side of the object. Methods run while `start()` is on the stack, so all of it is shared and changed through
/// cells, never while user code may run.
pub(crate) struct ServerObject {
    phase: Cell<Phase>,
    /// The engine's server until it starts.
    engine: Cell<*mut skep::Server>,
    /// The ports, with one reference each; the primary one comes first. Borrowed only while no PHP code can run.
    ports: RefCell<Vec<Zv>>,
    /// Those that `addProcess()` was given, with one reference each.
    processes: RefCell<Vec<Zv>>,
    callbacks: [Cell<Option<Callback>>; EVENTS],
    /// By index. Borrowed only while no PHP code can run.
    commands: RefCell<Vec<Answering>>,
    /// What the garbage collector was last told of.
    seen: RefCell<Vec<Zv>>,
    object: *mut zend_object,
}

static CLASS: Class = Class::new(c"Skep\\Server");

impl State for ServerObject {
    const CLASS: &'static Class = &CLASS;

    fn new(object: *mut zend_object) -> ServerObject {
        ServerObject {
            phase: Cell::new(Phase::Raw),
            engine: Cell::new(null_mut()),
            ports: RefCell::new(Vec::new()),
            processes: RefCell::new(Vec::new()),
            callbacks: [const { Cell::new(None) }; EVENTS],
            commands: RefCell::new(Vec::new()),
            seen: RefCell::new(Vec::new()),
            object,
        }
    }

    fn end(&self, object: *mut zend_object) {
        if globals::live() == object {
            globals::set_live(null_mut());
        }
        listening::forget_ports(self);
        processes::forget(self);
        commands::forget(self);
        drop_engine(self);
    }

    fn adjust(handlers: &mut zend_object_handlers) {
        handlers.get_gc = Some(listening::get_gc);
    }
}

/// What is said about the listening socket.
#[derive(Clone, Copy)]
pub(crate) struct Listener {
    pub(crate) port: u16,
    pub(crate) socket: i32,
    pub(crate) kind: i64,
    pub(crate) tls: bool,
}

impl ServerObject {
    /// The state of a server object.
    ///
    /// # Safety
    /// `object` must be alive and of class `Skep\Server` or below.
    pub(crate) unsafe fn of<'a>(object: *mut zend_object) -> &'a ServerObject {
        // SAFETY: promised by the caller.
        unsafe { state::of(object) }
    }

    pub(crate) fn object(&self) -> *mut zend_object {
        self.object
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// The zval of a declared property.
    fn slot(&self, property: Property) -> *mut crate::zend::zval {
        // SAFETY: the object is alive, and its class declares all of them, in this order.
        unsafe { slot(self.object(), property as usize) }
    }

    /// Where the callable of an event is.
    pub(crate) fn place(&self, event: Event) -> Place<'_> {
        let index = Property::FirstCallback as usize + event as usize;
        // SAFETY: the object is alive, and its class declares these properties behind the others, in this order.
        unsafe { Place::new(&self.callbacks[event as usize], slot(self.object(), index)) }
    }

    /// Whether messages of other processes have a callback.
    fn takes_messages(&self) -> bool {
        self.place(Event::PipeMessage).callback().is_some()
    }

    fn put(&self, property: Property, value: Zv) {
        // SAFETY: declared properties are initialized and cannot be unset.
        unsafe { value.assign(self.slot(property)) };
    }

    fn value(&self, property: Property) -> Zv {
        // SAFETY: as above.
        unsafe { Zv::read(self.slot(property)) }
    }

    /// Overwrite a property from outside of a guarded call. A script may have put an object there, whose
    /// destructor would run here: it is left to the end of the script instead.
    fn put_plain(&self, property: Property, value: Zv) {
        match self.value(property).kind() {
            // SAFETY: an initialized property; what it held keeps its reference.
            kind::OBJECT | kind::ARRAY | kind::REFERENCE => unsafe {
                self.slot(property).cast::<Zv>().write(value);
            },
            _ => self.put(property, value),
        }
    }

    /// Write this process's ids into the properties.
    pub(crate) fn show_process(&self, context: &Context) {
        self.put_plain(Property::MasterPid, Zv::long(context.master_pid().into()));
        self.put_plain(Property::ManagerPid, Zv::long(context.manager_pid().into()));
        if let Some(id) = context.worker_id() {
            let runs_tasks = matches!(context.role(), Role::TaskWorker(_));
            self.put_plain(Property::WorkerId, Zv::long(id.into()));
            self.put_plain(Property::WorkerPid, Zv::long(std::process::id().into()));
            self.put_plain(Property::TaskWorker, Zv::bool(runs_tasks));
        }
    }
}

/// The engine's server of this process, if one was made and has not been started.
pub(crate) fn live_engine<'a>() -> Option<&'a skep::Server> {
    let object = globals::live();
    if object.is_null() {
        return None;
    }
    // SAFETY: an object that is live in this sense was made by this class and not freed; the engine in it is borrowed by
    // nobody else, as no method of it is on the stack. To be used for one statement.
    unsafe { ServerObject::of(object).engine.get().as_ref() }
}

/// The server a method is called on; none if its constructor was skipped, and then an `Error` is pending.
pub(crate) fn this<'a>(call: &Call) -> Option<&'a ServerObject> {
    // SAFETY: PHP calls methods of this class on objects of this class only.
    let server = unsafe { ServerObject::of(call.this()) };
    if server.phase() == Phase::Raw {
        state::throw_unconstructed();
        return None;
    }
    Some(server)
}

fn drop_engine(server: &ServerObject) {
    let engine = server.engine.replace(null_mut());
    if !engine.is_null() {
        // SAFETY: made by `Box::into_raw` in the constructor, and taken out of the cell.
        drop(unsafe { Box::from_raw(engine) });
    }
}

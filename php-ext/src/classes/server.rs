//! Class `Skep\Server`: the object, its construction, and its list of methods.

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

pub(crate) use commands::Answering;
pub(crate) use configuration::{Whose, merge};
pub(crate) use tasks::{give_answer, note_unanswered};

pub(super) use self::construction::in_cli;
use std::cell::{Cell, RefCell};
use std::ptr::null_mut;

use skep::{Context, Role};

use super::place::Place;
use super::state::{self, Class, State, open_class};
use super::{alias, property, slot, text_property};
use crate::callbacks::Callback;
use crate::events::{EVENTS, Event, NAMES};
use crate::globals;
use crate::method::{Call, Param, method, object, optional, param, rest, ty};
use crate::zend::kind;
use crate::zend::{Zv, zend_object, zend_object_handlers};

/// Where in its life a server object is. Zero is what a fresh allocation holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// The constructor has not run, or has failed.
    Raw = 0,
    /// Bound; may be configured and started.
    Bound = 1,
    /// start() is on the stack.
    Running = 2,
    /// start() has returned.
    Over = 3,
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

const INT_BOOL: u32 = ty::INT | ty::FALSE;
const ARRAY_OR_FALSE: u32 = ty::ARRAY | ty::FALSE;
const FD: Param = param(c"fd", ty::INT);
const WORKER: Param = optional(c"worker_id", ty::INT, c"-1");

const DATA: Param = param(c"data", ty::MIXED);
const TIMEOUT: Param = optional(c"timeout", ty::FLOAT, c"0.5");
const TASK_WORKER: Param = optional(c"taskWorkerIndex", ty::INT, c"-1");

pub(super) fn register() {
    let methods = [
        method!(
            c"__construct",
            construction::construct,
            [
                optional(c"host", ty::STRING, c"'0.0.0.0'"),
                optional(c"port", ty::INT, c"0"),
                optional(c"mode", ty::INT, c"SWOOLE_PROCESS"),
                optional(c"sock_type", ty::INT, c"SWOOLE_SOCK_TCP")
            ],
            ty::NONE
        ),
        method!(
            c"set",
            configuration::set,
            [param(c"settings", ty::ARRAY)],
            ty::BOOL
        ),
        method!(
            c"on",
            configuration::on,
            [
                param(c"event_name", ty::STRING),
                param(c"callback", ty::CALLABLE)
            ],
            ty::BOOL
        ),
        configuration::get_callback_entry(),
        listening::listen_entry(c"listen"),
        listening::listen_entry(c"addlistener"),
        listening::get_socket_entry(),
        method!(c"start", lifecycle::start, [], ty::BOOL),
        commands::add_entry(),
        commands::command_entry(),
        method!(
            c"send",
            sessions::send,
            [
                param(c"fd", ty::INT | ty::STRING),
                param(c"send_data", ty::STRING),
                optional(c"serverSocket", ty::INT, c"-1")
            ],
            ty::BOOL
        ),
        method!(
            c"sendto",
            datagrams::sendto,
            [
                param(c"ip", ty::STRING),
                param(c"port", ty::INT),
                param(c"send_data", ty::STRING),
                optional(c"server_socket", ty::INT, c"-1")
            ],
            ty::BOOL
        ),
        method!(
            c"sendfile",
            sessions::send_file,
            [
                param(c"conn_fd", ty::INT),
                param(c"filename", ty::STRING),
                optional(c"offset", ty::INT, c"0"),
                optional(c"length", ty::INT, c"0")
            ],
            ty::BOOL
        ),
        method!(
            c"sendwait",
            sessions::send_wait,
            [param(c"conn_fd", ty::INT), param(c"send_data", ty::STRING)],
            ty::BOOL
        ),
        method!(
            c"close",
            sessions::close,
            [FD, optional(c"reset", ty::BOOL, c"false")],
            ty::BOOL
        ),
        method!(c"exists", sessions::exists, [FD], ty::BOOL),
        method!(c"exist", sessions::exists, [FD], ty::BOOL),
        method!(
            c"getClientInfo",
            sessions::client_info,
            [
                FD,
                optional(c"reactor_id", ty::INT, c"-1"),
                optional(c"ignoreError", ty::BOOL, c"false")
            ],
            ARRAY_OR_FALSE
        ),
        method!(
            c"connection_info",
            sessions::client_info,
            [
                FD,
                optional(c"reactor_id", ty::INT, c"-1"),
                optional(c"ignoreError", ty::BOOL, c"false")
            ],
            ARRAY_OR_FALSE
        ),
        method!(
            c"getClientList",
            sessions::client_list,
            [
                optional(c"start_fd", ty::INT, c"0"),
                optional(c"find_count", ty::INT, c"10")
            ],
            ARRAY_OR_FALSE
        ),
        method!(
            c"connection_list",
            sessions::client_list,
            [
                optional(c"start_fd", ty::INT, c"0"),
                optional(c"find_count", ty::INT, c"10")
            ],
            ARRAY_OR_FALSE
        ),
        method!(
            c"bind",
            sessions::bind,
            [FD, param(c"uid", ty::INT)],
            ty::BOOL
        ),
        method!(
            c"protect",
            sessions::protect,
            [FD, optional(c"is_protected", ty::BOOL, c"true")],
            ty::BOOL
        ),
        method!(c"pause", sessions::pause, [FD], ty::BOOL),
        method!(c"resume", sessions::resume, [FD], ty::BOOL),
        method!(c"confirm", sessions::resume, [FD], ty::BOOL),
        method!(
            c"heartbeat",
            sessions::heartbeat,
            [optional(c"ifCloseConnection", ty::BOOL, c"true")],
            ARRAY_OR_FALSE
        ),
        method!(
            c"task",
            tasks::task,
            [
                DATA,
                TASK_WORKER,
                optional(c"finishCallback", ty::CALLABLE | ty::NULL, c"null")
            ],
            ty::INT | ty::FALSE
        ),
        method!(
            c"taskwait",
            tasks::task_wait,
            [DATA, TIMEOUT, TASK_WORKER],
            ty::MIXED
        ),
        method!(
            c"taskWaitMulti",
            tasks::task_wait_multi,
            [param(c"tasks", ty::ARRAY), TIMEOUT],
            ARRAY_OR_FALSE
        ),
        method!(
            c"taskCo",
            tasks::task_co,
            [param(c"tasks", ty::ARRAY), TIMEOUT],
            ARRAY_OR_FALSE
        ),
        method!(c"finish", tasks::finish, [DATA], ty::BOOL),
        method!(
            c"sendMessage",
            tasks::send_message,
            [
                param(c"message", ty::MIXED),
                param(c"dst_worker_id", ty::INT)
            ],
            ty::BOOL
        ),
        method!(
            c"addProcess",
            processes::add,
            [object(c"process", c"Skep\\Process")],
            INT_BOOL
        ),
        method!(c"stats", inspection::stats, [], ARRAY_OR_FALSE),
        method!(
            c"reload",
            lifecycle::reload,
            [optional(c"only_reload_taskworker", ty::BOOL, c"false")],
            ty::BOOL
        ),
        method!(
            c"tick",
            timers::tick,
            [
                param(c"ms", ty::INT),
                param(c"callback", ty::CALLABLE),
                rest(c"params")
            ],
            INT_BOOL
        ),
        method!(
            c"after",
            timers::after,
            [
                param(c"ms", ty::INT),
                param(c"callback", ty::CALLABLE),
                rest(c"params")
            ],
            INT_BOOL
        ),
        method!(
            c"clearTimer",
            timers::clear_timer,
            [param(c"timer_id", ty::INT)],
            ty::BOOL
        ),
        method!(
            c"defer",
            timers::defer,
            [param(c"callback", ty::CALLABLE)],
            ty::BOOL
        ),
        method!(c"reloadTls", lifecycle::reload_tls, [], ty::BOOL),
        method!(c"shutdown", lifecycle::shutdown, [], ty::BOOL),
        method!(
            c"stop",
            lifecycle::stop,
            [
                optional(c"workerId", ty::INT, c"-1"),
                optional(c"waitEvent", ty::BOOL, c"false")
            ],
            ty::BOOL
        ),
        method!(c"getLastError", inspection::last_error, [], ty::INT),
        method!(c"getWorkerId", inspection::worker_id, [], INT_BOOL),
        method!(c"getWorkerPid", inspection::worker_pid, [WORKER], INT_BOOL),
        method!(
            c"getWorkerStatus",
            inspection::worker_status,
            [WORKER],
            INT_BOOL
        ),
        method!(c"getMasterPid", inspection::master_pid, [], ty::INT),
        method!(c"getManagerPid", inspection::manager_pid, [], ty::INT),
    ];
    let class = open_class::<ServerObject>(&methods);
    text_property(class, c"host");
    for (name, default) in [
        (c"port", Zv::long(0)),
        (c"type", Zv::long(0)),
        (c"mode", Zv::long(0)),
        (c"ssl", Zv::bool(false)),
        (c"setting", Zv::NULL),
        (c"connections", Zv::NULL),
        (c"ports", Zv::NULL),
        (c"master_pid", Zv::long(0)),
        (c"manager_pid", Zv::long(0)),
        (c"worker_id", Zv::long(-1)),
        (c"taskworker", Zv::bool(false)),
        (c"worker_pid", Zv::long(0)),
        (c"stats_timer", Zv::NULL),
        (c"admin_server", Zv::NULL),
    ] {
        property(class, name, default, true);
    }
    property(class, c"finishCallbacks", Zv::NULL, false);
    for (_, _, name) in NAMES {
        property(class, name, Zv::NULL, false);
    }
    alias(class, &[c"Swoole\\Server", c"swoole_server"]);
}

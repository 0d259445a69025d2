//! Class `Skep\Process\Pool`: worker processes without a server.

mod configuration;
mod handler;
mod running;

use std::cell::{Cell, RefCell};
use std::ptr::null_mut;
use std::rc::Rc;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::Relaxed;

use skep::{Pool, PoolContext, PoolMessages};

use super::place::Place;
use super::state::{self, Class, State, open_class};
use super::{alias, property, slot};
use crate::callbacks::Callback;
use crate::convert::Text;
use crate::exception::{code, pending, warn};
use crate::globals;
use crate::method::{Call, Entry, method, optional, param, parse, ty};
use crate::zend::{Zv, php_output_flush_all, zend_object};

/// Declared properties, in order; the callables of `on()` follow.
#[derive(Clone, Copy)]
enum Property {
    MasterPid,
    WorkerPid,
    WorkerId,
    WorkerRunning,
    Running,
    FirstCallback,
}

/// What can be registered with `on()`; the numbers are slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Start,
    Shutdown,
    WorkerStart,
    WorkerStop,
    WorkerExit,
    Message,
}

const EVENTS: usize = 6;

const NAMES: [(Event, &str, &std::ffi::CStr); EVENTS] = [
    (Event::Start, "start", c"onStart"),
    (Event::Shutdown, "shutdown", c"onShutdown"),
    (Event::WorkerStart, "workerStart", c"onWorkerStart"),
    (Event::WorkerStop, "workerStop", c"onWorkerStop"),
    (Event::WorkerExit, "workerExit", c"onWorkerExit"),
    (Event::Message, "message", c"onMessage"),
];

/// The Rust side of the object.
struct PoolObject {
    /// Null until the constructor has run.
    inner: Cell<*mut Inner>,
    callbacks: [Cell<Option<Callback>>; EVENTS],
}

static CLASS: Class = Class::new(c"Skep\\Process\\Pool");

impl State for PoolObject {
    const CLASS: &'static Class = &CLASS;

    fn new(_: *mut zend_object) -> PoolObject {
        PoolObject {
            inner: Cell::new(null_mut()),
            callbacks: [const { Cell::new(None) }; EVENTS],
        }
    }

    fn end(&self, _: *mut zend_object) {
        let inner = self.inner.replace(null_mut());
        if inner.is_null() {
            return;
        }
        // SAFETY: made by the constructor, and taken out of the cell.
        let inner = unsafe { Box::from_raw(inner) };
        if let Some(pool) = inner.pool.take()
            && inner.maker == std::process::id()
        {
            pool.abandon();
        }
    }
}

/// # Safety
/// `object` must be alive and of this class or below.
unsafe fn state<'a>(object: *mut zend_object) -> &'a PoolObject {
    // SAFETY: promised by the caller.
    unsafe { state::of(object) }
}

/// What a constructed object knows.
struct Inner {
    /// Until it is started.
    pool: RefCell<Option<Pool>>,
    messages: PoolMessages,
    workers: u32,
    /// From the start on, in each process.
    context: RefCell<Option<Rc<PoolContext>>>,
    /// A `listen()` has failed.
    deaf: Cell<bool>,
    /// Pid of the process that made it, whose queue and sockets they are.
    maker: u32,
}

/// The pool that runs in this process.
static RUNNING: AtomicPtr<zend_object> = AtomicPtr::new(null_mut());

pub(super) fn register() {
    let class = open_class::<PoolObject>(&methods());
    for (name, default) in [
        (c"master_pid", Zv::long(-1)),
        (c"workerPid", Zv::long(-1)),
        (c"workerId", Zv::long(-1)),
        (c"workerRunning", Zv::NULL),
        (c"running", Zv::NULL),
    ] {
        property(class, name, default, true);
    }
    for (_, _, name) in NAMES {
        property(class, name, Zv::NULL, false);
    }
    alias(class, &[c"Swoole\\Process\\Pool", c"swoole_process_pool"]);
}

#[rustfmt::skip]
fn methods() -> Vec<Entry> {
    vec![
        method!(c"__construct", configuration::construct, [
            param(c"worker_num", ty::INT),
            optional(c"ipc_type", ty::INT, c"SWOOLE_IPC_NONE"),
            optional(c"msgqueue_key", ty::INT, c"0"),
            optional(c"enable_coroutine", ty::BOOL, c"false")
        ], ty::NONE),
        method!(c"set", configuration::set, [param(c"settings", ty::ARRAY)], ty::VOID),
        method!(c"on", configuration::on, [param(c"name", ty::STRING), param(c"callback", ty::CALLABLE)], ty::BOOL),
        method!(c"listen", configuration::listen, [
            param(c"host", ty::STRING),
            optional(c"port", ty::INT, c"0"),
            optional(c"backlog", ty::INT, c"2048")
        ], ty::BOOL),
        method!(c"write", running::write, [param(c"data", ty::STRING)], ty::BOOL),
        method!(c"sendMessage", running::send_message, [
            param(c"data", ty::STRING),
            param(c"dst_worker_id", ty::INT)
        ], ty::BOOL),
        method!(c"detach", running::detach, [], ty::BOOL),
        Entry {
            name: c"getProcess",
            handler: crate::method::handler!(running::get_process),
            params: const { &[optional(c"work_id", ty::INT, c"-1")] },
            returns: ty::FALSE,
            returns_class: Some(c"Skep\\Process"),
            flags: crate::method::PUBLIC,
        },
        method!(c"start", start, [], ty::BOOL),
        method!(c"stop", running::stop, [], ty::VOID),
        method!(c"shutdown", running::shutdown, [], ty::BOOL),
    ]
}

/// The object's state; none if its constructor was skipped, and then an `Error` is pending.
fn this<'a>(call: &Call) -> Option<&'a Inner> {
    // SAFETY: PHP calls methods of this class on its objects only; the box lives as long as the object, which PHP's
    // frame of this call holds.
    let inner = unsafe { state(call.this()).inner.get().as_ref() };
    if inner.is_none() {
        state::throw_unconstructed();
    }
    inner
}

fn put(object: *mut zend_object, property: Property, value: Zv) {
    // SAFETY: a declared property of a live object of this class.
    unsafe { value.assign(slot(object, property as usize)) };
}

/// Where the callable of an event is.
fn place<'a>(object: *mut zend_object, event: Event) -> Place<'a> {
    let index = Property::FirstCallback as usize + event as usize;
    // SAFETY: of this class, which declares these properties behind the others, in this order.
    unsafe {
        Place::new(
            &state(object).callbacks[event as usize],
            slot(object, index),
        )
    }
}

/// How a setting was taken. Plain data.
fn start(call: &mut Call) {
    let Some(inner) = this(call) else { return };
    if !parse!(call, c"") {
        return;
    }
    let object = call.this();
    let has = |event| place(object, event).callback().is_some();
    let (starts, hears) = (has(Event::WorkerStart), has(Event::Message));
    let refusal = match inner.messages {
        _ if inner.pool.borrow().is_none() => Some("the pool has been started already"),
        _ if globals::context().is_some() || !RUNNING.load(Relaxed).is_null() => {
            Some("cannot start a pool within a server or another pool")
        }
        PoolMessages::None if !starts => Some("require 'onWorkerStart' callback"),
        PoolMessages::Unix if !starts && !hears => Some("require 'onMessage' callback"),
        PoolMessages::Queue { .. } | PoolMessages::Clients if !hears => {
            Some("require 'onMessage' callback")
        }
        _ if inner.deaf.get() => Some("the pool cannot listen"),
        _ => None,
    };
    if let Some(text) = refusal {
        warn(code::FATAL, format_args!("{text}"));
        return call.give_bool(false);
    }
    // What is buffered now would be printed by every process that is forked.
    // SAFETY: a plain C function; output callbacks of the script may run, and nothing is owned here.
    unsafe { php_output_flush_all() };
    let Some(pool) = inner.pool.take().filter(|_| !pending()) else {
        return;
    };
    crate::call::ignore_abort();
    RUNNING.store(object, Relaxed);
    let ended = handler::run(pool, object);
    inner.context.replace(None);
    RUNNING.store(null_mut(), Relaxed);
    match ended {
        handler::Ended::Returned => {
            put(object, Property::Running, Zv::bool(false));
            call.give_bool(true);
        }
        handler::Ended::Leave(code) => crate::call::leave_script(code),
        handler::Ended::Failed(code, line) => {
            warn(code, format_args!("{}", Text(line.as_c())));
            call.give_bool(false);
        }
    }
}

/// Between two instructions, after a signal: scripts with a loop of their own look at these properties.
pub(crate) fn note_stop() {
    let object = RUNNING.load(Relaxed);
    if object.is_null() {
        return;
    }
    // SAFETY: the pool that runs is held by PHP's frame of start().
    let inner = unsafe { state(object).inner.get().as_ref() };
    let ends = inner.is_some_and(|inner| {
        let context = inner.context.try_borrow();
        context.is_ok_and(|context| context.as_ref().is_some_and(|context| context.must_end()))
    });
    if ends {
        put(object, Property::WorkerRunning, Zv::bool(false));
        put(object, Property::Running, Zv::bool(false));
    }
}

//! Class `Skep\Process\Pool`: worker processes without a server.

mod handler;

use std::cell::{Cell, RefCell};
use std::ptr::{null, null_mut};
use std::rc::Rc;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::Relaxed;

use skep::error::code::{INVALID_PARAMS, WRONG_OPERATION};
use skep::process::MessageQueue;
use skep::{Pool, PoolContext, PoolMessages, Refused};

use super::place::Place;
use super::process::{Member, of_member, refuse_coroutines};
use super::server::in_cli;
use super::state::{self, Class, State, open_class};
use super::{alias, property, slot};
use crate::callbacks::{Callback, is_nothing};
use crate::convert::{Text, setting};
use crate::exception::{Line, code, pending, throw_error, throw_exception, warn, warn_unsupported};
use crate::globals;
use crate::method::{Call, Entry, method, optional, param, parse, ty};
use crate::zend::{
    HashTable, Zv, bytes, php_output_flush_all, walk, zend_object, zend_string, zval,
};

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
        method!(c"__construct", construct, [
            param(c"worker_num", ty::INT),
            optional(c"ipc_type", ty::INT, c"SWOOLE_IPC_NONE"),
            optional(c"msgqueue_key", ty::INT, c"0"),
            optional(c"enable_coroutine", ty::BOOL, c"false")
        ], ty::NONE),
        method!(c"set", set, [param(c"settings", ty::ARRAY)], ty::VOID),
        method!(c"on", on, [param(c"name", ty::STRING), param(c"callback", ty::CALLABLE)], ty::BOOL),
        method!(c"listen", listen, [
            param(c"host", ty::STRING),
            optional(c"port", ty::INT, c"0"),
            optional(c"backlog", ty::INT, c"2048")
        ], ty::BOOL),
        method!(c"write", write, [param(c"data", ty::STRING)], ty::BOOL),
        method!(c"sendMessage", send_message, [
            param(c"data", ty::STRING),
            param(c"dst_worker_id", ty::INT)
        ], ty::BOOL),
        method!(c"detach", detach, [], ty::BOOL),
        Entry {
            name: c"getProcess",
            handler: crate::method::handler!(get_process),
            params: const { &[optional(c"work_id", ty::INT, c"-1")] },
            returns: ty::FALSE,
            returns_class: Some(c"Skep\\Process"),
            flags: crate::method::PUBLIC,
        },
        method!(c"start", start, [], ty::BOOL),
        method!(c"stop", stop, [], ty::VOID),
        method!(c"shutdown", shutdown, [], ty::BOOL),
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

fn construct(call: &mut Call) {
    let (mut workers, mut kind, mut key, mut coroutine) = (0i64, 0i64, 0i64, false);
    if !parse!(call, c"l|llb", workers, kind, key, coroutine) {
        return;
    }
    let object = call.this();
    // SAFETY: as in `this`.
    if !unsafe { state(object) }.inner.get().is_null() {
        return state::throw_constructed::<PoolObject>();
    }
    if !in_cli() {
        return throw_error(format_args!(
            "Skep\\Process\\Pool can only be used in PHP CLI mode"
        ));
    }
    if globals::context().is_some() {
        return throw_error(format_args!(
            "cannot create Skep\\Process\\Pool because a server is running"
        ));
    }
    let messages = match kind {
        0 => PoolMessages::None,
        1 => PoolMessages::Unix,
        2 => PoolMessages::Queue { key: key as i32 }, // a key is 32 bits for the system
        3 => PoolMessages::Clients,
        other => {
            return throw_exception(INVALID_PARAMS, format_args!("unknown ipc_type [{other}]"));
        }
    };
    if workers <= 0 {
        return throw_exception(
            INVALID_PARAMS,
            format_args!("the parameter $worker_num must be greater than 0"),
        );
    }
    let workers = u32::try_from(workers).unwrap_or(u32::MAX);
    let refusal = match Pool::new(workers, messages) {
        Ok(pool) => {
            let inner = Inner {
                pool: RefCell::new(Some(pool)),
                messages,
                workers,
                context: RefCell::new(None),
                deaf: Cell::new(false),
                maker: std::process::id(),
            };
            // SAFETY: as in `this`.
            unsafe { state(object) }
                .inner
                .set(Box::into_raw(Box::new(inner)));
            None
        }
        Err(error) => Some((error.code(), Line::new(format_args!("{error}")))),
    };
    if let Some((code, line)) = refusal {
        return throw_exception(code, format_args!("{}", Text(line.as_c())));
    }
    if coroutine {
        refuse_coroutines();
    }
}

fn set(call: &mut Call) {
    let Some(inner) = this(call) else { return };
    let mut given = null_mut::<HashTable>();
    if !parse!(call, c"h", given) {
        return;
    }
    // SAFETY: PHP's argument, which this call holds; a warning may end the script, and nothing is owned across it.
    unsafe {
        walk(given, |key, value| {
            if key.is_null() {
                return true;
            }
            match bytes(key) {
                b"enable_coroutine" if is_nothing(value) => {}
                b"enable_coroutine" => refuse_coroutines(),
                name => match configure(inner, name, value) {
                    Set::Done => {}
                    Set::Unknown => warn_unsupported(key),
                    Set::Refused(line) => {
                        warn(INVALID_PARAMS, format_args!("{}", Text(line.as_c())))
                    }
                },
            }
            !pending()
        });
    }
}

/// How a setting was taken. Plain data.
#[allow(
    clippy::large_enum_variant,
    reason = "plain data on the stack has no destructor"
)]
enum Set {
    Done,
    Unknown,
    Refused(Line),
}

fn configure(inner: &Inner, name: &[u8], value: Zv) -> Set {
    let name = match name {
        b"max_package_size" => b"package_max_length", // what the reference calls it for pools
        name => name,
    };
    let mut pool = inner.pool.borrow_mut();
    let Some(pool) = pool.as_mut() else {
        return Set::Refused(Line::new(format_args!(
            "process pool is started. unable to execute set()"
        )));
    };
    let Ok(name) = std::str::from_utf8(name) else {
        return Set::Unknown;
    };
    match pool.set(name, &setting(value)) {
        Ok(()) => Set::Done,
        Err(skep::Error::UnknownSetting(_)) => Set::Unknown,
        Err(error) => Set::Refused(Line::new(format_args!("{error}"))),
    }
}

fn on(call: &mut Call) {
    let Some(inner) = this(call) else { return };
    let (mut name, mut callable) = (null_mut::<zend_string>(), null_mut::<zval>());
    if !parse!(call, c"Sz", name, callable) {
        return;
    }
    if inner.pool.borrow().is_none() {
        warn(
            code::FATAL,
            format_args!("process pool is started. unable to register event callback function"),
        );
        return call.give_bool(false);
    }
    // SAFETY: PHP's arguments.
    let (name, value) = unsafe { (bytes(name), Zv::read(callable)) };
    let found = NAMES
        .iter()
        .find(|row| name.eq_ignore_ascii_case(row.1.as_bytes()));
    let done = match found {
        None => {
            let line = Line::new(format_args!(
                "unknown event types[{}]",
                String::from_utf8_lossy(name)
            ));
            warn(code::NOTICE, format_args!("{}", Text(line.as_c())));
            false
        }
        Some((Event::Message, ..)) if inner.messages == PoolMessages::None => {
            warn(
                code::FATAL,
                format_args!("cannot set onMessage event with ipc_type=0"),
            );
            false
        }
        Some((event, ..)) => place(call.this(), *event).register(value),
    };
    call.give_bool(done);
}

fn listen(call: &mut Call) {
    let Some(inner) = this(call) else { return };
    let (mut host, mut len, mut port, mut backlog) = (null::<u8>(), 0usize, 0i64, 2048i64);
    if !parse!(call, c"s|ll", host, len, port, backlog) {
        return;
    }
    // SAFETY: PHP's argument, alive during the call.
    let host = unsafe { std::slice::from_raw_parts(host, len) };
    let refusal = match (inner.pool.borrow_mut().as_mut(), std::str::from_utf8(host)) {
        (None, _) => Some((
            WRONG_OPERATION,
            Line::new(format_args!("process pool is started. unable to listen")),
        )),
        (_, Err(_)) => Some((
            INVALID_PARAMS,
            Line::new(format_args!("the host is no address")),
        )),
        (Some(pool), Ok(host)) => {
            let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
            let refused = pool.listen(host, port, backlog).err();
            refused.map(|error| (error.code(), Line::new(format_args!("{error}"))))
        }
    };
    if let Some((code, line)) = &refusal {
        inner.deaf.set(true);
        warn(*code, format_args!("{}", Text(line.as_c())));
    }
    call.give_bool(refusal.is_none());
}

/// What runs; none after a warning.
fn running(call: &mut Call) -> Option<Rc<PoolContext>> {
    let inner = this(call)?;
    let context = inner.context.borrow().clone();
    if context.is_none() {
        warn(code::FATAL, format_args!("process pool is not running"));
        call.give_bool(false);
    }
    context
}

fn give_result(call: &mut Call, result: Result<(), Refused>) {
    if let Err(Refused(code)) = result {
        globals::set_last_error(code);
    }
    call.give_bool(result.is_ok());
}

fn write(call: &mut Call) {
    let (mut data, mut len) = (null::<u8>(), 0usize);
    if !parse!(call, c"s", data, len) {
        return;
    }
    if len == 0 {
        return call.give_bool(false);
    }
    let result = match running(call) {
        None => return,
        // SAFETY: PHP's argument, alive during the call.
        Some(context) => context.write(unsafe { std::slice::from_raw_parts(data, len) }),
    };
    give_result(call, result);
}

fn send_message(call: &mut Call) {
    let (mut data, mut len, mut worker) = (null::<u8>(), 0usize, 0i64);
    if !parse!(call, c"sl", data, len, worker) {
        return;
    }
    let Some(inner) = this(call) else { return };
    let refusal = match () {
        () if inner.messages != PoolMessages::Unix => {
            Some("only a pool of kind SWOOLE_IPC_UNIXSOCK can send messages")
        }
        () if len == 0 => Some("the data to send is empty"),
        () => None,
    };
    if let Some(text) = refusal {
        warn(code::FATAL, format_args!("{text}"));
        return call.give_bool(false);
    }
    let Some(id) = valid_worker(inner, worker) else {
        return call.give_bool(false);
    };
    let result = match running(call) {
        None => return,
        // SAFETY: PHP's argument, alive during the call.
        Some(context) => context.send_message(id, unsafe { std::slice::from_raw_parts(data, len) }),
    };
    give_result(call, result);
}

/// The id of a worker; none after a warning.
fn valid_worker(inner: &Inner, worker: i64) -> Option<u32> {
    let id = u32::try_from(worker).ok().filter(|id| *id < inner.workers);
    if id.is_none() {
        warn(
            INVALID_PARAMS,
            format_args!("worker_id[{worker}] is invalid"),
        );
    }
    id
}

fn detach(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    let result = match running(call) {
        None => return,
        Some(context) => context.detach(),
    };
    give_result(call, result);
}

fn stop(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    let result = match running(call) {
        None => return,
        Some(context) => context.stop(),
    };
    if result.is_ok() {
        put(call.this(), Property::WorkerRunning, Zv::bool(false));
    }
}

fn shutdown(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    let result = match running(call) {
        None => return,
        Some(context) => context.shutdown(),
    };
    give_result(call, result);
}

fn get_process(call: &mut Call) {
    let Some(inner) = this(call) else { return };
    let mut worker = -1i64;
    if !parse!(call, c"|l", worker) {
        return;
    }
    if worker >= 0 && valid_worker(inner, worker).is_none() {
        return call.give_bool(false);
    }
    let Some(context) = running(call) else { return };
    let member = member(&context, u32::try_from(worker).ok());
    drop(context);
    match member {
        Some(member) => call.give(Zv::object(of_member(member))),
        None => call.give_bool(false), // the master is none of the workers, or this one is being replaced
    }
}

/// A worker, this one if none is named.
fn member(context: &PoolContext, worker: Option<u32>) -> Option<Member> {
    let own = context.worker();
    let id = worker.or(own)?;
    let pid = context.worker_pid(id)?;
    Some(Member {
        id: id.into(),
        pid,
        is_current: own == Some(id) && pid == std::process::id() as i32,
        channel: context.channel(id),
        queue: context.queue_id().map(MessageQueue::of),
    })
}

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

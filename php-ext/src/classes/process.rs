//! Class `Skep\Process`: a child process of the script that nobody supervises, with a pipe and a message queue.
//!
//! The child is a copy of the script at the call of `start()`. It runs the callback and ends as a script that calls
//! `exit()` does, with shutdown functions and destructors; `docs/PROCESSES.md` says why.

mod child;
mod image;
mod pipe;
mod queue;
mod signals;
mod system;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use skep::Role;
use skep::error::code::{OPERATION_NOT_SUPPORT, WRONG_OPERATION};
use skep::process::{Channel, ChannelKind, Forked, MessageQueue, pair};

use super::boxed::{self, Boxed, Room, construct_object, is_constructed, value};
use super::server::in_cli;
use super::state::{self, Class, open_class};
use super::{alias, constant, property, slot};
use crate::callable::Callable;
use crate::callbacks::Callback;
use crate::exception::{code, pending, throw_error, warn, warn_system};
use crate::globals;
use crate::method::{
    Call, Entry, PUBLIC, STATIC, method, optional, param, parse, static_method, ty,
};
use crate::zend::{Zv, zend_object};

/// Declared properties, in order.
#[derive(Clone, Copy)]
pub(super) enum Property {
    Pipe,
    QueueId,
    QueueKey,
    Pid,
    Id,
    Callback,
}

/// Room for what is on its way through a pipe, each direction.
const PIPE_BUFFER: usize = 8 << 20;

/// What a constructed object knows.
#[derive(Default)]
pub(super) struct Inner {
    /// Standard input and output of the child are the pipe.
    redirect: bool,
    /// None: no pipe.
    kind: Option<ChannelKind>,
    /// This process's end.
    ours: RefCell<Option<Channel>>,
    /// The child's end, until there is a child.
    theirs: RefCell<Option<Channel>>,
    /// How long reads and writes wait.
    patience: Cell<Option<Duration>>,
    /// Pid of the child that was started last; 0: none.
    child: Cell<i32>,
    /// Pid of this process, if this object stands for it; else 0.
    current: Cell<i32>,
    /// Its number.
    id: Cell<i64>,
    /// It is a server's: the manager of that starts it.
    given_away: Cell<bool>,
    queue: RefCell<Option<MessageQueue>>,
    /// Which messages it gets: its own, or (balance) whatever comes.
    own_messages: Cell<bool>,
    /// The queue's operations do not wait.
    impatient: Cell<bool>,
    /// What was read last; kept for its memory.
    scratch: Cell<Vec<u8>>,
}

static CLASS: Class = Class::new(c"Skep\\Process");

impl Boxed for Inner {
    const CLASS: &'static Class = &CLASS;
}

impl Inner {
    /// Whether this object stands for the process at hand.
    fn is_current(&self) -> bool {
        self.current.get() == std::process::id() as i32
    }
}

/// Numbers given to processes that were started.
static LAST_ID: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(0);

/// The object's state; none if its constructor was skipped, and then an `Error` is pending.
fn this<'a>(call: &Call) -> Option<&'a Inner> {
    boxed::this(call)
}

/// Write a declared property.
fn put(object: *mut zend_object, property: Property, value: Zv) {
    // SAFETY: a declared property of a live object of this class.
    unsafe { value.assign(slot(object, property as usize)) };
}

pub(super) fn register() {
    let class = open_class::<Room<Inner>>(&methods());
    for name in [c"pipe", c"msgQueueId", c"msgQueueKey", c"pid", c"id"] {
        property(class, name, Zv::NULL, true);
    }
    property(class, c"callback", Zv::NULL, false);
    for (name, value) in [
        (c"IPC_NOWAIT", queue::NOWAIT),
        (c"PIPE_MASTER", 1),
        (c"PIPE_WORKER", 2),
        (c"PIPE_READ", 3),
        (c"PIPE_WRITE", 4),
        (c"PIPE_TYPE_NONE", 0),
        (c"PIPE_TYPE_STREAM", STREAM),
        (c"PIPE_TYPE_DGRAM", DATAGRAM),
    ] {
        constant(class, name, value);
    }
    alias(class, &[c"Swoole\\Process", c"swoole_process"]);
}

/// Values of `$pipe_type`.
const STREAM: i64 = 1;
const DATAGRAM: i64 = 2;

#[rustfmt::skip]
fn methods() -> Vec<Entry> {
    let mut methods = vec![
        method!(c"__construct", construct, [
            param(c"callback", ty::CALLABLE),
            optional(c"redirect_stdin_and_stdout", ty::BOOL, c"false"),
            optional(c"pipe_type", ty::INT, c"SOCK_DGRAM"),
            optional(c"enable_coroutine", ty::BOOL, c"false")
        ], ty::NONE),
        method!(c"start", start, [], ty::INT | ty::BOOL),
        method!(c"write", pipe::write, [param(c"data", ty::STRING)], ty::INT | ty::FALSE),
        method!(c"read", pipe::read, [optional(c"size", ty::INT, c"8192")], ty::STRING | ty::FALSE),
        method!(c"close", pipe::close, [optional(c"which", ty::INT, c"0")], ty::BOOL),
        method!(c"setTimeout", pipe::set_timeout, [param(c"seconds", ty::FLOAT)], ty::BOOL),
        method!(c"setBlocking", pipe::set_blocking, [param(c"blocking", ty::BOOL)], ty::BOOL),
        method!(c"useQueue", queue::use_queue, [
            optional(c"key", ty::INT, c"0"),
            optional(c"mode", ty::INT, c"SWOOLE_MSGQUEUE_BALANCE"),
            optional(c"capacity", ty::INT, c"-1")
        ], ty::BOOL),
        method!(c"push", queue::push, [param(c"data", ty::STRING)], ty::BOOL),
        method!(c"pop", queue::pop, [optional(c"size", ty::INT, c"65536")], ty::STRING | ty::FALSE),
        method!(c"statQueue", queue::stat, [], ty::ARRAY | ty::FALSE),
        method!(c"freeQueue", queue::free, [], ty::BOOL),
        method!(c"exit", image::exit, [optional(c"exit_code", ty::INT, c"0")], ty::VOID),
        method!(c"exec", image::exec, [
            param(c"exec_file", ty::STRING),
            param(c"args", ty::ARRAY)
        ], ty::BOOL),
        method!(c"name", image::name, [param(c"process_name", ty::STRING)], ty::BOOL),
        method!(c"set", image::set, [param(c"settings", ty::ARRAY)], ty::VOID),
        method!(c"setPriority", image::set_priority, [
            param(c"which", ty::INT),
            param(c"priority", ty::INT),
            optional(c"who", ty::INT | ty::NULL, c"null")
        ], ty::BOOL),
        method!(c"getPriority", image::get_priority, [
            param(c"which", ty::INT),
            optional(c"who", ty::INT | ty::NULL, c"null")
        ], ty::INT | ty::FALSE),
    ];
    methods.extend([
        static_method!(c"wait", system::wait, [optional(c"blocking", ty::BOOL, c"true")], ty::ARRAY | ty::FALSE),
        static_method!(c"kill", system::kill, [
            param(c"pid", ty::INT),
            optional(c"signal_no", ty::INT, c"SIGTERM")
        ], ty::BOOL),
        static_method!(c"signal", signals::signal, [
            param(c"signal_no", ty::INT),
            optional(c"callback", ty::CALLABLE | ty::NULL, c"null")
        ], ty::BOOL),
        static_method!(c"alarm", system::alarm, [
            param(c"usec", ty::INT),
            optional(c"type", ty::INT, c"0")
        ], ty::BOOL),
        static_method!(c"daemon", system::daemon, [
            optional(c"nochdir", ty::BOOL, c"true"),
            optional(c"noclose", ty::BOOL, c"true"),
            optional(c"pipes", ty::ARRAY, c"[]")
        ], ty::BOOL),
        static_method!(c"setAffinity", system::set_affinity, [param(c"cpu_settings", ty::ARRAY)], ty::BOOL),
        static_method!(c"getAffinity", system::get_affinity, [], ty::ARRAY),
    ]);
    debug_assert!(methods.iter().all(|entry| entry.flags & !(PUBLIC | STATIC) == 0));
    methods
}

/// Whether the process at hand is the master of a running server, which has threads and must not fork.
fn in_running_master() -> bool {
    globals::context().is_some_and(|context| context.role() == Role::Master)
}

fn throw_in_master() {
    throw_error(format_args!(
        "Skep\\Process can't be used in master process"
    ));
}

/// Give an object its state.
fn adopt(object: *mut zend_object, inner: Inner) {
    // SAFETY: of this class and without one, says each caller.
    unsafe { construct_object(object, inner) };
}

fn construct(call: &mut Call) {
    let (mut redirect, mut kind, mut coroutine) = (false, DATAGRAM, false);
    let Some(callable) = Callable::parse(|info, cache| {
        parse!(call, c"f|blb", *info, *cache, redirect, kind, coroutine)
    }) else {
        return;
    };
    let object = call.this();
    if is_constructed::<Inner>(call) {
        return;
    }
    if !in_cli() {
        return throw_error(format_args!(
            "Skep\\Process can only be used in PHP CLI mode"
        ));
    }
    if in_running_master() {
        return throw_in_master();
    }
    let kind = match kind {
        _ if redirect => Some(ChannelKind::Stream),
        ..=0 => None,
        STREAM => Some(ChannelKind::Stream),
        DATAGRAM => Some(ChannelKind::Messages),
        other => return throw_error(format_args!("invalid $pipe_type parameters {other}")),
    };
    let inner = Inner {
        redirect,
        kind,
        ..Inner::default()
    };
    if let Some(errno) = open_pipe(&inner).err() {
        drop(inner);
        return throw_error(format_args!(
            "failed to create unix soket pipe, Error: {}[{errno}]",
            skep::error::text(errno)
        ));
    }
    let number = pipe_number(&inner);
    adopt(object, inner);
    if let Some(number) = number {
        put(object, Property::Pipe, Zv::long(number));
    }
    put(object, Property::Callback, callable.value().share());
    if coroutine {
        image::refuse_coroutines();
    }
}

/// Make the pair, if one is wanted.
fn open_pipe(inner: &Inner) -> Result<(), i32> {
    let Some(kind) = inner.kind else {
        return Ok(());
    };
    let number = |error: std::io::Error| error.raw_os_error().unwrap_or(0);
    let (ours, theirs) = pair(kind, PIPE_BUFFER).map_err(number)?;
    // Started anew: who knows the number of the old end finds the new one there.
    let ours = match inner.ours.take() {
        Some(old) => ours.take_place_of(old).map_err(number)?,
        None => ours,
    };
    inner.ours.replace(Some(ours));
    inner.theirs.replace(Some(theirs));
    Ok(())
}

fn pipe_number(inner: &Inner) -> Option<i64> {
    inner.ours.borrow().as_ref().map(|end| end.raw().into())
}

/// Whether a child of this process is there, alive or waiting to be waited for.
fn is_there(pid: i32) -> bool {
    // SAFETY: zero is a valid value of the struct, which the call fills; nothing is reaped.
    let mut about: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: room for one struct.
    pid > 0 && unsafe { libc::waitid(libc::P_PID, pid as libc::id_t, &raw mut about, flags) } == 0
}

fn start(call: &mut Call) {
    let Some(inner) = this(call) else { return };
    if !parse!(call, c"") {
        return;
    }
    if in_running_master() {
        return throw_in_master();
    }
    if inner.is_current() || inner.given_away.get() || is_there(inner.child.get()) {
        warn(
            WRONG_OPERATION,
            format_args!("process has already been started"),
        );
        return call.give_bool(false);
    }
    let object = call.this();
    if inner.theirs.borrow().is_none()
        && inner.kind.is_some()
        && let Err(errno) = open_pipe(inner)
    {
        warn_system(errno, format_args!("socketpair() failed"));
        return call.give_bool(false);
    }
    if let Some(number) = pipe_number(inner) {
        put(object, Property::Pipe, Zv::long(number));
    }
    if inner.id.get() == 0 {
        let last = LAST_ID.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        inner.id.set(last + 1);
        put(object, Property::Id, Zv::long(last + 1));
    }
    match skep::process::fork() {
        Err(error) => {
            warn_system(
                error.raw_os_error().unwrap_or(0),
                format_args!("fork() failed"),
            );
            call.give_bool(false);
        }
        Ok(Forked::Parent(pid)) => {
            inner.theirs.replace(None); // the child's end: while it is open here, its death would go unnoticed
            inner.child.set(pid);
            put(object, Property::Pid, Zv::long(pid.into()));
            call.give(Zv::long(pid.into()));
        }
        Ok(Forked::Child) => {
            let code = child::run(object, inner);
            child::end(code);
        }
    }
}

pub(super) use self::image::refuse_coroutines;

/// Whether an object is of this class.
pub(super) fn is_one(object: *mut zend_object) -> bool {
    state::is_one::<Room<Inner>>(object)
}

/// Let a server have it: it starts and restarts the process, and the pair is there before anything is forked. False after a
/// warning or an `Error`.
pub(super) fn give_away(object: *mut zend_object) -> bool {
    // SAFETY: of this class, says the caller; the box lives as long as the object.
    let Some(inner) = (unsafe { value::<Inner>(object) }) else {
        state::throw_unconstructed();
        return false;
    };
    if inner.is_current() || inner.given_away.get() || is_there(inner.child.get()) {
        warn(
            WRONG_OPERATION,
            format_args!("process has already been started"),
        );
        return false;
    }
    if inner.theirs.borrow().is_none()
        && inner.kind.is_some()
        && let Err(errno) = open_pipe(inner)
    {
        warn_system(errno, format_args!("socketpair() failed"));
        return false;
    }
    inner.given_away.set(true);
    true
}

/// What the server has it under.
pub(super) fn set_id(object: *mut zend_object, id: i64) {
    // SAFETY: of this class and constructed, or `give_away` had refused it.
    if let Some(inner) = unsafe { value::<Inner>(object) } {
        inner.id.set(id);
        put(object, Property::Id, Zv::long(id));
    }
}

/// This process is the one that the object describes, forked by a server's manager. What to call for that, with the object.
pub(crate) fn arrive(object: *mut zend_object) -> Option<Callback> {
    // SAFETY: as above.
    let inner = unsafe { value::<Inner>(object) }?;
    child::become_child(object, inner);
    child::callback_of(object)
}

/// What a pool tells of one of its workers.
pub(super) struct Member {
    pub(super) id: i64,
    pub(super) pid: i32,
    /// It is the process at hand.
    pub(super) is_current: bool,
    /// The end to talk to it, or its own.
    pub(super) channel: Option<Channel>,
    pub(super) queue: Option<MessageQueue>,
}

/// An object for a process that somebody else has started. One reference.
pub(super) fn of_member(member: Member) -> *mut zend_object {
    let object = state::make::<Room<Inner>>();
    let pid = member.pid;
    let queue_id = member.queue.as_ref().map(MessageQueue::id);
    let inner = Inner {
        kind: member.channel.as_ref().map(|_| ChannelKind::Messages),
        current: Cell::new(if member.is_current { pid } else { 0 }),
        child: Cell::new(if member.is_current { 0 } else { pid }),
        id: Cell::new(member.id),
        ours: RefCell::new(member.channel),
        queue: RefCell::new(member.queue),
        ..Inner::default()
    };
    let number = pipe_number(&inner);
    adopt(object, inner);
    put(object, Property::Pid, Zv::long(pid.into()));
    put(object, Property::Id, Zv::long(member.id));
    if let Some(number) = number {
        put(object, Property::Pipe, Zv::long(number));
    }
    if let Some(id) = queue_id {
        put(object, Property::QueueId, Zv::long(id.into()));
    }
    object
}

/// The pipe of this object; none after the usual warning.
fn with_pipe<T>(
    call: &mut Call,
    refusal: &str,
    then: impl FnOnce(&Inner, &Channel) -> T,
) -> Option<T> {
    let inner = this(call)?;
    let done = inner
        .ours
        .borrow()
        .as_ref()
        .map(|channel| then(inner, channel));
    if done.is_none() && !pending() {
        warn(code::FATAL, format_args!("{refusal}"));
        call.give_bool(false);
    }
    done
}

/// As the server says it.
const NO_COROUTINES: (i32, &str) = (
    OPERATION_NOT_SUPPORT,
    "enable_coroutine is not supported, callbacks run one at a time",
);

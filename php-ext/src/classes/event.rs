//! Class `Skep\Event` and the functions `swoole_event_*`: descriptors and calls put off, in the event loop of the process
//! that calls.

use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};

use skep::{Readiness, Refused, Role};

use super::{alias, new_static_class};
use crate::callable::Callable;
use crate::callbacks::is_nothing;
use crate::convert::Text;
use crate::exception::{code, fatal, pending, throw_exception, warn};
use crate::looping::jobs::{self, Job};
use crate::looping::{self, descriptor, watches};
use crate::method::{Call, Entry, Param, entries, optional, param, parse, static_method, ty};
use crate::zend::{Zv, kind, zend_zval_type_name, zval};

/// `SWOOLE_EVENT_READ`.
const READ: i64 = 512;
/// `SWOOLE_EVENT_WRITE`.
const WRITE: i64 = 1024;
/// `EEXIST`.
const EXISTS: i32 = libc::EEXIST;

const FD: Param = param(c"fd", ty::MIXED);
const READ_CALLBACK: Param = optional(c"read_callback", ty::CALLABLE | ty::NULL, c"null");
const WRITE_CALLBACK: Param = optional(c"write_callback", ty::CALLABLE | ty::NULL, c"null");
const CALLBACK: Param = param(c"callback", ty::CALLABLE);

macro_rules! table {
    ($kind:ident) => {
        entries!($kind:
            (c"add", c"swoole_event_add", add,
                [FD, READ_CALLBACK, WRITE_CALLBACK, optional(c"events", ty::INT, c"SWOOLE_EVENT_READ")],
                ty::INT | ty::FALSE),
            (c"set", c"swoole_event_set", set,
                [FD, READ_CALLBACK, WRITE_CALLBACK, optional(c"events", ty::INT, c"0")], ty::BOOL),
            (c"del", c"swoole_event_del", del, [FD], ty::BOOL),
            (c"isset", c"swoole_event_isset", isset,
                [FD, optional(c"events", ty::INT, c"SWOOLE_EVENT_READ | SWOOLE_EVENT_WRITE")], ty::BOOL),
            (c"write", c"swoole_event_write", write, [FD, param(c"data", ty::STRING)], ty::BOOL),
            (c"defer", c"swoole_event_defer", defer, [CALLBACK], ty::BOOL),
            (c"cycle", c"swoole_event_cycle", cycle,
                [param(c"callback", ty::CALLABLE | ty::NULL), optional(c"before", ty::BOOL, c"false")], ty::BOOL),
            (c"dispatch", c"swoole_event_dispatch", dispatch, [], ty::BOOL),
            (c"wait", c"swoole_event_wait", wait, [], ty::VOID),
            (c"exit", c"swoole_event_exit", exit, [], ty::VOID),
        )
    };
}

pub(crate) fn functions() -> Vec<Entry> {
    table!(functions)
}

pub(super) fn register() {
    let mut methods: Vec<Entry> = table!(methods);
    methods.push(static_method!(c"rshutdown", rshutdown, [], ty::VOID));
    let class = new_static_class(c"Skep\\Event", &methods);
    alias(class, &[c"Swoole\\Event", c"swoole_event"]);
}

/// Whether the loop may be used here; else the script has ended.
fn may_use() -> bool {
    match looping::server().map(skep::Context::role) {
        Some(Role::Manager) => {
            fatal(format_args!("Unable to use async-io in manager process"));
            false
        }
        Some(Role::TaskWorker(_)) => {
            fatal(format_args!(
                "Unable to use async-io in task processes, please set `task_enable_coroutine` to true"
            ));
            false
        }
        _ => true,
    }
}

/// What is asked for in `add()` and `set()`.
struct Wish {
    fd: i32,
    value: Zv,
    read: Zv,
    write: Zv,
    events: i64,
}

/// Read the arguments; none after PHP has thrown or a warning, and then the answer is false.
fn wish(call: &mut Call, default: i64) -> Option<Wish> {
    let (mut fd, mut read, mut write) = (null_mut::<zval>(), null_mut(), null_mut::<zval>());
    let mut events = default;
    if !parse!(call, c"z|z!z!l", fd, read, write, events) {
        return None;
    }
    // SAFETY: PHP's argument.
    let value = unsafe { Zv::read(fd) };
    let found = descriptor::of(value);
    if found.is_none() {
        call.give_bool(false);
    }
    let callable = |at: *mut zval| match at.is_null() {
        true => Zv::NULL,
        // SAFETY: PHP's argument.
        false => unsafe { Zv::read(at) },
    };
    Some(Wish {
        fd: found?,
        value,
        read: callable(read),
        write: callable(write),
        events,
    })
}

fn readiness(events: i64) -> Readiness {
    Readiness {
        read: events & READ != 0,
        write: events & WRITE != 0,
    }
}

/// The callable of one direction: none for null. An error is an exception that is pending.
fn callback(mut value: Zv, name: &str) -> Result<Option<Job>, ()> {
    if matches!(value.kind(), kind::NULL | kind::UNDEF) {
        return Ok(None);
    }
    if let Some(job) = Job::new(value) {
        return Ok(Some(job));
    }
    // SAFETY: a live value; the name is static.
    let given = unsafe { CStr::from_ptr(zend_zval_type_name(value.ptr())) };
    throw_exception(
        skep::error::code::INVALID_PARAMS,
        format_args!("{name} must be of type callable, {} given", Text(given)),
    );
    Err(())
}

/// Both callables.
fn callbacks(wish: &Wish) -> Option<(Option<Job>, Option<Job>)> {
    let read = callback(wish.read, "readable_callback").ok()?;
    match callback(wish.write, "writable_callback") {
        Ok(write) => Some((read, write)),
        Err(()) => {
            read.into_iter().for_each(Job::release);
            None
        }
    }
}

/// Whether every direction that is wanted has a callable; else a warning.
fn is_complete(fd: i32, wanted: Readiness, read: bool, write: bool) -> bool {
    let missing = match (wanted.read && !read, wanted.write && !write) {
        (true, _) => "readable",
        (_, true) => "writable",
        _ => return true,
    };
    warn(
        code::FATAL,
        format_args!("Skep\\Event: unable to find {missing} callback of fd [{fd}]"),
    );
    false
}

fn add(call: &mut Call) {
    if !may_use() {
        return;
    }
    let Some(wish) = wish(call, READ) else { return };
    let (fd, wanted) = (wish.fd, readiness(wish.events));
    if wish.events & (READ | WRITE) == 0 {
        warn(code::FATAL, format_args!("invalid events"));
        return call.give_bool(false);
    }
    if looping::current().watched(fd).is_some() && is_open(fd) {
        warn(code::FATAL, format_args!("already exist"));
        return call.give_bool(false);
    }
    let Some((read, write)) = callbacks(&wish) else {
        return;
    };
    if !is_complete(fd, wanted, read.is_some(), write.is_some()) {
        read.into_iter().chain(write).for_each(Job::release);
        return call.give_bool(false);
    }
    match watches::add(fd, wish.value, read, write, wanted) {
        Ok(()) => call.give(Zv::long(fd.into())),
        Err(Refused(code)) => {
            let text = match code {
                EXISTS => "already exist",
                _ => "swoole_event_add failed",
            };
            warn(code::FATAL, format_args!("{text}"));
            call.give_bool(false);
        }
    }
}

/// Whether a watched number is still what was watched; else the loop forgets it.
fn is_open(fd: i32) -> bool {
    let own = looping::current();
    let wanted = own.watched(fd);
    wanted.is_some_and(|wanted| own.rewatch(fd, wanted).is_ok())
}

fn set(call: &mut Call) {
    if !may_use() {
        return;
    }
    if !looping::is_ready() {
        warn(
            code::FATAL,
            format_args!("reactor is not ready, cannot call swoole_event_set"),
        );
        return call.give_bool(false);
    }
    let Some(wish) = wish(call, 0) else { return };
    let Some((before, has_read, has_write)) = watches::state(wish.fd) else {
        return not_found(call, wish.fd);
    };
    let Some((read, write)) = callbacks(&wish) else {
        return;
    };
    let wanted = match wish.events & (READ | WRITE) {
        0 => before,
        events => readiness(events),
    };
    let (reads, writes) = (has_read || read.is_some(), has_write || write.is_some());
    if !is_complete(wish.fd, wanted, reads, writes) {
        read.into_iter().chain(write).for_each(Job::release);
        return call.give_bool(false);
    }
    let done = watches::set(wish.fd, read, write, wanted);
    call.give_bool(done);
}

fn not_found(call: &mut Call, fd: i32) {
    warn(
        code::FATAL,
        format_args!("socket[{fd}] is not found in the reactor"),
    );
    call.give_bool(false);
}

/// The descriptor that a call names first.
fn named(call: &mut Call) -> Option<i32> {
    let mut fd = null_mut::<zval>();
    if !parse!(call, c"z", fd) {
        return None;
    }
    // SAFETY: PHP's argument.
    let found = descriptor::of(unsafe { Zv::read(fd) });
    if found.is_none() {
        call.give_bool(false);
    }
    found
}

fn del(call: &mut Call) {
    if !looping::is_ready() {
        warn(
            code::FATAL,
            format_args!("reactor is not ready, cannot call swoole_event_del"),
        );
        return call.give_bool(false);
    }
    if let Some(fd) = named(call) {
        let done = watches::remove(fd);
        call.give_bool(done);
    }
}

fn isset(call: &mut Call) {
    let (mut fd, mut events) = (null_mut::<zval>(), READ | WRITE);
    if !parse!(call, c"z|l", fd, events) {
        return;
    }
    // SAFETY: PHP's argument.
    let Some(fd) = descriptor::of(unsafe { Zv::read(fd) }) else {
        return call.give_bool(false);
    };
    let asked = readiness(events);
    let is_set = watches::state(fd)
        .is_some_and(|(wanted, ..)| (wanted.read && asked.read) || (wanted.write && asked.write));
    call.give_bool(is_set);
}

fn write(call: &mut Call) {
    let (mut fd, mut data, mut len) = (null_mut::<zval>(), null::<c_char>(), 0usize);
    if !parse!(call, c"zs", fd, data, len) {
        return;
    }
    if len == 0 {
        warn(code::FATAL, format_args!("data empty"));
        return call.give_bool(false);
    }
    // SAFETY: PHP's argument.
    let Some(fd) = descriptor::of(unsafe { Zv::read(fd) }) else {
        return call.give_bool(false);
    };
    if watches::state(fd).is_none() {
        return not_found(call, fd);
    }
    // SAFETY: PHP's argument.
    let data = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len) };
    let done = watches::write(fd, data);
    call.give_bool(done);
}

fn defer(call: &mut Call) {
    if may_use() {
        put_off(call);
    }
}

/// `defer()`, where the caller has seen to it that it is allowed.
pub(crate) fn put_off(call: &mut Call) {
    let Some(callable) = Callable::parse(|info, cache| parse!(call, c"f", *info, *cache)) else {
        return;
    };
    let done = jobs::defer(callable.value());
    looping::note_created();
    call.give_bool(done);
}

fn cycle(call: &mut Call) {
    if !may_use() {
        return;
    }
    let mut before = false;
    let Some(callable) =
        Callable::parse(|info, cache| parse!(call, c"f!|b", *info, *cache, before))
    else {
        return;
    };
    let value = callable.value();
    let given = (!is_nothing(value)).then_some(value);
    let done = jobs::cycle(given, before);
    looping::note_created();
    call.give_bool(done);
}

fn dispatch(call: &mut Call) {
    if parse!(call, c"") {
        looping::dispatch();
        if !pending() {
            call.give_bool(true);
        }
    }
}

fn wait(call: &mut Call) {
    if parse!(call, c"") {
        looping::wait();
    }
}

fn exit(call: &mut Call) {
    if parse!(call, c"") {
        looping::exit();
    }
}

fn rshutdown(call: &mut Call) {
    if parse!(call, c"") {
        looping::at_the_end();
    }
}

//! Class `Skep\Server\Task`: a task as an object.

use std::cell::Cell;

use skep::task;

use super::state::{self, Class, State, open_class};
use super::{alias, property, server, slot};
use crate::exception::{code, fatal, warn};
use crate::globals;
use crate::method::{Call, Entry, PUBLIC, STATIC, method, param, parse, ty};
use crate::payload::{self, Payload};
use crate::zend::{Zv, bytes, zend_object, zend_string, zval};

/// The Rust side of the object.
struct TaskObject {
    /// Which task of this process it is, counted from 1; 0 if a script has made it.
    serial: Cell<u64>,
}

static CLASS: Class = Class::new(c"Skep\\Server\\Task");

impl State for TaskObject {
    const CLASS: &'static Class = &CLASS;

    fn new(_: *mut zend_object) -> TaskObject {
        TaskObject {
            serial: Cell::new(0),
        }
    }
}

/// `ZEND_ACC_FINAL`.
const FINAL: u32 = 1 << 5;

pub(super) fn register() {
    let is_static = |entry: Entry| Entry {
        flags: PUBLIC | STATIC,
        ..entry
    };
    let methods = [
        method!(c"finish", finish, [param(c"data", ty::MIXED)], ty::BOOL),
        is_static(method!(
            c"pack",
            pack,
            [param(c"data", ty::MIXED)],
            ty::STRING | ty::FALSE
        )),
        is_static(method!(
            c"unpack",
            unpack,
            [param(c"data", ty::STRING)],
            ty::MIXED
        )),
    ];
    let class = open_class::<TaskObject>(&methods);
    // SAFETY: just registered.
    unsafe { (*class).ce_flags |= FINAL };
    for (name, default) in [
        (c"data", Zv::NULL),
        (c"dispatch_time", Zv::double(0.0)),
        (c"id", Zv::long(-1)),
        (c"worker_id", Zv::long(-1)),
        (c"flags", Zv::long(0)),
    ] {
        property(class, name, default, true);
    }
    alias(class, &[c"Swoole\\Server\\Task", c"swoole_server_task"]);
}

/// The object of the task at hand. Takes over `data`; returns one reference.
pub(super) fn make(task: &skep::task::Task, data: Zv) -> Zv {
    let object = state::make::<TaskObject>();
    // SAFETY: made above.
    unsafe { state::of::<TaskObject>(object) }
        .serial
        .set(globals::task());
    let values = [
        data,
        Zv::double(task.dispatch_time),
        Zv::long(task.id as i64),
        Zv::long(task.source.into()),
        Zv::long(task.flags.into()),
    ];
    for (index, value) in values.into_iter().enumerate() {
        // SAFETY: a declared property, whose default counts no references.
        unsafe { slot(object, index).cast::<Zv>().write(value) };
    }
    Zv::object(object)
}

fn finish(call: &mut Call) {
    let mut data: *mut zval = std::ptr::null_mut();
    if !parse!(call, c"z", data) {
        return;
    }
    // SAFETY: PHP calls methods of this class on its objects only.
    let serial = unsafe { state::of::<TaskObject>(call.this()) }.serial.get();
    if serial == 0 {
        return fatal(format_args!("Invalid instance of Skep\\Server\\Task"));
    }
    let Some(context) = globals::context().filter(|_| globals::task() == serial) else {
        warn(
            code::FATAL,
            format_args!("the task is over, it cannot be finished any more"),
        );
        return call.give_bool(false);
    };
    // SAFETY: PHP's argument.
    let value = unsafe { Zv::read(data) };
    server::give_answer(call, context, value);
}

fn pack(call: &mut Call) {
    let mut data: *mut zval = std::ptr::null_mut();
    if !parse!(call, c"z", data) {
        return;
    }
    // SAFETY: PHP's argument.
    let value = unsafe { Zv::read(data) };
    let Some(payload) = Payload::of(value) else {
        return; // it has thrown
    };
    let header = task::header(payload.flags(), payload.bytes().len());
    call.give(Zv::joined(&header, payload.bytes()));
    payload.release();
}

fn unpack(call: &mut Call) {
    let mut data: *mut zend_string = std::ptr::null_mut();
    if !parse!(call, c"S", data) {
        return;
    }
    // SAFETY: PHP's argument, which the call holds.
    let opened = task::unpack(unsafe { bytes(data) });
    let value = opened
        .ok()
        .and_then(|(flags, value)| payload::read(value, flags));
    if value.is_none() && !crate::exception::pending() {
        globals::set_last_error(skep::error::code::INVALID_PARAMS);
    }
    call.give(value.unwrap_or(Zv::bool(false)));
}

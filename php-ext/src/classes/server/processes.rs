//! `addProcess`: processes of the script that the manager looks after like workers.

use std::ptr::null_mut;

use super::{Phase, ServerObject, this};
use crate::classes::process;
use crate::exception::{code, fatal, warn};
use crate::method::{Call, parse};
use crate::zend::{Zv, zend_object, zval};

pub(super) fn add(call: &mut Call) {
    let Some(server) = this(call) else { return };
    if server.phase() != Phase::Bound {
        warn(
            code::FATAL,
            format_args!("server is running, cannot add process"),
        );
        return call.give_bool(false);
    }
    let mut given = null_mut::<zval>();
    if !parse!(call, c"o", given) {
        return;
    }
    // SAFETY: PHP's argument, an object.
    let value = unsafe { Zv::read(given) };
    if !process::is_one(value.as_object()) {
        return fatal(format_args!("object is not instanceof swoole_process"));
    }
    if !process::give_away(value.as_object()) {
        if !crate::exception::pending() {
            call.give_bool(false);
        }
        return;
    }
    // SAFETY: bound, so there is an engine; a warning above may have run an error handler that started it.
    let Some(engine) = (unsafe { server.engine.get().as_mut() }) else {
        return call.give_bool(false);
    };
    let index = engine.add_process();
    server.processes.borrow_mut().push(value.share());
    call.give(Zv::long(index.into()));
}

impl ServerObject {
    /// The object of a user process, counted from 0; the server holds a reference to it.
    pub(crate) fn process(&self, index: u32) -> Option<*mut zend_object> {
        let processes = self.processes.borrow();
        processes.get(index as usize).map(|one| one.as_object())
    }

    /// Their ids are known: `first` and those that follow.
    pub(super) fn number_processes(&self, first: u32) {
        let count = self.processes.borrow().len() as u32;
        for index in 0..count {
            if let Some(object) = self.process(index) {
                process::set_id(object, i64::from(first) + i64::from(index));
            }
        }
    }
}

/// Take them out of a server that is being freed.
pub(super) fn forget(server: &ServerObject) {
    for process in server.processes.take() {
        process.release();
    }
}

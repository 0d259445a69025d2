//! Counters, ids and states.

use skep::error::code::{INVALID_PARAMS, WRONG_OPERATION};

use super::lifecycle::running;
use super::{Phase, this};
use crate::convert;
use crate::globals;
use crate::method::{Call, parse};
use crate::zend::Zv;

/// The context, without a warning if there is none.
fn context(call: &Call) -> Option<&'static skep::Context> {
    let server = this(call)?;
    globals::context().filter(|_| server.phase() == Phase::Running)
}

fn give_or_false(call: &mut Call, value: Option<i64>) {
    call.give(value.map_or(Zv::bool(false), Zv::long));
}

pub(super) fn stats(call: &mut Call) {
    let Some(context) = running(call) else { return };
    if parse!(call, c"") {
        call.give(convert::stats(context));
    }
}

pub(super) fn last_error(call: &mut Call) {
    if parse!(call, c"") {
        call.give(Zv::long(globals::last_error().into()));
    }
}

pub(super) fn worker_id(call: &mut Call) {
    if parse!(call, c"") {
        let id = context(call).and_then(skep::Context::worker_id);
        give_or_false(call, id.map(i64::from));
    }
}

/// What is known of a worker; false, and a reason in the last error, if there is no such worker.
fn give_worker(call: &mut Call, value: Option<i64>) {
    if value.is_none() {
        globals::set_last_error(match context(call) {
            Some(_) => INVALID_PARAMS,
            None => WRONG_OPERATION,
        });
    }
    give_or_false(call, value);
}

/// The worker a method asks about: its own process for -1.
fn asked(context: &skep::Context, worker: i64) -> Option<u32> {
    match worker {
        -1 => context.worker_id(),
        _ => u32::try_from(worker).ok(),
    }
}

pub(super) fn worker_pid(call: &mut Call) {
    let mut worker = -1i64;
    if parse!(call, c"|l", worker) {
        let pid = context(call).and_then(|context| context.worker_pid(asked(context, worker)?));
        // 0 while the worker is being replaced: nobody must signal that.
        give_worker(call, pid.filter(|&pid| pid > 0).map(i64::from));
    }
}

pub(super) fn worker_status(call: &mut Call) {
    let Some(context) = running(call) else { return };
    let mut worker = -1i64;
    if parse!(call, c"|l", worker) {
        let status = asked(context, worker).and_then(|id| context.worker_status(id));
        give_worker(call, status.map(|status| status as i64));
    }
}

pub(super) fn master_pid(call: &mut Call) {
    if parse!(call, c"") {
        call.give(Zv::long(
            context(call).map_or(0, |context| context.master_pid().into()),
        ));
    }
}

pub(super) fn manager_pid(call: &mut Call) {
    if parse!(call, c"") {
        call.give(Zv::long(
            context(call).map_or(0, |context| context.manager_pid().into()),
        ));
    }
}

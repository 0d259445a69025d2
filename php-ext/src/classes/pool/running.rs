//! What a pool that runs can be asked, in its workers and from outside.

use std::ptr::null;
use std::rc::Rc;

use skep::error::code::INVALID_PARAMS;
use skep::process::MessageQueue;
use skep::{PoolContext, PoolMessages, Refused};

use super::{Inner, Property, put, this};
use crate::classes::process::{Member, of_member};
use crate::exception::{code, warn};
use crate::globals;
use crate::method::{Call, parse};
use crate::zend::Zv;

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

pub(super) fn write(call: &mut Call) {
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

pub(super) fn send_message(call: &mut Call) {
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

pub(super) fn detach(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    let result = match running(call) {
        None => return,
        Some(context) => context.detach(),
    };
    give_result(call, result);
}

pub(super) fn stop(call: &mut Call) {
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

pub(super) fn shutdown(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    let result = match running(call) {
        None => return,
        Some(context) => context.shutdown(),
    };
    give_result(call, result);
}

pub(super) fn get_process(call: &mut Call) {
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

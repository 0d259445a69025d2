//! Giving tasks, waiting for them, and answering them.

use std::mem::ManuallyDrop;
use std::ptr::null_mut;
use std::time::Duration;

use ext_php_rs::ffi::{_zend_new_array, zend_hash_index_update, zend_hash_update};
use skep::error::code::{
    FILE_EMPTY, TASK_DISPATCH_FAILED, TASK_NO_RESULT, TIMEOUT, WRONG_OPERATION,
};
use skep::task::{TaskAnswer, flags};
use skep::{Context, Refused, Role};

use super::lifecycle::running;
use super::this;
use crate::callbacks::Callback;
use crate::convert::List;
use crate::exception::{code, pending, warn};
use crate::globals;
use crate::method::{Call, parse};
use crate::payload::{self, Payload};
use crate::zend::{HashTable, Zv, kind, walk_keys, zend_string, zval};

/// So many tasks in one call are too many.
const MAX_TASKS: u32 = 1024;

/// The checks of a task's target; none after a warning.
fn target(call: &mut Call, context: &Context, index: i64) -> Option<Option<u32>> {
    let workers = context.task_worker_num();
    if workers == 0 {
        refuse(
            call,
            format_args!("task method can't be executed without task worker"),
        );
        return None;
    }
    if index >= i64::from(workers) {
        refuse(
            call,
            format_args!("worker_id must be less than task_worker_num[{workers}]"),
        );
        return None;
    }
    if matches!(context.role(), Role::TaskWorker(_)) {
        refuse(
            call,
            format_args!("Server->task() cannot use in the task-worker"),
        );
        return None;
    }
    Some(u32::try_from(index).ok())
}

fn refuse(call: &mut Call, text: std::fmt::Arguments<'_>) {
    warn(code::FATAL, text);
    call.give_bool(false);
}

pub(super) fn task(call: &mut Call) {
    let Some(context) = running(call) else { return };
    let (mut data, mut index, mut finisher): (*mut zval, i64, *mut zval) =
        (null_mut(), -1, null_mut());
    if !parse!(call, c"z|lz", data, index, finisher) {
        return;
    }
    let Some(target) = target(call, context, index) else {
        return;
    };
    let finisher = match finisher.is_null() {
        true => Zv::NULL,
        // SAFETY: PHP's argument.
        false => unsafe { Zv::read(finisher) },
    };
    let called = finisher.kind() != kind::NULL;
    if called && Callback::resolve_or_warn(finisher).is_none() {
        if !pending() {
            call.give_bool(false);
        }
        return;
    }
    // SAFETY: PHP's argument.
    let Some(payload) = Payload::of(unsafe { Zv::read(data) }) else {
        return; // it has thrown
    };
    let flags = payload.flags() | if called { flags::CALLBACK } else { 0 };
    let given = context.task(payload.bytes(), target, flags);
    payload.release();
    match given {
        Ok(id) => {
            // Others hear of no result.
            if let (true, Role::Worker(_), Some(server)) = (called, context.role(), this(call)) {
                server.keep_finisher(id, finisher);
            }
            call.give(Zv::long(id as i64));
        }
        Err(Refused(code)) => {
            globals::set_last_error(code);
            call.give_bool(false);
        }
    }
}

/// Seconds to wait; none for ever.
fn wait(timeout: f64) -> Option<Duration> {
    if timeout > 0.0 {
        Duration::try_from_secs_f64(timeout).ok() // fails beyond all times
    } else {
        None
    }
}

/// Whether this is a worker; a warning if not.
fn is_worker(call: &mut Call, context: &Context, method: &str) -> bool {
    if matches!(context.role(), Role::Worker(_)) {
        return true;
    }
    refuse(
        call,
        format_args!("{method} method can only be used in the worker process"),
    );
    false
}

/// The value that a waiting call gets; none, and the reason in the last error, if there is none, or what the value's own
/// code has thrown is pending. `answer` may be lost, should the script end inside.
fn value_of(context: &Context, answer: &TaskAnswer) -> Option<Zv> {
    match answer {
        TaskAnswer::Result(data, flags) => {
            let value = payload::read(data, *flags);
            if value.is_none() {
                globals::set_last_error(TASK_NO_RESULT);
                if !pending() {
                    context.count_lost_task();
                }
            }
            value
        }
        TaskAnswer::Nothing | TaskAnswer::Lost(_) => {
            globals::set_last_error(TASK_NO_RESULT);
            None
        }
        TaskAnswer::TimedOut => {
            globals::set_last_error(TIMEOUT);
            None
        }
    }
}

pub(super) fn task_wait(call: &mut Call) {
    let Some(context) = running(call) else { return };
    if !is_worker(call, context, "taskwait") {
        return;
    }
    let (mut data, mut timeout, mut index): (*mut zval, f64, i64) = (null_mut(), 0.5, -1);
    if !parse!(call, c"z|dl", data, timeout, index) {
        return;
    }
    let Some(target) = target(call, context, index) else {
        return;
    };
    // SAFETY: PHP's argument.
    let Some(payload) = Payload::of(unsafe { Zv::read(data) }) else {
        return; // it has thrown
    };
    let answer = context.task_wait(payload.bytes(), target, payload.flags(), wait(timeout));
    payload.release();
    match answer {
        Ok(answer) => {
            let answer = ManuallyDrop::new(answer); // lost, should reading it end the script
            let value = value_of(context, &answer);
            drop(ManuallyDrop::into_inner(answer));
            if !pending() {
                call.give(value.unwrap_or(Zv::bool(false)));
            }
        }
        Err(Refused(code)) => {
            globals::set_last_error(code);
            call.give_bool(false);
        }
    }
}

pub(super) fn task_wait_multi(call: &mut Call) {
    wait_for_all(call, "taskWaitMulti", false);
}

pub(super) fn task_co(call: &mut Call) {
    wait_for_all(call, "taskCo", true);
}

/// Several tasks at once. `whole`: what has no result is false in the array, and not left out.
fn wait_for_all(call: &mut Call, method: &str, whole: bool) {
    let Some(context) = running(call) else { return };
    if !is_worker(call, context, method) {
        return;
    }
    let (mut tasks, mut timeout): (*mut HashTable, f64) = (null_mut(), 0.5);
    if !parse!(call, c"h|d", tasks, timeout) {
        return;
    }
    // SAFETY: PHP's argument.
    let count = unsafe { (*tasks).nNumOfElements };
    if count == 0 {
        globals::set_last_error(TASK_DISPATCH_FAILED);
        return call.give_bool(false);
    }
    if count >= MAX_TASKS {
        return refuse(call, format_args!("too many concurrent tasks"));
    }
    if target(call, context, -1).is_none() {
        return;
    }
    let Some((texts, kinds)) = payloads(tasks) else {
        return; // one of them has thrown
    };
    let answers = {
        let given: Vec<_> = (0..count as usize)
            .filter_map(|index| {
                // SAFETY: a list of strings that is held until it is released below.
                let text = unsafe { element(texts, index) }?;
                Some((text, kinds[index]))
            })
            .collect();
        context.task_wait_all(&given, wait(timeout))
    };
    texts.release();
    let answers = match answers {
        Ok(answers) => ManuallyDrop::new(answers), // lost, should reading them end the script
        Err(Refused(code)) => {
            globals::set_last_error(code);
            return call.give_bool(false);
        }
    };
    let (results, any) = collect(context, tasks, &answers, whole);
    drop(ManuallyDrop::into_inner(answers));
    if pending() {
        return results.release();
    }
    if !any && !whole {
        globals::set_last_error(FILE_EMPTY); // what scripts know for "not one answer"
        results.release();
        return call.give_bool(false);
    }
    call.give(results);
}

/// Every task as it travels: a list of strings, and their flags. None: one of them has thrown.
fn payloads(tasks: *mut HashTable) -> Option<(Zv, [u8; MAX_TASKS as usize])> {
    let (texts, mut kinds, mut at) = (List::new(), [0; MAX_TASKS as usize], 0);
    // SAFETY: PHP's argument, which the call holds; nothing is owned here but PHP's memory.
    unsafe {
        walk_keys(tasks, |_, _, value| {
            let Some(payload) = Payload::of(value) else {
                return false;
            };
            if let Some(kind) = kinds.get_mut(at) {
                *kind = payload.flags();
            }
            at += 1;
            texts.push(payload.into_text());
            true
        });
    }
    let texts = texts.into_value();
    if pending() {
        texts.release();
        return None;
    }
    Some((texts, kinds))
}

/// # Safety
/// `list` must be a list of strings, and be held for as long as the bytes are used.
unsafe fn element<'a>(list: Zv, index: usize) -> Option<&'a [u8]> {
    // SAFETY: promised by the caller.
    unsafe {
        let found = ext_php_rs::ffi::zend_hash_index_find(list.as_array(), index as u64);
        (!found.is_null()).then(|| crate::zend::bytes(Zv::read(found).as_string()))
    }
}

/// The answers under the keys of their tasks, in the order of the tasks; and whether there is any. May run code of the
/// script: what it throws is pending.
fn collect(
    context: &Context,
    tasks: *mut HashTable,
    answers: &[Result<TaskAnswer, Refused>],
    whole: bool,
) -> (Zv, bool) {
    // SAFETY: a new array, one reference.
    let array = unsafe { _zend_new_array(answers.len() as u32) };
    let (mut any, mut at) = (false, 0);
    // SAFETY: PHP's argument, which the call holds, and an array of our own; keys are shared with it.
    unsafe {
        walk_keys(tasks, |text: *mut zend_string, number: u64, _| {
            let answer = answers.get(at);
            at += 1;
            let value = match answer {
                Some(Ok(answer)) => value_of(context, answer),
                Some(Err(Refused(code))) => {
                    globals::set_last_error(*code);
                    any = true;
                    Some(Zv::bool(false))
                }
                None => None,
            };
            if pending() {
                return false;
            }
            any |= value.is_some();
            if let Some(mut value) = value.or(whole.then_some(Zv::bool(false))) {
                match text.is_null() {
                    true => zend_hash_index_update(array, number, value.ptr()),
                    false => zend_hash_update(array, text, value.ptr()),
                };
            }
            true
        });
    }
    (Zv::array(array), any)
}

pub(super) fn finish(call: &mut Call) {
    let Some(context) = running(call) else { return };
    let mut data: *mut zval = null_mut();
    if !parse!(call, c"z", data) {
        return;
    }
    // SAFETY: PHP's argument.
    let value = unsafe { Zv::read(data) };
    give_answer(call, context, value);
}

/// Answer the task at hand, and return whether that was possible.
pub(crate) fn give_answer(call: &mut Call, context: &Context, value: Zv) {
    if let Some(text) = reason_against(context) {
        context.log_warning(&format!("finish() (ERRNO {WRONG_OPERATION}): {text}"));
        globals::set_last_error(WRONG_OPERATION);
        return call.give_bool(false);
    }
    if globals::task() == 0 {
        return refuse(
            call,
            format_args!("there is no task to finish: use it inside of onTask"),
        );
    }
    let Some(payload) = Payload::of(value) else {
        return; // it has thrown
    };
    let sent = context.finish(payload.bytes(), payload.flags());
    payload.release();
    if let Err(Refused(code)) = sent {
        note_unanswered(context, "finish", code);
    }
    call.give_bool(sent.is_ok());
}

/// Where nothing can be finished at all.
fn reason_against(context: &Context) -> Option<&'static str> {
    if globals::in_message() {
        Some("Server::task()/Server::finish() is not supported in onPipeMessage callback")
    } else if context.task_worker_num() == 0 {
        Some("cannot use Server::task()/Server::finish() method, because no set [task_worker_num]")
    } else if !matches!(context.role(), Role::TaskWorker(_)) {
        Some("Server::finish() can only be used in the worker process")
    } else {
        None
    }
}

/// A result could not be given: leave the code behind, and say so in the log.
pub(crate) fn note_unanswered(context: &Context, name: &str, code: i32) {
    globals::set_last_error(code);
    let text = match code {
        WRONG_OPERATION => "Server::finish() can only be used in the worker process",
        _ => "the result is too large for the way back",
    };
    context.log_warning(&format!("{name}() (ERRNO {code}): {text}"));
}

pub(super) fn send_message(call: &mut Call) {
    let Some(context) = running(call) else { return };
    let (mut data, mut worker): (*mut zval, i64) = (null_mut(), 0);
    if !parse!(call, c"zl", data, worker) {
        return;
    }
    let Some(server) = this(call) else { return };
    if !server.takes_messages() {
        return refuse(
            call,
            format_args!("onPipeMessage is null, can't use sendMessage"),
        );
    }
    if context.worker_id().map(i64::from) == Some(worker) {
        return refuse(call, format_args!("can't send messages to self"));
    }
    let receivers = context.worker_num() + context.task_worker_num();
    let Some(receiver) = u32::try_from(worker).ok().filter(|&id| id < receivers) else {
        return refuse(call, format_args!("worker_id[{worker}] is invalid"));
    };
    // SAFETY: PHP's argument.
    let Some(payload) = Payload::of(unsafe { Zv::read(data) }) else {
        return; // it has thrown
    };
    let sent = context.send_message(payload.bytes(), receiver, payload.flags());
    payload.release();
    super::lifecycle::give_result(call, sent);
}

//! `addCommand` and `command`: functions of the script that run in another process, for an answer.

use std::time::Duration;

use ext_php_rs::ffi::zend_hash_str_find;
use skep::Refused;
use skep::command::CommandTarget;
use skep::error::code::{
    INVALID_COMMAND, INVALID_PARAMS, OPERATION_NOT_SUPPORT, TASK_NO_RESULT, TIMEOUT,
};

use super::lifecycle::running;
use super::{Phase, ServerObject, this};
use crate::call;
use crate::callbacks::Callback;
use crate::exception::{code, pending, warn};
use crate::globals;
use crate::method::{Call, Entry, method, optional, param, parse, ty};
use crate::zend::{Zv, bytes, functions, kind, zend_string, zval};

/// `SWOOLE_SERVER_COMMAND_*`.
const MASTER: i64 = 2;
const REACTOR_THREAD: i64 = 4;
const EVENT_WORKER: i64 = 8;
const TASK_WORKER: i64 = 16;
const MANAGER: i64 = 32;

/// Seconds that an answer is waited for.
const TIMEOUT_S: f64 = 5.0;

/// A function of the script that answers a command.
#[derive(Clone, Copy)]
pub(crate) struct Answering {
    /// With one reference.
    pub(super) callable: Zv,
    pub(crate) callback: Callback,
}

pub(super) fn add_entry() -> Entry {
    method!(
        c"addCommand",
        add,
        [
            param(c"name", ty::STRING),
            param(c"accepted_process_types", ty::INT),
            param(c"callback", ty::CALLABLE)
        ],
        ty::BOOL
    )
}

pub(super) fn command_entry() -> Entry {
    method!(
        c"command",
        command,
        [
            param(c"name", ty::STRING),
            param(c"process_id", ty::INT),
            param(c"process_type", ty::INT),
            param(c"data", ty::MIXED),
            optional(c"json_decode", ty::BOOL, c"true"),
            optional(c"timeout", ty::FLOAT, c"5.0")
        ],
        ty::ARRAY | ty::STRING | ty::FALSE
    )
}

fn add(call: &mut Call) {
    let Some(server) = this(call) else { return };
    if server.phase() != Phase::Bound {
        warn(
            code::FATAL,
            format_args!("server is running, can't add command"),
        );
        return call.give_bool(false);
    }
    let mut name: *mut zend_string = std::ptr::null_mut();
    let mut types = 0i64;
    let mut callable: *mut zval = std::ptr::null_mut();
    if !parse!(call, c"Slz", name, types, callable) {
        return;
    }
    if types & REACTOR_THREAD != 0 {
        warn(
            code::FATAL,
            format_args!("only support worker/task_worker process"),
        );
        return call.give_bool(false);
    }
    // SAFETY: an argument of the running method.
    let callable = unsafe { Zv::read(callable) };
    let Some(callback) = Callback::resolve_or_warn(callable) else {
        return call.give_bool(false);
    };
    let accepted = u32::try_from(types).unwrap_or(0);
    // SAFETY: an argument of the running method.
    let added = server.add_command(
        unsafe { bytes(name) },
        accepted,
        Answering { callable, callback },
    );
    if let Err(code) = added {
        globals::set_last_error(code);
    }
    call.give_bool(added.is_ok());
}

impl ServerObject {
    fn add_command(&self, name: &[u8], accepted: u32, function: Answering) -> Result<(), i32> {
        let Ok(name) = std::str::from_utf8(name) else {
            return Err(INVALID_PARAMS);
        };
        // SAFETY: made by `Box::into_raw` in the constructor, still ours until start(), and no other method runs now.
        let added = unsafe { (*self.engine.get()).add_command(name, accepted) };
        added.map_err(|error| error.code())?;
        function.callable.share();
        self.commands.borrow_mut().push(function);
        Ok(())
    }

    /// What answers a command.
    pub(crate) fn answering(&self, index: u32) -> Option<Callback> {
        let commands = self.commands.borrow();
        commands.get(index as usize).map(|found| found.callback)
    }
}

pub(super) fn forget(server: &ServerObject) {
    for function in server.commands.take() {
        function.callable.release();
    }
}

fn target_of(process: i64, kind: i64) -> Result<CommandTarget, (i32, String)> {
    let id = u32::try_from(process);
    Ok(match kind {
        MASTER => CommandTarget::Master,
        MANAGER => CommandTarget::Manager,
        EVENT_WORKER => CommandTarget::Worker(
            id.map_err(|_| (INVALID_PARAMS, format!("invalid worker_id[{process}]")))?,
        ),
        TASK_WORKER => CommandTarget::TaskWorker(
            id.map_err(|_| (INVALID_PARAMS, format!("invalid task_worker_id[{process}]")))?,
        ),
        _ => return Err((OPERATION_NOT_SUPPORT, "unsupported [process_type]".into())),
    })
}

fn command(call: &mut Call) {
    let Some(context) = running(call) else { return };
    let mut name: *mut zend_string = std::ptr::null_mut();
    let (mut process, mut process_type) = (0i64, 0i64);
    let mut data: *mut zval = std::ptr::null_mut();
    let (mut decode, mut timeout) = (true, TIMEOUT_S);
    if !parse!(
        call,
        c"Sllz|bd",
        name,
        process,
        process_type,
        data,
        decode,
        timeout
    ) {
        return;
    }
    // SAFETY: arguments of the running method.
    let (name, data) = unsafe { (bytes(name), Zv::read(data)) };
    let json = php_function(c"json_encode", &mut [data]);
    if pending() {
        return json.release();
    }
    if json.kind() != kind::STRING {
        json.release();
        globals::set_last_error(INVALID_PARAMS);
        warn(
            INVALID_PARAMS,
            format_args!("the data cannot be encoded as JSON"),
        );
        return call.give_bool(false);
    }
    let answer = {
        let name = String::from_utf8_lossy(name);
        // Nothing, less than nothing and what is no number are the default; a call that waits for ever is not to be had.
        let timeout = Duration::try_from_secs_f64(timeout).ok();
        let timeout = timeout.filter(|timeout| !timeout.is_zero());
        let asked = target_of(process, process_type).and_then(|target| {
            // SAFETY: a string of ours.
            let json = unsafe { bytes(json.as_string()) };
            let answer = context.command(&name, target, json, timeout);
            answer.map_err(|Refused(code)| (code, reason(code, &name, process, process_type)))
        });
        asked.map_err(|(code, text)| {
            globals::set_last_error(code);
            context.log_notice(&format!("command() (ERRNO {code}): {text}"));
        })
    };
    json.release();
    let Ok(answer) = answer else {
        return call.give_bool(false);
    };
    let text = Zv::text(&answer);
    drop(answer);
    if !decode {
        return call.give(text);
    }
    let decoded = php_function(c"json_decode", &mut [text, Zv::bool(true)]);
    text.release();
    match decoded.kind() {
        kind::ARRAY | kind::STRING => call.give(decoded),
        // No JSON at all, or a number or the like, which cannot be told from a failure.
        _ => {
            decoded.release();
            if !pending() {
                globals::set_last_error(TASK_NO_RESULT);
                let name = String::from_utf8_lossy(name);
                context.log_notice(&format!(
                    "command() (ERRNO {TASK_NO_RESULT}): command[{name}] was answered with neither an array nor a string in JSON"
                ));
                call.give_bool(false);
            }
        }
    }
}

fn reason(code: i32, name: &str, process: i64, process_type: i64) -> String {
    match code {
        INVALID_COMMAND => format!("Unknown command[{name}]"),
        OPERATION_NOT_SUPPORT => "unsupported [process_type]".into(),
        INVALID_PARAMS if process_type == TASK_WORKER => {
            format!("invalid task_worker_id[{process}]")
        }
        INVALID_PARAMS => format!("invalid worker_id[{process}]"),
        TIMEOUT => format!("command[{name}] has not been answered in time"),
        TASK_NO_RESULT => format!("command[{name}] will not be answered, its process is gone"),
        _ => format!("command[{name}] could not be sent"),
    }
}

/// Call a function of PHP itself that may have been taken away by the configuration; null then.
fn php_function(name: &std::ffi::CStr, args: &mut [Zv]) -> Zv {
    // SAFETY: PHP's table of functions and a text in memory; the entry, if there is one, is a function's.
    let function = unsafe {
        let found = zend_hash_str_find(functions(), name.as_ptr(), name.count_bytes());
        if found.is_null() {
            return Zv::NULL;
        }
        (*found).value.func
    };
    call::internal(function, args)
}

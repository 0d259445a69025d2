//! `start`, and what ends or renews a running server.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::rc::Rc;

use skep::error::code::{INVALID_CALLBACK, WRONG_OPERATION};
use skep::{Children, Ended, Refused, Role};

use super::{Phase, ServerObject, this};
use crate::callbacks::PhpHandler;
use crate::classes::port;
use crate::convert::Text;
use crate::exception::{Line, code, fatal, warn};
use crate::method::{Call, parse};
use crate::zend::php_output_flush_all;
use crate::{call, globals, looping};

/// What PHP does after the engine has returned. Plain data: an error ends the script by a longjmp.
#[allow(
    clippy::large_enum_variant,
    reason = "plain data on the stack has no destructor"
)]
enum After {
    /// The server has stopped in good order, and this is the process that started it.
    Return,
    /// End this process.
    Leave(i32),
    /// Nothing was started.
    Fail(Line),
}

pub(super) fn start(call: &mut Call) {
    let Some(server) = this(call) else { return };
    if !parse!(call, c"") {
        return;
    }
    match server.phase() {
        Phase::Bound => {}
        Phase::Over => {
            warn(
                code::FATAL,
                format_args!(
                    "The server have been shutdown, unable to execute Skep\\Server->start()"
                ),
            );
            return call.give_bool(false);
        }
        Phase::Raw | Phase::Running => {
            warn(
                code::FATAL,
                format_args!("The server is running, unable to execute Skep\\Server->start()"),
            );
            return call.give_bool(false);
        }
    }
    if looping::is_created() {
        warn(
            code::FATAL,
            format_args!("The event-loop has already been created, unable to start Skep\\Server"),
        );
        return call.give_bool(false);
    }
    // What is buffered now would be printed by every process that is forked.
    // SAFETY: a plain C function; output callbacks of the script may run, and nothing is owned here.
    unsafe { php_output_flush_all() };
    if crate::exception::pending() {
        return;
    }
    if server.phase() != Phase::Bound {
        return call.give_bool(false); // an output callback has started it
    }
    complete_settings(server);
    // PHP ends a script whose reader has gone at the next echo; a server has other clients than that.
    call::ignore_abort();
    let pins = server.pin_callbacks();
    match run(server, call.this()) {
        After::Return => {
            pins.release();
            call.give_bool(true);
        }
        // The process ends now: what it holds goes with it.
        After::Leave(code) => call::leave_script(code),
        After::Fail(line) => fatal(format_args!("{}", Text(line.as_c()))),
    }
}

/// Give the engine the process.
fn run(server: &ServerObject, object: *mut crate::zend::zend_object) -> After {
    // SAFETY: made by `Box::into_raw` in the constructor; taken out of the cell, so nobody else frees it.
    let engine = unsafe { Box::from_raw(server.engine.replace(null_mut())) };
    let mut engine = engine;
    engine.use_event_loop(looping::current()); // with the timers that have been made, for the master
    let handler = Rc::new(PhpHandler::new(object, engine.settings()));
    server.set_phase(Phase::Running);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        engine.start(handler.clone(), Children::Return)
    }));
    server.set_phase(Phase::Over);
    let after = match ended {
        Ok(Ok(ended)) if ended.role == Role::Master => match handler.left() {
            None if ended.code == 0 => After::Return,
            None if ended.code == Ended::DROPPED => {
                call::set_exit_status(ended.code);
                After::Return
            }
            None => After::Leave(ended.code),
            Some(code) => After::Leave(code),
        },
        Ok(Ok(ended)) => After::Leave(ended.code),
        Ok(Err(skep::Error::MissingCallback("onTask"))) => After::Fail(Line::new(format_args!(
            "failed to start server. Error: Server::start_check() (ERRNO {INVALID_CALLBACK}): require 'onTask' callback"
        ))),
        Ok(Err(error @ skep::Error::MissingCallback(_))) => {
            After::Fail(Line::new(format_args!("{error}")))
        }
        Ok(Err(skep::Error::Tls {
            code: WRONG_OPERATION,
            ..
        })) => After::Fail(Line::new(format_args!("ssl_init() failed"))), // the log says why
        Ok(Err(error @ skep::Error::Tls { .. })) => After::Fail(Line::new(format_args!("{error}"))),
        Ok(Err(error)) => After::Fail(Line::new(format_args!(
            "failed to start server. Error: {error}"
        ))),
        Err(payload) => {
            globals::log_panic(payload);
            After::Leave(255)
        }
    };
    looping::close(matches!(after, After::Return | After::Fail(_)));
    globals::set_handler(None);
    globals::drop_context();
    if matches!(after, After::Return | After::Fail(_)) {
        globals::set_live(null_mut());
    }
    after
}

/// What `$server->setting` shows besides what the script has set.
fn complete_settings(server: &ServerObject) {
    // SAFETY: made by `Box::into_raw` in the constructor, still ours until `run` takes it, and no method
    // runs meanwhile.
    let sizes = unsafe { (*server.engine.get()).sizes() };
    let buffer = i64::try_from(sizes.output_buffer_size).unwrap_or(i64::MAX);
    server.complete_setting(c"worker_num", sizes.workers.into());
    server.complete_setting(c"task_worker_num", sizes.task_workers.into());
    server.complete_setting(c"output_buffer_size", buffer);
    server.complete_setting(c"buffer_output_size", buffer);
    server.complete_setting(c"max_connection", sizes.max_connection.into());
    server.number_processes(sizes.workers + sizes.task_workers);
    for index in 0..server.port_count() {
        if let (Some(primary), Some(port)) = (server.port(0), server.port(index)) {
            port::take_over_setting(port, server.value(super::Property::Setting), primary);
        }
    }
}

impl ServerObject {
    fn set_phase(&self, phase: Phase) {
        self.phase.set(phase);
    }
}

/// The running server's context; none after the usual warning.
pub(super) fn running(call: &mut Call) -> Option<&'static skep::Context> {
    let server = this(call)?;
    match globals::context() {
        Some(context) if server.phase() == Phase::Running => Some(context),
        _ => {
            warn(code::FATAL, format_args!("server is not running"));
            call.give_bool(false);
            None
        }
    }
}

/// Return whether the engine agreed, and keep its reason if not.
pub(super) fn give_result(call: &mut Call, result: Result<(), Refused>) {
    if let Err(Refused(code)) = result {
        globals::set_last_error(code);
    }
    call.give_bool(result.is_ok());
}

pub(super) fn reload(call: &mut Call) {
    let Some(context) = running(call) else { return };
    let mut only_tasks = false;
    if !parse!(call, c"|b", only_tasks) {
        return;
    }
    match only_tasks {
        true if context.task_worker_num() == 0 => {
            context
                .log_warning("reload(): cannot reload task workers, task workers is not started");
            call.give_bool(true);
        }
        true => give_result(call, context.reload_tasks()),
        false => give_result(call, context.reload()),
    }
}

/// Of all ports. The log says how it went.
pub(super) fn reload_tls(call: &mut Call) {
    let Some(context) = running(call) else { return };
    if !parse!(call, c"") {
        return;
    }
    give_result(call, context.reload_tls());
}

pub(super) fn shutdown(call: &mut Call) {
    let Some(server) = this(call) else { return };
    if !parse!(call, c"") {
        return;
    }
    match globals::context() {
        Some(context) if server.phase() == Phase::Running => give_result(call, context.shutdown()),
        _ => give_result(call, Err(Refused(WRONG_OPERATION))),
    }
}

pub(super) fn stop(call: &mut Call) {
    let Some(context) = running(call) else { return };
    let (mut worker, mut ignored) = (-1i64, false);
    if !parse!(call, c"|lb", worker, ignored) {
        return;
    }
    let result = match (worker, u32::try_from(worker)) {
        (-1, _) => context.stop(None),
        (_, Ok(worker)) => context.stop(Some(worker)),
        (_, Err(_)) => {
            context.log_warning(&format!(
                "stop() (ERRNO {}): the worker_id[{worker}] is invalid",
                skep::error::code::INVALID_PARAMS
            ));
            Err(Refused(skep::error::code::INVALID_PARAMS))
        }
    };
    give_result(call, result);
}

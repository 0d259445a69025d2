//! `Process::signal()`: a callable for a signal, called from the event loop of this process.

use std::ptr::null_mut;

use skep::Refused;
use skep::error::code::WRONG_OPERATION;

use crate::callbacks::Callback;
use crate::exception::{code, warn, warn_system};
use crate::looping;
use crate::method::{Call, parse};
use crate::zend::{Zv, kind, zval};

/// Signals have numbers below this.
const LIMIT: i64 = 128;

pub(super) fn signal(call: &mut Call) {
    let (mut number, mut callable) = (0i64, null_mut::<zval>());
    if !parse!(call, c"l|z", number, callable) {
        return;
    }
    if !(0..LIMIT).contains(&number) {
        warn(
            code::FATAL,
            format_args!("invalid signal number [{number}]"),
        );
        return call.give_bool(false);
    }
    let signal = number as i32;
    let value = match callable.is_null() {
        true => Zv::NULL,
        // SAFETY: PHP's argument.
        false => unsafe { Zv::read(callable) },
    };
    if value.kind() == kind::NULL {
        let known = looping::forget_signal(signal);
        if !known {
            warn(
                code::NOTICE,
                format_args!("unable to find the callback of signal [{number}]"),
            );
        }
        return call.give_bool(known);
    }
    if Callback::resolve_or_warn(value).is_none() {
        return call.give_bool(false);
    }
    match looping::signal(signal, value, true) {
        Ok(()) => call.give_bool(true),
        Err(Refused(libc::EBUSY)) => {
            warn(
                WRONG_OPERATION,
                format_args!("signal [{number}] processor has been registered by the system"),
            );
            call.give_bool(false);
        }
        Err(Refused(errno)) => {
            warn_system(errno, format_args!("sigaction({number}) failed"));
            call.give_bool(false);
        }
    }
}

/// A blocking call was interrupted by a signal: the callables of those that have come are called, before the call returns.
/// Not in a server's process whose loop does that when the callback at hand is over.
pub(super) fn dispatch_pending_signals() {
    if looping::server().is_none_or(looping::is_own) {
        looping::dispatch();
    }
}

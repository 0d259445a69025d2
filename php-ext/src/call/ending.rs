//! How the script ends, and what is said about that: `exit()`, uncaught exceptions, fatal errors.

use std::ffi::c_void;
use std::ptr::null_mut;

use ext_php_rs::ffi::{ext_php_rs_process_globals, zend_hash_str_find, zend_read_property};

use super::{Outcome, internal, outcome};
use crate::globals;
use crate::zend::{
    Ctx, E_ERROR, Zv, bytes, eg, functions, is_a, kind, try_call, zend_clear_exception,
    zend_exception_error, zend_is_unwind_exit, zend_object, zend_throw_unwind_exit, zval,
};

/// `ignore_user_abort(true)`, unless the configuration has taken that function away.
pub(crate) fn ignore_abort() {
    let name = c"ignore_user_abort";
    // SAFETY: PHP's table of functions and a text in memory; the entry, if there is one, is a function's.
    let function = unsafe {
        let found = zend_hash_str_find(functions(), name.as_ptr(), name.count_bytes());
        if found.is_null() {
            return;
        }
        (*found).value.func
    };
    internal(function, &mut [Zv::bool(true)]).release();
}

/// The script ends with this code, unless it says otherwise.
pub(crate) fn set_exit_status(code: i32) {
    // SAFETY: a plain field of the executor's globals, on PHP's thread.
    unsafe { (*eg()).exit_status = code };
}

/// Exit code that the script has asked for.
pub(crate) fn exit_status() -> i32 {
    // SAFETY: PHP's globals.
    unsafe { (*eg()).exit_status }
}

/// Make PHP end the script as `exit($code)` does, once the running method has returned: no catch or
/// finally block runs, shutdown functions and destructors do.
pub(crate) fn leave_script(code: i32) {
    // SAFETY: called inside a method, where PHP looks for exceptions on return.
    unsafe {
        (*eg()).exit_status = code;
        if globals::bailed() {
            // PHP has given up its frames, so nothing can be thrown; `method::enter` goes on with the bailout.
            return;
        }
        if (*eg()).exception.is_null() || !zend_is_unwind_exit((*eg()).exception) {
            zend_clear_exception();
            zend_throw_unwind_exit();
        }
    }
}

/// Forget a pending `exit()` until [`leave_script`] raises it again.
pub(crate) fn forget_exit() {
    // SAFETY: an exception is pending; its class has no destructor.
    unsafe { zend_clear_exception() };
}

/// Report a pending exception as PHP does at the end of a script: the script's exception handler, or
/// `PHP Fatal error:  Uncaught ...`. Ends as user code does.
pub(crate) fn report_exception() -> Outcome {
    // SAFETY: `report` owns nothing.
    if unsafe { try_call(report, std::ptr::null::<c_void>()) } {
        globals::set_bailed();
        return Outcome::Bailout;
    }
    outcome()
}

unsafe extern "C" fn report(ctx: Ctx) -> Ctx {
    // SAFETY: PHP's globals; an exception is pending. The handler is taken out while it runs, as PHP
    // does, so that it cannot be called for its own exception.
    unsafe {
        let slot = (&raw mut (*eg()).user_exception_handler).cast::<Zv>();
        let mut handler = *slot;
        if handler.kind() != kind::UNDEF {
            let mut exception = Zv::object((*eg()).exception);
            (*eg()).exception = null_mut();
            *slot = Zv::UNDEF;
            let mut returned = Zv::UNDEF;
            ext_php_rs::ffi::_call_user_function_impl(
                null_mut(),
                handler.ptr(),
                returned.ptr(),
                1,
                exception.ptr(),
                null_mut(),
            );
            returned.release();
            exception.release();
            match (*slot).kind() {
                kind::UNDEF => *slot = handler,
                _ => handler.release(),
            }
        }
        let exception = (*eg()).exception;
        if !exception.is_null() && !zend_is_unwind_exit(exception) {
            zend_exception_error(exception, E_ERROR);
        }
    }
    ctx
}

/// One line about the pending exception, for the log.
pub(crate) fn describe_exception() -> String {
    // SAFETY: the pending exception is alive, and PHP declares these properties for all of its kind.
    unsafe {
        let exception = (*eg()).exception;
        let class = bytes((*(*exception).ce).name);
        let (message, file, line) = (
            property(exception, "message"),
            property(exception, "file"),
            property(exception, "line"),
        );
        format!(
            "Uncaught {}: {} in {}:{}",
            String::from_utf8_lossy(class),
            text_of(message),
            text_of(file),
            if line.kind() == kind::LONG {
                line.as_long()
            } else {
                0
            }
        )
    }
}

/// # Safety
/// `exception` must be a live Throwable.
unsafe fn property(exception: *mut zend_object, name: &str) -> Zv {
    let mut room = Zv::UNDEF;
    // SAFETY: a live object; the scope is the base class, so that private and protected do not matter.
    unsafe {
        let base = if is_a(exception, ext_php_rs::ffi::zend_ce_exception) {
            ext_php_rs::ffi::zend_ce_exception
        } else {
            ext_php_rs::ffi::zend_ce_error
        };
        let at: *mut zval = zend_read_property(
            base,
            exception,
            name.as_ptr().cast(),
            name.len(),
            true,
            room.ptr(),
        );
        Zv::read(at)
    }
}

fn text_of(value: Zv) -> String {
    if value.kind() != kind::STRING {
        return String::new();
    }
    // SAFETY: a string that its object holds.
    String::from_utf8_lossy(unsafe { bytes(value.as_string()) }).into_owned()
}

/// Whether the pending `exit()` is how this PHP ends a script that has reached its memory limit.
pub(crate) fn is_out_of_memory() -> bool {
    // SAFETY: PHP's globals; the string lives until the next error.
    unsafe {
        let core = ext_php_rs_process_globals();
        let message = (*core).last_error_message;
        (*core).last_error_type == E_ERROR
            && exit_status() == 255
            && !message.is_null()
            && (bytes(message).starts_with(b"Allowed memory size")
                || bytes(message).starts_with(b"Out of memory"))
    }
}

/// One line about the fatal error that PHP has printed last, for the log.
pub(crate) fn describe_fatal() -> String {
    // SAFETY: PHP's globals; the strings live until the next error or the end of the request.
    unsafe {
        let core = ext_php_rs_process_globals();
        let (message, file) = ((*core).last_error_message, (*core).last_error_file);
        if message.is_null() {
            return "no message".into();
        }
        let message = String::from_utf8_lossy(bytes(message));
        let file = if file.is_null() {
            "".into()
        } else {
            String::from_utf8_lossy(bytes(file))
        };
        let first = message.lines().next().unwrap_or_default();
        format!("{first} in {file} on line {}", (*core).last_error_lineno)
    }
}

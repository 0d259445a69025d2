//! The one place that calls user code.
//!
//! PHP leaves a callback in four ways: it returns; with an exception pending; by `exit()`, which is a
//! pending exception of a hidden class; or by a longjmp after a fatal error, which runs no Rust
//! destructor. The call is therefore made in [`enter`], below which only C and PHP frames and plain
//! data lie, and everything else happens after `zend_try` has ended.

mod ending;
mod frame;

use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use ext_php_rs::ffi::zend_call_known_function;

pub(crate) use self::ending::{
    describe_exception, describe_fatal, exit_status, forget_exit, ignore_abort, is_out_of_memory,
    leave_script, report_exception, set_exit_status,
};
use self::frame::Wanted;
pub(crate) use self::frame::{Answer, Frame};
use crate::classes::data;
use crate::exception::{code, pending, warn};
use crate::opcache::{self, Before};
use crate::payload::{self, Payload};
use crate::zend::{
    Ctx, Zv, eg, kind, try_call, zend_fcall_info_cache, zend_function, zend_is_unwind_exit, zval,
};
use crate::{bootstrap, convert, globals};

/// What is called.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// A function that was looked up at registration.
    Known(zend_fcall_info_cache),
    /// A callable that PHP must look up each time (`__call`, `__callStatic`).
    Named(Zv),
    /// A file to load, as `require` does; its path is the one argument.
    File,
    /// The opcode cache, which may run an error handler of the script.
    Freshen(Before),
    /// Nobody: a warning, which may run an error handler of the script.
    Warning(&'static str),
    /// Nobody: what the frame owns is given back, which may run destructors.
    Release,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It returned.
    Done,
    /// An exception is pending.
    Exception,
    /// `exit()` is pending.
    Exit,
    /// A fatal error; PHP must not be called again but for the end of the script.
    Bailout,
}

/// Call user code.
pub(crate) fn invoke(frame: &Frame) -> Outcome {
    let depth = globals::deepen();
    // SAFETY: `enter` has no destructors below it; `frame` outlives the call.
    let jumped = unsafe { try_call(enter, (&raw const *frame).cast()) };
    globals::set_depth(depth);
    if jumped {
        globals::set_bailed();
        return Outcome::Bailout;
    }
    outcome()
}

/// Run what PHP runs between two instructions, the handlers of signals above all: for functions that wait. True if the
/// waiting function must return now: an exception or the end of the script is pending.
pub(crate) fn interrupts() -> bool {
    // SAFETY: PHP's flags, which are atomics for PHP as well: signal handlers set them.
    let (flag, timed_out) = unsafe {
        (
            &*(&raw const (*eg()).vm_interrupt).cast::<AtomicBool>(),
            &*(&raw const (*eg()).timed_out).cast::<AtomicBool>(),
        )
    };
    if timed_out.load(Relaxed) {
        return true; // PHP ends the script by itself as soon as it gets to it
    }
    if !flag.swap(false, Relaxed) {
        return false;
    }
    let depth = globals::deepen();
    // SAFETY: `interrupt` owns nothing.
    let jumped = unsafe { try_call(interrupt, std::ptr::null()) };
    globals::set_depth(depth);
    if jumped {
        globals::set_bailed();
        return true;
    }
    outcome() != Outcome::Done
}

/// Runs under `zend_try`.
unsafe extern "C" fn interrupt(ctx: Ctx) -> Ctx {
    // SAFETY: PHP's variable, and its frame of the running function, which is how PHP calls it.
    unsafe {
        if let Some(run) = ext_php_rs::ffi::zend_interrupt_function {
            run((*eg()).current_execute_data);
        }
    }
    ctx
}

/// Whether user code is on the stack below an engine callback: then what it throws concerns it, not us.
pub(crate) fn nested() -> bool {
    globals::depth() > 0
}

/// How the code that has just returned ended, as far as it can be seen afterwards.
pub(crate) fn outcome() -> Outcome {
    // SAFETY: PHP's globals; a pending exception is alive.
    unsafe {
        let exception = (*eg()).exception;
        match exception.is_null() {
            true => Outcome::Done,
            false if zend_is_unwind_exit(exception) => Outcome::Exit,
            false => Outcome::Exception,
        }
    }
}

/// Runs under `zend_try`: nothing here may need dropping.
unsafe extern "C" fn enter(ctx: Ctx) -> Ctx {
    // SAFETY: `invoke` passes a live frame.
    let mut frame = unsafe { *ctx.cast::<Frame>() };
    let mut made = [Zv::UNDEF; 2];
    if complete(&mut frame, &mut made) {
        call(&mut frame);
    }
    for value in made {
        value.release();
    }
    frame.owned.release();
    ctx
}

/// Make the arguments that are missing, and put them down in `made`. False: there is nothing to call with.
fn complete(frame: &mut Frame, made: &mut [Zv; 2]) -> bool {
    if !frame.data.is_null() {
        // SAFETY: the engine's slice, valid during the callback.
        let bytes = unsafe { std::slice::from_raw_parts(frame.data, frame.len) };
        match payload::read(bytes, frame.flags) {
            Some(value) => made[0] = value,
            None => {
                if !frame.unread.is_null() && !pending() {
                    // SAFETY: outlives the call, see `with_payload`; nobody else looks at it meanwhile.
                    unsafe { frame.unread.write(true) };
                }
                return false;
            }
        }
    }
    if !frame.shape.is_null() {
        // SAFETY: outlives the call, see `with_object`.
        made[0] = data::make(unsafe { &*frame.shape }, made[0]);
    }
    if !frame.death.is_null() {
        // SAFETY: the engine's record, valid during the callback.
        made[1] = convert::death(unsafe { &*frame.death });
    } else if !frame.packet.is_null() {
        // SAFETY: as above.
        made[1] = convert::packet(unsafe { &*frame.packet });
    }
    for value in [made[0], made[1], frame.extra] {
        if value.kind() != kind::UNDEF {
            *frame = frame.with(value);
        }
    }
    true
}

fn call(frame: &mut Frame) {
    let mut returned = Zv::UNDEF;
    let (args, count): (*mut zval, u32) = match frame.list.is_null() {
        true => (frame.args[0].ptr(), frame.count),
        false => (frame.list.cast_mut().cast(), frame.list_len),
    };
    match frame.target {
        // SAFETY: the function was resolved by PHP, and its callable is held by the server object; PHP
        // counts the arguments' references itself.
        Target::Known(cache) => unsafe {
            zend_call_known_function(
                cache.function_handler,
                cache.object,
                cache.called_scope,
                returned.ptr(),
                count,
                args,
                null_mut(),
            );
        },
        // SAFETY: a callable held by the server object or by the frame.
        Target::Named(mut callable) => unsafe {
            ext_php_rs::ffi::_call_user_function_impl(
                null_mut(),
                callable.ptr(),
                returned.ptr(),
                count,
                args,
                null_mut(),
            );
        },
        // SAFETY: the path is alive until it is released by `enter`.
        Target::File => unsafe { bootstrap::load(frame.args[0].as_string()) },
        Target::Freshen(before) => opcache::freshen(before),
        Target::Warning(text) => warn(code::FATAL, format_args!("{text}")),
        Target::Release => {}
    }
    if !pending() {
        match frame.wanted {
            Wanted::Nowhere => {}
            // SAFETY: outlives the call, see `asking`; nobody else looks at it meanwhile.
            Wanted::Number(answer) => unsafe { (*answer).take(returned) },
            Wanted::Result(_) if matches!(returned.kind(), kind::NULL | kind::UNDEF) => {}
            // SAFETY: as above.
            Wanted::Result(result) => unsafe { result.write(Payload::of(returned)) },
        }
    }
    returned.release();
}

/// Call an internal function by its entry; for helpers that run no user code. Gives back its result.
pub(crate) fn internal(function: *mut zend_function, args: &mut [Zv]) -> Zv {
    let mut returned = Zv::UNDEF;
    // SAFETY: an entry of PHP's function table; as many initialized arguments as said.
    unsafe {
        zend_call_known_function(
            function,
            null_mut(),
            null_mut(),
            returned.ptr(),
            args.len() as u32,
            args.as_mut_ptr().cast(),
            null_mut(),
        );
    }
    returned
}

//! The child's side of `start()`.

use std::ptr::null_mut;

use super::{Inner, Property, put};
use crate::call::{self, Outcome};
use crate::callbacks::Callback;
use crate::zend::{
    Ctx, Zv, eg, php_call_shutdown_functions, php_free_shutdown_functions, php_output_clean_all,
    try_call, zend_call_destructors, zend_object, zend_string,
};
use crate::{globals, looping, random};

/// The step of a process that was forked for this object: it becomes what the object describes and runs the callback.
/// Returns the exit code, and [`end`] is what should follow.
pub(super) fn run(object: *mut zend_object, inner: &Inner) -> i32 {
    become_child(object, inner);
    let Some(callback) = callback_of(object) else {
        return 255; // it was one when the object was made; its class cannot have gone
    };
    let mut outcome = call::invoke(&callback.frame().with(Zv::object(object)));
    if outcome == Outcome::Done {
        looping::finish(); // timers and the like that the callback has made
        outcome = call::outcome();
    }
    match outcome {
        Outcome::Done => 0,
        Outcome::Exit => left(),
        Outcome::Exception => match call::report_exception() {
            Outcome::Exit => left(),
            _ => 255,
        },
        Outcome::Bailout => 255,
    }
}

/// What the object was made with.
pub(super) fn callback_of(object: *mut zend_object) -> Option<Callback> {
    // SAFETY: a declared property of a live object.
    let callable = unsafe { Zv::read(super::slot(object, Property::Callback as usize)) };
    let mut name: *mut zend_string = null_mut();
    let callback = Callback::resolve(callable, &mut name);
    if !name.is_null() {
        Zv::string(name).release();
    }
    callback
}

fn left() -> i32 {
    let code = call::exit_status() & 0xff;
    call::forget_exit();
    code
}

/// What was the parent's is so no more.
pub(super) fn become_child(object: *mut zend_object, inner: &Inner) {
    let pid = std::process::id() as i32;
    inner.current.set(pid);
    inner.child.set(0);
    put(object, Property::Pid, Zv::long(pid.into()));
    let end = inner.theirs.take();
    inner.ours.replace(end);
    if let Some(channel) = inner.ours.borrow().as_ref() {
        put(object, Property::Pipe, Zv::long(channel.raw().into()));
        if inner.redirect {
            let _ = channel.become_stdio(); // fails for a bad descriptor only
        }
    }
    forget_parent();
}

/// State of the module and of PHP that a new process must not share with its parent.
pub(in crate::classes) fn forget_parent() {
    random::reseed();
    // What the parent has buffered, the parent writes.
    // SAFETY: a plain C function; output callbacks of the script may run, and nothing is owned here.
    unsafe { php_output_clean_all() };
}

/// End this process as `exit($code)` does. PHP unwinds to the end of the script; below a callback of a server it cannot
/// get there, since that is the parent's business, so what PHP does at the end is done here.
pub(in crate::classes) fn end(code: i32) {
    if globals::context().is_none() || globals::bailed() {
        return call::leave_script(code);
    }
    call::set_exit_status(code);
    for step in [shutdown_functions, destructors, output] {
        // SAFETY: the steps own nothing. An error in one does not spare the others, as at the end of a script.
        unsafe { try_call(step, std::ptr::null()) };
        // SAFETY: PHP's globals.
        if !unsafe { (*eg()).exception }.is_null() {
            call::forget_exit();
        }
    }
    skep::process::exit_now(call::exit_status() & 0xff);
}

unsafe extern "C" fn shutdown_functions(ctx: Ctx) -> Ctx {
    // SAFETY: as PHP does it at the end of a script.
    unsafe {
        php_call_shutdown_functions();
        php_free_shutdown_functions();
    }
    ctx
}

unsafe extern "C" fn destructors(ctx: Ctx) -> Ctx {
    // SAFETY: as above.
    unsafe { zend_call_destructors() };
    ctx
}

unsafe extern "C" fn output(ctx: Ctx) -> Ctx {
    // SAFETY: as above.
    unsafe { ext_php_rs::ffi::php_output_end_all() };
    ctx
}

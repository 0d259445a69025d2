//! The event loop of this process, whichever it is: that of a server's process, or the script's own.
//!
//! For the other classes of this crate:
//!
//! * [`current`]: the loop; timers and descriptors of PHP callbacks go through [`jobs`] and [`watches`]
//! * [`signal`], [`forget_signal`]: a PHP callable for a signal; called from the loop
//! * [`finish`]: in a child that is to end: first what its loop still has to do, as at the end of a script
//! * [`is_created`]: a script has used its loop for something else than timers, so no server can be started
//!
//! A child of a fork has a loop of its own, an empty one: what the parent has put into its own is the parent's, also if
//! the child is in the middle of a turn of that. So nothing here is kept across a call into PHP code without a look at
//! whose it is.

pub(crate) mod descriptor;
pub(crate) mod jobs;
mod outgoing;
pub(crate) mod watches;

use std::cell::{Cell, RefCell};
use std::mem::forget;
use std::ptr::null;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use ext_php_rs::ffi::{php_error_docref, zend_hash_str_find};
use skep::{Context, EventLoop, Refused, Role};

use crate::call::{self, Frame, Target};
use crate::exception::{may_be_caught, pending};
use crate::globals;
use crate::zend::{E_DEPRECATED, Zv, eg, functions, zend_function};

thread_local! {
    /// The script's own loop.
    static OWN: RefCell<Option<Rc<EventLoop>>> = const { RefCell::new(None) };
    /// The loop that has been used for descriptors and the like.
    static CREATED: Cell<*const EventLoop> = const { Cell::new(null()) };
    /// The loop that [`wait`] turns.
    static RUNNING: Cell<*const EventLoop> = const { Cell::new(null()) };
    /// The loop that was told to end.
    static EXITED: Cell<bool> = const { Cell::new(false) };
    /// A callback has ended the script: nothing more is called.
    static LEFT: Cell<bool> = const { Cell::new(false) };
    /// PHP calls us at the end of the script.
    static REGISTERED: Cell<bool> = const { Cell::new(false) };
}

/// The server's process this is, unless it is a child that the script forked there.
pub(crate) fn server() -> Option<&'static Context> {
    globals::context().filter(|context| !context.is_forked_child())
}

/// Whether the script runs the loop of this process of a server itself, as a user process does.
pub(crate) fn is_own(context: &Context) -> bool {
    matches!(context.role(), Role::UserProcess(_))
}

/// A process of a server whose role runs the loop.
fn run_by_role() -> bool {
    server().is_some_and(|context| !is_own(context))
}

/// The loop of this process.
pub(crate) fn current() -> Rc<EventLoop> {
    if let Some(context) = server() {
        return Rc::clone(context.event_loop());
    }
    OWN.with_borrow_mut(|own| match own {
        Some(own) if !own.is_inherited() => Rc::clone(own),
        _ => {
            let fresh = EventLoop::new();
            forget(own.replace(Rc::clone(&fresh))); // the parent's
            fresh
        }
    })
}

/// This loop is used for something else than timers.
pub(crate) fn note_created() {
    let own = current();
    CREATED.set(Rc::as_ptr(&own));
}

/// Whether it has been.
pub(crate) fn is_created() -> bool {
    let own = current();
    CREATED.get() == Rc::as_ptr(&own)
}

/// Whether this loop exists as far as scripts are concerned: always in a server's process.
pub(crate) fn is_ready() -> bool {
    server().is_some() || is_created()
}

/// Something has been put into the loop: without a server, the end of the script must not be the end of that.
pub(crate) fn see_to_the_end() {
    if server().is_some() || REGISTERED.replace(true) {
        return;
    }
    let Some(register) = function(c"register_shutdown_function") else {
        return; // the configuration has taken it away: then scripts call wait() themselves
    };
    let callable = Zv::text(b"Skep\\Event::rshutdown");
    call::internal(register, &mut [callable]).release();
    callable.release();
}

fn function(name: &std::ffi::CStr) -> Option<*mut zend_function> {
    // SAFETY: PHP's table of functions and a text in memory; the entry, if there is one, is a function's.
    unsafe {
        let found = zend_hash_str_find(functions(), name.as_ptr(), name.count_bytes());
        (!found.is_null()).then(|| (*found).value.func)
    }
}

/// Turn the script's loop until it has nothing left to do. Nothing in a server's process whose role turns it, and within
/// a callback of the loop.
pub(crate) fn wait() {
    let own = current();
    let this = Rc::as_ptr(&own);
    if run_by_role() || RUNNING.get() == this {
        return;
    }
    RUNNING.set(this);
    EXITED.set(false);
    while own.is_alive() && !EXITED.get() {
        let step = match server() {
            Some(context) => context.turn_and_wait(),
            None => own.turn_and_wait(),
        };
        if own.is_inherited() {
            break; // in a child, which came back from a callback
        }
        if step.is_ok() && !pending() && !globals::bailed() {
            deliver_signals();
        }
        if step.is_err() || pending() || globals::bailed() {
            LEFT.set(!may_be_caught());
            break;
        }
    }
    RUNNING.set(null());
    if !own.is_inherited() && !globals::bailed() {
        watches::release_closed();
    }
    if !own.is_alive() {
        CREATED.set(null());
    }
}

/// PHP's own signal handlers (of pcntl) run between two instructions of PHP code, and there may be none for long.
fn deliver_signals() {
    // SAFETY: PHP's globals; an atomic flag for PHP as well.
    let flag = unsafe { &*(&raw const (*eg()).vm_interrupt).cast::<AtomicBool>() };
    if flag.load(Relaxed) && function(c"pcntl_signal_dispatch").is_some() {
        let name = Zv::text(b"pcntl_signal_dispatch");
        call::invoke(&Frame::new(Target::Named(name)));
        name.release();
    }
}

/// One turn, without a sleep.
pub(crate) fn dispatch() {
    let own = current();
    let step = match server() {
        Some(context) => context.dispatch(),
        None => own.dispatch(),
    };
    if step.is_err() && !run_by_role() && !own.is_inherited() {
        LEFT.set(!may_be_caught());
    }
}

/// Have the loop end.
pub(crate) fn exit() {
    match server() {
        // The worker ends, and another one takes its place. Master and manager have more to do than this.
        Some(context) if context.worker_id().is_some() => {
            let _ = context.stop(None); // never refused in a worker
        }
        Some(context) if !is_own(context) => {}
        _ => EXITED.set(true),
    }
}

/// PHP's call at the end of the script.
pub(crate) fn at_the_end() {
    let ended = LEFT.get() || globals::bailed() || call::exit_status() == 255;
    if server().is_some() || ended || !current().is_alive() {
        return;
    }
    // SAFETY: C texts without arguments. An error handler of the script may run, and nothing is owned here.
    unsafe {
        php_error_docref(
            null(),
            E_DEPRECATED,
            c"Event::wait() in shutdown function is deprecated".as_ptr(),
        );
    }
    if !pending() {
        wait();
    }
}

/// A child that runs nothing but a callback of the script has come to its end: first its loop. An exception is pending
/// if a callback has thrown one.
pub(crate) fn finish() {
    if !LEFT.get() && !pending() && !globals::bailed() {
        wait();
    }
}

/// The server of this process is over: its loop goes. `returns`: the script goes on in this process.
pub(crate) fn close(returns: bool) {
    let Some(context) = server() else { return };
    context.event_loop().clear();
    jobs::drop_all(returns && !globals::bailed());
}

/// Call a PHP callable from the loop whenever this signal comes. Refused as [`EventLoop::on_signal`] does.
pub(crate) fn signal(number: i32, callable: Zv, keeps_alive: bool) -> Result<(), Refused> {
    jobs::on_signal(number, callable, keeps_alive)
}

/// What the signal did before holds again. False: there was no callable.
pub(crate) fn forget_signal(number: i32) -> bool {
    jobs::off_signal(number)
}

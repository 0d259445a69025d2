//! `worker_deadline` in PHP code: the callback ends as PHP's own time limit ends a script.
//!
//! The manager notes in shared memory that the worker is overdue and sends SIGTERM. The signal handler sets
//! PHP's interrupt flag, which the interpreter looks at in every loop and call, compiled code in loops; there the
//! fatal error is raised, so shutdown functions run. Code that does not look, in C or in compiled recursion, is killed a
//! moment later by the manager.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering::Relaxed};

use ext_php_rs::ffi::zend_interrupt_function;
use skep::Context;

use crate::globals;
use crate::zend::{E_ERROR, eg, zend_error, zend_execute_data};

/// PHP's `EG(vm_interrupt)`; null until a worker watches.
static FLAG: AtomicPtr<AtomicBool> = AtomicPtr::new(null_mut());
/// The interrupt function that was there before ours (of pcntl, usually), as a pointer.
static BEFORE: AtomicPtr<()> = AtomicPtr::new(null_mut());
/// The error has been raised: what runs after it, shutdown functions, is the end already.
static RAISED: AtomicBool = AtomicBool::new(false);

type Interrupt = unsafe extern "C" fn(*mut zend_execute_data);

const _: () = assert!(size_of::<ext_php_rs::ffi::zend_atomic_bool>() == size_of::<AtomicBool>());

/// Get in line for PHP's interrupts. At module startup: the JIT writes the address of what it finds there
/// into its code, once and before any script.
pub(crate) fn install() {
    // SAFETY: PHP's variable, written on its one thread before any script runs.
    unsafe {
        if let Some(before) = zend_interrupt_function {
            BEFORE.store(before as *mut (), Relaxed);
        }
        zend_interrupt_function = Some(interrupted);
    }
}

/// Watch the deadline in this process, a worker.
pub(crate) fn watch(context: &Context) {
    context.on_term_signal(prepare());
}

/// What a signal handler may call, so that the interpreter calls [`interrupted`] between two instructions.
pub(crate) fn prepare() -> extern "C" fn() {
    // SAFETY: only the address is taken. The flag is an atomic byte for PHP as well, which sets it from signal
    // handlers itself.
    FLAG.store(unsafe { &raw mut (*eg()).vm_interrupt }.cast(), Relaxed);
    interrupt
}

/// In the signal handler.
extern "C" fn interrupt() {
    // SAFETY: null or PHP's flag, which is never freed.
    if let Some(flag) = unsafe { FLAG.load(Relaxed).as_ref() } {
        flag.store(true, Relaxed);
    }
}

/// PHP calls this between two instructions once the flag is set.
unsafe extern "C" fn interrupted(frame: *mut zend_execute_data) {
    if globals::context().is_some_and(Context::is_overdue) && !RAISED.swap(true, Relaxed) {
        // SAFETY: a C text without arguments. This leaves by a longjmp, and nothing here needs dropping.
        unsafe {
            zend_error(
                E_ERROR,
                c"Maximum execution time of worker_deadline exceeded".as_ptr(),
            );
        }
    }
    crate::classes::pool::note_stop();
    let before = BEFORE.load(Relaxed);
    if !before.is_null() {
        // SAFETY: what `install` found in PHP's variable of this type.
        unsafe { std::mem::transmute::<*mut (), Interrupt>(before)(frame) };
    }
}

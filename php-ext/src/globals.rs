//! State of the module: one of each per process, used on PHP's one thread.

use std::any::Any;
use std::ptr::null_mut;
use std::rc::Rc;
use std::sync::atomic::{
    AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering::Relaxed,
};

use skep::Context;

use crate::callbacks::PhpHandler;
use crate::zend::{zend_class_entry, zend_object};

/// PHP's classes of this module.
pub(crate) struct Classes {
    pub(crate) event: AtomicPtr<zend_class_entry>,
    pub(crate) packet: AtomicPtr<zend_class_entry>,
    pub(crate) pipe_message: AtomicPtr<zend_class_entry>,
    pub(crate) status_info: AtomicPtr<zend_class_entry>,
    pub(crate) task_result: AtomicPtr<zend_class_entry>,
    pub(crate) lost_task: AtomicPtr<zend_class_entry>,
    pub(crate) exception: AtomicPtr<zend_class_entry>,
    pub(crate) error: AtomicPtr<zend_class_entry>,
    pub(crate) timers: AtomicPtr<zend_class_entry>,
}

/// Set at module startup.
pub(crate) static CLASSES: Classes = Classes {
    event: AtomicPtr::new(null_mut()),
    packet: AtomicPtr::new(null_mut()),
    pipe_message: AtomicPtr::new(null_mut()),
    status_info: AtomicPtr::new(null_mut()),
    task_result: AtomicPtr::new(null_mut()),
    lost_task: AtomicPtr::new(null_mut()),
    exception: AtomicPtr::new(null_mut()),
    error: AtomicPtr::new(null_mut()),
    timers: AtomicPtr::new(null_mut()),
};

static LAST_ERROR: AtomicI32 = AtomicI32::new(0);
/// The one server of this process that is not over yet.
static LIVE: AtomicPtr<zend_object> = AtomicPtr::new(null_mut());
/// What the running server gave this process; held alive by the handler.
static CONTEXT: AtomicPtr<Context> = AtomicPtr::new(null_mut());
/// Guarded calls on the stack.
static DEPTH: AtomicU32 = AtomicU32::new(0);
/// A fatal error has passed a guarded call: PHP must be left by another bailout.
static BAILED: AtomicBool = AtomicBool::new(false);
/// A panic has been logged; the process is on its way out.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// Tasks that this task worker has begun.
static TASKS: AtomicU64 = AtomicU64::new(0);
/// The one at hand, counted from 1; 0: none.
static TASK: AtomicU64 = AtomicU64::new(0);
/// Message callbacks on the stack.
static IN_MESSAGE: AtomicBool = AtomicBool::new(false);

/// What `getLastError()` says.
pub(crate) fn last_error() -> i32 {
    LAST_ERROR.load(Relaxed)
}

/// Remember a refusal. A success does not clear it.
pub(crate) fn set_last_error(code: i32) {
    LAST_ERROR.store(code, Relaxed);
}

/// The live server, null if there is none.
pub(crate) fn live() -> *mut zend_object {
    LIVE.load(Relaxed)
}

/// Make `server` the live one; null: none.
pub(crate) fn set_live(server: *mut zend_object) {
    LIVE.store(server, Relaxed);
}

/// The running server's context; none before `start()` and after it.
pub(crate) fn context() -> Option<&'static Context> {
    // SAFETY: set by `attach`; a reference is kept until `drop_context`, which comes after the engine has returned; no method of the extension is on the stack at that moment but start().
    unsafe { CONTEXT.load(Relaxed).as_ref() }
}

/// Give this process its context. One that was inherited by fork belongs to the parent and is left alone.
pub(crate) fn set_context(context: &Rc<Context>) {
    CONTEXT.store(Rc::into_raw(Rc::clone(context)).cast_mut(), Relaxed);
}

/// The server is over in this process.
pub(crate) fn drop_context() {
    let context = CONTEXT.swap(null_mut(), Relaxed);
    if !context.is_null() {
        // SAFETY: made by `into_raw` in `set_context`, and taken out of the static.
        drop(unsafe { Rc::from_raw(context) });
    }
}

/// The handler of the server that runs; null if none does.
static HANDLER: AtomicPtr<PhpHandler> = AtomicPtr::new(null_mut());

/// The handler of the server that runs.
pub(crate) fn handler() -> Option<&'static PhpHandler> {
    // SAFETY: set by `attach` to the handler that `start()` holds; taken back before that lets it go.
    unsafe { HANDLER.load(Relaxed).as_ref() }
}

/// This one is it.
pub(crate) fn set_handler(handler: Option<&PhpHandler>) {
    let handler = handler.map_or(null_mut(), |handler| std::ptr::from_ref(handler).cast_mut());
    HANDLER.store(handler, Relaxed);
}

/// Enter a guarded call; returns how many there were before.
pub(crate) fn deepen() -> u32 {
    let depth = DEPTH.load(Relaxed);
    DEPTH.store(depth + 1, Relaxed);
    depth
}

/// Leave a guarded call: back to `depth`.
pub(crate) fn set_depth(depth: u32) {
    DEPTH.store(depth, Relaxed);
}

/// Whether a fatal error waits to be passed on; from now on it does not.
pub(crate) fn take_bailed() -> bool {
    BAILED.swap(false, Relaxed)
}

/// Whether a fatal error waits to be passed on.
pub(crate) fn bailed() -> bool {
    BAILED.load(Relaxed)
}

/// A fatal error has been caught.
pub(crate) fn set_bailed() {
    BAILED.store(true, Relaxed);
}

/// Whether this process has panicked.
pub(crate) fn panicked() -> bool {
    PANICKED.load(Relaxed)
}

/// Write what a panic said to the server's log.
pub(crate) fn log_panic(payload: Box<dyn Any + Send>) {
    PANICKED.store(true, Relaxed);
    let said = match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "no text",
    };
    let line = format!("callback() (ERRNO 503): Rust panic: {said}");
    match context() {
        Some(context) => context.log_error(&line),
        None => eprintln!("skep: {line}"),
    }
}

/// A task begins.
pub(crate) fn begin_task() {
    let task = TASKS.load(Relaxed) + 1;
    TASKS.store(task, Relaxed);
    TASK.store(task, Relaxed);
}

/// It is over.
pub(crate) fn end_task() {
    TASK.store(0, Relaxed);
}

/// Number of the task at hand within this process, from 1; 0 if there is none.
pub(crate) fn task() -> u64 {
    TASK.load(Relaxed)
}

/// A message callback begins or ends.
pub(crate) fn set_in_message(inside: bool) {
    IN_MESSAGE.store(inside, Relaxed);
}

/// Whether this is the callback of a message.
pub(crate) fn in_message() -> bool {
    IN_MESSAGE.load(Relaxed)
}

/// Guarded calls on the stack.
pub(crate) fn depth() -> u32 {
    DEPTH.load(Relaxed)
}

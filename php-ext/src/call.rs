//! The one place that calls user code.
//!
//! PHP leaves a callback in four ways: it returns; with an exception pending; by `exit()`, which is a
//! pending exception of a hidden class; or by a longjmp after a fatal error, which runs no Rust
//! destructor. The call is therefore made in [`enter`], below which only C and PHP frames and plain
//! data lie, and everything else happens after `zend_try` has ended.

use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use ext_php_rs::ffi::{
    ext_php_rs_process_globals, zend_call_known_function, zend_hash_str_find, zend_read_property,
};

use skep::{Death, Packet};

use crate::classes::data::{self, Shape};
use crate::exception::{code, pending, warn};
use crate::opcache::{self, Before};
use crate::payload::{self, Payload};
use crate::zend::{
    Ctx, E_ERROR, Zv, bytes, eg, functions, is_a, kind, try_call, zend_clear_exception,
    zend_exception_error, zend_fcall_info_cache, zend_function, zend_is_unwind_exit, zend_object,
    zend_throw_unwind_exit, zval,
};
use crate::{bootstrap, convert, globals};

/// Most arguments a callback has.
pub(crate) const MAX_ARGS: usize = 6;

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

/// A call: plain data only, see the module's text.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    target: Target,
    args: [Zv; MAX_ARGS],
    count: u32,
    /// Bytes of the last argument, made into a string inside the guard; null if it is in `args`.
    data: *const u8,
    len: usize,
    /// What the bytes are, as `SWOOLE_TASK_*`.
    flags: u8,
    /// What the bytes become part of: one object; null if they are an argument of their own.
    shape: *const Shape,
    /// What the last argument is made of, for a worker's death; null if there is none.
    death: *const Death,
    /// What comes after the bytes, for a datagram; null if there is none.
    packet: *const Packet,
    /// One more argument behind those.
    extra: Zv,
    /// All arguments, in place of `args`; null if there they are.
    list: *const Zv,
    list_len: u32,
    /// A reference that is given back after the call.
    owned: Zv,
    /// Where the returned value goes.
    wanted: Wanted,
}

/// Where a returned value goes.
#[derive(Clone, Copy)]
enum Wanted {
    Nowhere,
    Number(*mut Answer),
    Result(*mut Option<Payload>),
}

/// What a function has returned.
#[derive(Clone, Copy, Default)]
pub(crate) struct Answer {
    /// As PHP converts; none for null.
    number: Option<i64>,
    /// Number of workers, if a worker's id is expected.
    workers: Option<u32>,
    /// A text is expected.
    wants_text: bool,
    /// It, with one reference.
    text: Option<Zv>,
}

impl Answer {
    /// For a function that names a worker: a number beyond the last one is a warning, and none.
    pub(crate) fn for_worker(workers: u32) -> Answer {
        Answer {
            workers: Some(workers),
            ..Answer::default()
        }
    }

    /// For a function that gives a text.
    pub(crate) fn for_text() -> Answer {
        Answer {
            wants_text: true,
            ..Answer::default()
        }
    }

    /// The text, with one reference; none if it was something else.
    pub(crate) fn text(&self) -> Option<Zv> {
        self.text
    }

    pub(crate) fn number(&self) -> Option<i64> {
        self.number
    }

    /// Runs under `zend_try`.
    fn take(&mut self, returned: Zv) {
        if matches!(returned.kind(), kind::NULL | kind::UNDEF) {
            return;
        }
        if self.wants_text {
            self.text = (returned.kind() == kind::STRING).then(|| returned.share());
            return;
        }
        let number = convert::integer(returned);
        if self
            .workers
            .is_some_and(|workers| number >= i64::from(workers))
        {
            return warn(
                code::FATAL,
                format_args!("invalid target worker-id[{number}]"),
            );
        }
        self.number = Some(number);
    }
}

impl Frame {
    /// A call without arguments.
    pub(crate) fn new(target: Target) -> Frame {
        Frame {
            target,
            args: [Zv::NULL; MAX_ARGS],
            count: 0,
            data: std::ptr::null(),
            len: 0,
            flags: 0,
            shape: std::ptr::null(),
            death: std::ptr::null(),
            packet: std::ptr::null(),
            extra: Zv::UNDEF,
            list: std::ptr::null(),
            list_len: 0,
            owned: Zv::UNDEF,
            wanted: Wanted::Nowhere,
        }
    }

    /// One more argument; the caller keeps its reference.
    pub(crate) fn with(mut self, arg: Zv) -> Frame {
        self.args[self.count as usize] = arg;
        self.count += 1;
        self
    }

    /// A last argument, copied once, into the string that the callback gets.
    pub(crate) fn with_bytes(mut self, data: &[u8]) -> Frame {
        self.data = data.as_ptr();
        self.len = data.len();
        self
    }

    /// As `with_bytes`, for what has travelled as a [`Payload`].
    pub(crate) fn with_payload(mut self, data: &[u8], flags: u8) -> Frame {
        self.flags = flags;
        self.with_bytes(data)
    }

    /// An object made inside the guard; bytes become part of it.
    pub(crate) fn with_object(mut self, shape: &Shape) -> Frame {
        self.shape = shape;
        self
    }

    /// One more argument behind all that, which counts no references; not for functions of PHP itself.
    pub(crate) fn with_extra(mut self, extra: Zv) -> Frame {
        if !self.is_internal() {
            self.extra = extra;
        }
        self
    }

    /// Give this reference back after the call.
    pub(crate) fn owning(mut self, value: Zv) -> Frame {
        self.owned = value;
        self
    }

    /// An argument behind the bytes: what is known of a datagram.
    pub(crate) fn with_packet(mut self, packet: &Packet) -> Frame {
        self.packet = packet;
        self
    }

    /// All arguments, which the caller holds during the call.
    pub(crate) fn with_list(mut self, list: &[Zv]) -> Frame {
        self.list = list.as_ptr();
        self.list_len = list.len() as u32;
        self
    }

    /// The returned value is wanted, there.
    pub(crate) fn asking(mut self, answer: &mut Answer) -> Frame {
        self.wanted = Wanted::Number(answer);
        self
    }

    /// The returned value is a result, unless it is null. It is put there, with one reference.
    pub(crate) fn wanting(mut self, result: &mut Option<Payload>) -> Frame {
        self.wanted = Wanted::Result(result);
        self
    }

    /// Whether the function is one of PHP itself: those refuse arguments they do not know.
    fn is_internal(&self) -> bool {
        match self.target {
            // SAFETY: resolved at registration, and its callable is held by the server object.
            Target::Known(cache) => unsafe { (*cache.function_handler).type_ == INTERNAL_FUNCTION },
            _ => false,
        }
    }

    /// A last argument, an array made inside the guard. Functions of PHP itself refuse arguments they do
    /// not know, so those do without.
    pub(crate) fn with_death(mut self, death: &Death) -> Frame {
        if !self.is_internal() {
            self.death = death;
        }
        self
    }
}

/// `ZEND_INTERNAL_FUNCTION`.
const INTERNAL_FUNCTION: u8 = 1;

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
            None => return false,
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

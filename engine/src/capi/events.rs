//! Timers, calls put off and descriptors of the program's own, in the processes of a running server.

use std::ffi::c_void;

use super::guard::{Out, guard};
use super::handle::{get, skep_server};
use super::status::{Fault, SKEP_INVALID_ARGUMENT, skep_status};
use crate::{Context, Readiness, Step, TimerId};

/// Number of a timer: from 1 in each process, never given twice.
pub type skep_timer_id = u64;

/// A timer's callback.
pub type skep_timer_callback = Option<
    unsafe extern "C" fn(server: *mut skep_server, timer: skep_timer_id, user_data: *mut c_void),
>;

/// A call that was put off.
pub type skep_deferred_callback =
    Option<unsafe extern "C" fn(server: *mut skep_server, user_data: *mut c_void)>;

/// What a descriptor is to be, or is, ready for: SKEP_READABLE, SKEP_WRITABLE, or both added.
pub type skep_readiness = u32;

/// Reading does not block. The other end may have closed.
pub const SKEP_READABLE: skep_readiness = 1;
/// Writing does not block. The descriptor may be broken.
pub const SKEP_WRITABLE: skep_readiness = 2;

/// A descriptor's callback.
pub type skep_watch_callback = Option<
    unsafe extern "C" fn(
        server: *mut skep_server,
        descriptor: i32,
        ready: skep_readiness,
        user_data: *mut c_void,
    ),
>;

/// A callback of the program with what it wants back.
#[derive(Clone, Copy)]
struct Job<F> {
    server: *mut skep_server,
    callback: F,
    user_data: *mut c_void,
}

impl<F: Copy> Job<F> {
    fn new(
        server: *mut skep_server,
        callback: Option<F>,
        user_data: *mut c_void,
    ) -> Result<Job<F>, Fault> {
        let callback = callback.ok_or_else(|| Fault::null("callback"))?;
        Ok(Job {
            server,
            callback,
            user_data,
        })
    }

    /// Make the call, and see whether it wants the process to end.
    fn run(&self, call: impl FnOnce(&Job<F>)) -> Step {
        call(self);
        // SAFETY: the handle was checked when the job was made, and lives as long as the server runs.
        unsafe { get(self.server) }.map_or(Ok(()), skep_server::step)
    }
}

/// Do something in the process that calls.
///
/// # Safety
/// As for [`get`].
unsafe fn here(
    server: *mut skep_server,
    body: impl FnOnce(&Context) -> Result<(), Fault>,
) -> skep_status {
    guard(|| {
        // SAFETY: by this function's own contract.
        let server = unsafe { get(server) }?;
        body(&*server.context()?)
    })
}

fn no_timer(timer: TimerId) -> Fault {
    let text = format!("no timer of this process has the id {timer}");
    Fault::new(SKEP_INVALID_ARGUMENT, text)
}

/// # Safety
/// As for [`get`] and [`Out::new`].
unsafe fn add_timer(
    server: *mut skep_server,
    ms: u64,
    repeats: bool,
    callback: skep_timer_callback,
    user_data: *mut c_void,
    out: *mut skep_timer_id,
) -> skep_status {
    // SAFETY: by this function's own contract.
    unsafe {
        here(server, |context| {
            let out = Out::new(out, "out")?;
            let job = Job::new(server, callback, user_data)?;
            let run = move |_: &Context, id| {
                // SAFETY: the program's function, called as documented.
                job.run(|job| (job.callback)(job.server, id, job.user_data))
            };
            out.set(match repeats {
                true => context.tick(ms, run)?,
                false => context.after(ms, run)?,
            });
            Ok(())
        })
    }
}

/// Call `callback` every `ms` milliseconds in the calling process, the first time after as many. Calls come on the grid of
/// the first one; periods that a slow callback has missed are skipped. Timers that are due together come in the order of
/// due time and id.
///
/// A timer lives until it is cleared or its process ends. A worker that is to end waits until its timers are gone, but no
/// longer than max_wait_time: clear them in the callback of skep_server_on_worker_exit().
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched. `out` is the caller's.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (less than 1 ms), SKEP_STATE (in a child that a callback has forked),
///   SKEP_NOT_RUNNING, SKEP_WRONG_THREAD; there is then no timer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_timer_tick(
    server: *mut skep_server,
    ms: u64,
    callback: skep_timer_callback,
    user_data: *mut c_void,
    out: *mut skep_timer_id,
) -> skep_status {
    // SAFETY: handle and room for the answer are the caller's, as documented.
    unsafe { add_timer(server, ms, true, callback, user_data, out) }
}

/// Call `callback` once, after `ms` milliseconds. Otherwise as skep_timer_tick().
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched. `out` is the caller's.
/// Callable from: any process, in a callback.
/// Errors: as skep_timer_tick().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_timer_after(
    server: *mut skep_server,
    ms: u64,
    callback: skep_timer_callback,
    user_data: *mut c_void,
    out: *mut skep_timer_id,
) -> skep_status {
    // SAFETY: handle and room for the answer are the caller's, as documented.
    unsafe { add_timer(server, ms, false, callback, user_data, out) }
}

/// Take a timer of the calling process away, also within its own callback.
///
/// Ownership: none.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (no such timer; one that is called once is gone when it is called),
///   SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_timer_clear(
    server: *mut skep_server,
    timer: skep_timer_id,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe {
        here(server, |context| match context.clear_timer(timer) {
            true => Ok(()),
            false => Err(no_timer(timer)),
        })
    }
}

/// Number of timers that the calling process has.
///
/// Ownership: `out` is the caller's.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_timer_count(server: *mut skep_server, out: *mut u64) -> skep_status {
    // SAFETY: handle and room for the answer are the caller's, as documented.
    unsafe {
        here(server, |context| {
            Out::new(out, "out")?.set(context.timer_stats().num);
            Ok(())
        })
    }
}

/// Call `callback` when the callback at hand, and others that are due now, have returned.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE (in a child that a callback has forked), SKEP_NOT_RUNNING, SKEP_WRONG_THREAD;
///   nothing is then called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_defer(
    server: *mut skep_server,
    callback: skep_deferred_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe {
        here(server, |context| {
            let job = Job::new(server, callback, user_data)?;
            // SAFETY: the program's function, called as documented.
            let run = move |_: &Context| job.run(|job| (job.callback)(job.server, job.user_data));
            Ok(context.defer(run)?)
        })
    }
}

/// Run the event loop of a user process until nothing is left to wait for: no timer, no descriptor, no call put off; or until a
/// callback wants the end of the process. Processes whose loop is run for them, and callbacks of a loop, get SKEP_OK at once.
///
/// Ownership: none.
/// Callable from: user process, in its function.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD; nothing is then run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_run_event_loop(server: *mut skep_server) -> skep_status {
    guard(|| {
        // SAFETY: the handle is the caller's, as documented.
        let server = unsafe { get(server) }?;
        let context = server.context()?;
        if let Err(leave) = context.run_event_loop() {
            server.put_off(leave);
        }
        Ok(())
    })
}

fn wanted(readiness: skep_readiness) -> Result<Readiness, Fault> {
    if readiness == 0 || readiness & !(SKEP_READABLE | SKEP_WRITABLE) != 0 {
        return Err(Fault::new(
            SKEP_INVALID_ARGUMENT,
            format!("{readiness} is no sum of SKEP_READABLE and SKEP_WRITABLE"),
        ));
    }
    Ok(Readiness {
        read: readiness & SKEP_READABLE != 0,
        write: readiness & SKEP_WRITABLE != 0,
    })
}

fn number(readiness: Readiness) -> skep_readiness {
    skep_readiness::from(readiness.read) * SKEP_READABLE
        + skep_readiness::from(readiness.write) * SKEP_WRITABLE
}

/// Call `callback` in the calling process whenever `descriptor` is ready for what is `wanted`, again and again as long as it
/// is. A worker that is to end waits for watched descriptors as for timers.
///
/// Ownership: `descriptor` and `user_data` stay the caller's; skep_unwatch() comes before close().
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (`wanted`), SKEP_SYSTEM (EEXIST: watched already; EPERM: a file, which
///   is always ready; EBADF), SKEP_STATE (in a child that a callback has forked), SKEP_NOT_RUNNING, SKEP_WRONG_THREAD; the
///   descriptor is then not watched, or as before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_watch(
    server: *mut skep_server,
    descriptor: i32,
    wanted: skep_readiness,
    callback: skep_watch_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe {
        here(server, |context| {
            let wanted = self::wanted(wanted)?;
            let job = Job::new(server, callback, user_data)?;
            let run = move |_: &Context, fd, ready| {
                // SAFETY: the program's function, called as documented.
                job.run(|job| (job.callback)(job.server, fd, number(ready), job.user_data))
            };
            Ok(context.watch(descriptor, wanted, run)?)
        })
    }
}

/// Watch a descriptor that is watched for something else.
///
/// Ownership: none.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (`wanted`), SKEP_SYSTEM (ENOENT: it is not watched), SKEP_STATE (in a
///   child that a callback has forked), SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_rewatch(
    server: *mut skep_server,
    descriptor: i32,
    wanted: skep_readiness,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe {
        here(server, |context| {
            Ok(context.rewatch(descriptor, self::wanted(wanted)?)?)
        })
    }
}

/// Do not watch a descriptor any more.
///
/// Ownership: none.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (it is not watched), SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_unwatch(server: *mut skep_server, descriptor: i32) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe {
        here(server, |context| match context.unwatch(descriptor) {
            true => Ok(()),
            false => Err(Fault::new(
                SKEP_INVALID_ARGUMENT,
                format!("descriptor {descriptor} is not watched"),
            )),
        })
    }
}

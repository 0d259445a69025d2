//! The fuse of an orphan: what ends a process whose supervisors are dead, if user code keeps it busy.
//!
//! The kernel tells of a parent's death by a real-time signal that nobody else uses, so a script's own SIGALRM, SIGTERM or
//! SIGPWR is nothing to it. Its handler looks whether anybody is left above; if not, a timer sends SIGKILL, which nothing
//! catches and nothing blocks. What a process does that has blocked the real-time signal as well, see `last_line`.

use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use super::{fork, signal};

/// How long a callback may go on after the supervisors are dead. Below the promised second.
const GRACE_NS: libc::c_long = 700_000_000;

/// What the kernel sends when the process that forked this one dies. High in the range: scripts count from its beginning,
/// and tools that watch a process take the very last ones.
pub(crate) fn parent_died() -> i32 {
    signal::realtime_max() - 5
}

/// Pid of the supervisor that forked this process; 0 where there is none to lose.
static SUPERVISOR: AtomicI32 = AtomicI32::new(0);
/// Pid of the process that takes over when the supervisor dies (the master, for workers).
static GUARDIAN: AtomicI32 = AtomicI32::new(0);
/// Pid of the process whose fuse burns: a child of a fork has no timers. 0: none does.
static LIT: AtomicI32 = AtomicI32::new(0);
/// The timer's number in that process.
static TIMER: AtomicI32 = AtomicI32::new(0);
/// What [`on_orphaned`] was given; 0 for none.
static HOOK: AtomicUsize = AtomicUsize::new(0);

/// From now on, call `hook` in the signal handler that finds this process's supervisors dead. It may do what is
/// async-signal-safe: load and store atomics, make plain system calls.
pub(crate) fn on_orphaned(hook: extern "C" fn()) {
    HOOK.store(hook as usize, Ordering::Release);
}

/// Name the process that forked this one and the one that inherits it (0: none), for the question whether this is an
/// orphan.
pub(crate) fn set_supervisor(supervisor: i32, guardian: i32) {
    GUARDIAN.store(guardian, Ordering::Relaxed);
    SUPERVISOR.store(supervisor, Ordering::Relaxed);
}

/// This process has no supervisor to lose.
pub(super) fn forget() {
    HOOK.store(0, Ordering::Release);
    set_supervisor(0, 0);
}

/// In a signal handler: light the fuse, if this process is an orphan. It burns once.
pub(super) fn look() {
    if !orphaned() {
        return;
    }
    // SAFETY: getpid has no preconditions.
    let own = unsafe { libc::getpid() };
    if LIT.swap(own, Ordering::AcqRel) == own {
        return;
    }
    if !fork::is_foreign() {
        signal::call_hook(&HOOK); // a child of user code is an orphan in this sense, and the hook is not its
    }
    if !light() {
        // No timer, no grace.
        // SAFETY: kill of this very process has no memory effects.
        unsafe { libc::kill(own, libc::SIGKILL) };
    }
}

fn orphaned() -> bool {
    let supervisor = SUPERVISOR.load(Ordering::Relaxed);
    // SAFETY: getppid has no preconditions.
    let parent = unsafe { libc::getppid() };
    supervisor != 0 && parent != supervisor && parent != GUARDIAN.load(Ordering::Relaxed)
}

/// By plain system calls: the C library's `timer_create` may allocate.
fn light() -> bool {
    // SAFETY: all zero is a valid `sigevent`.
    let mut event: libc::sigevent = unsafe { MaybeUninit::zeroed().assume_init() };
    event.sigev_notify = libc::SIGEV_SIGNAL;
    event.sigev_signo = libc::SIGKILL;
    let mut timer: libc::c_int = 0;
    // SAFETY: both point to whole values of the kernel's types; async-signal-safe as a plain system call.
    let made = unsafe {
        libc::syscall(
            libc::SYS_timer_create,
            libc::CLOCK_MONOTONIC,
            &raw const event,
            &raw mut timer,
        )
    };
    if made != 0 {
        return false;
    }
    TIMER.store(timer, Ordering::Relaxed);
    // SAFETY: all zero is a valid `itimerspec`.
    let mut once: libc::itimerspec = unsafe { MaybeUninit::zeroed().assume_init() };
    once.it_value.tv_nsec = GRACE_NS;
    // SAFETY: reads one whole struct, writes nothing; async-signal-safe.
    let set = unsafe {
        libc::syscall(
            libc::SYS_timer_settime,
            timer,
            0,
            &raw const once,
            null_mut::<libc::itimerspec>(),
        )
    };
    set == 0
}

/// The orphan stops in an orderly, bounded way: the fuse is put out.
pub(crate) fn put_out() {
    // SAFETY: getpid has no preconditions.
    let own = unsafe { libc::getpid() };
    if LIT.load(Ordering::Acquire) == own {
        // SAFETY: no pointers; the timer is this process's, and only this function deletes it.
        unsafe { libc::syscall(libc::SYS_timer_delete, TIMER.load(Ordering::Relaxed)) };
        LIT.store(0, Ordering::Release);
    }
}

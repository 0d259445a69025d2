//! Signals that user code listens to: noted in a handler, delivered by the event loop.

use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;

use super::signal::{self, bit};

/// Bits of signals that have come and were not taken yet.
static CAME: AtomicU64 = AtomicU64::new(0);
/// An eventfd of this process's loop; -1 for none.
static WAKE: AtomicI32 = AtomicI32::new(-1);
/// What there was before somebody listened.
static BEFORE: Mutex<Vec<(i32, libc::sigaction)>> = Mutex::new(Vec::new());

extern "C" fn note(signal: libc::c_int) {
    // Everything here is async-signal-safe: atomics and one system call; errno is put back.
    let errno = Errno::last_raw();
    CAME.fetch_or(bit(signal), Ordering::AcqRel);
    let wake = WAKE.load(Ordering::Relaxed);
    if wake >= 0 {
        let one = 1u64;
        // SAFETY: write(2) of eight bytes from a local; a foreign descriptor would cause no more than a stray write.
        unsafe { libc::write(wake, (&raw const one).cast(), 8) };
    }
    Errno::set_raw(errno);
}

/// From now on note `number` and write to `wake`, an eventfd that outlives the listening. Refused (EBUSY) for
/// signals that the role of this process lives by.
pub(crate) fn listen(number: i32, wake: RawFd) -> io::Result<()> {
    if signal::is_owned(number) {
        return Err(Errno::EBUSY.into());
    }
    WAKE.store(wake, Ordering::Relaxed);
    let handler: extern "C" fn(libc::c_int) = note;
    let ours = signal::disposition(handler as libc::sighandler_t, 0);
    let before = signal::set_disposition(number, &ours)?;
    if before.sa_sigaction != ours.sa_sigaction {
        let mut kept = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != number);
        kept.push((number, before));
    }
    signal::unblock(&[number])
}

/// Do not listen any more: what was there before comes back.
pub(crate) fn forget(number: i32) {
    let mut kept = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(at) = kept.iter().position(|(known, _)| *known == number) {
        let (_, before) = kept.swap_remove(at);
        let _ = signal::set_disposition(number, &before);
    }
    CAME.fetch_and(!bit(number), Ordering::AcqRel);
}

/// Do not listen to anything any more.
pub(super) fn forget_all() {
    let mut kept = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    for (number, before) in kept.drain(..) {
        let _ = signal::set_disposition(number, &before);
    }
    forget_wake();
}

/// Whether this signal has come since the last call.
pub(crate) fn take(number: i32) -> bool {
    CAME.load(Ordering::Relaxed) & bit(number) != 0
        && CAME.fetch_and(!bit(number), Ordering::AcqRel) & bit(number) != 0
}

/// In the child of a fork: nobody's loop is to be woken, and what came to the parent is the parent's.
pub(super) fn forget_wake() {
    WAKE.store(-1, Ordering::Relaxed);
    CAME.store(0, Ordering::Relaxed);
}

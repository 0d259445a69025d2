//! Telling that a fork has happened, whoever called it: what belongs to one process is kept with the number it had.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use super::fork::Private;

/// Counts forks this process has made, and that which made it. Twice per fork in the parent: before and after,
/// so that what happens in another thread meanwhile has a number of its own.
static EPOCH: AtomicU64 = AtomicU64::new(0);
/// Counts processes from the first one down to this one.
static GENERATION: AtomicU64 = AtomicU64::new(0);
/// Descriptors that a child of a fork shall not have.
static CLOSED: Private = Private::new();

extern "C" fn count() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
}

extern "C" fn begin_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    CLOSED.take_each(|descriptor| {
        // SAFETY: close(2) is async-signal-safe, fit for the child of any process. Who owns the descriptor looks
        // at the generation, see `close_in_children`.
        unsafe { libc::close(descriptor) };
    });
}

/// Count from now on.
pub(crate) fn watch() {
    static WATCHED: Once = Once::new();
    // SAFETY: the handlers count and close only, fit for the child of any process; handlers stay for good.
    WATCHED.call_once(|| unsafe {
        libc::pthread_atfork(Some(count), Some(count), Some(begin_child));
    });
}

/// Changes with each fork, in the parent and in the child.
pub(crate) fn epoch() -> u64 {
    EPOCH.load(Ordering::Relaxed)
}

/// Changes in the child of each fork.
pub(crate) fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// A child shall find this descriptor closed; its owner must not close it there again: the [`generation`] tells.
pub(crate) fn close_in_children(descriptor: i32) {
    watch();
    CLOSED.add(descriptor);
}

/// The descriptor is about to be closed here.
pub(crate) fn forget(descriptor: i32) {
    CLOSED.remove(descriptor);
}

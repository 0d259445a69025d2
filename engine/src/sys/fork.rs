//! Making a child process.

use std::io;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::unistd::{ForkResult, Pid};

/// Which side of a fork this is.
pub(crate) enum Fork {
    /// The new process.
    Child,
    /// The old process, with the child's pid.
    Parent(i32),
}

/// Fork the calling process.
///
/// Only for a process with a single thread ([`threads`] tells): the child of a threaded process
/// could find the allocator or any other lock held by a thread that does not exist in it.
pub(crate) fn fork() -> io::Result<Fork> {
    debug_assert_eq!(threads(), 1, "fork in a process with several threads");
    // SAFETY: the process has one thread (checked by `Server::start` before the first fork; the
    // manager, the only process that forks later, never creates one), so the child inherits a
    // consistent heap and no foreign lock and may go on running ordinary code.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Child => {
            FOREIGN.store(false, Ordering::Relaxed);
            Ok(Fork::Child)
        }
        ForkResult::Parent { child } => Ok(Fork::Parent(Pid::as_raw(child))),
    }
}

/// Set in every child of a fork that is not ours: user code forked within a callback.
static FOREIGN: AtomicBool = AtomicBool::new(false);

extern "C" fn note_foreign_child() {
    FOREIGN.store(true, Ordering::Relaxed);
}

/// From now on, know the children that others fork off this process (and its descendants).
pub(crate) fn watch_foreign_forks() {
    static WATCHED: Once = Once::new();
    // SAFETY: the handler is a plain store, fit for the child of any process; handlers stay for good.
    WATCHED.call_once(|| unsafe {
        libc::pthread_atfork(None, None, Some(note_foreign_child));
    });
}

/// Whether user code forked this process: it has a role's memory, lanes and descriptors, but not the role.
pub(crate) fn is_foreign() -> bool {
    FOREIGN.load(Ordering::Relaxed)
}

/// Number of threads of this process; 1 if `/proc` cannot be read.
pub(crate) fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, |dir| dir.count().max(1))
}

/// Write out what Rust's and C's output streams have buffered in this process.
pub(crate) fn flush_stdio() {
    let _ = std::io::Write::flush(&mut std::io::stdout());
    // SAFETY: NULL means all output streams; this process has one thread, so none is locked.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

/// End this process at once: no destructors, no exit handlers of the host program.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit only ends the process; what it leaves undone is what the caller asks for.
    unsafe { libc::_exit(code) }
}

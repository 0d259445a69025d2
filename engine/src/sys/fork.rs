//! Making a child process.

use std::io;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, Ordering};

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
    OURS.store(true, Ordering::Relaxed);
    // SAFETY: the process has one thread (checked by `Server::start` before the first fork; the
    // manager, the only process that forks later, never creates one), so the child inherits a
    // consistent heap and no foreign lock and may go on running ordinary code.
    let forked = unsafe { nix::unistd::fork() };
    OURS.store(false, Ordering::Relaxed);
    match forked? {
        ForkResult::Child => Ok(Fork::Child),
        ForkResult::Parent { child } => Ok(Fork::Parent(Pid::as_raw(child))),
    }
}

/// Fork on behalf of user code: the child is none of the engine's processes. It has its own ends of signals, and
/// within a running server [`is_foreign`] holds there.
pub(crate) fn fork_for_user() -> io::Result<Fork> {
    // SAFETY: as pcntl_fork() does it in the same places: user code runs where the process has one thread (the
    // master, which has more, refuses before it comes here).
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Child => {
            super::signal::forget_role();
            Ok(Fork::Child)
        }
        ForkResult::Parent { child } => Ok(Fork::Parent(Pid::as_raw(child))),
    }
}

/// Set in every child of a fork that is not ours: user code forked within a callback.
static FOREIGN: AtomicBool = AtomicBool::new(false);

/// Set while a fork of ours goes on.
static OURS: AtomicBool = AtomicBool::new(false);

/// Descriptors that only the engine's own processes may hold.
static PRIVATE: Private = Private::new();

/// A list of descriptors that can be read at any instant, by the child of a fork at any place: it grows by blocks,
/// which are never moved and never freed.
pub(super) struct Private {
    /// -1 for none.
    slots: [AtomicI32; 32],
    next: AtomicPtr<Private>,
}

impl Private {
    pub(super) const fn new() -> Private {
        Private {
            slots: [const { AtomicI32::new(-1) }; 32],
            next: AtomicPtr::new(ptr::null_mut()),
        }
    }

    fn next(&self) -> Option<&'static Private> {
        // SAFETY: null, or a block that `add` has leaked.
        unsafe { self.next.load(Ordering::Acquire).as_ref() }
    }

    fn slots(&self) -> impl Iterator<Item = &AtomicI32> {
        let blocks = std::iter::successors(Some(self), |block| block.next());
        blocks.flat_map(|block| &block.slots)
    }

    pub(super) fn add(&self, descriptor: i32) {
        let free = |slot: &AtomicI32| {
            let claimed =
                slot.compare_exchange(-1, descriptor, Ordering::Relaxed, Ordering::Relaxed);
            claimed.is_ok()
        };
        if self.slots().any(free) {
            return;
        }
        let block = Private::new();
        block.slots[0].store(descriptor, Ordering::Relaxed);
        let block: *mut Private = Box::leak(Box::new(block));
        let mut last = self;
        // Another thread may add a block at the same time: then ours goes behind it.
        while last
            .next
            .compare_exchange(ptr::null_mut(), block, Ordering::AcqRel, Ordering::Acquire)
            .is_err()
        {
            last = last.next().unwrap_or(last);
        }
    }

    pub(super) fn remove(&self, descriptor: i32) {
        for slot in self.slots() {
            let _ = slot.compare_exchange(descriptor, -1, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Each of them, which is then off the list. Allocates nothing: fit for the child of any fork.
    pub(super) fn take_each(&self, mut taken: impl FnMut(i32)) {
        for slot in self.slots() {
            let descriptor = slot.swap(-1, Ordering::Relaxed);
            if descriptor >= 0 {
                taken(descriptor);
            }
        }
    }
}

/// A child that user code forks off this process shall not have this descriptor: it would keep the port, the
/// pid file's lock or a life-line alive after the server's end. Until [`share`] or the next process.
pub(crate) fn keep_private(descriptor: i32) {
    PRIVATE.add(descriptor);
}

/// The descriptor is closed, or anybody's.
pub(crate) fn share(descriptor: i32) {
    PRIVATE.remove(descriptor);
}

/// This process was forked by us and has dropped what was its parent's.
pub(crate) fn forget_private() {
    PRIVATE.take_each(|_| ());
}

extern "C" fn note_foreign_child() {
    if OURS.load(Ordering::Relaxed) {
        return;
    }
    FOREIGN.store(true, Ordering::Relaxed);
    PRIVATE.take_each(|descriptor| {
        // SAFETY: close(2) is async-signal-safe. In this child nobody runs the code that owns the descriptor: the
        // child ends in `role::fence` before any of it would.
        unsafe { libc::close(descriptor) };
    });
}

/// From now on, know the children that others fork off this process (and its descendants).
pub(crate) fn watch_foreign_forks() {
    static WATCHED: Once = Once::new();
    FOREIGN.store(false, Ordering::Relaxed); // a child of user code that begins a server of its own is that server's
    // SAFETY: the handler stores and closes only, fit for the child of any process; handlers stay for good.
    WATCHED.call_once(|| unsafe {
        libc::pthread_atfork(None, None, Some(note_foreign_child));
    });
}

/// Forks between the process that counted first and this one.
static GENERATION: AtomicU32 = AtomicU32::new(0);

extern "C" fn count_generation() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    super::user_signal::forget_wake(); // the parent's
}

/// A number that differs between this process and those that it was forked off, whoever has forked it, from the first
/// call on.
pub(crate) fn generation() -> u32 {
    static COUNTED: Once = Once::new();
    // SAFETY: the handler only stores to atomics, fit for the child of any process; handlers stay for good.
    COUNTED.call_once(|| unsafe {
        libc::pthread_atfork(None, None, Some(count_generation));
    });
    GENERATION.load(Ordering::Relaxed)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_private_descriptors_has_no_end() {
        let list = Private::new();
        std::thread::scope(|scope| {
            for start in [0, 100] {
                let list = &list;
                scope.spawn(move || (start..start + 100).for_each(|fd| list.add(fd)));
            }
        });
        for odd in (1..200).step_by(2) {
            list.remove(odd);
        }
        list.add(201); // in a place that is free again
        let mut left = Vec::new();
        list.take_each(|fd| left.push(fd));
        left.sort_unstable();
        let expected: Vec<i32> = (0..200).step_by(2).chain([201]).collect();
        assert_eq!(left, expected);
        list.take_each(|fd| panic!("{fd} is on the list twice"));
        assert!(list.slots().count() < 32 * 10);
    }
}

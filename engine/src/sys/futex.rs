//! Sleeping until a word in shared memory changes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use rustix::thread::futex::{self, Flags};

/// Why a sleep is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Somebody has called [`wake`].
    Woken,
    /// The word was not as expected.
    Changed,
    /// The time is up.
    Late,
    /// A signal handler has run.
    Interrupted,
}

/// Sleep while `word` is `expected`. The time is always limited: a sleep without a limit goes on by itself after a
/// signal handler that was installed to restart system calls, as the engine's are, and nobody would hear of it.
pub(crate) fn sleep(word: &AtomicU32, expected: u32, time: Duration) -> Wake {
    let time = time.try_into().ok();
    match futex::wait(word, Flags::empty(), expected, time.as_ref()) {
        Ok(()) => Wake::Woken,
        Err(Errno::TIMEDOUT) => Wake::Late,
        Err(Errno::INTR) => Wake::Interrupted,
        Err(_) => Wake::Changed, // EAGAIN; others cannot be for a valid word
    }
}

/// Wake up to `count` sleepers.
pub(crate) fn wake(word: &AtomicU32, count: u32) {
    // More than this the system call cannot count. It cannot fail for a valid word.
    let _ = futex::wake(word, Flags::empty(), count.min(i32::MAX as u32));
}

/// Have up to `count` of those who sleep on one word sleep on another, and say how many.
pub(crate) fn gather(from: &AtomicU32, to: &AtomicU32, count: u32) -> u32 {
    let count = count.min(i32::MAX as u32);
    loop {
        let seen = from.load(Ordering::SeqCst);
        match futex::cmp_requeue(from, Flags::empty(), 0, count, to, seen) {
            Ok(moved) => return moved as u32,
            Err(Errno::AGAIN | Errno::INTR) => {} // it has changed in between
            Err(_) => return 0,                   // cannot be for valid words
        }
    }
}

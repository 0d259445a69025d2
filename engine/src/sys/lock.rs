//! A lock on a file, held for as long as the file is open.

use std::fs::File;
use std::io;

use nix::fcntl::{Flock, FlockArg};

/// The lock, or the file back if somebody else holds it.
pub(crate) fn try_lock(file: File) -> Result<Flock<File>, (File, io::Error)> {
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(file, errno)| (file, errno.into()))
}

/// A locked file. Unlocked when dropped; a child that inherits the descriptor must [`abandon`] it.
pub(crate) type Locked = Flock<File>;

/// Close this process's copy without unlocking: the lock is the parent's.
pub(crate) fn abandon(locked: Locked) {
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    let raw = locked.as_raw_fd();
    std::mem::forget(locked); // its drop would unlock for the parent too: both share one open file
    // SAFETY: the forgotten value owned the descriptor, and nobody else does now.
    drop(unsafe { OwnedFd::from_raw_fd(raw) });
}

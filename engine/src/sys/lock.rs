//! A lock on a file, held for as long as the file is open; and opening files so that each process has locks of its own.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

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

/// Make sure that a file is there that can be locked: for that, reading it is enough.
pub(crate) fn make(path: &Path) -> io::Result<()> {
    let mut made = File::options();
    made.read(true).write(true).create(true).truncate(false);
    made.custom_flags(libc::O_NONBLOCK); // a fifo has no reader to wait for
    made.open(path).or_else(|error| match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => open(path),
        _ => Err(error),
    })?;
    Ok(())
}

/// Hold on to a file without opening its content: a process without the right to that may inherit it.
pub(crate) fn anchor(path: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .custom_flags(libc::O_PATH)
        .open(path)
}

/// The file behind an anchor, opened by this process; by its name where there is no `/proc` (a chroot), if that
/// still is the same file.
pub(crate) fn open_again(anchor: &File, path: &Path) -> io::Result<File> {
    use std::os::fd::AsRawFd;
    let by_anchor = open(Path::new(&format!("/proc/self/fd/{}", anchor.as_raw_fd())));
    by_anchor.or_else(|error| {
        let file = open(path)?;
        let (wanted, found) = (anchor.metadata()?, file.metadata()?);
        match (wanted.dev(), wanted.ino()) == (found.dev(), found.ino()) {
            true => Ok(file),
            false => Err(error),
        }
    })
}

fn open(path: &Path) -> io::Result<File> {
    let mut flags = File::options();
    flags.custom_flags(libc::O_NONBLOCK);
    // File systems of other machines lock exclusively only what is open for writing.
    let writable = flags.read(true).write(true).open(path);
    writable.or_else(|_| flags.write(false).open(path))
}

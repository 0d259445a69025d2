//! Life-lines: a pipe nobody writes to. The supervisor alone holds the write end, so the read end
//! reports a hang-up the moment the supervisor is gone, however it went.

use std::io;
use std::os::fd::OwnedFd;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

/// `(watch, hold)`: the end to watch for a hang-up, and the end the supervisor holds.
pub(crate) fn lifeline() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?)
}

/// `(watch, hold)`: an ordinary pipe, whose reads wait.
pub(crate) fn channel() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe2(OFlag::O_CLOEXEC)?)
}

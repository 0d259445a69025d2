//! The last line: a life-line that all supervisors of a process hold, and on whose end the kernel itself kills the process.
//!
//! A notice of a supervisor's death is of no use to a process that has blocked all signals. SIGKILL is, and the kernel sends
//! it for us: to the owner of an asynchronous descriptor (`O_ASYNC`, `F_SETSIG`), when the last write end of the pipe behind
//! it is closed, however that came. An owner belongs to an open file, which a fork shares, so each process opens the pipe anew.
//!
//! Before Linux 5.6 a reader that goes away raises the signal as well. So this is tried out before it is relied on.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::ready;
use super::{pipe, process, signal};

/// `(watch, hold)`: what processes end with, and the end that each supervisor holds. None if this system does not do as
/// described. Only in a process with one thread.
pub(crate) fn open() -> Option<(OwnedFd, OwnedFd)> {
    if !does_as_described().unwrap_or(false) {
        return None;
    }
    pipe::lifeline().ok()
}

/// From now on this process is killed when the last holder of the line is gone. False if there is none any more.
pub(crate) fn end_with(watch: &OwnedFd) -> io::Result<bool> {
    let own = ask_for(watch.as_fd(), libc::SIGKILL)?;
    // Nothing is sent for what had happened before.
    let ready = ready::wait(&[own.as_raw_fd()], Some(Duration::ZERO))?;
    std::mem::forget(own); // as long as the process lives
    Ok(ready != [true])
}

/// A descriptor of this process's own for the pipe, which has `number` sent here when the pipe breaks.
fn ask_for(watch: BorrowedFd<'_>, number: i32) -> io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", watch.as_raw_fd());
    let flags = libc::O_NONBLOCK | libc::O_CLOEXEC;
    let own = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let own = OwnedFd::from(own);
    order(own.as_raw_fd(), libc::F_SETOWN, process::pid())?;
    order(own.as_raw_fd(), F_SETSIG, number)?;
    let flags = OFlag::O_NONBLOCK | OFlag::O_ASYNC;
    fcntl(&own, FcntlArg::F_SETFL(flags))?;
    Ok(own)
}

/// fcntl(2), asm-generic/fcntl.h; the C library's binding does not have it.
const F_SETSIG: libc::c_int = 10;

fn order(descriptor: RawFd, command: libc::c_int, argument: libc::c_int) -> io::Result<()> {
    // SAFETY: both commands take a number and touch no memory.
    Errno::result(unsafe { libc::fcntl(descriptor, command, argument) })?;
    Ok(())
}

/// Whether the signal comes when the last holder goes away, and not when another reader does.
fn does_as_described() -> io::Result<bool> {
    let (watch, hold) = pipe::lifeline()?;
    // One that is ignored unless it is asked for. (A real-time signal that finds no room becomes SIGIO, which is deadly.)
    let number = libc::SIGURG;
    let blocked = signal::Blocked::new(number)?;
    let own = ask_for(watch.as_fd(), number)?;
    drop(ask_for(watch.as_fd(), number)?);
    let too_early = blocked.take()?;
    drop(hold);
    let in_time = blocked.take()?;
    drop(own);
    Ok(in_time && !too_early)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_nobody_holds_any_more_is_seen() {
        let (watch, hold) = pipe::lifeline().unwrap();
        drop(hold);
        let own = ask_for(watch.as_fd(), libc::SIGURG).unwrap();
        let ready = ready::wait(&[own.as_raw_fd()], Some(Duration::ZERO));
        assert_eq!(ready.unwrap(), [true]);
    }
}

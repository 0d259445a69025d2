//! Standard output and error of this process.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, IntoRawFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Send both to `file` from now on, or to nowhere.
pub(crate) fn redirect(file: Option<&File>) -> io::Result<()> {
    let nowhere = match file {
        Some(_) => None,
        None => Some(OpenOptions::new().write(true).open("/dev/null")?),
    };
    let Some(target) = file.or(nowhere.as_ref()) else {
        return Ok(());
    };
    for stream in [libc::STDOUT_FILENO, libc::STDERR_FILENO] {
        // SAFETY: replaces what the two numbers mean; nobody owns them as a handle that would be closed,
        // and whoever writes to them writes to the new file, as is the purpose.
        Errno::result(unsafe { libc::dup2(target.as_raw_fd(), stream) })?;
    }
    Ok(())
}

/// Standard input, output and error of this process lead nowhere.
pub(crate) fn close_stdio() -> io::Result<()> {
    let nowhere = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    take_stdio([nowhere.as_raw_fd(); 3])
}

/// These become standard input, output and error; negative numbers are left out.
pub(crate) fn take_stdio(descriptors: [i32; 3]) -> io::Result<()> {
    for (number, descriptor) in descriptors.into_iter().enumerate() {
        if descriptor >= 0 {
            // SAFETY: as in `redirect`; a number that is no descriptor is an error of the call.
            Errno::result(unsafe { libc::dup2(descriptor, number as i32) })?;
        }
    }
    Ok(())
}

/// A pipe that is not full takes so many bytes at once without waiting (pipe(7), PIPE_BUF).
const AT_ONCE: usize = 4096;

/// Write all of `bytes` without ever waiting for a reader: where a pipe is full, the rest is dropped.
/// False: something was, or could not be written at all.
pub(crate) fn write_or_drop(mut target: impl Write + AsFd, bytes: &[u8]) -> bool {
    bytes.chunks(AT_ONCE).all(|piece| {
        let mut look = [PollFd::new(target.as_fd(), PollFlags::POLLOUT)];
        let ready = poll(&mut look, PollTimeout::ZERO).is_ok_and(|count| count > 0);
        ready
            && target
                .write_all(piece)
                .and_then(|()| target.flush())
                .is_ok()
    })
}

/// A process started with one of its standard streams closed would give its number to the next thing it
/// opens, and whoever prints would print there. Close the gap with `/dev/null`.
pub(crate) fn fill_standard_streams() {
    while let Ok(nowhere) = OpenOptions::new().read(true).write(true).open("/dev/null") {
        if nowhere.as_raw_fd() > libc::STDERR_FILENO {
            return; // no gap, or none any more
        }
        let _ = nowhere.into_raw_fd(); // stays open for good
    }
}

//! Standard output and error of this process.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;

use nix::errno::Errno;

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

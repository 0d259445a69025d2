//! Waiting for any of a few descriptors.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Wait until one of them can be read, for `timeout` at most; which of them. A signal ends the wait, and
/// nothing is ready then.
pub(crate) fn wait(wanted: &[RawFd], timeout: Option<Duration>) -> io::Result<Vec<bool>> {
    let mut entries = Vec::with_capacity(wanted.len());
    for &descriptor in wanted {
        // SAFETY: borrowed for this call only, and only looked at; a number that is no descriptor (-1 is none for
        // borrow_raw) is reported as ready, and its reader will see.
        let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor.max(0)) };
        entries.push(PollFd::new(borrowed, PollFlags::POLLIN));
    }
    let limit = timeout.map_or(PollTimeout::NONE, |timeout| {
        let ms = timeout.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32;
        PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX)
    });
    match poll(&mut entries, limit) {
        Ok(_) => Ok(entries
            .iter()
            .map(|entry| entry.any().unwrap_or(true))
            .collect()),
        Err(nix::errno::Errno::EINTR) => Ok(vec![false; wanted.len()]),
        Err(errno) => Err(errno.into()),
    }
}

//! The wake-up descriptor behind a doorbell.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use nix::sys::eventfd::{EfdFlags, EventFd as Raw};

/// An eventfd that is written to wake and never read: sleepers watch it edge-triggered, where each
/// write is an event of its own, so the read that would reset the counter is a system call saved.
pub(crate) struct EventFd(Raw);

impl EventFd {
    /// Non-blocking and close-on-exec; forked children inherit it.
    pub(crate) fn new() -> io::Result<EventFd> {
        Ok(EventFd(Raw::from_flags(
            EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC,
        )?))
    }

    /// Wake whoever sleeps on this descriptor. Safe in a signal handler.
    pub(crate) fn notify(&self) {
        // The counter takes 2^64 - 2 rings before a write can fail; then one read makes room.
        if self.0.write(1).is_err() {
            let _ = self.0.read();
            let _ = self.0.write(1);
        }
    }

    /// Take back all notifications, for sleepers that watch it level-triggered.
    pub(crate) fn drain(&self) {
        let _ = self.0.read(); // fails if there are none
    }

    pub(crate) fn raw(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl AsFd for EventFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

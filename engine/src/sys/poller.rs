//! Descriptors of user code: a level-triggered epoll set, which is itself a descriptor to sleep on.
//!
//! mio's polls are edge-triggered: right for code that reads until there is nothing left, wrong for callbacks that read one
//! line of what has come and expect to be called again.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

/// What is wanted of a descriptor, or what it is ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Readiness {
    /// Reading does not block; the other end may have closed.
    pub read: bool,
    /// Writing does not block; the descriptor may be broken.
    pub write: bool,
}

impl Readiness {
    fn flags(self) -> EpollFlags {
        let mut flags = EpollFlags::empty();
        flags.set(EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP, self.read);
        flags.set(EpollFlags::EPOLLOUT, self.write);
        flags
    }

    fn of(flags: EpollFlags) -> Readiness {
        let broken = flags.intersects(EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR);
        let readable = EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP;
        Readiness {
            read: broken || flags.intersects(readable),
            write: broken || flags.contains(EpollFlags::EPOLLOUT),
        }
    }
}

/// Most descriptors that one look finds ready.
const BATCH: usize = 64;

/// The set.
pub(crate) struct Poller(Epoll);

impl Poller {
    pub(crate) fn new() -> io::Result<Poller> {
        Ok(Poller(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?))
    }

    /// Watch a descriptor; it is called `token` in what [`Poller::look`] finds. Its number may be anything: what is no
    /// descriptor, or one that is always ready, is refused by the system.
    pub(crate) fn add(&self, fd: RawFd, wanted: Readiness, token: u64) -> io::Result<()> {
        let event = EpollEvent::new(wanted.flags(), token);
        Ok(self.0.add(borrow(fd)?, event)?)
    }

    /// Watch it for something else. An error says that it is not in the set any more: it has been closed.
    pub(crate) fn change(&self, fd: RawFd, wanted: Readiness, token: u64) -> io::Result<()> {
        let mut event = EpollEvent::new(wanted.flags(), token);
        Ok(self.0.modify(borrow(fd)?, &mut event)?)
    }

    /// Do not watch it any more. It may have been closed.
    pub(crate) fn remove(&self, fd: RawFd) {
        if let Ok(fd) = borrow(fd) {
            let _ = self.0.delete(fd);
        }
    }

    /// What is ready, waiting for it so long (ms; `None`: without an end). False: a signal has ended the wait.
    pub(crate) fn look(&self, timeout: Option<u64>, ready: &mut Vec<(u64, Readiness)>) -> bool {
        ready.clear();
        let timeout = match timeout {
            None => EpollTimeout::NONE,
            // What is longer than the type: the caller looks at the time and sleeps on.
            Some(ms) => i32::try_from(ms)
                .ok()
                .and_then(|ms| EpollTimeout::try_from(ms).ok())
                .unwrap_or(EpollTimeout::MAX),
        };
        let mut events = [EpollEvent::empty(); BATCH];
        let found = self.0.wait(&mut events, timeout);
        let count = found.unwrap_or(0); // no other failure is possible on a valid epoll descriptor
        let some = events.iter().take(count);
        ready.extend(some.map(|event| (event.data(), Readiness::of(event.events()))));
        found != Err(Errno::EINTR)
    }

    /// Readable while something in the set is ready.
    pub(crate) fn raw(&self) -> RawFd {
        self.0.0.as_raw_fd()
    }
}

fn borrow<'a>(fd: RawFd) -> io::Result<BorrowedFd<'a>> {
    if fd < 0 {
        return Err(Errno::EBADF.into());
    }
    // SAFETY: not -1. Used for the one epoll_ctl call that follows, which checks the number itself; nothing reads,
    // writes or closes through it.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}

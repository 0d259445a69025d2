//! Waiting for sockets, no longer than until a deadline.

use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// When a call has waited enough; none: never.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// So much from now.
    pub(crate) fn after(time: Option<Duration>) -> Deadline {
        Deadline(time.and_then(|time| Instant::now().checked_add(time)))
    }

    /// Now: no waiting at all.
    pub(crate) fn at_once() -> Deadline {
        Deadline(Some(Instant::now()))
    }

    pub(super) fn left(self) -> Option<Duration> {
        self.0
            .map(|end| end.saturating_duration_since(Instant::now()))
    }

    /// For poll(2): rounded up, or it would turn round and round in the last millisecond.
    fn poll_ms(self) -> i32 {
        match self.left() {
            None => -1,
            Some(left) => i32::try_from(left.as_micros().div_ceil(1000)).unwrap_or(i32::MAX),
        }
    }

    pub(super) fn has_passed(self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    Readable,
    Writable,
}

/// Wait for one socket. False: the time is over.
pub(crate) fn wait(socket: &OwnedFd, until: Until, deadline: Deadline) -> Result<bool, i32> {
    let flags = match until {
        Until::Readable => PollFlags::POLLIN,
        Until::Writable => PollFlags::POLLOUT,
    };
    loop {
        let mut watched = [PollFd::new(socket.as_fd(), flags)];
        let timeout = PollTimeout::try_from(deadline.poll_ms()).unwrap_or(PollTimeout::NONE);
        match poll(&mut watched, timeout) {
            Ok(0) if deadline.has_passed() => return Ok(false),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(errno) => return Err(errno as i32),
        }
    }
}

/// Rest for a moment, for what nothing can be waited for by. True: the time is over.
pub(crate) fn rest(deadline: Deadline) -> bool {
    std::thread::sleep(Duration::from_millis(1));
    deadline.has_passed()
}

/// One descriptor that is looked at with others.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    /// The number. It need not be open: that is an error of the call, not of the program.
    pub fd: RawFd,
    /// What for.
    pub interest: Interest,
    /// Filled by the call.
    pub ready: bool,
}

/// What a descriptor is watched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Something can be read, or the end.
    Read,
    /// Something can be written, or an error would be told.
    Write,
    /// Urgent data, or an error.
    Except,
}

/// Wait until one of them is ready; how many are. `Err` is an errno: `EBADF` for a number that is not open.
pub(crate) fn wait_any(watched: &mut [Watched], deadline: Deadline) -> Result<usize, i32> {
    let mut polled: Vec<libc::pollfd> = watched
        .iter()
        .map(|one| libc::pollfd {
            fd: one.fd,
            events: match one.interest {
                Interest::Read => libc::POLLIN,
                Interest::Write => libc::POLLOUT,
                Interest::Except => libc::POLLPRI,
            },
            revents: 0,
        })
        .collect();
    loop {
        // SAFETY: a slice of that many entries, written to by the call; numbers that are not open are told as such.
        let count =
            unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as _, deadline.poll_ms()) };
        match Errno::result(count) {
            Ok(0) if !deadline.has_passed() => {}
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno as i32),
            Ok(_) => break,
        }
    }
    let mut ready = 0;
    for (one, polled) in watched.iter_mut().zip(&polled) {
        if polled.revents & libc::POLLNVAL != 0 {
            return Err(libc::EBADF);
        }
        let wanted = match one.interest {
            Interest::Read => libc::POLLIN | libc::POLLHUP | libc::POLLERR,
            Interest::Write => libc::POLLOUT | libc::POLLHUP | libc::POLLERR,
            Interest::Except => libc::POLLPRI | libc::POLLERR,
        };
        one.ready = polled.revents & wanted != 0;
        ready += usize::from(one.ready);
    }
    Ok(ready)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_and_any_other_is_a_time_for_the_kernel() {
        let ms = |time| Deadline::after(time).poll_ms();
        assert_eq!(ms(None), -1);
        assert_eq!(ms(Some(Duration::ZERO)), 0);
        assert!((9_999..=10_000).contains(&ms(Some(Duration::from_secs(10)))));
        assert_eq!(ms(Some(Duration::from_secs(1 << 40))), i32::MAX);
        assert_eq!(ms(Some(Duration::MAX)), -1, "beyond the clock");
    }

    #[test]
    fn a_number_that_is_not_open_is_told() {
        let mut watched = [Watched {
            fd: 1 << 20,
            interest: Interest::Read,
            ready: false,
        }];
        assert_eq!(
            wait_any(&mut watched, Deadline::at_once()),
            Err(libc::EBADF)
        );
    }
}

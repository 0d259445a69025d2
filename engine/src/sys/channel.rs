//! A pair of connected sockets between two processes: a stream, or messages with boundaries.
//!
//! Messages go over `SOCK_SEQPACKET`, not datagram sockets: it keeps boundaries just as well, and the end of the other
//! process is seen as the end of input, where a datagram socket would let the reader wait for ever.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, Shutdown, SockFlag, SockType, recv, send, setsockopt, shutdown,
    socketpair, sockopt,
};

/// What a channel carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelKind {
    /// Bytes.
    Stream,
    /// Messages; each is read whole, cut to the reader's buffer.
    Messages,
}

impl AsFd for Channel {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// One end of a pair. Closed on exec.
#[derive(Debug)]
pub struct Channel(OwnedFd);

/// Both ends, with room for `buffer` bytes in each direction, as far as the system allows.
pub fn pair(kind: ChannelKind, buffer: usize) -> io::Result<(Channel, Channel)> {
    let kind = match kind {
        ChannelKind::Stream => SockType::Stream,
        ChannelKind::Messages => SockType::SeqPacket,
    };
    let (one, two) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)?;
    for end in [&one, &two] {
        // Beyond the system's limit for root; up to it for others, where the kernel cuts the number itself.
        let _ = setsockopt(end, sockopt::SndBuf, &buffer);
        let _ = setsockopt(end, sockopt::SndBufForce, &buffer);
    }
    Ok((Channel(one), Channel(two)))
}

impl Channel {
    /// The descriptor's number.
    pub fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Read what is there: bytes, or one message. 0: the other side has closed. Waits for `timeout` at most (none: for
    /// ever; `TimedOut`), unless the channel does not block. `Interrupted`: a signal has come.
    pub fn read(&self, buffer: &mut [u8], timeout: Option<Duration>) -> io::Result<usize> {
        if self.is_blocking() {
            self.wait_for(PollFlags::POLLIN, deadline(timeout))?;
        }
        match recv(self.raw(), buffer, MsgFlags::empty()) {
            // The other side has died without reading everything. The error is told once, and what it had written
            // before is still there.
            Err(Errno::ECONNRESET) => Ok(recv(self.raw(), buffer, MsgFlags::empty())?),
            done => Ok(done?),
        }
    }

    /// Read one message if there is one.
    pub(crate) fn read_now(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match recv(self.raw(), buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(length) => Ok(Some(length)),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Write all of `data`, or one message. How many bytes the system has taken: fewer only after an error that came
    /// when some were.
    pub fn write(&self, data: &[u8], timeout: Option<Duration>) -> io::Result<usize> {
        let deadline = deadline(timeout);
        let blocking = self.is_blocking();
        let mut done = 0;
        loop {
            if blocking && let Err(error) = self.wait_for(PollFlags::POLLOUT, deadline) {
                return partly(done, error);
            }
            let rest = data.get(done..).unwrap_or_default();
            // Never waiting here: another process may have taken the room that poll saw.
            match send(
                self.raw(),
                rest,
                MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT,
            ) {
                Ok(sent) => done += sent,
                Err(Errno::EAGAIN) if blocking => self.wait_a_moment(),
                Err(errno) => return partly(done, errno.into()),
            }
            if done >= data.len() {
                return Ok(done);
            }
        }
    }

    /// No more reading, or no more writing, by anybody who has this end.
    pub fn shut(&self, reading: bool) -> io::Result<()> {
        let how = if reading {
            Shutdown::Read
        } else {
            Shutdown::Write
        };
        Ok(shutdown(self.raw(), how)?)
    }

    /// Whether reads and writes wait. Others who have this end are concerned too.
    pub fn set_blocking(&self, blocking: bool) -> io::Result<()> {
        let mut flags = OFlag::from_bits_retain(fcntl(&self.0, FcntlArg::F_GETFL)?);
        flags.set(OFlag::O_NONBLOCK, !blocking);
        fcntl(&self.0, FcntlArg::F_SETFL(flags))?;
        Ok(())
    }

    fn is_blocking(&self) -> bool {
        let flags = fcntl(&self.0, FcntlArg::F_GETFL);
        !flags.is_ok_and(|flags| OFlag::from_bits_retain(flags).contains(OFlag::O_NONBLOCK))
    }

    /// A second descriptor for this end.
    pub fn duplicate(&self) -> io::Result<Channel> {
        Ok(Channel(self.0.try_clone()?))
    }

    /// Close `old` and take its number: whoever knows that finds this end behind it.
    pub fn take_place_of(self, old: Channel) -> io::Result<Channel> {
        // SAFETY: both are open; dup3 closes `old` and makes its number one of this end in one step, and `old` stays
        // its owner.
        Errno::result(unsafe { libc::dup3(self.raw(), old.raw(), libc::O_CLOEXEC) })?;
        Ok(old)
    }

    /// Make standard input and output of this process the same socket. Programs it starts have them too.
    pub fn become_stdio(&self) -> io::Result<()> {
        for number in [0, 1] {
            // SAFETY: dup2 of one valid descriptor; 0 and 1 are never owned by a value of ours.
            Errno::result(unsafe { libc::dup2(self.raw(), number) })?;
        }
        Ok(())
    }

    /// Programs that are started shall have this descriptor.
    pub fn survive_exec(&self) -> io::Result<()> {
        fcntl(&self.0, FcntlArg::F_SETFD(FdFlag::empty()))?;
        Ok(())
    }

    fn wait_for(&self, what: PollFlags, deadline: Option<Instant>) -> io::Result<()> {
        let mut entry = [PollFd::new(self.0.as_fd(), what)];
        match poll(&mut entry, left(deadline))? {
            0 => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }

    /// A message of this size has no room although poll says that there is some.
    fn wait_a_moment(&self) {
        let _ = poll(&mut [], PollTimeout::from(1u8)); // a signal may cut it short
    }
}

fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

/// Up to the deadline, rounded up: a poll that ends too early would be one more.
fn left(deadline: Option<Instant>) -> PollTimeout {
    let Some(deadline) = deadline else {
        return PollTimeout::NONE;
    };
    let left = deadline.saturating_duration_since(Instant::now());
    let left = left.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32;
    PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
}

fn partly(done: usize, error: io::Error) -> io::Result<usize> {
    if done > 0 { Ok(done) } else { Err(error) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    #[test]
    fn messages_keep_their_boundaries_and_a_stream_does_not() {
        for (kind, first) in [(ChannelKind::Messages, 3), (ChannelKind::Stream, 6)] {
            let (one, two) = pair(kind, 1 << 16).unwrap();
            one.write(b"abc", None).unwrap();
            one.write(b"def", None).unwrap();
            assert_eq!(two.read(&mut [0; 100], None).unwrap(), first);
        }
    }

    #[test]
    fn the_end_of_the_other_side_is_seen() {
        for kind in [ChannelKind::Messages, ChannelKind::Stream] {
            let (one, two) = pair(kind, 1 << 16).unwrap();
            one.write(b"last", None).unwrap();
            drop(one);
            assert_eq!(two.read(&mut [0; 100], None).unwrap(), 4);
            assert_eq!(two.read(&mut [0; 100], None).unwrap(), 0);
            let error = two.write(b"x", None).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
        }
    }

    #[test]
    fn waiting_has_an_end() {
        for kind in [ChannelKind::Messages, ChannelKind::Stream] {
            let (one, _two) = pair(kind, 1 << 14).unwrap();
            let brief = Some(Duration::from_millis(10));
            let error = one.read(&mut [0; 10], brief).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            loop {
                match one.write(&[1; 4000], brief) {
                    Ok(_) => {}
                    Err(error) => break assert_eq!(error.kind(), io::ErrorKind::TimedOut),
                }
            }
            one.set_blocking(false).unwrap();
            let error = one.read(&mut [0; 10], None).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
        }
    }
}

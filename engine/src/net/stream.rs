//! The calls on one connection. Never blocking, never a SIGPIPE.

use std::io::IoSlice;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, Shutdown, send, sendmsg, setsockopt, shutdown, sockopt};

use crate::sys::sigpipe;

/// Slices that the kernel takes in one call (IOV_MAX).
const SLICES: usize = 1024;
/// The most that one sendfile(2) sends.
const FILE_STEP: u64 = 0x7fff_f000;

/// What a read or a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Io {
    /// So many bytes; for a read, 0 means the peer has closed its side.
    Bytes(usize),
    /// Not now.
    WouldBlock,
    /// The connection is broken, with this errno.
    Broken(i32),
}

fn outcome(result: nix::Result<usize>) -> Option<Io> {
    match result {
        Ok(count) => Some(Io::Bytes(count)),
        Err(Errno::EAGAIN) => Some(Io::WouldBlock),
        Err(Errno::EINTR) => None,
        Err(errno) => Some(Io::Broken(errno as i32)),
    }
}

/// Read what is there, at most `buffer.len()` bytes.
pub(crate) fn read(socket: &OwnedFd, buffer: &mut [u8]) -> Io {
    loop {
        // SAFETY: `buffer` is writable for its length. MSG_DONTWAIT is implied by the socket's mode.
        let count = unsafe {
            libc::recv(
                socket.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                0,
            )
        };
        if let Some(done) = outcome(Errno::result(count).map(|n| n as usize)) {
            return done;
        }
    }
}

/// Write as much of `bytes` as the socket takes.
pub(crate) fn write(socket: &OwnedFd, bytes: &[u8]) -> Io {
    loop {
        if let Some(done) = outcome(send(socket.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL)) {
            return done;
        }
    }
}

/// Write as much of `slices`, in their order, as the socket takes in one call. (Not writev(2): it raises SIGPIPE.)
/// `more` follows at once: a last small segment waits for that, 200 ms at most.
pub(crate) fn write_gathered(socket: &OwnedFd, slices: &[IoSlice<'_>], more: bool) -> Io {
    let mut flags = MsgFlags::MSG_NOSIGNAL;
    flags.set(MsgFlags::from_bits_retain(libc::MSG_MORE), more); // nix has no name for it
    let slices = slices.get(..SLICES).unwrap_or(slices);
    loop {
        let sent = sendmsg::<()>(socket.as_raw_fd(), slices, &[], flags, None);
        if let Some(done) = outcome(sent) {
            return done;
        }
    }
}

/// Write at most `count` bytes of a file from `offset` on, which moves with what was written. `Bytes(0)` for a `count`
/// that is not 0: the file ends here, it has become shorter. `Broken` may be the socket's fault or the file's (`EIO`).
///
/// sendfile(2) raises SIGPIPE at a connection that is broken, and has no flag against it. Threads that block all
/// signals (reactors) do not notice; in others it is hidden, at the price of two cheap calls.
pub(crate) fn send_file(
    socket: &OwnedFd,
    file: BorrowedFd<'_>,
    offset: &mut u64,
    count: u64,
) -> Io {
    let Ok(mut position) = i64::try_from(*offset) else {
        return Io::Broken(libc::EINVAL);
    };
    let count = count.min(FILE_STEP) as usize;
    loop {
        let sent = sigpipe::hidden(
            || {
                // SAFETY: `position` is a local the call reads and moves; both descriptors are open while borrowed.
                let sent = unsafe {
                    libc::sendfile(
                        socket.as_raw_fd(),
                        file.as_raw_fd(),
                        &raw mut position,
                        count,
                    )
                };
                Errno::result(sent).map(|n| n as usize)
            },
            |sent| *sent == Err(Errno::EPIPE),
        );
        if let Some(done) = outcome(sent) {
            if let Io::Bytes(sent) = done {
                *offset += sent as u64;
            }
            return done;
        }
    }
}

/// Whether this errno of [`send_file`] says that files of its kind cannot be sent like this, but read and written.
pub(crate) fn has_no_sendfile(errno: i32) -> bool {
    matches!(errno, libc::EINVAL | libc::ENOSYS)
}

/// Whether an errno is the connection's fault. With others [`send_file`] speaks of the file.
pub(crate) fn ends_connection(errno: i32) -> bool {
    matches!(
        errno,
        libc::EPIPE
            | libc::ECONNRESET
            | libc::ECONNABORTED
            | libc::ENOTCONN
            | libc::ETIMEDOUT
            | libc::EHOSTDOWN
            | libc::EHOSTUNREACH
            | libc::ENETDOWN
            | libc::ENETUNREACH
    )
}

/// When this socket is closed, the peer gets a reset, and what is queued in either direction is thrown away. (A unix
/// socket closes as always.)
pub(crate) fn reset_at_close(socket: &OwnedFd) {
    let at_once = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    let _ = setsockopt(socket, sockopt::Linger, &at_once); // then it is an ordinary close
}

/// Tell the peer that nothing more will come.
pub(crate) fn end_output(socket: &OwnedFd) {
    let _ = shutdown(socket.as_raw_fd(), Shutdown::Write); // a broken connection needs no farewell
}

#[cfg(test)]
mod tests;

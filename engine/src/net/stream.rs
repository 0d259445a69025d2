//! The calls on one connection. Never blocking, never a SIGPIPE.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, Shutdown, send, setsockopt, shutdown, sockopt};

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

/// Tell the peer that nothing more will come.
pub(crate) fn end_output(socket: &OwnedFd) {
    let _ = shutdown(socket.as_raw_fd(), Shutdown::Write); // a broken connection needs no farewell
}

/// Send small writes at once (TCP only).
pub(crate) fn set_nodelay(socket: BorrowedFd<'_>) -> io::Result<()> {
    Ok(setsockopt(&socket, sockopt::TcpNoDelay, &true)?)
}

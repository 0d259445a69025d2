//! How much the kernel has left to send.

use std::os::fd::{AsRawFd, OwnedFd};

/// The `errno` of a peer that has not done something in time.
pub(crate) const TIMED_OUT: i32 = libc::ETIMEDOUT;

/// Bytes written to a connection that its peer has not taken yet; 0 if that cannot be known. A full socket becomes
/// writable again only after a good part of it is sent, so this is how a slow client shows that it lives.
pub(crate) fn bytes(socket: &OwnedFd) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: an open descriptor, and the call writes one int to a local.
    let got = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
    match got {
        0 => usize::try_from(count).unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn what_the_peer_takes_is_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let block = [0; 65536];
        while stream.write(&block).is_ok() {}
        let stream = OwnedFd::from(stream);
        let full = bytes(&stream);
        assert!(full > 0);
        let mut room = vec![0; 1 << 20];
        let mut left = full;
        while left == full {
            assert!(peer.read(&mut room).unwrap() > 0);
            left = bytes(&stream);
        }
        assert!(left < full);
    }
}

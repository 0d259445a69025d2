//! Datagrams: many taken in one call, one sent in one call. Never blocking, never a SIGPIPE.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, SockaddrStorage, sendto};

use super::address::SocketType;
use super::option;
use super::peer::DatagramPeer;
use super::target::Target;

/// Datagrams taken in one call.
const AT_ONCE: usize = 16;
/// No UDP datagram is longer.
const UDP_MAX: usize = 65535;
/// Room for one unix datagram at least, and at most, whatever the buffers of the socket.
const UNIX_ROOM: std::ops::RangeInclusive<usize> = 1 << 17..=16 << 20;
/// Unix datagrams taken in one call: each may take as much memory as the largest that has come.
const UNIX_AT_ONCE: usize = 4;

/// What a [`Batch::receive`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// So many datagrams, at least one. Fewer than [`Batch::capacity`] means that no more are waiting.
    Datagrams(usize),
    /// Not now.
    WouldBlock,
    /// The socket reports this errno.
    Broken(i32),
}

/// One datagram of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Datagram<'a> {
    pub(crate) peer: &'a DatagramPeer,
    /// May be empty.
    pub(crate) bytes: &'a [u8],
    /// How long it was, if it did not fit and its end is lost.
    pub(crate) truncated_from: Option<usize>,
}

#[derive(Debug)]
struct Slot {
    peer: DatagramPeer,
    /// As sent; more than fits if the datagram was cut off.
    len: usize,
    truncated: bool,
}

/// Room for the datagrams of one call, used again and again. Memory that no datagram has reached yet is not
/// resident: it comes zeroed from the kernel.
pub(crate) struct Batch {
    buffer: Vec<u8>,
    room: usize,
    at_once: usize,
    slots: Vec<Slot>,
}

impl Batch {
    /// For a socket of this kind. No UDP datagram can be cut off. How long a unix datagram may be is the sender's
    /// affair: its send buffer is the limit, which an ordinary process can make as large as the system allows. Our
    /// own buffers were asked for that too, so what the kernel has granted us is what it grants others.
    pub(crate) fn new(socket: impl AsFd, kind: SocketType) -> io::Result<Batch> {
        let (room, at_once) = if kind.is_unix() {
            let receive = option::get(&socket, option::SO_RCVBUF)?;
            let send = option::get(&socket, option::SO_SNDBUF)?;
            let room = usize::try_from(receive.max(send)).unwrap_or(0);
            (
                room.clamp(*UNIX_ROOM.start(), *UNIX_ROOM.end()),
                UNIX_AT_ONCE,
            )
        } else {
            (UDP_MAX, AT_ONCE)
        };
        Ok(Batch::with_room(room, at_once))
    }

    fn with_room(room: usize, at_once: usize) -> Batch {
        Batch {
            buffer: vec![0; room * at_once],
            room,
            at_once,
            slots: Vec::with_capacity(at_once),
        }
    }

    /// The most that one call takes.
    pub(crate) fn capacity(&self) -> usize {
        self.at_once
    }

    /// Datagrams of the last call.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Take what is waiting, in place of what was taken before.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>) -> Received {
        self.slots.clear();
        // SAFETY: integers and pointers, for which all zero is a value.
        let mut names: [libc::sockaddr_storage; AT_ONCE] = unsafe { std::mem::zeroed() };
        // SAFETY: as above.
        let mut pieces: [libc::iovec; AT_ONCE] = unsafe { std::mem::zeroed() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; AT_ONCE] = unsafe { std::mem::zeroed() };
        let rooms = self.buffer.chunks_exact_mut(self.room);
        let places = names.iter_mut().zip(&mut pieces).zip(&mut headers);
        for (room, ((name, piece), header)) in rooms.zip(places) {
            piece.iov_base = room.as_mut_ptr().cast();
            piece.iov_len = room.len();
            header.msg_hdr.msg_name = (&raw mut *name).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_hdr.msg_iov = piece;
            header.msg_hdr.msg_iovlen = 1;
        }
        // MSG_TRUNC: tell the real length of what does not fit.
        let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
        let taken = loop {
            // SAFETY: the first `at_once` (at most AT_ONCE) headers point to names, pieces and rooms that live until
            // the end of this function, are writable, and are not touched otherwise during the call.
            let taken = unsafe {
                libc::recvmmsg(
                    socket.as_raw_fd(),
                    headers.as_mut_ptr(),
                    self.at_once.min(AT_ONCE) as libc::c_uint,
                    flags as _,
                    std::ptr::null_mut(),
                )
            };
            match Errno::result(taken) {
                Ok(taken) => break taken.max(0) as usize,
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Received::WouldBlock,
                Err(errno) => return Received::Broken(errno as i32),
            }
        };
        for (header, name) in headers.iter().zip(&names).take(taken) {
            self.slots.push(Slot {
                peer: DatagramPeer::from_kernel(name, header.msg_hdr.msg_namelen as usize),
                len: header.msg_len as usize,
                truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            });
        }
        Received::Datagrams(taken)
    }

    /// The datagrams of the last call, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Datagram<'_>> {
        let rooms = self.buffer.chunks_exact(self.room);
        self.slots.iter().zip(rooms).map(|(slot, room)| Datagram {
            peer: &slot.peer,
            bytes: room.get(..slot.len).unwrap_or(room),
            truncated_from: slot.truncated.then_some(slot.len),
        })
    }
}

/// Send one datagram, whole or not at all, from a socket of this kind. The errno if the kernel does not take it:
/// `EAGAIN` too, for a datagram that nobody waits with.
pub(crate) fn send_to(
    socket: BorrowedFd<'_>,
    kind: SocketType,
    bytes: &[u8],
    target: &Target,
) -> Result<(), i32> {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    let fd = socket.as_raw_fd();
    loop {
        let sent = match target {
            Target::Ip(address) => {
                let address = suited(*address, kind);
                sendto(fd, bytes, &SockaddrStorage::from(address), flags)
            }
            Target::Path(name) => match name.bytes() {
                [0, abstract_name @ ..] => nix::sys::socket::UnixAddr::new_abstract(abstract_name)
                    .and_then(|address| sendto(fd, bytes, &address, flags)),
                path => nix::sys::socket::UnixAddr::new(path)
                    .and_then(|address| sendto(fd, bytes, &address, flags)),
            },
        };
        match sent {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno as i32),
        }
    }
}

/// The address in the family of the socket: IPv6 sockets know IPv4 only in its mapped form.
pub(super) fn suited(address: std::net::SocketAddr, kind: SocketType) -> std::net::SocketAddr {
    match address {
        std::net::SocketAddr::V4(v4) if kind.is_v6() => {
            (v4.ip().to_ipv6_mapped(), v4.port()).into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;

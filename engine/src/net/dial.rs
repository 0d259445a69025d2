//! Sockets that go out: made, bound, connected within a time, and the calls on them that may wait.
//!
//! The sockets are blocking ones, because user code may be handed them; so every call here says for itself that it does
//! not wait, and waiting is [`wait`]'s alone (`waiting`), which knows how long.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{
    AddressFamily, MsgFlags, Shutdown, SockFlag, SockType, SockaddrLike, SockaddrStorage, UnixAddr,
    bind, connect, send, sendto, setsockopt, shutdown, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::address::{self, SocketType};
use super::datagram::suited;
use super::option;
use super::peer::DatagramPeer;
use super::stream::{self, Io};
use super::target::Target;
use super::waiting::{Deadline, Until, wait};

/// The address for a host as users write it, and the kind of socket for its family. A name is looked up, which takes
/// the resolver's own time, in the family of `kind`.
pub(crate) fn resolve(host: &str, port: u16, kind: SocketType) -> Option<(Target, SocketType)> {
    let address = address::resolve(host, port, kind)?;
    // A socket of IPv6 does for IPv4, too.
    let family = if kind.is_v6() {
        kind
    } else {
        kind.over(&address)
    };
    Some((Target::Ip(address), family))
}

/// A new socket of this kind.
pub(crate) fn open(kind: SocketType) -> Result<OwnedFd, i32> {
    let family = match kind {
        SocketType::Tcp | SocketType::Udp => AddressFamily::Inet,
        SocketType::Tcp6 | SocketType::Udp6 => AddressFamily::Inet6,
        SocketType::UnixStream | SocketType::UnixDgram => AddressFamily::Unix,
    };
    let service = match kind.is_stream() {
        true => SockType::Stream,
        false => SockType::Datagram,
    };
    let opened = socket(family, service, SockFlag::SOCK_CLOEXEC, None).map_err(number)?;
    if kind.is_v6() {
        let _ = option::set(&opened, option::IPV6_V6ONLY, 0); // for ::ffff:a.b.c.d; some kernels have no IPv4
    }
    Ok(opened)
}

fn number(errno: Errno) -> i32 {
    errno as i32
}

/// Turn off the waiting of small segments for the answer to earlier ones.
pub(crate) fn no_delay(socket: &OwnedFd) {
    let _ = option::set(socket, option::TCP_NODELAY, 1); // it works without
}

/// Room in the kernel, both ways. It takes what its limits allow.
pub(crate) fn set_buffers(socket: &OwnedFd, size: u64) {
    let size = i32::try_from(size).unwrap_or(i32::MAX);
    let _ = option::set(socket, option::SO_SNDBUF, size);
    let _ = option::set(socket, option::SO_RCVBUF, size);
}

/// Give the socket an address of its own.
pub(crate) fn bind_to(socket: &OwnedFd, kind: SocketType, own: &Target) -> Result<(), i32> {
    if !kind.is_unix() {
        let _ = option::set(socket, option::SO_REUSEADDR, 1); // a port that was ours a moment ago
    }
    with_address(own, kind, |address| bind(socket.as_raw_fd(), address))
}

/// Let the kernel choose an abstract name for a unix socket, so that it can be answered. No file comes of it.
pub(crate) fn bind_anywhere(socket: &OwnedFd) -> Result<(), i32> {
    bind(socket.as_raw_fd(), &UnixAddr::new_unnamed()).map_err(number)
}

fn with_address<T>(
    target: &Target,
    kind: SocketType,
    call: impl Fn(&dyn SockaddrLike) -> nix::Result<T>,
) -> Result<T, i32> {
    let done = match target {
        Target::Ip(address) => call(&SockaddrStorage::from(suited(*address, kind))),
        Target::Path(name) => match name.bytes() {
            [0, name @ ..] => UnixAddr::new_abstract(name).and_then(|address| call(&address)),
            path => UnixAddr::new(path).and_then(|address| call(&address)),
        },
    };
    done.map_err(number)
}

/// Connect, for streams; for datagrams, choose the one peer.
pub(crate) fn connect_to(
    socket: &OwnedFd,
    kind: SocketType,
    target: &Target,
    deadline: Deadline,
) -> Result<(), i32> {
    match kind {
        SocketType::Tcp | SocketType::Tcp6 => connect_tcp(socket, kind, target, deadline),
        SocketType::UnixStream => connect_unix(socket, kind, target, deadline),
        _ => with_address(target, kind, |address| connect(socket.as_raw_fd(), address)),
    }
}

fn connect_tcp(
    socket: &OwnedFd,
    kind: SocketType,
    target: &Target,
    deadline: Deadline,
) -> Result<(), i32> {
    unblocked(socket, || {
        let begun = with_address(target, kind, |address| connect(socket.as_raw_fd(), address));
        match begun {
            // Interrupted, it goes on by itself.
            Err(libc::EINPROGRESS | libc::EINTR) => {}
            other => return other,
        }
        if !wait(socket, Until::Writable, deadline)? {
            return Err(libc::ETIMEDOUT);
        }
        match nix::sys::socket::getsockopt(socket, sockopt::SocketError).map_err(number)? {
            0 => Ok(()),
            errno => Err(errno),
        }
    })
}

/// With a full queue at the other end a unix socket that does not wait is told so at once, and poll(2) knows nothing of
/// that queue. So this one waits in connect(2) itself.
fn connect_unix(
    socket: &OwnedFd,
    kind: SocketType,
    target: &Target,
    deadline: Deadline,
) -> Result<(), i32> {
    loop {
        // No time at all would mean no limit here.
        let left = deadline
            .left()
            .map(|left| left.max(Duration::from_millis(1)));
        let limit = TimeVal::microseconds(left.map_or(0, |left| left.as_micros() as i64));
        setsockopt(socket, sockopt::SendTimeout, &limit).map_err(number)?;
        let done = with_address(target, kind, |address| connect(socket.as_raw_fd(), address));
        match done {
            Err(libc::EINTR) if !deadline.has_passed() => {}
            Err(libc::EAGAIN | libc::EINTR) => return Err(libc::ETIMEDOUT),
            other => {
                let _ = setsockopt(socket, sockopt::SendTimeout, &TimeVal::zero());
                return other;
            }
        }
    }
}

/// Make calls that have no flag against waiting.
fn unblocked<T>(socket: &OwnedFd, calls: impl FnOnce() -> Result<T, i32>) -> Result<T, i32> {
    let before = fcntl(socket, FcntlArg::F_GETFL).map_err(number)?;
    let before = OFlag::from_bits_retain(before);
    fcntl(socket, FcntlArg::F_SETFL(before | OFlag::O_NONBLOCK)).map_err(number)?;
    let done = calls();
    fcntl(socket, FcntlArg::F_SETFL(before)).map_err(number)?;
    done
}

fn outcome(result: nix::Result<usize>) -> Option<Io> {
    match result {
        Ok(count) => Some(Io::Bytes(count)),
        Err(Errno::EAGAIN) => Some(Io::WouldBlock),
        Err(Errno::EINTR) => None,
        Err(errno) => Some(Io::Broken(errno as i32)),
    }
}

/// How to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Leave it there.
    pub(crate) peek: bool,
    /// The urgent byte.
    pub(crate) urgent: bool,
}

impl Reading {
    fn flags(self) -> i32 {
        let mut flags = libc::MSG_DONTWAIT;
        flags |= if self.peek { libc::MSG_PEEK } else { 0 };
        flags |= if self.urgent { libc::MSG_OOB } else { 0 };
        flags
    }
}

/// Append what is there, at most `most` bytes.
pub(crate) fn read_more(socket: &OwnedFd, bytes: &mut Vec<u8>, most: usize, how: Reading) -> Io {
    bytes.reserve(most);
    loop {
        let room = bytes.spare_capacity_mut();
        // SAFETY: the spare room is writable for its length, and `most` bytes of it at least were reserved.
        let count = unsafe {
            libc::recv(
                socket.as_raw_fd(),
                room.as_mut_ptr().cast(),
                most.min(room.len()),
                how.flags(),
            )
        };
        let count = Errno::result(count).map(|count| count as usize);
        if let Ok(count) = count {
            // SAFETY: the kernel has written that many bytes behind the old length.
            unsafe { bytes.set_len(bytes.len() + count) };
        }
        if let Some(done) = outcome(count) {
            return done;
        }
    }
}

/// Append one datagram, cut off at `most` bytes, and tell who sent it.
pub(crate) fn read_datagram(
    socket: &OwnedFd,
    bytes: &mut Vec<u8>,
    most: usize,
    how: Reading,
) -> (Io, Option<DatagramPeer>) {
    bytes.reserve(most);
    loop {
        // SAFETY: integers, for which zero is a value.
        let mut name: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        let mut name_len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        let room = bytes.spare_capacity_mut();
        // SAFETY: as in `read_more`; the name is writable for the length that is passed with it.
        let count = unsafe {
            libc::recvfrom(
                socket.as_raw_fd(),
                room.as_mut_ptr().cast(),
                most.min(room.len()),
                how.flags(),
                (&raw mut name).cast(),
                &raw mut name_len,
            )
        };
        let count = Errno::result(count).map(|count| count as usize);
        let mut peer = None;
        if let Ok(count) = count {
            // SAFETY: the kernel has written that many bytes behind the old length.
            unsafe { bytes.set_len(bytes.len() + count) };
            peer = Some(DatagramPeer::from_kernel(&name, name_len as usize));
        }
        if let Some(done) = outcome(count) {
            return (done, peer);
        }
    }
}

/// Write as much as the socket takes now. The last byte can be an urgent one.
pub(crate) fn write(socket: &OwnedFd, bytes: &[u8], urgent: bool) -> Io {
    let mut flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    flags.set(MsgFlags::MSG_OOB, urgent);
    loop {
        if let Some(done) = outcome(send(socket.as_raw_fd(), bytes, flags)) {
            return done;
        }
    }
}

/// Send one datagram to somebody.
pub(crate) fn write_datagram(
    socket: &OwnedFd,
    kind: SocketType,
    bytes: &[u8],
    target: &Target,
) -> Io {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    loop {
        let sent = match target {
            Target::Ip(address) => {
                let address = SockaddrStorage::from(suited(*address, kind));
                sendto(socket.as_raw_fd(), bytes, &address, flags)
            }
            Target::Path(name) => match name.bytes() {
                [0, name @ ..] => UnixAddr::new_abstract(name)
                    .and_then(|address| sendto(socket.as_raw_fd(), bytes, &address, flags)),
                path => UnixAddr::new(path)
                    .and_then(|address| sendto(socket.as_raw_fd(), bytes, &address, flags)),
            },
        };
        if let Some(done) = outcome(sent) {
            return done;
        }
    }
}

/// As [`stream::send_file`], without waiting.
pub(crate) fn send_file(
    socket: &OwnedFd,
    file: BorrowedFd<'_>,
    offset: &mut u64,
    count: u64,
) -> Io {
    unblocked(socket, || {
        Ok(stream::send_file(socket, file, offset, count))
    })
    .unwrap_or_else(Io::Broken)
}

/// Which directions of a connection end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Nothing more is read.
    Input,
    /// Nothing more is sent; the peer sees the end.
    Output,
    /// Neither.
    Both,
}

/// End one direction, or both.
pub(crate) fn end(socket: &OwnedFd, direction: Direction) -> Result<(), i32> {
    let how = match direction {
        Direction::Input => Shutdown::Read,
        Direction::Output => Shutdown::Write,
        Direction::Both => Shutdown::Both,
    };
    shutdown(socket.as_raw_fd(), how).map_err(number)
}

/// The socket's own address.
pub(crate) fn own_address(socket: &OwnedFd) -> Result<DatagramPeer, i32> {
    name_by(socket, libc::getsockname)
}

/// The address at the other end.
pub(crate) fn peer_address(socket: &OwnedFd) -> Result<DatagramPeer, i32> {
    name_by(socket, libc::getpeername)
}

type NameCall =
    unsafe extern "C" fn(libc::c_int, *mut libc::sockaddr, *mut libc::socklen_t) -> libc::c_int;

fn name_by(socket: &OwnedFd, call: NameCall) -> Result<DatagramPeer, i32> {
    // SAFETY: integers, for which zero is a value.
    let mut name: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let mut len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: getsockname(2) or getpeername(2): the name is writable for the length that is passed with it.
    let done = unsafe { call(socket.as_raw_fd(), (&raw mut name).cast(), &raw mut len) };
    Errno::result(done).map_err(number)?;
    Ok(DatagramPeer::from_kernel(&name, len as usize))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;
    use std::time::Instant;

    fn within(ms: u64) -> Deadline {
        Deadline::after(Some(Duration::from_millis(ms)))
    }

    #[test]
    fn connecting_to_a_full_queue_takes_its_time_and_no_more() {
        let path = std::env::temp_dir().join(format!("skep-dial-{}", std::process::id()));
        let _listener = UnixListener::bind(&path).unwrap();
        let target = Target::parse(path.to_str().unwrap().as_bytes(), 0).unwrap();
        let begun = Instant::now();
        let mut held = Vec::new();
        let refusal = loop {
            let socket = open(SocketType::UnixStream).unwrap();
            match connect_to(&socket, SocketType::UnixStream, &target, within(50)) {
                Ok(()) => held.push(socket),
                Err(errno) => break errno,
            }
            assert!(held.len() < 100_000);
        };
        std::fs::remove_file(&path).unwrap();
        assert_eq!(refusal, libc::ETIMEDOUT);
        assert!(begun.elapsed() >= Duration::from_millis(50));
    }

    #[test]
    fn a_unix_datagram_socket_gets_a_name_to_be_answered_by() {
        let socket = open(SocketType::UnixDgram).unwrap();
        bind_anywhere(&socket).unwrap();
        match own_address(&socket).unwrap() {
            DatagramPeer::Unix(name) => assert_eq!(name.bytes().first(), Some(&0)),
            other => panic!("{other:?}"),
        }
    }
}

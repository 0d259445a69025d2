//! Listening sockets that the service manager passes (sd_listen_fds(3)): descriptors from 3 on, meant for
//! the process whose pid `LISTEN_PID` names.
//!
//! One that listens on the address that is asked for is used. The others are somebody else's.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sys::socket::{SockType, SockaddrStorage, getsockname, getsockopt, sockopt};

use super::address::SocketType;
use super::listener::{Listener, resolve};

/// The first passed descriptor.
const FIRST: RawFd = 3;

/// Descriptors that a server of this process has taken.
static TAKEN: Mutex<Vec<RawFd>> = Mutex::new(Vec::new());

/// The passed socket that listens on this address, if there is one.
pub(crate) fn take(host: &str, port: i64, kind: SocketType) -> Option<Listener> {
    let wanted = Wanted::new(host, port, kind)?;
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let found = passed().find(|fd| !taken.contains(fd) && wanted.is_at(*fd))?;
    // SAFETY: open (`is_at` has asked it), passed to this process to be used, and in use nowhere else:
    // `taken` keeps it from being taken twice.
    let socket = unsafe { OwnedFd::from_raw_fd(found) };
    prepare(&socket).ok()?;
    taken.push(found);
    Some(Listener::adopt(socket, kind, host, wanted.port()))
}

fn passed() -> std::ops::Range<RawFd> {
    let number = |name| std::env::var(name).ok()?.parse::<i32>().ok();
    let is_ours = number("LISTEN_PID") == Some(std::process::id() as i32);
    let count = number("LISTEN_FDS").filter(|count| is_ours && (0..=1024).contains(count));
    FIRST..FIRST + count.unwrap_or(0)
}

fn prepare(socket: &OwnedFd) -> nix::Result<()> {
    fcntl(socket, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    let flags = OFlag::from_bits_retain(fcntl(socket, FcntlArg::F_GETFL)?);
    fcntl(socket, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// An address as the constructor was given it.
enum Wanted<'a> {
    Ip(std::net::SocketAddr),
    Path(&'a Path),
}

impl Wanted<'_> {
    /// Port 0 means any port, so no socket is "the" one.
    fn new(host: &str, port: i64, kind: SocketType) -> Option<Wanted<'_>> {
        if kind == SocketType::UnixStream {
            return Some(Wanted::Path(Path::new(host)));
        }
        let port = u16::try_from(port).ok().filter(|port| *port > 0)?;
        resolve(host, port, kind).map(Wanted::Ip)
    }

    fn port(&self) -> u16 {
        match self {
            Wanted::Ip(address) => address.port(),
            Wanted::Path(_) => 0,
        }
    }

    fn is_at(&self, fd: RawFd) -> bool {
        // SAFETY: borrowed for this function; a number that is not open makes the first call fail.
        let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
        let listens = getsockopt(&borrowed, sockopt::AcceptConn).unwrap_or(false)
            && getsockopt(&borrowed, sockopt::SockType) == Ok(SockType::Stream);
        if !listens {
            return false;
        }
        let Ok(name) = getsockname::<SockaddrStorage>(borrowed.as_raw_fd()) else {
            return false;
        };
        match self {
            Wanted::Path(path) => name.as_unix_addr().and_then(|unix| unix.path()) == Some(path),
            Wanted::Ip(std::net::SocketAddr::V4(wanted)) => name
                .as_sockaddr_in()
                .is_some_and(|have| have.ip() == *wanted.ip() && have.port() == wanted.port()),
            Wanted::Ip(std::net::SocketAddr::V6(wanted)) => name
                .as_sockaddr_in6()
                .is_some_and(|have| have.ip() == *wanted.ip() && have.port() == wanted.port()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_socket_is_known_by_its_address_and_by_listening() {
        let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = i64::from(v4.local_addr().unwrap().port());
        let is_at = |host, port, kind, fd| {
            Wanted::new(host, port, kind).is_some_and(|wanted| wanted.is_at(fd))
        };
        let fd = v4.as_raw_fd();
        assert!(is_at("127.0.0.1", port, SocketType::Tcp, fd));
        assert!(!is_at("127.0.0.2", port, SocketType::Tcp, fd));
        assert!(
            !is_at("127.0.0.1", 0, SocketType::Tcp, fd),
            "any port is no port"
        );
        assert!(
            !is_at("127.0.0.1", port, SocketType::Tcp, 987_654),
            "not open"
        );
        let datagrams = UdpSocket::bind(("127.0.0.1", port as u16)).unwrap();
        assert!(!is_at(
            "127.0.0.1",
            port,
            SocketType::Tcp,
            datagrams.as_raw_fd()
        ));

        let path = std::env::temp_dir().join(format!("skep-inherited-{}", std::process::id()));
        let unix = UnixListener::bind(&path).unwrap();
        let name = path.to_str().unwrap();
        assert!(is_at(name, 0, SocketType::UnixStream, unix.as_raw_fd()));
        assert!(!is_at(
            "/elsewhere",
            0,
            SocketType::UnixStream,
            unix.as_raw_fd()
        ));
        assert!(!is_at(name, 0, SocketType::UnixStream, fd));
        std::fs::remove_file(path).unwrap();
    }
}

//! A listening socket: bound when it is made, listening from `start()` on.

use std::io;
use std::mem::MaybeUninit;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrLike, SockaddrStorage, UnixAddr, bind,
    connect, getsockname, listen, setsockopt, socket, sockopt,
};

use super::address::{Peer, SocketType};
use crate::error::{Error, Result, code, text};

/// Longest usable unix socket path.
const UNIX_PATH_MAX: usize = 107;

/// A bound socket that will take connections.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: OwnedFd,
    kind: SocketType,
    host: String,
    port: u16,
    /// Removed by [`Listener::unlink`].
    path: Option<PathBuf>,
}

impl Listener {
    /// Create and bind. Port 0 lets the kernel choose; [`Listener::port`] then has the real one.
    pub(crate) fn bind(host: &str, port: i64, kind: SocketType) -> Result<Listener> {
        let failed = |code: i32| Error::Listen {
            address: format!("{host}:{port}"),
            text: text(code),
            code,
        };
        if !(0..=65535).contains(&port) {
            return Err(failed(code::INVALID_LISTEN_PORT));
        }
        let errno = |e: Errno| failed(e as i32);
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        if kind == SocketType::UnixStream {
            if host.len() > UNIX_PATH_MAX {
                return Err(failed(code::NAME_TOO_LONG));
            }
            remove_stale(host);
            let address = UnixAddr::new(host).map_err(errno)?;
            let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None).map_err(errno)?;
            bind(fd.as_raw_fd(), &address).map_err(errno)?;
            return Ok(Listener {
                socket: fd,
                kind,
                host: host.into(),
                port: 0,
                path: Some(host.into()),
            });
        }
        let address =
            resolve(host, port as u16, kind).ok_or_else(|| failed(code::BAD_HOST_ADDR))?;
        let family = if address.is_ipv6() {
            AddressFamily::Inet6
        } else {
            AddressFamily::Inet
        };
        let fd = socket(family, SockType::Stream, flags, None).map_err(errno)?;
        setsockopt(&fd, sockopt::ReuseAddr, &true).map_err(errno)?;
        if address.is_ipv6() {
            setsockopt(&fd, sockopt::Ipv6V6Only, &false).map_err(errno)?;
        }
        bind(fd.as_raw_fd(), &SockaddrStorage::from(address)).map_err(errno)?;
        let bound: SockaddrStorage = getsockname(fd.as_raw_fd()).map_err(errno)?;
        let port = match (bound.as_sockaddr_in(), bound.as_sockaddr_in6()) {
            (Some(v4), _) => v4.port(),
            (_, Some(v6)) => v6.port(),
            _ => port as u16,
        };
        Ok(Listener {
            socket: fd,
            kind,
            host: host.into(),
            port,
            path: None,
        })
    }

    /// A socket that somebody else has bound, and whose name is theirs to remove.
    pub(super) fn adopt(socket: OwnedFd, kind: SocketType, host: &str, port: u16) -> Listener {
        Listener {
            socket,
            kind,
            host: host.into(),
            port,
            path: None,
        }
    }

    /// Start taking connections.
    pub(crate) fn listen(&self, backlog: i32) -> Result<()> {
        let queue = Backlog::new(backlog).unwrap_or(Backlog::MAXCONN);
        listen(&self.socket, queue).map_err(|errno| Error::ListenCall {
            address: format!("{}:{}", self.host, self.port),
            backlog,
            code: errno as i32,
        })
    }

    /// The next waiting connection: non-blocking, close-on-exec. `WouldBlock` if there is none.
    pub(crate) fn accept(&self) -> io::Result<(OwnedFd, Peer)> {
        let mut storage = MaybeUninit::<libc::sockaddr_storage>::zeroed();
        let mut len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        // SAFETY: `storage` is writable for `len` bytes, which accept4 respects and updates.
        let fd = unsafe {
            libc::accept4(
                self.socket.as_raw_fd(),
                storage.as_mut_ptr().cast(),
                &raw mut len,
                libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
            )
        };
        let fd = Errno::result(fd)?;
        // SAFETY: a fresh descriptor that nobody else owns.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: zeroed storage is a valid sockaddr_storage, and the kernel wrote `len` bytes of it.
        let address = unsafe { SockaddrStorage::from_raw(storage.as_ptr().cast(), Some(len)) };
        let peer = match address {
            Some(a) => match (a.as_sockaddr_in(), a.as_sockaddr_in6()) {
                (Some(v4), _) => Peer::Ip(SocketAddr::from((v4.ip(), v4.port()))),
                (_, Some(v6)) => Peer::Ip(SocketAddr::from((v6.ip(), v6.port()))),
                _ => Peer::Unix,
            },
            None => Peer::Unix,
        };
        Ok((socket, peer))
    }

    pub(crate) fn raw(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    pub(crate) fn kind(&self) -> SocketType {
        self.kind
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Remove the socket file, if this is a unix socket.
    pub(crate) fn unlink(&self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path); // already gone is as good
        }
    }
}

pub(super) fn resolve(host: &str, port: u16, kind: SocketType) -> Option<SocketAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    let mut found = (bare, port).to_socket_addrs().ok()?;
    // The address decides the family: "::" on a TCP socket is IPv6 all the same.
    if bare.parse::<std::net::IpAddr>().is_ok() {
        return found.next();
    }
    found.find(|address| address.is_ipv6() == (kind == SocketType::Tcp6))
}

/// A socket file that nobody listens on any more would make bind fail for ever. Anything else at the
/// path, a socket in use included, is left alone: bind then says that the address is in use.
fn remove_stale(path: &str) {
    use std::os::unix::fs::FileTypeExt;
    let is_socket =
        std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if is_socket && is_refused(path).unwrap_or(false) {
        let _ = std::fs::remove_file(path); // if this fails, bind says why
    }
}

/// Whether a connection to this socket file is refused. Non-blocking: a listener whose queue is full
/// would keep us waiting, and is alive.
fn is_refused(path: &str) -> nix::Result<bool> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let probe = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    let outcome = connect(probe.as_raw_fd(), &UnixAddr::new(path)?);
    Ok(outcome == Err(Errno::ECONNREFUSED))
}

//! A socket that serves a port, of any kind: bound when it is made, taking connections (or datagrams) from `start()`
//! on.
//!
//! Settings come after the constructor has bound the address, SO_REUSEPORT included. Linux looks at that option of
//! both sockets at the time of the *second* bind, so [`Listener::share_port`] may set it on a socket that is bound. For
//! a server that finds its address taken by one that shares it, the question is turned round: it joins, and
//! [`Listener::apply`] fails as the bind would have if the settings do not ask for sharing after all.

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, UnixAddr, bind, getsockname, socket,
};
use nix::sys::stat::{Mode, fchmod};

use super::address::{Peer, SocketType, resolve};
use super::options::{SocketOptions, widen};
use super::peer::DatagramPeer;
use super::socket_file::{SocketFile, remove_stale};
use super::target::Target;
use super::{datagram, option};
use crate::error::{Doing, Error, Result, code, text};

/// Longest usable unix socket path.
const UNIX_PATH_MAX: usize = 107;

/// A bound socket that will take connections or datagrams.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: OwnedFd,
    kind: SocketType,
    host: String,
    port: u16,
    /// The file to remove in the end: of a unix socket that this server has bound itself.
    file: Option<SocketFile>,
    /// Of a socket that the service manager has passed, if it was given one.
    name: Option<String>,
    /// Another socket has this address too, and nobody has asked for that yet.
    joined: bool,
    /// Connections may have come before the options were set.
    early: bool,
}

impl Listener {
    /// Create and bind. Port 0 lets the kernel choose; [`Listener::port`] then has the real one. Of the options only
    /// those count that are needed before or at bind; [`Listener::apply`] sets the others.
    pub(crate) fn bind(
        host: &str,
        port: i64,
        kind: SocketType,
        options: &SocketOptions,
    ) -> Result<Listener> {
        let failed = |code: i32| listen_error(host, port, code);
        let errno = |e: Errno| failed(e as i32);
        let number = u16::try_from(port).map_err(|_| failed(code::INVALID_LISTEN_PORT))?;
        if kind.is_unix() {
            if host.len() > UNIX_PATH_MAX {
                return Err(failed(code::NAME_TOO_LONG));
            }
            if host.is_empty() {
                return Err(failed(code::BAD_HOST_ADDR)); // the kernel would invent an abstract name
            }
            let (socket, file) = bind_path(host, kind, options).map_err(errno)?;
            let mut listener = Listener::adopt(socket, kind, host, 0);
            if let Err(error) = file.dress(options) {
                file.remove();
                return Err(failed(error.raw_os_error().unwrap_or(libc::ENOENT)));
            }
            listener.file = Some(file);
            return Ok(listener);
        }
        let address = resolve(host, number, kind).ok_or_else(|| failed(code::BAD_HOST_ADDR))?;
        let kind = kind.over(&address);
        let (socket, joined) = match bind_ip(address, kind, options.reuse_port, false) {
            Err(Errno::EADDRINUSE) if !options.reuse_port && port != 0 => {
                let joined = bind_ip(address, kind, true, false);
                (joined.map_err(|_| errno(Errno::EADDRINUSE))?, true)
            }
            outcome => (outcome.map_err(errno)?, false),
        };
        let port = ip_name(&socket).map_or(number, |name| name.port());
        let mut listener = Listener::adopt(socket, kind, host, port);
        listener.joined = joined;
        Ok(listener)
    }

    /// A socket that somebody else has bound, and whose name is theirs to remove.
    pub(super) fn adopt(socket: OwnedFd, kind: SocketType, host: &str, port: u16) -> Listener {
        Listener {
            socket,
            kind,
            host: host.into(),
            port,
            file: None,
            name: None,
            joined: false,
            early: false,
        }
    }

    pub(super) fn with_name(mut self, name: Option<String>) -> Listener {
        self.name = name;
        self
    }

    /// Set what belongs to the socket itself, its file included, and what connections inherit. Before
    /// [`Listener::listen`]; after it (or on a socket that was passed listening) too, but then connections that are
    /// waiting already get their share only through [`Listener::dress`].
    pub(crate) fn apply(&mut self, options: &SocketOptions) -> Result<()> {
        if options.reuse_port {
            self.share_port()?;
        }
        self.refuse_joined()?;
        self.early = self.is_listening();
        options.set_on(self.socket.as_fd(), self.kind)?;
        match &self.file {
            Some(file) => file
                .dress(options)
                .doing("set the mode and owner of the socket file"),
            None => Ok(()),
        }
    }

    /// Let other sockets of the same user bind this address too. A unix socket has nothing to share: no change.
    pub(crate) fn share_port(&mut self) -> Result<()> {
        if !self.kind.is_unix() {
            option::set(&self.socket, option::SO_REUSEPORT, 1).doing(option::SO_REUSEPORT.name)?;
            self.joined = false;
        }
        Ok(())
    }

    /// Start taking connections. Datagrams come from bind on: nothing to start.
    pub(crate) fn listen(&self, backlog: i32) -> Result<()> {
        self.refuse_joined()?;
        if self.kind.is_datagram() {
            return Ok(());
        }
        let queue = SocketOptions::queue(backlog);
        // SAFETY: no pointers. (Not nix: its limit is that of the C library, the system's may be higher.)
        let listening = unsafe { libc::listen(self.raw(), queue) };
        match Errno::result(listening) {
            Ok(_) => Ok(()),
            Err(errno) => Err(Error::ListenCall {
                address: format!("{}:{}", self.host, self.port),
                backlog,
                code: errno as i32,
            }),
        }
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
        // SAFETY: zeroed storage is a valid sockaddr_storage, whatever part of it the kernel has written.
        let storage = unsafe { storage.assume_init() };
        let peer = match DatagramPeer::from_kernel(&storage, len as usize) {
            DatagramPeer::Ip(address) => Peer::Ip(address),
            DatagramPeer::Unix(_) => Peer::Unix,
        };
        Ok((socket, peer))
    }

    /// Give an accepted connection what it has not inherited. Costs nothing for a socket whose options were set before
    /// it listened.
    pub(crate) fn dress(&self, connection: &OwnedFd, options: &SocketOptions) {
        if self.early {
            options.dress(connection.as_fd(), self.kind);
        }
    }

    /// Send one datagram from this socket; see [`datagram::send_to`].
    pub(crate) fn send_to(&self, bytes: &[u8], target: &Target) -> Result<(), i32> {
        datagram::send_to(self.as_fd(), self.kind, bytes, target)
    }

    pub(crate) fn raw(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// The kind it really is: an IPv6 address makes a TCP socket a TCP6 socket.
    pub(crate) fn kind(&self) -> SocketType {
        self.kind
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The name that the service manager has given a socket it has passed (`FileDescriptorName=`).
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Remove the socket file, if this is a unix socket and the file is still ours. One that was passed is not.
    pub(crate) fn unlink(&self) {
        if let Some(file) = &self.file {
            file.remove();
        }
    }

    fn is_listening(&self) -> bool {
        option::get(self, option::SO_ACCEPTCONN).is_ok_and(|listens| listens != 0)
    }

    fn refuse_joined(&self) -> Result<()> {
        match self.joined {
            true => Err(self.failed(libc::EADDRINUSE)),
            false => Ok(()),
        }
    }

    fn failed(&self, code: i32) -> Error {
        listen_error(&self.host, i64::from(self.port), code)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn listen_error(host: &str, port: i64, code: i32) -> Error {
    Error::Listen {
        address: format!("{host}:{port}"),
        text: text(code),
        code,
    }
}

/// The IP address a socket is bound to; none for a unix socket.
fn ip_name(socket: &impl AsFd) -> Option<SocketAddr> {
    let name: SockaddrStorage = getsockname(socket.as_fd().as_raw_fd()).ok()?;
    match (name.as_sockaddr_in(), name.as_sockaddr_in6()) {
        (Some(v4), _) => Some(SocketAddr::V4((*v4).into())),
        (_, Some(v6)) => Some(SocketAddr::V6((*v6).into())),
        _ => None,
    }
}

fn create(kind: SocketType, family: AddressFamily) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let created = if kind.is_datagram() {
        let created = socket(family, SockType::Datagram, flags, None)?;
        let _ = widen(&created); // a wish
        created
    } else {
        socket(family, SockType::Stream, flags, None)?
    };
    Ok(created)
}

fn bind_ip(
    address: SocketAddr,
    kind: SocketType,
    reuse_port: bool,
    v6_only: bool,
) -> nix::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    let created = create(kind, family)?;
    let set = |option, value: bool| {
        option::set(&created, option, i32::from(value))
            .map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(libc::EINVAL)))
    };
    if kind.is_stream() {
        set(option::SO_REUSEADDR, true)?; // for UDP it would let anybody take the port over
    }
    if reuse_port {
        set(option::SO_REUSEPORT, true)?;
    }
    if address.is_ipv6() {
        set(option::IPV6_V6ONLY, v6_only)?;
    }
    bind(created.as_raw_fd(), &SockaddrStorage::from(address))?;
    Ok(created)
}

fn bind_path(
    path: &str,
    kind: SocketType,
    options: &SocketOptions,
) -> nix::Result<(OwnedFd, SocketFile)> {
    remove_stale(path);
    let address = UnixAddr::new(path)?;
    let created = create(kind, AddressFamily::Unix)?;
    if let Some(mode) = options.unix_mode {
        // The file gets the mode of the socket less the umask: never, not for a moment, more than is wanted.
        fchmod(&created, Mode::from_bits_truncate(mode))?;
    }
    bind(created.as_raw_fd(), &address)?;
    let file = SocketFile::made(Path::new(path));
    let file = file.map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(libc::ENOENT)))?;
    Ok((created, file))
}

#[cfg(test)]
mod tests;

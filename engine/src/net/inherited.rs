//! Sockets that the service manager passes (sd_listen_fds(3)): descriptors from 3 on, meant for the process whose pid
//! `LISTEN_PID` names. Listening streams and bound datagram sockets.
//!
//! A server of a certain address uses the one that has this address; the others are somebody else's. A server of the
//! host `SYSTEMD` uses them all. Their files are never ours to remove.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sys::socket::{SockType, SockaddrStorage, getsockname, getsockopt, sockopt};

use super::address::{SocketType, resolve};
use super::listener::Listener;
use crate::error::{Error, Result};

/// The first passed descriptor, unless `LISTEN_FDS_START` names another.
const FIRST: RawFd = 3;
/// More descriptors than any service passes: a number beyond is a mistake.
const MOST: i32 = 1024;
/// What tells of the descriptors.
const VARIABLES: [&str; 4] = [
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDS_START",
    "LISTEN_FDNAMES",
];

/// What this process was passed and no server has taken. Read once: [`forget`] removes the variables.
static PASSED: Mutex<Option<Passed>> = Mutex::new(None);

/// The passed socket that has this address, if there is one.
pub(crate) fn take(host: &str, port: i64, kind: SocketType) -> Option<Listener> {
    with_passed(|passed| passed.take(host, port, kind))
}

/// Whether an address is the one that stands for all passed sockets.
pub(crate) fn is_systemd(host: &str, port: i64) -> bool {
    host.eq_ignore_ascii_case("SYSTEMD") && port == 0
}

/// Whether the variables are about this process.
pub(crate) fn are_ours() -> bool {
    Passed::are_for(|name| std::env::var(name).ok(), std::process::id())
}

/// Every passed socket that no server has taken, in their order.
pub(crate) fn take_all() -> Result<All> {
    with_passed(Passed::take_all)
}

/// Remove the variables, which are this process's business and not that of its children. What they say is kept: a
/// later server of this process can still take its socket.
///
/// Only while the process has one thread: the environment has no lock that other code would respect.
pub(crate) fn forget() {
    with_passed(|_| ());
    for name in VARIABLES {
        // SAFETY: the caller sees to it that no other thread reads the environment at this time.
        unsafe { std::env::remove_var(name) };
    }
}

/// The sockets for the host `SYSTEMD`.
#[derive(Debug)]
pub(crate) struct All {
    /// At least one.
    pub(crate) listeners: Vec<Listener>,
    /// Descriptors that are no sockets to serve: for a warning
    /// (`the socket[<fd>] is not a listening socket`).
    pub(crate) skipped: Vec<RawFd>,
}

fn with_passed<T>(work: impl FnOnce(&mut Passed) -> T) -> T {
    let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
    let pid = std::process::id();
    // A child has the memory of its parent, and the descriptors, which are not its own.
    match &mut *passed {
        Some(known) if known.pid == pid => work(known),
        _ => {
            let lookup = |name: &str| std::env::var(name).ok();
            work(passed.insert(Passed::told(lookup, pid)))
        }
    }
}

/// What a process was passed.
#[derive(Debug)]
struct Passed {
    pid: u32,
    /// Not yet taken, with the names they were given.
    left: VecDeque<(RawFd, Option<String>)>,
}

impl Passed {
    /// What the variables say. They count only if they are about this very process: it may have inherited them.
    fn told(lookup: impl Fn(&str) -> Option<String>, pid: u32) -> Passed {
        let number = |name| lookup(name)?.parse::<i32>().ok();
        let is_ours = Passed::are_for(&lookup, pid);
        let count = number("LISTEN_FDS").filter(|count| is_ours && (0..=MOST).contains(count));
        let first = number("LISTEN_FDS_START").filter(|first| *first >= FIRST);
        let names = lookup("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':').map(String::from);
        let left = (0..count.unwrap_or(0))
            .filter_map(|place| first.unwrap_or(FIRST).checked_add(place))
            .map(|fd| (fd, names.next().filter(|name| !name.is_empty())))
            .collect();
        Passed { pid, left }
    }

    fn are_for(lookup: impl Fn(&str) -> Option<String>, pid: u32) -> bool {
        lookup("LISTEN_PID").and_then(|told| told.parse().ok()) == Some(pid)
    }

    fn take(&mut self, host: &str, port: i64, kind: SocketType) -> Option<Listener> {
        let wanted = Socket::wanted(host, port, kind)?;
        let has_it = |(fd, _): &(RawFd, _)| Socket::found(*fd).as_ref() == Some(&wanted);
        let place = self.left.iter().position(has_it)?;
        let (fd, name) = self.left.remove(place)?;
        let listener = adopt(fd, &wanted, host)?;
        Some(listener.with_name(name))
    }

    fn take_all(&mut self) -> Result<All> {
        let mut all = All {
            listeners: Vec::new(),
            skipped: Vec::new(),
        };
        for (fd, name) in std::mem::take(&mut self.left) {
            let listener = Socket::found(fd).and_then(|found| adopt(fd, &found, &found.host()));
            match listener {
                Some(listener) => all.listeners.push(listener.with_name(name)),
                None => all.skipped.push(fd),
            }
        }
        if all.listeners.is_empty() {
            return Err(Error::State("failed to add systemd socket"));
        }
        Ok(all)
    }
}

/// Make a passed socket ours. It is off the list already, so nobody else gets it.
fn adopt(fd: RawFd, socket: &Socket, host: &str) -> Option<Listener> {
    // SAFETY: open (`found` has asked it), passed to this process to be used, and in use nowhere else: each number is
    // taken off the list once.
    let owned = unsafe { OwnedFd::from_raw_fd(fd) };
    prepare(&owned).ok()?;
    let port = match &socket.name {
        Name::Ip(address) => address.port(),
        Name::Unix(_) => 0,
    };
    Some(Listener::adopt(owned, socket.kind, host, port))
}

fn prepare(socket: &OwnedFd) -> nix::Result<()> {
    fcntl(socket, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    let flags = OFlag::from_bits_retain(fcntl(socket, FcntlArg::F_GETFL)?);
    fcntl(socket, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// A socket to serve: as it was asked for, or as a descriptor is one.
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    kind: SocketType,
    name: Name,
}

#[derive(Debug, PartialEq, Eq)]
enum Name {
    Ip(SocketAddr),
    /// A path, or an abstract name with its zero byte.
    Unix(Vec<u8>),
}

impl Socket {
    /// The address a constructor was given. Port 0 means any port, so no socket is "the" one.
    fn wanted(host: &str, port: i64, kind: SocketType) -> Option<Socket> {
        if kind.is_unix() {
            let name = Name::Unix(host.into());
            return Some(Socket { kind, name });
        }
        let port = u16::try_from(port).ok().filter(|port| *port > 0)?;
        let address = resolve(host, port, kind)?;
        Some(Socket {
            kind: kind.over(&address),
            name: Name::Ip(address),
        })
    }

    /// What a descriptor is, if it is a listening stream or a bound datagram socket.
    fn found(fd: RawFd) -> Option<Socket> {
        if fd < 0 {
            return None;
        }
        // SAFETY: borrowed for this function; a number that is not open makes the first call fail.
        let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
        let datagrams = match getsockopt(&borrowed, sockopt::SockType).ok()? {
            SockType::Datagram => true,
            SockType::Stream if getsockopt(&borrowed, sockopt::AcceptConn).ok()? => false,
            _ => return None,
        };
        let bound = getsockname::<SockaddrStorage>(borrowed.as_raw_fd()).ok()?;
        let address = match (bound.as_sockaddr_in(), bound.as_sockaddr_in6()) {
            (Some(v4), _) => Some(SocketAddr::V4((*v4).into())),
            (_, Some(v6)) => Some(SocketAddr::V6((*v6).into())),
            _ => None,
        };
        if let Some(address) = address {
            let kind = if datagrams {
                SocketType::Udp
            } else {
                SocketType::Tcp
            };
            // Port 0: a datagram socket that is not bound.
            return (address.port() != 0).then(|| Socket {
                kind: kind.over(&address),
                name: Name::Ip(address),
            });
        }
        let unix = bound.as_unix_addr()?;
        let name = match (unix.path(), unix.as_abstract()) {
            (Some(path), _) => path.as_os_str().as_encoded_bytes().to_vec(),
            (_, Some(name)) => [b"\0", name].concat(),
            _ => return None, // not bound: nobody can reach it
        };
        Some(Socket {
            kind: if datagrams {
                SocketType::UnixDgram
            } else {
                SocketType::UnixStream
            },
            name: Name::Unix(name),
        })
    }

    /// For people: an abstract name has an `@`.
    fn host(&self) -> String {
        match &self.name {
            Name::Ip(address) => address.ip().to_string(),
            Name::Unix(path) => match path.as_slice() {
                [0, name @ ..] => format!("@{}", String::from_utf8_lossy(name)),
                path => String::from_utf8_lossy(path).into_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests;

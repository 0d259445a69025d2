//! The socket options of one port, and when each is set.
//!
//! | option | set on | reaches connections |
//! |---|---|---|
//! | `reuse_port` | the socket, before bind (or after, see [`super::listener::Listener::share_port`]) | – |
//! | buffers, keepalive, user timeout, nodelay | the listening socket, before listen(2) | inherited by accept(2) |
//! | defer accept, fast open, backlog | the listening socket | – |
//! | mode and owner | the socket file | – |
//!
//! A connection that the kernel took before the options were set (a socket that was passed listening) has
//! inherited nothing: [`SocketOptions::dress`] gives it the same.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use super::address::SocketType;
use super::option::{self, IntOption};
use crate::error::{Doing, Result};

/// What both socket buffers of a datagram socket are wished to be, bytes. The kernel has the last word.
pub(super) const DATAGRAM_BUFFER: i32 = 8 << 20;

/// Length of the fast-open queue for who asks for fast open and gives no length.
pub(crate) const FASTOPEN_QUEUE: u32 = 256;

/// TCP keepalive probes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keepalive {
    /// Silence before the first probe, seconds.
    pub(crate) idle_s: u32,
    /// Between two probes, seconds.
    pub(crate) interval_s: u32,
    /// Unanswered probes after which the connection is dead.
    pub(crate) count: u32,
}

impl Default for Keepalive {
    fn default() -> Keepalive {
        Keepalive {
            idle_s: 3600,
            interval_s: 60,
            count: 5,
        }
    }
}

/// The socket options of one port. What makes no sense for its kind (TCP options on a unix socket) is not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SocketOptions {
    /// Connections the kernel keeps waiting; 0 means the default.
    pub(crate) backlog: i32,
    /// Let other sockets of the same user bind the same address and port.
    pub(crate) reuse_port: bool,
    /// Send small writes at once.
    pub(crate) nodelay: bool,
    /// Probe silent TCP connections.
    pub(crate) keepalive: Option<Keepalive>,
    /// Milliseconds that sent data may stay unacknowledged; 0: the kernel's rule. Independent of keepalive.
    pub(crate) user_timeout_ms: u32,
    /// Seconds to keep a connection that has sent nothing from accept(2); 0: none.
    pub(crate) defer_accept_s: u32,
    /// Length of the queue of TCP fast open; 0: off.
    pub(crate) fastopen: u32,
    /// Kernel receive buffer, bytes.
    pub(crate) recv_buffer: Option<u32>,
    /// Kernel send buffer, bytes.
    pub(crate) send_buffer: Option<u32>,
    /// Access mode of the file of a unix socket; none: 0777 less the umask.
    pub(crate) unix_mode: Option<u32>,
    /// User id that owns the file of a unix socket; none: ours.
    pub(crate) unix_user: Option<u32>,
    /// Group id of the file of a unix socket; none: ours.
    pub(crate) unix_group: Option<u32>,
}

/// The backlog where none is given.
const BACKLOG: i32 = 512;
/// The largest backlog that has a meaning.
const BACKLOG_MAX: i32 = 65535;

impl Default for SocketOptions {
    fn default() -> SocketOptions {
        SocketOptions {
            backlog: BACKLOG,
            reuse_port: false,
            nodelay: true,
            keepalive: None,
            user_timeout_ms: 0,
            defer_accept_s: 0,
            fastopen: 0,
            recv_buffer: None,
            send_buffer: None,
            unix_mode: None,
            unix_user: None,
            unix_group: None,
        }
    }
}

impl SocketOptions {
    /// Before listen(2): what the listening (or datagram) socket itself needs, and what connections inherit.
    pub(super) fn set_on(&self, socket: BorrowedFd<'_>, kind: SocketType) -> Result<()> {
        self.set_inherited(socket, kind)?;
        if kind.is_tcp() {
            // 0 is set too: a socket that was passed may have come with another value.
            set(socket, option::TCP_DEFER_ACCEPT, self.defer_accept_s)?;
            set(socket, option::TCP_FASTOPEN, self.fastopen)?;
        }
        Ok(())
    }

    /// The same as a connection would have inherited. It may be dead already: that is found out by using it.
    pub(super) fn dress(&self, socket: BorrowedFd<'_>, kind: SocketType) {
        let _ = self.set_inherited(socket, kind);
    }

    fn set_inherited(&self, socket: BorrowedFd<'_>, kind: SocketType) -> Result<()> {
        if let Some(bytes) = self.recv_buffer {
            set(socket, option::SO_RCVBUF, bytes)?;
        }
        if let Some(bytes) = self.send_buffer {
            set(socket, option::SO_SNDBUF, bytes)?;
        }
        if !kind.is_tcp() {
            return Ok(());
        }
        set(socket, option::TCP_NODELAY, u32::from(self.nodelay))?;
        set(socket, option::TCP_USER_TIMEOUT, self.user_timeout_ms)?;
        set(
            socket,
            option::SO_KEEPALIVE,
            u32::from(self.keepalive.is_some()),
        )?;
        if let Some(probes) = &self.keepalive {
            set(socket, option::TCP_KEEPIDLE, probes.idle_s)?;
            set(socket, option::TCP_KEEPINTVL, probes.interval_s)?;
            set(socket, option::TCP_KEEPCNT, probes.count)?;
        }
        Ok(())
    }

    /// The backlog for listen(2).
    pub(super) fn queue(backlog: i32) -> i32 {
        match backlog {
            ..=0 => BACKLOG,
            given => given.min(BACKLOG_MAX),
        }
    }
}

fn set(socket: BorrowedFd<'_>, option: IntOption, value: u32) -> Result<()> {
    // A size no int can hold is more than any buffer has: the kernel cuts it to its own limit.
    let value = i32::try_from(value).unwrap_or(i32::MAX);
    option::set(socket, option, value).doing(option.name)
}

/// Both buffers as large as the kernel allows, for a socket whose sender never waits.
pub(super) fn widen(socket: impl AsFd) -> io::Result<()> {
    option::set(&socket, option::SO_RCVBUF, DATAGRAM_BUFFER)?;
    option::set(&socket, option::SO_SNDBUF, DATAGRAM_BUFFER)
}

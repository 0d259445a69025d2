//! Integer socket options: one call to set, one to ask.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;

/// A socket option with an `int` value, and its name for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IntOption {
    level: i32,
    number: i32,
    pub(super) name: &'static str,
}

macro_rules! options {
    ($($level:ident $option:ident;)*) => {
        $(pub(super) const $option: IntOption = IntOption {
            level: libc::$level,
            number: libc::$option,
            name: concat!("set ", stringify!($option)),
        };)*
    };
}

options! {
    SOL_SOCKET SO_REUSEADDR;
    SOL_SOCKET SO_REUSEPORT;
    SOL_SOCKET SO_KEEPALIVE;
    SOL_SOCKET SO_RCVBUF;
    SOL_SOCKET SO_SNDBUF;
    SOL_SOCKET SO_ACCEPTCONN;
    IPPROTO_TCP TCP_NODELAY;
    IPPROTO_TCP TCP_KEEPIDLE;
    IPPROTO_TCP TCP_KEEPINTVL;
    IPPROTO_TCP TCP_KEEPCNT;
    IPPROTO_TCP TCP_USER_TIMEOUT;
    IPPROTO_TCP TCP_DEFER_ACCEPT;
    IPPROTO_TCP TCP_FASTOPEN;
    IPPROTO_IPV6 IPV6_V6ONLY;
}

/// Set one option.
pub(super) fn set(socket: impl AsFd, option: IntOption, value: i32) -> io::Result<()> {
    // SAFETY: the pointer is to a local int, whose size is given; the descriptor is open while borrowed.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            option.level,
            option.number,
            (&raw const value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    Errno::result(result)?;
    Ok(())
}

/// Ask for one option.
pub(super) fn get(socket: impl AsFd, option: IntOption) -> io::Result<i32> {
    let mut value = 0i32;
    let mut len = size_of::<i32>() as libc::socklen_t;
    // SAFETY: `value` is writable for `len` bytes, which the call respects; the descriptor is open while borrowed.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            option.level,
            option.number,
            (&raw mut value).cast(),
            &raw mut len,
        )
    };
    Errno::result(result)?;
    Ok(value)
}

//! Where a datagram is to go, as users write it. Literals only: a lookup could keep the caller waiting for seconds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use nix::net::if_::if_nametoindex;

use super::address::SocketType;
use super::peer::{DatagramPeer, UnixName};
use crate::error::code;

/// Longest path that a datagram can be sent to, bytes: the kernel wants a zero behind it.
const PATH_MAX: usize = 107;

/// Where a datagram is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// An IP address and a port that is not 0.
    Ip(SocketAddr),
    /// A unix socket with a name.
    Path(UnixName),
}

/// Why an address is no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadTarget {
    /// Empty: what an anonymous sender shows. Nothing can be sent to it.
    Nobody,
    /// Neither an IP address nor `localhost` nor a path.
    Name,
    /// A path or an abstract name that no socket can have.
    TooLong,
    /// The port is not in 1..=65535.
    Port,
}

impl BadTarget {
    /// The number for `getLastError()`.
    pub(crate) fn code(self) -> i32 {
        match self {
            BadTarget::Nobody => code::INVALID_PARAMS,
            BadTarget::Name => 711,
            BadTarget::TooLong => code::NAME_TOO_LONG,
            BadTarget::Port => 723,
        }
    }
}

impl Target {
    /// A path (it begins with `/`), an abstract name (it begins with a zero byte, as an abstract sender is shown), an
    /// IPv6 address (it has a colon; `%` and a scope may follow), an IPv4 address or `localhost`. A unix socket has no
    /// port: the number is not looked at.
    pub(crate) fn parse(address: &[u8], port: i64) -> Result<Target, BadTarget> {
        match address {
            [] => return Err(BadTarget::Nobody),
            [b'/', ..] if address.contains(&0) => return Err(BadTarget::Name),
            [b'/', ..] if address.len() > PATH_MAX => return Err(BadTarget::TooLong),
            [b'/' | 0, ..] => {
                let name = UnixName::new(address).ok_or(BadTarget::TooLong)?;
                return Ok(Target::Path(name));
            }
            _ => {}
        }
        let port = u16::try_from(port).ok().filter(|port| *port != 0);
        let port = port.ok_or(BadTarget::Port)?;
        let text = std::str::from_utf8(address).map_err(|_| BadTarget::Name)?;
        if let Some((ip, scope)) = text.split_once('%') {
            let ip: Ipv6Addr = ip.parse().map_err(|_| BadTarget::Name)?;
            let number = scope.parse().ok().or_else(|| if_nametoindex(scope).ok());
            let scope = number.ok_or(BadTarget::Name)?;
            return Ok(Target::Ip(SocketAddrV6::new(ip, port, 0, scope).into()));
        }
        if text.eq_ignore_ascii_case("localhost") {
            return Ok(Target::Ip((Ipv4Addr::LOCALHOST, port).into()));
        }
        let ip: IpAddr = text.parse().map_err(|_| BadTarget::Name)?;
        Ok(Target::Ip((ip, port).into()))
    }

    /// The kind of socket that sends to an address, judged by its form alone; none for no address. A dual-stack
    /// [`SocketType::Udp6`] socket does for [`SocketType::Udp`].
    pub(crate) fn kind_for(address: &[u8]) -> Option<SocketType> {
        match address {
            [] => None,
            [b'/' | 0, ..] => Some(SocketType::UnixDgram),
            _ if address.contains(&b':') => Some(SocketType::Udp6),
            _ => Some(SocketType::Udp),
        }
    }
}

impl DatagramPeer {
    /// Where an answer goes. None for an anonymous sender, who cannot be answered.
    pub(crate) fn answer(&self) -> Option<Target> {
        match self {
            DatagramPeer::Ip(address) => Some(Target::Ip(*address)),
            DatagramPeer::Unix(name) if name.bytes().is_empty() => None,
            DatagramPeer::Unix(name) => Some(Target::Path(*name)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    fn ip(address: &str, port: i64) -> Result<String, i32> {
        match Target::parse(address.as_bytes(), port) {
            Ok(Target::Ip(address)) => Ok(address.to_string()),
            Ok(Target::Path(name)) => Ok(name.bytes().escape_ascii().to_string()),
            Err(bad) => Err(bad.code()),
        }
    }

    #[test]
    fn literals_and_localhost_are_targets_and_names_are_not_looked_up() {
        assert_eq!(ip("127.0.0.1", 9).unwrap(), "127.0.0.1:9");
        assert_eq!(ip("LocalHost", 9).unwrap(), "127.0.0.1:9");
        assert_eq!(ip("::1", 65535).unwrap(), "[::1]:65535");
        assert_eq!(ip("fe80::1%7", 9).unwrap(), "[fe80::1%7]:9");
        assert_eq!(ip("fe80::1%lo", 9).unwrap(), "[fe80::1%1]:9");
        for name in [
            "example.org",
            "ip6-localhost",
            "1.2.3",
            "::g",
            "fe80::1%",
            "1.2.3.4%1",
            " 127.0.0.1",
            "tmp/x",
        ] {
            assert_eq!(ip(name, 9), Err(711), "{name:?}");
        }
        assert_eq!(Target::parse(b"\xff", 9), Err(BadTarget::Name));
    }

    #[test]
    fn a_port_that_no_datagram_reaches_is_refused() {
        for port in [0, -1, 65536, i64::MAX, i64::MIN] {
            assert_eq!(ip("127.0.0.1", port), Err(723));
        }
        assert_eq!(ip("/tmp/x", 70000).unwrap(), "/tmp/x");
    }

    #[test]
    fn a_path_has_a_length_and_no_zero_byte() {
        let path = |len: usize| format!("/{}", "x".repeat(len - 1));
        assert_eq!(ip(&path(107), 0).unwrap(), path(107));
        assert_eq!(ip(&path(108), 0), Err(504));
        assert_eq!(ip("/tmp/x\0y", 0), Err(711));
        assert_eq!(ip("\0abstract", 0).unwrap(), "\\x00abstract");
        assert_eq!(ip(&format!("\0{}", "x".repeat(108)), 0), Err(504));
    }

    #[test]
    fn nobody_can_answer_an_anonymous_sender() {
        assert_eq!(ip("", 9), Err(505));
        assert_eq!(DatagramPeer::Unix(UnixName::ANONYMOUS).answer(), None);
        let named = DatagramPeer::Unix(UnixName::new(b"/a").unwrap());
        assert!(matches!(named.answer(), Some(Target::Path(_))));
        let v4 = DatagramPeer::Ip("127.0.0.1:9".parse().unwrap());
        assert!(matches!(v4.answer(), Some(Target::Ip(_))));
    }

    #[test]
    fn the_form_of_an_address_says_which_socket_sends_there() {
        for (address, kind) in [
            ("", None),
            ("/x:y", Some(SocketType::UnixDgram)),
            ("\0x", Some(SocketType::UnixDgram)),
            ("fe80::1%lo", Some(SocketType::Udp6)),
            ("localhost", Some(SocketType::Udp)),
        ] {
            assert_eq!(Target::kind_for(address.as_bytes()), kind, "{address:?}");
        }
    }
}

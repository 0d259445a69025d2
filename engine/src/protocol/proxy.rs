//! The PROXY protocol, versions 1 (a line of text) and 2 (binary): the header in which a balancer says, before
//! the first byte of the connection proper, whom it speaks for.
//!
//! [`parse`] is given everything that has arrived so far. Its answer depends on these bytes alone, and once it
//! is something other than [`Proxied::More`] no further byte changes it: so however the network splits the
//! header, the outcome is the same (`check` asserts this of any input). Fields are judged in the order in
//! which they arrive, each as soon as it is there, so that a client that speaks another protocol is found out
//! at its first wrong byte and not at a deadline.
//!
//! The optional fields behind the addresses of a version 2 header (TLVs) are skipped unread.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

#[cfg(test)]
mod tests;

/// The longest header there can be: more bytes than this need never be kept for [`parse`].
#[cfg(any(test, feature = "fuzzing"))]
const LONGEST: usize = V2_FIXED + V2_MOST;

/// What the bytes so far amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proxied {
    /// The header is complete.
    Header {
        /// Its length: the connection's own bytes begin here.
        len: usize,
        /// Whom it names.
        source: Source,
    },
    /// A header may yet come of it.
    More,
    /// No header, whatever follows; the reason is for the log.
    Broken(&'static str),
}

/// Whom a header names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// An IP client of the balancer. IPv4 addresses written as IPv6 are plain IPv4 here.
    Ip {
        /// The real client.
        client: SocketAddr,
        /// The address it connected to.
        server: SocketAddr,
    },
    /// A client on a unix socket of the balancer.
    Unix,
    /// Nobody: the balancer itself (a health check), or a client it cannot describe. The connection's own
    /// addresses count.
    Own,
}

const V1_PREFIX: &[u8] = b"PROXY ";
/// With the CRLF.
const V1_LONGEST: usize = 107;

const V2_SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family and transport, length of the rest.
const V2_FIXED: usize = 16;
/// The length field could say 65535; nobody needs that much before a connection is even attributed.
const V2_MOST: usize = 4096;

/// What the beginning of a connection says about its origin.
pub(crate) fn parse(bytes: &[u8]) -> Proxied {
    let parsed = match bytes.first() {
        None => Err(Stop::More),
        Some(b'P') => text(bytes),
        Some(b'\r') => binary(bytes),
        Some(_) => Err(Stop::Broken("it does not begin with a PROXY header")),
    };
    match parsed {
        Ok((len, source)) => Proxied::Header { len, source },
        Err(Stop::More) => Proxied::More,
        Err(Stop::Broken(reason)) => Proxied::Broken(reason),
    }
}

/// Why there is no header (yet).
enum Stop {
    More,
    Broken(&'static str),
}

type Parsed<T> = Result<T, Stop>;

fn broken<T>(reason: &'static str) -> Parsed<T> {
    Err(Stop::Broken(reason))
}

/// Passes if `bytes` begins with all of `signature`.
fn begins(bytes: &[u8], signature: &[u8]) -> Parsed<()> {
    if bytes.iter().zip(signature).any(|(is, must)| is != must) {
        return broken("it does not begin with a PROXY header");
    }
    if bytes.len() < signature.len() {
        return Err(Stop::More);
    }
    Ok(())
}

/// Version 1: `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443` and CRLF.
fn text(bytes: &[u8]) -> Parsed<(usize, Source)> {
    begins(bytes, V1_PREFIX)?;
    let within = &bytes[..bytes.len().min(V1_LONGEST)];
    let end = within.windows(2).position(|pair| pair == b"\r\n");
    let mut line = Line {
        rest: &within[V1_PREFIX.len()..end.unwrap_or(within.len())],
        ended: end.is_some(),
        full: within.len() == V1_LONGEST,
    };
    let source = line.source()?;
    // `source` has seen the end of the line, or it would have asked for more.
    Ok((end.map_or(within.len(), |at| at + 2), source))
}

/// What is left of a version 1 line.
struct Line<'a> {
    rest: &'a [u8],
    /// The CRLF is there, behind `rest`.
    ended: bool,
    /// It is not, and there is no room left for it (if not `ended`).
    full: bool,
}

impl<'a> Line<'a> {
    fn source(&mut self) -> Parsed<Source> {
        // The one kind that may stand alone on its line.
        if self.ended && self.rest == b"UNKNOWN" {
            return Ok(Source::Own);
        }
        let v6 = match self.field(|part| {
            [&b"TCP4"[..], b"TCP6", b"UNKNOWN"]
                .iter()
                .any(|kind| kind.starts_with(part))
        })? {
            b"TCP4" => false,
            b"TCP6" => true,
            // Whatever else the line says is to be ignored.
            b"UNKNOWN" if self.ended => return Ok(Source::Own),
            b"UNKNOWN" => return self.wait(),
            _ => return broken("its protocol is none of TCP4, TCP6, UNKNOWN"),
        };
        let client = self.address(v6)?;
        let server = self.address(v6)?;
        let client_port = port(self.field(digits)?)?;
        let server_port = port(self.last(digits)?)?;
        Ok(Source::Ip {
            client: SocketAddr::new(client, client_port),
            server: SocketAddr::new(server, server_port),
        })
    }

    /// More of the line is needed.
    fn wait<T>(&self) -> Parsed<T> {
        if self.full {
            return broken("its line is longer than 107 bytes");
        }
        Err(Stop::More)
    }

    /// The next field, with the one space behind it. While it is incomplete, `may` tells whether what is
    /// there can become one; judging the whole field is the caller's.
    fn field(&mut self, may: impl Fn(&[u8]) -> bool) -> Parsed<&'a [u8]> {
        let Some(space) = self.rest.iter().position(|&byte| byte == b' ') else {
            self.last(may)?;
            return broken("its line ends too early");
        };
        let field = &self.rest[..space];
        self.rest = &self.rest[space + 1..];
        if !may(field) {
            return broken("a field of its line is not what must stand there");
        }
        Ok(field)
    }

    /// The field before the end of the line, likewise.
    fn last(&mut self, may: impl Fn(&[u8]) -> bool) -> Parsed<&'a [u8]> {
        // A CR that comes last may be half of the end.
        let part = match self.rest.strip_suffix(b"\r") {
            Some(part) if !self.ended => part,
            _ => self.rest,
        };
        if !may(part) {
            return broken("a field of its line is not what must stand there");
        }
        if !self.ended {
            return self.wait();
        }
        Ok(part)
    }

    fn address(&mut self, v6: bool) -> Parsed<IpAddr> {
        let field = self.field(|part| {
            part.iter()
                .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        })?;
        let text = str::from_utf8(field).unwrap_or_default();
        // The standard parsers are as strict as the protocol: no leading zeros, no zone, nothing around it.
        let address = if v6 {
            text.parse::<Ipv6Addr>().map(IpAddr::V6)
        } else {
            text.parse::<Ipv4Addr>().map(IpAddr::V4)
        };
        match address {
            Ok(address) => Ok(address.to_canonical()),
            Err(_) => broken("an address is not valid in the family named"),
        }
    }
}

fn digits(part: &[u8]) -> bool {
    part.iter().all(u8::is_ascii_digit)
}

/// A port as version 1 writes it: [`digits`] without a leading zero.
fn port(field: &[u8]) -> Parsed<u16> {
    let text = str::from_utf8(field).unwrap_or_default();
    match text.parse() {
        Ok(port) if text == "0" || !text.starts_with('0') => Ok(port),
        _ => broken("a port is not a plain number up to 65535"),
    }
}

/// Version 2: fixed part, addresses, TLVs.
fn binary(bytes: &[u8]) -> Parsed<(usize, Source)> {
    begins(bytes, V2_SIGNATURE)?;
    let byte = |at: usize| bytes.get(at).copied().ok_or(Stop::More);

    let kind = byte(12)?;
    if kind >> 4 != 2 {
        return broken("its version is not 2");
    }
    let local = match kind & 15 {
        0 => true,
        1 => false,
        _ => return broken("its command is neither LOCAL nor PROXY"),
    };
    let about = byte(13)?;
    // A LOCAL header's family and addresses are to be ignored, right or wrong.
    let family = if local {
        Family::None
    } else {
        Family::of(about)?
    };
    let len = usize::from(u16::from_be_bytes([byte(14)?, byte(15)?]));
    if len > V2_MOST {
        return broken("it is longer than 4112 bytes");
    }
    if len < family.block() {
        return broken("its address block is shorter than its family needs");
    }
    let whole = V2_FIXED + len;
    let Some(rest) = bytes.get(V2_FIXED..whole) else {
        return Err(Stop::More);
    };
    Ok((whole, family.source(rest)))
}

/// Which addresses a version 2 header carries.
#[derive(Clone, Copy)]
enum Family {
    None,
    V4,
    V6,
    Unix,
}

impl Family {
    /// From the byte with family and transport.
    fn of(about: u8) -> Parsed<Family> {
        let family = match about >> 4 {
            0 => Family::None,
            1 => Family::V4,
            2 => Family::V6,
            3 => Family::Unix,
            _ => return broken("its address family is unknown"),
        };
        match about & 15 {
            // Unspecified: the sender could not describe this connection.
            0 => Ok(Family::None),
            // Stream and datagram: the addresses look the same.
            1 | 2 => Ok(family),
            _ => broken("its transport is unknown"),
        }
    }

    /// Bytes its addresses take.
    fn block(self) -> usize {
        match self {
            Family::None => 0,
            Family::V4 => 2 * (4 + 2),
            Family::V6 => 2 * (16 + 2),
            Family::Unix => 2 * 108,
        }
    }

    /// From what follows the fixed part: both addresses, then both ports, then what is of no interest.
    fn source(self, rest: &[u8]) -> Source {
        let (client, server, ports) = match self {
            Family::None => return Source::Own,
            Family::Unix => return Source::Unix,
            Family::V4 => (v4(rest, 0), v4(rest, 4), 8),
            Family::V6 => (v6(rest, 0), v6(rest, 16), 32),
        };
        Source::Ip {
            client: SocketAddr::new(client, u16::from_be_bytes(array(rest, ports))),
            server: SocketAddr::new(server, u16::from_be_bytes(array(rest, ports + 2))),
        }
    }
}

fn v4(block: &[u8], at: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(array(block, at)))
}

fn v6(block: &[u8], at: usize) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from(array::<16>(block, at))).to_canonical()
}

/// `N` bytes of an address block, whose length has been compared with [`Family::block`] (zeros beyond it).
fn array<const N: usize>(block: &[u8], at: usize) -> [u8; N] {
    let found = block.get(at..at + N).and_then(|part| part.try_into().ok());
    debug_assert!(found.is_some(), "the block is too short for its family");
    found.unwrap_or([0; N])
}

/// What must hold of any bytes; the body of the fuzz target.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn check(bytes: &[u8]) {
    let whole = parse(bytes);
    // Beyond the longest header nothing is looked at, so these are all the prefixes that can differ.
    let mut first = None;
    for end in 0..=bytes.len().min(LONGEST + 1) {
        let outcome = parse(&bytes[..end]);
        match first {
            // A split may show any of the later prefixes next: none may contradict.
            Some((_, decided)) => assert_eq!(outcome, decided, "it changed its mind at {end}"),
            None if outcome == Proxied::More => {}
            None => first = Some((end, outcome)),
        }
    }
    match first {
        None => {
            assert_eq!(whole, Proxied::More);
            assert!(bytes.len() < LONGEST, "it asks for more than can be");
        }
        Some((end, decided)) => {
            assert_eq!(
                whole, decided,
                "bytes behind the header changed the outcome"
            );
            if let Proxied::Header { len, .. } = decided {
                // Not one byte earlier (every strict prefix wants more), not one later, and within the bytes.
                assert_eq!(len, end);
            }
        }
    }
}

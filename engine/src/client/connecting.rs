//! How a client gets its connection.

use super::connection::{Connection, errno};
use super::fault::ClientError;
use super::proxy::timed_out;
use super::settings::{ClientSettings, Own};
use crate::error::code;
use crate::net::SocketType;
use crate::net::dial;
use crate::net::peer::UnixName;
use crate::net::target::Target;
use crate::net::waiting::Deadline;
use crate::tls::TlsConnector;

/// Longest path of a unix socket.
const PATH_MAX: usize = 107;

/// Where a client goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct To<'a> {
    pub(super) kind: SocketType,
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// Datagrams of others are not taken.
    pub(super) fixed: bool,
}

/// An address, and the kind of socket for its family.
pub(super) fn look_up(
    kind: SocketType,
    host: &str,
    port: u16,
) -> Result<(Target, SocketType), ClientError> {
    if kind.is_unix() {
        return Ok((path(host)?, kind));
    }
    let found = dial::resolve(host, port, kind).ok_or(code::RESOLVE_FAILED)?;
    Ok(found)
}

fn path(path: &str) -> Result<Target, ClientError> {
    let bytes = path.as_bytes();
    // A zero is the first byte of an abstract name, and in a path its end.
    let inner = bytes.strip_prefix(&[0]).unwrap_or(bytes);
    if inner.len() == bytes.len() && bytes.contains(&0) {
        return Err(errno::EINVAL.into());
    }
    match UnixName::new(bytes).filter(|_| bytes.len() <= PATH_MAX) {
        Some(name) => Ok(Target::Path(name)),
        None => Err(code::NAME_TOO_LONG.into()),
    }
}

/// A socket for this, with its options and, if one was asked for, its own address.
pub(super) fn open(kind: SocketType, settings: &ClientSettings) -> Result<Connection, ClientError> {
    let socket = dial::open(kind)?;
    if kind.is_tcp() && settings.nodelay {
        dial::no_delay(&socket);
    }
    if let Some(size) = settings.buffer {
        dial::set_buffers(&socket, size);
    }
    let mut connection = Connection::new(socket, kind);
    bind(&mut connection, &settings.own)?;
    Ok(connection)
}

fn bind(connection: &mut Connection, own: &Own) -> Result<(), ClientError> {
    let kind = connection.kind;
    let wrong = |error: i32| {
        let address = own.address.as_deref().unwrap_or("*");
        ClientError::with(error, format!("binding to {address}:{}", own.port))
    };
    match (&own.address, own.port) {
        (None, _) if kind == SocketType::UnixDgram => {
            dial::bind_anywhere(&connection.socket)?;
        }
        (None, _) if kind.is_unix() => {}
        (None, 0) => {}
        (Some(name), _) if kind.is_unix() => {
            let target = path(name)?;
            dial::bind_to(&connection.socket, kind, &target).map_err(wrong)?;
            if !name.starts_with('\0') {
                connection.file = std::path::absolute(name).ok();
            }
        }
        (address, port) => {
            let any = if kind.is_v6() { "::" } else { "0.0.0.0" };
            let host = address.as_deref().unwrap_or(any);
            let (target, family) = dial::resolve(host, port, kind).ok_or(code::BAD_HOST_ADDR)?;
            if family.is_v6() && !kind.is_v6() {
                return Err(wrong(errno::EINVAL));
            }
            dial::bind_to(&connection.socket, kind, &target).map_err(wrong)?;
        }
    }
    Ok(())
}

/// Connect, by a proxy if there is one, and shake hands if TLS is wanted.
pub(super) fn establish(
    to: To<'_>,
    settings: &ClientSettings,
    tls: Option<&TlsConnector>,
    deadline: Deadline,
) -> Result<Connection, ClientError> {
    let is_tcp = to.kind.is_tcp();
    let socks5 = Some(&settings.socks5).filter(|proxy| is_tcp && !proxy.host.is_empty());
    let http = Some(&settings.http).filter(|proxy| is_tcp && !proxy.host.is_empty());
    let (host, port) = match socks5.or(http) {
        Some(proxy) => (proxy.host.as_str(), proxy.port),
        None => (to.host, to.port),
    };
    let (target, kind) = look_up(to.kind, host, port)?;
    let mut connection = open(kind, settings)?;
    if kind.is_stream() || to.fixed {
        dial::connect_to(&connection.socket, kind, &target, deadline)?;
    } else {
        connection.target = Some(target);
    }
    if let Some(proxy) = socks5 {
        connection
            .ask_socks5(proxy, to.host, to.port, deadline)
            .map_err(timed_out)?;
    } else if let Some(proxy) = http {
        connection
            .ask_http(proxy, to.host, to.port, deadline)
            .map_err(timed_out)?;
    }
    if let Some(tls) = tls {
        connection.secure(tls, deadline).map_err(timed_out)?;
    }
    Ok(connection)
}

//! Options of the listening sockets and of the connections they bring.

use crate::error::{Error, Result};
use crate::net::options::FASTOPEN_QUEUE;
use crate::settings::table::{Apply, Kind, Row};
use crate::settings::value::{Value, int, size, text, truth};
use crate::sys::identity;

/// A number of the kernel's: not negative, at most what it stores.
fn natural(value: &Value) -> u32 {
    int(value).clamp(0, i64::from(i32::MAX)) as u32
}

/// Bytes of a kernel buffer; 0: the kernel's own choice.
fn buffer(value: &Value) -> Result<Option<u32>> {
    let bytes = size(value)?.min(i32::MAX as u64) as u32;
    Ok((bytes > 0).then_some(bytes))
}

/// The id of a name, or of a number.
fn owner(what: &str, name: &str, found: std::io::Result<Option<u32>>) -> Result<Option<u32>> {
    if name.is_empty() {
        return Ok(None);
    }
    let unknown = || Error::BadSetting(format!("get {what} [{name}] info failed"));
    match (name.parse(), found) {
        (Ok(id), _) => Ok(Some(id)),
        (_, Ok(Some(id))) => Ok(Some(id)),
        _ => Err(unknown()),
    }
}

pub(super) static ROWS: &[Row] = &[
    Row {
        key: "backlog",
        aliases: &[],
        kind: Kind::Int,
        default: "512",
        range: "1..=65535; 0 means 512; clamped",
        help: "Length of the kernel's queue of connections that wait to be accepted.",
        apply: Apply::Port(|p, v| {
            p.sockets.backlog = match int(v).clamp(0, 65535) {
                0 => 512,
                n => n as i32,
            };
            Ok(())
        }),
    },
    Row {
        key: "enable_reuse_port",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true or false; without effect on unix sockets",
        help: "Other servers of the same user may listen on the same address (SO_REUSEPORT); the kernel shares the connections out.",
        apply: Apply::Port(|p, v| {
            p.sockets.reuse_port = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "kernel_socket_recv_buffer_size",
        aliases: &[],
        kind: Kind::Size,
        default: "the kernel's choice",
        range: "0 means the default; clamped to 2147483647",
        help: "Receive buffer of each connection in the kernel (SO_RCVBUF).",
        apply: Apply::Port(|p, v| {
            p.sockets.recv_buffer = buffer(v)?;
            Ok(())
        }),
    },
    Row {
        key: "kernel_socket_send_buffer_size",
        aliases: &[],
        kind: Kind::Size,
        default: "the kernel's choice",
        range: "0 means the default; clamped to 2147483647",
        help: "Send buffer of each connection in the kernel (SO_SNDBUF).",
        apply: Apply::Port(|p, v| {
            p.sockets.send_buffer = buffer(v)?;
            Ok(())
        }),
    },
    Row {
        key: "open_tcp_keepalive",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true or false",
        help: "Probe connections on which nothing moves (SO_KEEPALIVE), as the tcp_keep settings say.",
        apply: Apply::Port(|p, v| {
            p.keepalive = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "open_tcp_nodelay",
        aliases: &[],
        kind: Kind::Bool,
        default: "true",
        range: "true or false",
        help: "Send small writes at once (TCP_NODELAY).",
        apply: Apply::Port(|p, v| {
            p.sockets.nodelay = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "tcp_defer_accept",
        aliases: &[],
        kind: Kind::Int,
        default: "0",
        range: "0..=2147483647 s; clamped; 0: off",
        help: "A connection is accepted when its first bytes are there, or after so long (TCP_DEFER_ACCEPT).",
        apply: Apply::Port(|p, v| {
            p.sockets.defer_accept_s = natural(v);
            Ok(())
        }),
    },
    Row {
        key: "tcp_fastopen",
        aliases: &[],
        kind: Kind::Int,
        default: "0",
        range: "0..=2147483647; clamped; true and 1 mean 256; 0: off",
        help: "Length of the queue of TCP fast open.",
        apply: Apply::Port(|p, v| {
            p.sockets.fastopen = match natural(v) {
                1 => FASTOPEN_QUEUE,
                length => length,
            };
            Ok(())
        }),
    },
    Row {
        key: "tcp_keepcount",
        aliases: &[],
        kind: Kind::Int,
        default: "5",
        range: "1..=2147483647; clamped",
        help: "Unanswered keepalive probes after which a connection is dead.",
        apply: Apply::Port(|p, v| {
            p.keepalive_probes.count = natural(v).max(1);
            Ok(())
        }),
    },
    Row {
        key: "tcp_keepidle",
        aliases: &[],
        kind: Kind::Int,
        default: "3600",
        range: "1..=2147483647 s; clamped",
        help: "Silence before the first keepalive probe.",
        apply: Apply::Port(|p, v| {
            p.keepalive_probes.idle_s = natural(v).max(1);
            Ok(())
        }),
    },
    Row {
        key: "tcp_keepinterval",
        aliases: &[],
        kind: Kind::Int,
        default: "60",
        range: "1..=2147483647 s; clamped",
        help: "Time between two keepalive probes.",
        apply: Apply::Port(|p, v| {
            p.keepalive_probes.interval_s = natural(v).max(1);
            Ok(())
        }),
    },
    Row {
        key: "tcp_user_timeout",
        aliases: &[],
        kind: Kind::Int,
        default: "0",
        range: "0..=2147483647 ms; clamped; 0: the kernel's rule",
        help: "How long sent bytes may stay unacknowledged before the connection is dead (TCP_USER_TIMEOUT); needs no keepalive.",
        apply: Apply::Port(|p, v| {
            p.sockets.user_timeout_ms = natural(v);
            Ok(())
        }),
    },
    Row {
        key: "unix_group",
        aliases: &[],
        kind: Kind::Text,
        default: "the server's",
        range: "a group, by name or number",
        help: "Group of the file of a unix socket.",
        apply: Apply::Port(|p, v| {
            let name = text(v);
            p.sockets.unix_group = owner("group", &name, identity::group(&name))?;
            Ok(())
        }),
    },
    Row {
        key: "unix_mode",
        aliases: &[],
        kind: Kind::Text,
        default: "0777 less the umask",
        range: "an octal number, such as \"0660\"",
        help: "Access mode of the file of a unix socket.",
        apply: Apply::Port(|p, v| {
            let given = match v {
                Value::Int(mode) => format!("{mode:o}"), // PHP's 0660 is a number already
                other => text(other),
            };
            let mode = u32::from_str_radix(&given, 8)
                .ok()
                .filter(|mode| *mode <= 0o7777);
            let refused = || {
                Error::BadSetting(format!(
                    "unix_mode: '{given}' is no octal mode, such as 0660"
                ))
            };
            p.sockets.unix_mode = Some(mode.ok_or_else(refused)?);
            Ok(())
        }),
    },
    Row {
        key: "unix_user",
        aliases: &[],
        kind: Kind::Text,
        default: "the server's",
        range: "a user, by name or number; root may choose",
        help: "Owner of the file of a unix socket.",
        apply: Apply::Port(|p, v| {
            let name = text(v);
            let found = identity::account(&name).map(|found| found.map(|account| account.uid));
            p.sockets.unix_user = owner("user", &name, found)?;
            Ok(())
        }),
    },
];

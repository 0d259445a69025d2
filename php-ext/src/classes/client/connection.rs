//! `connect`, `close` and what is known of a connection.

use std::ffi::c_char;

use skep::client::{Direction, Name};
use skep::error::code;

use super::{BAD_ARGUMENT, ClientObject, Property, plain, said, this};
use crate::convert::{Map, Text};
use crate::exception::{Line, throw_exception};
use crate::method::{Call, parse};
use crate::socket;
use crate::zend::{Zv, kind, zval};

pub(super) fn connect(call: &mut Call) {
    let (mut host, mut len) = (std::ptr::null::<c_char>(), 0usize);
    let (mut port, mut timeout, mut flag) = (0i64, 0.5f64, 0i64);
    if !parse!(call, c"s|ldl", host, len, port, timeout, flag) {
        return;
    }
    let Some(client) = this(call) else { return };
    let timeout = (call.argc() >= 3).then_some(timeout);
    // SAFETY: PHP's argument, alive during the call.
    let host = unsafe { std::slice::from_raw_parts(host.cast::<u8>(), len) };
    let refusal = match () {
        () if host.is_empty() => Some("The host is empty"),
        () if !client.engine().kind().is_unix() && !(1..=65535).contains(&port) => {
            Some("The port is invalid")
        }
        () if client.engine().is_connected() => {
            Some("connection to the server has already been established")
        }
        () if flag & !1 != 0 => Some("The sock_flag is unknown"),
        () if flag != 0 && client.engine().kind().is_stream() => {
            Some("The sock_flag 1 is for datagrams: this client always waits until it is connected")
        }
        () => None,
    };
    if let Some(text) = refusal {
        let number = match text.starts_with("connection") {
            true => libc::EISCONN,
            false => BAD_ARGUMENT,
        };
        return client.refuse(call, number, format_args!("{text}"));
    }
    // A port that is no number of a port is that of a unix socket, which has none.
    let number = u16::try_from(port).unwrap_or(0);
    let done = match std::str::from_utf8(host) {
        Ok(host) => client
            .engine()
            .connect(host, number, timeout, flag != 0)
            .map_err(plain),
        Err(_) => Err(plain(code::RESOLVE_FAILED.into())),
    };
    match done {
        Ok(()) => {
            client.put(Property::ErrCode, Zv::long(0));
            client.show_connection();
            call.give_bool(true);
        }
        Err((number, line)) => {
            let host = Line::new(format_args!("{}", String::from_utf8_lossy(host)));
            client.refuse(
                call,
                number,
                format_args!(
                    "connect to server[{}:{port}] failed. Error: {}",
                    Text(host.as_c()),
                    said(&line)
                ),
            );
        }
    }
}

pub(super) fn is_connected(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    let Some(client) = this(call) else { return };
    let connected = client.engine().is_connected();
    call.give_bool(connected);
}

pub(super) fn close(call: &mut Call) {
    let mut force = false;
    if !parse!(call, c"|b", force) {
        return;
    }
    let Some(client) = this(call) else { return };
    match client.engine().close(force).map_err(plain) {
        Ok(()) => {
            client.put(Property::Sock, Zv::long(-1));
            call.give_bool(true);
        }
        Err((number, _)) => client.refuse(
            call,
            number,
            format_args!("client is not connected to the server"),
        ),
    }
}

pub(super) fn shutdown(call: &mut Call) {
    let mut how = 0i64;
    if !parse!(call, c"l", how) {
        return;
    }
    let Some(client) = this(call) else { return };
    let direction = match how {
        0 => Direction::Input,
        1 => Direction::Output,
        2 => Direction::Both,
        _ => {
            return client.refuse(
                call,
                libc::EINVAL,
                format_args!(
                    "shutdown() failed. Error: {how} is none of SHUT_RD, SHUT_WR, SHUT_RDWR"
                ),
            );
        }
    };
    match client.engine().shutdown(direction).map_err(plain) {
        Ok(()) => call.give_bool(true),
        Err((code::NO_CONNECTION, _)) => client.refuse_unconnected(call),
        Err((number, line)) => client.refuse(
            call,
            number,
            format_args!("shutdown() failed. Error: {}", said(&line)),
        ),
    }
}

/// Longest host of a name: that of a unix socket.
const HOST_MAX: usize = 128;

fn give_name(
    call: &mut Call,
    client: &ClientObject,
    what: &str,
    found: Result<Name, skep::client::ClientError>,
) {
    let mut room = [0u8; HOST_MAX];
    // Into plain data first: filling a PHP array may end the script.
    let found = found.map_err(plain).map(|name| {
        let len = name.host.len().min(HOST_MAX);
        room[..len].copy_from_slice(&name.host[..len]);
        (len, name.port)
    });
    match found {
        Ok((len, port)) => {
            let map = Map::new();
            map.put("port", Zv::long(port.into()));
            map.put("host", Zv::text(&room[..len]));
            call.give(map.into_value());
        }
        Err((code::NO_CONNECTION, _)) => client.refuse_unconnected(call),
        Err((number, line)) => client.refuse(
            call,
            number,
            format_args!("{what}() failed. Error: {}", said(&line)),
        ),
    }
}

pub(super) fn own_name(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    let Some(client) = this(call) else { return };
    let found = client.engine().own_name();
    give_name(call, client, "getsockname", found);
}

pub(super) fn peer_name(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    let Some(client) = this(call) else { return };
    let found = client.engine().peer_name();
    give_name(call, client, "getpeername", found);
}

pub(super) fn socket(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    let Some(client) = this(call) else { return };
    match client.engine().socket() {
        Some(number) => {
            let object = socket::import(number);
            if object.kind() == kind::FALSE {
                client.put(Property::ErrCode, Zv::long(code::FATAL.into()));
            }
            call.give(object);
        }
        None => client.refuse_unconnected(call),
    }
}

pub(super) fn enable_tls(call: &mut Call) {
    let mut callback: *mut zval = std::ptr::null_mut();
    if !parse!(call, c"|z", callback) {
        return;
    }
    let Some(client) = this(call) else { return };
    // SAFETY: PHP's argument.
    if !callback.is_null() && unsafe { Zv::read(callback) }.kind() != kind::NULL {
        return throw_exception(
            BAD_ARGUMENT,
            format_args!("sync client does not support `onSslReady` callback"),
        );
    }
    let done = client.engine().enable_tls().map_err(plain);
    if !client.engine().is_connected() {
        client.put(Property::Sock, Zv::long(-1));
    }
    match done {
        Ok(()) => call.give_bool(true),
        Err((code::NO_CONNECTION, _)) => client.refuse_unconnected(call),
        Err((number, line)) => client.refuse(
            call,
            number,
            format_args!("failed to enable SSL, Error: {}", said(&line)),
        ),
    }
}

fn refuse_certificate(client: &ClientObject, call: &mut Call, (number, line): (i32, Line)) {
    match number {
        code::NO_CONNECTION => client.refuse_unconnected(call),
        code::SSL_NOT_READY => client.refuse(call, number, format_args!("SSL is not ready")),
        _ => client.refuse(
            call,
            number,
            format_args!("can not verify peer, Error: {}", said(&line)),
        ),
    }
}

pub(super) fn peer_certificate(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    let Some(client) = this(call) else { return };
    match client.engine().peer_certificate().map_err(plain) {
        Ok(text) => {
            // Lost, should making the string end the script.
            let text = std::mem::ManuallyDrop::new(text);
            let value = Zv::text(text.as_bytes());
            drop(std::mem::ManuallyDrop::into_inner(text));
            call.give(value);
        }
        Err(refusal) => refuse_certificate(client, call, refusal),
    }
}

pub(super) fn verify_peer(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    let Some(client) = this(call) else { return };
    match client.engine().verify_peer().map_err(plain) {
        Ok(()) => call.give_bool(true),
        Err(refusal) => refuse_certificate(client, call, refusal),
    }
}

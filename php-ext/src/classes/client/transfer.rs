//! `send`, `recv`, `sendto`, `sendfile`.

use std::ffi::{OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use skep::client::{Flags, Received};
use skep::error::code as engine_code;

use super::{BAD_ARGUMENT, Property, plain, said, this};
use crate::convert::integer;
use crate::exception::pending;
use crate::globals;
use crate::method::{Call, parse};
use crate::zend::{Zv, kind, zval};

/// `MSG_WAITALL`; what true means, and 1, from the time when it was a truth value.
const WAIT_ALL: i64 = 256;

/// PHP's argument.
fn slice<'a>(start: *const c_char, len: usize) -> &'a [u8] {
    match start.is_null() {
        true => &[],
        // SAFETY: a text of PHP's, alive during the call.
        false => unsafe { std::slice::from_raw_parts(start.cast(), len) },
    }
}

pub(super) fn send(call: &mut Call) {
    let (mut data, mut len, mut flag) = (std::ptr::null::<c_char>(), 0usize, 0i64);
    if !parse!(call, c"s|l", data, len, flag) {
        return;
    }
    let Some(client) = this(call) else { return };
    if len == 0 {
        return client.refuse(
            call,
            engine_code::NO_PAYLOAD,
            format_args!("data to send is empty"),
        );
    }
    let Some(socket) = client.engine().socket() else {
        return client.refuse_unconnected(call);
    };
    let bytes = slice(data, len);
    let flags = Flags::from_bits(flag).filter(|flags| !flags.peek && !flags.wait_all);
    let sent = match flags {
        Some(flags) => client.engine().send(bytes, flags).map_err(plain),
        None => Err(plain(libc::EINVAL.into())),
    };
    match sent {
        Ok(count) => {
            // Less than all of it is no refusal; the number says why.
            let number = if count < len { libc::EAGAIN } else { 0 };
            client.put(Property::ErrCode, Zv::long(number.into()));
            call.give(Zv::long(count as i64));
        }
        Err((number, line)) => client.refuse(
            call,
            number,
            format_args!(
                "failed to send({socket}) {len} bytes, Error: {}",
                said(&line)
            ),
        ),
    }
}

/// What recv found, as plain data: the bytes are the engine's until its next call.
enum Found {
    Bytes(*const u8, usize),
    End(i32),
    TooBig(u64),
    NoEndMark,
}

pub(super) fn recv(call: &mut Call) {
    let (mut size, mut flag) = (0i64, std::ptr::null_mut::<zval>());
    if !parse!(call, c"|lz", size, flag) {
        return;
    }
    let Some(client) = this(call) else { return };
    if !client.engine().is_connected() {
        return client.refuse_unconnected(call);
    }
    let flags = match flag.is_null() {
        true => Some(Flags::default()),
        false => {
            // SAFETY: PHP's argument.
            let given = unsafe { Zv::read(flag) };
            match (given.kind(), integer(given)) {
                (kind::TRUE, _) | (_, 1) => Flags::from_bits(WAIT_ALL),
                (_, bits) => Flags::from_bits(bits),
            }
        }
    };
    let size = usize::try_from(size).unwrap_or(0);
    let found = match flags {
        None => Err(plain(libc::EINVAL.into())),
        Some(flags) => match client.engine().recv(size, flags) {
            Ok(Received::Data(bytes)) => Ok(Found::Bytes(bytes.as_ptr(), bytes.len())),
            Ok(Received::End { code }) => Ok(Found::End(code)),
            Ok(Received::TooBig { length }) => Ok(Found::TooBig(length)),
            Ok(Received::NoEndMark) => Ok(Found::NoEndMark),
            Err(error) => Err(plain(error)),
        },
    };
    // The script's own function may have thrown.
    if pending() || globals::bailed() {
        return;
    }
    let number = match found {
        Ok(Found::Bytes(start, len)) => {
            client.put(Property::ErrCode, Zv::long(0));
            // SAFETY: in the engine's buffer, which nobody has touched since; PHP copies them.
            return call.give(Zv::text(unsafe { std::slice::from_raw_parts(start, len) }));
        }
        Ok(Found::End(number)) => number,
        Ok(Found::TooBig(length)) => {
            log(length);
            engine_code::PACKAGE_LENGTH_TOO_LARGE
        }
        Ok(Found::NoEndMark) => {
            return client.refuse(
                call,
                engine_code::PACKAGE_LENGTH_TOO_LARGE,
                format_args!("no package eof"),
            );
        }
        Err((number, line)) => {
            return client.refuse(
                call,
                number,
                format_args!("recv() failed, Error: {}", said(&line)),
            );
        }
    };
    client.put(Property::ErrCode, Zv::long(number.into()));
    if number != 0 {
        globals::set_last_error(number);
    }
    call.give(Zv::text(b""));
}

/// Inside a server its log is told, outside of one standard error.
fn log(length: u64) {
    let number = engine_code::PACKAGE_LENGTH_TOO_LARGE;
    let line = format!("recv() (ERRNO {number}): Package is too big. package_length={length}");
    match globals::context() {
        Some(context) => context.log_error(&line),
        None => eprintln!("skep: {line}"),
    }
}

pub(super) fn send_to(call: &mut Call) {
    let (mut host, mut host_len) = (std::ptr::null::<c_char>(), 0usize);
    let (mut data, mut len) = (std::ptr::null::<c_char>(), 0usize);
    let mut port = 0i64;
    if !parse!(call, c"sls", host, host_len, port, data, len) {
        return;
    }
    let Some(client) = this(call) else { return };
    let Ok(host) = std::str::from_utf8(slice(host, host_len)) else {
        return client.refuse(
            call,
            engine_code::RESOLVE_FAILED,
            format_args!("the address is no text"),
        );
    };
    if len == 0 {
        return client.refuse(
            call,
            engine_code::NO_PAYLOAD,
            format_args!("data to send is empty"),
        );
    }
    let was = client.engine().socket();
    let sent = match u16::try_from(port) {
        Ok(port) => client
            .engine()
            .send_to(host, port, slice(data, len))
            .map_err(plain),
        Err(_) => Err(plain(engine_code::BAD_PORT.into())),
    };
    if was != client.engine().socket() {
        client.show_connection();
    }
    match sent {
        Ok(_) => call.give_bool(true),
        Err((engine_code::OPERATION_NOT_SUPPORT, _)) => client.refuse(
            call,
            engine_code::OPERATION_NOT_SUPPORT,
            format_args!("sendto() is for SWOOLE_SOCK_UDP, UDP6 and UNIX_DGRAM"),
        ),
        Err((number, line)) => client.refuse(
            call,
            number,
            format_args!(
                "failed to send {len} bytes to {host}:{port}, Error: {}",
                said(&line)
            ),
        ),
    }
}

pub(super) fn send_file(call: &mut Call) {
    let (mut name, mut len) = (std::ptr::null::<c_char>(), 0usize);
    let (mut offset, mut length) = (0i64, 0i64);
    if !parse!(call, c"p|ll", name, len, offset, length) {
        return;
    }
    let Some(client) = this(call) else { return };
    if len == 0 {
        return client.refuse(call, BAD_ARGUMENT, format_args!("file to send is empty"));
    }
    if !client.engine().is_connected() {
        return client.refuse_unconnected(call);
    }
    let path = Path::new(OsStr::from_bytes(slice(name, len)));
    let sent = match (u64::try_from(offset), u64::try_from(length)) {
        (Ok(offset), Ok(length)) => client
            .engine()
            .send_file(path, offset, length)
            .map_err(plain),
        _ => Err(plain(BAD_ARGUMENT.into())),
    };
    match sent {
        Ok(()) => call.give_bool(true),
        Err((number @ engine_code::OPERATION_NOT_SUPPORT, _)) => client.refuse(
            call,
            number,
            format_args!("dgram socket cannot use sendfile"),
        ),
        Err((number, line)) => client.refuse(
            call,
            number,
            format_args!("sendfile() failed. Error: {}", said(&line)),
        ),
    }
}

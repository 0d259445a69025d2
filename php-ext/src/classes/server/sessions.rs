//! Sending, closing and looking at sessions.

use skep::SessionId;
use skep::error::code::{NO_PAYLOAD, SESSION_NOT_EXIST};

use super::datagrams;
use super::lifecycle::{give_result, running};
use crate::convert::{self, List, leading_integer};
use crate::exception::{code, warn};
use crate::globals;
use crate::method::{Call, parse};
use crate::zend::{Zv, bytes, kind, zend_argument_type_error, zend_zval_type_name};

/// Most sessions in one answer of `getClientList()`.
const MAX_LIST: usize = 100;

pub(super) fn send(call: &mut Call) {
    let Some(context) = running(call) else { return };
    let mut fd: *mut crate::zend::zval = std::ptr::null_mut();
    let (mut data, mut len) = (std::ptr::null::<std::ffi::c_char>(), 0usize);
    let mut server_socket = -1i64;
    if !parse!(call, c"zs|l", fd, data, len, server_socket) {
        return;
    }
    // SAFETY: PHP's argument.
    let value = unsafe { Zv::read(fd) };
    if value.kind() == kind::STRING {
        // SAFETY: PHP's arguments, alive during the call; the engine runs no PHP code.
        let (path, data) = unsafe {
            (
                bytes(value.as_string()),
                std::slice::from_raw_parts(data.cast::<u8>(), len),
            )
        };
        if path.starts_with(b"/") {
            return datagrams::send(call, context, path, 0, data, server_socket);
        }
    }
    let session = match value.kind() {
        kind::NULL => {
            warn(code::FATAL, format_args!("fd can not be null"));
            return call.give_bool(false);
        }
        kind::LONG => value.as_long(),
        kind::FALSE => 0,
        kind::TRUE => 1,
        kind::DOUBLE => value.as_double() as i64,
        // SAFETY: as above.
        kind::STRING => leading_integer(unsafe { bytes(value.as_string()) }),
        _ => {
            // SAFETY: PHP's argument and C texts.
            unsafe {
                zend_argument_type_error(
                    1,
                    c"must be of type string|int, %s given".as_ptr(),
                    zend_zval_type_name(fd),
                );
            }
            return;
        }
    };
    if len == 0 {
        warn(NO_PAYLOAD, format_args!("the data sent must not be empty"));
        return call.give_bool(false);
    }
    // 0 is the sender of a datagram in onReceive.
    if session < 0 || session == 0 && context.packet().is_none() {
        warn(code::FATAL, format_args!("invalid fd[{session}]"));
        return call.give_bool(false);
    }
    // SAFETY: PHP's argument, alive during the call; the engine runs no PHP code in `send`.
    let data = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len) };
    give_result(call, context.send(session as SessionId, data));
}

pub(super) fn close(call: &mut Call) {
    let Some(context) = running(call) else { return };
    let (mut session, mut reset) = (0i64, false);
    if !parse!(call, c"l|b", session, reset) {
        return;
    }
    let Ok(session) = SessionId::try_from(session) else {
        globals::set_last_error(SESSION_NOT_EXIST);
        return call.give_bool(false);
    };
    // Runs the close callback. What it throws is pending when this returns.
    give_result(call, context.close(session, reset));
}

pub(super) fn exists(call: &mut Call) {
    let Some(context) = running(call) else { return };
    let mut session = 0i64;
    if parse!(call, c"l", session) {
        call.give_bool(SessionId::try_from(session).is_ok_and(|session| context.exists(session)));
    }
}

pub(super) fn client_info(call: &mut Call) {
    if running(call).is_none() {
        return;
    }
    let (mut session, mut ignored, mut also_ignored) = (0i64, -1i64, false);
    if parse!(call, c"l|lb", session, ignored, also_ignored) {
        let server = super::this(call);
        call.give(convert::client_info(session, server));
    }
}

pub(super) fn client_list(call: &mut Call) {
    let Some(context) = running(call) else { return };
    let (mut after, mut count) = (0i64, 10i64);
    if !parse!(call, c"|ll", after, count) {
        return;
    }
    if count > MAX_LIST as i64 {
        warn(
            code::FATAL,
            format_args!("swoole connection list max_find_count={MAX_LIST}"),
        );
        return call.give_bool(false);
    }
    // Into plain data first: filling a PHP array may end the script.
    let mut ids = [0; MAX_LIST];
    let limit = count.max(0) as usize;
    let found = {
        let list = context.sessions(SessionId::try_from(after).unwrap_or(0), limit);
        let found = list.len().min(MAX_LIST);
        ids[..found].copy_from_slice(&list[..found]);
        found
    };
    if found == 0 && limit > 0 {
        return call.give_bool(false);
    }
    let list = List::new();
    for id in &ids[..found] {
        list.push(Zv::long(*id as i64));
    }
    call.give(list.into_value());
}

//! Sending, closing and looking at sessions.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use skep::error::code::{
    INVALID_PARAMS, NO_PAYLOAD, SESSION_INVALID_ID, SESSION_NOT_EXIST, WRONG_OPERATION,
};
use skep::{Context, Refused, Role, SessionId};

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

pub(super) fn send_file(call: &mut Call) {
    let Some(context) = running(call) else { return };
    let (mut session, mut offset, mut length) = (0i64, 0i64, 0i64);
    let (mut name, mut len) = (std::ptr::null::<std::ffi::c_char>(), 0usize);
    if !parse!(call, c"ls|ll", session, name, len, offset, length) {
        return;
    }
    // SAFETY: PHP's argument, alive during the call.
    let name = unsafe { std::slice::from_raw_parts(name.cast::<u8>(), len) };
    let path = Path::new(OsStr::from_bytes(name));
    if context.role() == Role::Master {
        warn(
            code::FATAL,
            format_args!(
                "can't sendfile[{}] to the connections in master process",
                path.display()
            ),
        );
        return call.give_bool(false);
    }
    if session <= 0 {
        context.log_warning(&format!(
            "sendfile() (ERRNO {SESSION_INVALID_ID}): invalid fd[{session}]"
        ));
        globals::set_last_error(SESSION_INVALID_ID);
        return call.give_bool(false);
    }
    let (Ok(from), Ok(count)) = (u64::try_from(offset), u64::try_from(length)) else {
        context.log_warning(&format!(
            "sendfile() (ERRNO {INVALID_PARAMS}): length[{length}] or offset[{offset}] is invalid"
        ));
        globals::set_last_error(INVALID_PARAMS);
        return call.give_bool(false);
    };
    give_result(
        call,
        context.send_file(session as SessionId, path, from, count),
    );
}

/// Blocks a worker until the client has read: the reference has it in a mode in which workers own the sockets.
pub(super) fn send_wait(call: &mut Call) {
    if running(call).is_none() {
        return;
    }
    let mut session = 0i64;
    let (mut data, mut len) = (std::ptr::null::<std::ffi::c_char>(), 0usize);
    if !parse!(call, c"ls", session, data, len) {
        return;
    }
    warn(
        code::FATAL,
        format_args!("can only be used with base mode and must be within worker process"),
    );
    call.give_bool(false);
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
        call.give(convert::client_info(session));
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

/// Do something with the session that a script names.
fn treat(
    call: &mut Call,
    session: i64,
    act: impl FnOnce(&Context, SessionId) -> Result<(), Refused>,
) {
    let Some(context) = running(call) else { return };
    let session = SessionId::try_from(session).map_err(|_| Refused(SESSION_NOT_EXIST));
    give_result(call, session.and_then(|session| act(context, session)));
}

pub(super) fn bind(call: &mut Call) {
    let (mut session, mut uid) = (0i64, 0i64);
    if !parse!(call, c"ll", session, uid) {
        return;
    }
    if !(i64::from(i32::MIN)..=i64::from(u32::MAX)).contains(&uid) {
        warn(
            code::FATAL,
            format_args!("uid can not be greater than 4294967295 or less than -2147483648"),
        );
        return call.give_bool(false);
    }
    treat(call, session, |context, session| {
        context.bind(session, uid as u32)
    });
}

pub(super) fn protect(call: &mut Call) {
    let (mut session, mut protected) = (0i64, true);
    if parse!(call, c"l|b", session, protected) {
        treat(call, session, |context, session| {
            context.protect(session, protected)
        });
    }
}

pub(super) fn pause(call: &mut Call) {
    let mut session = 0i64;
    if parse!(call, c"l", session) {
        treat(call, session, Context::pause_reading);
    }
}

pub(super) fn resume(call: &mut Call) {
    let mut session = 0i64;
    if parse!(call, c"l", session) {
        treat(call, session, Context::resume_reading);
    }
}

pub(super) fn heartbeat(call: &mut Call) {
    let Some(context) = running(call) else { return };
    let mut close = true;
    if !parse!(call, c"|b", close) {
        return;
    }
    // Runs close callbacks. What they throw is pending when this returns.
    let Some(silent) = context.heartbeat(close) else {
        globals::set_last_error(WRONG_OPERATION);
        return call.give_bool(false);
    };
    // Should filling the array end the script, the ids are lost with it.
    let list = List::new();
    for id in silent {
        list.push(Zv::long(id as i64));
    }
    call.give(list.into_value());
}

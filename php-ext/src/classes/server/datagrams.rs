//! Sending datagrams.

use skep::error::code::{NO_PAYLOAD, OPERATION_NOT_SUPPORT};
use skep::{Context, Refused, SocketType};

use super::lifecycle::{give_result, running};
use crate::exception::{code, warn};
use crate::method::{Call, parse};

pub(super) fn sendto(call: &mut Call) {
    let Some(context) = running(call) else { return };
    let (mut ip, mut ip_len) = (std::ptr::null::<std::ffi::c_char>(), 0usize);
    let mut port = 0i64;
    let (mut data, mut len) = (std::ptr::null::<std::ffi::c_char>(), 0usize);
    let mut server_socket = -1i64;
    if !parse!(call, c"sls|l", ip, ip_len, port, data, len, server_socket) {
        return;
    }
    // SAFETY: PHP's arguments, alive during the call; the engine runs no PHP code.
    let (address, data) = unsafe {
        (
            std::slice::from_raw_parts(ip.cast::<u8>(), ip_len),
            std::slice::from_raw_parts(data.cast::<u8>(), len),
        )
    };
    send(call, context, address, port, data, server_socket);
}

/// Send a datagram and return whether that was done; -1 is no socket in particular.
pub(super) fn send(
    call: &mut Call,
    context: &Context,
    address: &[u8],
    port: i64,
    data: &[u8],
    server_socket: i64,
) {
    let socket = match server_socket {
        -1 => None,
        named => Some(i32::try_from(named).unwrap_or(-1)), // a number that no descriptor has is refused
    };
    let sent = context.send_to(address, port, data, socket);
    match sent {
        Err(Refused(NO_PAYLOAD)) => {
            warn(NO_PAYLOAD, format_args!("the data sent must not be empty"));
            call.give_bool(false);
        }
        Err(Refused(OPERATION_NOT_SUPPORT)) => {
            let kind = match Context::kind_for(address) {
                Some(SocketType::Udp6) => "UDP6",
                Some(SocketType::UnixDgram) => "UnixDgram",
                _ => "UDP",
            };
            warn(
                code::FATAL,
                format_args!("{kind} listener has to be added before executing sendto"),
            );
            call.give_bool(false);
        }
        _ => give_result(call, sent),
    }
}

//! Datagrams: their callback, and sending them.

use std::ffi::c_void;

use super::callbacks::register_at;
use super::guard::{bytes, guard};
use super::handle::{get, skep_server};
use super::status::skep_status;
use crate::Packet;

/// What is known of a datagram besides its bytes. Later versions may have more fields at the end; a program that is to
/// run with an earlier one compares `size` before it reads what came later.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct skep_packet {
    /// Size of the struct in the library that filled it in.
    pub size: usize,
    /// The sender's address, `address_len` bytes: an IP address as text, the path of a unix socket (an abstract name
    /// begins with a zero byte), or nothing for a unix socket without a name, which cannot be answered. A zero byte
    /// follows.
    pub address: *const u8,
    /// Length of the address.
    pub address_len: usize,
    /// When a reactor gave it to the worker, microseconds since the Unix epoch.
    pub dispatch_us: u64,
    /// The sender's port; 0 for a unix socket.
    pub client_port: u32,
    /// Number of the port it came by; 0 for a unix socket.
    pub server_port: u32,
    /// Descriptor of that port's socket, for skep_server_send_to().
    pub server_socket: i32,
    /// Index of that port; 0 is the primary one.
    pub port: u32,
}

const _: () = assert!(size_of::<skep_packet>() == 4 * 8 + 4 * 4);

impl skep_packet {
    /// `address` is the sender's, with a zero byte behind it, and has to outlive what C does with this.
    pub(super) fn new(packet: &Packet, address: &[u8]) -> skep_packet {
        skep_packet {
            size: size_of::<skep_packet>(),
            address: address.as_ptr(),
            address_len: address.len().saturating_sub(1),
            dispatch_us: packet.dispatch_us,
            client_port: packet.client_port().unwrap_or(0).into(),
            server_port: packet.server_port.into(),
            server_socket: packet.server_socket,
            port: packet.port.into(),
        }
    }
}

/// A datagram came: `len` bytes at `data`, maybe none. `packet`, its address and `data` are valid during the call only.
pub type skep_packet_callback = Option<
    unsafe extern "C" fn(
        server: *mut skep_server,
        packet: *const skep_packet,
        data: *const u8,
        len: usize,
        user_data: *mut c_void,
    ),
>;

/// Call `callback` in a worker for every datagram. Answer with skep_server_send_to(), or with skep_server_send() to
/// session 0. Datagrams of a port without this callback go to its receive callback, with session 0.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_STATE after start, SKEP_WRONG_THREAD; the callback is then not called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_on_packet(
    server: *mut skep_server,
    callback: skep_packet_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe { register_at(server, 0, |port| &port.packet, callback, user_data) }
}

/// Call `callback` in a worker for every datagram that came by this port. Without a callback of its own a port has that
/// of the primary port.
///
/// Ownership: `user_data` stays the caller's; it is given back to the callback and never touched.
/// Callable from: setup; the callback runs in: worker.
/// Errors: as for skep_port_on_connect().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_port_on_packet(
    server: *mut skep_server,
    port: u16,
    callback: skep_packet_callback,
    user_data: *mut c_void,
) -> skep_status {
    // SAFETY: the handle is the caller's, as documented.
    unsafe { register_at(server, port, |port| &port.packet, callback, user_data) }
}

/// Send one datagram, now or not at all. `address` is an IP address, "localhost", the path of a unix socket (it begins
/// with '/') or an abstract name (it begins with a zero byte); `port` is not looked at for unix sockets. It is sent by
/// the port whose descriptor is `server_socket`, or with -1 by the last port of the kind that the address needs.
///
/// Ownership: `address` and `data` are borrowed for the call.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_NO_PAYLOAD (`len` is 0), SKEP_INVALID_ARGUMENT (no address, no datagram port has
///   this descriptor), SKEP_STATE (no port of that kind), SKEP_SYSTEM with the code 711 (not an address), 723 (bad
///   port), 504 (path too long) or an errno, SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_send_to(
    server: *mut skep_server,
    address: *const u8,
    address_len: usize,
    port: u32,
    data: *const u8,
    len: usize,
    server_socket: i32,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle, and NULL or as many bytes as said.
        let (server, address, data) = unsafe {
            (
                get(server)?,
                bytes(address, address_len)?,
                bytes(data, len)?,
            )
        };
        let socket = (server_socket >= 0).then_some(server_socket);
        Ok(server
            .context()?
            .send_to(address, port.into(), data, socket)?)
    })
}

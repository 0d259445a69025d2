//! Ports: the addresses a server listens on.

use std::ffi::c_char;

use super::guard::{Out, guard, text};
use super::handle::{get, skep_server};
use super::server::{skep_socket_type, socket_type_of};
use super::settings::set;
use super::sized::{Growing, SizedOut};
use super::status::{Fault, SKEP_INVALID_ARGUMENT, skep_status};
use crate::settings::Value;
use crate::{PortInfo, Server};

/// Room for a host as text, in skep_port_info.
pub const SKEP_HOST_SIZE: usize = 256;

/// What is known of a port.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct skep_port_info {
    /// In: sizeof(skep_port_info). Out: how many of these bytes have been filled in.
    pub size: usize,
    /// Kind of its socket.
    pub socket_type: skep_socket_type,
    /// The number it is bound to; 0 for a unix socket.
    pub number: u32,
    /// Descriptor of its socket, valid during setup and in the master.
    pub socket: i32,
    /// 1 if its connections are encrypted, otherwise 0.
    pub tls: u32,
    /// Host as given, NUL-terminated; cut off if it is longer.
    pub host: [c_char; SKEP_HOST_SIZE],
}

// SAFETY: `size` first; one 8-byte field, four 4-byte fields and 256 bytes are the whole struct.
unsafe impl Growing for skep_port_info {
    const FIRST: usize = 280;

    fn set_size(&mut self, size: usize) {
        self.size = size;
    }
}

const _: () = assert!(size_of::<skep_port_info>() == 8 + 4 * 4 + SKEP_HOST_SIZE);
const _: () = assert!(skep_port_info::FIRST <= size_of::<skep_port_info>());

impl skep_port_info {
    fn new(info: &PortInfo) -> skep_port_info {
        let mut host = [0; SKEP_HOST_SIZE];
        // The last byte stays 0 whatever the length.
        for (to, from) in host[..SKEP_HOST_SIZE - 1].iter_mut().zip(info.host.bytes()) {
            *to = from as c_char;
        }
        skep_port_info {
            size: 0,
            socket_type: info.kind as skep_socket_type,
            number: info.port.into(),
            socket: info.socket,
            tls: info.tls.into(),
            host,
        }
    }
}

/// Bind one more port, and write its index to `out`: the primary port, that of skep_server_new(), has 0, the
/// others count up from 1. It has the settings of the primary port unless it is given some of its own, and the
/// primary port's callback for every event that it has no callback of its own for.
///
/// Ownership: `host` is borrowed for the call, `out` is the caller's.
/// Callable from: setup.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (type, text), SKEP_LISTEN_FAILED, SKEP_STATE after start,
///   SKEP_WRONG_THREAD; the server is then unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_listen(
    server: *mut skep_server,
    host: *const c_char,
    port: u16,
    socket_type: skep_socket_type,
    out: *mut u16,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle, and NULL or a terminated text.
        let (server, host) = unsafe { (get(server)?, text(host, "host")?) };
        // SAFETY: the caller gives NULL or room for the number.
        let out = unsafe { Out::new(out, "out") }?;
        let kind = socket_type_of(socket_type)?;
        let index = server.setup(|engine| Ok(engine.listen(host, port.into(), kind)?))?;
        server.note_ports()?;
        out.set(index);
        Ok(())
    })
}

/// Encrypt the connections of a port. Its certificate is a setting of the port.
///
/// Ownership: none.
/// Callable from: setup.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (no such port), SKEP_BAD_SETTING (a port that takes
///   datagrams), SKEP_STATE after start, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_use_tls(server: *mut skep_server, port: u16) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle.
        let server = unsafe { get(server) }?;
        server.setup(|engine| {
            must_exist(engine, port)?;
            Ok(engine.use_tls(port)?)
        })?;
        server.note_ports()
    })
}

/// What is known of the port with this index.
///
/// Ownership: `out` is the caller's; set its `size` first.
/// Callable from: setup and any process.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (`size`, no such port), SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_port_info(
    server: *const skep_server,
    port: u16,
    out: *mut skep_port_info,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle, and NULL or a struct of `size` bytes.
        let (server, out) = unsafe { (get(server)?, SizedOut::new(out, "out")?) };
        let info = server.port_info(port).ok_or_else(|| no_port(port))?;
        out.set(skep_port_info::new(&info));
        Ok(())
    })
}

/// Give a port settings of its own, each with its default value at first: it takes over none of the primary
/// port's any more. The setters below do so too. The primary port has its own always.
///
/// Ownership: none.
/// Callable from: setup.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (no such port), SKEP_STATE after start, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_port_own_settings(
    server: *mut skep_server,
    port: u16,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle.
        let server = unsafe { get(server) }?;
        server.setup(|engine| {
            must_exist(engine, port)?;
            Ok(engine.own_settings(port)?)
        })
    })
}

/// Set a number, a size in bytes, or a time in whole seconds, for one port: backlog, ... Only settings whose
/// scope is a port can be set so.
///
/// Ownership: `key` is borrowed for the call.
/// Callable from: setup.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (text, no such port), SKEP_UNKNOWN_SETTING,
///   SKEP_BAD_SETTING (also for a setting of the whole server), SKEP_STATE after start, SKEP_WRONG_THREAD; the
///   port is then unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_port_set_int(
    server: *mut skep_server,
    port: u16,
    key: *const c_char,
    value: i64,
) -> skep_status {
    // SAFETY: handle and key are the caller's, as documented.
    guard(|| unsafe { set(server, Some(port), key, Value::Int(value)) })
}

/// Set a time in seconds, fractions allowed, for one port.
///
/// Ownership: `key` is borrowed for the call.
/// Callable from: setup.
/// Errors: as for skep_port_set_int().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_port_set_double(
    server: *mut skep_server,
    port: u16,
    key: *const c_char,
    value: f64,
) -> skep_status {
    // SAFETY: handle and key are the caller's, as documented.
    guard(|| unsafe { set(server, Some(port), key, Value::Float(value)) })
}

/// Set a truth value for one port: open_tcp_nodelay, ...
///
/// Ownership: `key` is borrowed for the call.
/// Callable from: setup.
/// Errors: as for skep_port_set_int().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_port_set_bool(
    server: *mut skep_server,
    port: u16,
    key: *const c_char,
    value: bool,
) -> skep_status {
    // SAFETY: handle and key are the caller's, as documented.
    guard(|| unsafe { set(server, Some(port), key, Value::Bool(value)) })
}

/// Set a text, a size with a suffix, such as "8M", or a list of numbers, for one port.
///
/// Ownership: `key` and `value` are borrowed for the call.
/// Callable from: setup.
/// Errors: as for skep_port_set_int().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_port_set_text(
    server: *mut skep_server,
    port: u16,
    key: *const c_char,
    value: *const c_char,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a terminated text.
        let value = unsafe { text(value, "value") }?;
        // SAFETY: handle and key are the caller's, as documented.
        unsafe { set(server, Some(port), key, Value::Text(value.into())) }
    })
}

/// Refuse an index that no port has.
pub(super) fn must_exist(engine: &Server, port: u16) -> Result<(), Fault> {
    engine.port_info(port).ok_or_else(|| no_port(port))?;
    Ok(())
}

fn no_port(port: u16) -> Fault {
    let text = format!("no port has the index {port}");
    Fault::new(SKEP_INVALID_ARGUMENT, text)
}

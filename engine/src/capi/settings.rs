//! Setting values, by their names in the engine's table.

use std::ffi::c_char;

use super::guard::{guard, text};
use super::handle::{get, skep_server};
use super::port::must_exist;
use super::status::{Fault, skep_status};
use crate::Error;
use crate::settings::{Kind, Row, Value};

/// Set a number, a size in bytes, or a time in whole seconds: worker_num, reactor_num, log_level, ... A setting
/// of a port is set for the primary port, and so for those that have none of their own.
///
/// Ownership: `key` is borrowed for the call.
/// Callable from: setup.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (text), SKEP_UNKNOWN_SETTING, SKEP_BAD_SETTING,
///   SKEP_STATE after start, SKEP_WRONG_THREAD; the setting is then unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_set_int(
    server: *mut skep_server,
    key: *const c_char,
    value: i64,
) -> skep_status {
    // SAFETY: handle and key are the caller's, as documented.
    guard(|| unsafe { set(server, None, key, Value::Int(value)) })
}

/// Set a time in seconds, fractions allowed: max_wait_time, ...
///
/// Ownership: `key` is borrowed for the call.
/// Callable from: setup.
/// Errors: as for skep_server_set_int().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_set_double(
    server: *mut skep_server,
    key: *const c_char,
    value: f64,
) -> skep_status {
    // SAFETY: handle and key are the caller's, as documented.
    guard(|| unsafe { set(server, None, key, Value::Float(value)) })
}

/// Set a truth value: open_tcp_nodelay, ...
///
/// Ownership: `key` is borrowed for the call.
/// Callable from: setup.
/// Errors: as for skep_server_set_int().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_set_bool(
    server: *mut skep_server,
    key: *const c_char,
    value: bool,
) -> skep_status {
    // SAFETY: handle and key are the caller's, as documented.
    guard(|| unsafe { set(server, None, key, Value::Bool(value)) })
}

/// Set a text (log_file, ...), a size with a suffix, such as "8M", or a list of numbers, such as "0,3".
///
/// Ownership: `key` and `value` are borrowed for the call.
/// Callable from: setup.
/// Errors: as for skep_server_set_int().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_set_text(
    server: *mut skep_server,
    key: *const c_char,
    value: *const c_char,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a terminated text.
        let value = unsafe { text(value, "value") }?;
        // SAFETY: handle and key are the caller's, as documented.
        unsafe { set(server, None, key, Value::Text(value.into())) }
    })
}

/// Set one value of the server, or of one port.
///
/// # Safety
/// As for [`get`] and [`text`].
pub(super) unsafe fn set(
    server: *mut skep_server,
    port: Option<u16>,
    key: *const c_char,
    value: Value,
) -> Result<(), Fault> {
    // SAFETY: by this function's own contract.
    let (server, key) = unsafe { (get(server)?, text(key, "key")?) };
    server.setup(|engine| {
        if let Some(port) = port {
            must_exist(engine, port)?;
        }
        let row = Row::find(key).ok_or_else(|| Error::UnknownSetting(key.into()))?;
        if !fits(row.kind, &value) {
            let wanted = wanted(row.kind);
            return Err(Error::BadSetting(format!("{key} takes {wanted}, not {value:?}")).into());
        }
        match port {
            None => engine.set(key, &value)?,
            Some(port) => engine.set_port(port, key, &value)?,
        }
        Ok(())
    })
}

/// The engine converts as PHP does ("abc" is 0). A C program that uses the wrong setter has a bug.
fn fits(kind: Kind, value: &Value) -> bool {
    match (kind, value) {
        (Kind::Seconds, Value::Float(seconds)) => seconds.is_finite(),
        (Kind::Int | Kind::Size | Kind::Seconds, Value::Int(_)) => true,
        (Kind::Bool, Value::Bool(_)) => true,
        (Kind::Text | Kind::Size | Kind::List, Value::Text(_)) => true,
        _ => false,
    }
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => "an int",
        Kind::Size => "an int or a text such as \"8M\"",
        Kind::Seconds => "a finite double or an int",
        Kind::Bool => "a bool",
        Kind::Text => "a text",
        Kind::List => "a text such as \"0,3\"",
    }
}

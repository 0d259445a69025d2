//! `set`.

use std::sync::Arc;

use skep::client::Client;
use skep::settings::Value;

use super::{BAD_ARGUMENT, ClientObject, Property, framing::LengthFunction, said, this};
use crate::callbacks::is_nothing;
use crate::classes::server::merge;
use crate::convert::setting;
use crate::exception::{Line, code, pending, warn, warn_unsupported};
use crate::method::{Call, parse};
use crate::zend::{HashTable, Zv, bytes, kind, walk, zval};

/// The setting that is a function.
const LENGTH: &[u8] = b"package_length_func";

pub(super) fn set(call: &mut Call) {
    let mut given: *mut zval = std::ptr::null_mut();
    if !parse!(call, c"z", given) {
        return;
    }
    let Some(client) = this(call) else { return };
    // SAFETY: PHP's argument.
    let given = unsafe { Zv::read(given) };
    if given.kind() != kind::ARRAY {
        client.put(Property::ErrCode, Zv::long(BAD_ARGUMENT.into()));
        return call.give_bool(false);
    }
    let table = given.as_array();
    match apply(client, table) {
        Err(line) => {
            return client.refuse(call, BAD_ARGUMENT, format_args!("{}", said(&line)));
        }
        Ok(Some(note)) => warn(code::NOTICE, format_args!("{}", said(&note))),
        Ok(None) => {}
    }
    if !pending() {
        tell_unknown(table);
    }
    if pending() || !take_function(client, table) {
        if !pending() {
            call.give_bool(false);
        }
        return;
    }
    // SAFETY: a declared property of a live object.
    unsafe { merge(client.slot(Property::Setting), table) };
    call.give_bool(true);
}

/// Take all that are known, or none; what has no effect is worth a note. The error is plain data, because a warning may end the script.
#[allow(
    clippy::result_large_err,
    reason = "plain data on the stack has no destructor"
)]
fn apply(client: &ClientObject, given: *mut HashTable) -> Result<Option<Line>, Line> {
    let mut known: Vec<(String, Value)> = Vec::new();
    // SAFETY: PHP's argument; nothing below can end the script.
    unsafe {
        walk(given, |key, value| {
            if !key.is_null()
                && let Ok(name) = std::str::from_utf8(bytes(key))
                && Client::knows(name)
            {
                known.push((name.into(), setting(value)));
            }
            true
        });
    }
    let engine = client.engine();
    engine
        .set_all(&known)
        .map_err(|error| Line::new(format_args!("{error}")))?;
    let notes = engine.take_notes();
    Ok(notes.first().map(|note| Line::new(format_args!("{note}"))))
}

/// Names that mean nothing are told, and change nothing.
fn tell_unknown(given: *mut HashTable) {
    // SAFETY: PHP's argument; a warning may end the script, and nothing is owned here.
    unsafe {
        walk(given, |key, _| {
            let known = key.is_null()
                || bytes(key) == LENGTH
                || std::str::from_utf8(bytes(key)).is_ok_and(Client::knows);
            if !known {
                warn_unsupported(key);
            }
            !pending()
        });
    }
}

/// `package_length_func`. False after a warning.
fn take_function(client: &ClientObject, given: *mut HashTable) -> bool {
    let mut found = None;
    // SAFETY: PHP's argument; the closure runs no PHP code.
    unsafe {
        walk(given, |key, value| {
            if !key.is_null() && bytes(key) == LENGTH {
                found = Some(value);
            }
            true
        });
    }
    let Some(callable) = found else { return true };
    if is_nothing(callable) {
        client.length.set(None);
        client.put(Property::LengthFunction, Zv::NULL);
        return client.engine().length_with(None).is_ok();
    }
    if !client.place().register(callable) {
        client.put(Property::ErrCode, Zv::long(BAD_ARGUMENT.into()));
        return false;
    }
    let function = LengthFunction::of(client);
    client
        .engine()
        .length_with(Some(Arc::new(move |bytes| function.measure(bytes))))
        .is_ok()
}

//! `set`, `on`, `getCallback`: what may be changed until `start()`.

use std::ptr::null_mut;

use ext_php_rs::ffi::{
    _zend_new_array, zend_array_dup, zend_call_known_function, zend_hash_str_find, zend_hash_update,
};
use skep::settings::{PortSettings, Row, Scope, Settings, Value};

use super::{Phase, Property, ServerObject, this};
use crate::callbacks::is_nothing;
use crate::classes::port;
use crate::convert::{List, Text, setting};
use crate::events::{Event, NAMES, PORT_NAMES, PortEvent};
use crate::exception::{Line, code, pending, warn, warn_unsupported};
use crate::ini;
use crate::method::{Call, Entry, PUBLIC, handler, param, parse, ty};
use crate::zend::{HashTable, Zv, bytes, kind, walk, zend_string};

pub(super) fn set(call: &mut Call) {
    let Some(server) = this(call) else { return };
    if server.phase() != Phase::Bound {
        warn(
            code::FATAL,
            format_args!("server is running, unable to execute Skep\\Server->set"),
        );
        return call.give_bool(false);
    }
    let mut given: *mut HashTable = null_mut();
    if !parse!(call, c"h", given) {
        return;
    }
    let done = server.configure(given, Whose::Server);
    if !pending() {
        call.give_bool(done);
    }
}

/// Whose settings are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The server's: all of them, those of a port for the primary port.
    Server,
    /// Those of one port; others have no effect.
    Port(u16),
}

impl ServerObject {
    /// Check all settings, then take all of them. False after a warning: nothing has changed.
    pub(crate) fn configure(&self, given: *mut HashTable, whose: Whose) -> bool {
        if let Some(line) = self.first_refusal(given, whose) {
            warn(
                skep::error::code::INVALID_PARAMS,
                format_args!("{}", Text(line.as_c())),
            );
            return false;
        }
        // SAFETY: PHP's argument; a warning may end the script, and nothing is owned here.
        unsafe {
            walk(given, |key, _| {
                if !key.is_null()
                    && function_of(bytes(key)).is_none()
                    && bytes(key) != DISPLAY_ERRORS
                    && std::str::from_utf8(bytes(key))
                        .ok()
                        .and_then(Row::find)
                        .is_none()
                {
                    warn_unsupported(key);
                }
                !pending()
            });
        }
        if pending() || self.engine.get().is_null() {
            return false; // an error handler has thrown, or has started the server
        }
        self.apply(given, whose);
        if !self.take_functions(given, whose) {
            return false;
        }
        let port = match whose {
            Whose::Server => {
                // SAFETY: a declared property of a live object.
                unsafe { merge(self.slot(Property::Setting), given) };
                0
            }
            Whose::Port(index) => index,
        };
        if let Some(port) = self.port(port) {
            port::merge_setting(port, given);
        }
        true
    }

    /// Take the settings that are functions, and the one that is PHP's own business. One that cannot be called is ignored, with a warning. False if an error
    /// handler of the script had something against that.
    fn take_functions(&self, given: *mut HashTable, whose: Whose) -> bool {
        let port = match whose {
            Whose::Server => 0,
            Whose::Port(index) => index,
        };
        // SAFETY: PHP's argument; a warning may end the script, and nothing is owned here.
        unsafe {
            walk(given, |key, value| {
                if key.is_null() {
                    return true;
                }
                if bytes(key) == DISPLAY_ERRORS {
                    ini::set_display_errors(!is_nothing(value));
                    return true;
                }
                if is_nothing(value) {
                    return true;
                }
                match (function_of(bytes(key)), self.port(port)) {
                    (Some(Function::Dispatch), _) if whose == Whose::Server => {
                        self.place(Event::Dispatch).register(value);
                    }
                    (Some(Function::Length), Some(port)) => {
                        port::place(port, PortEvent::Length).register(value);
                    }
                    _ => {}
                }
                !pending()
            });
        }
        !pending()
    }

    /// Try the settings on a copy.
    fn first_refusal(&self, given: *mut HashTable, whose: Whose) -> Option<Line> {
        // SAFETY: bound, so there is an engine; nothing else borrows it, as no user code runs below.
        let engine = unsafe { &*self.engine.get() };
        let mut trial = Trial::new(engine, whose);
        let mut refusal = None;
        // SAFETY: PHP's argument; nothing below can end the script.
        unsafe {
            walk(given, |key, value| {
                if let Some(row) = effective(key, value, whose)
                    && let Err(error) = trial.set(row.key, &setting(value))
                {
                    refusal = Some(Line::new(format_args!("{error}")));
                }
                refusal.is_none()
            });
        }
        refusal
    }

    fn apply(&self, given: *mut HashTable, whose: Whose) {
        // SAFETY: the caller has looked that the engine is there; no user code runs below.
        let engine = unsafe { &mut *self.engine.get() };
        if let Whose::Port(index) = whose {
            let _ = engine.own_settings(index); // fails for a port that is not there
        }
        // SAFETY: as in `first_refusal`.
        unsafe {
            walk(given, |key, value| {
                if let Some(row) = effective(key, value, whose) {
                    let value = setting(value);
                    // Tried before: it cannot fail now.
                    let _ = match whose {
                        Whose::Server => engine.set(row.key, &value),
                        Whose::Port(index) => engine.set_port(index, row.key, &value),
                    };
                }
                true
            });
        }
    }

    /// Hold every callable of the server and its ports, in a list. Those whose property was changed behind our
    /// back are looked up again.
    pub(super) fn pin_callbacks(&self) -> Zv {
        let pins = List::new();
        for (event, _, _) in NAMES {
            pins.push(self.place(event).settle());
        }
        for index in 0..self.port_count() {
            for (event, _, _) in PORT_NAMES {
                if let Some(port) = self.port(index) {
                    pins.push(port::place(port, event).settle());
                }
            }
        }
        pins.into_value()
    }

    /// Add a setting that the script has not given.
    pub(super) fn complete_setting(&self, key: &std::ffi::CStr, value: i64) {
        let slot = self.slot(Property::Setting);
        // SAFETY: a declared property; the array is separated before it is written.
        unsafe {
            let array = own_array(slot);
            if zend_hash_str_find(array, key.as_ptr(), key.count_bytes()).is_null() {
                let mut value = Zv::long(value);
                ext_php_rs::ffi::zend_hash_str_update(
                    array,
                    key.as_ptr(),
                    key.count_bytes(),
                    value.ptr(),
                );
            }
        }
    }
}

/// A setting that is a function.
enum Function {
    Dispatch,
    Length,
}

/// Whether warnings with a code are shown: for the whole process.
const DISPLAY_ERRORS: &[u8] = b"display_errors";

fn function_of(key: &[u8]) -> Option<Function> {
    match key {
        b"dispatch_func" => Some(Function::Dispatch),
        b"package_length_func" => Some(Function::Length),
        _ => None,
    }
}

/// A copy of settings, to try new values on.
enum Trial {
    Server(Box<Settings>),
    Port(Box<PortSettings>),
}

impl Trial {
    fn new(engine: &skep::Server, whose: Whose) -> Trial {
        match whose {
            Whose::Server => Trial::Server(Box::new(engine.settings().clone())),
            Whose::Port(index) => {
                let own = engine.port_settings(index).cloned();
                Trial::Port(Box::new(own.unwrap_or_default()))
            }
        }
    }

    fn set(&mut self, key: &str, value: &Value) -> skep::Result<()> {
        match self {
            Trial::Server(settings) => settings.set(key, value),
            Trial::Port(settings) => settings.set(key, value),
        }
    }
}

/// The row of a setting that takes effect: known, not null, for the right place.
///
/// # Safety
/// `key` must be a live string or null.
unsafe fn effective(key: *mut zend_string, value: Zv, whose: Whose) -> Option<&'static Row> {
    if key.is_null() || value.kind() == kind::NULL {
        return None;
    }
    // SAFETY: promised by the caller.
    let name = std::str::from_utf8(unsafe { bytes(key) }).ok()?;
    Row::find(name).filter(|row| whose == Whose::Server || row.scope() == Scope::Port)
}

/// The array in a property, as one that only the property refers to; a new one if it holds none.
///
/// # Safety
/// `slot` must be a declared property of a live object.
pub(super) unsafe fn own_array(slot: *mut crate::zend::zval) -> *mut HashTable {
    // SAFETY: promised by the caller; the dup gives the slot an array of its own.
    unsafe {
        let old = Zv::read(slot);
        let new = if old.kind() == kind::ARRAY {
            zend_array_dup(old.as_array())
        } else {
            _zend_new_array(8)
        };
        Zv::array(new).assign(slot);
        new
    }
}

/// Lay the given settings over those in a property. Integer keys are left out.
///
/// # Safety
/// `slot` must be a declared property of a live object, `given` a live array.
pub(crate) unsafe fn merge(slot: *mut crate::zend::zval, given: *mut HashTable) {
    // SAFETY: promised by the caller. The script may have passed the property itself: `own_array` has
    // then put a copy there, and the argument is still held by the call.
    unsafe {
        let array = own_array(slot);
        walk(given, |key, value| {
            if !key.is_null() {
                let mut value = value.share();
                zend_hash_update(array, key, value.ptr());
            }
            true
        });
    }
}

pub(super) fn on(call: &mut Call) {
    let Some(server) = this(call) else { return };
    if server.phase() != Phase::Bound {
        warn(
            code::FATAL,
            format_args!("server is running, unable to register event callback function"),
        );
        return call.give_bool(false);
    }
    let (mut name, mut callable): (*mut zend_string, *mut crate::zend::zval) =
        (null_mut(), null_mut());
    if !parse!(call, c"Sz", name, callable) {
        return;
    }
    // SAFETY: PHP's arguments.
    let (text, value) = unsafe { (bytes(name), Zv::read(callable)) };
    if is_nothing(value) {
        warn(code::FATAL, format_args!("illegal callback function"));
        return call.give_bool(false);
    }
    match (Event::find(text), server.port(0)) {
        (Some(event), _) => {
            let done = server.place(event).register(value);
            call.give_bool(done);
        }
        (None, None) => {} // a server that is bound has a port
        // The port's own method, so that its warnings carry its name.
        (None, Some(port)) => {
            let mut args = [Zv::string(name), value];
            let mut returned = Zv::NULL;
            let method = port::on_method();
            // SAFETY: a live object and a method of its class.
            unsafe {
                zend_call_known_function(
                    method,
                    port,
                    (*port).ce,
                    returned.ptr(),
                    2,
                    args.as_mut_ptr().cast(),
                    null_mut(),
                );
            }
            call.give(returned);
        }
    }
}

pub(super) fn get_callback_entry() -> Entry {
    Entry {
        name: c"getCallback",
        handler: handler!(get_callback),
        params: const { &[param(c"event_name", ty::STRING)] },
        returns: ty::ARRAY | ty::STRING | ty::NULL,
        returns_class: Some(c"Closure"),
        flags: PUBLIC,
    }
}

fn get_callback(call: &mut Call) {
    let Some(server) = this(call) else { return };
    let mut name: *mut zend_string = null_mut();
    if !parse!(call, c"S", name) {
        return;
    }
    // SAFETY: PHP's argument.
    let name = unsafe { bytes(name) };
    let callable = match (Event::find(name), PortEvent::find(name), server.port(0)) {
        (Some(event), _, _) => server.place(event).callable(),
        (_, Some(event), Some(port)) => port::place(port, event).callable(),
        _ => return,
    };
    call.give(callable.share());
}

//! Objects of PHP's class `Socket` (extension sockets) for sockets of the engine.
//!
//! The extension may be absent, so nothing is linked: its function is looked up when it is needed. It takes a
//! stream, and PHP's own `php://fd` makes one of a duplicate of the descriptor.

use std::ffi::CStr;

use ext_php_rs::ffi::zend_hash_str_find;

use crate::call;
use crate::exception::{Line, code, pending, warn};
use crate::zend::{Zv, functions, kind, zend_function};

/// The object for a duplicate of this descriptor; false after a warning.
pub(crate) fn import(descriptor: i32) -> Zv {
    let (Some(open), Some(import)) = (function(c"fopen"), function(c"socket_import_stream")) else {
        warn(
            code::FATAL,
            format_args!("this needs the extension sockets"),
        );
        return Zv::bool(false);
    };
    let path = Line::new(format_args!("php://fd/{descriptor}"));
    let mut args = [Zv::text(path.as_c().to_bytes()), Zv::text(b"r+")];
    let stream = call::internal(open, &mut args);
    args[0].release();
    args[1].release();
    if stream.kind() != kind::RESOURCE {
        return refused(stream);
    }
    let socket = call::internal(import, &mut [stream]);
    stream.release();
    match socket.kind() {
        kind::OBJECT => socket,
        _ => refused(socket),
    }
}

/// PHP's function has said why it gave this back instead.
fn refused(given: Zv) -> Zv {
    given.release();
    if pending() {
        return Zv::NULL;
    }
    Zv::bool(false)
}

/// A function of PHP; none if its extension is absent or the configuration has taken it away.
fn function(name: &CStr) -> Option<*mut zend_function> {
    // SAFETY: PHP's table of functions and a text in memory; the entry, if there is one, is a function's.
    unsafe {
        let found = zend_hash_str_find(functions(), name.as_ptr(), name.count_bytes());
        (!found.is_null()).then(|| (*found).value.func)
    }
}

//! Global functions.

mod host;
mod logs;
mod slices;

use std::ffi::{CStr, c_char};
use std::ptr::null;

use ext_php_rs::ffi::{php_error_docref, zend_hash_str_find};

use crate::classes::{event, timer};
use crate::method::{Call, Entry, handler, method, optional, param, parse, table, ty};
use crate::zend::{E_WARNING, Zv, functions, has, zend_register_functions};
use crate::{call, constants, errors, globals};

/// `MODULE_PERSISTENT`.
const PERSISTENT: i32 = 1;

/// The environment variable that makes [`panic`] visible to scripts.
const TEST_SWITCH: &str = "SKEP_TEST";

/// Register those whose names are free.
pub(crate) fn register() {
    let mut entries = vec![
        method!(c"swoole_version", version, [], ty::STRING),
        method!(c"swoole_cpu_num", cpu_num, [], ty::INT),
        method!(c"swoole_last_error", last_error, [], ty::INT),
        method!(c"swoole_clear_error", clear_error, [], ty::VOID),
        method!(c"swoole_errno", errno, [], ty::INT),
        method!(
            c"swoole_strerror",
            strerror,
            [
                param(c"errno", ty::INT),
                optional(c"error_type", ty::INT, c"SWOOLE_STRERROR_SYSTEM")
            ],
            ty::STRING
        ),
        method!(
            c"swoole_set_process_name",
            set_process_name,
            [param(c"process_name", ty::STRING)],
            ty::BOOL
        ),
        method!(
            c"skep_set_process_name",
            set_process_name,
            [param(c"process_name", ty::STRING)],
            ty::BOOL
        ),
        select_entry(c"swoole_client_select"),
        select_entry(c"swoole_select"),
        select_entry(c"skep_client_select"),
        method!(c"skep_version", skep_version, [], ty::STRING),
    ];
    entries.extend(host::entries());
    entries.extend(logs::entries());
    entries.extend(slices::entries());
    entries.extend(timer::functions());
    entries.extend(event::functions());
    if std::env::var_os(TEST_SWITCH).is_some() {
        entries.push(method!(c"skep_test_panic", panic, [], ty::VOID));
    }
    let free: Vec<Entry> = entries
        .into_iter()
        .filter(|entry| !has(functions(), entry.name))
        .collect();
    // SAFETY: module startup; the table lives for ever.
    unsafe {
        zend_register_functions(
            std::ptr::null_mut(),
            table(&free),
            std::ptr::null_mut(),
            PERSISTENT,
        )
    };
}

/// `swoole_client_select` under one of its names.
fn select_entry(name: &'static CStr) -> Entry {
    const SET: u32 = ty::ARRAY | ty::NULL | ty::BY_REFERENCE;
    Entry {
        name,
        handler: handler!(crate::classes::client::select),
        params: const {
            &[
                param(c"read_array", SET),
                param(c"write_array", SET),
                param(c"error_array", SET),
                optional(c"timeout", ty::FLOAT | ty::NULL, c"0.5"),
            ]
        },
        returns: ty::INT | ty::FALSE,
        returns_class: None,
        flags: 0,
    }
}

/// CPUs that are online.
fn cpus() -> i64 {
    // SAFETY: a plain C function.
    unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) }.max(1)
}

fn version(call: &mut Call) {
    if parse!(call, c"") {
        call.give(Zv::text(constants::LEVEL.to_bytes()));
    }
}

fn skep_version(call: &mut Call) {
    if parse!(call, c"") {
        call.give(Zv::text(crate::VERSION.to_bytes()));
    }
}

fn cpu_num(call: &mut Call) {
    if parse!(call, c"") {
        call.give(Zv::long(cpus()));
    }
}

fn last_error(call: &mut Call) {
    if parse!(call, c"") {
        call.give(Zv::long(globals::last_error().into()));
    }
}

fn clear_error(call: &mut Call) {
    if parse!(call, c"") {
        globals::set_last_error(0);
    }
}

fn errno(call: &mut Call) {
    // First of all: anything else may change it.
    let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    if parse!(call, c"") {
        call.give(Zv::long(errno.into()));
    }
}

fn strerror(call: &mut Call) {
    let (mut code, mut kind) = (0i64, 0i64);
    if !parse!(call, c"l|l", code, kind) {
        return;
    }
    let code = i32::try_from(code).unwrap_or(i32::MAX);
    let mut room = [0u8; 256];
    // Into plain data first: making a PHP string may end the script.
    let len = {
        let text = match kind {
            GAI => gai_text(code),
            ENGINE if code < 501 => format!("Unknown error {code}"),
            _ => errors::text(code),
        };
        let len = text.len().min(room.len());
        room[..len].copy_from_slice(&text.as_bytes()[..len]);
        len
    };
    call.give(Zv::text(&room[..len]));
}

/// `SWOOLE_STRERROR_GAI`: codes of getaddrinfo.
const GAI: i64 = 1;
/// `SWOOLE_STRERROR_SWOOLE`: engine codes only.
const ENGINE: i64 = 9;

fn gai_text(code: i32) -> String {
    // SAFETY: returns a static C text for any code.
    unsafe { std::ffi::CStr::from_ptr(libc::gai_strerror(code)) }
        .to_string_lossy()
        .into_owned()
}

pub(crate) fn set_process_name(call: &mut Call) {
    let (mut title, mut len) = (null::<c_char>(), 0usize);
    if !parse!(call, c"s", title, len) {
        return;
    }
    // SAFETY: PHP's table of functions.
    let found = unsafe { zend_hash_str_find(functions(), c"cli_set_process_title".as_ptr(), 21) };
    if found.is_null() {
        // SAFETY: C texts.
        unsafe {
            php_error_docref(
                null(),
                E_WARNING,
                c"swoole_set_process_name only support in CLI mode".as_ptr(),
            )
        };
        return call.give_bool(false);
    }
    // SAFETY: PHP's argument.
    let title = Zv::text(unsafe { std::slice::from_raw_parts(title.cast::<u8>(), len) });
    // SAFETY: an entry of the table of functions.
    let result = call::internal(unsafe { (*found).value.func }, &mut [title]);
    title.release();
    call.give(result);
}

/// For the tests of what a panic does; scripts see it only if the environment asks for it.
#[allow(clippy::panic, reason = "its purpose")]
fn panic(_: &mut Call) {
    panic!("asked for by the script");
}

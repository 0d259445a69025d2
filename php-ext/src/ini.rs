//! What `php.ini` may say about this module: names that begin with `skep.`, and the same with `swoole.`, so that what was
//! written for the reference holds here too. The reference's other names are known and do nothing.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use ext_php_rs::ffi::{zend_ini_entry_def, zend_register_ini_entries};

use crate::zend::{bytes, zend_string};

/// Whether warnings with a code are shown.
const DISPLAY: &[&CStr] = &[c"skep.display_errors", c"swoole.display_errors"];
/// Bytes that may wait for a peer.
const BUFFER: &[&CStr] = &[
    c"skep.socket_buffer_size",
    c"swoole.socket_buffer_size",
    c"swoole.unixsock_buffer_size", // its name in old days
];
/// Whether options that are not known are told.
const LIBRARY: &[&CStr] = &[c"skep.enable_library", c"swoole.enable_library"];

/// 8 MiB, and as text.
const BUFFER_SIZE: usize = 8 << 20;
const BUFFER_TEXT: &CStr = c"8388608";

/// May be changed by scripts, or before PHP starts only (`ZEND_INI_ALL`, `ZEND_INI_SYSTEM`).
const ALL: u8 = 7;
const SYSTEM: u8 = 4;

/// Name, default and who may change it of what does nothing.
#[rustfmt::skip]
const IDLE: &[(&CStr, &CStr, u8)] = &[
    (c"swoole.use_shortname", c"On", SYSTEM),
    (c"swoole.enable_coroutine", c"Off", ALL),
    (c"swoole.enable_fiber_mock", c"Off", ALL),
    (c"swoole.enable_preemptive_scheduler", c"Off", ALL),
    (c"swoole.blocking_detection", c"Off", SYSTEM),
    (c"swoole.blocking_threshold", c"100000", SYSTEM),
    (c"swoole.profile", c"Off", SYSTEM),
    (c"swoole.leak_detection", c"Off", SYSTEM),
    (c"swoole.use_namespace", c"Off", SYSTEM),
    (c"swoole.fast_serialize", c"Off", ALL),
    (c"swoole.aio_thread_num", c"2", ALL),
];

unsafe extern "C" {
    fn zend_unregister_ini_entries(module: c_int);
    fn zend_ini_boolean_displayer_cb(entry: *mut ext_php_rs::ffi::zend_ini_entry, kind: c_int);
    fn zend_ini_string_ex(
        name: *const c_char,
        len: usize,
        original: c_int,
        exists: *mut bool,
    ) -> *mut c_char;
    pub(crate) fn display_ini_entries(module: *mut ext_php_rs::ffi::zend_module_entry);
}

/// At module startup.
pub(crate) fn register(module: c_int) {
    for name in DISPLAY.iter().chain(LIBRARY) {
        add(module, name, c"On", ALL);
    }
    for name in BUFFER {
        add(module, name, BUFFER_TEXT, ALL);
    }
    for (name, default, access) in IDLE {
        add(module, name, default, *access);
    }
}

/// At module shutdown: PHP would call into this library when it is gone.
pub(crate) fn unregister(module: c_int) {
    // SAFETY: PHP's function for entries of this module.
    unsafe { zend_unregister_ini_entries(module) };
}

/// One entry, unless somebody else has it.
fn add(module: c_int, name: &'static CStr, default: &'static CStr, access: u8) {
    if value(name).is_some() {
        return;
    }
    // PHP may keep the table as long as it runs.
    let table = Box::leak(Box::new([end(), end()]));
    let entry = &mut table[0];
    entry.name = name.as_ptr();
    entry.name_length = name.count_bytes() as u16;
    entry.value = default.as_ptr();
    entry.value_length = default.count_bytes() as u32;
    entry.modifiable = access;
    entry.on_modify = Some(match BUFFER.contains(&name) {
        true => check_size,
        false => take_all,
    });
    if matches!(default.to_bytes(), b"On" | b"Off") {
        entry.displayer = Some(zend_ini_boolean_displayer_cb);
    }
    // SAFETY: a table that ends with an empty entry and lives for ever.
    unsafe { zend_register_ini_entries(table.as_ptr(), module) };
}

/// The end of a table.
fn end() -> zend_ini_entry_def {
    zend_ini_entry_def {
        name: std::ptr::null(),
        on_modify: None,
        mh_arg1: null_mut(),
        mh_arg2: null_mut(),
        mh_arg3: null_mut(),
        value: std::ptr::null(),
        displayer: None,
        value_length: 0,
        name_length: 0,
        modifiable: 0,
    }
}

/// PHP asks before it takes a value: what is no size is refused, and `ini_set()` is false.
unsafe extern "C" fn check_size(
    _entry: *mut ext_php_rs::ffi::zend_ini_entry,
    value: *mut zend_string,
    _: *mut c_void,
    _: *mut c_void,
    _: *mut c_void,
    _stage: c_int,
) -> c_int {
    // SAFETY: null, or a string that PHP holds.
    let good = !value.is_null() && size(unsafe { bytes(value) }).is_some();
    if good { 0 } else { -1 }
}

/// Without a function to ask, PHP's `ini_restore()` does nothing.
unsafe extern "C" fn take_all(
    _entry: *mut ext_php_rs::ffi::zend_ini_entry,
    _value: *mut zend_string,
    _: *mut c_void,
    _: *mut c_void,
    _: *mut c_void,
    _stage: c_int,
) -> c_int {
    0
}

/// What an entry says now.
fn value(name: &CStr) -> Option<&'static [u8]> {
    let mut exists = false;
    // SAFETY: a C text with its length; what comes back lives as long as the value, and is read at once.
    unsafe {
        let text = zend_ini_string_ex(name.as_ptr(), name.count_bytes(), 0, &raw mut exists);
        match (exists, text.is_null()) {
            (false, _) => None,
            (true, true) => Some(b""),
            (true, false) => Some(CStr::from_ptr(text).to_bytes()),
        }
    }
}

/// As PHP reads truths.
fn truth(text: &[u8]) -> bool {
    let words: [&[u8]; 3] = [b"on", b"yes", b"true"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
        || size(text).is_some_and(|number| number > 0)
}

/// A number of bytes, with K, M or G perhaps.
fn size(text: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let factor = match text.bytes().last()? {
        b'k' | b'K' => 1 << 10,
        b'm' | b'M' => 1 << 20,
        b'g' | b'G' => 1 << 30,
        _ => 1,
    };
    let digits = match factor {
        1 => text,
        _ => text.get(..text.len() - 1)?,
    };
    digits.trim().parse::<usize>().ok()?.checked_mul(factor)
}

/// Whether none of these switches, which are on by default, is off.
fn is_on(names: &[&CStr]) -> bool {
    names.iter().all(|name| value(name).is_none_or(truth))
}

/// What a script has said with `set(['display_errors' => ...])`: nothing, off, on.
static DISPLAYED: AtomicU8 = AtomicU8::new(0);

/// The setting `display_errors`, which goes before the configuration.
pub(crate) fn set_display_errors(on: bool) {
    DISPLAYED.store(if on { 2 } else { 1 }, Relaxed);
}

/// Whether warnings with a code are shown.
pub(crate) fn display_errors() -> bool {
    match DISPLAYED.load(Relaxed) {
        0 => is_on(DISPLAY),
        said => said == 2,
    }
}

/// Whether options that are not known are told.
pub(crate) fn tells_unknown_options() -> bool {
    is_on(LIBRARY)
}

/// Bytes that may wait for a peer: the first of its names that says something else than the default.
pub(crate) fn socket_buffer_size() -> usize {
    let mut said = BUFFER.iter().filter_map(|name| size(value(name)?));
    match said.find(|size| *size != BUFFER_SIZE) {
        None => BUFFER_SIZE,
        Some(0) => i32::MAX as usize, // as the setting has it
        Some(size) => size.min(i32::MAX as usize),
    }
}

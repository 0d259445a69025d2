//! The PHP front of skep: class `Skep\Server`, also known as `Swoole\Server` and `swoole_server`.
//!
//! Classes and functions are made with PHP's own structures, and arguments are read by
//! `zend_parse_parameters`, so that signatures, type errors and reflection are PHP's own.
//!
//! A fatal error of PHP is a longjmp over whatever frames lie below. The rule that follows, for all of
//! this crate: **where PHP code, a warning or a PHP allocation can run, no Rust value that must be dropped
//! is alive.** User code is called in one place, [`call`].

mod bootstrap;
mod call;
mod callable;
mod callbacks;
mod classes;
mod constants;
mod convert;
mod defaults;
mod engine_log;
mod errors;
mod events;
mod exception;
mod functions;
mod globals;
mod ini;
mod loaded;
mod looping;
mod method;
mod opcache;
mod overdue;
mod payload;
mod random;
mod socket;
mod zend;

use std::ffi::{CStr, c_int};
use std::mem::zeroed;

use ext_php_rs::ffi::{
    _zend_module_dep as zend_module_dep, ZEND_MODULE_API_NO, ext_php_rs_php_build_id,
    php_info_print_table_end, php_info_print_table_row, php_info_print_table_start,
    zend_module_entry,
};

/// Version of the extension.
const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };

/// Modules that start before this one, where they are loaded at all.
struct After([zend_module_dep; 2]);

// SAFETY: constant C texts, which PHP only reads.
unsafe impl Sync for After {}

/// `MODULE_DEP_OPTIONAL`.
const OPTIONAL: u8 = 3;

static AFTER: After = After([
    zend_module_dep {
        name: c"pcntl".as_ptr(), // it defines constants that this module defines where it is absent
        rel: std::ptr::null(),
        version: std::ptr::null(),
        type_: OPTIONAL,
    },
    zend_module_dep {
        name: std::ptr::null(),
        rel: std::ptr::null(),
        version: std::ptr::null(),
        type_: 0,
    },
]);

/// What PHP asks a loaded library for.
#[unsafe(no_mangle)]
pub extern "C" fn get_module() -> *mut zend_module_entry {
    // SAFETY: zero means "none" in each field of an entry.
    let mut entry: zend_module_entry = unsafe { zeroed() };
    entry.size = size_of::<zend_module_entry>() as u16;
    entry.zend_api = ZEND_MODULE_API_NO;
    entry.name = c"skep".as_ptr();
    entry.version = VERSION.as_ptr();
    entry.deps = AFTER.0.as_ptr();
    entry.module_startup_func = Some(startup);
    entry.module_shutdown_func = Some(shutdown);
    entry.info_func = Some(info);
    // SAFETY: returns a static text.
    entry.build_id = unsafe { ext_php_rs_php_build_id() };
    // PHP keeps the entry until the process ends.
    Box::leak(Box::new(entry))
}

unsafe extern "C" fn startup(_kind: c_int, module: c_int) -> c_int {
    ini::register(module);
    constants::register(module);
    functions::register();
    classes::register();
    overdue::install();
    0
}

unsafe extern "C" fn shutdown(_kind: c_int, module: c_int) -> c_int {
    ini::unregister(module);
    0
}

unsafe extern "C" fn info(module: *mut zend_module_entry) {
    let rows = [
        (c"skep", c"enabled"),
        (c"Version", VERSION),
        (
            c"Compatible with",
            c"Swoole 6.2.2 (Swoole\\Server, process mode)",
        ),
        (
            c"Engine",
            c"master with reactor threads, manager, workers; shared memory lanes",
        ),
        (c"Socket types", c"tcp, tcp6, unix stream"),
        (c"Dispatch modes", c"1 round robin, 2 sticky, 3 idle first"),
    ];
    // SAFETY: PHP's printing functions with two C texts each; then its own list of this module's settings.
    unsafe {
        php_info_print_table_start();
        for (name, value) in rows {
            php_info_print_table_row(2, name.as_ptr(), value.as_ptr());
        }
        php_info_print_table_end();
        ini::display_ini_entries(module);
    }
}

//! The opcode cache at a reload.
//!
//! It takes the start of the script for "now", in a server for as long as that runs: a file that it has
//! checked once counts as fresh for ever. So a reload goes through what is cached and has each file that
//! is not what it was compiled from forgotten. The cache is one for all processes of the server.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::SystemTime;

use ext_php_rs::ffi::zend_hash_str_find;

use crate::call::internal;
use crate::zend::{
    Zv, bytes, functions, has, kind, walk, zend_function, zend_ini_string, zend_string,
};

/// Unix time, in seconds, since when a changed file is forgotten whatever the cache thinks: its own check
/// compares whole seconds. 0: since ever.
static SINCE: AtomicI64 = AtomicI64::new(0);

const STATUS: &CStr = c"opcache_get_status";
const INVALIDATE: &CStr = c"opcache_invalidate";
const RESTRICT: &CStr = c"opcache.restrict_api";

/// Whether PHP has one.
pub(crate) fn is_there() -> bool {
    has(functions(), STATUS) && has(functions(), INVALIDATE)
}

/// Whether its functions may refuse us.
pub(crate) fn is_restricted() -> bool {
    // SAFETY: a C text and its length; PHP answers with a text of its own or null.
    unsafe {
        let value = zend_ini_string(RESTRICT.as_ptr(), RESTRICT.count_bytes(), 0);
        !value.is_null() && *value != 0
    }
}

/// What is on disk now is what later reloads compare with.
pub(crate) fn mark() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    SINCE.store(now.map_or(0, |now| now.as_secs() as i64), Relaxed);
}

/// Have every cached file forgotten that has changed. Under the guard of [`crate::call`].
pub(crate) fn freshen() {
    let since = SINCE.load(Relaxed);
    mark();
    let status = internal(function(STATUS), &mut [Zv::bool(true)]);
    if status.kind() == kind::ARRAY {
        let scripts = c"scripts";
        // SAFETY: an array of ours, which nobody else can change while it is walked; its keys are paths.
        unsafe {
            let found =
                zend_hash_str_find(status.as_array(), scripts.as_ptr(), scripts.count_bytes());
            if !found.is_null() && Zv::read(found).kind() == kind::ARRAY {
                walk(Zv::read(found).as_array(), |path, _| {
                    if !path.is_null() {
                        forget_if_changed(path, since);
                    }
                    true
                });
            }
        }
    }
    status.release(); // false if the cache is off
}

/// # Safety
/// `path` must be alive.
unsafe fn forget_if_changed(path: *mut zend_string, since: i64) {
    // SAFETY: promised by the caller.
    let name = OsStr::from_bytes(unsafe { bytes(path) });
    let young = std::fs::metadata(name).is_ok_and(|found| found.mtime() >= since);
    internal(
        function(INVALIDATE),
        &mut [Zv::string(path), Zv::bool(young)],
    )
    .release();
}

fn function(name: &CStr) -> *mut zend_function {
    // SAFETY: the caller has looked with `is_there`; functions are never removed from the table.
    unsafe {
        let found = zend_hash_str_find(functions(), name.as_ptr(), name.count_bytes());
        (*found).value.func
    }
}

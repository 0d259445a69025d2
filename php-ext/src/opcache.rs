//! The opcode cache under a server.
//!
//! It takes the start of the script for "now", for as long as that runs: a file that it has checked once
//! counts as fresh for ever. So a reload goes through what is cached and has each file forgotten that is
//! not what it was compiled from, and a worker does so before it loads the bootstrap file. The cache is one
//! for all processes of the server.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::SystemTime;

use ext_php_rs::ffi::zend_hash_str_find;

use crate::call::internal;
use crate::zend::{
    HashTable, Zv, bytes, functions, has, kind, walk, zend_function, zend_ini_string,
};

/// Unix seconds of the start, or of the last reload.
static SINCE: AtomicI64 = AtomicI64::new(0);
/// The cache compares whole seconds, so what was written a moment ago may be older than it looks. Longer
/// than the longest pause before a worker is started again.
const A_MOMENT: i64 = 10;

const STATUS: &CStr = c"opcache_get_status";
const INVALIDATE: &CStr = c"opcache_invalidate";
const RESTRICT: &CStr = c"opcache.restrict_api";

/// When the cache is gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// In the manager: new code is wanted, also where `opcache.validate_timestamps` is off.
    Reload,
    /// In a worker: what has visibly changed.
    Bootstrap,
}

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

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}

/// The server starts: what is on disk now is what the first reload compares with.
pub(crate) fn mark() {
    SINCE.store(now(), Relaxed);
}

/// Have every cached file forgotten that has changed. Under the guard of [`crate::call`].
pub(crate) fn freshen(before: Before) {
    let young = match before {
        Before::Reload => SINCE.swap(now(), Relaxed),
        Before::Bootstrap => now() - A_MOMENT,
    };
    let status = internal(function(STATUS), &mut [Zv::bool(true)]);
    // SAFETY: an array of ours, which nobody else can change while it is walked; its keys are paths.
    unsafe {
        if let Some(scripts) = array(entry(status, c"scripts")) {
            walk(scripts, |path, script| {
                if !path.is_null() && is_stale(bytes(path), script, before, young) {
                    let mut args = [Zv::string(path), Zv::bool(true)];
                    internal(function(INVALIDATE), &mut args).release();
                }
                true
            });
        }
    }
    status.release(); // false if the cache is off
}

/// Whether a cached script is not what its file holds, as far as can be told. A file that is gone is left:
/// nobody can be given new code for it.
fn is_stale(path: &[u8], script: Zv, before: Before, young: i64) -> bool {
    let Ok(file) = std::fs::metadata(OsStr::from_bytes(path)) else {
        return false;
    };
    let compiled = entry(script, c"timestamp");
    match compiled.kind() {
        kind::LONG => file.mtime() != compiled.as_long() || file.mtime() >= young,
        _ => before == Before::Reload || file.mtime() >= young, // timestamps are off
    }
}

/// A value of an array, undefined if there is none.
fn entry(value: Zv, key: &CStr) -> Zv {
    array(value).map_or(Zv::UNDEF, |table| {
        // SAFETY: a live array of PHP's making, and the value it holds.
        unsafe {
            let found = zend_hash_str_find(table, key.as_ptr(), key.count_bytes());
            if found.is_null() {
                Zv::UNDEF
            } else {
                Zv::read(found)
            }
        }
    })
}

fn array(value: Zv) -> Option<*mut HashTable> {
    (value.kind() == kind::ARRAY).then(|| value.as_array())
}

fn function(name: &CStr) -> *mut zend_function {
    // SAFETY: the caller has looked with `is_there`; functions are never removed from the table.
    unsafe {
        let found = zend_hash_str_find(functions(), name.as_ptr(), name.count_bytes());
        (*found).value.func
    }
}

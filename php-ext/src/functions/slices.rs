//! Decoding a part of a string, by PHP's own functions.

use std::ffi::CStr;

use ext_php_rs::ffi::{_zend_new_array, zend_hash_str_find};

use crate::call;
use crate::method::{Call, Entry, method, optional, param, parse, ty};
use crate::zend::{HashTable, Zv, functions};

pub(super) fn entries() -> [Entry; 2] {
    [
        method!(
            c"swoole_substr_unserialize",
            unserialize,
            [
                param(c"str", ty::STRING),
                param(c"offset", ty::INT),
                optional(c"length", ty::INT, c"0"),
                optional(c"options", ty::ARRAY, c"[]")
            ],
            ty::MIXED
        ),
        method!(
            c"swoole_substr_json_decode",
            json_decode,
            [
                param(c"str", ty::STRING),
                param(c"offset", ty::INT),
                optional(c"length", ty::INT, c"0"),
                optional(c"associative", ty::BOOL, c"false"),
                optional(c"depth", ty::INT, c"512"),
                optional(c"flags", ty::INT, c"0")
            ],
            ty::MIXED
        ),
    ]
}

/// The part: `offset` from the end if it is negative; `length` 0 or less, or too much: all the rest. None if it would
/// begin outside.
fn part(text: &[u8], offset: i64, length: i64) -> Option<&[u8]> {
    let start = match usize::try_from(offset) {
        Ok(offset) => offset,
        Err(_) => text
            .len()
            .checked_sub(usize::try_from(offset.unsigned_abs()).ok()?)?,
    };
    let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
    match usize::try_from(length) {
        Ok(1..) => Some(&rest[..rest.len().min(length as usize)]),
        _ => Some(rest),
    }
}

/// Call a function of PHP with these arguments, each of which is given back. It may run code of the script, and that may
/// end the script: nothing is owned here.
fn pass(call: &mut Call, name: &CStr, args: &mut [Zv]) {
    // SAFETY: PHP's table of functions and a text in memory; the entry, if there is one, is a function's.
    let function = unsafe {
        let found = zend_hash_str_find(functions(), name.as_ptr(), name.count_bytes());
        if found.is_null() {
            call.give_bool(false); // the configuration has taken it away
            return;
        }
        (*found).value.func
    };
    let result = call::internal(function, args);
    for arg in args {
        arg.release();
    }
    call.give(result);
}

fn unserialize(call: &mut Call) {
    let (mut text, mut len) = (std::ptr::null::<u8>(), 0usize);
    let (mut offset, mut length) = (0i64, 0i64);
    let mut options: *mut HashTable = std::ptr::null_mut();
    if !parse!(call, c"sl|lh", text, len, offset, length, options) {
        return;
    }
    // SAFETY: PHP's argument, alive during the call.
    let text = unsafe { std::slice::from_raw_parts(text, len) };
    let Some(part) = part(text, offset, length) else {
        return call.give_bool(false);
    };
    let options = match options.is_null() {
        // SAFETY: a new array, one reference.
        true => Zv::array(unsafe { _zend_new_array(0) }),
        false => Zv::borrowed_array(options).share(),
    };
    pass(call, c"unserialize", &mut [Zv::text(part), options]);
}

fn json_decode(call: &mut Call) {
    let (mut text, mut len) = (std::ptr::null::<u8>(), 0usize);
    let (mut offset, mut length, mut associative) = (0i64, 0i64, false);
    let (mut depth, mut flags) = (512i64, 0i64);
    if !parse!(
        call,
        c"sl|lbll",
        text,
        len,
        offset,
        length,
        associative,
        depth,
        flags
    ) {
        return;
    }
    // SAFETY: PHP's argument, alive during the call.
    let text = unsafe { std::slice::from_raw_parts(text, len) };
    let Some(part) = part(text, offset, length) else {
        return call.give_bool(false);
    };
    // Null leaves it to the flags.
    let associative = if associative {
        Zv::bool(true)
    } else {
        Zv::NULL
    };
    let mut args = [
        Zv::text(part),
        associative,
        Zv::long(depth),
        Zv::long(flags),
    ];
    pass(call, c"json_decode", &mut args);
}

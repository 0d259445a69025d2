//! What tasks, results and messages carry: strings as they are, every other value through PHP's serializer, once.

use std::ptr::null_mut;

use skep::task::flags;

use crate::exception::pending;
use crate::globals;
use crate::zend::{
    SmartStr, Zv, bytes, kind, php_var_serialize, php_var_serialize_destroy,
    php_var_serialize_init, php_var_unserialize, php_var_unserialize_destroy,
    php_var_unserialize_init, var_tmp_var,
};

/// A value on its way: a PHP string with one reference, and what is to be said of it. Plain data.
#[derive(Clone, Copy)]
pub(crate) struct Payload {
    text: Zv,
    flags: u8,
}

/// From here on the reference speaks of a file. Nothing is written to one; the flag says no more than "large".
const LARGE: usize = 8152;

impl Payload {
    /// The value as it travels. None: it cannot, or its own code objected, and an exception is pending.
    /// May run code of the script.
    pub(crate) fn of(value: Zv) -> Option<Payload> {
        let (text, kind) = match value.kind() {
            kind::STRING => (value.share(), 0),
            _ => (serialize(value)?, flags::SERIALIZE),
        };
        // SAFETY: a string of ours.
        let large = unsafe { bytes(text.as_string()) }.len() >= LARGE;
        let size = if large { flags::TMPFILE } else { 0 };
        Some(Payload {
            text,
            flags: kind | size,
        })
    }

    /// The bytes, for as long as the payload is not released.
    pub(crate) fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: a string with a reference of ours.
        unsafe { bytes(self.text.as_string()) }
    }

    /// `SWOOLE_TASK_*`.
    pub(crate) fn flags(self) -> u8 {
        self.flags
    }

    /// The string alone, with its reference.
    pub(crate) fn into_text(self) -> Zv {
        self.text
    }

    /// Give the string back. Runs no code of the script.
    pub(crate) fn release(self) {
        self.text.release();
    }
}

fn serialize(mut value: Zv) -> Option<Zv> {
    let mut out = SmartStr {
        text: null_mut(),
        room: 0,
    };
    // SAFETY: PHP's serializer on a live value; the state is made and ended here. Should the script end inside, both
    // go with it.
    unsafe {
        let mut state = php_var_serialize_init();
        php_var_serialize(&raw mut out, value.ptr(), &raw mut state);
        php_var_serialize_destroy(state);
    }
    if out.text.is_null() {
        return None;
    }
    let text = Zv::string(out.text);
    if pending() {
        text.release();
        return None;
    }
    // SAFETY: a `smart_str` keeps one byte for the end.
    unsafe {
        (&raw mut (*out.text).val)
            .cast::<u8>()
            .add((*out.text).len)
            .write(0);
    }
    Some(text)
}

/// The value that has travelled, with one reference. None: it cannot be read, which the log says, or its own code
/// objected, and an exception is pending. May run code of the script.
pub(crate) fn read(data: &[u8], flags: u8) -> Option<Zv> {
    match flags & flags::SERIALIZE {
        0 => Some(Zv::text(data)),
        _ => unserialize(data),
    }
}

fn unserialize(data: &[u8]) -> Option<Zv> {
    let begin = data.as_ptr();
    let mut at = begin;
    // SAFETY: PHP's unserializer on live bytes; the value is kept by the state until it has a reference of its own.
    let value = unsafe {
        let mut state = php_var_unserialize_init();
        let value = var_tmp_var(&raw mut state);
        let done = php_var_unserialize(value, &raw mut at, begin.add(data.len()), &raw mut state);
        let value = match done {
            0 => Zv::UNDEF,
            _ => Zv::read(value).share(),
        };
        php_var_unserialize_destroy(state); // runs __unserialize() and __wakeup()
        value
    };
    if pending() {
        value.release();
        return None;
    }
    if value.kind() == kind::UNDEF {
        let offset = at as usize - begin as usize;
        if let Some(context) = globals::context() {
            context.log_warning(&format!(
                "unserialize() failed, Error at offset {offset} of {} bytes",
                data.len()
            ));
        }
        return None;
    }
    Some(value)
}

//! What a process does with itself: end, become another program, its name, its priority.

use std::ffi::{CString, c_char};
use std::ptr::{null, null_mut};

use super::{Inner, NO_COROUTINES, child, this};
use crate::convert::Text;
use crate::exception::{Line, code, pending, warn, warn_system, warn_unsupported};
use crate::functions;
use crate::method::{Call, parse};
use crate::zend::{HashTable, Zv, bytes, kind, php_output_flush_all, walk, zval_get_string};

pub(super) fn exit(call: &mut Call) {
    let Some(inner) = this(call) else { return };
    let mut wanted = 0i64;
    if !parse!(call, c"|l", wanted) {
        return;
    }
    if !inner.is_current() {
        return warn(code::FATAL, format_args!("not current process"));
    }
    if !(0..=255).contains(&wanted) {
        warn(
            code::FATAL,
            format_args!("exit ret_code range is [>0 and <255] "),
        );
        if pending() {
            return; // an error handler has thrown
        }
        wanted = 1;
    }
    inner.ours.replace(None);
    child::end(wanted as i32);
}

pub(super) fn exec(call: &mut Call) {
    let (mut file, mut len, mut args) = (null::<u8>(), 0usize, null_mut::<HashTable>());
    if this(call).is_none() || !parse!(call, c"ph", file, len, args) {
        return;
    }
    if len == 0 {
        warn(code::FATAL, format_args!("exec file name is empty"));
        return call.give_bool(false);
    }
    // What is buffered would be lost with the image.
    // SAFETY: a plain C function; output callbacks of the script may run, and nothing is owned here.
    unsafe { php_output_flush_all() };
    // Arguments as PHP converts them, which may run user code: into PHP strings first.
    let mut count = 0usize;
    // SAFETY: PHP's argument; the closure runs no PHP code.
    unsafe {
        walk(args, |_, _| {
            count += 1;
            true
        });
    }
    let texts = crate::convert::List::new();
    let mut converted = 0;
    // SAFETY: PHP's argument, which this call holds; `__toString` cannot change it. Nothing is owned in Rust.
    unsafe {
        walk(args, |_, value| {
            let text = match value.kind() {
                kind::STRING => value.share(),
                _ => Zv::string(zval_get_string(value)),
            };
            texts.push(text);
            converted += 1;
            !pending()
        });
    }
    let texts = texts.into_value();
    if pending() || converted < count {
        return texts.release();
    }
    // SAFETY: PHP's argument, alive during the call.
    let path = unsafe { std::slice::from_raw_parts(file, len) };
    let errno = execute(path, texts);
    texts.release();
    let line = Line::new(format_args!(
        "execv({}) failed",
        String::from_utf8_lossy(path)
    ));
    warn_system(errno, format_args!("{}", Text(line.as_c())));
    call.give_bool(false);
}

/// Returns only if it fails: the error.
fn execute(path: &[u8], texts: Zv) -> i32 {
    let Ok(program) = CString::new(path) else {
        return libc::EINVAL;
    };
    let mut owned = vec![program.clone()];
    let mut sound = true;
    // SAFETY: our own list of strings; the closure runs no PHP code.
    unsafe {
        walk(texts.as_array(), |_, text| {
            match CString::new(bytes(text.as_string())) {
                Ok(text) => owned.push(text),
                Err(_) => sound = false,
            }
            sound
        });
    }
    if !sound {
        return libc::EINVAL; // an argument that the program would not see whole
    }
    let mut pointers: Vec<*const c_char> = owned.iter().map(|text| text.as_ptr()).collect();
    pointers.push(null());
    // SAFETY: a C text, and a list of such that ends with null.
    unsafe { libc::execv(program.as_ptr(), pointers.as_ptr()) };
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

pub(super) fn name(call: &mut Call) {
    if this(call).is_some() {
        functions::set_process_name(call);
    }
}

pub(super) fn set(call: &mut Call) {
    let mut given = null_mut::<HashTable>();
    if this(call).is_none() || !parse!(call, c"h", given) {
        return;
    }
    // SAFETY: PHP's argument, which this call holds; a warning may end the script, and nothing is owned here.
    unsafe {
        walk(given, |key, value| {
            if key.is_null() {
                return true;
            }
            match bytes(key) {
                b"enable_coroutine" if crate::callbacks::is_nothing(value) => {}
                b"enable_coroutine" => refuse_coroutines(),
                _ => warn_unsupported(key),
            }
            !pending()
        });
    }
}

pub(in crate::classes) fn refuse_coroutines() {
    let (code, text) = NO_COROUTINES;
    warn(code, format_args!("{text}"));
}

/// Whose priority is meant; none after a warning.
fn who(inner: &Inner, which: i64, who: i64, is_null: bool) -> Option<libc::id_t> {
    if !is_null {
        return Some(who as libc::id_t);
    }
    if which != i64::from(libc::PRIO_PROCESS) {
        warn(code::FATAL, format_args!("$who parameter must not be null"));
        return None;
    }
    // Of the child; before it is started, and within it, of this process.
    Some(inner.child.get() as libc::id_t)
}

pub(super) fn set_priority(call: &mut Call) {
    let Some(inner) = this(call) else { return };
    let (mut which, mut priority, mut id, mut is_null) = (0i64, 0i64, 0i64, true);
    if !parse!(call, c"ll|l!", which, priority, id, is_null) {
        return;
    }
    let Some(id) = who(inner, which, id, is_null) else {
        return call.give_bool(false);
    };
    // SAFETY: no pointers.
    let done = unsafe { libc::setpriority(which as libc::__priority_which_t, id, priority as i32) };
    if done != 0 {
        let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
        warn_system(
            errno,
            format_args!("setpriority({which}, {id}, {priority}) failed"),
        );
    }
    call.give_bool(done == 0);
}

pub(super) fn get_priority(call: &mut Call) {
    let Some(inner) = this(call) else { return };
    let (mut which, mut id, mut is_null) = (0i64, 0i64, true);
    if !parse!(call, c"l|l!", which, id, is_null) {
        return;
    }
    let Some(id) = who(inner, which, id, is_null) else {
        return call.give_bool(false);
    };
    // SAFETY: errno of this thread; the call may well return -1.
    unsafe { *libc::__errno_location() = 0 };
    // SAFETY: no pointers.
    let priority = unsafe { libc::getpriority(which as libc::__priority_which_t, id) };
    let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    if priority == -1 && errno != 0 {
        warn_system(errno, format_args!("getpriority({which}, {id}) failed"));
        return call.give_bool(false);
    }
    call.give(Zv::long(priority.into()));
}

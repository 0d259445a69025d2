//! Warnings and exceptions, with the error code each leaves behind.

use std::ffi::CStr;
use std::fmt::{self, Write};
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use ext_php_rs::ffi::{php_error_docref, zend_throw_error, zend_throw_exception};

use crate::convert::Text;
use crate::globals::{self, CLASSES};
use crate::ini;
use crate::zend::{
    E_ERROR, E_USER_WARNING, E_WARNING, eg, zend_class_entry, zend_error, zend_is_unwind_exit,
    zend_string,
};

/// Codes of warnings that are no engine errors.
pub(crate) mod code {
    /// Any warning that carries no other code.
    pub(crate) const FATAL: i32 = 503;
    /// A notice.
    pub(crate) const NOTICE: i32 = 510;
}

/// A line of text on the stack, cut off when full: a fatal error may jump over it.
pub(crate) struct Line {
    bytes: [u8; 1024],
    len: usize,
}

impl Line {
    /// Format into a new line.
    pub(crate) fn new(text: fmt::Arguments<'_>) -> Line {
        let mut line = Line {
            bytes: [0; 1024],
            len: 0,
        };
        let _ = line.write_fmt(text); // never fails: what does not fit is dropped
        line
    }

    /// As C text.
    pub(crate) fn as_c(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // One byte stays 0 for the end.
        for byte in text.bytes().take(self.bytes.len() - 1 - self.len) {
            self.bytes[self.len] = byte;
            self.len += 1;
        }
        Ok(())
    }
}

/// `E_WARNING` with PHP's prefix of the running method, leaving `code` behind; a code alone where the script does not want to see
/// them (`display_errors`), but for those that carry none. An error handler of the
/// script may run, throw, or end the script: own nothing that must be dropped.
pub(crate) fn warn(code: i32, text: fmt::Arguments<'_>) {
    globals::set_last_error(code);
    if code != code::FATAL && !ini::display_errors() {
        return;
    }
    let line = Line::new(text);
    // SAFETY: both texts are C texts, one format argument.
    unsafe {
        php_error_docref(
            std::ptr::null(),
            E_WARNING,
            c"%s".as_ptr(),
            line.as_c().as_ptr(),
        )
    };
}

/// A warning about a failed call of the system, which ends with the system's reason.
pub(crate) fn warn_system(errno: i32, text: fmt::Arguments<'_>) {
    let line = {
        let reason = skep::error::text(errno);
        Line::new(format_args!("{text}, Error: {reason}[{errno}]"))
    };
    warn(errno, format_args!("{}", Text(line.as_c())));
}

/// An option that is not known, unless nobody wants to hear of it (`enable_library`). From an error handler's point of view this
/// is the script's own doing: no method prefix.
///
/// # Safety
/// `key` must be alive.
pub(crate) unsafe fn warn_unsupported(key: *mut zend_string) {
    if !ini::tells_unknown_options() {
        return;
    }
    // SAFETY: a constant text and a string that is alive, says the caller.
    unsafe {
        let name = (&raw const (*key).val).cast::<std::ffi::c_char>();
        zend_error(E_USER_WARNING, c"unsupported option [%s]".as_ptr(), name);
    }
}

/// `E_ERROR`: the script ends here with 255. Own nothing that must be dropped.
pub(crate) fn fatal(text: fmt::Arguments<'_>) {
    globals::set_last_error(code::FATAL);
    let line = Line::new(text);
    // SAFETY: as in `warn`.
    unsafe {
        php_error_docref(
            std::ptr::null(),
            E_ERROR,
            c"%s".as_ptr(),
            line.as_c().as_ptr(),
        )
    };
}

/// Throw one of this module's exceptions.
fn throw(class: &AtomicPtr<zend_class_entry>, code: i32, text: fmt::Arguments<'_>) {
    let line = Line::new(text);
    // SAFETY: the class was registered at startup, the text is copied.
    unsafe { zend_throw_exception(class.load(Relaxed), line.as_c().as_ptr(), code.into()) };
}

/// Throw `Skep\Exception`.
pub(crate) fn throw_exception(code: i32, text: fmt::Arguments<'_>) {
    throw(&CLASSES.exception, code, text);
}

/// Throw `Skep\Error`.
pub(crate) fn throw_misuse(code: i32, text: fmt::Arguments<'_>) {
    throw(&CLASSES.error, code, text);
}

/// Throw PHP's own `Error`.
pub(crate) fn throw_error(text: fmt::Arguments<'_>) {
    let line = Line::new(text);
    // SAFETY: null means class Error; the text is the one argument.
    unsafe { zend_throw_error(std::ptr::null_mut(), c"%s".as_ptr(), line.as_c().as_ptr()) };
}

/// Whether an exception is on its way that a script can catch: not the end of the script.
pub(crate) fn may_be_caught() -> bool {
    // SAFETY: PHP's globals; the exception is an object, as long as it is on its way.
    unsafe { pending() && !zend_is_unwind_exit((*eg()).exception) }
}

/// Whether an exception is on its way.
pub(crate) fn pending() -> bool {
    // SAFETY: PHP's globals.
    !unsafe { (*eg()).exception }.is_null()
}

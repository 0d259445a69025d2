//! The edge itself: no panic leaves it, every failure becomes a status, and pointers are checked.

use std::any::Any;
use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::status::{
    Fault, SKEP_INVALID_ARGUMENT, SKEP_OK, SKEP_PANIC, SKEP_TOO_LARGE, remember, skep_status,
};

/// Run the body of an exported function.
pub(super) fn guard(body: impl FnOnce() -> Result<(), Fault>) -> skep_status {
    // Unwind safety: all a body can reach is behind cells that hold whole values, and a caller that
    // is told of a panic may only free the handle.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => SKEP_OK,
        Ok(Err(fault)) => remember(fault),
        Err(payload) => remember(Fault::new(SKEP_PANIC, panic_text(&*payload))),
    }
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    text.or(payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panic without a text")
        .into()
}

/// A place for a result.
#[derive(Debug)]
pub(super) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Check the pointer before anything is done, so that a failed call has no effect.
    ///
    /// # Safety
    /// `pointer` is NULL or valid for writing a `T` until the value is dropped.
    pub(super) unsafe fn new(pointer: *mut T, argument: &'static str) -> Result<Out<T>, Fault> {
        if pointer.is_null() {
            return Err(Fault::null(argument));
        }
        Ok(Out(pointer))
    }

    pub(super) fn set(self, value: T) {
        // SAFETY: valid for writing by the contract of `new`. What was there is not dropped: to C it
        // is uninitialised memory.
        unsafe { self.0.write(value) }
    }
}

/// A C text.
///
/// # Safety
/// `text` is NULL or points to a NUL-terminated text that stays unchanged for `'a`.
pub(super) unsafe fn text<'a>(
    text: *const c_char,
    argument: &'static str,
) -> Result<&'a str, Fault> {
    if text.is_null() {
        return Err(Fault::null(argument));
    }
    // SAFETY: not NULL, and terminated by the caller's contract.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str()
        .map_err(|_| Fault::new(SKEP_INVALID_ARGUMENT, format!("{argument} is not UTF-8")))
}

/// A file's name, which may be any bytes.
///
/// # Safety
/// `name` is NULL or points to a NUL-terminated text that stays unchanged for `'a`.
pub(super) unsafe fn file_name<'a>(
    name: *const c_char,
    argument: &'static str,
) -> Result<&'a Path, Fault> {
    if name.is_null() {
        return Err(Fault::null(argument));
    }
    // SAFETY: not NULL, and terminated by the caller's contract.
    let name = unsafe { CStr::from_ptr(name) };
    Ok(Path::new(OsStr::from_bytes(name.to_bytes())))
}

/// Bytes; NULL is allowed for none.
///
/// # Safety
/// `data` is NULL or points to `length` bytes that stay unchanged for `'a`.
pub(super) unsafe fn bytes<'a>(data: *const u8, length: usize) -> Result<&'a [u8], Fault> {
    if length == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(Fault::null("data"));
    }
    if length > isize::MAX as usize {
        return Err(Fault::new(
            SKEP_TOO_LARGE,
            format!("no object has {length} bytes"),
        ));
    }
    // SAFETY: not NULL, readable for `length` bytes by the caller's contract, and no longer than an
    // object can be.
    Ok(unsafe { std::slice::from_raw_parts(data, length) })
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a failing test may panic where it stands"
)]
mod tests {
    use super::super::status::{SKEP_NULL_ARGUMENT, SKEP_STATE, skep_last_error_text};
    use super::*;

    fn last() -> String {
        // SAFETY: always a valid text.
        unsafe { CStr::from_ptr(skep_last_error_text()) }
            .to_string_lossy()
            .into_owned()
    }

    #[test]
    fn panic_becomes_a_status_with_its_text() {
        assert_eq!(guard(|| panic!("lane {} is gone", 3)), SKEP_PANIC);
        assert_eq!(last(), "lane 3 is gone");
        assert_eq!(guard(|| Err(Fault::new(SKEP_STATE, "later"))), SKEP_STATE);
        assert_eq!(guard(|| Ok(())), SKEP_OK);
        assert_eq!(last(), "later");
    }

    #[test]
    fn bytes_may_be_null_only_when_there_are_none() {
        // SAFETY: nothing is read through NULL or beyond the one byte given.
        let got = unsafe {
            let null = std::ptr::null();
            (
                bytes(null, 0),
                bytes(null, 1),
                bytes(&7, 1),
                bytes(&7, usize::MAX),
            )
        };
        assert_eq!(got.0.unwrap(), b"");
        assert_eq!(got.1.unwrap_err().status, SKEP_NULL_ARGUMENT);
        assert_eq!(got.2.unwrap(), [7]);
        assert_eq!(got.3.unwrap_err().status, SKEP_TOO_LARGE);
    }

    #[test]
    fn text_must_be_utf8() {
        // SAFETY: both are NUL-terminated.
        let got = unsafe { (text(c"\xff".as_ptr(), "key"), text(c"ok".as_ptr(), "key")) };
        assert_eq!(got.0.unwrap_err().text, "key is not UTF-8");
        assert_eq!(got.1.unwrap(), "ok");
    }
}

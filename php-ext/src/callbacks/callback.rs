//! A callable that the script has registered.

use std::ptr::null_mut;

use ext_php_rs::ffi::zend_is_callable_ex;

use crate::call::{Frame, Target};
use crate::convert::Text;
use crate::exception::{Line, code, warn};
use crate::zend::{
    Zv, bytes, kind, zend_fcall_info_cache, zend_release_fcall_info_cache, zend_string,
};

/// A registered callable, looked up. A property of the server or the port holds the callable itself, where the
/// garbage collector sees it.
#[derive(Clone, Copy)]
pub(crate) struct Callback {
    pub(super) target: Target,
    /// The callable this was made from.
    origin: (u64, u32),
}

impl Callback {
    /// Look a callable up. `name` becomes its text, for messages, with one reference; null for none.
    pub(crate) fn resolve(callable: Zv, name: &mut *mut zend_string) -> Option<Callback> {
        let mut cache = zend_fcall_info_cache {
            function_handler: null_mut(),
            calling_scope: null_mut(),
            called_scope: null_mut(),
            object: null_mut(),
        };
        let mut value = callable;
        // SAFETY: a live value; the results are written to locals.
        let known = unsafe {
            zend_is_callable_ex(
                value.ptr(),
                null_mut(),
                0,
                &raw mut *name,
                &raw mut cache,
                null_mut(),
            )
        };
        if !known {
            return None;
        }
        // SAFETY: set, because the callable is one.
        let flags = unsafe { (*cache.function_handler).common.fn_flags };
        let target = if flags & VIA_TRAMPOLINE == 0 {
            Target::Known(cache)
        } else {
            // A trampoline serves one call only.
            // SAFETY: as PHP does with a cache it does not use.
            unsafe { zend_release_fcall_info_cache(&raw mut cache) };
            Target::Named(callable)
        };
        Some(Callback {
            target,
            origin: callable.bits(),
        })
    }

    /// Look a callable up; none after a warning.
    pub(crate) fn resolve_or_warn(callable: Zv) -> Option<Callback> {
        let mut name: *mut zend_string = null_mut();
        let callback = Callback::resolve(callable, &mut name);
        let name = if name.is_null() {
            Zv::NULL
        } else {
            Zv::string(name)
        };
        if callback.is_none() {
            let text = match name.kind() {
                // SAFETY: a string of ours.
                kind::STRING => unsafe { bytes(name.as_string()) },
                _ => b"",
            };
            let line = Line::new(format_args!(
                "function '{}' is not callable",
                String::from_utf8_lossy(text)
            ));
            name.release();
            warn(code::FATAL, format_args!("{}", Text(line.as_c())));
            return None;
        }
        name.release();
        callback
    }

    /// A call of it without arguments.
    pub(crate) fn frame(&self) -> Frame {
        Frame::new(self.target)
    }

    /// How many parameters it declares, if that can be told.
    pub(super) fn parameters(&self) -> u32 {
        match self.target {
            // SAFETY: resolved at registration, and its callable is held by the server object.
            Target::Known(cache) => unsafe { (*cache.function_handler).common.num_args },
            _ => 0,
        }
    }

    /// What to call.
    pub(crate) fn target(&self) -> Target {
        self.target
    }

    /// Whether it was made from this value.
    pub(crate) fn is_from(&self, callable: Zv) -> bool {
        self.origin == callable.bits()
    }
}

/// `ZEND_ACC_CALL_VIA_TRAMPOLINE`.
const VIA_TRAMPOLINE: u32 = 1 << 18;

/// Whether `on()` treats this callable as not given.
pub(crate) fn is_nothing(callable: Zv) -> bool {
    match callable.kind() {
        kind::UNDEF | kind::NULL | kind::FALSE => true,
        kind::LONG => callable.as_long() == 0,
        kind::DOUBLE => callable.as_double() == 0.0,
        kind::STRING => {
            // SAFETY: a live string.
            let text = unsafe { bytes(callable.as_string()) };
            text.is_empty() || text == b"0"
        }
        _ => false,
    }
}

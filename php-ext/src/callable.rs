//! A callable among the arguments of a method.

use std::mem::ManuallyDrop;

use ext_php_rs::ffi::zend_fcall_info;

use crate::zend::{Zv, zend_fcall_info_cache};

/// A callable argument, as PHP itself checks it.
pub(crate) struct Callable(Zv);

impl Callable {
    /// `read` parses arguments with the letter `f` for the two; none: PHP has thrown.
    pub(crate) fn parse(
        read: impl FnOnce(&mut zend_fcall_info, &mut zend_fcall_info_cache) -> bool,
    ) -> Option<Callable> {
        // SAFETY: zero means "none" in each field of both.
        let (info, mut cache) = unsafe {
            (
                std::mem::zeroed::<zend_fcall_info>(),
                std::mem::zeroed::<zend_fcall_info_cache>(),
            )
        };
        let mut info = ManuallyDrop::new(info); // PHP has not counted the reference that is copied into it
        let read = read(&mut info, &mut cache);
        // SAFETY: zero, which is an undefined value, or the argument as PHP has copied it.
        read.then(|| Callable(unsafe { Zv::read(&raw const info.function_name) }))
    }

    /// Undefined for a null that was allowed.
    pub(crate) fn value(&self) -> Zv {
        self.0
    }
}

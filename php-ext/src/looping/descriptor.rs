//! The descriptor behind a PHP value: a stream, an object of the extension sockets, one of this module's with a socket,
//! or a number.

use std::ffi::c_void;
use std::ptr::null_mut;

use ext_php_rs::ffi::zend_read_property;

use crate::exception::{code, warn};
use crate::zend::{
    _php_stream_cast, Zv, bytes, kind, php_file_le_pstream, php_file_le_stream, zend_class_entry,
    zend_fetch_resource2_ex, zend_object, zval,
};

/// `PHP_STREAM_AS_FD_FOR_SELECT`, without warnings about what the stream has read already.
const FOR_SELECT: i32 = 3 | 0x2000_0000;

/// Properties that hold the descriptors of this module's objects.
const PROPERTIES: [(&[u8], &str); 2] = [(b"skep\\client", "sock"), (b"skep\\process", "pipe")];

/// The descriptor of a value; none after a warning.
pub(crate) fn of(value: Zv) -> Option<i32> {
    let fd = match value.kind() {
        kind::RESOURCE => of_stream(value),
        // SAFETY: a live object.
        kind::OBJECT => unsafe { of_object(value.as_object()) },
        kind::LONG => {
            let number = value.as_long();
            match i32::try_from(number) {
                Ok(0) => {
                    warn(code::FATAL, format_args!("invalid socket fd [0]"));
                    return None;
                }
                Ok(fd) if fd > 0 => Some(fd),
                _ => {
                    warn(
                        code::FATAL,
                        format_args!("invalid file descriptor#{number} passed"),
                    );
                    if !crate::exception::pending() {
                        warn(code::FATAL, format_args!("unknown fd type"));
                    }
                    return None;
                }
            }
        }
        _ => None,
    };
    if fd.is_none() && !crate::exception::pending() {
        warn(code::FATAL, format_args!("invalid file descriptor passed"));
    }
    fd
}

/// The stream of a value; null if it is none, or closed.
fn stream(mut value: Zv) -> *mut c_void {
    if value.kind() != kind::RESOURCE {
        return null_mut();
    }
    // SAFETY: a live resource; PHP checks that it is an open stream.
    unsafe {
        zend_fetch_resource2_ex(
            value.ptr(),
            std::ptr::null(),
            php_file_le_stream(),
            php_file_le_pstream(),
        )
    }
}

fn of_stream(value: Zv) -> Option<i32> {
    let stream = stream(value);
    if stream.is_null() {
        return None;
    }
    let mut fd = -1i32;
    let place = (&raw mut fd).cast::<*mut c_void>();
    // SAFETY: an open stream; PHP writes one descriptor.
    let cast = unsafe { _php_stream_cast(stream, FOR_SELECT, place, 0) };
    (cast == 0 && fd >= 0).then_some(fd)
}

/// Whether this is a stream that has been closed.
pub(super) fn is_closed(value: Zv) -> bool {
    value.kind() == kind::RESOURCE && stream(value).is_null()
}

/// Whether a stream has read more from its descriptor than it has given away: what the kernel knows nothing of.
pub(super) fn has_unread(value: Zv) -> bool {
    let stream = stream(value).cast::<ext_php_rs::ffi::php_stream>();
    // SAFETY: null, or an open stream.
    !stream.is_null() && unsafe { (*stream).writepos > (*stream).readpos }
}

/// # Safety
/// `object` must be alive.
unsafe fn of_object(object: *mut zend_object) -> Option<i32> {
    // SAFETY: alive, says the caller; classes live as long as their objects.
    unsafe {
        let class = (*object).ce;
        if is_a(class, b"socket") {
            // The extension sockets puts its state in front of the object, and the descriptor first of all.
            let offset = (*(*object).handlers).offset as usize;
            let fd = *object.byte_sub(offset).cast::<i32>();
            return (fd >= 0).then_some(fd);
        }
        let (_, property) = PROPERTIES.iter().find(|(name, _)| is_a(class, name))?;
        let mut room = Zv::UNDEF;
        let at: *mut zval = zend_read_property(
            class,
            object,
            property.as_ptr().cast(),
            property.len(),
            true,
            room.ptr(),
        );
        let value = Zv::read(at);
        let fd = (value.kind() == kind::LONG).then(|| value.as_long())?;
        i32::try_from(fd).ok().filter(|&fd| fd >= 0)
    }
}

/// Whether a class, or one that it extends, has this name (in lower case).
///
/// # Safety
/// `class` must be alive.
unsafe fn is_a(mut class: *mut zend_class_entry, name: &[u8]) -> bool {
    while !class.is_null() {
        // SAFETY: alive, and so are those it extends.
        unsafe {
            if bytes((*class).name).eq_ignore_ascii_case(name) {
                return true;
            }
            class = (*class).__bindgen_anon_1.parent;
        }
    }
    false
}

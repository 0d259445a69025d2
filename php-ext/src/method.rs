//! Declaring functions and methods to PHP, and the frame around each of their bodies.

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{null, null_mut};

use crate::zend::{
    ZEND_MODULE_API_NO, Zv, bail_out, zend_execute_data, zend_function_entry,
    zend_internal_arg_info, zend_object, zend_type, zval,
};
use crate::{call, globals};

/// Bits of a PHP type in a signature.
pub(crate) mod ty {
    /// No declared type.
    pub(crate) const NONE: u32 = 0;
    pub(crate) const NULL: u32 = 1 << 1;
    pub(crate) const FALSE: u32 = 1 << 2;
    pub(crate) const BOOL: u32 = 1 << 2 | 1 << 3;
    pub(crate) const INT: u32 = 1 << 4;
    pub(crate) const FLOAT: u32 = 1 << 5;
    pub(crate) const STRING: u32 = 1 << 6;
    pub(crate) const ARRAY: u32 = 1 << 7;
    pub(crate) const CALLABLE: u32 = 1 << 12;
    pub(crate) const VOID: u32 = 1 << 14;
    pub(crate) const MIXED: u32 = 0x3fe;
    /// The argument is a variable, which is written to.
    pub(crate) const BY_REFERENCE: u32 = 1
        << if super::ZEND_MODULE_API_NO >= 20_220_829 {
            25
        } else {
            24
        };
}

/// In a type: its pointer is a class name as C text. The bit moved with PHP 8.3.
const LITERAL_NAME: u32 = if ZEND_MODULE_API_NO >= 20_230_831 {
    1 << 23
} else {
    1 << 24
};

/// In a parameter's type: it takes all arguments that are left.
const VARIADIC: u32 = 1 << 27;

/// A parameter.
pub(crate) struct Param {
    name: &'static CStr,
    types: u32,
    default: Option<&'static CStr>,
    /// Name of a class whose objects are taken.
    class: Option<&'static CStr>,
}

/// A required parameter.
pub(crate) const fn param(name: &'static CStr, types: u32) -> Param {
    Param {
        name,
        types,
        default: None,
        class: None,
    }
}

/// A required parameter that is an object of this class.
pub(crate) const fn object(name: &'static CStr, class: &'static CStr) -> Param {
    Param {
        name,
        types: 0,
        default: None,
        class: Some(class),
    }
}

/// The last parameter, which takes all arguments that are left.
pub(crate) const fn rest(name: &'static CStr) -> Param {
    Param {
        name,
        types: ty::MIXED | VARIADIC,
        default: Some(c""),
        class: None,
    }
}

/// A parameter with a default, as PHP code.
pub(crate) const fn optional(name: &'static CStr, types: u32, default: &'static CStr) -> Param {
    Param {
        name,
        types,
        default: Some(default),
        class: None,
    }
}

/// What PHP calls.
pub(crate) type Handler = unsafe extern "C" fn(*mut zend_execute_data, *mut zval);

/// A function or method.
pub(crate) struct Entry {
    pub(crate) name: &'static CStr,
    pub(crate) handler: Handler,
    pub(crate) params: &'static [Param],
    /// Return type; [`ty::NONE`] for none.
    pub(crate) returns: u32,
    /// Name of a class that may be returned besides.
    pub(crate) returns_class: Option<&'static CStr>,
    /// `ZEND_ACC_*`.
    pub(crate) flags: u32,
}

/// `ZEND_ACC_PUBLIC`.
pub(crate) const PUBLIC: u32 = 1;
/// `ZEND_ACC_STATIC`.
pub(crate) const STATIC: u32 = 16;
/// `ZEND_ACC_PRIVATE`.
pub(crate) const PRIVATE: u32 = 4;

/// A method's entry.
macro_rules! method {
    ($name:literal, $body:path, [$($param:expr),*], $returns:expr) => {
        $crate::method::Entry {
            name: $name,
            handler: $crate::method::handler!($body),
            params: const { &[$($param),*] },
            returns: $returns,
            returns_class: None,
            flags: $crate::method::PUBLIC,
        }
    };
}

/// A static method's entry.
macro_rules! static_method {
    ($name:literal, $body:path, [$($param:expr),*], $returns:expr) => {
        $crate::method::Entry {
            flags: $crate::method::PUBLIC | $crate::method::STATIC,
            ..$crate::method::method!($name, $body, [$($param),*], $returns)
        }
    };
}

/// Rows of methods that there are as functions, too: `methods` or `functions` of them.
macro_rules! entries {
    ($kind:ident: $(($method:literal, $function:literal, $body:path, [$($param:expr),*], $returns:expr)),* $(,)?) => {
        vec![$($crate::method::entries!(@$kind $method, $function, $body, [$($param),*], $returns)),*]
    };
    (@methods $method:literal, $function:literal, $body:path, [$($param:expr),*], $returns:expr) => {
        $crate::method::static_method!($method, $body, [$($param),*], $returns)
    };
    (@functions $method:literal, $function:literal, $body:path, [$($param:expr),*], $returns:expr) => {
        $crate::method::method!($function, $body, [$($param),*], $returns)
    };
}

/// The C function around a body `fn(&mut Call)`.
macro_rules! handler {
    ($body:path) => {{
        unsafe extern "C" fn entry(
            frame: *mut $crate::zend::zend_execute_data,
            returned: *mut $crate::zend::zval,
        ) {
            $crate::method::enter(frame, returned, $body)
        }
        entry
    }};
}

/// Read a call's arguments as `zend_parse_parameters` does: false means that PHP has thrown.
macro_rules! parse {
    ($call:expr, $spec:literal $(, $target:expr)*) => {
        // SAFETY: every target has the C type that the letter in the specification names.
        unsafe { $crate::zend::zend_parse_parameters($call.argc(), $spec.as_ptr() $(, &raw mut $target)*) == 0 }
    };
}

pub(crate) use {entries, handler, method, parse, static_method};

/// Entries as PHP wants them. Lives as long as the process, as PHP's tables do.
pub(crate) fn table(entries: &[Entry]) -> *const zend_function_entry {
    let of_class = |class: Option<&'static CStr>, mask| match class {
        None => zend_type {
            ptr: null_mut(),
            type_mask: mask,
        },
        Some(class) => zend_type {
            ptr: class.as_ptr().cast_mut().cast(),
            type_mask: mask | LITERAL_NAME,
        },
    };
    let mut rows = Vec::with_capacity(entries.len() + 1);
    for entry in entries {
        let returns = of_class(entry.returns_class, entry.returns);
        let required = entry
            .params
            .iter()
            .take_while(|param| param.default.is_none())
            .count();
        let mut args = vec![zend_internal_arg_info {
            name: required as *const _,
            type_: returns,
            default_value: null(),
        }];
        args.extend(entry.params.iter().map(|param| zend_internal_arg_info {
            name: param.name.as_ptr(),
            type_: of_class(param.class, param.types),
            default_value: match param.default {
                Some(default) if param.types & VARIADIC == 0 => default.as_ptr(),
                _ => null(),
            },
        }));
        rows.push(zend_function_entry {
            fname: entry.name.as_ptr(),
            handler: Some(entry.handler),
            arg_info: args.leak().as_ptr(),
            num_args: entry.params.len() as u32, // PHP takes a variadic one off
            flags: entry.flags,
        });
    }
    rows.push(zend_function_entry {
        fname: null(),
        handler: None,
        arg_info: null(),
        num_args: 0,
        flags: 0,
    });
    rows.leak().as_ptr()
}

/// One call of a function or method by PHP.
pub(crate) struct Call {
    frame: *mut zend_execute_data,
    returned: *mut zval,
}

impl Call {
    /// Number of arguments.
    pub(crate) fn argc(&self) -> u32 {
        // SAFETY: PHP's frame of the running call.
        unsafe { (*self.frame).This.u2.num_args }
    }

    /// The object of a method call.
    pub(crate) fn this(&self) -> *mut zend_object {
        // SAFETY: as above; only asked in methods that are not static.
        unsafe { Zv::read(&raw const (*self.frame).This) }.as_object()
    }

    /// Set the return value. Takes over one reference.
    pub(crate) fn give(&mut self, value: Zv) {
        // SAFETY: PHP passes a slot that holds null; it is set at most once per call.
        unsafe { self.returned.cast::<Zv>().write(value) };
    }

    /// Return a truth value.
    pub(crate) fn give_bool(&mut self, value: bool) {
        self.give(Zv::bool(value));
    }
}

/// Run a body; a panic ends the process in good order instead of unwinding into PHP.
pub(crate) fn enter(frame: *mut zend_execute_data, returned: *mut zval, body: fn(&mut Call)) {
    let mut call = Call { frame, returned };
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| body(&mut call))) {
        globals::log_panic(payload);
        call::leave_script(255);
    }
    // A fatal error that a guarded call inside the body has caught: the Rust frames are gone, PHP goes on
    // unwinding where it was.
    if globals::take_bailed() {
        bail_out();
    }
}

//! What the Zend API has and ext-php-rs does not bind, and a zval without a destructor.

use std::ffi::{CStr, c_char, c_int, c_void};

pub(crate) use ext_php_rs::ffi::{
    HashPosition, HashTable, ZEND_MODULE_API_NO, zend_class_entry, zend_execute_data,
    zend_fcall_info_cache, zend_function, zend_function_entry, zend_internal_arg_info, zend_object,
    zend_object_handlers, zend_string, zend_type, zval,
};
use ext_php_rs::ffi::{
    ext_php_rs_compiler_globals, ext_php_rs_executor_globals, zend_executor_globals, zend_op_array,
};

unsafe extern "C" {
    pub(crate) fn zend_parse_parameters(argc: u32, spec: *const c_char, ...) -> c_int;
    pub(crate) fn zend_register_functions(
        scope: *mut zend_class_entry,
        functions: *const zend_function_entry,
        table: *mut HashTable,
        kind: c_int,
    ) -> c_int;
    pub(crate) fn zend_register_class_alias_ex(
        name: *const c_char,
        len: usize,
        class: *mut zend_class_entry,
        persistent: bool,
    ) -> c_int;
    pub(crate) fn zend_class_implements(class: *mut zend_class_entry, count: c_int, ...);
    pub(crate) fn zend_declare_property_string(
        class: *mut zend_class_entry,
        name: *const c_char,
        len: usize,
        value: *const c_char,
        access: c_int,
    ) -> c_int;
    pub(crate) fn zend_declare_class_constant_long(
        class: *mut zend_class_entry,
        name: *const c_char,
        len: usize,
        value: i64,
    );
    pub(crate) fn zend_string_hash_func(text: *mut zend_string) -> u64;
    pub(crate) fn zend_hash_find(table: *const HashTable, key: *mut zend_string) -> *mut zval;
    pub(crate) fn zend_hash_add_new(
        table: *mut HashTable,
        key: *mut zend_string,
        value: *mut zval,
    ) -> *mut zval;
    pub(crate) fn zval_get_long_func(value: *mut zval, is_legacy: bool) -> i64;
    pub(crate) fn zval_get_double_func(value: *mut zval) -> f64;
    pub(crate) fn zval_get_string_func(value: *mut zval) -> *mut zend_string;
    pub(crate) fn zend_declare_class_constant_stringl(
        class: *mut zend_class_entry,
        name: *const c_char,
        len: usize,
        value: *const c_char,
        value_len: usize,
    );
    pub(crate) fn zend_argument_type_error(number: u32, format: *const c_char, ...);
    pub(crate) fn zend_zval_type_name(value: *const zval) -> *const c_char;
    pub(crate) fn zend_error(kind: c_int, format: *const c_char, ...);
    pub(crate) fn zend_exception_error(exception: *mut zend_object, severity: c_int) -> c_int;
    pub(crate) fn zend_throw_unwind_exit();
    pub(crate) fn zend_is_unwind_exit(exception: *const zend_object) -> bool;
    pub(crate) fn zend_clear_exception();
    pub(crate) fn zend_release_fcall_info_cache(cache: *mut zend_fcall_info_cache);
    pub(crate) fn zend_hash_get_current_key_ex(
        table: *const HashTable,
        text: *mut *mut zend_string,
        number: *mut u64,
        at: *const HashPosition,
    ) -> c_int;
    pub(crate) fn zend_hash_internal_pointer_reset_ex(table: *mut HashTable, at: *mut HashPosition);
    pub(crate) fn php_output_flush_all();
    pub(crate) fn php_output_clean_all();
    pub(crate) fn php_call_shutdown_functions();
    pub(crate) fn php_free_shutdown_functions();
    pub(crate) fn zend_call_destructors();
    pub(crate) fn zend_fetch_resource2_ex(
        resource: *mut zval,
        name: *const c_char,
        kind: c_int,
        other_kind: c_int,
    ) -> *mut c_void;
    pub(crate) fn zend_type_error(format: *const c_char, ...);
    pub(crate) fn zend_fetch_resource2(
        resource: *mut c_void,
        name: *const c_char,
        kind: c_int,
        persistent_kind: c_int,
    ) -> *mut c_void;
    pub(crate) fn php_file_le_stream() -> c_int;
    pub(crate) fn php_file_le_pstream() -> c_int;
    pub(crate) fn _php_stream_cast(
        stream: *mut c_void,
        kind: c_int,
        into: *mut *mut c_void,
        show_errors: c_int,
    ) -> c_int;
    pub(crate) fn object_init_ex(object: *mut zval, class: *mut zend_class_entry) -> c_int;
    pub(crate) static spl_ce_ArrayIterator: *mut zend_class_entry;
    pub(crate) fn php_mt_srand(seed: u32);
    pub(crate) fn php_clear_stat_cache(realpaths: bool, name: *const c_char, len: usize);
    pub(crate) fn compile_filename(kind: c_int, path: *mut zend_string) -> *mut zend_op_array;
    pub(crate) fn zend_string_concat2(
        first: *const c_char,
        first_len: usize,
        second: *const c_char,
        second_len: usize,
    ) -> *mut zend_string;
    pub(crate) fn php_var_serialize_init() -> *mut c_void;
    pub(crate) fn php_var_serialize(out: *mut SmartStr, value: *mut zval, state: *mut *mut c_void);
    pub(crate) fn php_var_serialize_destroy(state: *mut c_void);
    pub(crate) fn php_var_unserialize_init() -> *mut c_void;
    pub(crate) fn var_tmp_var(state: *mut *mut c_void) -> *mut zval;
    pub(crate) fn php_var_unserialize(
        value: *mut zval,
        at: *mut *const u8,
        end: *const u8,
        state: *mut *mut c_void,
    ) -> c_int;
    pub(crate) fn php_var_unserialize_destroy(state: *mut c_void);
    pub(crate) fn zend_ini_string(name: *const c_char, len: usize, original: c_int) -> *mut c_char;
}

/// PHP's `smart_str`: a string being written.
#[repr(C)]
pub(crate) struct SmartStr {
    pub(crate) text: *mut zend_string,
    pub(crate) room: usize,
}

/// `E_ERROR`: ends the script.
pub(crate) const E_ERROR: c_int = 1;
/// `E_WARNING`.
pub(crate) const E_WARNING: c_int = 2;
/// `E_DEPRECATED`.
pub(crate) const E_DEPRECATED: c_int = 1 << 13;
/// `E_USER_WARNING`.
pub(crate) const E_USER_WARNING: c_int = 1 << 9;

/// Type numbers of zvals.
pub(crate) mod kind {
    pub(crate) const UNDEF: u32 = 0;
    pub(crate) const NULL: u32 = 1;
    pub(crate) const FALSE: u32 = 2;
    pub(crate) const TRUE: u32 = 3;
    pub(crate) const LONG: u32 = 4;
    pub(crate) const DOUBLE: u32 = 5;
    pub(crate) const STRING: u32 = 6;
    pub(crate) const ARRAY: u32 = 7;
    pub(crate) const OBJECT: u32 = 8;
    pub(crate) const RESOURCE: u32 = 9;
    pub(crate) const REFERENCE: u32 = 10;
}

/// The value counts its references.
const REFCOUNTED: u32 = 1 << 8;
/// The value may be part of a cycle.
const COLLECTABLE: u32 = 1 << 9;
/// In the flags of a string: it lives for ever.
const INTERNED: u32 = 1 << 6;

/// A zval as plain data: copying counts nothing and dropping frees nothing, so it may live on the
/// stack across a longjmp.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Zv {
    value: u64,
    info: u32,
    extra: u32,
}

const _: () =
    assert!(size_of::<Zv>() == size_of::<zval>() && align_of::<Zv>() == align_of::<zval>());

impl Zv {
    pub(crate) const UNDEF: Zv = Zv {
        value: 0,
        info: kind::UNDEF,
        extra: 0,
    };
    pub(crate) const NULL: Zv = Zv {
        value: 0,
        info: kind::NULL,
        extra: 0,
    };

    pub(crate) fn bool(value: bool) -> Zv {
        Zv {
            value: 0,
            info: if value { kind::TRUE } else { kind::FALSE },
            extra: 0,
        }
    }

    pub(crate) fn long(value: i64) -> Zv {
        Zv {
            value: value as u64,
            info: kind::LONG,
            extra: 0,
        }
    }

    pub(crate) fn double(value: f64) -> Zv {
        Zv {
            value: value.to_bits(),
            info: kind::DOUBLE,
            extra: 0,
        }
    }

    /// Takes over one reference.
    pub(crate) fn object(object: *mut zend_object) -> Zv {
        Zv {
            value: object as u64,
            info: kind::OBJECT | REFCOUNTED | COLLECTABLE,
            extra: 0,
        }
    }

    /// Takes over one reference.
    pub(crate) fn array(array: *mut HashTable) -> Zv {
        Zv {
            value: array as u64,
            info: kind::ARRAY | REFCOUNTED | COLLECTABLE,
            extra: 0,
        }
    }

    /// An array that somebody else holds; to be shared where a reference is given away.
    pub(crate) fn borrowed_array(array: *mut HashTable) -> Zv {
        // SAFETY: every array starts with its reference count and flags; the caller's is alive.
        let counted = unsafe { (*array).gc.u.type_info } & INTERNED == 0;
        Zv {
            value: array as u64,
            info: kind::ARRAY | if counted { REFCOUNTED | COLLECTABLE } else { 0 },
            extra: 0,
        }
    }

    /// Takes over one reference. `string` must be a live zend_string.
    pub(crate) fn string(string: *mut zend_string) -> Zv {
        // SAFETY: every zend_string starts with its reference count and flags.
        let interned = unsafe { (*string).gc.u.type_info } & INTERNED != 0;
        Zv {
            value: string as u64,
            info: kind::STRING | if interned { 0 } else { REFCOUNTED },
            extra: 0,
        }
    }

    /// A new PHP string. Allocates, so it may end the script: hold nothing that must be dropped.
    pub(crate) fn text(bytes: &[u8]) -> Zv {
        // SAFETY: the bytes are copied; the result is one reference.
        let string = unsafe {
            ext_php_rs::ffi::ext_php_rs_zend_string_init(bytes.as_ptr().cast(), bytes.len(), false)
        };
        Zv::string(string)
    }

    /// A new PHP string of two parts. Allocates, as [`Zv::text`].
    pub(crate) fn joined(first: &[u8], second: &[u8]) -> Zv {
        // SAFETY: the bytes are copied; the result is one reference.
        let string = unsafe {
            zend_string_concat2(
                first.as_ptr().cast(),
                first.len(),
                second.as_ptr().cast(),
                second.len(),
            )
        };
        Zv::string(string)
    }

    /// The value at `at`, behind a PHP reference if there is one.
    ///
    /// # Safety
    /// `at` must point to an initialized zval.
    pub(crate) unsafe fn read(at: *const zval) -> Zv {
        // SAFETY: same layout, promised by the caller and the assertion above.
        let value = unsafe { *at.cast::<Zv>() };
        if value.kind() != kind::REFERENCE {
            return value;
        }
        // SAFETY: a zval of kind REFERENCE points to a live zend_reference.
        unsafe {
            *(&raw const (*(value.value as *const ext_php_rs::ffi::zend_reference)).val)
                .cast::<Zv>()
        }
    }

    pub(crate) fn kind(self) -> u32 {
        self.info & 0xff
    }

    pub(crate) fn as_long(self) -> i64 {
        self.value as i64
    }

    pub(crate) fn as_double(self) -> f64 {
        f64::from_bits(self.value)
    }

    pub(crate) fn as_string(self) -> *mut zend_string {
        self.value as *mut zend_string
    }

    pub(crate) fn as_array(self) -> *mut HashTable {
        self.value as *mut HashTable
    }

    pub(crate) fn as_object(self) -> *mut zend_object {
        self.value as *mut zend_object
    }

    /// What a resource points to.
    pub(crate) fn as_pointer(self) -> *mut c_void {
        self.value as *mut c_void
    }

    /// What the value is, for comparing identity.
    pub(crate) fn bits(self) -> (u64, u32) {
        (self.value, self.info)
    }

    pub(crate) fn ptr(&mut self) -> *mut zval {
        (&raw mut *self).cast()
    }

    /// One more reference, if the value counts them.
    pub(crate) fn share(self) -> Zv {
        if self.info & REFCOUNTED != 0 {
            // SAFETY: every counted value starts with its count, and the value is alive.
            unsafe { (*(self.value as *mut ext_php_rs::ffi::zend_refcounted_h)).refcount += 1 };
        }
        self
    }

    /// Give one reference back. May run PHP destructors.
    pub(crate) fn release(mut self) {
        if self.info & REFCOUNTED != 0 {
            // SAFETY: the caller owns the reference that is given back.
            unsafe { ext_php_rs::ffi::zval_ptr_dtor(self.ptr()) };
        }
    }

    /// Put this value into `at`, and give back what was there.
    ///
    /// # Safety
    /// `at` must point to an initialized zval.
    pub(crate) unsafe fn assign(self, at: *mut zval) {
        let mut at = at.cast::<Zv>();
        // SAFETY: initialized, says the caller; references point to live zvals.
        unsafe {
            if (*at).kind() == kind::REFERENCE {
                at = (&raw mut (*((*at).value as *mut ext_php_rs::ffi::zend_reference)).val).cast();
            }
            let old = at.replace(self);
            old.release();
        }
    }
}

/// Whether an object is of this class or below.
///
/// # Safety
/// `object` must be alive.
pub(crate) unsafe fn is_a(object: *mut zend_object, own: *mut zend_class_entry) -> bool {
    // SAFETY: classes live as long as their objects, and what they extend lives with them.
    unsafe {
        let mut class = (*object).ce;
        while !class.is_null() && class != own {
            class = (*class).__bindgen_anon_1.parent;
        }
        !class.is_null()
    }
}

/// The bytes of a PHP string.
///
/// # Safety
/// `string` must be alive for as long as the slice is used.
pub(crate) unsafe fn bytes<'a>(string: *const zend_string) -> &'a [u8] {
    // SAFETY: val has len bytes; alive, says the caller.
    unsafe { std::slice::from_raw_parts((&raw const (*string).val).cast(), (*string).len) }
}

/// PHP's executor globals.
pub(crate) fn eg() -> *mut zend_executor_globals {
    // SAFETY: a static of the PHP binary this library is loaded into.
    unsafe { ext_php_rs_executor_globals() }
}

/// The table of all functions.
pub(crate) fn functions() -> *mut HashTable {
    // SAFETY: as above; the table exists since PHP's startup.
    unsafe { (*ext_php_rs_compiler_globals()).function_table }
}

/// Whether a table has an entry. Names of functions must be in lower case.
pub(crate) fn has(table: *const HashTable, name: &CStr) -> bool {
    // SAFETY: the tables asked are PHP's own and alive.
    !unsafe { ext_php_rs::ffi::zend_hash_str_find(table, name.as_ptr(), name.count_bytes()) }
        .is_null()
}

/// Walk a PHP array: `each` gets the text key (null for an integer key) and the value.
///
/// # Safety
/// `table` must be alive; `each` must not change it and must not end the script while it owns things.
pub(crate) unsafe fn walk(
    table: *mut HashTable,
    mut each: impl FnMut(*mut zend_string, Zv) -> bool,
) {
    // SAFETY: promised by the caller.
    unsafe { walk_keys(table, |text, _, value| each(text, value)) }
}

/// As [`walk`], with integer keys.
///
/// # Safety
/// As for [`walk`].
pub(crate) unsafe fn walk_keys(
    table: *mut HashTable,
    mut each: impl FnMut(*mut zend_string, u64, Zv) -> bool,
) {
    let mut at: HashPosition = 0;
    // SAFETY: alive, says the caller; `at` starts at the first position and is moved by the API only.
    unsafe {
        zend_hash_internal_pointer_reset_ex(table, &raw mut at);
        loop {
            let data = ext_php_rs::ffi::zend_hash_get_current_data_ex(table, &raw mut at);
            if data.is_null() {
                return;
            }
            let (mut text, mut number) = (std::ptr::null_mut(), 0);
            zend_hash_get_current_key_ex(table, &raw mut text, &raw mut number, &raw const at);
            if !each(text, number, Zv::read(data)) {
                return;
            }
            ext_php_rs::ffi::zend_hash_move_forward_ex(table, &raw mut at);
        }
    }
}

/// Leave every PHP and C frame up to the next `zend_try`, as PHP does after a fatal error.
pub(crate) fn bail_out() -> ! {
    // SAFETY: called with no Rust value that needs dropping on the frames in between.
    unsafe { ext_php_rs::ffi::ext_php_rs_zend_bailout() }
}

/// A value as a string, converted as PHP does, which may run user code. One reference.
pub(crate) fn zval_get_string(mut value: Zv) -> *mut zend_string {
    // SAFETY: a live value.
    unsafe { zval_get_string_func(value.ptr()) }
}

/// A context pointer for [`try_call`].
pub(crate) type Ctx = *const c_void;

/// Run `body(ctx)`; true if it was left by a longjmp.
///
/// # Safety
/// `body` and everything it calls in Rust must own nothing that has to be dropped.
pub(crate) unsafe fn try_call(body: unsafe extern "C" fn(Ctx) -> Ctx, ctx: Ctx) -> bool {
    let mut unused = std::ptr::null_mut();
    // SAFETY: the promise is passed on; zend_try restores the outer jump target either way.
    unsafe { ext_php_rs::ffi::ext_php_rs_zend_try_catch(body, ctx, &raw mut unused) }
}

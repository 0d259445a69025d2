//! The classes, one per file, and what registering them has in common.

mod atomic;
mod boxed;
pub(crate) mod client;
pub(crate) mod connections;
mod constant;
pub(crate) mod data;
pub(crate) mod event;
mod lock;
mod place;
pub(crate) mod pool;
pub(crate) mod port;
pub(crate) mod process;
pub(crate) mod server;
mod state;
mod table;
mod task;
pub(crate) mod timer;

use std::ffi::CStr;
use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::atomic::Ordering::Relaxed;

use ext_php_rs::ffi::{
    object_properties_init, zend_declare_property, zend_register_internal_class_ex,
    zend_std_unset_property, zend_string_init_interned,
};

use crate::exception::throw_error;
use crate::globals::CLASSES;
use crate::method::{Entry, PRIVATE, PUBLIC, table};
use crate::zend::{
    HashTable, Zv, bytes, zend_class_entry, zend_declare_class_constant_long,
    zend_declare_property_string, zend_object, zend_object_handlers, zend_register_class_alias_ex,
    zend_string,
};

/// `ZEND_ACC_ALLOW_DYNAMIC_PROPERTIES`.
const ALLOW_DYNAMIC_PROPERTIES: u32 = 1 << 15;
/// `ZEND_ACC_NOT_SERIALIZABLE`.
const NOT_SERIALIZABLE: u32 = 1 << 29;

/// Register every class and its aliases. Called once, at module startup.
pub(crate) fn register() {
    // SAFETY: PHP's own base classes, registered before any module starts.
    let (exception, error) = unsafe {
        (
            ext_php_rs::ffi::zend_ce_exception,
            ext_php_rs::ffi::zend_ce_error,
        )
    };
    let class = new_class(c"Skep\\Exception", exception, &[]);
    CLASSES.exception.store(class, Relaxed);
    alias(class, &[c"Swoole\\Exception", c"swoole_exception"]);
    let class = new_class(c"Skep\\Error", error, &[]);
    CLASSES.error.store(class, Relaxed);
    alias(class, &[c"Swoole\\Error", c"swoole_error"]);
    let class = new_class(
        c"Skep\\Client\\Exception",
        CLASSES.exception.load(Relaxed),
        &[],
    );
    alias(class, &[c"Swoole\\Client\\Exception"]);
    client::register();
    atomic::register();
    connections::register();
    data::register();
    constant::register();
    lock::register();
    port::register();
    process::register();
    pool::register();
    server::register();
    task::register();
    table::register();
    timer::register();
    event::register();
}

/// A new class in PHP's class table.
fn new_class(
    name: &'static CStr,
    parent: *mut zend_class_entry,
    methods: &[Entry],
) -> *mut zend_class_entry {
    // SAFETY: zero is how INIT_CLASS_ENTRY starts; PHP copies the entry. The method table lives for ever.
    unsafe {
        let mut class: zend_class_entry = zeroed();
        class.name = match zend_string_init_interned {
            Some(intern) => intern(name.as_ptr(), name.count_bytes(), true),
            None => return null_mut(),
        };
        class.info.internal.builtin_functions = table(methods);
        zend_register_internal_class_ex(&raw mut class, parent)
    }
}

/// Handlers of such objects. `offset`: of the zend_object within the allocation.
fn handlers(offset: usize, free: unsafe extern "C" fn(*mut zend_object)) -> zend_object_handlers {
    // SAFETY: PHP's static table.
    let mut handlers = unsafe { ext_php_rs::ffi::std_object_handlers };
    handlers.offset = offset as i32;
    handlers.free_obj = Some(free);
    handlers.clone_obj = None;
    handlers.unset_property = Some(refuse_unset);
    handlers
}

/// Declared properties stay: the extension writes to their slots.
unsafe extern "C" fn refuse_unset(
    object: *mut zend_object,
    name: *mut zend_string,
    cache: *mut *mut std::ffi::c_void,
) {
    // SAFETY: PHP passes a live object and name.
    unsafe {
        let class = (*object).ce;
        let text = bytes(name);
        let declared: *const HashTable = &raw const (*class).properties_info;
        if !ext_php_rs::ffi::zend_hash_str_find(declared, text.as_ptr().cast(), text.len())
            .is_null()
        {
            throw_error(format_args!(
                "Property {} of class {} cannot be unset",
                text.escape_ascii(),
                Escaped(bytes((*class).name))
            ));
            return;
        }
        zend_std_unset_property(object, name, cache);
    }
}

/// A class name: bytes as they are, as far as they are text.
struct Escaped<'a>(&'a [u8]);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0
            .utf8_chunks()
            .try_for_each(|chunk| f.write_str(chunk.valid()))
    }
}

/// For classes with static methods alone.
unsafe extern "C" fn refuse_create(class: *mut zend_class_entry) -> *mut zend_object {
    // SAFETY: a registered class; its objects are plain ones. PHP wants one even beside the error.
    unsafe {
        throw_error(format_args!(
            "The object of {} can not be created for security reasons",
            Escaped(bytes((*class).name))
        ));
        let object = ext_php_rs::ffi::zend_objects_new(class);
        object_properties_init(object, class);
        (*object).handlers = &raw const ext_php_rs::ffi::std_object_handlers;
        object
    }
}

/// A class that nobody makes objects of.
fn new_static_class(name: &'static CStr, methods: &[Entry]) -> *mut zend_class_entry {
    let class = new_class(name, null_mut(), methods);
    // SAFETY: just registered.
    unsafe { (*class).__bindgen_anon_2.create_object = Some(refuse_create) };
    class
}

/// Other names for a class, where nobody has taken them.
fn alias(class: *mut zend_class_entry, names: &[&CStr]) {
    for name in names {
        // SAFETY: a registered class and a C text. Fails, and changes nothing, if the name is taken.
        unsafe { zend_register_class_alias_ex(name.as_ptr(), name.count_bytes(), class, true) };
    }
}

/// Declare a property. Defaults must not be counted values.
fn property(class: *mut zend_class_entry, name: &CStr, mut default: Zv, public: bool) {
    let access = if public { PUBLIC } else { PRIVATE } as i32;
    // SAFETY: a registered class at startup; the name is copied.
    unsafe {
        zend_declare_property(
            class,
            name.as_ptr(),
            name.count_bytes(),
            default.ptr(),
            access,
        )
    };
}

/// Declare a public property whose default is the empty string.
fn text_property(class: *mut zend_class_entry, name: &CStr) {
    // SAFETY: as in `property`.
    unsafe {
        zend_declare_property_string(
            class,
            name.as_ptr(),
            name.count_bytes(),
            c"".as_ptr(),
            PUBLIC as i32,
        );
    }
}

/// Declare a public class constant.
fn constant(class: *mut zend_class_entry, name: &CStr, value: i64) {
    // SAFETY: a registered class at startup; the name is copied.
    unsafe {
        zend_declare_class_constant_long(class, name.as_ptr(), name.count_bytes(), value);
    }
}

/// The zval of the `index`th declared property.
///
/// # Safety
/// `object` must be alive and its class must declare that many.
unsafe fn slot(object: *mut zend_object, index: usize) -> *mut crate::zend::zval {
    // SAFETY: promised by the caller; the table lies behind the object.
    unsafe {
        (&raw mut (*object).properties_table)
            .cast::<crate::zend::zval>()
            .add(index)
    }
}

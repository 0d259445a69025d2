//! Objects with a Rust side: a value in front of what PHP knows of the object, in one allocation, made and dropped with it.

use std::ffi::CStr;
use std::mem::offset_of;
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use ext_php_rs::ffi::{
    ext_php_rs_zend_object_alloc, object_properties_init, zend_object_std_dtor,
    zend_object_std_init,
};

use super::{ALLOW_DYNAMIC_PROPERTIES, NOT_SERIALIZABLE, handlers, new_class};
use crate::convert::Text;
use crate::exception::{throw_error, throw_misuse};
use crate::method::Entry;
use crate::zend::{is_a, zend_class_entry, zend_object, zend_object_handlers};

/// What a PHP object carries. PHP calls methods at any time, also while another one of the same object is on the stack, so all
/// of it is shared and changed through cells, never while user code may run.
pub(super) trait State: Sized + 'static {
    const CLASS: &'static Class;

    /// That of a new object, before its constructor.
    fn new(object: *mut zend_object) -> Self;

    /// PHP frees the object: what is to be done before the value is dropped.
    fn end(&self, object: *mut zend_object) {
        let _ = object;
    }

    /// Handlers besides those that all have.
    fn adjust(handlers: &mut zend_object_handlers) {
        let _ = handlers;
    }
}

/// What PHP's structures need of such a class; one static each.
pub(super) struct Class {
    name: &'static CStr,
    entry: AtomicPtr<zend_class_entry>,
    handlers: OnceLock<Shared>,
}

impl Class {
    pub(super) const fn new(name: &'static CStr) -> Class {
        Class {
            name,
            entry: AtomicPtr::new(null_mut()),
            handlers: OnceLock::new(),
        }
    }

    /// Null before it is registered.
    pub(super) fn entry(&self) -> *mut zend_class_entry {
        self.entry.load(Relaxed)
    }
}

/// PHP's handler table, which is never written after it was made.
struct Shared(zend_object_handlers);

// SAFETY: function pointers and a number, constant.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

#[repr(C)]
struct Object<T> {
    state: T,
    std: zend_object,
}

/// Declare the class: neither cloned nor serialized, open to dynamic properties.
pub(super) fn open_class<T: State>(methods: &[Entry]) -> *mut zend_class_entry {
    let class = new_class(T::CLASS.name, null_mut(), methods);
    // SAFETY: just registered.
    unsafe {
        (*class).ce_flags |= ALLOW_DYNAMIC_PROPERTIES | NOT_SERIALIZABLE;
        (*class).__bindgen_anon_2.create_object = Some(create::<T>);
    }
    T::CLASS.entry.store(class, Relaxed);
    class
}

/// The same without dynamic properties, but for PHP's own rule.
pub(super) fn closed_class<T: State>(methods: &[Entry]) -> *mut zend_class_entry {
    let class = open_class::<T>(methods);
    // SAFETY: just registered.
    unsafe { (*class).ce_flags &= !ALLOW_DYNAMIC_PROPERTIES };
    class
}

/// A new object of this class, without the call of its constructor. Returns one reference.
pub(super) fn make<T: State>() -> *mut zend_object {
    // SAFETY: the class was registered at startup.
    unsafe { create::<T>(T::CLASS.entry()) }
}

/// Whether an object is of this class or below.
pub(super) fn is_one<T: State>(object: *mut zend_object) -> bool {
    // SAFETY: a live object.
    unsafe { is_a(object, T::CLASS.entry()) }
}

/// # Safety
/// `object` must be alive and of the class of `T` or below.
pub(super) unsafe fn of<'a, T: State>(object: *mut zend_object) -> &'a T {
    // SAFETY: every such object was made by `create`, which puts the state this far in front.
    let whole = unsafe {
        &*object
            .byte_sub(offset_of!(Object<T>, std))
            .cast::<Object<T>>()
    };
    &whole.state
}

unsafe extern "C" fn create<T: State>(class: *mut zend_class_entry) -> *mut zend_object {
    // SAFETY: memory of the right size; the state is written before anybody sees it, and the rest is made as PHP makes it.
    unsafe {
        let whole = ext_php_rs_zend_object_alloc(size_of::<Object<T>>(), class).cast::<Object<T>>();
        let object = &raw mut (*whole).std;
        (&raw mut (*whole).state).write(T::new(object));
        let handlers = T::CLASS.handlers.get_or_init(|| {
            let mut handlers = handlers(offset_of!(Object<T>, std), free::<T>);
            T::adjust(&mut handlers);
            Shared(handlers)
        });
        zend_object_std_init(object, class);
        object_properties_init(object, class);
        (*object).handlers = &raw const handlers.0;
        object
    }
}

unsafe extern "C" fn free<T: State>(object: *mut zend_object) {
    // SAFETY: PHP frees each object once, when nobody refers to it; the state was written by `create`.
    unsafe {
        of::<T>(object).end(object);
        let whole = object
            .byte_sub(offset_of!(Object<T>, std))
            .cast::<Object<T>>();
        (&raw mut (*whole).state).drop_in_place();
        zend_object_std_dtor(object);
    }
}

/// A method was called on an object whose constructor was skipped, or has failed.
pub(super) fn throw_unconstructed() {
    throw_misuse(
        skep::error::code::WRONG_OPERATION,
        format_args!("must call constructor first"),
    );
}

/// A constructor was called on an object that is constructed.
pub(super) fn throw_constructed<T: State>() {
    throw_error(format_args!(
        "Constructor of {} can only be called once",
        Text(T::CLASS.name)
    ));
}

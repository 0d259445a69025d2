//! Objects whose Rust side is one value, which is there once the constructor has run.

use std::ffi::CStr;
use std::mem::offset_of;
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use ext_php_rs::ffi::{ext_php_rs_zend_object_alloc, zend_object_std_dtor};

use super::{ALLOW_DYNAMIC_PROPERTIES, Making, handlers, init_object, new_state_class, slot};
use crate::exception::{throw_error, throw_misuse};
use crate::method::{Call, Entry};
use crate::zend::{Zv, zend_class_entry, zend_object, zend_object_handlers};

/// What PHP's structures need of such a class; one static each.
pub(super) struct Shape {
    name: &'static CStr,
    class: AtomicPtr<zend_class_entry>,
    handlers: OnceLock<Shared>,
}

impl Shape {
    pub(super) const fn new(name: &'static CStr) -> Shape {
        Shape {
            name,
            class: AtomicPtr::new(null_mut()),
            handlers: OnceLock::new(),
        }
    }
}

/// PHP's handler table, which is never written after it was made.
struct Shared(zend_object_handlers);

// SAFETY: function pointers and a number, constant.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

/// A value that PHP objects carry.
pub(super) trait Boxed: Sized + 'static {
    const SHAPE: &'static Shape;
}

/// The Rust side of the object, in front of PHP's.
#[repr(C)]
struct Object<T> {
    /// Null before the constructor and after [`take`].
    value: AtomicPtr<T>,
    std: zend_object,
}

/// # Safety
/// `object` must be alive and of the class of `T` or below.
unsafe fn of<'a, T: Boxed>(object: *mut zend_object) -> &'a Object<T> {
    // SAFETY: every such object was made by `create`, which puts the value this far in front.
    unsafe {
        &*object
            .byte_sub(offset_of!(Object<T>, std))
            .cast::<Object<T>>()
    }
}

unsafe extern "C" fn create<T: Boxed>(class: *mut zend_class_entry) -> *mut zend_object {
    // SAFETY: zend_object_alloc zeroes what lies in front of the zend_object: no value yet.
    unsafe {
        let object =
            ext_php_rs_zend_object_alloc(size_of::<Object<T>>(), class).cast::<Object<T>>();
        let handlers = T::SHAPE
            .handlers
            .get_or_init(|| Shared(handlers(offset_of!(Object<T>, std), free::<T>)));
        init_object(&raw mut (*object).std, class, &raw const handlers.0);
        &raw mut (*object).std
    }
}

unsafe extern "C" fn free<T: Boxed>(object: *mut zend_object) {
    // SAFETY: PHP frees each object once, when nobody refers to it.
    drop(unsafe { take::<T>(object) });
    // SAFETY: the standard end of an object.
    unsafe { zend_object_std_dtor(object) };
}

/// Declare the class: neither cloned nor serialized, and without dynamic properties but for PHP's own rule.
pub(super) fn new_class<T: Boxed>(methods: &[Entry]) -> *mut zend_class_entry {
    let making = Making {
        slot: &T::SHAPE.class,
        create: create::<T>,
    };
    let class = new_state_class(T::SHAPE.name, methods, making);
    // SAFETY: just registered.
    unsafe { (*class).ce_flags &= !ALLOW_DYNAMIC_PROPERTIES };
    debug_assert_eq!(T::SHAPE.class.load(Relaxed), class);
    class
}

/// The value of the object a method is called on; none if its constructor was skipped or the value was taken, and then
/// an `Error` is pending.
pub(super) fn this<'a, T: Boxed>(call: &Call) -> Option<&'a T> {
    // SAFETY: PHP calls methods of this class on objects of this class only, which live as long as the call. The value
    // is a box that `construct` has leaked; who calls `take` sees to it that nobody uses it.
    let value = unsafe { of::<T>(call.this()).value.load(Relaxed).as_ref() };
    if value.is_none() {
        throw_misuse(
            skep::error::code::WRONG_OPERATION,
            format_args!("must call constructor first"),
        );
    }
    value
}

/// For constructors, after their arguments were read: whether there is a value already, and then an `Error` is pending.
pub(super) fn is_constructed<T: Boxed>(call: &Call) -> bool {
    // SAFETY: as in `this`.
    let constructed = !unsafe { of::<T>(call.this()) }
        .value
        .load(Relaxed)
        .is_null();
    if constructed {
        throw_error(format_args!(
            "Constructor of {} can only be called once",
            crate::convert::Text(T::SHAPE.name)
        ));
    }
    constructed
}

/// For constructors: this is the value.
pub(super) fn construct<T: Boxed>(call: &Call, value: T) {
    // SAFETY: as in `this`; no value was there.
    let object = unsafe { of::<T>(call.this()) };
    object.value.store(Box::into_raw(Box::new(value)), Relaxed);
}

/// Take the value out of an object; methods called from now on will not find one.
///
/// # Safety
/// `object` must be alive and of the class of `T`; nobody may be using the value.
pub(super) unsafe fn take<T: Boxed>(object: *mut zend_object) -> Option<Box<T>> {
    // SAFETY: promised by the caller.
    let value = unsafe { of::<T>(object) }.value.swap(null_mut(), Relaxed);
    // SAFETY: made by `Box::into_raw` in `construct`, and taken out of the object.
    (!value.is_null()).then(|| unsafe { Box::from_raw(value) })
}

/// Write the `index`th declared property. What was there may have a destructor: own nothing that must be dropped.
pub(super) fn put(call: &Call, index: usize, value: Zv) {
    // SAFETY: the object of the running call; its class declares that many, and they cannot be unset.
    unsafe { value.assign(slot(call.this(), index)) };
}

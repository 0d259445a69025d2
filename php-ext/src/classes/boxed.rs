//! Objects whose Rust side is one value, which is there once the constructor has run.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use super::slot;
use super::state::{self, Class, State};
use crate::method::Call;
use crate::zend::{Zv, zend_object};

/// A value that PHP objects carry.
pub(super) trait Boxed: Sized + 'static {
    const CLASS: &'static Class;
}

/// Room for it: null before the constructor and after [`take`].
pub(super) struct Room<T>(AtomicPtr<T>);

impl<T: Boxed> State for Room<T> {
    const CLASS: &'static Class = T::CLASS;

    fn new(_: *mut zend_object) -> Room<T> {
        Room(AtomicPtr::new(null_mut()))
    }
}

impl<T> Room<T> {
    fn empty(&self) -> Option<Box<T>> {
        let value = self.0.swap(null_mut(), Relaxed);
        // SAFETY: made by `Box::into_raw` in `construct_object`, and taken out of the room.
        (!value.is_null()).then(|| unsafe { Box::from_raw(value) })
    }
}

impl<T> Drop for Room<T> {
    fn drop(&mut self) {
        drop(self.empty());
    }
}

/// The value of an object; none if its constructor was skipped or the value was taken.
///
/// # Safety
/// `object` must be alive and of the class of `T` or below, for as long as the value is used.
pub(super) unsafe fn value<'a, T: Boxed>(object: *mut zend_object) -> Option<&'a T> {
    // SAFETY: promised by the caller. The value is a box that `construct_object` has leaked; who calls `take` sees to it that
    // nobody uses it.
    unsafe { state::of::<Room<T>>(object).0.load(Relaxed).as_ref() }
}

/// The same for the object a method is called on; if there is none, an `Error` is pending.
pub(super) fn this<'a, T: Boxed>(call: &Call) -> Option<&'a T> {
    // SAFETY: PHP calls methods of this class on objects of this class only, which live as long as the call.
    let value = unsafe { value::<T>(call.this()) };
    if value.is_none() {
        state::throw_unconstructed();
    }
    value
}

/// For constructors, after their arguments were read: whether there is a value already, and then an `Error` is pending.
pub(super) fn is_constructed<T: Boxed>(call: &Call) -> bool {
    // SAFETY: as in `this`.
    let constructed = unsafe { value::<T>(call.this()) }.is_some();
    if constructed {
        state::throw_constructed::<Room<T>>();
    }
    constructed
}

/// For constructors: this is the value.
pub(super) fn construct<T: Boxed>(call: &Call, value: T) {
    // SAFETY: as in `this`.
    unsafe { construct_object(call.this(), value) };
}

/// The same for an object at hand.
///
/// # Safety
/// `object` must be alive, of the class of `T` or below, and without a value.
pub(super) unsafe fn construct_object<T: Boxed>(object: *mut zend_object, value: T) {
    // SAFETY: promised by the caller.
    let room = unsafe { state::of::<Room<T>>(object) };
    debug_assert!(room.0.load(Relaxed).is_null());
    room.0.store(Box::into_raw(Box::new(value)), Relaxed);
}

/// Take the value out of an object; methods called from now on will not find one.
///
/// # Safety
/// `object` must be alive and of the class of `T`; nobody may be using the value.
pub(super) unsafe fn take<T: Boxed>(object: *mut zend_object) -> Option<Box<T>> {
    // SAFETY: promised by the caller.
    unsafe { state::of::<Room<T>>(object) }.empty()
}

/// Write the `index`th declared property. What was there may have a destructor: own nothing that must be dropped.
pub(super) fn put(call: &Call, index: usize, value: Zv) {
    // SAFETY: the object of the running call; its class declares that many, and they cannot be unset.
    unsafe { value.assign(slot(call.this(), index)) };
}

//! Where an object keeps the callable of one event: a declared private property, where the garbage collector
//! sees it, and beside it what it was resolved to.

use std::cell::Cell;

use crate::callbacks::Callback;
use crate::zend::{Zv, zval};

/// The place of one event in one object.
pub(crate) struct Place<'a> {
    resolved: &'a Cell<Option<Callback>>,
    property: *mut zval,
}

impl<'a> Place<'a> {
    /// # Safety
    /// `property` must be a declared property of a live object, which outlives the value.
    pub(super) unsafe fn new(
        resolved: &'a Cell<Option<Callback>>,
        property: *mut zval,
    ) -> Place<'a> {
        Place { resolved, property }
    }

    /// What to call.
    pub(crate) fn callback(&self) -> Option<Callback> {
        self.resolved.get()
    }

    /// The callable as it was given, null if there is none.
    pub(super) fn callable(&self) -> Zv {
        // SAFETY: declared properties are initialized and cannot be unset.
        unsafe { Zv::read(self.property) }
    }

    /// Register a callable; false after a warning, and then the one before stays.
    pub(super) fn register(&self, callable: Zv) -> bool {
        let Some(callback) = Callback::resolve_or_warn(callable) else {
            return false;
        };
        self.resolved.set(Some(callback));
        // SAFETY: as above. The callable that was there may be destroyed, after it was replaced.
        unsafe { callable.share().assign(self.property) };
        true
    }

    /// Look the callable up again if its property was changed behind our back. One reference to it.
    pub(super) fn settle(&self) -> Zv {
        let callable = self.callable();
        if self
            .resolved
            .get()
            .is_some_and(|callback| !callback.is_from(callable))
        {
            let mut name = std::ptr::null_mut();
            self.resolved.set(Callback::resolve(callable, &mut name));
            if !name.is_null() {
                Zv::string(name).release();
            }
        }
        callable.share()
    }
}

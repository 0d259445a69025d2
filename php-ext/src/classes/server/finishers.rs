//! Callables given to `task()`, until the first result. They are in a private property of the server, by the number of
//! the task, because the garbage collector must see them.

use ext_php_rs::ffi::{
    _zend_new_array, zend_array_dup, zend_hash_index_del, zend_hash_index_find,
    zend_hash_index_update,
};

use super::{Property, ServerObject};
use crate::zend::{HashTable, Zv, kind};

impl ServerObject {
    /// Keep a callable for the first result of a task.
    pub(super) fn keep_finisher(&self, task: u64, callable: Zv) {
        let array = match self.finishers() {
            Some(array) => array,
            None => {
                // SAFETY: a new array, one reference, which the property takes over.
                let array = unsafe { _zend_new_array(8) };
                self.put(Property::FinishCallbacks, Zv::array(array));
                array
            }
        };
        let mut callable = callable.share();
        // SAFETY: an array that only the property refers to.
        unsafe { zend_hash_index_update(array, task, callable.ptr()) };
    }

    /// Take the callable of a task out: one reference. Runs no PHP code.
    pub(crate) fn take_finisher(&self, task: u64) -> Option<Zv> {
        let array = self.finishers()?;
        // SAFETY: as above. The reference taken first keeps the deletion from destroying the callable.
        unsafe {
            let found = zend_hash_index_find(array, task);
            if found.is_null() {
                return None;
            }
            let callable = Zv::read(found).share();
            zend_hash_index_del(array, task);
            Some(callable)
        }
    }

    /// The array, as one that only the property refers to; none as long as there is none. A script can have it copied, by
    /// reflection, or overwritten.
    fn finishers(&self) -> Option<*mut HashTable> {
        let value = self.value(Property::FinishCallbacks);
        if value.kind() != kind::ARRAY {
            return None;
        }
        let array = value.as_array();
        // SAFETY: a live array of the property; the copy is the property's own.
        unsafe {
            if (*array).gc.refcount == 1 {
                return Some(array);
            }
            let own = zend_array_dup(array);
            Zv::array(own).assign(self.slot(Property::FinishCallbacks));
            Some(own)
        }
    }
}

//! Between values of rows and PHP's.

use std::mem::ManuallyDrop;

use ext_php_rs::ffi::{_zend_new_array, zend_hash_index_update};
use skep::memory::table::{Column, Kind, Row, Value};

use super::{Made, Name, made};
use crate::exception::pending;
use crate::method::Call;
use crate::zend::{
    HashTable, Zv, bytes, kind, zend_hash_add_new, zend_hash_find, zval_get_double_func,
    zval_get_long_func, zval_get_string_func,
};

/// A value of a row. Allocates for texts, so it may end the script.
#[inline]
pub(super) fn value(row: &Row, column: &Column) -> Zv {
    match row.value(column) {
        Value::Int(number) => Zv::long(number),
        Value::Float(number) => Zv::double(number),
        Value::Text(text) => Zv::text(text),
    }
}

/// A row as an array. Allocates, so it may end the script; that leaves the row as it is.
pub(super) fn array(made: &Made, row: &Row) -> Zv {
    let columns = made.table.columns();
    // SAFETY: a new array, one reference; the names are live strings, and all different.
    unsafe {
        let array = _zend_new_array(columns.len() as u32);
        for (column, name) in columns.iter().zip(&made.names) {
            let mut value = value(row, column);
            match name.number {
                None => zend_hash_add_new(array, name.text.as_string(), value.ptr()),
                Some(number) => zend_hash_index_update(array, number as u64, value.ptr()),
            };
        }
        Zv::array(array)
    }
}

/// Values that fit on the stack; more are rare.
const FEW: usize = 8;

/// What a script wants to set, converted.
pub(super) struct Wanted {
    few: [(usize, Value<'static>); FEW],
    many: ManuallyDrop<Vec<(usize, Value<'static>)>>, // lost, should a conversion end the script
    len: usize,
    texts: [Zv; FEW],
    more_texts: ManuallyDrop<Vec<Zv>>,
    /// Text columns that were given more than fits.
    pub(super) too_long: bool,
}

impl Wanted {
    pub(super) fn new() -> Wanted {
        Wanted {
            few: [(0, Value::Int(0)); FEW],
            many: ManuallyDrop::new(Vec::new()),
            len: 0,
            texts: [Zv::UNDEF; FEW],
            more_texts: ManuallyDrop::new(Vec::new()),
            too_long: false,
        }
    }

    /// The columns that `given` has, of the table that `call` is about. Runs PHP code: conversions of objects, error handlers.
    /// False if that has thrown, or the table is gone.
    pub(super) fn read(&mut self, call: &Call, given: *mut HashTable) -> bool {
        let mut index = 0;
        loop {
            // Asked for again each time: the conversion of the one before may have destroyed the table.
            let Some(made) = made(call) else {
                return false;
            };
            let Some((column, name)) = made.table.columns().get(index).zip(made.names.get(index))
            else {
                return true;
            };
            if let Some(found) = find(given, name) {
                self.take(index, column.kind(), column.size(), found);
                if pending() {
                    return false;
                }
            }
            index += 1;
        }
    }

    #[inline]
    fn take(&mut self, index: usize, kind: Kind, size: usize, mut given: Zv) {
        // SAFETY: a live value, which the script's array holds; a converted text is one reference, kept until `release`.
        let value = unsafe {
            match (kind, given.kind()) {
                (Kind::Int, kind::LONG) => Value::Int(given.as_long()),
                (Kind::Int, _) => Value::Int(zval_get_long_func(given.ptr(), false)),
                (Kind::Float, kind::DOUBLE) => Value::Float(given.as_double()),
                (Kind::Float, _) => Value::Float(zval_get_double_func(given.ptr())),
                (Kind::Text, given_kind) => {
                    let text = match given_kind {
                        kind::STRING => given.share(),
                        _ => Zv::string(zval_get_string_func(given.ptr())),
                    };
                    match self.texts.get_mut(self.len) {
                        Some(place) => *place = text,
                        None => self.more_texts.push(text),
                    }
                    let text = bytes(text.as_string());
                    self.too_long |= text.len() > size;
                    Value::Text(text)
                }
            }
        };
        match self.few.get_mut(self.len) {
            Some(place) => *place = (index, value),
            None => {
                if self.len == FEW {
                    self.many.extend_from_slice(&self.few);
                }
                self.many.push((index, value));
            }
        }
        self.len += 1;
    }

    pub(super) fn values(&self) -> &[(usize, Value<'static>)] {
        match self.few.get(..self.len) {
            Some(values) => values,
            None => &self.many,
        }
    }

    /// To be called in the end.
    pub(super) fn release(&mut self) {
        let few = self.len.min(FEW);
        for text in self.texts[..few].iter().chain(self.more_texts.iter()) {
            if text.kind() == kind::STRING {
                text.release(); // a string: no PHP code runs
            }
        }
        if self.len > FEW {
            drop(std::mem::take(&mut *self.many));
            drop(std::mem::take(&mut *self.more_texts));
        }
    }
}

/// What an array has under a column's name.
#[inline]
fn find(array: *mut HashTable, name: &Name) -> Option<Zv> {
    // SAFETY: the script's array and a live string.
    unsafe {
        let found = match name.number {
            None => zend_hash_find(array, name.text.as_string()),
            Some(number) => ext_php_rs::ffi::zend_hash_index_find(array, number as u64),
        };
        (!found.is_null()).then(|| Zv::read(found))
    }
}

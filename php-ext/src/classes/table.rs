//! Class `Skep\Table`: rows in memory that processes share.

mod building;
mod rows;
mod values;
mod walking;

use std::cell::Cell;
use std::ptr::null_mut;

use ext_php_rs::ffi::{zend_ce_countable, zend_ce_iterator};
use skep::memory::table::{Row, Table, TableBuilder, Walk};

use super::state::{self, Class, State, closed_class};
use super::{alias, constant, property, slot};
use crate::exception::fatal;
use crate::method::{Call, Param, method, optional, param, ty};
use crate::zend::{Zv, zend_class_implements, zend_object, zval};

const TYPE_INT: i64 = 1;
const TYPE_FLOAT: i64 = 2;
const TYPE_STRING: i64 = 3;

/// Declared properties, in order.
#[derive(Clone, Copy)]
enum Property {
    Size,
    MemorySize,
}

/// What a table object has between its constructor and `destroy()`.
struct Contents {
    builder: TableBuilder,
    made: Option<Made>,
}

/// What it has from `create()` on.
struct Made {
    table: Table,
    /// The columns' names.
    names: Vec<Name>,
    /// Room for what `get` copies out of the table.
    row: Row,
    walk: Walk,
    /// The row the walk is at.
    current: Row,
    valid: bool,
}

/// A column's name as PHP has it.
struct Name {
    /// One reference.
    text: Zv,
    /// As a key of an array, if that makes an integer of it.
    number: Option<i64>,
}

/// The Rust side of the object.
struct TableObject {
    /// From `Box::into_raw`; null before the constructor and after `destroy()`. What it points to is borrowed only as
    /// long as no PHP code can run, as that may call any method, `destroy()` too.
    contents: Cell<*mut Contents>,
    object: *mut zend_object,
}

static CLASS: Class = Class::new(c"Skep\\Table");

impl State for TableObject {
    const CLASS: &'static Class = &CLASS;

    fn new(object: *mut zend_object) -> TableObject {
        TableObject {
            contents: Cell::new(null_mut()),
            object,
        }
    }

    fn end(&self, _: *mut zend_object) {
        self.clear();
    }
}

impl TableObject {
    /// The table of this process is no more; those of other processes stay.
    fn clear(&self) {
        let contents = self.contents.replace(null_mut());
        if !contents.is_null() {
            // SAFETY: made by `into_raw`, and taken out of the cell.
            let contents = unsafe { Box::from_raw(contents) };
            let names = contents.made.iter().flat_map(|made| &made.names);
            names.for_each(|name| name.text.release()); // plain strings: no PHP code runs
        }
    }

    fn put(&self, property: Property, value: Zv) {
        // SAFETY: the object is alive; declared properties are initialized and cannot be unset.
        unsafe { value.assign(slot(self.object, property as usize)) };
    }
}

/// The object a method is called on.
fn object<'a>(call: &Call) -> &'a TableObject {
    // SAFETY: PHP calls methods of this class on its objects only.
    unsafe { state::of(call.this()) }
}

/// Its state. None if its constructor was skipped or it was destroyed, and then an `Error` is pending.
#[inline]
fn contents<'a>(call: &Call) -> Option<&'a mut Contents> {
    // SAFETY: alive as long as no PHP code runs, which is how long callers use it (see `TableObject`); PHP has one
    // thread, and a caller asks once at a time.
    let contents = unsafe { object(call).contents.get().as_mut() };
    if contents.is_none() {
        state::throw_unconstructed();
    }
    contents
}

/// Its table. None if there is none yet, and then the script ends.
#[inline]
fn made<'a>(call: &Call) -> Option<&'a mut Made> {
    let made = &mut contents(call)?.made;
    if made.is_none() {
        fatal(format_args!("table is not created or has been destroyed"));
    }
    made.as_mut()
}

const KEY: Param = param(c"key", ty::STRING);
const COLUMN: Param = param(c"column", ty::STRING);
const INCRBY: Param = optional(c"incrby", ty::INT | ty::FLOAT, c"1");
const NUMBER_OR_FALSE: u32 = ty::INT | ty::FLOAT | ty::FALSE;

pub(super) fn register() {
    let methods = [
        method!(
            c"__construct",
            building::construct,
            [
                param(c"table_size", ty::INT),
                optional(c"conflict_proportion", ty::FLOAT, c"0.2")
            ],
            ty::NONE
        ),
        method!(
            c"column",
            building::column,
            [
                param(c"name", ty::STRING),
                param(c"type", ty::INT),
                optional(c"size", ty::INT, c"0")
            ],
            ty::BOOL
        ),
        method!(c"create", building::create, [], ty::BOOL),
        method!(c"destroy", building::destroy, [], ty::BOOL),
        method!(
            c"set",
            rows::set,
            [KEY, param(c"value", ty::ARRAY)],
            ty::BOOL
        ),
        method!(
            c"get",
            rows::get,
            [KEY, optional(c"field", ty::STRING | ty::NULL, c"null")],
            ty::MIXED
        ),
        method!(c"count", rows::count, [], ty::INT),
        method!(c"del", rows::delete, [KEY], ty::BOOL),
        method!(c"delete", rows::delete, [KEY], ty::BOOL),
        method!(c"exists", rows::exists, [KEY], ty::BOOL),
        method!(c"exist", rows::exists, [KEY], ty::BOOL),
        method!(c"incr", rows::incr, [KEY, COLUMN, INCRBY], NUMBER_OR_FALSE),
        method!(c"decr", rows::decr, [KEY, COLUMN, INCRBY], NUMBER_OR_FALSE),
        method!(c"getSize", building::size, [], ty::INT),
        method!(c"getMemorySize", building::memory_size, [], ty::INT),
        method!(c"stats", rows::stats, [], ty::ARRAY | ty::FALSE),
        method!(c"rewind", walking::rewind, [], ty::VOID),
        method!(c"valid", walking::valid, [], ty::BOOL),
        method!(c"next", walking::next, [], ty::VOID),
        method!(c"current", walking::current, [], ty::MIXED),
        method!(c"key", walking::key, [], ty::MIXED),
    ];
    let class = closed_class::<TableObject>(&methods);
    // SAFETY: a registered class and PHP's own interfaces.
    unsafe {
        zend_class_implements(class, 2, zend_ce_iterator, zend_ce_countable);
    }
    constant(class, c"TYPE_INT", TYPE_INT);
    constant(class, c"TYPE_STRING", TYPE_STRING);
    constant(class, c"TYPE_FLOAT", TYPE_FLOAT);
    property(class, c"size", Zv::NULL, true);
    property(class, c"memorySize", Zv::NULL, true);
    alias(class, &[c"Swoole\\Table", c"swoole_table"]);
}

/// A string argument.
///
/// # Safety
/// `text` must be PHP's argument of the running call.
unsafe fn argument<'a>(text: *mut crate::zend::zend_string) -> &'a [u8] {
    // SAFETY: promised by the caller.
    unsafe { crate::zend::bytes(text) }
}

/// An argument as it was given.
///
/// # Safety
/// `value` must be PHP's argument of the running call.
unsafe fn given(value: *mut zval) -> Zv {
    // SAFETY: promised by the caller.
    unsafe { Zv::read(value) }
}

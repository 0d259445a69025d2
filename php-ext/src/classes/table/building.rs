//! Before the first row: constructor, `column`, `create`; and `destroy`.

use std::ptr::null_mut;

use skep::memory::table::{ColumnRefused, Kind, Row, TableBuilder, Walk};

use super::super::state;
use super::{
    Contents, Made, Name, Property, TYPE_FLOAT, TYPE_INT, TYPE_STRING, TableObject, argument,
    contents, object,
};
use crate::engine_log;
use crate::exception::{code, warn};
use crate::method::{Call, parse};
use crate::zend::{Zv, bytes, zend_string, zend_string_hash_func};

pub(super) fn construct(call: &mut Call) {
    let (mut size, mut proportion) = (0i64, 0.2f64);
    if !parse!(call, c"l|d", size, proportion) {
        return;
    }
    let object = object(call);
    if !object.contents.get().is_null() {
        return state::throw_constructed::<TableObject>();
    }
    let builder = TableBuilder::new(u64::try_from(size).unwrap_or(0), proportion);
    let contents = Box::new(Contents {
        builder,
        made: None,
    });
    object.contents.set(Box::into_raw(contents));
}

pub(super) fn column(call: &mut Call) {
    let (mut name, mut kind, mut size) = (null_mut::<zend_string>(), 0i64, 0i64);
    if !parse!(call, c"Sl|l", name, kind, size) {
        return;
    }
    let Some(contents) = contents(call) else {
        return;
    };
    // SAFETY: PHP's argument.
    let name = unsafe { argument(name) };
    call.give_bool(false);
    if contents.made.is_some() {
        return warn(
            code::FATAL,
            format_args!("unable to add column after table has been created"),
        );
    }
    let kind = match kind {
        TYPE_INT => Kind::Int,
        TYPE_FLOAT => Kind::Float,
        TYPE_STRING => Kind::Text,
        _ => return engine_log::warning("unknown column type"),
    };
    match contents
        .builder
        .column(name, kind, u64::try_from(size).unwrap_or(0))
    {
        Ok(()) => call.give_bool(true),
        Err(ColumnRefused::Duplicate) => warn(
            code::FATAL,
            format_args!("column[{}] has been added already", name.escape_ascii()),
        ),
        Err(refused) => warn(code::FATAL, format_args!("{refused}")),
    }
}

pub(super) fn create(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    let Some(contents) = contents(call) else {
        return;
    };
    call.give_bool(false);
    // A table that exists is kept: its rows may be in use.
    let table = match contents.made {
        Some(_) => None,
        None => contents.builder.create().ok(),
    };
    let Some(table) = table else {
        return warn(code::FATAL, format_args!("unable to allocate memory"));
    };
    let (size, memory) = (table.size(), table.memory_size());
    let made = contents.made.insert(Made {
        names: Vec::with_capacity(table.columns().len()),
        table,
        row: Row::default(),
        walk: Walk::default(),
        current: Row::default(),
        valid: false,
    });
    for column in made.table.columns() {
        made.names.push(Name::new(column.name()));
    }
    let object = object(call);
    object.put(Property::Size, Zv::long(size as i64));
    object.put(Property::MemorySize, Zv::long(memory as i64));
    call.give_bool(true);
}

impl Name {
    fn new(name: &[u8]) -> Name {
        let text = Zv::text(name);
        // So that arrays need not reckon it for each row.
        // SAFETY: a string that was just made.
        unsafe { zend_string_hash_func(text.as_string()) };
        Name {
            text,
            number: number(name),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: one reference is ours.
        unsafe { bytes(self.text.as_string()) }
    }
}

/// "7" is 7 as a key of an array; "01", "-0" and the like stay what they are, and so does the least integer.
fn number(name: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(name).ok()?;
    let number: i64 = text.parse().ok()?;
    (number != i64::MIN && number.to_string() == text).then_some(number)
}

pub(super) fn destroy(call: &mut Call) {
    if parse!(call, c"") && contents(call).is_some() {
        object(call).clear();
        call.give_bool(true);
    }
}

pub(super) fn size(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    if let Some(contents) = contents(call) {
        call.give(Zv::long(contents.builder.size() as i64));
    }
}

pub(super) fn memory_size(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    if let Some(contents) = contents(call) {
        let size = contents.builder.memory_size().unwrap_or(usize::MAX);
        call.give(Zv::long(i64::try_from(size).unwrap_or(i64::MAX)));
    }
}

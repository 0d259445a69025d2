//! Rows: `set`, `get` and the other methods with a key; what the table says of itself.

use std::fmt;
use std::ptr::null_mut;

use skep::memory::table::{KEY_MAX, Kind, Refused, Value};

use super::values::{self, Wanted};
use super::{argument, contents, given, made};
use crate::convert::Map;
use crate::engine_log;
use crate::exception::{code, warn};
use crate::method::{Call, parse};
use crate::zend::{HashTable, Zv, zend_string, zval, zval_get_double_func, zval_get_long_func};

/// Bytes of a script in a message.
struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .utf8_chunks()
            .try_for_each(|chunk| f.write_str(chunk.valid()))
    }
}

/// Say so if a key is too long to be stored whole.
#[inline]
fn check(key: &[u8]) {
    if key.len() > KEY_MAX {
        warn(code::FATAL, format_args!("key[{}] is too long", Shown(key)));
    }
}

/// Nothing was changed.
fn refuse(call: &mut Call, method: &str, key: &[u8], refused: Refused) {
    call.give_bool(false);
    let key = Shown(key);
    match refused {
        Refused::NoRoom => warn(
            code::NOTICE,
            format_args!("failed to {method}('{key}'), unable to allocate memory"),
        ),
        other => warn(
            code::NOTICE,
            format_args!("failed to {method}('{key}'), {other}"),
        ),
    }
}

pub(super) fn set(call: &mut Call) {
    let (mut key, mut array) = (null_mut::<zend_string>(), null_mut::<HashTable>());
    if !parse!(call, c"Sh", key, array) || made(call).is_none() {
        return;
    }
    // SAFETY: PHP's argument.
    let key = unsafe { argument(key) };
    check(key);
    let mut wanted = Wanted::new();
    if !wanted.read(call, array) {
        return wanted.release();
    }
    let Some(made) = made(call) else {
        return wanted.release();
    };
    let result = made.table.set(key, wanted.values());
    if wanted.too_long && result.is_ok() {
        for (index, value) in wanted.values() {
            let column = &made.table.columns()[*index];
            if matches!(value, Value::Text(text) if text.len() > column.size()) {
                engine_log::warning(&format!(
                    "[key={},field={}]string value is too long",
                    Shown(key),
                    Shown(column.name())
                ));
            }
        }
    }
    wanted.release();
    match result {
        Ok(()) => call.give_bool(true),
        Err(refused) => refuse(call, "set", key, refused),
    }
}

pub(super) fn get(call: &mut Call) {
    let (mut key, mut field) = (null_mut::<zend_string>(), null_mut::<zend_string>());
    if !parse!(call, c"S|S!", key, field) {
        return;
    }
    let Some(made) = made(call) else {
        return;
    };
    // SAFETY: PHP's argument.
    let key = unsafe { argument(key) };
    let result = if field.is_null() {
        match made.table.get(key, &mut made.row) {
            true => values::array(made, &made.row),
            false => Zv::bool(false),
        }
    } else {
        match made.column(field) {
            Some(index) if made.table.get_column(key, index, &mut made.row) => {
                values::value(&made.row, &made.table.columns()[index])
            }
            _ => Zv::bool(false),
        }
    };
    call.give(result);
}

impl super::Made {
    /// The place of a column by its name.
    #[inline]
    fn column(&self, field: *mut zend_string) -> Option<usize> {
        // A literal of a script is often the very string that was given to `column`.
        if let Some(index) = self
            .names
            .iter()
            .position(|name| name.text.as_string() == field)
        {
            return Some(index);
        }
        // SAFETY: PHP's argument.
        let field = unsafe { argument(field) };
        self.names.iter().position(|name| name.bytes() == field)
    }
}

pub(super) fn exists(call: &mut Call) {
    let mut key = null_mut::<zend_string>();
    if !parse!(call, c"S", key) {
        return;
    }
    if let Some(made) = made(call) {
        // SAFETY: PHP's argument.
        call.give_bool(made.table.exists(unsafe { argument(key) }));
    }
}

pub(super) fn delete(call: &mut Call) {
    let mut key = null_mut::<zend_string>();
    if !parse!(call, c"S", key) {
        return;
    }
    let Some(made) = made(call) else {
        return;
    };
    // SAFETY: PHP's argument.
    let key = unsafe { argument(key) };
    match made.table.delete(key) {
        Ok(there) => call.give_bool(there),
        Err(refused) => refuse(call, "del", key, refused),
    }
}

pub(super) fn incr(call: &mut Call) {
    add(call, "incr", Sign::Plus);
}

pub(super) fn decr(call: &mut Call) {
    add(call, "decr", Sign::Minus);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
}

fn add(call: &mut Call, method: &str, sign: Sign) {
    let (mut key, mut field) = (null_mut::<zend_string>(), null_mut::<zend_string>());
    let mut by: *mut zval = null_mut();
    if !parse!(call, c"SS|n", key, field, by) {
        return;
    }
    let Some(made) = made(call) else {
        return;
    };
    // SAFETY: PHP's arguments; a number, says the letter.
    let (key, mut by) = unsafe {
        (
            argument(key),
            if by.is_null() { Zv::long(1) } else { given(by) },
        )
    };
    let Some(index) = made.column(field) else {
        call.give_bool(false);
        // SAFETY: PHP's argument.
        let field = Shown(unsafe { argument(field) });
        return warn(code::FATAL, format_args!("column[{field}] does not exist"));
    };
    // SAFETY: a number: nothing of PHP runs but a notice about a fraction that is lost, which `check` may have raised as well.
    let by = unsafe {
        match (made.table.columns()[index].kind(), sign) {
            (Kind::Text, _) => {
                call.give_bool(false);
                return warn(
                    code::FATAL,
                    format_args!("can't execute '{method}' on a string type column"),
                );
            }
            (Kind::Int, Sign::Plus) => Value::Int(zval_get_long_func(by.ptr(), true)),
            (Kind::Int, Sign::Minus) => {
                Value::Int(zval_get_long_func(by.ptr(), true).wrapping_neg())
            }
            (Kind::Float, Sign::Plus) => Value::Float(zval_get_double_func(by.ptr())),
            (Kind::Float, Sign::Minus) => Value::Float(-zval_get_double_func(by.ptr())),
        }
    };
    check(key);
    // Asked for again: an error handler may have run.
    let Some(made) = self::made(call) else {
        return;
    };
    match made.table.add(key, index, by) {
        Ok(Value::Int(sum)) => call.give(Zv::long(sum)),
        Ok(Value::Float(sum)) => call.give(Zv::double(sum)),
        Ok(Value::Text(_)) => call.give_bool(false), // no sum is a text
        Err(refused) => refuse(call, method, key, refused),
    }
}

pub(super) fn count(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    if let Some(contents) = contents(call) {
        let rows = contents.made.as_ref().map_or(0, |made| made.table.len());
        call.give(Zv::long(rows as i64));
    }
}

pub(super) fn stats(call: &mut Call) {
    if !parse!(call, c"") {
        return;
    }
    let Some(contents) = contents(call) else {
        return;
    };
    let Some(made) = &contents.made else {
        return call.give_bool(false);
    };
    let stats = made.table.stats();
    let map = Map::new();
    map.put_long("num", stats.rows);
    map.put_long("conflict_count", stats.conflicts);
    map.put_long("conflict_max_level", stats.conflict_max);
    map.put_long("insert_count", stats.inserts);
    map.put_long("update_count", stats.updates);
    map.put_long("delete_count", stats.deletes);
    map.put_long("available_slice_num", stats.slots_free);
    map.put_long("total_slice_num", stats.slots_total);
    call.give(map.into_value());
}

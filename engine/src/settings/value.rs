//! A value as a front hands it over, and what it means, read as PHP would.

use crate::error::{Error, Result};

/// A value as a front hands it over.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Integer.
    Int(i64),
    /// Floating point number.
    Float(f64),
    /// Truth value.
    Bool(bool),
    /// Text.
    Text(String),
    /// Text that is not UTF-8.
    Bytes(Vec<u8>),
    /// Integers.
    List(Vec<i64>),
    /// Values by name, in order: a PHP array that is more than integers. Numbered places have their number as a name.
    Map(Vec<(String, Value)>),
}

/// Loose integer, as PHP converts: leading digits of a text, 0 if there are none.
pub(crate) fn int(value: &Value) -> i64 {
    match value {
        Value::Int(n) => *n,
        Value::Float(f) => *f as i64,
        Value::Bool(b) => i64::from(*b),
        Value::List(items) => i64::from(!items.is_empty()),
        Value::Map(items) => i64::from(!items.is_empty()),
        Value::Bytes(_) => int(&Value::Text(text(value))),
        Value::Text(t) => {
            let t = t.trim_start();
            let digits = t.strip_prefix(['-', '+']).unwrap_or(t);
            let count = digits.bytes().take_while(u8::is_ascii_digit).count();
            t[..t.len() - digits.len() + count].parse().unwrap_or(0)
        }
    }
}

/// Seconds with fractions; 0 for what is no number.
pub(crate) fn seconds(value: &Value) -> f64 {
    match value {
        Value::Float(f) if f.is_finite() => *f,
        Value::Text(t) => t.trim().parse().unwrap_or_else(|_| int(value) as f64),
        other => int(other) as f64,
    }
}

/// Seconds as milliseconds, from 0 to what fits 32 bits of seconds.
pub(super) fn milliseconds(value: &Value) -> u64 {
    (seconds(value).clamp(0.0, f64::from(u32::MAX)) * 1000.0) as u64
}

/// A limit in seconds as milliseconds: 0 is none, and what is more than that is at least one.
pub(super) fn limit_ms(value: &Value) -> u64 {
    match milliseconds(value) {
        0 if seconds(value) > 0.0 => 1,
        ms => ms,
    }
}

/// A path that a later change of the working directory does not move; `None` for an empty one.
pub(super) fn absolute(path: &str) -> Option<String> {
    if path.is_empty() {
        return None;
    }
    let resolved = std::path::absolute(path).ok();
    resolved
        .and_then(|path| path.into_os_string().into_string().ok())
        .or_else(|| Some(path.into()))
}

pub(crate) fn truth(value: &Value) -> bool {
    match value {
        Value::Int(n) => *n != 0,
        Value::Float(f) => *f != 0.0,
        Value::Bool(b) => *b,
        Value::Text(t) => !t.is_empty() && t != "0",
        Value::Bytes(bytes) => !bytes.is_empty(), // not "0", which would be text
        Value::List(items) => !items.is_empty(),
        Value::Map(items) => !items.is_empty(),
    }
}

pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Int(n) => n.to_string(),
        Value::Float(f) => f.to_string(),
        Value::Bool(b) => if *b { "1" } else { "" }.into(),
        Value::Text(t) => t.clone(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::List(_) | Value::Map(_) => "Array".into(), // PHP's own idea of it
    }
}

/// Text as it was given, byte by byte.
pub(super) fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Bytes(bytes) => bytes.clone(),
        other => text(other).into_bytes(),
    }
}

/// Integers: a list, one number, or a text of numbers with commas between them (for fronts without lists).
pub(super) fn list(value: &Value) -> Result<Vec<i64>> {
    match value {
        Value::List(items) => Ok(items.clone()),
        Value::Map(items) => Ok(items.iter().map(|(_, item)| int(item)).collect()),
        Value::Text(text) if text.trim().is_empty() => Ok(Vec::new()),
        Value::Text(text) => {
            let numbers = text.split(',').map(|item| item.trim().parse::<i64>());
            numbers.collect::<Result<_, _>>().map_err(|_| {
                Error::BadSetting(format!("failed to parse '{text}' to a list of numbers"))
            })
        }
        other => Ok(vec![int(other)]),
    }
}

/// Texts: an array, or one text with commas between them. Spaces around them and empty ones do not count.
pub(super) fn texts(value: &Value) -> Vec<String> {
    let given = match value {
        Value::List(items) => items.iter().map(i64::to_string).collect(),
        Value::Map(items) => items.iter().map(|(_, item)| text(item)).collect(),
        other => text(other).split(',').map(String::from).collect::<Vec<_>>(),
    };
    let trimmed = given.iter().map(|item| item.trim().to_string());
    trimmed.filter(|item| !item.is_empty()).collect()
}

/// Bytes; a text may end in K, M or G. Negative numbers count as 0.
pub(crate) fn size(value: &Value) -> Result<u64> {
    let Value::Text(given) = value else {
        return Ok(int(value).max(0) as u64);
    };
    let trimmed = given.trim();
    let (digits, factor) = match trimmed.char_indices().last() {
        Some((at, 'k' | 'K')) => (&trimmed[..at], 1 << 10),
        Some((at, 'm' | 'M')) => (&trimmed[..at], 1 << 20),
        Some((at, 'g' | 'G')) => (&trimmed[..at], 1 << 30),
        _ => (trimmed, 1),
    };
    match digits.trim().parse::<i64>() {
        Ok(n) => Ok((n.max(0) as u64).saturating_mul(factor)),
        Err(_) => Err(Error::BadSetting(format!(
            "failed to parse '{given}' to size"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loose_integers_read_like_php() {
        for (given, expected) in [("abc", 0), ("12x", 12), (" 7", 7), ("-3", -3), ("", 0)] {
            assert_eq!(int(&Value::Text(given.into())), expected, "{given:?}");
        }
        assert_eq!(int(&Value::Float(3.9)), 3);
        assert_eq!(int(&Value::Bool(true)), 1);
    }

    #[test]
    fn sizes_take_suffixes_and_refuse_others() {
        assert_eq!(size(&Value::Text("8M".into())).unwrap(), 8 << 20);
        assert_eq!(size(&Value::Text("64k".into())).unwrap(), 64 << 10);
        assert_eq!(size(&Value::Int(-1)).unwrap(), 0);
        assert!(size(&Value::Text("2Q".into())).is_err());
    }
}

//! A row, copied out of the table.

use super::key::KEY_WORDS;
use super::{Column, KEY_MAX, Kind};

/// A value of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Of a [`Kind::Int`].
    Int(i64),
    /// Of a [`Kind::Float`].
    Float(f64),
    /// Of a [`Kind::Text`].
    Text(&'a [u8]),
}

/// A copy of a row, or of parts of it. To be used again and again: it keeps its memory.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// As in a slot, from the key on.
    bytes: Vec<u8>,
}

impl Row {
    /// The key, if the row was copied whole.
    pub fn key(&self) -> &[u8] {
        let len = self.bytes.get(KEY_MAX).copied().unwrap_or(0);
        &self.bytes[..usize::from(len).min(self.bytes.len()).min(KEY_MAX)]
    }

    /// The value of a column of the table the row is from.
    #[inline]
    pub fn value(&self, column: &Column) -> Value<'_> {
        let word = self.word(column.place());
        match column.kind() {
            Kind::Int => Value::Int(word as i64),
            Kind::Float => Value::Float(f64::from_bits(word)),
            Kind::Text => {
                let from = (KEY_WORDS + column.place() + 1) * 8;
                let len = usize::try_from(word)
                    .unwrap_or(usize::MAX)
                    .min(column.size());
                Value::Text(self.bytes.get(from..from + len).unwrap_or_default())
            }
        }
    }

    #[inline]
    fn word(&self, place: usize) -> u64 {
        let at = (KEY_WORDS + place) * 8;
        self.bytes
            .get(at..at + 8)
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, u64::from_ne_bytes)
    }

    /// Room for a row of so many words, key included.
    #[inline]
    pub(super) fn make_room(&mut self, words: usize) {
        if self.bytes.len() != words * 8 {
            self.bytes.resize(words * 8, 0);
        }
    }

    /// Words from `at` on, to be written.
    #[inline]
    pub(super) fn words_mut(&mut self, at: usize) -> &mut [[u8; 8]] {
        self.bytes
            .as_chunks_mut()
            .0
            .get_mut(at..)
            .unwrap_or_default()
    }
}

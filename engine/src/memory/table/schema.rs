//! Which columns a table has, and how large it is.

use std::io;

use super::Table;
use super::store::{Geometry, Store};
use crate::sys::random;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A signed integer of 8 bytes.
    Int,
    /// A floating point number of 8 bytes.
    Float,
    /// Bytes, up to the column's size.
    Text,
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    name: Box<[u8]>,
    kind: Kind,
    /// Bytes that fit.
    size: usize,
    /// Its first word, counted from the first column's.
    place: usize,
}

impl Column {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// What it holds.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Bytes that fit.
    pub fn size(&self) -> usize {
        self.size
    }

    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// Words, with the length of a text.
    fn words(&self) -> usize {
        self.size / 8 + usize::from(self.kind == Kind::Text)
    }
}

/// Why a column was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ColumnRefused {
    /// A text of no bytes.
    #[error("the length of string type values has to be more than zero")]
    Empty,
    /// The table has a column with this name.
    #[error("there is a column with this name already")]
    Duplicate,
    /// The row would be too large for any memory.
    #[error("the row is too large")]
    TooLarge,
}

/// Why a table was not created.
#[derive(Debug, thiserror::Error)]
#[error("unable to allocate memory")]
pub struct NotCreated(#[source] io::Error);

/// A table to be.
#[derive(Debug, Clone)]
pub struct TableBuilder {
    rows: usize,
    proportion: f64,
    columns: Vec<Column>,
    words: usize,
}

/// Least and most rows.
const ROWS: (u64, u64) = (64, 0x8000_0000);
/// Most words of a row: far beyond what can be mapped for 64 of them on any machine, and sums of it do not overflow.
const WORDS_MAX: usize = 1 << 38;

impl TableBuilder {
    /// A table of at least `rows` rows, which is rounded up to a power of two, and a conflict area of `proportion`
    /// (0.2 to 1) of that.
    pub fn new(rows: u64, proportion: f64) -> TableBuilder {
        let rows = rows.clamp(ROWS.0, ROWS.1).next_power_of_two();
        TableBuilder {
            rows: rows as usize,
            proportion: if proportion.is_nan() {
                0.2
            } else {
                proportion.clamp(0.2, 1.0)
            },
            columns: Vec::new(),
            words: 0,
        }
    }

    /// Add a column. `size` matters to texts only: bytes, rounded up to a multiple of 8.
    pub fn column(&mut self, name: &[u8], kind: Kind, size: u64) -> Result<(), ColumnRefused> {
        let size = match kind {
            Kind::Text if size == 0 => return Err(ColumnRefused::Empty),
            Kind::Text if size > WORDS_MAX as u64 * 8 => return Err(ColumnRefused::TooLarge),
            Kind::Text => size.next_multiple_of(8) as usize,
            Kind::Int | Kind::Float => 8,
        };
        if self.columns.iter().any(|column| *column.name == *name) {
            return Err(ColumnRefused::Duplicate);
        }
        let column = Column {
            name: name.into(),
            kind,
            size,
            place: self.words,
        };
        if self.words + column.words() > WORDS_MAX {
            return Err(ColumnRefused::TooLarge);
        }
        self.words += column.words();
        self.columns.push(column);
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn columns_for_test(&self) -> &[Column] {
        &self.columns
    }

    /// Rows asked for, rounded up.
    pub fn size(&self) -> usize {
        self.rows
    }

    /// Bytes that [`create`](Self::create) would map; none if no address space could hold them.
    pub fn memory_size(&self) -> Option<usize> {
        Some(self.geometry()?.bytes())
    }

    /// Map the memory. To be done before the fork of the processes that shall share it.
    pub fn create(&self) -> Result<Table, NotCreated> {
        let geometry = self
            .geometry()
            .ok_or_else(|| NotCreated(io::ErrorKind::OutOfMemory.into()))?;
        let seed = random::number;
        Ok(Table {
            columns: self.columns.clone(),
            hasher: ahash::RandomState::with_seeds(seed(), seed(), seed(), seed()),
            store: Store::map(geometry).map_err(NotCreated)?,
        })
    }

    fn geometry(&self) -> Option<Geometry> {
        let conflicts = (self.rows as f64 * self.proportion) as usize;
        Geometry::new(
            self.rows,
            conflicts,
            self.words,
            (self.rows / 8).clamp(16, 1024),
        )
    }
}

//! A table of rows with typed columns, found by a key, in memory that processes share.
//!
//! ```
//! use skep::memory::table::{Kind, Row, TableBuilder, Value};
//!
//! let mut builder = TableBuilder::new(1024, 0.2);
//! builder.column(b"name", Kind::Text, 64)?;
//! builder.column(b"hits", Kind::Int, 0)?;
//! let table = builder.create()?; // before the fork
//! table.set(b"k", &[(0, Value::Text(b"Ada")), (1, Value::Int(1))])?;
//! assert_eq!(table.add(b"k", 1, Value::Int(4))?, Value::Int(5));
//! let mut row = Row::default();
//! assert!(table.get(b"k", &mut row));
//! assert_eq!(row.value(&table.columns()[0]), Value::Text(b"Ada"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The protocol
//!
//! All of the table is one array of 64-bit words (`store`), in a mapping without a name:
//!
//! ```text
//! header | shelves | buckets | which slots are taken | slots
//! shelf:   version, intent, bucket of the intent, spare, inserts, updates, deletes
//! bucket:  link to the first slot of its chain                (a link is a slot's number plus 1; 0: none)
//! slot:    owner, link to the next, hash, key (8 words), columns
//! ```
//!
//! Low bits of a key's hash choose a bucket, fewer of them the *shelf* that the bucket belongs to. A shelf has a mutex
//! ([`RobustMutex`](crate::sys::mutex::RobustMutex)): **who changes a bucket, a link or a linked slot holds the mutex of its shelf.** Readers
//! hold nothing. A slot is free (owner 0), or a shelf owns it: then it is in the chain of one of its buckets, or is the
//! shelf's one *spare*, or is named by its intent.
//!
//! **Every change becomes visible by one store.** A row is never rewritten where readers see it (but see 4): the
//! new row is put together in the spare, complete, and then one link is stored, with Release:
//!
//! 1. *Insert*: intent `Claim(s)`, claim `s`; fill the spare; **link it at the head**; version + 1; `s` is the new spare; no intent.
//! 2. *Update*: fill the spare with the new row and the old one's next; intent `Update(old)`; **the link that led to `old`
//!    leads to the spare**; version + 1; `old` is the new spare; no intent.
//! 3. *Delete*: intent `Delete(old)`; **the link that led to `old` leads to its next**; version + 1; `old` is free; no intent.
//! 4. *One number of a row* (`add`, or a `set` of one number): **the word is stored where it is**; version + 1.
//!
//! *Claim(s)*: the intent is written, then the bit of `s` in the map of taken slots is set, then `s`'s owner goes from 0
//! to the shelf by compare-and-swap. The bits are hints for finding free slots quickly, the owner is the truth; and a slot's owner
//! becomes a shelf only by the holder of that shelf's mutex.
//!
//! **Readers** load the version (Acquire, *A*), follow links (Acquire), copy words, fence (Acquire, *B*), and load the version
//! again: the same means that no slot they have seen has been used for anything else meanwhile. Why: a slot leaves a chain (or a
//! number changes) before the version is raised, and is filled anew only after a fence (Release, *B'*) that comes behind the
//! taking of the mutex, hence behind that raise; a reader who copies one word from behind *B'* sees the raise after *B*. What they copy may
//! be torn until that check, so every link and length read is checked against the table's sizes, and a walk that finds no end
//! looks at the version again. After [`TRIES`](reading::TRIES) failures they take the mutex once: no reader starves.
//!
//! **If its holder dies**, at whatever instruction, the mutex tells the next one, who settles the shelf (`settling`) from the
//! intent before doing anything else:
//!
//! * none: nothing was linked or unlinked. The spare may be half filled; nobody sees it, and the next change fills it anew.
//! * `Claim(s)`: if the spare is linked, the insert has happened: `s` becomes the spare. If not, and `s` is not the spare already
//!   (it died in between), `s` is freed, if this shelf owns it.
//! * `Update(old)`: if the spare is linked, it has happened: `old` becomes the spare. If not, it has not.
//! * `Delete(old)`: if `old` is still linked it has not happened; if not, `old` is freed, if this shelf owns it.
//!
//! So a change has happened wholly or not at all, no slot is lost, and settling may itself be cut short and done again. Inserts or deletes are counted anew
//! from the chains, so `len()` is exact; `updates` may lack the last one. Readers neither wait for the dead nor notice.
//! `models` checks reading against writing with loom, `kills` kills writers at random.
//!
//! **Room**: there are as many slots as rows were asked for, plus the conflict area, plus one spare for each shelf. Chains take
//! slots from wherever they are free, so the rows asked for fit whatever their keys.
//!
//! Keys may be chosen by an enemy, so the hash is keyed, per table, by random numbers (ahash, which is made for that; xxh3 and the Fx hash
//! have collisions that hold for every key).

#[cfg(all(test, not(loom)))]
mod deaths;
mod key;
#[cfg(all(test, not(loom)))]
mod kills;
#[cfg(all(test, loom))]
mod models;
mod reading;
mod row;
mod schema;
mod settling;
mod slots;
mod store;
#[cfg(all(test, not(loom)))]
mod tests;
mod walk;
mod writing;

pub use row::{Row, Value};
pub use schema::{Column, ColumnRefused, Kind, NotCreated, TableBuilder};
pub use walk::Walk;
pub use writing::Refused;

use self::key::Key;
use self::store::Store;

/// Longest key, bytes. Longer ones are cut.
pub const KEY_MAX: usize = 63;

/// A table. Children made by `fork` see the same rows; the memory goes with the last of them.
pub struct Table {
    columns: Vec<Column>,
    hasher: ahash::RandomState,
    store: Store,
}

/// What a table says about itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableStats {
    /// Rows.
    pub rows: u64,
    /// Rows that are behind another one in their bucket.
    pub conflicts: u64,
    /// The most rows that are behind another one in one bucket.
    pub conflict_max: u64,
    /// Rows that were made.
    pub inserts: u64,
    /// Changes of rows that were there.
    pub updates: u64,
    /// Rows that were deleted.
    pub deletes: u64,
    /// Rows that still fit, at least.
    pub slots_free: u64,
    /// Rows that fit, at least.
    pub slots_total: u64,
    /// How often a process died in the middle of a change, which was then undone or completed.
    pub settled: u64,
}

impl Table {
    /// The columns, in the order in which they were added.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The place of the column with this name.
    pub fn column(&self, name: &[u8]) -> Option<usize> {
        self.columns.iter().position(|column| column.name() == name)
    }

    /// Rows that were asked for, rounded up.
    pub fn size(&self) -> usize {
        self.store.geometry().buckets()
    }

    /// Bytes of the mapping. A page costs memory once a row is put there.
    pub fn memory_size(&self) -> usize {
        self.store.geometry().bytes()
    }

    /// Number of rows.
    pub fn len(&self) -> u64 {
        self.store.rows()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copy a row. False if there is none with this key.
    pub fn get(&self, key: &[u8], row: &mut Row) -> bool {
        self.store.copy_row(&self.key(key), &self.columns, row)
    }

    /// Copy one column of a row (by its place): the others are left as they were in `row`.
    pub fn get_column(&self, key: &[u8], column: usize, row: &mut Row) -> bool {
        let Some(column) = self.columns.get(column) else {
            return false;
        };
        self.store
            .copy_row(&self.key(key), std::slice::from_ref(column), row)
    }

    /// Whether there is a row with this key.
    pub fn exists(&self, key: &[u8]) -> bool {
        self.store.exists(&self.key(key))
    }

    /// Make a row, or change columns of one that is there; columns that are not named keep their values, or are zero or
    /// empty in a new row. Texts are cut to their column's size, values of another kind than their column are passed over.
    pub fn set(&self, key: &[u8], values: &[(usize, Value<'_>)]) -> Result<(), Refused> {
        self.store.set(&self.key(key), &self.columns, values)
    }

    /// Add to a number, in a new row if there is none, and get the sum.
    pub fn add(&self, key: &[u8], column: usize, by: Value<'_>) -> Result<Value<'static>, Refused> {
        self.store.add(&self.key(key), &self.columns, column, by)
    }

    /// Delete a row. False if there was none.
    pub fn delete(&self, key: &[u8]) -> Result<bool, Refused> {
        self.store.delete(&self.key(key))
    }

    /// Figures. Looks at every bucket.
    pub fn stats(&self) -> TableStats {
        self.store.stats()
    }

    fn key(&self, bytes: &[u8]) -> Key {
        Key::new(bytes, &self.hasher)
    }
}

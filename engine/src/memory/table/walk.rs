//! Visiting every row.

use super::{KEY_MAX, Row, Table};

/// A walk over a table. A row that is there all the time is visited once, whatever is set or deleted meanwhile; one
/// that comes or goes during the walk, at most once.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    /// The next bucket.
    bucket: usize,
    /// Keys of the last one that are still to come.
    keys: Vec<[u8; KEY_MAX + 1]>,
}

impl Walk {
    /// Copy the next row. False at the end.
    pub fn next(&mut self, table: &Table, row: &mut Row) -> bool {
        loop {
            while let Some(key) = self.keys.pop() {
                let len = usize::from(key[KEY_MAX]).min(KEY_MAX);
                if table.get(&key[..len], row) {
                    return true;
                }
            }
            if self.bucket >= table.store.geometry().buckets() {
                return false;
            }
            table.store.keys(self.bucket, &mut self.keys);
            self.bucket += 1;
        }
    }
}

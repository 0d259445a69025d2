//! Connections that outlive their client, for the next one with the same address and settings. One pool per thread,
//! and so, in a process with one thread, one per process.

use std::cell::RefCell;
use std::collections::HashMap;

use super::connection::Connection;

/// Kept connections of one kind; more are closed.
const EACH: usize = 128;

/// A connection, and how often it has been taken from here.
pub(super) struct Kept {
    pub(super) connection: Connection,
    pub(super) reused: u64,
}

thread_local! {
    static POOL: RefCell<HashMap<String, Vec<Kept>>> = RefCell::default();
}

/// The connection that was kept last, if one is there and still serves. One on which something has come is closed: it
/// would be taken for the answer to a question that has not been asked yet.
pub(super) fn take(key: &str) -> Option<Kept> {
    POOL.with_borrow_mut(|pool| {
        let kept = pool.get_mut(key)?;
        let found = loop {
            let Some(mut one) = kept.pop() else {
                break None;
            };
            // One that came by a fork is its parent's.
            if one.connection.is_ours() && one.connection.is_fresh() {
                break Some(one);
            }
        };
        if kept.is_empty() {
            pool.remove(key);
        }
        found
    })
}

/// Keep a connection.
pub(super) fn put(key: String, one: Kept) {
    POOL.with_borrow_mut(|pool| {
        let kept = pool.entry(key).or_default();
        if kept.len() < EACH {
            kept.push(one);
        }
    });
}

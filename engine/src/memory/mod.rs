//! Shared memory for user code: made before the processes that share it are forked, gone with the last of them.
//!
//! [`Atomic`] and [`AtomicLong`] are counters, [`Lock`] keeps processes apart, a [`table`] has rows. None of them has a name or leaves
//! anything behind, and no process that dies with one makes the others wait for ever.

mod atomic;
mod lock;
mod patience;
mod pool;
pub mod table;

pub use atomic::{Atomic, AtomicLong};
pub use lock::{Lock, LockError, LockKind, LockMode, Locked};

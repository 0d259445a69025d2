//! Timers of one process: what is due when, and nothing about what to do then.
//!
//! `reactor::wheel` exists for connections: it forgets order within a slot and rounds to its slots, which is right for
//! deadlines that hardly ever come. Timers of user code do come, in an order that is promised (due time, then id), to the
//! millisecond, and some are years away. So this is an ordered set of `(due, id)` beside a table by id. An ordered set
//! rather than a binary heap because timers are cleared: a set takes an entry out exactly, in O(log n), where a heap would
//! keep a mark until the entry's time comes, which for a timer years away is a leak.

mod queue;

pub(crate) use queue::Queue;
pub use queue::{TimerId, TimerInfo, TimerStats};

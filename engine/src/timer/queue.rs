//! The queue: timers by due time and id, with the user's part of each.

use std::collections::{BTreeSet, HashMap};

/// Number of a timer: from 1 in each process, never given twice.
pub type TimerId = u64;

/// What is known of a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerInfo {
    /// When it is due, in milliseconds since the process made its first timer.
    pub due_ms: u64,
    /// Calls that have begun.
    pub count: u64,
    /// Milliseconds between two calls; 0 if it is called once.
    pub interval_ms: u64,
    /// The pass over the queue in which it was made.
    pub round: u64,
    /// It was cleared within its own callback, which still runs.
    pub removed: bool,
}

/// What is known of all timers of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimerStats {
    /// Whether there has been any.
    pub initialized: bool,
    /// Those that are there.
    pub num: u64,
    /// Passes over the queue in which something was due.
    pub round: u64,
}

/// One timer.
struct Entry<T> {
    due: u64,
    /// 0: once.
    interval: u64,
    count: u64,
    round: u64,
    removed: bool,
    /// Gone while its callback runs.
    item: Option<T>,
}

/// A timer whose time has come. Its item is the caller's until [`Queue::done`].
pub(crate) struct Due<T> {
    pub(crate) id: TimerId,
    pub(crate) item: T,
    /// Whether [`Queue::done`] must be told of the end of its callback.
    pub(crate) repeats: bool,
}

/// All timers of a process. Times are monotonic milliseconds, given by the caller.
pub(crate) struct Queue<T> {
    entries: HashMap<TimerId, Entry<T>>,
    /// Those that wait: all but the repeated ones whose callback runs.
    order: BTreeSet<(u64, TimerId)>,
    last_id: TimerId,
    /// Time of the first timer; what [`TimerInfo::due_ms`] counts from.
    epoch: Option<u64>,
    round: u64,
    /// Timers cleared within their own callback, which still runs.
    leaving: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue {
            entries: HashMap::new(),
            order: BTreeSet::new(),
            last_id: 0,
            epoch: None,
            round: 0,
            leaving: 0,
        }
    }
}

impl<T> Queue<T> {
    /// A timer that is due `ms` after `now`, and then every `ms` if it `repeats`. A distance beyond all time is cut off.
    pub(crate) fn add(&mut self, now: u64, ms: u64, repeats: bool, item: T) -> TimerId {
        self.epoch.get_or_insert(now);
        self.last_id += 1;
        let id = self.last_id;
        let due = now.saturating_add(ms);
        let entry = Entry {
            due,
            interval: if repeats { ms.max(1) } else { 0 },
            count: 0,
            round: self.round,
            removed: false,
            item: Some(item),
        };
        self.entries.insert(id, entry);
        self.order.insert((due, id));
        id
    }

    /// Take a timer away; its item comes back unless its callback runs. `None`: there is no such timer, or it was
    /// cleared before.
    pub(crate) fn clear(&mut self, id: TimerId) -> Option<Option<T>> {
        let entry = self.entries.get_mut(&id).filter(|entry| !entry.removed)?;
        if entry.item.is_none() {
            entry.removed = true; // `done` takes it away
            self.leaving += 1;
            return Some(None);
        }
        self.order.remove(&(entry.due, id));
        Some(self.entries.remove(&id).and_then(|entry| entry.item))
    }

    /// Take all of them away.
    pub(crate) fn clear_all(&mut self) -> Vec<T> {
        self.order.clear();
        let mut items = Vec::new();
        self.entries.retain(|_, entry| {
            let item = entry.item.take();
            let runs = item.is_none();
            items.extend(item);
            entry.removed |= runs;
            runs
        });
        self.leaving = self.entries.len();
        items
    }

    /// When the next one is due.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.order.first().map(|&(due, _)| due)
    }

    /// A pass over what is due begins, if anything is.
    pub(crate) fn begin_pass(&mut self, now: u64) -> bool {
        let due = self.next_due().is_some_and(|due| due <= now);
        self.round += u64::from(due);
        due
    }

    /// The next timer that is due by `now`, in the order of due time and id. What is made or repeated after `now` was
    /// read is due later than that, so a pass with one `now` has an end.
    pub(crate) fn pop_due(&mut self, now: u64) -> Option<Due<T>> {
        let &(due, id) = self.order.first().filter(|&&(due, _)| due <= now)?;
        self.order.remove(&(due, id));
        let entry = self.entries.get_mut(&id)?;
        let item = entry.item.take()?;
        let repeats = entry.interval > 0;
        if repeats {
            entry.count += 1;
        } else {
            self.entries.remove(&id);
        }
        Some(Due { id, item, repeats })
    }

    /// The callback of a repeated timer has returned: it goes on at the next point of its grid that is still to come.
    /// Gives the item back if the timer was cleared meanwhile.
    pub(crate) fn done(&mut self, now: u64, id: TimerId, item: T) -> Option<T> {
        let Some(entry) = self.entries.get_mut(&id) else {
            return Some(item);
        };
        if entry.removed {
            self.entries.remove(&id);
            self.leaving -= 1;
            return Some(item);
        }
        let missed = now.saturating_sub(entry.due) / entry.interval;
        let step = entry.interval.saturating_mul(missed.saturating_add(1));
        entry.due = entry.due.saturating_add(step);
        entry.item = Some(item);
        self.order.insert((entry.due, id));
        None
    }

    /// Whether a timer is there and not cleared.
    pub(crate) fn exists(&self, id: TimerId) -> bool {
        self.entries.get(&id).is_some_and(|entry| !entry.removed)
    }

    /// What is known of a timer; also of one that has cleared itself and still runs.
    pub(crate) fn info(&self, id: TimerId) -> Option<TimerInfo> {
        let entry = self.entries.get(&id)?;
        Some(TimerInfo {
            due_ms: entry.due - self.epoch.unwrap_or(0),
            count: entry.count,
            interval_ms: entry.interval,
            round: entry.round,
            removed: entry.removed,
        })
    }

    /// All ids, the newest first.
    pub(crate) fn ids(&self) -> Vec<TimerId> {
        let live = self.entries.iter().filter(|(_, entry)| !entry.removed);
        let mut ids: Vec<TimerId> = live.map(|(&id, _)| id).collect();
        ids.sort_unstable_by(|a, b| b.cmp(a));
        ids
    }

    /// Whether no timer is left, not even one that runs.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn stats(&self) -> TimerStats {
        TimerStats {
            initialized: self.epoch.is_some(),
            num: (self.entries.len() - self.leaving) as u64,
            round: self.round,
        }
    }
}

#[cfg(test)]
mod tests;

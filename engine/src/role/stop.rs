//! What a stop has to tell: a line for each phase, and the account at its end.

use super::phase::Phase;
use crate::shared::Shared;
use crate::stats::ReactorBlock;
use crate::sync::{AtomicU64, Ordering};

/// The counts of a stop.
pub(super) struct Account {
    /// Monotonic ms at which it was asked for.
    begun_ms: u64,
    /// Messages lost before it.
    lost_before: u64,
    /// Tasks lost before it.
    tasks_before: u64,
}

impl Account {
    /// A stop begins.
    pub(super) fn open(shared: &Shared, now_ms: u64) -> Account {
        Account {
            begun_ms: now_ms,
            lost_before: shared.server().requests_lost.load(Ordering::Relaxed),
            tasks_before: shared.server().tasks_lost.load(Ordering::Relaxed),
        }
    }

    /// What the stop had to drop. To be asked when no worker is left, and the reactors are through.
    pub(super) fn dropped(&self, shared: &Shared) -> Dropped {
        let tasks_lost = shared.server().tasks_lost.load(Ordering::Relaxed);
        let lost = shared.server().requests_lost.load(Ordering::Relaxed);
        Dropped {
            messages: lost.saturating_sub(self.lost_before)
                + shared.unanswered()
                + sum(shared, |reactor| &reactor.undelivered),
            replies: sum(shared, |reactor| &reactor.cut_off),
            tasks: tasks_lost.saturating_sub(self.tasks_before)
                + shared.directory.exchange().waiting_tasks().count,
        }
    }

    /// The last line of the log.
    pub(super) fn closing_line(&self, shared: &Shared, dropped: &Dropped, now_ms: u64) -> String {
        let tasks = match shared.task_workers() {
            0 => String::new(),
            _ => format!(", {} tasks lost", dropped.tasks),
        };
        format!(
            "Server has stopped after {} ms: {} requests answered in all, {} dropped, {} connections closed before their output was written{tasks}",
            now_ms.saturating_sub(self.begun_ms),
            shared.stats(None).request_count,
            dropped.messages,
            dropped.replies,
        )
    }
}

/// What was read and not answered, or answered and not written.
pub(super) struct Dropped {
    /// Messages that no callback has dealt with.
    messages: u64,
    /// Connections closed before their output was written.
    replies: u64,
    /// Tasks that were not run, or not to their end.
    tasks: u64,
}

impl Dropped {
    pub(super) fn is_nothing(&self) -> bool {
        self.messages + self.replies + self.tasks == 0
    }
}

/// What a phase begins with, for the log.
pub(super) fn line(phase: Phase, shared: &Shared) -> String {
    let connections = shared.open_sessions();
    let detail = match phase {
        Phase::Draining => format!(
            "{connections} connections, {} messages at work or waiting{}",
            shared.unanswered(),
            tasks(shared)
        ),
        Phase::Flushing => format!(
            "{connections} connections, {} bytes to write",
            shared.output_bytes()
        ),
        _ => format!("{connections} connections"),
    };
    format!("stop: {}, {detail}", phase.name())
}

/// What a stop has before it of tasks, if the server has any to do with them.
fn tasks(shared: &Shared) -> String {
    let stats = shared.stats(None);
    match stats.task_worker_num {
        0 => String::new(),
        _ => {
            let unread = shared.unread_results();
            let results = match unread {
                0 => String::new(),
                _ => format!(", {unread} results"),
            };
            let tasks = stats.tasking_num + stats.tasks_at_work;
            format!(", {tasks} tasks{results}")
        }
    }
}

fn sum(shared: &Shared, of: fn(&ReactorBlock) -> &AtomicU64) -> u64 {
    let reactors = shared.reactors().iter();
    reactors.map(|r| of(r).load(Ordering::Acquire)).sum()
}

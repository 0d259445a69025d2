//! A worker that is to end and has tasks whose results are to come, or timers, descriptors or calls put off: it waits for them, up to a deadline, and says
//! again and again that it does.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use crate::context::Context;
use crate::error::code;
use crate::settings::Settings;
use crate::stats::SeatBlock;
use crate::sync::Ordering;
use crate::sys::clock;

/// Time between two calls of `on_worker_exit` that change nothing.
const TELL_MS: u64 = 100;
/// After so many of them the log says what the process waits for.
const PATIENT_CALLS: u32 = 2;

/// At the end of a stop task workers are killed first; so long the news of what they were at may take.
const NEWS_MS: u64 = 200;

/// The wait.
pub(super) struct Lingering {
    /// `reload_async`: else nothing but results is waited for.
    allowed: bool,
    patience_ms: u64,
    /// Monotonic ms of its beginning; 0: it has not begun.
    since: Cell<u64>,
    /// Monotonic ms of the last call of `on_worker_exit`.
    told_ms: Cell<u64>,
    /// Calls in a row after which nothing had changed.
    calls: Cell<u32>,
    /// What there was after the last call.
    left: RefCell<(Vec<u64>, Vec<i32>)>,
    logged: Cell<bool>,
    late: Cell<bool>,
}

impl Lingering {
    pub(super) fn new(settings: &Settings) -> Lingering {
        Lingering {
            allowed: settings.reload_async,
            patience_ms: settings.max_wait_ms,
            since: Cell::new(0),
            told_ms: Cell::new(0),
            calls: Cell::new(0),
            left: RefCell::default(),
            logged: Cell::new(false),
            late: Cell::new(false),
        }
    }

    /// Whether to wait (on). One that was stuck in a callback has no time left.
    pub(super) fn may_go_on(&self, block: &SeatBlock, context: &Context) -> bool {
        let allowed = self.allowed || context.open_tasks() > 0;
        if !allowed || self.late.get() || block.overdue.load(Ordering::Acquire) != 0 {
            return false;
        }
        let now = clock::monotonic_ms();
        let own = match self.since.get() {
            0 => now + self.patience_ms,
            since => since + self.patience_ms,
        };
        let end = match block.end_by_ms.load(Ordering::Acquire) {
            0 => own,
            asked => asked.min(own),
        };
        let more = match context.open_tasks() {
            0 => 0,
            _ => NEWS_MS,
        };
        if now < end + more {
            return true;
        }
        self.late.set(true);
        context.log().warning(format_args!(
            "exit() (ERRNO {}): worker exit timeout, forced termination{}",
            code::WORKER_EXIT_TIMEOUT,
            reasons(context)
        ));
        false
    }

    /// The wait goes on. True: this is its beginning.
    pub(super) fn begin(&self) -> bool {
        let begins = self.since.get() == 0;
        if begins {
            self.since.set(clock::monotonic_ms().max(1));
        }
        begins
    }

    /// Whether `on_worker_exit` is to be called: at once when there is something new, twice if there is not, and then
    /// now and again.
    pub(super) fn is_time_to_tell(&self, context: &Context) -> bool {
        self.calls.get() < PATIENT_CALLS
            || clock::monotonic_ms() >= self.told_ms.get() + TELL_MS
            || *self.left.borrow() != what_is_left(context)
    }

    /// It has been called.
    pub(super) fn told(&self, context: &Context) {
        self.told_ms.set(clock::monotonic_ms());
        let now = what_is_left(context);
        let changed = self.left.replace(now.clone()) != now;
        self.calls.set(match changed && self.calls.get() > 0 {
            true => 1,
            false => self.calls.get() + 1,
        });
        let (timers, descriptors) = now;
        let any = !timers.is_empty() || !descriptors.is_empty();
        if self.calls.get() >= PATIENT_CALLS && any && !self.logged.replace(true) {
            context.log().warning(format_args!(
                "onWorkerExit has been called {} times, and the worker is kept alive by timers {} and descriptors {}",
                self.calls.get(),
                list(&timers),
                list(&descriptors),
            ));
        }
    }

    /// How long to sleep at most.
    pub(super) fn nap(&self, context: &Context) -> Duration {
        let now = clock::monotonic_ms();
        let next = match self.calls.get() < PATIENT_CALLS {
            true => now,
            false => self.told_ms.get() + TELL_MS,
        };
        let due = context.event_loop().next_due().unwrap_or(next).min(next);
        Duration::from_millis(due.saturating_sub(now))
    }
}

fn what_is_left(context: &Context) -> (Vec<u64>, Vec<i32>) {
    let event_loop = context.event_loop();
    (event_loop.timers(), event_loop.descriptors())
}

/// What keeps the process, for the end of a line.
fn reasons(context: &Context) -> String {
    let (timers, descriptors) = what_is_left(context);
    let mut reasons = Vec::new();
    if !timers.is_empty() {
        reasons.push(format!("timers {}", list(&timers)));
    }
    if !descriptors.is_empty() {
        reasons.push(format!("descriptors {}", list(&descriptors)));
    }
    match context.event_loop().put_off() {
        0 => {}
        count => reasons.push(format!("{count} calls put off (defer)")),
    }
    match context.open_tasks() {
        0 => {}
        count => reasons.push(format!("{count} tasks without a result")),
    }
    match reasons.is_empty() {
        true => String::new(),
        false => format!(", it was kept by {}", reasons.join(", ")),
    }
}

/// The first of them, and how many more there are.
fn list<T: ToString>(ids: &[T]) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<String> = ids.iter().take(SHOWN).map(T::to_string).collect();
    match ids.len().saturating_sub(SHOWN) {
        0 => format!("[{}]", shown.join(", ")),
        more => format!("[{}] and {more} more", shown.join(", ")),
    }
}

//! How much a worker may serve, and how large it may grow, before it is replaced.

use std::cell::Cell;

use crate::settings::Settings;
use crate::sys::{clock, memory, random};

/// Between two looks at the resident memory, which cost a system call or three.
const MEMORY_EVERY_MS: u64 = 20;
/// Above this `max_request`, the default grace is half of it; the reference does the same.
const GRACE_FROM: u64 = 10;

/// A replacement is started when a tenth of the requests is left, and at most so many: at ten thousand a
/// second that is the time a PHP process needs to start.
const LEAD_MAX: u64 = 100;

/// The limits of one process, drawn when it starts.
pub(super) struct Limits {
    /// Receive callbacks; 0: any number.
    requests: u64,
    /// Bytes of resident memory; 0: any number.
    memory: Cell<u64>,
    next_look_ms: Cell<u64>,
}

impl Limits {
    /// Draw them: each process adds a random share of the grace to its number of requests.
    pub(super) fn of(settings: &Settings) -> Limits {
        Limits::new(
            settings.max_request,
            settings.max_request_grace,
            settings.worker_max_memory,
        )
    }

    /// Those of a task worker: its requests are tasks.
    pub(super) fn of_tasks(settings: &Settings) -> Limits {
        let tasks = &settings.tasks;
        Limits::new(
            tasks.max_request,
            tasks.max_request_grace,
            settings.worker_max_memory,
        )
    }

    fn new(base: u64, grace: Option<u64>, memory: u64) -> Limits {
        let default = if base > GRACE_FROM { base / 2 } else { 0 };
        let grace = grace.unwrap_or(default);
        let extra = match grace {
            0 => 0,
            grace => 1 + random::number() % grace,
        };
        Limits {
            requests: if base == 0 { 0 } else { base + extra },
            memory: Cell::new(memory),
            next_look_ms: Cell::new(0),
        }
    }

    /// Whether a process that has served so many requests has had its share.
    pub(super) fn served_out(&self, requests: u64) -> bool {
        self.requests > 0 && requests >= self.requests
    }

    /// Whether a process that has served so many requests soon will have had its share.
    pub(super) fn nearly_served_out(&self, requests: u64) -> bool {
        let lead = (self.requests / 10).clamp(1, LEAD_MAX);
        self.requests > 0 && requests + lead >= self.requests
    }

    /// After the start callbacks: a limit that the process exceeds before its first request would replace
    /// it for ever, so it is ignored, aloud.
    pub(super) fn fit(&self, warn: impl FnOnce(String)) {
        let (limit, now) = (self.memory.get(), memory::resident());
        if limit > 0 && now > limit {
            self.memory.set(0);
            warn(format!(
                "worker_max_memory of {limit} bytes is less than a worker has before its first request ({now}): it is ignored"
            ));
        }
    }

    /// Whether the process has outgrown its memory. Looks now and then only.
    pub(super) fn outgrown(&self) -> bool {
        if self.memory.get() == 0 {
            return false;
        }
        let now = clock::coarse_ms();
        if now < self.next_look_ms.get() {
            return false;
        }
        self.next_look_ms.set(now + MEMORY_EVERY_MS);
        memory::resident() > self.memory.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(max_request: u64, grace: Option<u64>) -> u64 {
        let settings = Settings {
            max_request,
            max_request_grace: grace,
            ..Settings::default()
        };
        Limits::of(&settings).requests
    }

    #[test]
    fn grace_is_half_by_default_and_none_for_small_numbers() {
        assert_eq!(limit(0, None), 0);
        assert_eq!(limit(5, None), 5);
        assert_eq!(limit(10, None), 10);
        assert_eq!(limit(20, Some(0)), 20);
        for _ in 0..100 {
            assert!((21..=30).contains(&limit(20, None)));
            assert!((6..=9).contains(&limit(5, Some(4))));
        }
    }

    #[test]
    fn draws_differ() {
        let first = limit(100_000, None);
        assert!((0..100).any(|_| limit(100_000, None) != first));
    }
}

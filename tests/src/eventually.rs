//! Deadlines instead of sleeps: wait for what shall happen, fail if it does not happen in time.

use std::env;
use std::panic::Location;
use std::thread;
use std::time::{Duration, Instant};

/// First pause between two looks; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// A deadline that is part of what the engine promises, times `SKEP_TEST_STRETCH` for slow machines.
pub fn promised(limit: Duration) -> Duration {
    let stretch = env::var("SKEP_TEST_STRETCH").ok();
    limit.mul_f64(stretch.and_then(|text| text.parse().ok()).unwrap_or(1.0))
}

/// How long to wait for something that only has to happen at all.
pub fn patience() -> Duration {
    promised(Duration::from_secs(10))
}

/// Wait until `condition` holds; panic at the caller if that takes longer than `limit`.
#[track_caller]
pub fn eventually(limit: Duration, mut condition: impl FnMut() -> bool) {
    eventually_some(limit, || condition().then_some(()));
}

/// Wait until `look` finds something, and return that.
#[track_caller]
pub fn eventually_some<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let caller = Location::caller();
    let begin = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        // Read before the look: a look that begins in time counts, however long it takes.
        let late = begin.elapsed() > limit;
        if let Some(found) = look() {
            return found;
        }
        assert!(!late, "not within {limit:?}: the condition at {caller}");
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Milliseconds of a clock that all processes of a machine share and nobody sets.
pub fn monotonic_ms() -> u64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC);
    now.map_or(0, |now| {
        now.tv_sec() as u64 * 1000 + now.tv_nsec() as u64 / 1_000_000
    })
}

//! Waiting a moment for the answer to a lone request instead of sleeping at once.
//!
//! With one request under way the reactor's sleep and the worker's ring cost more than the callback
//! itself: a wake-up is 3 to 7 µs. So after a turn that dispatched a single message the reactor looks
//! at its mailbox for up to [`LIMIT`] before it sleeps. It learns from the outcome: where callbacks are
//! slow, or the CPUs busy, it stops trying but for a probe now and then. Nothing spins without a request.

use std::time::{Duration, Instant};

/// About two wake-ups: spinning longer costs more than it can save.
const LIMIT: Duration = Duration::from_micros(15);
/// Trust is kept within this.
const MOST_TRUST: i32 = 8;
/// Without trust, one chance in this many is tried all the same.
const PROBE: u32 = 256;

/// Whether spinning has been worth it.
pub(super) struct Spin {
    /// More than one CPU: on a single one the worker could not run meanwhile.
    possible: bool,
    trust: i32,
    passed: u32,
}

impl Spin {
    pub(super) fn new(cpus: usize) -> Spin {
        Spin {
            possible: cpus > 1,
            trust: MOST_TRUST,
            passed: 0,
        }
    }

    /// Look until `has_mail` says so or it is not worth it any more.
    pub(super) fn wait(&mut self, mut has_mail: impl FnMut() -> bool) {
        if !self.possible || !self.has_chance() {
            return;
        }
        let start = Instant::now();
        loop {
            if has_mail() {
                self.trust = (self.trust + 1).min(MOST_TRUST);
                return;
            }
            if start.elapsed() > LIMIT {
                self.trust = (self.trust - 2).max(-1);
                return;
            }
            std::hint::spin_loop();
        }
    }

    fn has_chance(&mut self) -> bool {
        if self.trust > 0 {
            return true;
        }
        self.passed += 1;
        self.passed.is_multiple_of(PROBE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_never_come_in_time_end_the_spinning() {
        let mut spin = Spin::new(2);
        let mut tries = 0;
        for _ in 0..2 * PROBE {
            let mut looked = false;
            spin.wait(|| {
                looked = true;
                false
            });
            tries += u32::from(looked);
        }
        assert!(tries <= MOST_TRUST as u32 / 2 + 2, "{tries} tries");
    }

    #[test]
    fn a_probe_that_succeeds_brings_trust_back() {
        let mut spin = Spin {
            possible: true,
            trust: -1,
            passed: PROBE - 1,
        };
        spin.wait(|| true);
        spin.wait(|| true);
        assert!(spin.trust > -1);
    }

    #[test]
    fn a_single_cpu_never_spins() {
        let mut spin = Spin::new(1);
        spin.wait(|| panic!("looked"));
    }
}

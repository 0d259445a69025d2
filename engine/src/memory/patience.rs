//! How long somebody waits.

use std::time::{Duration, Instant};

use super::lock::LockError;

/// A limit of time, and a question that is asked again and again.
pub(super) struct Patience<'a> {
    /// None: no limit.
    until: Option<Instant>,
    go_on: &'a mut dyn FnMut() -> bool,
}

impl<'a> Patience<'a> {
    /// A time too long for the clock is no limit.
    pub(super) fn new(
        timeout: Option<Duration>,
        go_on: &'a mut dyn FnMut() -> bool,
    ) -> Patience<'a> {
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Patience { until, go_on }
    }

    pub(super) fn is_endless(&self) -> bool {
        self.until.is_none()
    }

    /// For how long to wait now, no longer than `most`; an error if it is enough.
    pub(super) fn slice(&mut self, most: Duration) -> Result<Duration, LockError> {
        if !(self.go_on)() {
            return Err(LockError::Interrupted);
        }
        let Some(until) = self.until else {
            return Ok(most);
        };
        match until.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(LockError::TimedOut),
            left => Ok(left.min(most)),
        }
    }

    /// Sleep for a slice. A signal may end the sleep early, but not the waiting.
    pub(super) fn nap(&mut self, most: Duration) -> Result<(), LockError> {
        std::thread::sleep(self.slice(most)?);
        Ok(())
    }
}

//! The life of a server, as everybody can read it in shared memory.
//!
//! | phase    | meaning | goes on when |
//! |----------|---------|--------------|
//! | Starting | processes are being forked | `on_start` has returned |
//! | Serving  | accepting and serving | a stop is asked for |
//! | Draining | nothing new is accepted or read; workers answer all that was read | workers have nothing left |
//! | Flushing | replies are written, close events delivered, connections closed | no connection is left |
//! | Stopping | workers end, then the manager | the manager is gone |
//! | Stopped  | only the master is left | |
//!
//! Draining and Flushing together have until one deadline, `max_wait_time` after the stop was asked
//! for; a second request makes the deadline "now".

use super::Shared;
use crate::sync::Ordering;

/// Where the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub(crate) enum Phase {
    Starting = 0,
    Serving = 1,
    Draining = 2,
    Flushing = 3,
    Stopping = 4,
    Stopped = 5,
}

impl Phase {
    /// As published.
    pub(crate) fn of(shared: &Shared) -> Phase {
        match shared.server().phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Serving,
            2 => Phase::Draining,
            3 => Phase::Flushing,
            4 => Phase::Stopping,
            _ => Phase::Stopped,
        }
    }

    /// Its name, for people and probes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Serving => "serving",
            Phase::Draining => "draining",
            Phase::Flushing => "flushing",
            Phase::Stopping => "stopping",
            Phase::Stopped => "stopped",
        }
    }

    /// Publish. Only the master's main thread does.
    pub(crate) fn publish(self, shared: &Shared) {
        shared.server().phase.store(self as u32, Ordering::Release);
    }
}

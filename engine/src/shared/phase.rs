//! The life of a server, as everybody can read it in shared memory.
//!
//! | phase    | meaning | goes on when |
//! |----------|---------|--------------|
//! | starting | processes are being forked | `on_start` has returned |
//! | serving  | accepting and serving | a stop is asked for |
//! | leaving  | as serving, but not ready: load balancers turn away | `shutdown_delay` is over |
//! | draining | nothing new is accepted or read; workers answer all that was read | workers have nothing left |
//! | flushing | close events are delivered, replies written | no reply is left to write |
//! | closing  | connections are closed | no connection is left |
//! | stopping | workers end, then the manager | the manager is gone |
//! | stopped  | only the master is left | |
//!
//! Draining, flushing and closing together have until one deadline, `max_wait_time` after leaving; a second
//! request makes every deadline "now".

use super::Shared;
use crate::sync::Ordering;

/// Where the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub(crate) enum Phase {
    Starting = 0,
    Serving = 1,
    Leaving = 2,
    Draining = 3,
    Flushing = 4,
    Closing = 5,
    Stopping = 6,
    Stopped = 7,
}

impl Phase {
    /// As published.
    pub(crate) fn of(shared: &Shared) -> Phase {
        match shared.server().phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Serving,
            2 => Phase::Leaving,
            3 => Phase::Draining,
            4 => Phase::Flushing,
            5 => Phase::Closing,
            6 => Phase::Stopping,
            _ => Phase::Stopped,
        }
    }

    /// Its name, for the log, for people and probes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Serving => "serving",
            Phase::Leaving => "leaving",
            Phase::Draining => "draining",
            Phase::Flushing => "flushing",
            Phase::Closing => "closing",
            Phase::Stopping => "stopping",
            Phase::Stopped => "stopped",
        }
    }

    /// Publish. Only the master's main thread does.
    pub(crate) fn publish(self, shared: &Shared) {
        shared.server().phase.store(self as u32, Ordering::Release);
    }
}

//! What can be said of one worker.

use super::{Figure, SeatBlock, seat_state};
use crate::callback::Callback;
use crate::sync::Ordering;

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerState {
    /// Forked; its start callback has not returned.
    Starting,
    /// Ready, with nothing to do.
    Idle,
    /// Ready, with messages at hand.
    Busy,
    /// Asked to stop, or in its stop callback.
    Stopping,
    /// Dead and not yet replaced.
    Gone,
}

impl WorkerState {
    /// All of them.
    pub const ALL: [WorkerState; 5] = [
        WorkerState::Starting,
        WorkerState::Idle,
        WorkerState::Busy,
        WorkerState::Stopping,
        WorkerState::Gone,
    ];

    /// Of the process on a seat.
    pub(crate) fn of(block: &SeatBlock) -> WorkerState {
        let asked_to_stop = block.stop_asked.load(Ordering::Relaxed) == 1;
        match block.state.load(Ordering::Acquire) {
            seat_state::STARTING => WorkerState::Starting,
            seat_state::READY if asked_to_stop => WorkerState::Stopping,
            seat_state::READY if block.busy.load(Ordering::Relaxed) == 0 => WorkerState::Idle,
            seat_state::READY => WorkerState::Busy,
            seat_state::STOPPING => WorkerState::Stopping,
            _ => WorkerState::Gone,
        }
    }

    /// Its name, as statistics and metrics have it.
    pub fn name(self) -> &'static str {
        match self {
            WorkerState::Starting => "starting",
            WorkerState::Idle => "idle",
            WorkerState::Busy => "busy",
            WorkerState::Stopping => "stopping",
            WorkerState::Gone => "gone",
        }
    }
}

/// What is known of a worker id and of the process that serves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerReport {
    /// Pid of the process; 0 while there is none.
    pub pid: i32,
    /// What it is doing.
    pub state: WorkerState,
    /// For how long the callback at work has been running, milliseconds; 0 if none is.
    pub busy_ms: u64,
    /// The callback at work, or the last one.
    pub callback: Callback,
    /// The session of that callback; 0 if it belongs to none.
    pub session: u64,
    /// Receive callbacks that the process has finished.
    pub served: u64,
    /// Processes that came after the first one.
    pub restarts: u64,
    /// Resident memory of the process, bytes; 0 if it cannot be read.
    pub rss_bytes: u64,
    /// Messages waiting for the worker or at work in it.
    pub queue_depth: u64,
    /// How long the oldest of them has been there, milliseconds: never more than the truth, and exact to
    /// a millisecond or two for a worker that is blocked.
    pub queue_age_ms: u64,
}

impl WorkerReport {
    /// Every figure with its key, in the order of all listings.
    pub fn entries(&self) -> [(&'static str, Figure); 10] {
        use Figure::{Number, Text};
        [
            ("pid", Number(self.pid.max(0) as u64)),
            ("state", Text(self.state.name())),
            ("busy_ms", Number(self.busy_ms)),
            ("callback", Text(self.callback.name())),
            ("fd", Number(self.session)),
            ("served", Number(self.served)),
            ("restarts", Number(self.restarts)),
            ("rss_bytes", Number(self.rss_bytes)),
            ("queue_depth", Number(self.queue_depth)),
            ("queue_age_ms", Number(self.queue_age_ms)),
        ]
    }
}

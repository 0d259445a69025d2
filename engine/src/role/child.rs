//! One worker process in the manager's books.

use crate::ipc::directory::Seat;

/// Where a child is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Forked; its start callback has not returned.
    Starting,
    /// Serving.
    Ready,
    /// Asked to stop; to be killed at `deadline` (monotonic ms).
    Stopping { deadline: u64 },
    /// Dead; to be replaced at `respawn` (monotonic ms), or not at all.
    Gone { respawn: Option<u64> },
}

/// One worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Child {
    pub(super) seat: Seat,
    pub(super) pid: i32,
    pub(super) state: State,
    /// Monotonic ms of its fork.
    pub(super) born: u64,
    /// Deaths in a row within a second of the fork, for the respawn delay.
    pub(super) early_deaths: u32,
    /// A kill for missing the deadline has been sent.
    pub(super) killed: bool,
}

impl Child {
    /// A child that was never forked and is wanted now.
    pub(super) fn wanted(seat: Seat) -> Child {
        Child {
            seat,
            pid: 0,
            state: State::Gone { respawn: Some(0) },
            born: 0,
            early_deaths: 0,
            killed: false,
        }
    }

    pub(super) fn worker(&self) -> u32 {
        self.seat.worker()
    }

    pub(super) fn is_alive(&self) -> bool {
        !matches!(self.state, State::Gone { .. })
    }
}

//! The values of `dispatch_mode`.

use crate::session::table::NO_OWNER;

/// Ways to choose; numbers are those of `dispatch_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum DispatchMode {
    /// The next worker in turn, for each message.
    RoundRobin = 1,
    /// One worker for all messages of a session.
    Sticky = 2,
    /// A worker without work, for each message; the least loaded if there is none.
    IdleFirst = 3,
}

impl DispatchMode {
    /// Whether all messages of a session go to one worker, so that connect and close make sense.
    pub(crate) fn keeps_owner(self) -> bool {
        self == DispatchMode::Sticky
    }

    /// The worker that owns a new session. The session id is hashed rather than the descriptor:
    /// descriptors are reused lowest first and would send every short connection to the same worker.
    pub(crate) fn owner_of(self, session: u64, workers: u32) -> u32 {
        match self {
            DispatchMode::Sticky => (session % u64::from(workers)) as u32,
            DispatchMode::RoundRobin | DispatchMode::IdleFirst => NO_OWNER,
        }
    }
}

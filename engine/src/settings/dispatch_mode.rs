//! The values of `dispatch_mode`.

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
}

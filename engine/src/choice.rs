//! What a dispatch function is asked, and what it may answer.

use std::sync::Arc;

/// What a worker is wanted for; the numbers are those that PHP and C programs see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum DispatchKind {
    /// A message of a session.
    Data = 0,
    /// A datagram.
    Datagram = 1,
    /// A session has ended.
    Close = 4,
    /// A session has begun.
    Connect = 5,
    /// Much waits for a client.
    BufferFull = 13,
    /// Not much waits for it any more.
    BufferEmpty = 14,
}

/// One question to a dispatch function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DispatchEvent<'a> {
    /// The session's id; of a datagram a number that is the same for every datagram of its sender.
    pub session: u64,
    /// What happened.
    pub kind: DispatchKind,
    /// Index of the port it came by.
    pub port: u16,
    /// The message or datagram; empty for events.
    pub data: &'a [u8],
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// This worker gets it. An id that no worker has is logged and counts as [`Target::Discard`].
    Worker(u32),
    /// Drop the message. Events of a session are not dropped: they go as with [`Target::Mode`].
    Discard,
    /// Drop the message and close the session.
    Close,
    /// As `dispatch_mode` says.
    Mode,
    /// A number without meaning: logged, and then as [`Target::Discard`].
    Unknown(i64),
}

impl Target {
    /// From the numbers of PHP and C: a worker id, -1 discard, -2 close, -3 as the mode says.
    pub fn from_number(number: i64) -> Target {
        match number {
            -1 => Target::Discard,
            -2 => Target::Close,
            -3 => Target::Mode,
            _ => u32::try_from(number).map_or(Target::Unknown(number), Target::Worker),
        }
    }
}

/// A dispatch function. It is called on reactor threads, for sessions of different reactors at the same time.
pub type DispatchFn = Arc<dyn Fn(&DispatchEvent<'_>) -> Target + Send + Sync>;

/// A function that says how long a message is, called on reactor threads: shown the beginning of a message, it returns the
/// length of the whole message, 0 if it cannot say yet, something negative if this is none.
pub type LengthFn = Arc<dyn Fn(&[u8]) -> i64 + Send + Sync>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_mean_what_scripts_expect() {
        for (number, target) in [
            (0, Target::Worker(0)),
            (7, Target::Worker(7)),
            (-1, Target::Discard),
            (-2, Target::Close),
            (-3, Target::Mode),
            (-9, Target::Unknown(-9)),
            (1 << 40, Target::Unknown(1 << 40)),
        ] {
            assert_eq!(Target::from_number(number), target);
        }
    }
}

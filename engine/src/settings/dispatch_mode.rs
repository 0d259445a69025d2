//! The values of `dispatch_mode`.

/// Ways to choose a worker, with the numbers of `dispatch_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DispatchMode {
    /// 1: the next worker in turn, for each message.
    RoundRobin,
    /// 2: one worker for all messages of a session, by its id.
    Sticky,
    /// 3: a worker without work, for each message; the least loaded if there is none.
    IdleFirst,
    /// 4: one worker for all sessions of a client, by its address.
    Address,
    /// 5: one worker for all sessions of a user, once they are bound to one.
    User,
    /// 6: the dispatch function alone; what it leaves to the mode goes as with 3.
    Function,
    /// 8: the least loaded worker at the first event of a session, and from then on this one.
    LeastLoadedOnce,
    /// 11: one worker for all messages of a session, until it is stuck in a callback.
    Adaptive,
    /// 7, 9, 10 and whatever has no meaning of its own: as 3.
    LikeIdleFirst(u8),
}

impl DispatchMode {
    /// The mode with a number; what is out of range counts as the nearest number.
    pub fn from_number(number: i64) -> DispatchMode {
        match number.clamp(0, 255) as u8 {
            1 => DispatchMode::RoundRobin,
            2 => DispatchMode::Sticky,
            3 => DispatchMode::IdleFirst,
            4 => DispatchMode::Address,
            5 => DispatchMode::User,
            6 => DispatchMode::Function,
            8 => DispatchMode::LeastLoadedOnce,
            11 => DispatchMode::Adaptive,
            other => DispatchMode::LikeIdleFirst(other),
        }
    }

    /// Its number.
    pub fn number(self) -> u8 {
        match self {
            DispatchMode::RoundRobin => 1,
            DispatchMode::Sticky => 2,
            DispatchMode::IdleFirst => 3,
            DispatchMode::Address => 4,
            DispatchMode::User => 5,
            DispatchMode::Function => 6,
            DispatchMode::LeastLoadedOnce => 8,
            DispatchMode::Adaptive => 11,
            DispatchMode::LikeIdleFirst(number) => number,
        }
    }

    /// Whether the number means something.
    pub(crate) fn is_known(self) -> bool {
        !matches!(self, DispatchMode::LikeIdleFirst(number) if !matches!(number, 7 | 9 | 10))
    }

    /// Whether a session has one worker at a time, its owner.
    pub(crate) fn keeps_owner(self) -> bool {
        use DispatchMode::{Adaptive, Address, LeastLoadedOnce, Sticky, User};
        matches!(self, Sticky | Address | User | LeastLoadedOnce | Adaptive)
    }

    /// Whether connect, close and buffer events are delivered without `enable_unsafe_event`.
    pub(crate) fn delivers_events(self) -> bool {
        self.keeps_owner() || self == DispatchMode::Function
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_a_mode_and_keeps_its_number() {
        for number in 0..=255 {
            let mode = DispatchMode::from_number(number);
            assert_eq!(i64::from(mode.number()), number);
            assert_eq!(mode.is_known(), (1..=11).contains(&number), "{number}");
        }
        assert_eq!(DispatchMode::from_number(-7).number(), 0);
        assert_eq!(DispatchMode::from_number(4000).number(), 255);
    }

    #[test]
    fn events_come_where_a_session_has_one_worker_or_a_function() {
        let with_events: Vec<_> = (0..=12)
            .filter(|&number| DispatchMode::from_number(number).delivers_events())
            .collect();
        assert_eq!(with_events, [2, 4, 5, 6, 8, 11]);
    }
}

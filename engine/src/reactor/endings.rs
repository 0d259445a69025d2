//! Sessions to be closed once everything sent to them has arrived.
//!
//! That a worker died, or that the last of several workers is done with a session, is learned on one
//! lane, while their last sends wait on others. All of those were published before the news. So the
//! news takes effect after a whole round over all lanes that began after it was read and found them
//! empty: by then the sends have been read too.

use crate::ipc::frame::Kind;
use crate::session::SessionId;

/// News waiting for its round.
#[derive(Default)]
pub(super) struct Endings {
    /// Read in the present round.
    fresh: Vec<(SessionId, Kind)>,
    /// Read in a round before.
    ripe: Vec<(SessionId, Kind)>,
}

impl Endings {
    /// Remember an ending: [`Kind::Closed`] or [`Kind::Lost`].
    pub(super) fn note(&mut self, id: SessionId, kind: Kind) {
        self.fresh.push((id, kind));
    }

    /// A round is over; `all_empty` if it found nothing more on any lane. What takes effect now.
    pub(super) fn after_round(&mut self, all_empty: bool) -> Vec<(SessionId, Kind)> {
        let due = if all_empty {
            std::mem::take(&mut self.ripe)
        } else {
            Vec::new()
        };
        self.ripe.append(&mut self.fresh);
        due
    }

    /// Whether none waits: else the next round must come at once.
    pub(super) fn is_empty(&self) -> bool {
        self.ripe.is_empty() && self.fresh.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_takes_effect_after_a_whole_empty_round() {
        let mut endings = Endings::default();
        endings.note(7, Kind::Lost);
        assert_eq!(
            endings.after_round(true),
            [],
            "the round in which it was read does not count"
        );
        assert_eq!(
            endings.after_round(false),
            [],
            "something was left on a lane"
        );
        assert_eq!(endings.after_round(true), [(7, Kind::Lost)]);
        assert!(endings.is_empty());
    }
}

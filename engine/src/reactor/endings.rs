//! Sessions to be closed once everything sent to them has arrived.
//!
//! That a worker died, or that the last of several workers is done with a session, is learned on one
//! lane, while their last sends wait on others. All of those were published before the news. So the
//! news takes effect after a whole round over all lanes that began after it was read and found them
//! empty: by then the sends have been read too. On lanes that never empty it takes effect after as many
//! rounds as a full lane needs.

use crate::ipc::frame::{HEADER, Kind};
use crate::session::SessionId;

/// News waiting for its round.
pub(super) struct Endings {
    /// Read in the present round.
    fresh: Vec<(SessionId, Kind)>,
    /// Read in a round before.
    ripe: Vec<(SessionId, Kind)>,
    /// Rounds left until everything ripe takes effect on busy lanes too.
    rounds: usize,
    /// Rounds that read a full lane to its end.
    enough: usize,
}

impl Endings {
    /// For lanes of `lane` bytes of which a round reads `per_lane` messages.
    pub(super) fn new(lane: usize, per_lane: usize) -> Endings {
        let enough = lane / HEADER / per_lane + 2;
        Endings {
            fresh: Vec::new(),
            ripe: Vec::new(),
            rounds: enough,
            enough,
        }
    }

    /// Remember an ending: [`Kind::Closed`] or [`Kind::Lost`].
    pub(super) fn note(&mut self, id: SessionId, kind: Kind) {
        self.fresh.push((id, kind));
    }

    /// A round is over; `all_empty` if it found nothing more on any lane. What takes effect now.
    pub(super) fn after_round(&mut self, all_empty: bool) -> Vec<(SessionId, Kind)> {
        let mut due = Vec::new();
        self.rounds = self.rounds.saturating_sub(1);
        if all_empty || self.rounds == 0 {
            due = std::mem::take(&mut self.ripe);
        }
        if self.ripe.is_empty() {
            // While some are ripe, fresh ones wait: the count is for one generation.
            self.ripe.append(&mut self.fresh);
            self.rounds = self.enough;
        }
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
        let mut endings = Endings::new(1024, 256);
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

    #[test]
    fn lanes_that_never_empty_do_not_put_it_off_for_ever() {
        let mut endings = Endings::new(64 << 10, 256);
        endings.note(7, Kind::Lost);
        let rounds = (1..100).find(|_| !endings.after_round(false).is_empty());
        assert!(
            rounds.is_some_and(|rounds| rounds >= (64 << 10) / HEADER / 256),
            "{rounds:?}"
        );
    }
}

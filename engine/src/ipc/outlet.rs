//! The sending end of one lane, with the bell of its receiver.

use super::doorbell::Doorbell;
use super::frame::Head;
use super::lane::{LaneWriter, Push};

/// A lane to one receiver.
pub(crate) struct Outlet {
    lane: LaneWriter,
    bell: Doorbell,
}

impl Outlet {
    pub(super) fn new(lane: LaneWriter, bell: Doorbell) -> Outlet {
        Outlet { lane, bell }
    }

    /// Publish a message or the part of it that fits; see [`LaneWriter::push`]. Does not ring.
    pub(crate) fn push(&mut self, head: Head, payload: &[u8], sent: &mut usize) -> Push {
        self.lane.push(head, payload, sent)
    }

    /// The lane itself: room, progress.
    pub(crate) fn lane(&mut self) -> &mut LaneWriter {
        &mut self.lane
    }

    /// Messages pushed and not finished.
    pub(crate) fn in_flight(&self) -> u64 {
        self.lane.in_flight()
    }

    /// The receiver's bell.
    pub(crate) fn bell(&self) -> &Doorbell {
        &self.bell
    }
}

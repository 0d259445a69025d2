//! Where datagrams go when workers are slow.

use super::queue::DATAGRAMS;
use super::{Feed, Obstacle};
use crate::choice::Target;
use crate::dispatch::DatagramKey;
use crate::ipc::directory::Seat;

/// Where a datagram is to go.
pub(in crate::reactor) enum Place {
    /// To this worker.
    Seat(Seat),
    /// No worker has room: do not read on, until there is some.
    Full(Obstacle),
    /// Its worker alone has no room.
    Nowhere,
    /// The dispatch function will not have it.
    Unwanted,
}

impl Feed {
    /// Where the next datagram goes, one of the sender with this key; `sender` is what its messages have for a session,
    /// `target` what the dispatch function says about it.
    pub(in crate::reactor) fn place(
        &mut self,
        key: &DatagramKey,
        sender: u64,
        target: Target,
    ) -> Place {
        match target {
            Target::Mode => {}
            Target::Discard | Target::Close | Target::Unknown(_) => return Place::Unwanted,
            Target::Worker(worker) => {
                let seat = self.dispatcher.route(worker);
                let behind = self.behind_others(seat, sender);
                let takes = self.queues[seat.0 as usize].takes_datagrams();
                return match behind.unwrap_or(takes) {
                    true => Place::Seat(seat),
                    false => Place::Nowhere,
                };
            }
        }
        let seat = self.dispatcher.choose_datagram(key);
        match self.behind_others(seat, sender) {
            Some(true) => return Place::Seat(seat),
            Some(false) => return Place::Nowhere,
            None => {}
        }
        let keeps_order = self.dispatcher.keeps_order();
        let tries = if keeps_order {
            1
        } else {
            self.dispatcher.routes().len()
        };
        for _ in 0..tries {
            let seat = self.dispatcher.choose_datagram(key);
            if self.queues[seat.0 as usize].takes_datagrams() {
                return Place::Seat(seat);
            }
            self.dispatcher.advance(); // another one may do as well
        }
        let queues = &self.queues;
        let has_room = |seat: &Seat| queues[seat.0 as usize].takes_datagrams();
        match keeps_order && self.dispatcher.routes().iter().any(has_room) {
            true => Place::Nowhere,
            false => Place::Full(Obstacle::Lane {
                seat: self.dispatcher.choose_datagram(key),
                until_empty: false,
            }),
        }
    }

    /// Whether there is room for a datagram behind earlier ones of its sender, if those are parked.
    fn behind_others(&self, seat: Seat, sender: u64) -> Option<bool> {
        let parked = self.parked.has(sender, seat.worker());
        parked.then(|| self.parked.weight(sender) < DATAGRAMS)
    }
}

//! What waits for one worker seat.

use std::collections::VecDeque;

use crate::ipc::frame::Head;
use crate::ipc::lane::Recalled;

/// Bytes of datagrams that may wait for a worker whose lane is full.
pub(super) const DATAGRAMS: usize = 1 << 20;

/// A message that was read and is not in a lane yet, or not all of it.
pub(in crate::reactor) struct Held {
    pub(in crate::reactor) head: Head,
    pub(in crate::reactor) data: Vec<u8>,
    pub(super) sent: usize,
}

impl Held {
    pub(super) fn new(head: Head, data: Vec<u8>) -> Held {
        Held {
            head,
            data,
            sent: 0,
        }
    }

    /// What it costs to hold it.
    pub(in crate::reactor) fn weight(&self) -> usize {
        size_of::<Held>() + self.data.len()
    }
}

/// One worker seat's queue.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) held: VecDeque<Held>,
    /// Weight of all that is held.
    weight: usize,
    /// Tokens of connections to be read again when there is room.
    pub(super) waiting: Vec<usize>,
    /// One of them waits for the lane to be empty: see [`super::Feed::obstacle`].
    pub(super) until_empty: bool,
}

impl Queue {
    pub(super) fn is_idle(&self) -> bool {
        self.held.is_empty() && self.waiting.is_empty()
    }

    pub(super) fn push(&mut self, held: Held) {
        self.weight += held.weight();
        self.held.push_back(held);
    }

    pub(super) fn pop(&mut self) {
        if let Some(held) = self.held.pop_front() {
            self.weight -= held.weight();
        }
    }

    pub(super) fn take_held(&mut self) -> VecDeque<Held> {
        self.weight = 0;
        std::mem::take(&mut self.held)
    }

    /// Whether a datagram may be read for this worker: sessions that wait go first, since they would wait for ever
    /// behind a flood of datagrams, which can be dropped.
    pub(super) fn takes_datagrams(&self) -> bool {
        self.waiting.is_empty() && self.weight < DATAGRAMS
    }
}

/// Take out the message of which the consumer has received the beginning: its rest must follow there. One of which it has
/// taken nothing is to be pushed from its start.
pub(super) fn begun(held: &mut VecDeque<Held>, recalled: &Recalled) -> Option<Held> {
    let front = held.front_mut().filter(|front| front.sent > 0)?;
    if recalled.restart {
        front.sent = 0;
        return None;
    }
    held.pop_front()
}

//! The way to the workers: lanes, and what waits when a lane is full.
//!
//! A message that meets a full lane is held here, in order, and the connections that would feed that
//! lane are not read until there is room: back pressure reaches the client through its TCP window.
//! Held at any time: one message per connection at most, since a connection with a held message, or
//! one whose worker's lane is clogged, is not read.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::dispatch::Dispatcher;
use crate::ipc::directory::Seat;
use crate::ipc::frame::Head;
use crate::ipc::lane::Push;
use crate::shared::Shared;

struct Held {
    head: Head,
    data: Vec<u8>,
    sent: usize,
}

/// One worker seat's queue.
#[derive(Default)]
struct Queue {
    held: VecDeque<Held>,
    /// Tokens of connections to be read again when there is room.
    waiting: Vec<usize>,
    /// One of them waits for the lane to be empty: see [`Feed::obstacle`].
    until_empty: bool,
}

/// Why a connection must not be read now.
pub(super) struct Obstacle {
    /// The lane to wait for.
    seat: Seat,
    /// Wait until nothing is left in it.
    until_empty: bool,
}

/// Lanes to all workers, and their queues.
pub(super) struct Feed {
    dispatcher: Dispatcher,
    queues: Vec<Queue>,
    /// Seats with something in their queue.
    crowded: usize,
    /// Bytes of one session that may be under way.
    per_session: u64,
}

impl Feed {
    pub(super) fn new(dispatcher: Dispatcher, shared: &Arc<Shared>, per_session: u64) -> Feed {
        let queues = shared.seats().map(|_| Queue::default()).collect();
        Feed {
            dispatcher,
            queues,
            crowded: 0,
            per_session,
        }
    }

    /// The seat for the next message of a session with this owner.
    pub(super) fn choose(&mut self, owner: u32) -> Seat {
        self.dispatcher.choose(owner)
    }

    /// What keeps a connection with `queued` bytes under way from feeding `seat` with more.
    ///
    /// A session at its limit whose messages are spread waits for the fullest lane to be empty: some of
    /// its bytes wait in one of the lanes, and the one chosen for the next message may well be idle.
    pub(super) fn obstacle(&mut self, seat: Seat, spread: bool, queued: u64) -> Option<Obstacle> {
        if queued > self.per_session {
            return Some(match spread {
                true => Obstacle {
                    seat: self.dispatcher.fullest(),
                    until_empty: true,
                },
                false => Obstacle {
                    seat,
                    until_empty: false,
                },
            });
        }
        let clogged = !self.queues[seat.0 as usize].held.is_empty();
        clogged.then_some(Obstacle {
            seat,
            until_empty: false,
        })
    }

    /// Read the connection `token` again when the obstacle is gone.
    pub(super) fn wait(&mut self, obstacle: &Obstacle, token: usize) {
        let queue = &mut self.queues[obstacle.seat.0 as usize];
        if queue.held.is_empty() && queue.waiting.is_empty() {
            self.crowded += 1;
        }
        queue.until_empty |= obstacle.until_empty;
        queue.waiting.push(token);
    }

    /// Give a message to a worker, now or as soon as its lane has room.
    pub(super) fn push(&mut self, seat: Seat, head: Head, data: &[u8]) {
        let queue = &mut self.queues[seat.0 as usize];
        let mut sent = 0;
        if queue.held.is_empty()
            && self.dispatcher.outlet(seat).push(head, data, &mut sent) == Push::Whole
        {
            return;
        }
        if queue.held.is_empty() && queue.waiting.is_empty() {
            self.crowded += 1;
        }
        queue.held.push_back(Held {
            head,
            data: data.to_vec(),
            sent,
        });
    }

    /// A message has been given to the seat that was chosen for it.
    pub(super) fn turn_used(&self) {
        self.dispatcher.advance();
    }

    /// Move on what is held. `resume` gets the connections that may be read again. Afterwards every
    /// seat with a queue has a wish for room on record, so its worker rings us.
    pub(super) fn advance(&mut self, mut resume: impl FnMut(usize)) {
        if self.crowded == 0 {
            return;
        }
        for (index, queue) in self.queues.iter_mut().enumerate() {
            if queue.held.is_empty() && queue.waiting.is_empty() {
                continue;
            }
            let outlet = self.dispatcher.outlet(Seat(index as u32));
            loop {
                while let Some(next) = queue.held.front_mut() {
                    if outlet.push(next.head, &next.data, &mut next.sent) == Push::Full {
                        break;
                    }
                    queue.held.pop_front();
                }
                let level = match (queue.held.is_empty(), queue.until_empty) {
                    (true, true) => 0,
                    (true, false) => self.per_session.min(outlet.lane().half()),
                    (false, _) => outlet.lane().half(),
                };
                if outlet.lane().want_room(level) {
                    break; // the worker rings when that much is free
                }
                if queue.held.is_empty() {
                    self.crowded -= 1;
                    queue.until_empty = false;
                    queue.waiting.drain(..).for_each(&mut resume);
                    break;
                }
            }
        }
    }

    /// Whether nothing read is waiting for a lane.
    pub(super) fn is_empty(&self) -> bool {
        self.queues.iter().all(|queue| queue.held.is_empty())
    }

    /// Connections not read for lack of room.
    pub(super) fn waiting(&self) -> usize {
        match self.crowded {
            0 => 0,
            _ => self.queues.iter().map(|queue| queue.waiting.len()).sum(),
        }
    }

    /// Wake the workers that got something.
    pub(super) fn ring(&mut self, now_ms: u64) {
        self.dispatcher.ring(now_ms);
    }
}

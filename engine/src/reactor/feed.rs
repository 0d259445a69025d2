//! The way to the workers: lanes, and what waits when a lane is full.
//!
//! A message that meets a full lane is held here, in order, and the connections that would feed that
//! lane are not read until there is room: back pressure reaches the client through its TCP window.
//! When a worker's process is replaced while it is at work, what it has not begun is taken back from its
//! lane and given to its successor; only the session it is at work for waits ([`super::parked`]).
//!
//! Held at any time: one message per connection at most, since a connection with a held message, or
//! one whose worker's lane is clogged, is not read; and of datagrams, which have no connection that could be
//! made to wait, [`queue::DATAGRAMS`] bytes for each worker.

mod datagrams;
mod queue;

use std::sync::Arc;

pub(super) use datagrams::Place;
pub(super) use queue::Held;
use queue::{Queue, begun};

use super::parked::{Fate, Parked};
use crate::dispatch::Dispatcher;
use crate::ipc::directory::Seat;
use crate::ipc::frame::Head;
use crate::ipc::lane::{Push, Recalled};
use crate::session::SessionId;
use crate::shared::Shared;
use crate::stats::seat_state;
use crate::sync::Ordering;

/// A worker's messages are about to go to another seat.
struct Change {
    old: Seat,
    /// Which process of the old seat it is.
    epoch: u32,
    new: Seat,
    recalled: Recalled,
    /// What came for the new one meanwhile.
    later: Vec<Held>,
}

/// Why a connection must not be read now.
pub(super) enum Obstacle {
    /// A lane is too full.
    Lane {
        seat: Seat,
        /// Wait until nothing is left in it.
        until_empty: bool,
    },
    /// The session's message is still at work in a process that has been replaced.
    Parked,
}

/// Lanes to all workers, and their queues.
pub(super) struct Feed {
    dispatcher: Dispatcher,
    queues: Vec<Queue>,
    /// Seats with something in their queue.
    crowded: usize,
    parked: Parked,
    change: Option<Change>,
    /// What comes for a worker whose messages are being taken back.
    aside: Option<(Seat, Vec<Held>)>,
    /// The change of routes that was last acted on.
    routes_seen: u64,
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
            parked: Parked::default(),
            change: None,
            aside: None,
            routes_seen: 0,
            per_session,
        }
    }

    /// The way to choose workers.
    pub(super) fn dispatcher(&mut self) -> &mut Dispatcher {
        &mut self.dispatcher
    }

    /// What keeps a connection with `queued` bytes under way from feeding `seat` with more; without a seat, from
    /// feeding any.
    ///
    /// A session at its limit whose messages are spread waits for the fullest lane to be empty: some of
    /// its bytes wait in one of the lanes, and the one chosen for the next message may well be idle.
    pub(super) fn obstacle(
        &mut self,
        seat: Option<Seat>,
        session: SessionId,
        spread: bool,
        queued: u64,
    ) -> Option<Obstacle> {
        if seat.is_some_and(|seat| self.parked.has(session, seat.worker())) {
            return Some(Obstacle::Parked);
        }
        if queued > self.per_session {
            return Some(match seat {
                Some(seat) if !spread => Obstacle::Lane {
                    seat,
                    until_empty: false,
                },
                _ => Obstacle::Lane {
                    seat: self.dispatcher.fullest(),
                    until_empty: true,
                },
            });
        }
        let seat = seat?;
        let clogged = !self.queues[seat.0 as usize].held.is_empty();
        clogged.then_some(Obstacle::Lane {
            seat,
            until_empty: false,
        })
    }

    /// Read the connection `token` of `session` again when the obstacle is gone.
    pub(super) fn wait(&mut self, obstacle: &Obstacle, session: SessionId, token: usize) {
        match *obstacle {
            Obstacle::Parked => self.parked.wait(session, token),
            Obstacle::Lane { seat, until_empty } => {
                let queue = &mut self.queues[seat.0 as usize];
                if queue.is_idle() {
                    self.crowded += 1;
                }
                queue.until_empty |= until_empty;
                queue.waiting.push(token);
            }
        }
    }

    /// Give a message to a worker, now or as soon as its lane has room.
    pub(super) fn push(&mut self, seat: Seat, head: Head, data: &[u8]) {
        if self.parked.has(head.session, seat.worker()) {
            return self.parked.push(Held::new(head, data.to_vec()));
        }
        if let Some((_, aside)) = self.aside.as_mut().filter(|(stuck, _)| *stuck == seat) {
            return aside.push(Held::new(head, data.to_vec()));
        }
        if let Some(change) = self.change.as_mut().filter(|change| change.new == seat) {
            return change.later.push(Held::new(head, data.to_vec()));
        }
        let queue = &mut self.queues[seat.0 as usize];
        let mut sent = 0;
        if queue.held.is_empty()
            && !self.dispatcher.is_paused(seat)
            && self.dispatcher.outlet(seat).push(head, data, &mut sent) == Push::Whole
        {
            return;
        }
        let held = Held {
            sent,
            ..Held::new(head, data.to_vec())
        };
        self.hold(seat, held);
    }

    fn hold(&mut self, seat: Seat, held: Held) {
        self.dispatcher.watch(seat);
        let queue = &mut self.queues[seat.0 as usize];
        if queue.is_idle() {
            self.crowded += 1;
        }
        queue.push(held);
    }

    /// Whether some worker's messages are to go to another seat than before.
    pub(super) fn has_new_routes(&self, shared: &Shared) -> bool {
        shared.server().routes.load(Ordering::Acquire) != self.routes_seen
    }

    /// Begin to act on the next worker whose messages are to go to another seat: take back what its old
    /// process has not begun. Until [`Feed::hand_over`], messages for the new one are put aside. Returns
    /// the old seat: what that process has sent so far must be handled first, since its answers are
    /// finished and come before anything that its successor may say.
    pub(super) fn begin_change(&mut self, shared: &Shared) -> Option<Seat> {
        let (old, new) = self.dispatcher.reroute()?;
        let epoch = shared.seat_block(old).epoch.load(Ordering::Acquire);
        let recalled = self.dispatcher.recall(old);
        self.change = Some(Change {
            old,
            epoch,
            new,
            recalled,
            later: Vec::new(),
        });
        Some(old)
    }

    /// All changes of routes up to the number `routes` have been acted on.
    pub(super) fn note_routes(&mut self, routes: u64) {
        self.routes_seen = routes;
    }

    /// Give what waits for the old process to the new one, in order.
    pub(super) fn hand_over(&mut self) {
        let Some(change) = self.change.take() else {
            return;
        };
        let Change {
            old,
            epoch,
            new,
            recalled,
            later,
        } = change;
        let queue = std::mem::take(&mut self.queues[old.0 as usize]);
        if !queue.is_idle() {
            self.crowded -= 1;
        }
        let mut held = queue.held;
        let begun = begun(&mut held, &recalled);
        let (at_work, left) = match &begun {
            Some(begun) => (Some(begun.head.session), recalled.left + 1),
            None => (recalled.at_work, recalled.left),
        };
        // The rest of a message goes where its beginning is, in every mode.
        let keeps_order = self.dispatcher.keeps_order() || begun.is_some();
        if let Some(begun) = begun {
            self.hold(old, begun);
        }
        if let Some(session) = at_work
            && keeps_order
        {
            self.parked.begin(old, epoch, session, left);
        }
        let recalled = recalled.messages.into_iter();
        let recalled = recalled.map(|(head, data)| Held::new(head, data));
        for message in recalled.chain(held).chain(later) {
            self.push(new, message.head, &message.data);
        }
        let spread = !self.dispatcher.keeps_order();
        for token in queue.waiting {
            let obstacle = Obstacle::Lane {
                seat: new,
                until_empty: spread && queue.until_empty,
            };
            self.wait(&obstacle, 0, token);
        }
    }

    /// Take back what waits for a worker that is stuck, in order. Until [`Feed::put_aside`], messages for it are put
    /// aside: what it has sent so far must be handled first. The session that it is at work for stays, and waits.
    pub(super) fn take_back(&mut self, shared: &Shared, worker: u32) -> (Seat, Vec<Held>) {
        let seat = self.dispatcher.route(worker);
        let recalled = self.dispatcher.take_back(worker);
        let queue = &mut self.queues[seat.0 as usize];
        let mut held = queue.take_held();
        let begun = match &recalled {
            Some(recalled) => begun(&mut held, recalled),
            // Taken back before: what has begun since then, its session waits already.
            None if held.front().is_some_and(|front| front.sent > 0) => held.pop_front(),
            None => None,
        };
        let partial = u64::from(begun.is_some());
        let begun_for = begun.as_ref().map(|begun| begun.head.session);
        if let Some(begun) = begun {
            queue.push(begun);
        }
        let mut messages = Vec::new();
        if let Some(recalled) = recalled {
            let epoch = shared.seat_block(seat).epoch.load(Ordering::Acquire);
            if let Some(session) = begun_for.or(recalled.at_work) {
                self.parked
                    .begin(seat, epoch, session, recalled.left + partial);
            }
            let back = recalled.messages.into_iter();
            messages.extend(back.map(|(head, data)| Held::new(head, data)));
        }
        messages.extend(held);
        self.aside = Some((seat, Vec::new()));
        self.count_crowded();
        (seat, messages)
    }

    /// What came meanwhile for the worker whose messages were taken back.
    pub(super) fn put_aside(&mut self) -> Vec<Held> {
        self.aside.take().map_or_else(Vec::new, |(_, aside)| aside)
    }

    /// Connections that wait for room at a worker that is stuck: they may be read, their sessions go elsewhere.
    pub(super) fn take_waiting(&mut self, seat: Seat) -> Vec<usize> {
        let waiting = std::mem::take(&mut self.queues[seat.0 as usize].waiting);
        self.count_crowded();
        waiting
    }

    /// Whether a session could go to another worker at this moment: nothing of it is or waits at this stuck one.
    pub(super) fn is_loose(&mut self, session: SessionId, worker: u32) -> bool {
        let seat = self.dispatcher.route(worker);
        let held = &self.queues[seat.0 as usize].held;
        self.dispatcher.is_stuck(worker)
            && !self.parked.has(session, worker)
            && !held.iter().any(|held| held.head.session == session)
            && self.aside.as_ref().is_none_or(|(aside, _)| *aside != seat)
    }

    /// Workers that others should help, see [`Dispatcher::look`].
    pub(super) fn look(&mut self, now_ms: u64) -> Vec<u32> {
        if self.dispatcher.next_look().is_none_or(|due| due > now_ms) {
            return Vec::new();
        }
        let routes: Vec<Seat> = self.dispatcher.routes().to_vec();
        let queues = &self.queues;
        self.dispatcher.look(now_ms, |worker| {
            let seat = routes[worker as usize];
            let queue = &queues[seat.0 as usize];
            queue.held.len() + queue.waiting.len()
        })
    }

    fn count_crowded(&mut self) {
        self.crowded = self.queues.iter().filter(|queue| !queue.is_idle()).count();
    }

    /// Let go the sessions whose message at work in a replaced process is dealt with. `heard_all`: a
    /// whole round over the reactor's mail found nothing more, so their answers have been read.
    pub(super) fn unpark(
        &mut self,
        shared: &Shared,
        heard_all: bool,
        mut resume: impl FnMut(usize),
    ) {
        if self.parked.is_empty() {
            return;
        }
        for session in self.parked.over(heard_all) {
            let worker = session.seat.worker();
            let seat = self.dispatcher.route(worker);
            for message in session.messages {
                self.push(seat, message.head, &message.data);
            }
            session.waiting.into_iter().for_each(&mut resume);
        }
        let (dispatcher, queues) = (&mut self.dispatcher, &mut self.queues);
        self.parked.look(|parked| {
            let (seat, epoch) = (parked.seat, parked.epoch);
            let block = shared.seat_block(seat);
            let is_gone = || {
                block.state.load(Ordering::Acquire) == seat_state::EMPTY
                    || block.epoch.load(Ordering::Acquire) != epoch
            };
            let queue = &mut queues[seat.0 as usize];
            if is_gone() {
                // The rest of the message that died with it. Others may be behind it already.
                let rest = |held: &Held| held.sent > 0 && held.head.session == parked.session;
                if queue.held.front().is_some_and(rest) {
                    queue.pop();
                }
                return Fate::Dead;
            }
            let (_, finished) = dispatcher.outlet(seat).lane().progress();
            // The lane of a dead process is emptied when its account is settled, and the pid goes first.
            let lives = block.pid.load(Ordering::Acquire) != 0;
            match finished >= parked.left && lives && !is_gone() {
                true => Fate::Done,
                false => Fate::AtWork,
            }
        });
        self.count_crowded();
    }

    /// Whether sessions are parked, and whether one of them only waits for another round over the mail.
    pub(super) fn parked(&self) -> (bool, bool) {
        (!self.parked.is_empty(), self.parked.has_ripe())
    }

    /// Move on what is held. `resume` gets the connections that may be read again. Afterwards every
    /// seat with a queue has a wish for room on record, so its worker rings us.
    pub(super) fn advance(&mut self, mut resume: impl FnMut(usize)) {
        if self.crowded == 0 {
            return;
        }
        for (index, queue) in self.queues.iter_mut().enumerate() {
            if queue.is_idle() {
                continue;
            }
            let outlet = self.dispatcher.outlet(Seat(index as u32));
            loop {
                let mut stalled = false;
                while let Some(next) = queue.held.front_mut() {
                    stalled = next.sent == 0 && outlet.lane().is_paused();
                    if stalled {
                        break;
                    }
                    if outlet.push(next.head, &next.data, &mut next.sent) == Push::Full {
                        break;
                    }
                    queue.pop();
                }
                if stalled {
                    break; // the worker rings when it comes to its lane
                }
                let level = match (queue.held.front(), queue.until_empty) {
                    (Some(next), _) => outlet.lane().level_for(&next.data, next.sent),
                    (None, true) => 0,
                    (None, false) => self.per_session.min(outlet.lane().half()),
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
        self.parked.is_empty() && self.queues.iter().all(|queue| queue.held.is_empty())
    }

    /// Messages read that wait here.
    pub(super) fn held(&self) -> usize {
        let queued: usize = self.queues.iter().map(|queue| queue.held.len()).sum();
        queued + self.parked.held()
    }

    /// Connections not read for lack of room.
    pub(super) fn waiting(&self) -> usize {
        match self.crowded {
            0 => self.parked.waiting(),
            _ => {
                let of_lanes: usize = self.queues.iter().map(|queue| queue.waiting.len()).sum();
                of_lanes + self.parked.waiting()
            }
        }
    }

    /// Wake the workers that got something.
    pub(super) fn ring(&mut self, now_ms: u64) {
        self.dispatcher.ring(now_ms);
    }
}

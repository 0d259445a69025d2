//! Which worker gets a message.

use std::sync::Arc;

use crate::ipc::directory::{Directory, Endpoint, Seat};
use crate::ipc::lane::Recalled;
use crate::ipc::outlet::Outlet;
use crate::session::SessionId;
use crate::session::table::NO_OWNER;
use crate::settings::DispatchMode;
use crate::shared::Shared;
use crate::stats::seat_state;
use crate::sync::{AtomicU64, Ordering};
use crate::sys::clock;

/// A worker that has been in one callback for so long gets no new session, if another is free.
const BUSY_MS: u64 = 5;

/// The worker that owns a session from now on, or [`NO_OWNER`] in modes that spread messages.
///
/// The session id is hashed rather than the descriptor: descriptors are reused lowest first and would send
/// every short connection to the same worker. A worker that is stuck in a callback, or not there, is passed
/// over: affinity is worth something once a session has begun, and nothing before.
pub(crate) fn owner_for(mode: DispatchMode, session: SessionId, shared: &Shared) -> u32 {
    if !mode.keeps_owner() {
        return NO_OWNER;
    }
    let workers = u64::from(shared.workers());
    let hashed = (session % workers) as u32;
    let mut now_ms = 0;
    let is_free = |&worker: &u32| {
        let block = shared.seat_block(shared.seat_of(worker));
        if block.state.load(Ordering::Relaxed) != seat_state::READY {
            // One of the first generation is about to come: without its share the others would keep it.
            return shared.worker(worker).forks.load(Ordering::Relaxed) <= 1;
        }
        let since = block.callback_since_ms.load(Ordering::Relaxed);
        if since != 0 && now_ms == 0 {
            now_ms = clock::coarse_ms();
        }
        since == 0 || now_ms < since + BUSY_MS
    };
    let candidates = (0..workers).map(|step| ((session + step) % workers) as u32);
    { candidates }.find(is_free).unwrap_or(hashed)
}

/// A reactor's lanes to all workers.
pub(crate) struct Dispatcher {
    mode: DispatchMode,
    shared: Arc<Shared>,
    /// By seat.
    outlets: Vec<Outlet>,
    /// Seats pushed to since the last ring.
    touched: Vec<bool>,
    reactor: u32,
    /// When the marks of the seats were last looked after, monotonic ms.
    marked_ms: Vec<u64>,
    /// By worker id: the seat that gets its messages, as this reactor last acted on it.
    routes: Vec<Seat>,
    /// Shared by all reactors of the server.
    turn: Arc<AtomicU64>,
}

impl Dispatcher {
    pub(crate) fn new(
        mode: DispatchMode,
        reactor: u32,
        shared: Arc<Shared>,
        turn: Arc<AtomicU64>,
    ) -> Dispatcher {
        let directory: &Directory = &shared.directory;
        let outlets: Vec<_> = shared
            .seats()
            .map(|seat| directory.outlet(Endpoint::Reactor(reactor), Endpoint::Worker(seat)))
            .collect();
        let touched = vec![false; outlets.len()];
        let marked_ms = vec![0; outlets.len()];
        let routes = (0..shared.workers()).map(Seat::first_of).collect();
        Dispatcher {
            mode,
            shared,
            outlets,
            touched,
            reactor,
            marked_ms,
            routes,
            turn,
        }
    }

    /// Act on the next worker whose messages are to go to another seat: that worker's old and new seat.
    pub(crate) fn reroute(&mut self) -> Option<(Seat, Seat)> {
        let moved =
            |(worker, &seat): (u32, &Seat)| (self.shared.seat_of(worker) != seat).then_some(worker);
        let worker = (0..).zip(&self.routes).find_map(moved)?;
        let new = self.shared.seat_of(worker);
        let old = std::mem::replace(&mut self.routes[worker as usize], new);
        Some((old, new))
    }

    /// The seat that gets a worker's messages.
    pub(crate) fn route(&self, worker: u32) -> Seat {
        self.routes[worker as usize]
    }

    /// The worker that a session goes to whose first event this is.
    pub(crate) fn owner_for(&self, session: SessionId) -> u32 {
        owner_for(self.mode, session, &self.shared)
    }

    /// Whether the order of a session's messages is kept, one worker having them all.
    pub(crate) fn keeps_order(&self) -> bool {
        self.mode.keeps_owner()
    }

    /// The seat that the next message of a session with this owner goes to. Once it is on its way, say so
    /// with [`Dispatcher::advance`]: a look that leads to no message must not use up a turn.
    pub(crate) fn choose(&mut self, owner: u32) -> Seat {
        let workers = self.shared.workers();
        let worker = match self.mode {
            DispatchMode::Sticky => owner,
            DispatchMode::RoundRobin => {
                let first = self.present_turn();
                // A worker that is not there yet (or any more) is passed over, if another is.
                (0..workers)
                    .map(|step| (first + step) % workers)
                    .find(|&w| self.is_ready(w))
                    .unwrap_or(first)
            }
            DispatchMode::IdleFirst => {
                let first = self.present_turn();
                let candidates = (0..workers).map(|step| (first + step) % workers);
                candidates
                    .min_by_key(|&w| (!self.is_ready(w), self.load(w)))
                    .unwrap_or(first)
            }
        };
        self.route(worker)
    }

    /// The seat that the next datagram goes to, one of the sender with this key. In modes that keep an owner it is the
    /// same worker for ever: there is no session whose owner could be remembered. As for [`Dispatcher::choose`], say
    /// so when it is on its way.
    pub(crate) fn choose_datagram(&mut self, key: u32) -> Seat {
        match self.mode.keeps_owner() {
            true => self.route(key % self.shared.workers()),
            false => self.choose(NO_OWNER),
        }
    }

    /// By worker id: the seat that gets its messages.
    pub(crate) fn routes(&self) -> &[Seat] {
        &self.routes
    }

    /// A message was given to the chosen seat.
    pub(crate) fn advance(&self) {
        if self.mode != DispatchMode::Sticky {
            self.turn.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn present_turn(&self) -> u32 {
        (self.turn.load(Ordering::Relaxed) % u64::from(self.shared.workers())) as u32
    }

    fn is_ready(&self, worker: u32) -> bool {
        let seat = self.shared.seat_block(self.route(worker));
        seat.state.load(Ordering::Relaxed) == seat_state::READY
    }

    /// Messages on their way to a worker or at work in it, from this reactor, plus one if it is busy
    /// with another's. Counted at the sender, so that a burst spreads although no worker has run yet.
    fn load(&mut self, worker: u32) -> u64 {
        let seat = self.route(worker);
        let busy = self.shared.seat_block(seat).busy.load(Ordering::Relaxed);
        self.outlets[seat.0 as usize]
            .lane()
            .in_flight()
            .max(u64::from(busy))
    }

    /// The seat whose lane from this reactor holds most.
    pub(crate) fn fullest(&mut self) -> Seat {
        let outlets = &mut self.outlets;
        // Of those that get messages: nobody may ever read what is left in the others.
        let used = |&seat: &Seat| (outlets[seat.0 as usize].lane().used_now(), seat.0);
        Seat(
            self.routes
                .iter()
                .map(used)
                .max()
                .map_or(0, |(_, seat)| seat),
        )
    }

    /// The lane to a seat. Call [`Dispatcher::ring`] at the end of the batch.
    pub(crate) fn outlet(&mut self, seat: Seat) -> &mut Outlet {
        self.touched[seat.0 as usize] = true;
        &mut self.outlets[seat.0 as usize]
    }

    /// Take back what the process on a seat has not begun; see `LaneWriter::recall`.
    pub(crate) fn recall(&mut self, seat: Seat) -> Recalled {
        let lane = self.outlet(seat).lane();
        let recalled = lane.recall();
        let (in_flight, finished) = lane.progress();
        let mark = self.shared.queue_mark(self.reactor, seat);
        mark.cut(finished + in_flight);
        recalled
    }

    /// Wake the sleeping workers among those that got something: one fence for all of them.
    pub(crate) fn ring(&mut self, now_ms: u64) {
        if !self.touched.iter().any(|&t| t) {
            return;
        }
        crate::sync::fence(Ordering::SeqCst); // (A) in ipc::doorbell
        for (seat, outlet) in self.outlets.iter_mut().enumerate() {
            if !std::mem::take(&mut self.touched[seat]) {
                continue;
            }
            outlet.bell().ring_if_asleep_fenced();
            // Once in a millisecond: the look at what is finished fetches the worker's cache line.
            if std::mem::replace(&mut self.marked_ms[seat], now_ms) != now_ms {
                let (in_flight, finished) = outlet.lane().progress();
                let mark = self.shared.queue_mark(self.reactor, Seat(seat as u32));
                mark.note(finished + in_flight, finished, now_ms);
            }
        }
    }
}

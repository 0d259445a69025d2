//! Which worker gets a message: by the mode, or by the user's function where there is one.
//!
//! `owner` says which worker owns a session, `rescue` when it does no longer; `datagram` is what stands for a session
//! where there is none.

mod datagram;
mod owner;
mod rescue;

use std::sync::Arc;

use crate::choice::{DispatchEvent, DispatchFn, DispatchKind, Target};
use crate::error::code;
use crate::ipc::directory::{Directory, Endpoint, Seat};
use crate::ipc::lane::Recalled;
use crate::ipc::outlet::Outlet;
use crate::log::{Log, Topic};
use crate::settings::{DispatchMode, Settings};
use crate::shared::Shared;
use crate::stats::seat_state;
use crate::sync::{AtomicU64, Ordering};

pub(crate) use datagram::DatagramKey;

/// A reactor's lanes to all workers.
pub(crate) struct Dispatcher {
    mode: DispatchMode,
    function: Option<DispatchFn>,
    rescue: rescue::Rescue,
    log: Log,
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
        settings: &Settings,
        function: Option<DispatchFn>,
        reactor: u32,
        shared: Arc<Shared>,
        turn: Arc<AtomicU64>,
        log: Log,
    ) -> Dispatcher {
        let mode = settings.dispatch_mode;
        let directory: &Directory = &shared.directory;
        let outlets: Vec<_> = shared
            .seats()
            .map(|seat| directory.outlet(Endpoint::Reactor(reactor), Endpoint::Worker(seat)))
            .collect();
        let touched = vec![false; outlets.len()];
        let marked_ms = vec![0; outlets.len()];
        let routes = (0..shared.workers()).map(Seat::first_of).collect();
        // A function has placed the messages: they stay where it wants them.
        let rescues = mode == DispatchMode::Adaptive && function.is_none();
        Dispatcher {
            mode,
            function,
            rescue: rescue::Rescue::new(
                rescues.then_some(settings.dispatch_rescue_ms),
                shared.workers(),
            ),
            log,
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

    /// Whether the order of a session's messages is kept, one worker having them all.
    pub(crate) fn keeps_order(&self) -> bool {
        self.mode.keeps_owner()
    }

    /// Whether the messages of a session may be in several workers at a time.
    pub(crate) fn spreads(&self) -> bool {
        !self.mode.keeps_owner() || self.function.is_some()
    }

    /// Whether a session's owner depends on the user that it is bound to.
    pub(crate) fn follows_users(&self) -> bool {
        self.mode == DispatchMode::User
    }

    /// Whether there is a dispatch function.
    pub(crate) fn has_function(&self) -> bool {
        self.function.is_some()
    }

    /// By worker id: the seat that gets its messages.
    pub(crate) fn routes(&self) -> &[Seat] {
        &self.routes
    }

    /// What the dispatch function says; without one, that the mode decides. A worker in the answer is one that exists.
    pub(crate) fn consult(&self, event: &DispatchEvent<'_>) -> Target {
        let Some(function) = &self.function else {
            return Target::Mode;
        };
        match function(event) {
            Target::Worker(worker) if worker >= self.shared.workers() => {
                let text = format_args!("invalid target worker-id[{worker}]");
                self.complain(code::INVALID_PARAMS, text);
                Target::Discard
            }
            Target::Unknown(number) => {
                let text = format_args!("invalid target worker id[{number}]");
                self.complain(code::WRONG_OPERATION, text);
                Target::Discard
            }
            target => target,
        }
    }

    /// A function that goes wrong may do so with every message.
    fn complain(&self, code: i32, text: std::fmt::Arguments<'_>) {
        let topic = Topic {
            function: "dispatch",
            code,
        };
        self.log.limited(topic, text);
    }

    /// The seat that the next message of a session with this owner goes to, as the mode says. Once it is on its way, say
    /// so with [`Dispatcher::advance`]: a look that leads to no message must not use up a turn.
    pub(crate) fn choose(&mut self, owner: u32) -> Seat {
        let worker = match self.mode {
            mode if mode.keeps_owner() => owner,
            DispatchMode::RoundRobin => self.next_in_turn(),
            _ => self.least_loaded(),
        };
        self.route(worker)
    }

    /// The seat that the next datagram goes to, one of this sender, as the mode says. In modes that keep an owner it is
    /// the same worker for ever: there is no session whose owner could be remembered. As for [`Dispatcher::choose`],
    /// say so when it is on its way.
    pub(crate) fn choose_datagram(&mut self, key: &DatagramKey) -> Seat {
        let workers = self.shared.workers();
        let worker = match self.mode {
            DispatchMode::Address => key.by_address() % workers,
            mode if mode.keeps_owner() => key.hash % workers,
            DispatchMode::RoundRobin => self.next_in_turn(),
            _ => self.least_loaded(),
        };
        self.route(worker)
    }

    /// What becomes of a datagram, as far as the function decides that.
    pub(crate) fn consult_datagram(&self, port: u16, key: &DatagramKey, data: &[u8]) -> Target {
        self.consult(&DispatchEvent {
            session: key.hash.into(),
            kind: DispatchKind::Datagram,
            port,
            data,
        })
    }

    /// A message was given to the chosen seat.
    pub(crate) fn advance(&self) {
        if !self.mode.keeps_owner() {
            self.turn.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The worker whose turn it is. One that is not there yet, or any more, is passed over if another is.
    fn next_in_turn(&self) -> u32 {
        self.turn_order()
            .find(|&worker| self.is_ready(worker))
            .unwrap_or_else(|| self.present_turn())
    }

    /// The worker with the least to do, in turn among equals. To have been in a callback for a while counts more than any
    /// number of messages that are being worked off.
    fn least_loaded(&mut self) -> u32 {
        let burden = |worker| {
            let at_it = self.ms_in_callback(worker);
            let stuck = at_it >= owner::BUSY_MS;
            (!self.is_ready(worker), stuck, self.load(worker), at_it)
        };
        let least = self.turn_order().min_by_key(|&worker| burden(worker));
        least.unwrap_or_else(|| self.present_turn())
    }

    /// All workers, the one whose turn it is first.
    fn turn_order(&self) -> impl Iterator<Item = u32> + use<> {
        let (first, workers) = (self.present_turn(), self.shared.workers());
        (0..workers).map(move |step| (first + step) % workers)
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
    fn load(&self, worker: u32) -> u64 {
        let seat = self.route(worker);
        let busy = self.shared.seat_block(seat).busy.load(Ordering::Relaxed);
        self.outlets[seat.0 as usize]
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
        self.rescue.watch(seat.worker());
        &mut self.outlets[seat.0 as usize]
    }

    /// Something waits for the process on a seat.
    pub(crate) fn watch(&mut self, seat: Seat) {
        self.rescue.watch(seat.worker());
    }

    /// Whether no message may be begun on the lane to a seat; see `LaneWriter::is_paused`.
    pub(crate) fn is_paused(&mut self, seat: Seat) -> bool {
        self.outlets[seat.0 as usize].lane().is_paused()
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

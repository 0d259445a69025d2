//! Everything that processes share, mapped before the first fork and owned by nobody's life.

use std::io;
use std::sync::Arc;

use crate::ipc::directory::{Directory, Drawing, Endpoint, Plan, SEATS, Seat};
use crate::ipc::shm::{At, Layout, Region};
use crate::session::{SessionTable, SessionTableAt};
use crate::stats::{
    ReactorBlock, SeatBlock, ServerBlock, Stats, WorkerBlock, WorkerStats, seat_state,
};
use crate::sync::Ordering;

/// The shared state of one server. Every process and thread of it has the same.
pub(crate) struct Shared {
    region: Arc<Region>,
    plan: Plan,
    server: At<ServerBlock>,
    reactors: At<ReactorBlock>,
    workers: At<WorkerBlock>,
    seats: At<SeatBlock>,
    pub(crate) directory: Directory,
    pub(crate) sessions: SessionTable,
}

impl Shared {
    /// Lay out and map the memory, open the bells.
    pub(crate) fn create(plan: Plan, max_connection: u32) -> io::Result<Shared> {
        let mut layout = Layout::default();
        let server = layout.place(1);
        let reactors = layout.place(plan.reactors as usize);
        let workers = layout.place(plan.workers as usize);
        let seats = layout.place(plan.workers as usize * SEATS);
        let sessions = SessionTableAt::place(&mut layout, max_connection);
        let drawing = Drawing::new(plan, &mut layout);
        let region = Arc::new(Region::map(&layout)?);
        Ok(Shared {
            plan,
            server,
            reactors,
            workers,
            seats,
            directory: Directory::open(drawing, Arc::clone(&region))?,
            sessions: SessionTable::new(Arc::clone(&region), sessions),
            region,
        })
    }

    pub(crate) fn workers(&self) -> u32 {
        self.plan.workers
    }

    pub(crate) fn reactor_count(&self) -> u32 {
        self.plan.reactors
    }

    /// All seats.
    pub(crate) fn seats(&self) -> impl Iterator<Item = Seat> + use<> {
        (0..self.plan.workers * SEATS as u32).map(Seat)
    }

    /// The seat of the process that serves new messages of a worker id.
    pub(crate) fn seat_of(&self, worker: u32) -> Seat {
        let incarnation = self.worker(worker).serving.load(Ordering::Acquire) % SEATS as u32;
        Seat(Seat::first_of(worker).0 + incarnation)
    }

    pub(crate) fn worker(&self, worker: u32) -> &WorkerBlock {
        &self.region.slice(self.workers)[worker as usize]
    }

    pub(crate) fn server(&self) -> &ServerBlock {
        self.region.one(self.server)
    }

    pub(crate) fn reactor(&self, reactor: u32) -> &ReactorBlock {
        &self.region.slice(self.reactors)[reactor as usize]
    }

    pub(crate) fn reactors(&self) -> &[ReactorBlock] {
        self.region.slice(self.reactors)
    }

    pub(crate) fn seat_block(&self, seat: Seat) -> &SeatBlock {
        &self.region.slice(self.seats)[seat.0 as usize]
    }

    /// Every process opens its log file again, before it writes its next line or when it wakes: the bells
    /// wake those that sleep, and disturb no callback.
    pub(crate) fn reopen_logs(&self) {
        self.server().log_generation.fetch_add(1, Ordering::AcqRel);
        for seat in self.seats() {
            self.directory.bell(Endpoint::Worker(seat)).ring();
        }
        self.directory.bell(Endpoint::Manager).ring();
        self.directory.bell(Endpoint::Main).ring();
    }

    /// The manager has begun a reload: the master tells systemd.
    pub(crate) fn note_reload_begun(&self) {
        self.server().reloads_begun.fetch_add(1, Ordering::AcqRel);
        self.directory.bell(Endpoint::Main).ring();
    }

    /// The reload is over, completed or given up.
    pub(crate) fn note_reload_ended(&self) {
        self.server().reloads.fetch_add(1, Ordering::AcqRel);
        self.directory.bell(Endpoint::Main).ring();
    }

    /// Sessions that are open now.
    pub(crate) fn open_sessions(&self) -> u64 {
        let closed: u64 = self
            .reactors()
            .iter()
            .map(|r| r.closed.load(Ordering::Acquire))
            .sum();
        self.server()
            .accepted
            .load(Ordering::Acquire)
            .saturating_sub(closed)
    }

    /// Whether every message given to a worker has been dealt with.
    pub(crate) fn workers_drained(&self) -> bool {
        self.seats().all(|seat| {
            (0..self.plan.reactors).all(|r| {
                self.directory
                    .is_drained(Endpoint::Reactor(r), Endpoint::Worker(seat))
            })
        })
    }

    /// Sum the counters. `seat`: the calling worker's, for its own figures.
    pub(crate) fn stats(&self, seat: Option<Seat>) -> Stats {
        let server = self.server();
        let load = |counter: &crate::sync::AtomicU64| counter.load(Ordering::Relaxed);
        let reactors = self.reactors();
        let sum = |of: fn(&ReactorBlock) -> &crate::sync::AtomicU64| {
            reactors.iter().map(|r| load(of(r))).sum::<u64>()
        };
        let seats = self.region.slice(self.seats);
        let closed = sum(|r| &r.closed);
        let accepted = load(&server.accepted);
        let is_idle = |seat: &&SeatBlock| {
            seat.state.load(Ordering::Relaxed) == seat_state::READY
                && seat.busy.load(Ordering::Relaxed) == 0
        };
        Stats {
            start_time: load(&server.start_time),
            connection_num: accepted.saturating_sub(closed),
            abort_count: load(&server.aborted) + sum(|r| &r.aborted),
            accept_count: accepted,
            close_count: closed,
            worker_num: u64::from(self.plan.workers),
            idle_worker_num: seats.iter().filter(is_idle).count() as u64,
            dispatch_count: sum(|r| &r.dispatched),
            request_count: seats
                .iter()
                .map(|s| load(&s.requests) + load(&s.past_requests))
                .sum(),
            response_count: seats
                .iter()
                .map(|s| load(&s.responses) + load(&s.past_responses))
                .sum(),
            total_recv_bytes: sum(|r| &r.received_bytes),
            total_send_bytes: seats
                .iter()
                .map(|s| load(&s.sent_bytes) + load(&s.past_sent_bytes))
                .sum(),
            session_round: load(&server.last_session),
            requests_lost: load(&server.requests_lost),
            output_bytes: sum(|r| &r.output_bytes),
            held_back: sum(|r| &r.held_back),
            worker: seat.map(|seat| {
                let own = self.seat_block(seat);
                WorkerStats {
                    request_count: load(&own.requests),
                    response_count: load(&own.responses),
                    dispatch_count: load(&own.events),
                }
            }),
        }
    }
}

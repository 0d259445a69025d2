//! Everything that processes share, mapped before the first fork and owned by nobody's life.

pub(crate) mod phase;
mod report;
pub(crate) mod task_source;

use std::io;
use std::sync::Arc;

use self::task_source::TaskSource;
use crate::ipc::directory::{Directory, Drawing, Endpoint, Plan, SEATS, Seat};
use crate::ipc::parcels::INLINE;
use crate::ipc::shm::{At, BytesAt, Layout, Region};
use crate::ipc::work::WorkBlock;
use crate::session::{SessionTable, SessionTableAt};
use crate::stats::{QueueMark, ReactorBlock, SeatBlock, ServerBlock, WorkerBlock, seat_state};
use crate::sync::Ordering;

/// What a child of the manager is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChildKind {
    /// Serves clients.
    Worker,
    /// Runs tasks.
    TaskWorker,
    /// Runs a function of the user.
    UserProcess,
}

/// The shared state of one server. Every process and thread of it has the same.
pub(crate) struct Shared {
    region: Arc<Region>,
    plan: Plan,
    server: At<ServerBlock>,
    reactors: At<ReactorBlock>,
    workers: At<WorkerBlock>,
    seats: At<SeatBlock>,
    /// By seat of a task worker.
    works: At<WorkBlock>,
    /// The message or command that a child is at, by seat.
    requests: At<WorkBlock>,
    /// Payloads of the tasks at work, by seat of a task worker, where they may have to be run again. Longer ones stay in their
    /// parcel.
    kept: Option<BytesAt>,
    /// By reactor, then by seat.
    marks: At<QueueMark>,
    pub(crate) directory: Directory,
    pub(crate) sessions: SessionTable,
    pub(crate) task_source: TaskSource,
}

impl Shared {
    /// Lay out and map the memory, open the bells.
    pub(crate) fn create(plan: Plan, max_connection: u32) -> io::Result<Shared> {
        let mut layout = Layout::default();
        let server = layout.place(1);
        let reactors = layout.place(plan.reactors as usize);
        let workers = layout.place(plan.children() as usize);
        let seats = layout.place(plan.children() as usize * SEATS);
        let works = layout.place(plan.task_workers as usize * SEATS);
        let requests = layout.place(plan.children() as usize * SEATS);
        let marks = layout.place(plan.reactors as usize * plan.workers as usize * SEATS);
        let kept = plan
            .keeps_tasks
            .then(|| layout.bytes(plan.task_workers as usize * SEATS * INLINE));
        let sessions = SessionTableAt::place(&mut layout, max_connection);
        let drawing = Drawing::new(plan, &mut layout);
        let region = Arc::new(Region::map(&layout)?);
        Ok(Shared {
            plan,
            server,
            reactors,
            workers,
            seats,
            works,
            requests,
            kept,
            marks,
            directory: Directory::open(drawing, Arc::clone(&region))?,
            sessions: SessionTable::new(Arc::clone(&region), sessions),
            region,
            task_source: TaskSource::default(),
        })
    }

    /// The same with a message queue that other programs feed.
    pub(crate) fn with_task_source(mut self, source: TaskSource) -> Shared {
        self.task_source = source;
        self
    }

    pub(crate) fn workers(&self) -> u32 {
        self.plan.workers
    }

    pub(crate) fn reactor_count(&self) -> u32 {
        self.plan.reactors
    }

    pub(crate) fn task_workers(&self) -> u32 {
        self.plan.task_workers
    }

    /// Workers, task workers and user processes: all that the manager forks.
    pub(crate) fn children(&self) -> u32 {
        self.plan.children()
    }

    /// What a child is, by its id.
    pub(crate) fn kind_of(&self, child: u32) -> ChildKind {
        match child {
            id if id < self.plan.workers => ChildKind::Worker,
            id if id < self.plan.workers + self.plan.task_workers => ChildKind::TaskWorker,
            _ => ChildKind::UserProcess,
        }
    }

    /// All seats of workers.
    pub(crate) fn seats(&self) -> impl Iterator<Item = Seat> + use<> {
        (0..self.plan.workers * SEATS as u32).map(Seat)
    }

    /// All seats of all children.
    pub(crate) fn all_seats(&self) -> impl Iterator<Item = Seat> + use<> {
        (0..self.plan.children() * SEATS as u32).map(Seat)
    }

    /// What the task worker on a seat is at; `None` for other children.
    pub(crate) fn work(&self, seat: Seat) -> Option<&WorkBlock> {
        let first = self.plan.workers * SEATS as u32;
        let index = seat.0.checked_sub(first)? as usize;
        self.region.slice(self.works).get(index)
    }

    /// The message or command that the process on a seat is at.
    pub(crate) fn request(&self, seat: Seat) -> &WorkBlock {
        &self.region.slice(self.requests)[seat.0 as usize]
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

    /// The mark of the lane from a reactor to a seat.
    pub(crate) fn queue_mark(&self, reactor: u32, seat: Seat) -> &QueueMark {
        let seats = self.plan.workers as usize * SEATS;
        &self.region.slice(self.marks)[reactor as usize * seats + seat.0 as usize]
    }

    /// Every process opens its log file again, before it writes its next line or when it wakes: the bells
    /// wake those that sleep, and disturb no callback.
    pub(crate) fn reopen_logs(&self) {
        self.server().log_generation.fetch_add(1, Ordering::AcqRel);
        for seat in self.all_seats() {
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
        self.queues().all(|(reactor, seat)| {
            self.directory
                .is_drained(Endpoint::Reactor(reactor), Endpoint::Worker(seat))
        })
    }

    /// Keep the payload of the task that the task worker on `seat` takes, if it may have to be run again. How much was kept.
    pub(crate) fn keep(&self, seat: Seat, data: &[u8]) -> u64 {
        match self.keep_of(seat) {
            Some(at) => self.region.fill(at, data) as u64,
            None => 0,
        }
    }

    /// The manager, when that process is dead: so much of what it kept. `None` if nothing is ever kept.
    pub(crate) fn kept(&self, seat: Seat, len: u64) -> Option<Vec<u8>> {
        Some(self.region.copy(self.keep_of(seat)?, len as usize))
    }

    fn keep_of(&self, seat: Seat) -> Option<BytesAt> {
        let index = seat.0.checked_sub(self.plan.workers * SEATS as u32)?;
        Some(self.kept?.part(index as usize, INLINE))
    }

    /// Whether no task waits or is at work, no worker has its results or a message of user code before it, and none is just
    /// telling a client of one. One leads to the other, so what comes last is asked for last, and what may come anew again.
    pub(crate) fn tasks_drained(&self) -> bool {
        let at_work =
            |seat| self.work(seat).is_some_and(WorkBlock::is_busy) || self.request(seat).is_busy();
        let telling = |seat: Seat| self.seat_block(seat).telling.load(Ordering::Acquire) == 1;
        let exchange = self.directory.exchange();
        let has_requests = || exchange.has_requests(0..self.plan.workers + self.plan.task_workers);
        let waiting = exchange.waiting_tasks();
        waiting.count == 0
            && !has_requests()
            && !self.all_seats().any(at_work)
            && exchange
                .unread_replies(0..self.plan.workers)
                .next()
                .is_none()
            && !self.seats().any(telling)
            && !has_requests()
            && exchange.waiting_tasks().given == waiting.given
    }

    /// Results and ends of tasks that no callback has been told of.
    pub(crate) fn unread_results(&self) -> u64 {
        let exchange = self.directory.exchange();
        let unread = exchange.unread_replies(0..self.plan.workers);
        unread
            .map(|way| exchange.queue(way).waiting_and_pushed().0)
            .sum()
    }

    /// Bytes of replies that wait for slow clients.
    pub(crate) fn output_bytes(&self) -> u64 {
        let reactors = self.reactors().iter();
        reactors
            .map(|r| r.output_bytes.load(Ordering::Acquire))
            .sum()
    }

    /// Messages of clients given to workers and not dealt with.
    pub(crate) fn unanswered(&self) -> u64 {
        let last = self.server().last_session.load(Ordering::Acquire);
        self.sessions.unanswered(last) + self.unanswered_packets()
    }

    /// Datagrams among them.
    fn unanswered_packets(&self) -> u64 {
        let seats = self.region.slice(self.seats).iter();
        let done: u64 = seats.map(|seat| seat.packets.load(Ordering::Acquire)).sum();
        let reactors = self.reactors().iter();
        let given: u64 = reactors.map(|r| r.packets.load(Ordering::Acquire)).sum();
        given.saturating_sub(done)
    }

    /// Whether nobody sits there or will, until the seat's worker is replaced once more.
    fn is_left(&self, seat: Seat) -> bool {
        self.seat_of(seat.worker()) != seat
            && self.seat_block(seat).state.load(Ordering::Acquire) == seat_state::EMPTY
    }

    /// Lanes to workers that anybody will ever read: not those to a seat left for good, where the rest
    /// of a message that died may lie.
    fn queues(&self) -> impl Iterator<Item = (u32, Seat)> {
        let seats = self.seats().filter(|&seat| !self.is_left(seat));
        seats.flat_map(|seat| (0..self.plan.reactors).map(move |reactor| (reactor, seat)))
    }
}

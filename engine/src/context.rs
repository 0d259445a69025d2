//! What a callback may do: send, close, look around, ask for reload and shutdown.
//!
//! One value per process, made after the fork that made it. All methods may be called from every
//! callback of every process kind unless they say otherwise; none may be called from another thread.

mod at_hand;
mod backlog;
mod closing;
mod commands;
mod datagrams;
mod events;
mod feeder;
mod files;
mod inbox;
mod messages;
mod orders;
mod outgoing;
mod replies;
mod sending;
mod sessions;
mod tasks;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use backlog::Backlog;
pub(crate) use feeder::{Feeder, wake_feeders};
use outgoing::Outgoing;
pub(crate) use replies::Reply;
use tasks::Tasks;

pub use crate::callback::Role;
use crate::command::Commands;
use crate::error::code;
use crate::event_loop::EventLoop;
use crate::handler::{Callback, Handler, Leave};
use crate::ipc::directory::{Endpoint, Seat};
use crate::ipc::exchange::Party;
use crate::ipc::frame::Head;
use crate::ipc::outlet::Outlet;
use crate::ipc::parker::Parker;
use crate::log::{Level as LogLevel, Log};
use crate::net::handover;
use crate::packet::Packet;
use crate::port::{Port, Ports};
use crate::session::table::Slot;
use crate::session::{Index, SessionId, TlsInfo};
use crate::settings::Settings;
use crate::shared::phase::Phase;
use crate::shared::{ChildKind, Shared};
use crate::stats::{SeatBlock, Stats, WorkerReport, bump, seat_state};
use crate::sync::Ordering;
use crate::sys::{clock, fork, signal};

/// Why a call was refused: an engine code from [`crate::error::code`], or an `errno`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused(pub i32);

/// A worker's state, numbered as `SWOOLE_WORKER_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum WorkerStatus {
    /// Handling messages.
    Busy = 1,
    /// Waiting.
    Idle = 2,
    /// Starting, stopping or gone.
    Exit = 3,
}

/// Callback and session on record.
pub(crate) struct AtWork(u32, u64);

/// What a process has from its birth, beside shared memory and the bells.
pub(crate) struct Wires {
    /// By reactor: the way of open files.
    pub(crate) file_senders: Rc<[handover::Sender]>,
    /// Read ends whose other ends are held by its supervisors.
    pub(crate) lifelines: Vec<OwnedFd>,
    /// The commands of the server.
    pub(crate) commands: Commands,
    /// Timers and watched descriptors; those of the master may have been made before the start.
    pub(crate) event_loop: Rc<EventLoop>,
}

/// What one process can do.
pub struct Context {
    role: Role,
    endpoint: Endpoint,
    handler: Rc<dyn Handler>,
    shared: Arc<Shared>,
    ports: Ports,
    settings: Arc<Settings>,
    log: Log,
    /// By reactor.
    reactors: RefCell<Vec<Outlet>>,
    /// By reactor, where this process must not wait for them; else none.
    backlogs: RefCell<Vec<Backlog>>,
    manager: RefCell<Option<Outlet>>,
    main: RefCell<Option<Outlet>>,
    /// For waiting until a lane has room; made when first needed.
    parker: RefCell<Option<Parker>>,
    wires: Wires,
    /// Session whose close callback runs now; 0 none.
    closing: Cell<SessionId>,
    /// Set by a callback that ran inside `close()` or `command()` and must end the process.
    leaving: Cell<Option<Leave>>,
    /// What was agreed on with clients under TLS.
    sealed: RefCell<HashMap<SessionId, TlsInfo>>,
    /// Port of the event at hand.
    port: Cell<u16>,
    /// The datagram at hand.
    packet: Cell<Option<Packet>>,
    /// Worker: end after the callback at hand.
    stopping: Cell<bool>,
    /// Sessions in the order of their ids.
    index: RefCell<Index>,
    /// Messages of this process to itself.
    own: RefCell<Vec<Head>>,
    /// Ways to other processes beside those of clients' data.
    outgoing: RefCell<Outgoing>,
    tasks: Tasks,
}

/// What the process on a seat is.
pub(crate) fn role_of(shared: &Shared, seat: Seat) -> Role {
    let id = seat.worker();
    match shared.kind_of(id) {
        ChildKind::Worker => Role::Worker(id),
        ChildKind::TaskWorker => Role::TaskWorker(id),
        ChildKind::UserProcess => Role::UserProcess(id),
    }
}

impl Context {
    /// For the process at `endpoint`.
    pub(crate) fn new(
        endpoint: Endpoint,
        handler: Rc<dyn Handler>,
        shared: Arc<Shared>,
        ports: Ports,
        settings: Arc<Settings>,
        log: Log,
        wires: Wires,
    ) -> Rc<Context> {
        let directory = &shared.directory;
        let reactors = (0..shared.reactor_count())
            .map(|reactor| directory.outlet(endpoint, Endpoint::Reactor(reactor)))
            .collect();
        let to = |target| (endpoint != target).then(|| directory.outlet(endpoint, target));
        let (manager, main) = (to(Endpoint::Manager), to(Endpoint::Main));
        let role = match endpoint {
            Endpoint::Manager => Role::Manager,
            Endpoint::Worker(seat) => role_of(&shared, seat),
            Endpoint::Main | Endpoint::Reactor(_) => Role::Master,
        };
        let start = settings.start_session_id;
        let epoch = match endpoint {
            Endpoint::Worker(seat) => shared.seat_block(seat).epoch.load(Ordering::Relaxed),
            _ => 0,
        };
        let party = Party::of(endpoint).unwrap_or(Party::MAIN);
        Rc::new(Context {
            role,
            endpoint,
            handler,
            ports,
            settings,
            log,
            reactors: RefCell::new(reactors),
            backlogs: RefCell::new(Vec::new()),
            manager: RefCell::new(manager),
            main: RefCell::new(main),
            parker: RefCell::new(None),
            wires,
            closing: Cell::new(0),
            leaving: Cell::new(None),
            sealed: RefCell::default(),
            port: Cell::new(0),
            packet: Cell::new(None),
            stopping: Cell::new(false),
            index: RefCell::new(Index::new(start)),
            own: RefCell::new(Vec::new()),
            outgoing: RefCell::new(Outgoing::new(party, epoch)),
            tasks: Tasks::default(),
            shared,
        })
    }

    /// Which process this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Own id, in workers and task workers; `None` elsewhere.
    pub fn worker_id(&self) -> Option<u32> {
        match self.role {
            Role::Worker(id) | Role::TaskWorker(id) => Some(id),
            _ => None,
        }
    }

    /// Number of workers.
    pub fn worker_num(&self) -> u32 {
        self.shared.workers()
    }

    /// Pid of the master.
    pub fn master_pid(&self) -> i32 {
        self.shared.server().master_pid.load(Ordering::Acquire)
    }

    /// Pid of the manager.
    pub fn manager_pid(&self) -> i32 {
        self.shared.server().manager_pid.load(Ordering::Acquire)
    }

    /// Pid of a worker; `None` for an id that does not exist, 0 while it is being replaced.
    pub fn worker_pid(&self, worker: u32) -> Option<i32> {
        let seat = (worker < self.shared.children()).then(|| self.shared.seat_of(worker))?;
        Some(self.shared.seat_block(seat).pid.load(Ordering::Acquire))
    }

    /// State of a worker; `None` for an id that does not exist.
    pub fn worker_status(&self, worker: u32) -> Option<WorkerStatus> {
        let seat = (worker < self.shared.children()).then(|| self.shared.seat_of(worker))?;
        let block = self.shared.seat_block(seat);
        Some(match block.state.load(Ordering::Acquire) {
            seat_state::READY if block.busy.load(Ordering::Relaxed) == 0 => WorkerStatus::Idle,
            seat_state::READY => WorkerStatus::Busy,
            // Within its own start and stop callbacks a worker is at work.
            _ if self.endpoint == Endpoint::Worker(seat) => WorkerStatus::Busy,
            _ => WorkerStatus::Exit,
        })
    }

    /// Index of the port whose event is at hand, the primary one (0) outside of such events: handlers that have
    /// callbacks of their own for a port choose by it.
    pub fn event_port(&self) -> u16 {
        self.port.get()
    }

    /// Descriptor of a port's socket, if this process has it: the master until it stops accepting, and workers if
    /// the port takes datagrams.
    pub fn port_socket(&self, port: u16) -> Option<i32> {
        let (_, port) = self.ports.iter().find(|(index, _)| *index == port)?;
        let here = match self.role {
            Role::Master => Phase::of(&self.shared) < Phase::Draining,
            Role::Worker(_) => port.kind.is_datagram(),
            Role::Manager | Role::TaskWorker(_) | Role::UserProcess(_) => false,
        };
        (here && !fork::is_foreign()).then_some(port.socket)
    }

    /// Counters of the whole server, the same from every process, and the caller's own if it is a worker.
    pub fn stats(&self) -> Stats {
        self.shared.stats(self.seat())
    }

    /// What can be said of one worker, the same from every process; `None` for an id that does not exist.
    pub fn worker_report(&self, worker: u32) -> Option<WorkerReport> {
        (worker < self.shared.children()).then(|| self.shared.worker_report(worker))
    }

    /// Sessions that are open now.
    pub fn session_count(&self) -> u64 {
        self.shared.open_sessions()
    }

    /// Whether this process is not the role's own but a child that user code forked in a callback. Such a
    /// child may compute, exec and exit; sending, closing and ordering are refused with 509, and when the
    /// callback ends, so does the child.
    pub fn is_forked_child(&self) -> bool {
        fork::is_foreign()
    }

    /// Whether the callback at work has exceeded `worker_deadline`: this worker is about to be killed, and has
    /// been sent SIGTERM so that it can clean up.
    pub fn is_overdue(&self) -> bool {
        let overdue = |block: &SeatBlock| {
            let message = block.overdue.load(Ordering::Acquire);
            message != 0 && message == block.begun()
        };
        self.own_block().is_some_and(overdue) && !fork::is_foreign()
    }

    /// Call `hook` whenever this process, or one that it forks, gets SIGTERM: inside the signal handler, in the
    /// middle of whatever runs. So the hook may only do what is async-signal-safe, such as setting a flag that
    /// an interpreter looks at. It replaces an earlier one, and does not change what SIGTERM does.
    pub fn on_term_signal(&self, hook: extern "C" fn()) {
        signal::on_term(hook);
    }

    /// Whether this process is to end, by SIGTERM, because its manager has asked it to, or because the whole server
    /// stops: a callback that waits for something should give it up.
    pub fn is_told_to_stop(&self) -> bool {
        let asked = |block: &SeatBlock| block.stop_asked.load(Ordering::Relaxed) == 1;
        let told = signal::has_come(signal::SIGTERM)
            || Phase::of(&self.shared) >= Phase::Draining
            || self.own_block().is_some_and(asked);
        told && !fork::is_foreign()
    }

    /// Write a line to the server's log.
    pub fn log_line(&self, level: LogLevel, text: &str) {
        self.log.line(level, &text);
    }

    /// Write a line to the server's log, as an error.
    pub fn log_error(&self, text: &str) {
        self.log.error(text);
    }

    /// Write a line to the server's log, as a warning.
    pub fn log_warning(&self, text: &str) {
        self.log.warning(text);
    }

    /// Write a line to the server's log, as a notice.
    pub fn log_notice(&self, text: &str) {
        self.log.notice(text);
    }

    // ---- for the roles -------------------------------------------------------------------------

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn handler(&self) -> &dyn Handler {
        &*self.handler
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// A callback inside `close()` wants the process to end.
    pub(crate) fn take_leaving(&self) -> Option<Leave> {
        self.leaving.take()
    }

    /// An event of a port comes: callbacks of that port are meant.
    pub(crate) fn at_port(&self, port: u16) {
        self.port.set(port);
    }

    /// The ports of the server.
    pub(crate) fn ports(&self) -> &Ports {
        &self.ports
    }

    fn port_of(&self, slot: &Slot) -> &Port {
        self.ports.get(slot.port())
    }

    /// A callback of this worker begins: say so where others can read it. Returns what was there, for
    /// [`Context::resume`] if this callback runs within another.
    pub(crate) fn enter(&self, callback: Callback, session: SessionId) -> AtWork {
        let Some(block) = self.own_block() else {
            return AtWork(0, 0);
        };
        let before = AtWork(
            block.callback.load(Ordering::Relaxed),
            block.session.load(Ordering::Relaxed),
        );
        block.callback.store(callback as u32, Ordering::Relaxed);
        block.session.store(session, Ordering::Relaxed);
        if block.callback_since_ms.load(Ordering::Relaxed) == 0 {
            let now = clock::coarse_ms();
            block.callback_since_ms.store(now, Ordering::Release);
        }
        before
    }

    /// The callback within another has returned.
    pub(crate) fn resume(&self, outer: AtWork) {
        if let Some(block) = self.own_block() {
            block.callback.store(outer.0, Ordering::Relaxed);
            block.session.store(outer.1, Ordering::Relaxed);
        }
    }

    /// A callback of the event loop begins. Gives what was there if it runs within another, for [`Context::left_job`].
    fn enter_job(&self, callback: Callback) -> Option<AtWork> {
        let block = self.own_block()?;
        bump(&block.jobs, 1);
        let nested = block.callback_since_ms.load(Ordering::Relaxed) != 0;
        let outer = self.enter(callback, 0);
        nested.then_some(outer)
    }

    /// It has returned.
    fn left_job(&self, outer: Option<AtWork>) {
        match outer {
            Some(outer) => self.resume(outer),
            None => self.left(),
        }
    }

    /// The callback has returned; it stays on record as the last one.
    pub(crate) fn left(&self) {
        if let Some(block) = self.own_block() {
            block.callback_since_ms.store(0, Ordering::Release);
        }
    }

    fn own_block(&self) -> Option<&SeatBlock> {
        self.seat().map(|seat| self.shared.seat_block(seat))
    }

    fn live(&self, session: SessionId) -> Result<&Slot, Refused> {
        if fork::is_foreign() {
            return Err(Refused(code::WRONG_OPERATION)); // a child that user code forked has no lanes
        }
        let slot = self.shared.sessions.find_live(session);
        slot.ok_or(Refused(code::SESSION_NOT_EXIST))
    }

    fn seat(&self) -> Option<Seat> {
        match self.endpoint {
            Endpoint::Worker(seat) => Some(seat),
            _ => None,
        }
    }
}

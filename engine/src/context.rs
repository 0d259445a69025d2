//! What a callback may do: send, close, look around, ask for reload and shutdown.
//!
//! One value per process, made after the fork that made it. All methods may be called from every
//! callback of every process kind unless they say otherwise; none may be called from another thread.

mod backlog;

use std::cell::{Cell, RefCell};
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use backlog::Backlog;

use crate::error::code;
use crate::handler::{CLOSED_BY_SERVER, Callback, Handler, Leave};
use crate::ipc::directory::{Endpoint, Seat};
use crate::ipc::frame::{Head, Kind, close_flags};
use crate::ipc::lane::Push;
use crate::ipc::outlet::Outlet;
use crate::ipc::parker::Parker;
use crate::log::Log;
use crate::port::{Port, Ports};
use crate::session::table::{NO_OWNER, Slot, state};
use crate::session::{SessionId, SessionInfo};
use crate::settings::Settings;
use crate::shared::Shared;
use crate::shared::phase::Phase;
use crate::stats::{SeatBlock, Stats, WorkerReport, bump, seat_state};
use crate::sync::Ordering;
use crate::sys::{clock, fork, signal};

/// Which process this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The process that called start().
    Master,
    /// The process that forks and replaces workers.
    Manager,
    /// A worker, with its id.
    Worker(u32),
}

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

/// How long a sender that waits for room sleeps before it looks again, should a ring be missed.
const ROOM_RECHECK: Duration = Duration::from_millis(100);

/// Callback and session on record.
pub(crate) struct AtWork(u32, u64);

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
    lifelines: Vec<OwnedFd>,
    /// Session whose close callback runs now; 0 none.
    closing: Cell<SessionId>,
    /// Set by a callback that ran inside `close()` and must end the process.
    leaving: Cell<Option<Leave>>,
    /// Port of the event at hand.
    port: Cell<u16>,
    /// Worker: end after the callback at hand.
    stopping: Cell<bool>,
    /// Messages of this process to itself.
    own: RefCell<Vec<Head>>,
}

impl Context {
    /// For the process at `endpoint`. `lifelines`: read ends held by its supervisors.
    pub(crate) fn new(
        endpoint: Endpoint,
        handler: Rc<dyn Handler>,
        shared: Arc<Shared>,
        ports: Ports,
        settings: Arc<Settings>,
        log: Log,
        lifelines: Vec<OwnedFd>,
    ) -> Rc<Context> {
        let directory = &shared.directory;
        let reactors = (0..shared.reactor_count())
            .map(|reactor| directory.outlet(endpoint, Endpoint::Reactor(reactor)))
            .collect();
        let to = |target| (endpoint != target).then(|| directory.outlet(endpoint, target));
        let (manager, main) = (to(Endpoint::Manager), to(Endpoint::Main));
        let role = match endpoint {
            Endpoint::Manager => Role::Manager,
            Endpoint::Worker(seat) => Role::Worker(seat.worker()),
            Endpoint::Main | Endpoint::Reactor(_) => Role::Master,
        };
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
            lifelines,
            closing: Cell::new(0),
            leaving: Cell::new(None),
            port: Cell::new(0),
            stopping: Cell::new(false),
            own: RefCell::new(Vec::new()),
            shared,
        })
    }

    /// Which process this is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Own worker id; `None` in master and manager.
    pub fn worker_id(&self) -> Option<u32> {
        match self.role {
            Role::Worker(id) => Some(id),
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
        let seat = (worker < self.shared.workers()).then(|| self.shared.seat_of(worker))?;
        Some(self.shared.seat_block(seat).pid.load(Ordering::Acquire))
    }

    /// State of a worker; `None` for an id that does not exist.
    pub fn worker_status(&self, worker: u32) -> Option<WorkerStatus> {
        let seat = (worker < self.shared.workers()).then(|| self.shared.seat_of(worker))?;
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

    /// Counters of the whole server, the same from every process, and the caller's own if it is a worker.
    pub fn stats(&self) -> Stats {
        self.shared.stats(self.seat())
    }

    /// What can be said of one worker, the same from every process; `None` for an id that does not exist.
    pub fn worker_report(&self, worker: u32) -> Option<WorkerReport> {
        (worker < self.shared.workers()).then(|| self.shared.worker_report(worker))
    }

    /// Sessions that are open now.
    pub fn session_count(&self) -> u64 {
        self.shared.open_sessions()
    }

    /// Queue `data` for a session. Ok means queued, in order with what this process sent before; it
    /// is delivered unless the connection breaks. Refused: 550 nothing to send, 1005 no such
    /// session, 1004 closed, 1009 more than `socket_buffer_size` is waiting already (the check comes
    /// before queueing, so the overshoot is one send at most), 1203 longer than `output_buffer_size`.
    pub fn send(&self, session: SessionId, data: &[u8]) -> Result<(), Refused> {
        if data.is_empty() {
            return Err(Refused(code::NO_PAYLOAD));
        }
        if data.len() as u64 > self.settings.output_buffer_size {
            self.log.warning(format_args!(
                "send() (ERRNO {}): The length of data [{}] exceeds the output buffer size[{}], please use the sendfile, \
                 chunked transfer mode or adjust the output_buffer_size",
                code::DATA_LENGTH_TOO_LARGE,
                data.len(),
                self.settings.output_buffer_size,
            ));
            return Err(Refused(code::DATA_LENGTH_TOO_LARGE));
        }
        let slot = self.live(session)?;
        if slot.has(state::ENDED) {
            return Err(Refused(code::SESSION_CLOSED));
        }
        if slot.send_queued() >= self.port_of(slot).settings.socket_buffer_size {
            self.log.warning(format_args!(
                "send() (ERRNO {}): send failed, session={session} output buffer overflow",
                code::OUTPUT_BUFFER_OVERFLOW,
            ));
            return Err(Refused(code::OUTPUT_BUFFER_OVERFLOW));
        }
        slot.note_queued(data.len());
        self.to_reactor(
            slot.reactor(),
            Head::new(Kind::Send, session, data.len() as u64),
            data,
        )?;
        if let Some(block) = self.own_block() {
            bump(&block.responses, 1);
            bump(&block.sent_bytes, data.len() as u64);
        }
        Ok(())
    }

    /// End a session after what is queued for it has been written; with `reset`, at once and without it.
    ///
    /// In the worker that owns the session `on_close` runs before this returns (unless its `on_connect` is
    /// still to come); from anywhere else the owner runs it later. Refused: 1003 inside the session's own
    /// close callback, 1004 closed before, 1005 no such session.
    pub fn close(&self, session: SessionId, reset: bool) -> Result<(), Refused> {
        if self.closing.get() == session && session != 0 {
            self.log.notice(format_args!(
                "close() (ERRNO {}): session#{session} is closing",
                code::SESSION_CLOSING
            ));
            return Err(Refused(code::SESSION_CLOSING));
        }
        let slot = self.live(session)?;
        let owner = slot.owner();
        // The event is ours to emit if we own the session, or if any worker may serve it. If its
        // connect event still waits in our lane, the close event must queue up behind that.
        let wanted = self.port_of(slot).interests;
        let met = !wanted.connect || slot.has(state::CONNECTED);
        let spread = owner == NO_OWNER;
        let ours = met
            && match self.worker_id() {
                Some(_) if spread => wanted.close,
                Some(id) => id == owner && self.speaks_for(session),
                None => false,
            };
        let here = ours || (spread && !wanted.close);
        let bits = if here { state::CLAIMED } else { 0 };
        // Should this process die before the reactor has heard of it, the manager tells it.
        self.put_on_record(session);
        let claimed = slot.mark_ending(bits | state::ENDED | state::SERVER_CLOSED);
        // Replaced just now, or the session was given to another worker, which may be in a callback of it.
        let lost = !self.speaks_for(session) || slot.owner() != owner;
        let handed_over = ours && !spread && lost;
        let mut told = Ok(());
        if claimed {
            let mut flags = if reset { close_flags::RESET } else { 0 };
            if handed_over {
                flags |= close_flags::HAND_OVER;
            } else if here {
                slot.mark(state::EVENT_DONE);
                flags |= close_flags::EVENT_DONE;
            }
            let head = Head::new(Kind::CloseSession, session, flags);
            told = self.to_reactor(slot.reactor(), head, &[]);
        }
        self.put_on_record(0);
        if !claimed {
            return Err(Refused(code::SESSION_CLOSED));
        }
        told?;
        if ours && !handed_over && wanted.close {
            self.run_on_close(session, CLOSED_BY_SERVER);
        }
        Ok(())
    }

    /// Whether a session is open and not being closed.
    pub fn exists(&self, session: SessionId) -> bool {
        self.shared
            .sessions
            .find(session)
            .is_some_and(|slot| slot.is_open())
    }

    /// What is known of a session: until its socket is closed, and in its close callback.
    pub fn info(&self, session: SessionId) -> Option<SessionInfo> {
        let slot = self.shared.sessions.find_live(session)?;
        let visible = self.closing.get() == session || !slot.has(state::SOCKET_CLOSED);
        visible.then(|| slot.info())
    }

    /// Ids of open sessions greater than `after`, smallest first, at most `limit`. Page by passing the last one.
    pub fn sessions(&self, after: SessionId, limit: usize) -> Vec<SessionId> {
        let given = self.given_ids();
        self.shared.sessions.list(given, None, after, limit)
    }

    /// As [`Context::sessions`], of those that came by one port.
    pub fn port_sessions(&self, port: u16, after: SessionId, limit: usize) -> Vec<SessionId> {
        let given = self.given_ids();
        self.shared.sessions.list(given, Some(port), after, limit)
    }

    /// How many of the open sessions came by one port. Looks at all of them.
    pub fn port_session_count(&self, port: u16) -> u64 {
        let sessions = self.shared.sessions.open_slots(self.given_ids());
        sessions.filter(|slot| slot.port() == port).count() as u64
    }

    /// The port that an open session came by.
    pub fn session_port(&self, session: SessionId) -> Option<u16> {
        let slot = self.shared.sessions.find(session)?;
        let port = slot.port();
        slot.is_open().then_some(port)
    }

    fn given_ids(&self) -> RangeInclusive<SessionId> {
        let last = self.shared.server().last_session.load(Ordering::Acquire);
        self.settings.start_session_id + 1..=last
    }

    /// Replace all workers without losing a request. Ok: the manager will do it.
    /// Refused: 509 while the server stops.
    pub fn reload(&self) -> Result<(), Refused> {
        if Phase::of(&self.shared) >= Phase::Draining {
            return Err(Refused(code::WRONG_OPERATION));
        }
        self.to_manager(Head::new(Kind::Reload, 0, 0))
    }

    /// Stop the server in good order. Ok: the master will do it.
    pub fn shutdown(&self) -> Result<(), Refused> {
        self.to_main(Head::new(Kind::Shutdown, 0, 0))
    }

    /// Replace one worker: it ends after the callback at hand. `None`: this one. Refused: 509 outside
    /// of a worker without an id, 505 for an id that does not exist.
    pub fn stop(&self, worker: Option<u32>) -> Result<(), Refused> {
        let Some(worker) = worker.or(self.worker_id()) else {
            self.log.warning(format_args!(
                "stop() (ERRNO {}): kill worker in non worker process requires specifying an id",
                code::WRONG_OPERATION
            ));
            return Err(Refused(code::WRONG_OPERATION));
        };
        if worker >= self.shared.workers() {
            self.log.warning(format_args!(
                "stop() (ERRNO {}): the worker_id[{worker}] is invalid",
                code::INVALID_PARAMS
            ));
            return Err(Refused(code::INVALID_PARAMS));
        }
        if self.worker_id() == Some(worker) {
            self.stopping.set(true);
            return Ok(());
        }
        self.to_manager(Head::new(Kind::StopWorker, 0, u64::from(worker)))
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
            message != 0 && message == block.events.load(Ordering::Relaxed)
        };
        self.own_block().is_some_and(overdue) && !fork::is_foreign()
    }

    /// Call `hook` whenever this process, or one that it forks, gets SIGTERM: inside the signal handler, in the
    /// middle of whatever runs. So the hook may only do what is async-signal-safe, such as setting a flag that
    /// an interpreter looks at. It replaces an earlier one, and does not change what SIGTERM does.
    pub fn on_term_signal(&self, hook: extern "C" fn()) {
        signal::on_term(hook);
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

    /// Run the close callback of a session; a wish to leave is kept for [`Context::take_leaving`].
    pub(crate) fn run_on_close(&self, session: SessionId, reactor: i32) {
        let outer = self.closing.replace(session);
        let at_work = self.enter(Callback::Close, session);
        let outer_port = self.port.get();
        if let Some(slot) = self.shared.sessions.find(session) {
            self.port.set(slot.port()); // close() may have been called in an event of another port
        }
        match self.handler.on_close(self, session, reactor) {
            Ok(()) => self.resume(at_work),
            Err(leave) => self.leaving.set(Some(leave)), // and this callback stays on record
        }
        self.port.set(outer_port);
        self.closing.set(outer);
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

    /// The callback has returned; it stays on record as the last one.
    pub(crate) fn left(&self) {
        if let Some(block) = self.own_block() {
            block.callback_since_ms.store(0, Ordering::Release);
        }
    }

    fn own_block(&self) -> Option<&SeatBlock> {
        self.seat().map(|seat| self.shared.seat_block(seat))
    }

    /// Publish a message to a reactor and wake it; waits for room.
    pub(crate) fn to_reactor(&self, reactor: u32, head: Head, data: &[u8]) -> Result<(), Refused> {
        let mut outlets = self.reactors.borrow_mut();
        let outlet = outlets
            .get_mut(reactor as usize)
            .ok_or(Refused(code::SESSION_NOT_EXIST))?;
        if let Some(backlog) = self.backlogs.borrow_mut().get_mut(reactor as usize) {
            backlog.post(outlet, head, data);
            return Ok(());
        }
        self.post(outlet, head, data)
    }

    /// From now on this process keeps what a reactor has no room for instead of waiting: the reactors may be waiting
    /// for it.
    pub(crate) fn never_wait(&self) {
        let reactors = self.reactors.borrow();
        let backlogs = reactors.iter().map(|_| Backlog::default());
        self.backlogs.replace(backlogs.collect());
    }

    /// Send on what was kept.
    pub(crate) fn flush_backlog(&self) {
        let (mut backlogs, mut reactors) = (self.backlogs.borrow_mut(), self.reactors.borrow_mut());
        for (backlog, outlet) in backlogs.iter_mut().zip(reactors.iter_mut()) {
            backlog.flush(outlet);
        }
    }

    /// Order something of the manager. Never waits: it may be in a user's callback.
    pub(crate) fn to_manager(&self, head: Head) -> Result<(), Refused> {
        self.order(&self.manager, head)
    }

    /// Order something of the master's main thread. Never waits either.
    pub(crate) fn to_main(&self, head: Head) -> Result<(), Refused> {
        self.order(&self.main, head)
    }

    /// A lane full of orders is a lane full of the same few wishes: one more reload or shutdown is among
    /// them already, anything else is refused.
    fn order(&self, outlet: &RefCell<Option<Outlet>>, head: Head) -> Result<(), Refused> {
        if fork::is_foreign() {
            return Err(Refused(code::WRONG_OPERATION));
        }
        let Some(outlet) = &mut *outlet.borrow_mut() else {
            self.own.borrow_mut().push(head);
            return Ok(());
        };
        let pushed = outlet.push(head, &[], &mut 0);
        outlet.bell().ring_if_asleep();
        match (pushed, head.kind) {
            (Push::Whole, _) | (Push::Full, Kind::Reload | Kind::Shutdown) => Ok(()),
            (Push::Full, _) => Err(Refused(code::SYSTEM_CALL_FAIL)),
        }
    }

    /// What callbacks of this process asked of this process: manager and main have no lane to themselves,
    /// their loops take this up after the callback.
    pub(crate) fn take_own(&self) -> Vec<Head> {
        self.own.take()
    }

    /// Push, and while the lane is full, wait until its receiver has made room. Receivers of these
    /// lanes never wait for their senders, so the wait ends unless the receiver is dead: then the
    /// life-line breaks, and the server with it.
    fn post(&self, outlet: &mut Outlet, head: Head, data: &[u8]) -> Result<(), Refused> {
        let mut sent = 0;
        while outlet.push(head, data, &mut sent) == Push::Full {
            outlet.bell().ring_if_asleep();
            let level = outlet.lane().half();
            if outlet.lane().want_room(level) && !self.wait_for_room() {
                return Err(Refused(code::SESSION_CLOSED));
            }
        }
        outlet.bell().ring_if_asleep();
        Ok(())
    }

    /// Sleep until rung. False: a supervisor is dead.
    fn wait_for_room(&self) -> bool {
        let mut parker = self.parker.borrow_mut();
        if parker.is_none() {
            let lines: Vec<_> = self.lifelines.iter().map(AsFd::as_fd).collect();
            *parker = Parker::new(&self.shared.directory.bell(self.endpoint), &lines).ok();
        }
        match &mut *parker {
            Some(parker) => {
                parker.park(Some(ROOM_RECHECK));
                !parker.supervisor_lost()
            }
            None => {
                // No descriptor left for a poll: looking again at intervals is slow and right.
                std::thread::sleep(Duration::from_millis(1));
                true
            }
        }
    }

    fn live(&self, session: SessionId) -> Result<&Slot, Refused> {
        if fork::is_foreign() {
            return Err(Refused(code::WRONG_OPERATION)); // a child that user code forked has no lanes
        }
        let slot = self.shared.sessions.find_live(session);
        slot.ok_or(Refused(code::SESSION_NOT_EXIST))
    }

    /// Whether this process may run the session's callbacks: it gets its worker's messages, or is still
    /// at one of this very session.
    fn speaks_for(&self, session: SessionId) -> bool {
        let Some(seat) = self.seat() else {
            return false;
        };
        let at_work = self.shared.seat_block(seat).session.load(Ordering::Relaxed);
        self.shared.seat_of(seat.worker()) == seat || at_work == session
    }

    /// Which session this worker is closing; 0 none.
    fn put_on_record(&self, session: SessionId) {
        if let Some(block) = self.own_block() {
            block.closing.store(session, Ordering::Release);
        }
    }

    fn seat(&self) -> Option<Seat> {
        match self.endpoint {
            Endpoint::Worker(seat) => Some(seat),
            _ => None,
        }
    }
}

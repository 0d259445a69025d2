//! Counters: each written by one process or thread, all summed by whoever asks.

mod age;
mod figures;
mod worker;

pub(crate) use age::QueueMark;
pub use figures::Figure;
pub use worker::{WorkerReport, WorkerState};

use crate::ipc::shm::shared_block;
use crate::sync::{AtomicI32, AtomicU32, AtomicU64, Ordering};

/// Add to a counter that only the caller writes.
pub(crate) fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Relaxed);
}

shared_block! {
    /// Facts about the whole server. Written by the master's main thread, but for what is said otherwise.
    pub(crate) struct ServerBlock {
        /// The phase (`shared::phase`) as a number.
        pub(crate) phase: AtomicU32,
        pub(crate) master_pid: AtomicI32,
        /// Written by the manager before it forks anything.
        pub(crate) manager_pid: AtomicI32,
        /// 1 once the manager has forked every first-generation worker.
        pub(crate) forked: AtomicU32,
        pub(crate) start_time: AtomicU64,
        pub(crate) last_session: AtomicU64,
        pub(crate) accepted: AtomicU64,
        pub(crate) aborted: AtomicU64,
        /// Messages and events that died with a worker; written by the manager.
        pub(crate) requests_lost: AtomicU64,
        /// Tasks and results that died with a process, were left at a stop, or could not be read or sent; counted up by many.
        pub(crate) tasks_lost: AtomicU64,
        /// Messages of user code that died with the process that was at them.
        pub(crate) messages_lost: AtomicU64,
        /// Grows with each change of a [`WorkerBlock::serving`]; written by the manager.
        pub(crate) routes: AtomicU64,
        /// Reloads completed or given up; written by the manager.
        pub(crate) reloads: AtomicU64,
        /// Reloads begun; written by the manager.
        pub(crate) reloads_begun: AtomicU64,
        /// How often the log was to be reopened; counted up by master and manager.
        pub(crate) log_generation: AtomicU64,
        /// The last ticket under which a descriptor was handed to a reactor; counted up by whoever does that.
        pub(crate) tickets: AtomicU64,
        /// Tasks of other programs that task workers have taken; counted up by them, and slept on by the intake.
        pub(crate) intake_taken: AtomicU32,
        /// Threads of the intake that sleep on it.
        pub(crate) intake_waiting: AtomicU32,
    }
}

impl ServerBlock {
    /// So many tasks more have no result that anybody can use.
    pub(crate) fn note_lost_tasks(&self, count: u64) {
        self.tasks_lost.fetch_add(count, Ordering::Relaxed);
    }
}

shared_block! {
    /// Facts about a worker id, whatever process serves it. Written by the manager.
    pub(crate) struct WorkerBlock {
        /// Which of the id's seats new messages go to.
        pub(crate) serving: AtomicU32,
        /// Processes forked for this id; all after the first are restarts.
        pub(crate) forks: AtomicU64,
    }
}

shared_block! {
    /// Facts about one reactor thread, written by it alone.
    pub(crate) struct ReactorBlock {
        /// [`ServerBlock::routes`] as this reactor has last acted on it.
        pub(crate) routes_seen: AtomicU64,
        /// Sessions it has ended.
        pub(crate) closed: AtomicU64,
        /// Accepted connections it could not serve.
        pub(crate) aborted: AtomicU64,
        /// Messages given to workers.
        pub(crate) dispatched: AtomicU64,
        pub(crate) received_bytes: AtomicU64,
        /// Datagrams among the messages given to workers.
        pub(crate) packets: AtomicU64,
        /// Datagrams read and given to nobody.
        pub(crate) packets_dropped: AtomicU64,
        /// Bytes waiting for slow clients.
        pub(crate) output_bytes: AtomicU64,
        /// Sessions not read because a worker's queue is full.
        pub(crate) held_back: AtomicU64,
        /// Its longest turn, ms, by a clock that is a few ms coarse.
        pub(crate) longest_turn_ms: AtomicU64,
        /// Sessions that a stop closed before their output was written.
        pub(crate) cut_off: AtomicU64,
        /// Messages read that no worker's lane had room for when the server stopped.
        pub(crate) undelivered: AtomicU64,
    }
}

/// State of a worker's seat.
pub(crate) mod seat_state {
    /// Nobody has sat here, or the process is dead.
    pub(crate) const EMPTY: u32 = 0;
    /// Forked, the start callback has not returned.
    pub(crate) const STARTING: u32 = 1;
    /// Handling messages.
    pub(crate) const READY: u32 = 2;
    /// Asked to stop.
    pub(crate) const STOPPING: u32 = 3;
}

/// A worker's wish to be replaced.
pub(crate) mod recycle {
    /// Not yet.
    pub(crate) const NO: u32 = 0;
    /// Soon: it has a few requests to go, and its replacement may be started.
    pub(crate) const SOON: u32 = 1;
    /// Now: it has served its requests, or outgrown its memory.
    pub(crate) const NOW: u32 = 2;
}

/// What becomes of such a wish.
pub(crate) mod replacement {
    /// The manager has not looked yet.
    pub(crate) const UNKNOWN: u32 = 0;
    /// A replacement is starting, or stands by.
    pub(crate) const COMING: u32 = 1;
    /// Others come first: go on serving.
    pub(crate) const LATER: u32 = 2;
}

shared_block! {
    /// Facts about the process on a seat. Reset by the manager at each fork, else written by the process.
    pub(crate) struct SeatBlock {
        pub(crate) pid: AtomicI32,
        /// Number of processes that have sat here, this one included.
        pub(crate) epoch: AtomicU32,
        pub(crate) state: AtomicU32,
        /// Session that a call of close() is ending right now, 0 none.
        pub(crate) closing: AtomicU64,
        /// 1: asked by the manager to end after the callback at hand.
        pub(crate) stop_asked: AtomicU32,
        /// Whether the process wants to be replaced ([`recycle`]).
        pub(crate) recycle: AtomicU32,
        /// The manager's answer ([`replacement`]).
        pub(crate) replacement: AtomicU32,
        /// Number of the message whose callback has taken too long; written by the manager.
        pub(crate) overdue: AtomicU64,
        /// 1 while a batch of messages is being handled.
        pub(crate) busy: AtomicU32,
        /// Monotonic ms of the fork; written by the manager.
        pub(crate) born_ms: AtomicU64,
        /// The callback at work, or the last one (`Callback` as a number).
        pub(crate) callback: AtomicU32,
        /// Monotonic ms at which the callback at work began, a few ms coarse; 0: none is at work.
        pub(crate) callback_since_ms: AtomicU64,
        /// Session of that callback; 0 none.
        pub(crate) session: AtomicU64,
        pub(crate) requests: AtomicU64,
        pub(crate) responses: AtomicU64,
        pub(crate) sent_bytes: AtomicU64,
        pub(crate) events: AtomicU64,
        /// Callbacks of the event loop that have begun: timers and the like.
        pub(crate) jobs: AtomicU64,
        /// Monotonic ms by which the process is to have ended, once it was asked to; written by the manager.
        pub(crate) end_by_ms: AtomicU64,
        /// 1 while it has, or is about to take, results of tasks: it may be going to answer a client.
        pub(crate) telling: AtomicU32,
        /// Results of tasks that it has read and not handled, as it waits in a call.
        pub(crate) held_results: AtomicU64,
        /// Datagrams dealt with or lost, by all processes that have sat here.
        pub(crate) packets: AtomicU64,
        /// Of all predecessors together; written by the manager when it settles one.
        pub(crate) past_requests: AtomicU64,
        pub(crate) past_responses: AtomicU64,
        pub(crate) past_sent_bytes: AtomicU64,
    }
}

impl SeatBlock {
    /// Number of what the process is at, or was at last: a message, or a callback of the event loop.
    pub(crate) fn begun(&self) -> u64 {
        self.events.load(Ordering::Acquire) + self.jobs.load(Ordering::Acquire)
    }
}

/// A snapshot of the server's counters; the same whichever process takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Unix time of start.
    pub start_time: u64,
    /// Open sessions.
    pub connection_num: u64,
    /// Connections dropped before they became sessions.
    pub abort_count: u64,
    /// Connections accepted.
    pub accept_count: u64,
    /// Sessions ended.
    pub close_count: u64,
    /// Workers.
    pub worker_num: u64,
    /// Task workers.
    pub task_worker_num: u64,
    /// User processes.
    pub user_worker_num: u64,
    /// Workers that are ready and have nothing to do.
    pub idle_worker_num: u64,
    /// Task workers that are ready and have nothing to do.
    pub task_idle_worker_num: u64,
    /// Tasks that wait for a task worker.
    pub tasking_num: u64,
    /// Bytes of those, heads included.
    pub task_queue_bytes: u64,
    /// How long the oldest of them has been waiting, milliseconds.
    pub task_queue_age_ms: u64,
    /// Tasks that task workers are at.
    pub tasks_at_work: u64,
    /// Tasks ever given.
    pub task_count: u64,
    /// Tasks that died with a task worker, were left when the server stopped, or whose results could not be sent or read.
    pub tasks_lost: u64,
    /// Messages in the message queue that other programs feed, and their bytes; `None` with `task_ipc_mode` 1.
    pub task_queue: Option<(u64, u64)>,
    /// Messages of other processes that were at work when their receiver died.
    pub messages_lost: u64,
    /// Messages given to workers.
    pub dispatch_count: u64,
    /// Receive and packet callbacks that have returned.
    pub request_count: u64,
    /// Sends that were accepted.
    pub response_count: u64,
    /// Bytes read from clients.
    pub total_recv_bytes: u64,
    /// Bytes accepted by send.
    pub total_send_bytes: u64,
    /// Last session id given.
    pub session_round: u64,
    /// Sessions closed because the worker died that was handling a message or event of theirs.
    pub requests_lost: u64,
    /// Bytes waiting for slow clients, in all reactors.
    pub output_bytes: u64,
    /// Sessions and datagram ports not read at the moment because a worker's queue is full.
    pub held_back: u64,
    /// Datagrams read and dropped, because their worker had no room or they were cut off.
    pub datagrams_dropped: u64,
    /// Reloads completed.
    pub reloads: u64,
    /// Where the server is in its life: `starting`, `serving`, then the steps of a stop, `stopped`.
    pub phase: &'static str,
    /// Whether it accepts and serves: true in the phase `serving` alone.
    pub ready: bool,
    /// The calling worker's own figures; `None` outside of workers.
    pub worker: Option<WorkerStats>,
}

/// The calling worker's own counters, since it was forked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerStats {
    /// Receive callbacks that have returned.
    pub request_count: u64,
    /// Sends that were accepted.
    pub response_count: u64,
    /// Messages taken.
    pub dispatch_count: u64,
}

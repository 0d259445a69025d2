//! What a callback of a pool may do, and what the processes of a pool share.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::PoolMessages;
use crate::context::Refused;
use crate::error::code;
use crate::ipc::shm::{At, Layout, Region, shared_block};
use crate::sync::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use crate::sys::channel::{self, Channel, ChannelKind};
use crate::sys::eventfd::EventFd;
use crate::sys::{fork, fuse, process, signal};

shared_block! {
    /// One worker of a pool.
    pub(super) struct Member {
        /// Pid of the process; written by the master.
        pub(super) pid: AtomicI32,
        /// It takes messages; written by the worker, cleared by the master.
        pub(super) ready: AtomicU32,
        /// It is to end; written by the master.
        pub(super) asked: AtomicU32,
        /// Pid of a process that has left the pool; written by it, cleared by the master.
        pub(super) detached: AtomicI32,
        /// Monotonic ms of its fork.
        pub(super) born_ms: AtomicU64,
        /// Messages it has dealt with.
        pub(super) messages: AtomicU64,
        /// It is in a message callback.
        pub(super) busy: AtomicU32,
    }
}

/// How long a sender waits for room on its way to a worker that does not read.
const SEND_PATIENCE: Duration = Duration::from_secs(1);
/// Bytes on their way to a worker.
const BUFFER: usize = 8 << 20;

/// The processes of a pool, as each of them sees it.
pub(super) struct Shared {
    region: Region,
    members: At<Member>,
    pub(super) master: i32,
    /// The master's.
    pub(super) bell: EventFd,
    /// By worker: the end to send to, and its own.
    pub(super) pairs: Vec<(Channel, Channel)>,
    pub(super) queue: Option<i32>,
    pub(super) messages: PoolMessages,
}

impl Shared {
    pub(super) fn create(
        workers: u32,
        messages: PoolMessages,
        queue: Option<i32>,
    ) -> io::Result<Shared> {
        let mut layout = Layout::default();
        let members = layout.place::<Member>(workers as usize);
        let pairs: io::Result<Vec<_>> = match messages {
            PoolMessages::Unix => (0..workers)
                .map(|_| channel::pair(ChannelKind::Messages, BUFFER))
                .collect(),
            _ => Ok(Vec::new()),
        };
        Ok(Shared {
            region: Region::map(&layout)?,
            members,
            master: process::pid(),
            bell: EventFd::new()?,
            pairs: pairs?,
            queue,
            messages,
        })
    }

    pub(super) fn member(&self, worker: u32) -> Option<&Member> {
        self.region.slice(self.members).get(worker as usize)
    }
}

/// A pool in one of its processes. Methods return [`Refused`] with an `errno` or a code of [`crate::error::code`].
pub struct PoolContext {
    pub(super) shared: Arc<Shared>,
    /// None in the master.
    worker: Option<u32>,
    /// False once this process is to end.
    pub(super) running: Cell<bool>,
    pub(super) left: Cell<bool>,
    /// The answer to the client whose message is at work; none if nobody waits for one.
    pub(super) answer: RefCell<Option<Vec<u8>>>,
}

impl PoolContext {
    pub(super) fn new(shared: &Arc<Shared>, worker: Option<u32>) -> Rc<PoolContext> {
        Rc::new(PoolContext {
            shared: Arc::clone(shared),
            worker,
            running: Cell::new(true),
            left: Cell::new(false),
            answer: RefCell::new(None),
        })
    }

    /// Pid of the process that called start().
    pub fn master_pid(&self) -> i32 {
        self.shared.master
    }

    /// The worker that this process is; none in the master.
    pub fn worker(&self) -> Option<u32> {
        self.worker
    }

    /// Pid of a worker; none if there is no such worker, or it is being replaced.
    pub fn worker_pid(&self, worker: u32) -> Option<i32> {
        let pid = self.shared.member(worker)?.pid.load(Ordering::Acquire);
        (pid > 0).then_some(pid)
    }

    /// Whether this process shall go on. A start callback with a loop of its own looks here.
    pub fn is_running(&self) -> bool {
        let asked = |member: &Member| member.asked.load(Ordering::Acquire) != 0;
        let member = self.worker.and_then(|worker| self.shared.member(worker));
        self.running.get() && (self.left.get() || !member.is_some_and(asked))
    }

    /// Whether this process, a worker, has been told to end: by the master, or by a signal from elsewhere.
    pub fn must_end(&self) -> bool {
        self.worker.is_some() && (!self.is_running() || signal::has_come(signal::SIGTERM))
    }

    /// Whether user code forked this process: it is none of the pool's.
    pub fn is_forked_child(&self) -> bool {
        fork::is_foreign()
    }

    /// Send to a worker, which may be dead at the moment: its successor reads it. Only with [`PoolMessages::Unix`].
    pub fn send_message(&self, worker: u32, data: &[u8]) -> Result<(), Refused> {
        if self.shared.messages != PoolMessages::Unix {
            return Err(Refused(code::OPERATION_NOT_SUPPORT));
        }
        let pair = self.shared.pairs.get(worker as usize);
        let (way, _) = pair.ok_or(Refused(code::INVALID_PARAMS))?;
        match way.write(data, Some(SEND_PATIENCE)) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(Refused(EAGAIN)),
            Err(error) => Err(Refused(
                error.raw_os_error().unwrap_or(code::SYSTEM_CALL_FAIL),
            )),
        }
    }

    /// Add to the answer to the client whose message is at work.
    pub fn write(&self, data: &[u8]) -> Result<(), Refused> {
        match self.answer.borrow_mut().as_mut() {
            Some(answer) => {
                answer.extend_from_slice(data);
                Ok(())
            }
            None => Err(Refused(code::WRONG_OPERATION)),
        }
    }

    /// End the pool, in order.
    pub fn shutdown(&self) -> Result<(), Refused> {
        match !fork::is_foreign() && signal::send(self.shared.master, signal::SIGTERM) {
            true => Ok(()),
            false => Err(Refused(code::WRONG_OPERATION)),
        }
    }

    /// End this worker after what it is at; it is replaced.
    pub fn stop(&self) -> Result<(), Refused> {
        match self.worker {
            Some(_) if !fork::is_foreign() => {
                self.running.set(false);
                Ok(())
            }
            _ => Err(Refused(code::WRONG_OPERATION)),
        }
    }

    /// Leave the pool: this worker is replaced at once, and nobody looks after this process any more. It takes no further
    /// messages, and ends when its callback returns.
    pub fn detach(&self) -> Result<(), Refused> {
        let member = self.worker.and_then(|worker| self.shared.member(worker));
        let Some(member) = member.filter(|_| !fork::is_foreign() && !self.left.get()) else {
            return Err(Refused(code::WRONG_OPERATION));
        };
        self.left.set(true);
        process::outlive_parent();
        fuse::set_supervisor(0, 0);
        member.detached.store(process::pid(), Ordering::Release);
        self.shared.bell.notify();
        Ok(())
    }

    /// The socket of a worker: its own end in the worker itself, the end to send to elsewhere.
    pub fn channel(&self, worker: u32) -> Option<Channel> {
        let (way, own) = self.shared.pairs.get(worker as usize)?;
        match self.worker == Some(worker) {
            true => own.duplicate().ok(),
            false => way.duplicate().ok(),
        }
    }

    /// The system's number of the queue.
    pub fn queue_id(&self) -> Option<i32> {
        self.shared.queue
    }

    /// From now on, call `hook` in the signal handler of SIGTERM. It may do what is async-signal-safe.
    pub fn on_term_signal(&self, hook: extern "C" fn()) {
        signal::on_term(hook);
    }
}

/// Nobody reads what was sent before.
const EAGAIN: i32 = 11;

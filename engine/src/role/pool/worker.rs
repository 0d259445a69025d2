//! A worker of a pool: its start callback, then one message after the other.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::clients::Clients;
use super::context::{Member, PoolContext, Shared};
use super::{Pool, PoolHandler, PoolMessages};
use crate::handler::{Leave, Step};
use crate::log::{Author, Log};
use crate::role::{exit, signals};
use crate::stats::bump;
use crate::sync::{AtomicI32, Ordering};
use crate::sys::eventfd::EventFd;
use crate::sys::message_queue::{self, MessageQueue, Queued};
use crate::sys::ready;
use crate::sys::{clock, fork, fuse, process, signal};

/// A queue that is to go with the pool, for the signal handler; -1: none.
static ORPHANED_QUEUE: AtomicI32 = AtomicI32::new(-1);

extern "C" fn remove_orphaned_queue() {
    let _ = message_queue::remove(ORPHANED_QUEUE.load(Ordering::Relaxed)); // another worker was first
}

struct Worker<'p> {
    pool: &'p Pool,
    handler: &'p dyn PoolHandler,
    context: Rc<PoolContext>,
    member: &'p Member,
    signals: signals::Table,
    bell: EventFd,
    /// Breaks when the master dies.
    line: OwnedFd,
    log: Log,
    orphaned: bool,
}

/// The worker's life; its exit code.
pub(super) fn run(
    pool: &Pool,
    handler: &dyn PoolHandler,
    shared: &std::sync::Arc<Shared>,
    worker: u32,
    line: OwnedFd,
) -> i32 {
    let log = pool.log.by(Author::Worker(worker));
    fuse::set_supervisor(shared.master, 0);
    let context = PoolContext::new(shared, Some(worker));
    let (Ok(bell), Some(member)) = (EventFd::new(), shared.member(worker)) else {
        log.error("a worker cannot start: out of descriptors");
        return exit::FATAL;
    };
    let table = signals::worker();
    let Ok(installed) = table.install(bell.raw()) else {
        return exit::FATAL;
    };
    installed.keep(); // until the end of the process
    if let (PoolMessages::Queue { key: 0 }, Some(queue)) = (pool.messages, pool.queue) {
        ORPHANED_QUEUE.store(queue, Ordering::Relaxed);
        fuse::on_orphaned(remove_orphaned_queue);
    }
    if !process::die_with_parent(shared.master, process::LastCall::Notice) {
        remove_orphaned_queue();
        return exit::FATAL;
    }
    let mut worker = Worker {
        pool,
        handler,
        context,
        member,
        signals: table,
        bell,
        line,
        log,
        orphaned: false,
    };
    worker.live()
}

impl Worker<'_> {
    fn live(&mut self) -> i32 {
        let id = self.context.worker().unwrap_or_default();
        self.handler.attach(&self.context);
        let taking = self.pool.messages != PoolMessages::None && self.handler.takes_messages();
        if !taking {
            self.set_ready(); // the start callback is the work itself
        }
        let mut step = self.guard(|handler, pool| handler.on_worker_start(pool, id));
        if step.is_ok() && !taking {
            step = self.take_turns();
        }
        if step.is_ok() && taking {
            signal::reassert_unblocked(); // the pool's way to end this loop
            self.set_ready();
            step = self.take_messages();
        }
        if fork::is_foreign() {
            return step.err().map_or(0, |leave| leave.code);
        }
        if step.is_ok() && !self.goes_on() && !self.context.left.get() {
            step = self.guard(|handler, pool| handler.on_worker_exit(pool, id));
        }
        let stopped = self.guard(|handler, pool| handler.on_worker_stop(pool, id));
        if self.orphaned {
            remove_orphaned_queue();
        }
        self.log.finish();
        step.and(stopped).err().map_or(0, |leave| leave.code)
    }

    fn set_ready(&self) {
        self.member.ready.store(1, Ordering::Release);
        self.context.shared.bell.notify();
    }

    /// Call user code. In a child that it has forked the worker's life ends at once.
    fn guard(&self, call: impl FnOnce(&dyn PoolHandler, &PoolContext) -> Step) -> Step {
        let step = call(self.handler, &self.context);
        if fork::is_foreign() {
            return Err(step.err().unwrap_or(Leave { code: 0 }));
        }
        step
    }

    fn deliver(&self, data: &[u8]) -> Step {
        self.member.busy.store(1, Ordering::Relaxed);
        let step = self.guard(|handler, pool| handler.on_message(pool, data));
        step?;
        self.member.busy.store(0, Ordering::Relaxed);
        bump(&self.member.messages, 1);
        signal::reassert();
        Ok(())
    }

    /// Whether this worker shall take another message.
    fn goes_on(&mut self) -> bool {
        for action in self.signals.take() {
            match action {
                signals::Action::Stop => self.context.running.set(false),
                signals::Action::Reopen => self.log.reopen(),
                _ => {}
            }
        }
        if process::parent() != self.context.master_pid() && !self.context.left.get() {
            fuse::put_out(); // nothing keeps this process
            self.orphaned = true;
            self.context.running.set(false);
        }
        self.context.is_running() && !self.context.left.get()
    }

    fn take_messages(&mut self) -> Step {
        match self.pool.messages {
            PoolMessages::None => Ok(()),
            PoolMessages::Unix => self.take_from_socket(),
            PoolMessages::Queue { .. } => self.take_from_queue(),
            PoolMessages::Clients => self.take_from_clients(),
        }
    }

    fn take_from_socket(&mut self) -> Step {
        let context = Rc::clone(&self.context);
        let worker = context.worker().unwrap_or_default() as usize;
        let Some((_, own)) = context.shared.pairs.get(worker) else {
            return Ok(());
        };
        let mut room = vec![0; LARGEST_MESSAGE];
        while self.goes_on() {
            self.turn()?;
            match own.read_now(&mut room) {
                Ok(Some(length)) => self.deliver(room.get(..length).unwrap_or_default())?,
                Ok(None) => self.sleep(own.raw()),
                Err(error) => return self.broken("socket", &error),
            }
        }
        Ok(())
    }

    /// Until there is something to read or to do.
    fn sleep(&self, source: RawFd) {
        let (others, limit) = self.others();
        let wanted = [&others[..], &[source]].concat();
        let _ = ready::wait(&wanted, limit); // fails for bad descriptors only
        self.bell.drain();
    }

    /// What a worker waits for besides messages, and for how long at most: a signal, the master's death, what its event
    /// loop has.
    fn others(&self) -> (Vec<RawFd>, Option<Duration>) {
        let mut others = vec![self.bell.raw(), self.line.as_raw_fd()];
        let Some(event_loop) = self.handler.event_loop() else {
            return (others, None);
        };
        if event_loop.is_active() {
            others.extend(event_loop.descriptor());
        }
        let now = clock::monotonic_us() / 1_000;
        let due = event_loop.next_due();
        let limit = due.map(|due| Duration::from_millis(due.saturating_sub(now)));
        (others, limit)
    }

    /// What the event loop has to do now.
    fn turn(&self) -> Step {
        match self.handler.event_loop().filter(|own| own.is_active()) {
            None => Ok(()),
            Some(own) => self.guard(|_, _| own.turn(None).map(drop)),
        }
    }

    /// The start callback is over and has left timers or descriptors behind: they are the rest of the work.
    fn take_turns(&mut self) -> Step {
        let Some(own) = self.handler.event_loop() else {
            return Ok(());
        };
        while own.is_alive() && self.goes_on() {
            self.guard(|_, _| own.turn_and_wait().map(drop))?;
        }
        Ok(())
    }

    fn take_from_queue(&mut self) -> Step {
        let Some(id) = self.pool.queue else {
            return Ok(());
        };
        let mut queue = MessageQueue::of(id);
        // The master repeats its signal for a worker that was just about to wait when the first one came.
        while self.goes_on() {
            match queue.receive(0, LARGEST_QUEUED, true) {
                Ok(Queued::Done(_, length)) => self.deliver(queue.received(length))?,
                Ok(Queued::Interrupted | Queued::WouldBlock) => {}
                Ok(Queued::Removed) => return self.removed(),
                Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
                    return self.removed();
                }
                Err(error) => return self.broken("queue", &error),
            }
        }
        Ok(())
    }

    /// Somebody has removed the queue: without it there is nothing to do, for the other workers neither.
    fn removed(&mut self) -> Step {
        if self.goes_on() {
            self.log
                .error("the message queue has been removed, the pool ends");
            let _ = self.context.shutdown(); // fails if the master is dead
        }
        Ok(())
    }

    fn take_from_clients(&mut self) -> Step {
        let limit = self.pool.settings.primary.longest_message();
        let mut clients = match Clients::new(&self.pool.listeners, limit) {
            Ok(clients) => clients,
            Err(error) => return self.broken("sockets", &error),
        };
        while self.goes_on() {
            self.turn()?;
            let (others, limit) = self.others();
            clients.wait(&others, limit);
            self.bell.drain();
            self.serve(&mut clients)?;
        }
        self.serve_the_rest(&mut clients)?;
        clients.finish();
        Ok(())
    }

    /// Answer what has come whole.
    fn serve(&self, clients: &mut Clients<'_>) -> Step {
        // Who has left the pool takes no further messages.
        while !self.context.left.get()
            && let Some(request) = clients.next_request()
        {
            self.context.answer.replace(Some(Vec::new()));
            let step = self.deliver(request.data());
            let answer = self.context.answer.take();
            step?;
            clients.answer(request, &answer.unwrap_or_default());
        }
        Ok(())
    }

    /// The worker is to end. Clients that it has accepted are nobody else's: they have a moment for their request.
    fn serve_the_rest(&mut self, clients: &mut Clients<'_>) -> Step {
        clients.accept_no_more();
        let patience = Duration::from_millis(self.pool.settings.max_wait_ms / 2);
        let end = Instant::now() + patience.min(LAST_REQUESTS);
        loop {
            self.serve(clients)?;
            self.goes_on(); // sees that the master has died
            let left = end.saturating_duration_since(Instant::now());
            let over = self.orphaned || self.context.left.get() || left.is_zero();
            if over || !clients.awaits_requests() {
                return Ok(());
            }
            clients.wait(&[self.bell.raw(), self.line.as_raw_fd()], Some(left));
            self.bell.drain();
        }
    }

    fn broken(&self, what: &str, error: &std::io::Error) -> Step {
        self.log.error(format_args!(
            "the {what} of the pool cannot be read: {error}"
        ));
        Err(Leave { code: exit::FATAL })
    }
}

/// How long the clients of a worker that is to end have for their requests, if max_wait_time allows it.
const LAST_REQUESTS: Duration = Duration::from_secs(1);
/// Longest message on a worker's socket.
const LARGEST_MESSAGE: usize = 8 << 20;
/// Longest message on the queue that is taken; what the system allows is much less as a rule.
const LARGEST_QUEUED: usize = 1 << 20;

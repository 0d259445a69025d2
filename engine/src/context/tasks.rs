//! Giving tasks, and waiting for them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::at_hand::AtHand;
use super::inbox::Inbox;
use super::outgoing::{ring_child, ring_task_worker};
use super::replies::{Answer, Reply};
use super::{Context, Refused, Role};
use crate::error::code;
use crate::ipc::directory::{Endpoint, Seat};
use crate::ipc::envelope::Unsent;
use crate::ipc::exchange::{Party, Stamp, Way};
use crate::ipc::frame::Kind;
use crate::ipc::work::Work;
use crate::shared::phase::Phase;
use crate::sync::Ordering;
use crate::sys::{clock, fork};
use crate::task::{TaskAnswer, TaskId, TaskLoss, flags};

/// Longest sleep of a process that waits for a result, should a ring be missed.
pub(super) const RECHECK: Duration = Duration::from_millis(100);
/// Bytes of results that a waiting process takes at each of these looks, beyond the bound of what may wait.
const BEYOND: u64 = 1 << 20;
/// A wait that blocks a worker for longer is worth a line.
const LONG_WAIT_MS: u64 = 1_000;

/// A task whose end has not been heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// Its results are for callbacks.
    Plain,
    /// A call waits for its first result.
    Waiting,
}

/// What a process knows of the tasks it has given, and of the one it is at.
#[derive(Default)]
pub(super) struct Tasks {
    next: Cell<TaskId>,
    open: RefCell<FxHashMap<TaskId, Open>>,
    /// Results that had to be taken off their queues while a call waited for something else.
    pub(super) held: RefCell<Held>,
    pub(super) inbox: RefCell<Option<Inbox>>,
    /// What was for a process that sat on the other seat of this id and has left.
    pub(super) left: RefCell<Option<(Seat, Inbox)>>,
    /// In a task worker, the task at hand.
    pub(super) at_hand: Cell<Option<AtHand>>,
}

/// Replies in this process's own memory, in order: gone if it dies.
#[derive(Default)]
pub(super) struct Held {
    replies: VecDeque<Reply>,
    bytes: u64,
}

impl Held {
    /// What a reply takes at the least.
    const EACH: u64 = size_of::<Reply>() as u64;

    pub(super) fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }

    fn push(&mut self, reply: Reply) {
        self.bytes += Held::EACH + reply.data.len() as u64;
        self.replies.push_back(reply);
    }

    fn pop(&mut self) -> Option<Reply> {
        let reply = self.replies.pop_front()?;
        self.bytes -= Held::EACH + reply.data.len() as u64;
        Some(reply)
    }
}

impl Context {
    /// Give a task to the task workers: to whichever is free first, or to one of them (counted from 0). Results come to
    /// `on_finish` of this process if it is a worker; of other processes' tasks nobody hears. `flags` is a set of
    /// [`crate::task::flags`] that the front wants the task worker to see.
    ///
    /// Refused: 509 without task workers, in a task worker and in a child that user code has forked, 505 for a task
    /// worker that does not exist, 2001 for a payload of more than `task_queue_max_bytes`, 2002 if as much waits
    /// already as `task_queue_max_num` and `task_queue_max_bytes` allow.
    pub fn task(&self, data: &[u8], target: Option<u32>, flags: u8) -> Result<TaskId, Refused> {
        self.give(data, target, flags, Open::Plain)
    }

    /// Give a task and wait for its first result, at most for `timeout` (`None`: for ever). Blocks this worker: nothing
    /// else is served meanwhile. Refused as [`Context::task`], and with 509 outside of workers.
    pub fn task_wait(
        &self,
        data: &[u8],
        target: Option<u32>,
        flags: u8,
        timeout: Option<Duration>,
    ) -> Result<TaskAnswer, Refused> {
        if !matches!(self.role, Role::Worker(_)) {
            return Err(Refused(code::WRONG_OPERATION));
        }
        let id = self.give(data, target, flags, Open::Waiting)?;
        let mut answers = self.wait_for(&[id], timeout);
        Ok(answers.pop().unwrap_or(TaskAnswer::TimedOut))
    }

    /// Give several tasks and wait until each has its first result, at most for `timeout` in all. Answers are in the order
    /// of the tasks; one that could not be given has its refusal.
    pub fn task_wait_all(
        &self,
        tasks: &[(&[u8], u8)],
        timeout: Option<Duration>,
    ) -> Result<Vec<Result<TaskAnswer, Refused>>, Refused> {
        if !matches!(self.role, Role::Worker(_)) {
            return Err(Refused(code::WRONG_OPERATION));
        }
        let give = |&(data, flags): &(&[u8], u8)| {
            self.give(data, None, flags | flags::WAITALL, Open::Waiting)
        };
        let given: Vec<_> = tasks.iter().map(give).collect();
        let ids: Vec<_> = given.iter().filter_map(|id| id.ok()).collect();
        let mut answers = self.wait_for(&ids, timeout).into_iter();
        let answer = |id: Result<TaskId, Refused>| {
            id.map(|_| answers.next().unwrap_or(TaskAnswer::TimedOut))
        };
        Ok(given.into_iter().map(answer).collect())
    }

    /// Whether the end of a task that this process has given has not been heard of.
    pub fn is_task_open(&self, task: TaskId) -> bool {
        self.tasks.open.borrow().contains_key(&task)
    }

    /// Tasks of this process whose end has not been heard of.
    pub fn open_tasks(&self) -> usize {
        self.tasks.open.borrow().len()
    }

    /// Number of task workers.
    pub fn task_worker_num(&self) -> u32 {
        self.shared.task_workers()
    }

    fn give(
        &self,
        data: &[u8],
        target: Option<u32>,
        flags: u8,
        open: Open,
    ) -> Result<TaskId, Refused> {
        let workers = self.shared.task_workers();
        if workers == 0 || matches!(self.role, Role::TaskWorker(_)) || fork::is_foreign() {
            return Err(Refused(code::WRONG_OPERATION));
        }
        if Phase::of(&self.shared) >= Phase::Stopping {
            return Err(Refused(code::TASK_DISPATCH_FAILED)); // nobody would run it
        }
        if target.is_some_and(|worker| worker >= workers) {
            return Err(Refused(code::INVALID_PARAMS));
        }
        let target = target.filter(|_| !self.settings.tasks.ipc_mode.is_any());
        let answered = matches!(self.role, Role::Worker(_));
        let flags = flags | if answered { 0 } else { flags::NOREPLY };
        let flags = match open {
            Open::Plain => flags | flags::NONBLOCK,
            Open::Waiting => flags & !flags::NONBLOCK, // it tells by which queue the answer comes
        };
        let id = self.next_call();
        let exchange = self.shared.directory.exchange();
        let mut outgoing = self.outgoing.borrow_mut();
        let party = outgoing.party;
        let way = target.map_or(Way::Tasks(party), |worker| Way::Targeted(party, worker));
        let message = (Kind::Task, id, outgoing.stamp(flags, 0));
        let limit = self.settings.tasks.queue_max_num;
        outgoing
            .post(exchange, way, message, data, limit)
            .map_err(Unsent::refusal)?;
        if answered {
            self.tasks.open.borrow_mut().insert(id, open);
        }
        match target {
            Some(worker) => ring_child(&self.shared, self.shared.workers() + worker),
            None => ring_task_worker(&self.shared),
        }
        if Phase::of(&self.shared) >= Phase::Stopping {
            // The stop has come between: the manager reports what nobody takes.
            self.shared.directory.bell(Endpoint::Manager).ring();
        }
        Ok(id)
    }

    /// A number for a call of this process.
    pub(super) fn next_call(&self) -> u64 {
        let id = self.tasks.next.get();
        self.tasks.next.set(id + 1);
        id
    }

    /// Who was or may have been rung for tasks and does not take them now: that is for another one.
    pub(crate) fn wake_for_tasks(&self) {
        let exchange = self.shared.directory.exchange();
        if exchange.has_tasks() {
            ring_task_worker(&self.shared);
        }
    }

    /// The manager, when a task worker has been stopped: nobody rings it for tasks until it goes on. Whether it is just
    /// taking one, which keeps everybody else from that queue.
    pub(crate) fn pass_over(&self, seat: Seat) -> bool {
        let directory = &self.shared.directory;
        let exchange = directory.exchange();
        exchange.announce_awake(seat);
        // When it goes on, it looks around and says anew that it sleeps. After the line above: it may have gone on already.
        directory.bell(Endpoint::Worker(seat)).ring();
        self.wake_for_tasks();
        exchange.is_taking(seat)
    }

    /// Read replies until each of these tasks has an answer, or time is up.
    fn wait_for(&self, ids: &[TaskId], timeout: Option<Duration>) -> Vec<TaskAnswer> {
        self.wait_while(ids, timeout, "taskwait()", || true)
    }

    /// Give a call a number that an answer is waited for under.
    pub(super) fn open_call(&self) -> u64 {
        let id = self.next_call();
        self.tasks.open.borrow_mut().insert(id, Open::Waiting);
        id
    }

    /// It was not sent.
    pub(super) fn close_call(&self, id: u64) {
        self.tasks.open.borrow_mut().remove(&id);
    }

    /// Read replies until each of these calls has an answer, or time is up, or there is no sense in waiting any more.
    pub(super) fn wait_while(
        &self,
        ids: &[u64],
        timeout: Option<Duration>,
        call: &str,
        may_come: impl Fn() -> bool,
    ) -> Vec<TaskAnswer> {
        let begun = clock::monotonic_ms();
        let wait_ms = |timeout: Duration| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let deadline = timeout.map(|timeout| begun.saturating_add(wait_ms(timeout)));
        let mut answers = FxHashMap::default();
        let bell = self.shared.directory.bell(self.endpoint);
        let mut said = false;
        let mut looked = begun;
        loop {
            while let Some(reply) = self.next_answer() {
                if let Some(late) = self.answer_of(reply, &mut answers) {
                    self.drop_late(&late);
                }
            }
            let now = clock::monotonic_ms();
            let look = now >= looked + RECHECK.as_millis() as u64;
            self.relieve_senders(&mut if look { BEYOND } else { 0 });
            looked = if look { now } else { looked };
            if answers.len() == ids.len() || deadline.is_some_and(|at| now >= at) || !may_come() {
                break;
            }
            if !said && now >= begun + LONG_WAIT_MS {
                said = true;
                self.log.notice(format_args!(
                    "{call}: this worker has been waiting for a task for more than 1 s, and serves nothing meanwhile"
                ));
            }
            let left = deadline.map_or(RECHECK, |at| Duration::from_millis(at - now).min(RECHECK));
            bell.announce_sleep();
            // (Not the results for callbacks: they wait for the end of this call, and must not keep it awake.)
            let go_on = self.has_answers() || self.must_relieve() || self.wait_to_be_rung(left);
            bell.announce_awake();
            if !go_on {
                break; // a supervisor is dead
            }
        }
        let mut open = self.tasks.open.borrow_mut();
        let answer = |id| {
            open.remove(id);
            answers.remove(id).unwrap_or(TaskAnswer::TimedOut)
        };
        ids.iter().map(answer).collect()
    }

    /// Whether a process waits until it can send a result here, and what is held is within bounds.
    fn must_relieve(&self) -> bool {
        self.tasks.held.borrow().bytes < self.settings.tasks.queue_max_bytes
            && self.must_read_results()
    }

    /// A task worker that waits for room for a result may be the one that this call waits for. So results are taken off
    /// its queue, and beyond the bound of what may wait still some with each look: slowly, so that memory does not
    /// run away, but this call does not wait for ever either.
    fn relieve_senders(&self, more: &mut u64) {
        let telling = self.is_telling();
        while (*more > 0 || self.must_relieve()) && self.must_read_results() {
            self.note_telling(true); // before the result leaves its queue, where a stop would wait for it
            let Some(reply) = self.next_result() else {
                break;
            };
            *more = more.saturating_sub(Held::EACH + reply.data.len() as u64);
            self.note_held(&reply, 1);
            self.tasks.held.borrow_mut().push(reply);
        }
        if !telling {
            self.note_telling(false);
        }
    }

    /// On record, as what is held is lost with this process.
    fn note_held(&self, reply: &Reply, change: i64) {
        if reply.kind == Kind::TaskResult
            && let Some(seat) = self.seat()
        {
            let held = &self.shared.seat_block(seat).held_results;
            let count = held.load(Ordering::Relaxed).wrapping_add_signed(change);
            held.store(count, Ordering::Release);
        }
    }

    /// Whether it is on record that this process has results that clients may wait for.
    pub(crate) fn is_telling(&self) -> bool {
        let telling = |seat| self.shared.seat_block(seat).telling.load(Ordering::Relaxed);
        self.seat().is_some_and(|seat| telling(seat) == 1)
    }

    /// Put it on record that this process has or is about to take such results, or that they are dealt with: but for
    /// those that are held.
    pub(crate) fn note_telling(&self, telling: bool) {
        if let Some(seat) = self.seat() {
            let block = self.shared.seat_block(seat);
            let telling = telling || !self.tasks.held.borrow().is_empty();
            block.telling.store(u32::from(telling), Ordering::Release);
        }
    }

    /// Put a reply among the answers if a call waits for it, else give it back.
    fn answer_of(
        &self,
        reply: Reply,
        answers: &mut FxHashMap<TaskId, TaskAnswer>,
    ) -> Option<Reply> {
        let waiting = self.tasks.open.borrow().get(&reply.id) == Some(&Open::Waiting);
        if reply.orphaned || !waiting {
            return Some(reply);
        }
        let last = reply.kind != Kind::TaskResult || reply.stamp.extra == 1;
        let answer = match reply.kind {
            Kind::TaskResult => TaskAnswer::Result(reply.data, reply.stamp.flags),
            Kind::CommandReply if reply.stamp.extra == 0 => TaskAnswer::Result(reply.data, 0),
            Kind::TaskLost | Kind::CommandReply => {
                TaskAnswer::Lost(TaskLoss::from_u8(reply.stamp.extra))
            }
            _ => TaskAnswer::Nothing,
        };
        answers.entry(reply.id).or_insert(answer); // the first one counts
        if last {
            self.tasks.open.borrow_mut().remove(&reply.id);
        }
        None
    }

    /// The next reply that is for callbacks. Late and double ones are left out.
    pub(crate) fn next_reply(&self) -> Option<Reply> {
        loop {
            let held = self.tasks.held.borrow_mut().pop();
            if let Some(reply) = &held {
                self.note_held(reply, -1);
            }
            let reply = held.or_else(|| self.next_from_queue())?;
            if reply.kind == Kind::CommandReply {
                continue; // whoever waited for it does so no more
            }
            if reply.orphaned {
                // Whoever waited for it is dead; only what was for callbacks is of use.
                if reply.stamp.flags & flags::NONBLOCK != 0 {
                    return Some(reply);
                }
                continue;
            }
            let last = reply.kind != Kind::TaskResult || reply.stamp.extra == 1;
            let mut open = self.tasks.open.borrow_mut();
            match open.get(&reply.id) {
                Some(Open::Plain) => {
                    if last {
                        open.remove(&reply.id);
                    }
                    return Some(reply);
                }
                _ => self.drop_late(&reply),
            }
        }
    }

    /// Nobody waits for this any more.
    fn drop_late(&self, reply: &Reply) {
        if !reply.orphaned && matches!(reply.kind, Kind::TaskResult | Kind::TaskLost) {
            self.log.coded(
                "onFinish",
                code::TASK_EXPIRED,
                format_args!("task[{}] has expired", reply.id),
            );
        }
    }

    /// The manager: give a task once more that has died with its worker.
    pub(crate) fn redeliver(&self, work: &Work, data: &[u8]) -> bool {
        let exchange = self.shared.directory.exchange();
        let mut outgoing = self.outgoing.borrow_mut();
        let mut envelope = work.envelope;
        envelope.stamp.extra = envelope.stamp.extra.saturating_add(1);
        let party = outgoing.party;
        let target = work
            .target
            .filter(|&worker| worker < self.shared.task_workers());
        let way = target.map_or(Way::Tasks(party), |worker| Way::Targeted(party, worker));
        let posted = match work.parcel {
            Some(parcel) => outgoing.pass_on(exchange, way, &envelope, parcel),
            None => outgoing.post_envelope(exchange, way, &envelope, data, u64::MAX),
        };
        match target {
            Some(worker) => ring_child(&self.shared, self.shared.workers() + worker),
            None => ring_task_worker(&self.shared),
        }
        posted.is_ok()
    }

    /// The manager: tell who gave a task that it is lost. False: there is no room for that now.
    pub(crate) fn report_lost(&self, id: TaskId, stamp: Stamp, reason: TaskLoss) -> bool {
        self.report(Kind::TaskLost, id, stamp, reason as u8)
    }

    /// The manager: tell who gave a task that no result will come, as the next server runs it.
    pub(crate) fn report_kept(&self, id: TaskId, stamp: Stamp) -> bool {
        self.report(Kind::TaskDone, id, stamp, 1)
    }

    fn report(&self, kind: Kind, id: TaskId, stamp: Stamp, extra: u8) -> bool {
        if stamp.flags & flags::NOREPLY != 0 {
            return true; // nobody is to hear of it
        }
        let answer = Answer {
            kind,
            id,
            flags: stamp.flags,
            extra,
        };
        self.reply_to(stamp, &answer, &[], Some(0))
    }

    /// The source of a stamp as user code sees it.
    pub(crate) fn source_of(&self, party: Party) -> (u32, Role) {
        match (party.endpoint(), party.seat()) {
            (Endpoint::Main, _) => (0, Role::Master),
            (_, None) => (0, Role::Manager),
            (_, Some(seat)) => (seat.worker(), super::role_of(&self.shared, seat)),
        }
    }
}

impl Unsent {
    pub(super) fn refusal(self) -> Refused {
        Refused(match self {
            Unsent::Full | Unsent::NoParcel => code::TASK_DISPATCH_FAILED,
            Unsent::TooBig => code::TASK_TOO_BIG,
        })
    }
}

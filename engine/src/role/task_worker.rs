//! A task worker: takes tasks that anybody has given, one at a time, and runs the user's callback.

use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::child::Child;
use super::limits::Limits;
use super::messages::Messages;
use super::shift::Shift;
use super::signals;
use super::{Ground, exit};
use crate::context::{Context, wake_feeders};
use crate::handler::{Callback, Leave};
use crate::ipc::directory::{Endpoint, Seat};
use crate::ipc::envelope::{Body, Envelope};
use crate::ipc::exchange::{Exchange, Party, Way};
use crate::ipc::frame::Head;
use crate::ipc::incoming::{Found, Incoming};
use crate::ipc::mailbox::Mailbox;
use crate::ipc::parcels::Parcel;
use crate::ipc::parker::Parker;
use crate::ipc::queue::Claimant;
use crate::ipc::work::{Work, WorkBlock};
use crate::shared::Shared;
use crate::stats::{SeatBlock, bump, recycle};
use crate::sync::Ordering;
use crate::task::Task;

/// How long to look elsewhere when a task is just being taken by another process, which takes microseconds, or by one
/// that is dead, which takes the manager milliseconds to notice.
const BUSY: Duration = Duration::from_millis(1);
/// How often to look in a row before that.
const BUSY_LOOKS: u32 = 200;

struct TaskWorker<'g> {
    context: Rc<Context>,
    shift: Shift<'g>,
    shared: &'g Arc<Shared>,
    exchange: &'g Exchange,
    block: &'g SeatBlock,
    work: &'g WorkBlock,
    seat: Seat,
    limits: Limits,
    /// A task may have to be run again.
    keeps: bool,
}

/// The task at hand: what it is, and where its payload is.
struct Taken {
    work: Work,
    payload: Vec<u8>,
}

/// Queues with tasks for this worker.
struct Desk {
    targeted: Incoming,
    tasks: Incoming,
    /// Reused from task to task.
    spare: Vec<u8>,
}

/// A buffer for payloads that has grown beyond this is not kept.
const SPARE_MAX: usize = 1 << 20;

/// A task worker's life; returns its exit code.
pub(super) fn run(ground: &Ground, seat: Seat, manager: i32, manager_line: OwnedFd) -> i32 {
    let shared = &ground.shared;
    let table = signals::worker();
    let child = match Child::settle_in(ground, seat, manager, &manager_line, &table) {
        Ok(child) => child,
        Err(code) => return code,
    };
    let Child {
        context,
        mut parker,
        block,
        me,
    } = child;
    let Some(work) = shared.work(seat) else {
        return exit::FATAL; // no task worker's seat
    };
    let exchange = shared.directory.exchange();
    let mut mailbox = shared.directory.mailbox(Endpoint::Worker(seat));
    let mut messages = Messages::new(&context, seat, me);
    let mut desk = Desk::new(shared, exchange, seat, me);
    let worker = TaskWorker {
        shift: Shift::new(&context, table, shared, seat),
        context,
        shared,
        exchange,
        block,
        work,
        seat,
        limits: Limits::of_tasks(&ground.settings),
        keeps: ground.settings.tasks.redeliver > 0,
    };
    let bootstrap = ground.settings.bootstrap.as_deref();
    if let Err(code) = worker.shift.begin(bootstrap, &worker.limits) {
        return code;
    }
    let mut busy = 0;
    while !worker.shift.is_over() {
        if parker.supervisor_lost() && worker.shift.is_abandoned(&parker) {
            break;
        }
        block.busy.store(1, Ordering::Relaxed);
        // One of each kind in turn: neither a flood of messages nor one of tasks keeps the others waiting.
        let mut heard = false;
        if messages.has_any() {
            worker.context.wake_for_tasks(); // what this one was rung for shall not wait for the callback
            if let Some(step) = messages.next(&worker.context) {
                worker.heed(step);
                heard = true;
            }
        }
        let called = !worker.shift.is_over() && worker.shift.tend();
        if called {
            worker.context.wake_for_tasks(); // a timer may have taken its time
        }
        if worker.shift.is_over() {
            break;
        }
        match worker.serves().then(|| worker.take(&mut desk)) {
            Some((Found::One(_), Some(task))) => {
                busy = 0;
                worker.perform(task, &mut desk);
            }
            _ if heard || called => {} // there may be more
            Some((Found::Busy, _)) => {
                busy += 1;
                match busy {
                    ..BUSY_LOOKS => std::hint::spin_loop(),
                    _ => parker.park(Some(BUSY)),
                }
            }
            _ => worker.sleep(&mut mailbox, &mut parker, &desk, &messages),
        }
    }
    worker.context.wake_for_tasks(); // it may have been rung for one
    worker.shift.end()
}

impl Desk {
    fn new(shared: &Shared, exchange: &Exchange, seat: Seat, me: Claimant) -> Desk {
        let index = seat.worker() - shared.workers();
        Desk {
            targeted: Incoming::new(exchange, Way::Targeted(Party::MAIN, index), me),
            tasks: Incoming::new(exchange, Way::Tasks(Party::MAIN), me),
            spare: Vec::new(),
        }
    }

    fn has_any(&self) -> bool {
        self.targeted.has_any() || self.tasks.has_any()
    }
}

impl TaskWorker<'_> {
    fn heed(&self, step: Result<(), Leave>) {
        self.context.left();
        if let Some(leave) = step.err().or_else(|| self.context.take_leaving()) {
            self.shift.leave.set(Some(leave));
        }
    }

    /// Whether this is the process that takes tasks for its id, and it has not had its share.
    fn serves(&self) -> bool {
        let served = self.block.requests.load(Ordering::Relaxed);
        self.shared.seat_of(self.seat.worker()) == self.seat && !self.limits.served_out(served)
    }

    /// One task off its queue, with what is needed to report or repeat it on record before it is gone from there.
    fn take(&self, desk: &mut Desk) -> (Found, Option<Taken>) {
        let mut taken = None;
        let index = self.seat.worker() - self.shared.workers();
        let Desk {
            targeted,
            tasks,
            spare,
        } = desk;
        let mut copy = |target: Option<u32>, head: Head, payload: &[u8]| {
            let (envelope, body) = Envelope::open(head, payload);
            let (data, parcel) = match body {
                Body::Inline(data) => (data, None),
                Body::Parcel(parcel) => (&[][..], Some(parcel)),
            };
            let work = Work {
                envelope,
                kept: self.shared.keep(self.seat, data),
                target,
                parcel,
            };
            self.work.take(&work);
            let mut payload = std::mem::take(spare);
            payload.clear();
            payload.extend_from_slice(data);
            taken = Some(Taken { work, payload });
        };
        let found = targeted.take(|_, head, payload| copy(Some(index), head, payload));
        let found = match found {
            Found::One(_) => found,
            _ => match tasks.take(|_, head, payload| copy(None, head, payload)) {
                Found::Nothing => found,
                other => other,
            },
        };
        let raised = tasks.take_raised();
        for incoming in [targeted, tasks] {
            self.context.note_garbage(incoming);
        }
        if let Found::One(room) = found {
            self.work.begin();
            self.context.grant_room(room);
            let party = taken
                .as_ref()
                .map(|task: &Taken| task.work.envelope.stamp.party);
            if party == Some(Party::INTAKE) {
                wake_feeders(self.shared);
            }
            let is_targeted = |task: &Taken| task.work.target.is_some();
            if raised || taken.as_ref().is_some_and(is_targeted) {
                // There may be more that anybody may take: this one was rung for it, or somebody has just missed it.
                self.context.wake_for_tasks();
            }
        }
        (found, taken)
    }

    /// Run it. What it leaves open is told to who gave it, and then it is off the record.
    fn perform(&self, task: Taken, desk: &mut Desk) {
        let Taken { work, mut payload } = task;
        let envelope = work.envelope;
        let mut parcel = work.parcel;
        if let Some(held) = parcel {
            // What cannot be had is said in the log; the task is on record, and lost with this process.
            let Some(content) = self.context.open_parcel(held) else {
                self.shift.leave.set(Some(Leave { code: exit::FATAL }));
                return;
            };
            payload = content;
            if !self.keeps {
                parcel = None;
                self.let_go(held);
            }
        }
        let (source, _) = self.context.source_of(envelope.stamp.party);
        let told = Task {
            id: envelope.id,
            source,
            dispatch_time: envelope.given as f64 / 1e6,
            flags: envelope.stamp.flags,
            attempts: envelope.stamp.extra,
        };
        let (context, handler) = (&self.context, self.context.handler());
        bump(&self.block.events, 1);
        context.begin_task(&told, envelope.stamp);
        context.enter(Callback::Task, 0);
        let step = handler.on_task(context, &told, &payload);
        let step = step.and_then(|()| context.take_leaving().map_or(Ok(()), Err));
        if let Err(leave) = step {
            // The process ends because of it: the manager finds it on record.
            self.shift.leave.set(Some(leave));
            return;
        }
        context.end_task();
        self.work.end();
        if let Some(parcel) = parcel {
            self.let_go(parcel); // after the end: a task without it could not be run again
        }
        context.left();
        bump(&self.block.requests, 1);
        if payload.capacity() <= SPARE_MAX {
            desk.spare = payload;
        }
        self.mind_limits();
    }

    /// The parcel with the task at hand is not needed any more.
    fn let_go(&self, parcel: Parcel) {
        self.context.discard_parcel(parcel);
        self.work.forget_parcel();
    }

    /// After a task: ask to be replaced, if this process has done its share.
    fn mind_limits(&self) {
        let served = self.block.requests.load(Ordering::Relaxed);
        let done = self.limits.served_out(served) || self.limits.outgrown();
        if done && self.block.recycle.load(Ordering::Relaxed) < recycle::NOW {
            self.block.recycle.store(recycle::NOW, Ordering::Release);
            self.shift.manager.ring();
        }
    }

    fn sleep(&self, mailbox: &mut Mailbox, parker: &mut Parker, desk: &Desk, messages: &Messages) {
        self.block.busy.store(0, Ordering::Release);
        let serves = self.serves();
        if serves {
            self.exchange.announce_sleep(self.seat);
        }
        while self.context.next_reply().is_some() {} // of commands whose time was up
        let has_work = || serves && desk.has_any();
        if mailbox.may_sleep() && !has_work() && !messages.has_any() && !self.shift.is_over() {
            self.shift.sleep(parker);
        }
        mailbox.awake();
        self.exchange.announce_awake(self.seat);
        if !self.serves() {
            self.context.wake_for_tasks(); // rung for a task that it does not take
        }
    }
}

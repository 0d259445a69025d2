//! A task worker: takes tasks that anybody has given, one at a time, and runs the user's callback.

use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::child::{Child, MASTER_LINE};
use super::limits::Limits;
use super::messages::Messages;
use super::signals::{self, Action};
use super::{Ground, exit, phase::Phase};
use crate::context::{Context, wake_feeders};
use crate::handler::{Callback, Leave};
use crate::ipc::directory::{Endpoint, Seat};
use crate::ipc::doorbell::Doorbell;
use crate::ipc::envelope::{Body, Envelope};
use crate::ipc::exchange::{Exchange, Party, Way};
use crate::ipc::frame::Head;
use crate::ipc::incoming::{Found, Incoming};
use crate::ipc::mailbox::Mailbox;
use crate::ipc::parcels::Parcel;
use crate::ipc::parker::Parker;
use crate::ipc::queue::Claimant;
use crate::shared::Shared;
use crate::stats::{SeatBlock, Work, WorkBlock, bump, recycle, seat_state};
use crate::sync::Ordering;
use crate::sys::{clock, process, signal};
use crate::task::Task;

/// How long to look elsewhere when a task is just being taken by another process, which takes microseconds, or by one
/// that is dead, which takes the manager milliseconds to notice.
const BUSY: Duration = Duration::from_millis(1);
/// How often to look in a row before that.
const BUSY_LOOKS: u32 = 200;

struct TaskWorker<'g> {
    context: Rc<Context>,
    signals: signals::Table,
    shared: &'g Arc<Shared>,
    exchange: &'g Exchange,
    block: &'g SeatBlock,
    work: &'g WorkBlock,
    seat: Seat,
    main: Doorbell,
    manager: Doorbell,
    limits: Limits,
    /// A task may have to be run again.
    keeps: bool,
    leave: Cell<Option<Leave>>,
    termed: Cell<bool>,
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
        context,
        signals: table,
        shared,
        exchange,
        block,
        work,
        seat,
        main: shared.directory.bell(Endpoint::Main),
        manager: shared.directory.bell(Endpoint::Manager),
        limits: Limits::of_tasks(&ground.settings),
        keeps: ground.settings.tasks.redeliver > 0,
        leave: Cell::new(None),
        termed: Cell::new(false),
    };
    worker.context.handler().attach(&worker.context);
    if let Err(code) = worker.start(ground.settings.bootstrap.as_deref()) {
        return code;
    }
    worker
        .limits
        .fit(|warning| worker.context.log().warning(warning));
    block.state.store(seat_state::READY, Ordering::Release);
    worker.manager.ring();
    let mut busy = 0;
    while !worker.is_over() {
        if parker.supervisor_lost() && worker.is_abandoned(&parker) {
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
        let called = !worker.is_over() && worker.tend();
        if called {
            worker.context.wake_for_tasks(); // a timer may have taken its time
        }
        if worker.is_over() {
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
    worker.stop()
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
    fn start(&self, bootstrap: Option<&str>) -> Result<(), i32> {
        let (context, handler) = (&self.context, self.context.handler());
        if let Some(path) = bootstrap {
            context.enter(Callback::Bootstrap, 0);
            let loaded = handler.on_bootstrap(context, path);
            loaded.map_err(|leave| leave.code)?;
        }
        context.enter(Callback::WorkerStart, 0);
        let started = handler.on_worker_start(context, self.seat.worker());
        context.left();
        started.map_err(|leave| {
            self.leave.set(Some(leave));
            self.stop()
        })
    }

    /// The last callback.
    fn stop(&self) -> i32 {
        let (context, handler) = (&self.context, self.context.handler());
        let state = &self.block.state;
        state.store(seat_state::STOPPING, Ordering::Release);
        self.manager.ring(); // the end has a deadline, whoever wants it
        let asked = context.enter(Callback::WorkerStop, 0);
        let stopped = handler.on_worker_stop(context, self.seat.worker());
        let leave = self.leave.get();
        if leave.is_some() {
            context.resume(asked);
        }
        leave.or(stopped.err()).map_or(exit::NORMAL, |l| l.code)
    }

    /// Call what is ready and due, between two tasks.
    fn tend(&self) -> bool {
        match self.context.tend() {
            Ok(called) => called,
            Err(leave) => {
                self.leave.set(Some(leave));
                false
            }
        }
    }

    fn heed(&self, step: Result<(), Leave>) {
        self.context.left();
        if let Some(leave) = step.err().or_else(|| self.context.take_leaving()) {
            self.leave.set(Some(leave));
        }
    }

    /// Whether the process is to end now, between two callbacks.
    fn is_over(&self) -> bool {
        for action in self.signals.take() {
            match action {
                Action::Stop if process::parent() != self.context.master_pid() => {
                    self.termed.set(true);
                }
                Action::Reopen => self.context.log().reopen(),
                _ => {}
            }
        }
        self.leave.get().is_some()
            || self.termed.get()
            || self.context.is_stopping()
            || self.block.stop_asked.load(Ordering::Relaxed) == 1
    }

    /// Whether this is the process that takes tasks for its id, and it has not had its share.
    fn serves(&self) -> bool {
        let served = self.block.requests.load(Ordering::Relaxed);
        self.shared.seat_of(self.seat.worker()) == self.seat && !self.limits.served_out(served)
    }

    /// A supervisor is dead. While the master lives it decides: we serve until its stop says otherwise.
    fn is_abandoned(&self, parker: &Parker) -> bool {
        parker.line_lost(MASTER_LINE) || Phase::of(self.shared) >= Phase::Stopping
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
                self.leave.set(Some(Leave { code: exit::FATAL }));
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
            self.leave.set(Some(leave));
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
            self.manager.ring();
        }
    }

    fn sleep(&self, mailbox: &mut Mailbox, parker: &mut Parker, desk: &Desk, messages: &Messages) {
        self.block.busy.store(0, Ordering::Relaxed);
        let serves = self.serves();
        if serves {
            self.exchange.announce_sleep(self.seat);
        }
        while self.context.next_reply().is_some() {} // of commands whose time was up
        let memory = self.context.give_back_memory();
        let has_work = || serves && desk.has_any();
        if mailbox.may_sleep() && !has_work() && !messages.has_any() && !self.is_over() {
            if Phase::of(self.shared) >= Phase::Draining {
                self.main.ring(); // it waits until all tasks are done
            }
            signal::reassert(); // a callback may have installed handlers
            let look = parker
                .supervisor_lost()
                .then_some(Duration::from_millis(50));
            let note = self.context.log().tick();
            let due = note
                .into_iter()
                .chain(self.context.event_loop().next_due())
                .chain(memory)
                .min();
            let due =
                due.map(|due| Duration::from_millis(due.saturating_sub(clock::monotonic_ms())));
            parker.watch(self.context.event_loop().descriptor());
            parker.park(look.into_iter().chain(due).min());
        }
        mailbox.awake();
        self.exchange.announce_awake(self.seat);
        if !self.serves() {
            self.context.wake_for_tasks(); // rung for a task that it does not take
        }
    }
}

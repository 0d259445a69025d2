//! A worker: takes messages from its mailbox and runs the user's callbacks, one at a time.

mod events;

use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::Ground;
use super::child::Child;
use super::limits::Limits;
use super::linger::Lingering;
use super::messages::Messages;
use super::replies;
use super::shift::Shift;
use super::signals;
use crate::context::Context;
use crate::handler::Callback;
use crate::ipc::directory::{Endpoint, Seat};
use crate::ipc::frame::{Head, Kind};
use crate::ipc::mailbox::{Drained, Mailbox};
use crate::ipc::parker::Parker;
use crate::shared::Shared;
use crate::stats::{SeatBlock, bump, recycle, replacement};
use crate::sync::Ordering;
use crate::sys::clock;

/// Messages of one reactor before the next reactor's lane gets its turn.
const PER_LANE: usize = 64;
/// How often a worker that is to stop looks for the rest of a long message, and one that is to be
/// replaced for what it is to do.
const RECHECK: Duration = Duration::from_millis(1);
/// How long to wait for the manager's answer: it may be in a callback of its own.
const ANSWER_MS: u64 = 100;

struct Worker<'g> {
    context: Rc<Context>,
    shift: Shift<'g>,
    shared: &'g Arc<Shared>,
    block: &'g SeatBlock,
    id: u32,
    limits: Limits,
    /// Messages of sessions that are gone are thrown away.
    discards: bool,
    /// When this process last told the manager of its wish to be replaced; monotonic ms.
    asked_ms: Cell<u64>,
    lingering: Lingering,
}

/// A worker's life; returns its exit code.
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
    let endpoint = Endpoint::Worker(seat);
    let mut messages = Messages::new(&context, seat, me);
    let mut mailbox = shared.directory.mailbox(endpoint);
    let worker = Worker {
        shift: Shift::new(&context, table, shared, seat),
        context,
        shared,
        block,
        id: seat.worker(),
        limits: Limits::of(&ground.settings),
        discards: ground.settings.discard_timeout_request
            && !ground.settings.dispatch_mode.keeps_owner(),
        asked_ms: Cell::new(0),
        lingering: Lingering::new(&ground.settings),
    };
    let bootstrap = ground.settings.bootstrap.as_deref();
    if let Err(code) = worker.shift.begin(bootstrap, &worker.limits) {
        return code;
    }
    let mut exiting = false;
    while !worker.shift.is_over() || worker.has_unfinished(&mailbox) {
        if parker.supervisor_lost() && worker.shift.is_abandoned(&parker) {
            break;
        }
        block.busy.store(1, Ordering::Relaxed);
        worker.read_exchange(&mut messages);
        let drained = mailbox.drain_while(
            || worker.accepts(),
            PER_LANE,
            |from, head, payload| worker.handle(from, head, payload),
        );
        let tended = drained != Drained::Abandoned && worker.shift.tend();
        match drained {
            Drained::Empty if tended && !worker.shift.is_over() => {}
            // A callback of this batch may have asked for the end: nobody would ring for that.
            Drained::Empty if !worker.shift.is_over() => {
                worker.sleep(&mut mailbox, &mut parker, &messages);
            }
            // Asked to stop, with a long message half received: its rest is on its way.
            Drained::Left | Drained::Empty if mailbox.is_assembling() => {
                if worker.shift.is_over() && !std::mem::replace(&mut exiting, true) {
                    worker.exiting();
                }
                if !worker.context.has_replies() {
                    parker.park(Some(RECHECK));
                }
            }
            Drained::Empty | Drained::Left if worker.lingers() => {
                worker.linger(&mailbox, &mut parker);
            }
            // What waits is for the replacement.
            Drained::Left if !worker.shift.is_over() => {
                block.busy.store(0, Ordering::Release);
                parker.park(Some(RECHECK));
            }
            Drained::Empty | Drained::More | Drained::Left | Drained::Abandoned => {}
        }
    }
    worker.read_last_replies();
    worker.shift.end()
}

impl Worker<'_> {
    /// Whether a process that is over has to wait for something: the rest of a long message, results, timers, descriptors.
    fn has_unfinished(&self, mailbox: &Mailbox) -> bool {
        self.shift.leave.get().is_none() && (mailbox.is_assembling() || self.lingers())
    }

    /// Whether this process is over but for results of its tasks, timers, descriptors and calls put off.
    fn lingers(&self) -> bool {
        (self.context.event_loop().is_alive() || self.context.open_tasks() > 0)
            && self.shift.is_over()
            && self.shift.leave.get().is_none()
            && self.lingering.may_go_on(self.block, &self.context)
    }

    /// One turn of the wait for that.
    fn linger(&self, mailbox: &Mailbox, parker: &mut Parker) {
        if self.lingering.begin() && self.block.stop_asked.load(Ordering::Acquire) == 0 {
            // Nobody else knows that this process does not serve any more: the next one comes now, not when it has gone.
            let head = Head::new(Kind::StopWorker, 0, u64::from(self.id));
            let _ = self.context.to_manager(head); // refused in a stop only, which replaces nobody
        }
        if self.lingering.is_time_to_tell(&self.context) {
            self.exiting();
            self.lingering.told(&self.context);
        }
        if self.lingers() {
            self.block.busy.store(0, Ordering::Release);
            parker.watch(self.context.event_loop().descriptor());
            mailbox.bell().announce_sleep(); // a result is rung for; messages of clients are not for this process
            self.shift.say_idle();
            if !self.context.has_replies() {
                parker.park(Some(self.lingering.nap(&self.context)));
            }
            mailbox.awake();
        }
    }

    /// Whether to begin another message. A process that has served its requests leaves the rest to its
    /// replacement, unless the manager says that others come first, or does not say anything.
    fn accepts(&self) -> bool {
        if self.shift.is_over() {
            return false;
        }
        if !self.has_served_out() {
            return true;
        }
        match self.block.replacement.load(Ordering::Acquire) {
            replacement::COMING => false,
            replacement::LATER => true,
            _ => clock::coarse_ms() >= self.asked_ms.get() + ANSWER_MS,
        }
    }

    fn has_served_out(&self) -> bool {
        self.limits
            .served_out(self.block.requests.load(Ordering::Relaxed))
    }

    /// After a request: ask to be replaced, if this process has done its share.
    fn mind_limits(&self) {
        let served = self.block.requests.load(Ordering::Relaxed);
        let wish = if self.limits.served_out(served) || self.limits.outgrown() {
            recycle::NOW
        } else if self.limits.nearly_served_out(served) {
            recycle::SOON
        } else {
            recycle::NO
        };
        if self.block.recycle.load(Ordering::Relaxed) < wish {
            self.block.recycle.store(wish, Ordering::Release);
            self.asked_ms.set(clock::coarse_ms());
            self.shift.manager.ring();
        }
    }

    /// The process is to end and still has something to finish.
    fn exiting(&self) {
        let handler = self.context.handler();
        self.context.enter(Callback::WorkerExit, 0);
        if let Err(leave) = handler.on_worker_exit(&self.context, self.id) {
            self.shift.leave.set(Some(leave));
        }
        self.context.left();
    }

    /// What has become of its tasks is told to no one else.
    fn read_last_replies(&self) {
        while self.shift.leave.get().is_none()
            && let Some(step) = replies::next(&self.context)
        {
            self.context.left();
            self.shift.leave.set(step.err());
        }
    }

    /// Messages and results of tasks, at most so many before clients have their turn.
    fn read_exchange(&self, messages: &mut Messages) {
        self.read_some(messages);
        if self.context.is_telling() {
            self.context.note_telling(false);
        }
    }

    fn read_some(&self, messages: &mut Messages) {
        for _ in 0..PER_LANE {
            if self.shift.leave.get().is_some() {
                return;
            }
            let reply = match self.context.has_replies() {
                true => {
                    self.context.note_telling(true); // before it leaves its queue, where a stop would wait for it
                    replies::next(&self.context)
                }
                false => None,
            };
            let step = match reply {
                Some(step) => step,
                None if self.shift.is_over() => return,
                None => match messages.next(&self.context) {
                    Some(step) => step,
                    None => return,
                },
            };
            bump(&self.block.events, 1);
            self.context.left();
            self.shift
                .leave
                .set(step.err().or_else(|| self.context.take_leaving()));
        }
    }

    fn sleep(&self, mailbox: &mut Mailbox, parker: &mut Parker, messages: &Messages) {
        self.block.busy.store(0, Ordering::Release);
        if !mailbox.may_sleep() {
            return;
        }
        if messages.has_any() || self.context.has_replies() {
            return mailbox.awake();
        }
        self.shift.sleep(parker);
        mailbox.awake();
    }
}

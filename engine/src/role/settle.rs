//! The account of a worker that has died: what died with it, and who must hear of that.

use std::time::Duration;

use super::intake::Shelf;
use super::{Ground, phase::Phase};
use crate::context::Context;
use crate::handler::{Callback, Death};
use crate::ipc::directory::{Endpoint, Seat};
use crate::ipc::envelope::{Body, Envelope};
use crate::ipc::frame::{Head, Kind};
use crate::ipc::lane::Casualty;
use crate::ipc::queue::{Claimant, Taken};
use crate::ipc::work::{Work, WorkBlock};
use crate::session::table::state;
use crate::settings::OnWorkerLost;
use crate::shared::{ChildKind, Shared};
use crate::stats::{bump, recycle, replacement, seat_state};
use crate::sync::Ordering;
use crate::sys::clock;
use crate::sys::wait::Reaped;
use crate::task::TaskLoss;

/// What is known of a dead worker, before its account is settled.
pub(super) fn obituary(shared: &Shared, seat: Seat, reaped: Reaped) -> Death {
    let block = shared.seat_block(seat);
    let born = block.born_ms.load(Ordering::Relaxed);
    Death {
        worker: seat.worker(),
        pid: reaped.pid,
        code: reaped.exit.code,
        signal: reaped.exit.signal,
        uptime_ms: clock::monotonic_ms().saturating_sub(born),
        requests: block.requests.load(Ordering::Relaxed),
        callback: Callback::from_u32(block.callback.load(Ordering::Relaxed)),
        session: block.session.load(Ordering::Relaxed),
        peak_rss_kib: reaped.peak_rss_kib,
    }
}

/// What died with the worker on `seat`: its message at work is lost, its counters become history. How many
/// messages and events died.
pub(super) fn settle(ground: &Ground, context: &Context, seat: Seat) -> usize {
    let shared = &ground.shared;
    let block = shared.seat_block(seat);
    block.state.store(seat_state::STOPPING, Ordering::Release);
    block.busy.store(0, Ordering::Relaxed);
    block.callback_since_ms.store(0, Ordering::Release);
    block.telling.store(0, Ordering::Release);
    block.recycle.store(recycle::NO, Ordering::Relaxed);
    block.pid.store(0, Ordering::Release);
    for (counter, past) in [
        (&block.requests, &block.past_requests),
        (&block.responses, &block.past_responses),
        (&block.sent_bytes, &block.past_sent_bytes),
    ] {
        bump(past, counter.swap(0, Ordering::Relaxed));
    }
    block.events.store(0, Ordering::Relaxed);
    block.jobs.store(0, Ordering::Relaxed);
    settle_close(ground, context, block.closing.swap(0, Ordering::AcqRel));
    // Should a replacement have been starting, it takes over or there will be another.
    let serving = shared.seat_of(seat.worker());
    let incumbent = shared.seat_block(serving);
    incumbent
        .replacement
        .store(replacement::UNKNOWN, Ordering::Release);
    let exchange = shared.directory.exchange();
    let left = exchange.settle(seat);
    let leftover = |work: &WorkBlock| work.leftover(left.put_back);
    if let Some(parcel) = shared.work(seat).and_then(leftover) {
        context.discard_parcel(parcel);
    }
    let work = shared
        .work(seat)
        .and_then(|work| work.settle(left.put_back));
    if let Some(work) = &work {
        settle_task(ground, context, seat, work);
    }
    report_held_results(ground, context, seat);
    let request = shared.request(seat).settle(left.put_back);
    if let Some(request) = &request {
        settle_request(ground, context, seat, request);
    }
    context.wake_for_tasks();
    let casualties = match shared.kind_of(seat.worker()) {
        ChildKind::Worker => shared.directory.settle(Endpoint::Worker(seat)),
        _ => Vec::new(),
    };
    let count = casualties.len() + usize::from(work.is_some()) + usize::from(request.is_some());
    for casualty in casualties {
        if casualty.kind == Kind::Packet {
            // Nobody waits for its end, as nobody knows whether it has come.
            bump(&block.packets, 1);
            bump(&shared.server().requests_lost, 1);
            continue;
        }
        settle_message(ground, context, casualty);
    }
    // Last: who sees it finds the news about lost messages on its lane.
    block.state.store(seat_state::EMPTY, Ordering::Release);
    for reader in left.readers {
        context.ring_asker(reader); // after that store: what was for the dead is now for its successor
    }
    if Phase::of(shared) >= Phase::Draining {
        shared.directory.bell(Endpoint::Main).ring(); // it waits for the workers' queues
    }
    count
}

/// A task died with its worker: it is run again as often as it may be, else whoever gave it hears of that.
fn settle_task(ground: &Ground, context: &Context, seat: Seat, work: &Work) {
    let shared = &ground.shared;
    let Envelope { id, stamp, .. } = work.envelope;
    let again = stamp.extra < ground.settings.tasks.redeliver;
    if again && Phase::of(shared) < Phase::Stopping {
        let payload = shared.kept(seat, work.kept).unwrap_or_default();
        if context.redeliver(work, &payload) {
            return;
        }
    }
    if let Some(parcel) = work.parcel {
        context.discard_parcel(parcel);
    }
    let reason = match Phase::of(shared) {
        phase if phase >= Phase::Stopping => TaskLoss::Stopped,
        _ => TaskLoss::WorkerDied,
    };
    context.note_loss(id, stamp, reason);
    if !context.report_lost(id, stamp, reason) {
        let (source, _) = context.source_of(stamp.party);
        context.log().error(format_args!(
            "worker#{source} does not hear of that: it does not read what has become of its tasks"
        ));
    }
}

/// A message or command died with the process that was at it.
fn settle_request(ground: &Ground, context: &Context, seat: Seat, work: &Work) {
    let (source, role) = context.source_of(work.envelope.stamp.party);
    let what = match work.envelope.kind {
        Kind::Command => {
            context.fail_command(&work.envelope, TaskLoss::WorkerDied);
            "command"
        }
        _ => {
            bump(&ground.shared.server().messages_lost, 1);
            "message"
        }
    };
    let receiver = seat.worker();
    context.log().warning(format_args!(
        "a {what} of {role:?} (id {source}) is lost: worker {receiver} died while it was at it"
    ));
}

/// How often, in all, and after how long to look again for room in a queue to who has given a task.
const ROOM_LOOKS: u32 = 200;
const ROOM_LOOK: Duration = Duration::from_millis(1);
/// How often to look again for a queue that another process is taking from: some milliseconds.
const BUSY_LOOKS: u32 = 10_000;

/// All children are gone: messages that nobody has read are lost.
pub(super) fn report_waiting_messages(ground: &Ground, context: &Context) {
    let shared = &ground.shared;
    let receivers = 0..shared.workers() + shared.task_workers();
    let lost = shared.directory.exchange().waiting_requests(receivers);
    if lost > 0 {
        bump(&shared.server().messages_lost, lost);
        context.log().warning(format_args!(
            "{lost} messages between processes were waiting when the server stopped: they are lost"
        ));
    }
}

/// All children are gone: results of tasks that nobody has read are lost.
pub(super) fn report_unread_results(ground: &Ground, context: &Context) {
    let exchange = ground.shared.directory.exchange();
    let mut lost = 0;
    for way in exchange.unread_replies(0..ground.shared.workers()) {
        let mut queue = exchange.queue(way);
        let mut count = |head: Head, payload: &[u8]| {
            let (envelope, body) = Envelope::open(head, payload);
            lost += u64::from(envelope.kind == Kind::TaskResult);
            if let Body::Parcel(parcel) = body {
                context.discard_parcel(parcel);
            }
        };
        while matches!(
            queue.take(Claimant::MANAGER, &mut count),
            Taken::One(_) | Taken::Corrupt
        ) {}
    }
    if lost > 0 {
        ground.shared.server().note_lost_tasks(lost);
        context.log().warning(format_args!(
            "{lost} results of tasks were waiting when the server stopped: they are lost"
        ));
    }
}

/// Results that a dead process had read and not handled, as it waited in a call.
fn report_held_results(ground: &Ground, context: &Context, seat: Seat) {
    let lost = (ground.shared.seat_block(seat).held_results).swap(0, Ordering::AcqRel);
    if lost > 0 {
        ground.shared.server().note_lost_tasks(lost);
        context.log().warning(format_args!(
            "{lost} results of tasks are lost: worker {} has ended, and a call had kept it from handling them",
            seat.worker()
        ));
    }
}

/// The server stops and nobody will take what waits: it goes into the message queue for the next server, if there is one,
/// as far as it has room; else those who gave it are told that it is lost, as long as they are there.
pub(super) fn report_waiting_tasks(ground: &Ground, context: &Context) {
    let shared = &ground.shared;
    let exchange = shared.directory.exchange();
    let mut shelf = Shelf::new(shared);
    let (mut lost, mut kept) = (Vec::new(), Vec::new());
    for way in exchange.task_ways() {
        let mut queue = exchange.queue(way);
        let mut note = |head: Head, payload: &[u8]| {
            let (envelope, body) = Envelope::open(head, payload);
            let stays = match body {
                Body::Inline(data) => shelf.put(way.target(), data, envelope.stamp.flags),
                Body::Parcel(parcel) => {
                    context.discard_parcel(parcel); // no message is as large as that
                    false
                }
            };
            if stays { &mut kept } else { &mut lost }.push((envelope.id, envelope.stamp));
        };
        let mut patience = BUSY_LOOKS;
        loop {
            match queue.take(Claimant::MANAGER, &mut note) {
                Taken::One(_) | Taken::Corrupt => patience = BUSY_LOOKS,
                Taken::Nothing => break,
                // A task worker takes one, for microseconds, unless something has stopped it in the middle of that.
                Taken::Busy if patience > 0 => {
                    patience -= 1;
                    std::thread::yield_now();
                }
                Taken::Busy => break,
            }
        }
    }
    let log = context.log();
    if !kept.is_empty() {
        log.notice(format_args!(
            "{} tasks were waiting when the server stopped: they are in the message queue for the next start",
            kept.len()
        ));
    }
    if !lost.is_empty() {
        shared.server().note_lost_tasks(lost.len() as u64);
        log.warning(format_args!(
            "{} tasks were waiting when the server stopped: they are lost",
            lost.len()
        ));
    }
    // Their readers may be slow, or stuck: then that is all that can be done.
    let mut patience = ROOM_LOOKS;
    let mut tell = |report: &dyn Fn() -> bool| {
        while !report() && patience > 0 {
            patience -= 1;
            std::thread::sleep(ROOM_LOOK);
        }
    };
    for (id, stamp) in kept {
        tell(&|| context.report_kept(id, stamp));
    }
    for (id, stamp) in lost {
        tell(&|| context.report_lost(id, stamp, TaskLoss::Stopped));
    }
}

/// A message died with its worker. The reactor closes the session, unless it is to be kept.
fn settle_message(ground: &Ground, context: &Context, casualty: Casualty) {
    let shared = &ground.shared;
    let Some(slot) = shared.sessions.find(casualty.session) else {
        return;
    };
    let mut news = Kind::Lost;
    if casualty.kind == Kind::Close {
        slot.mark(state::EVENT_DONE);
    } else {
        let last = match casualty.kind {
            Kind::Receive => slot.note_completed(),
            Kind::Connect => slot.mark(state::CONNECT_DONE) & state::PEER_CLOSED != 0,
            _ => false,
        };
        bump(&shared.server().requests_lost, 1);
        if ground.ports.get(slot.port()).settings.on_worker_lost == OnWorkerLost::Keep {
            if !last || !slot.has(state::SPREAD) {
                return;
            }
            news = Kind::Closed; // the client has left, and this was all it waited for
        } else {
            slot.mark(state::ENDED); // nobody answers what came after it: the client would see a hole
        }
    }
    // A reactor never waits for us, so this does not block for long.
    let head = Head::new(news, casualty.session, 0);
    let _ = context.to_reactor(slot.reactor(), head, &[]);
}

/// The worker died inside close(): whether or not the reactor has heard of it, it ends the session.
fn settle_close(ground: &Ground, context: &Context, session: u64) {
    let shared = &ground.shared;
    let Some(slot) = shared.sessions.find(session) else {
        return;
    };
    if slot.has(state::CLAIMED) {
        slot.mark(state::EVENT_DONE);
    }
    let head = Head::new(Kind::Lost, session, 0);
    let _ = context.to_reactor(slot.reactor(), head, &[]);
}

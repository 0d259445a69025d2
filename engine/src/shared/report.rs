//! Figures out of shared memory: the same whichever process puts them together.

use super::phase::Phase;
use super::{ChildKind, Shared};
use crate::callback::Callback;
use crate::ipc::directory::{Endpoint, SEATS, Seat};
use crate::ipc::work::WorkBlock;
use crate::stats::{ReactorBlock, SeatBlock, Stats, WorkerReport, WorkerState, WorkerStats};
use crate::sync::{AtomicU64, Ordering};
use crate::sys::{clock, process};

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Shared {
    /// Sum the counters. `seat`: the calling worker's, for its own figures.
    pub(crate) fn stats(&self, seat: Option<Seat>) -> Stats {
        let server = self.server();
        let reactors = self.reactors();
        let sum =
            |of: fn(&ReactorBlock) -> &AtomicU64| reactors.iter().map(|r| load(of(r))).sum::<u64>();
        // Every child may send; of task workers and user processes nothing else counts here.
        let all_seats = self.region.slice(self.seats);
        let workers_seats = &all_seats[..self.plan.workers as usize * SEATS];
        let past_and_present = |seats: &[SeatBlock],
                                now: fn(&SeatBlock) -> &AtomicU64,
                                past: fn(&SeatBlock) -> &AtomicU64| {
            let each = seats.iter().map(|s| load(now(s)) + load(past(s)));
            each.sum::<u64>()
        };
        let closed = sum(|r| &r.closed);
        let accepted = load(&server.accepted);
        let is_idle = |&worker: &u32| {
            WorkerState::of(self.seat_block(self.seat_of(worker))) == WorkerState::Idle
        };
        let phase = Phase::of(self);
        let waiting = self.directory.exchange().waiting_tasks();
        Stats {
            start_time: load(&server.start_time),
            connection_num: accepted.saturating_sub(closed),
            abort_count: load(&server.aborted) + sum(|r| &r.aborted),
            accept_count: accepted,
            close_count: closed,
            worker_num: u64::from(self.plan.workers),
            idle_worker_num: (0..self.plan.workers).filter(is_idle).count() as u64,
            task_worker_num: u64::from(self.plan.task_workers),
            user_worker_num: u64::from(self.plan.user_processes),
            task_idle_worker_num: self.task_worker_ids().filter(is_idle).count() as u64,
            tasking_num: waiting.count,
            task_queue_bytes: waiting.bytes,
            task_queue_age_ms: waiting.age_ms(clock::wall_us()),
            tasks_at_work: self.tasks_at_work(),
            task_count: waiting.given,
            tasks_lost: load(&server.tasks_lost),
            task_queue: self.task_source.figures(),
            messages_lost: load(&server.messages_lost),
            dispatch_count: sum(|r| &r.dispatched),
            request_count: past_and_present(workers_seats, |s| &s.requests, |s| &s.past_requests),
            response_count: past_and_present(all_seats, |s| &s.responses, |s| &s.past_responses),
            total_recv_bytes: sum(|r| &r.received_bytes),
            total_send_bytes: past_and_present(
                all_seats,
                |s| &s.sent_bytes,
                |s| &s.past_sent_bytes,
            ),
            session_round: load(&server.last_session),
            requests_lost: load(&server.requests_lost),
            output_bytes: sum(|r| &r.output_bytes),
            held_back: sum(|r| &r.held_back),
            datagrams_dropped: sum(|r| &r.packets_dropped),
            reloads: load(&server.reloads),
            phase: phase.name(),
            ready: phase == Phase::Serving,
            worker: seat.map(|seat| {
                let own = self.seat_block(seat);
                WorkerStats {
                    request_count: load(&own.requests),
                    response_count: load(&own.responses),
                    dispatch_count: load(&own.events),
                }
            }),
        }
    }

    /// Ids of the task workers.
    pub(crate) fn task_worker_ids(&self) -> std::ops::Range<u32> {
        self.plan.workers..self.plan.workers + self.plan.task_workers
    }

    /// Tasks that task workers are at.
    fn tasks_at_work(&self) -> u64 {
        let works = self.region.slice(self.works).iter();
        works.filter(|work| work.is_busy()).count() as u64
    }

    /// What can be said of one worker. The process is the one that serves new messages; the queue is that
    /// of the id, what a predecessor still works on included.
    pub(crate) fn worker_report(&self, worker: u32) -> WorkerReport {
        let block = self.seat_block(self.seat_of(worker));
        let now = clock::monotonic_ms();
        let since = block.callback_since_ms.load(Ordering::Acquire);
        let (state, callback) = (
            WorkerState::of(block),
            block.callback.load(Ordering::Relaxed),
        );
        let callback = Callback::from_u32(callback);
        let busy_ms = match (since, state) {
            (0, _) | (_, WorkerState::Gone) => 0,
            (since, _) => now.saturating_sub(since),
        };
        let pid = block.pid.load(Ordering::Acquire);
        let (queue_depth, marked_age) = self.queue_of(worker, now);
        WorkerReport {
            pid,
            state,
            busy_ms,
            callback,
            session: load(&block.session),
            served: load(&block.requests),
            restarts: load(&self.worker(worker).forks).saturating_sub(1),
            rss_bytes: match pid {
                0 => 0,
                pid => process::resident_bytes(pid),
            },
            queue_depth,
            // A message at work is at least as old as its callback, marked or not.
            queue_age_ms: match callback {
                _ if queue_depth == 0 => 0,
                Callback::Connect | Callback::Receive | Callback::Close | Callback::Packet => {
                    marked_age.max(busy_ms)
                }
                _ => marked_age,
            },
        }
    }

    /// Age of the oldest marked message in the lanes to a seat; 0 if none waits.
    pub(crate) fn queue_age(&self, seat: Seat, now_ms: u64) -> u64 {
        let age = |reactor| {
            let lane = (Endpoint::Reactor(reactor), Endpoint::Worker(seat));
            let (_, finished) = self.directory.progress(lane.0, lane.1);
            self.queue_mark(reactor, seat).age_ms(finished, now_ms)
        };
        (0..self.plan.reactors).map(age).max().unwrap_or(0)
    }

    /// Tasks that one task worker is at, or that wait for it alone, and the age of the oldest one.
    fn tasks_of(&self, worker: u32) -> (u64, u64) {
        let waiting = (self.directory.exchange()).waiting_for(worker - self.plan.workers);
        let first = Seat::first_of(worker).0;
        let works = (first..first + SEATS as u32).filter_map(|seat| self.work(Seat(seat)));
        let at_work: Vec<u64> = works.filter_map(WorkBlock::given_at).collect();
        let oldest = at_work.iter().copied().chain(waiting.oldest).min();
        let age_us = oldest.map_or(0, |since| clock::wall_us().saturating_sub(since));
        (waiting.count + at_work.len() as u64, age_us / 1_000)
    }

    /// Messages under way to a worker, and the age of the oldest one that is marked.
    fn queue_of(&self, worker: u32, now_ms: u64) -> (u64, u64) {
        let (mut depth, mut age) = (0, 0);
        match self.kind_of(worker) {
            ChildKind::Worker => {}
            ChildKind::TaskWorker => return self.tasks_of(worker),
            ChildKind::UserProcess => return (0, 0), // nobody gives it anything
        }
        let first = Seat::first_of(worker).0;
        let seats = (first..first + SEATS as u32).map(Seat);
        for seat in seats.filter(|&seat| !self.is_left(seat)) {
            for reactor in 0..self.plan.reactors {
                let lane = (Endpoint::Reactor(reactor), Endpoint::Worker(seat));
                let (in_flight, finished) = self.directory.progress(lane.0, lane.1);
                depth += in_flight;
                age = age.max(self.queue_mark(reactor, seat).age_ms(finished, now_ms));
            }
        }
        (depth, age)
    }
}

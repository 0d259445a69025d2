//! What processes say about themselves in shared memory, for the roster.

use super::Manager;
use crate::handler::Callback;
use crate::ipc::directory::Seat;
use crate::ipc::frame::{Head, Kind};
use crate::role::phase::Phase;
use crate::role::watchdog::Stuck;
use crate::session::table::state;
use crate::shared::Shared;
use crate::stats::{ReactorBlock, recycle, replacement, seat_state};
use crate::sync::Ordering;
use crate::sys::{clock, signal};

impl Manager<'_> {
    /// Workers that wait for a restart have requests to answer before the stop.
    pub(super) fn note_draining(&mut self) {
        let draining = Phase::of(&self.ground.shared) >= Phase::Draining;
        if draining && !std::mem::replace(&mut self.draining, true) {
            self.roster.respawn_now(clock::monotonic_ms());
        }
    }

    pub(super) fn note_ready(&mut self) {
        for seat in self.roster.starting() {
            let shared = &self.ground.shared;
            let state = shared.seat_block(seat).state.load(Ordering::Acquire);
            if state == seat_state::READY {
                let standby = self.wish_of(seat.worker()) == recycle::SOON;
                let actions = self.roster.ready(seat, standby, clock::monotonic_ms());
                self.perform(actions);
            }
        }
    }

    /// Workers that end by themselves.
    pub(super) fn note_leaving(&mut self) {
        for seat in self.roster.alive() {
            let block = self.ground.shared.seat_block(seat);
            if block.state.load(Ordering::Acquire) == seat_state::STOPPING {
                self.roster.leaving(seat, clock::monotonic_ms());
            }
        }
    }

    /// Workers that have served their requests, or outgrown their memory.
    pub(super) fn note_recycling(&mut self) {
        for worker in 0..self.ground.shared.children() {
            let wish = self.wish_of(worker);
            if wish >= recycle::SOON {
                self.roster.recycle(worker, clock::monotonic_ms());
            }
            if wish == recycle::NOW {
                let actions = self.roster.take_over(worker, clock::monotonic_ms());
                self.perform(actions);
            }
        }
    }

    /// Workers that wish to be replaced and must wait for others go on meanwhile.
    pub(super) fn answer_recycling(&self) {
        let shared = &self.ground.shared;
        for worker in 0..shared.children() {
            let block = shared.seat_block(shared.seat_of(worker));
            let wishes = self.wish_of(worker) >= recycle::SOON;
            if wishes && block.replacement.load(Ordering::Acquire) == replacement::UNKNOWN {
                let later = replacement::LATER;
                block.replacement.store(later, Ordering::Release);
            }
        }
    }

    /// What a process has been at, in the words of the crash record; empty if that is not known.
    pub(super) fn last_callback(&self, pid: i32) -> String {
        let Some(seat) = self.roster.seat_of(pid) else {
            return String::new();
        };
        let block = self.ground.shared.seat_block(seat);
        let callback = Callback::from_u32(block.callback.load(Ordering::Relaxed));
        let session = block.session.load(Ordering::Relaxed);
        match (callback, session) {
            (Callback::None, _) => ", before its first callback".into(),
            (callback, 0) => format!(", last callback {}", callback.name()),
            (callback, session) => format!(", last callback {}, fd {session}", callback.name()),
        }
    }

    /// Whether the process that serves as a worker wants to be replaced.
    fn wish_of(&self, worker: u32) -> u32 {
        let shared = &self.ground.shared;
        let block = shared.seat_block(shared.seat_of(worker));
        block.recycle.load(Ordering::Acquire)
    }

    /// Workers that have been at one callback for longer than `worker_deadline`, or do not take up what
    /// waits for them, lose that session and their life.
    pub(super) fn watch_callbacks(&mut self) {
        let now = clock::monotonic_ms();
        for stuck in self.watchdog.look(&self.roster.alive(), now) {
            if self.roster.overdue(stuck.seat, now) {
                self.end_stuck(&stuck);
            }
        }
    }

    fn end_stuck(&self, stuck: &Stuck) {
        let shared = &self.ground.shared;
        let block = shared.seat_block(stuck.seat);
        let pid = block.pid.load(Ordering::Acquire);
        let worker = stuck.seat.worker();
        self.context
            .log()
            .warning(format_args!("worker(pid={pid}, id={worker}) {stuck}"));
        block.overdue.store(stuck.taken, Ordering::Release);
        // Should it have gone on this very moment, the session has its answer.
        let still = block.begun() == stuck.taken;
        if let Some(slot) = shared.sessions.find(stuck.session).filter(|_| still) {
            slot.mark(state::ENDED);
            let head = Head::new(Kind::Lost, stuck.session, 0);
            let _ = self.context.to_reactor(slot.reactor(), head, &[]);
        }
        signal::send(pid, signal::SIGTERM);
    }

    /// Whether a process may be forked onto a spare seat: the last one is settled, and every reactor
    /// has taken back what it had left.
    pub(super) fn is_free(shared: &Shared, seat: Seat) -> bool {
        let routes = shared.server().routes.load(Ordering::Acquire);
        let seen = |reactor: &ReactorBlock| reactor.routes_seen.load(Ordering::Acquire) >= routes;
        shared.seat_block(seat).state.load(Ordering::Acquire) == seat_state::EMPTY
            && shared.reactors().iter().all(seen)
    }
}

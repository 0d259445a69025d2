//! A worker id in the manager's books, and the processes that serve it: one as a rule, two while a
//! replacement that was started first meets the process it replaces.

use crate::ipc::directory::{SEATS, Seat};
use crate::shared::ChildKind;

/// Where the process on a seat is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nobody is there, and nobody is wanted.
    Absent,
    /// Nobody is there; to be forked at `at` (monotonic ms).
    Due { at: u64 },
    /// Forked; its start callback has not returned.
    Starting,
    /// Serving.
    Ready,
    /// Asked to stop; to be killed at `kill_at` (monotonic ms).
    Stopping { kill_at: u64 },
}

/// The process on one seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Child {
    pub(super) pid: i32,
    pub(super) state: State,
    /// Monotonic ms of its fork.
    pub(super) born: u64,
    /// A kill for missing the deadline has been sent.
    pub(super) killed: bool,
    /// The manager has asked it to end; else an end is its own doing.
    pub(super) asked: bool,
    /// It was terminated for being stuck: its end is reported however it came.
    pub(super) stuck: bool,
    /// It has been ready.
    pub(super) served: bool,
    /// A message died with it.
    pub(super) lost_work: bool,
}

impl Child {
    fn new(state: State) -> Child {
        Child {
            pid: 0,
            state,
            born: 0,
            killed: false,
            asked: false,
            stuck: false,
            served: false,
            lost_work: false,
        }
    }

    /// It is to end, and to be killed if it has not by then.
    pub(super) fn ask(&mut self, kill_at: u64) {
        self.asked = true;
        self.state = State::Stopping { kill_at };
    }

    pub(super) fn is_alive(&self) -> bool {
        !matches!(self.state, State::Absent | State::Due { .. })
    }
}

/// Whether a worker's process is to be replaced by one that starts beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replacing {
    No,
    /// Wanted from `not_before` (monotonic ms) on. `urgent`: whatever else is being replaced.
    Wanted {
        urgent: bool,
        not_before: u64,
    },
    /// It has been forked onto the other seat and is not ready.
    Starting,
    /// It is ready, and the old process still has a few requests to go.
    Standby,
}

/// One worker id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Post {
    pub(super) worker: u32,
    pub(super) kind: ChildKind,
    /// By incarnation.
    pub(super) children: [Child; SEATS],
    /// Whose seat gets the messages.
    pub(super) serving: usize,
    pub(super) replacing: Replacing,
    /// Deaths in a row within a second of the fork, for the respawn delay.
    pub(super) early_deaths: u32,
}

impl Post {
    /// A worker that was never forked and is wanted now.
    pub(super) fn wanted(worker: u32, kind: ChildKind) -> Post {
        Post {
            worker,
            kind,
            children: [Child::new(State::Due { at: 0 }), Child::new(State::Absent)],
            serving: 0,
            replacing: Replacing::No,
            early_deaths: 0,
        }
    }

    pub(super) fn seat(&self, incarnation: usize) -> Seat {
        Seat(Seat::first_of(self.worker).0 + incarnation as u32)
    }

    /// The seat that a replacement sits on.
    pub(super) fn spare(&self) -> usize {
        (self.serving + 1) % SEATS
    }

    pub(super) fn incumbent(&mut self) -> &mut Child {
        &mut self.children[self.serving]
    }

    /// Pid of the process that gets the messages, if it is alive.
    pub(super) fn serving_pid(&self) -> Option<i32> {
        let child = &self.children[self.serving];
        child.is_alive().then_some(child.pid)
    }

    /// Seats with their processes.
    pub(super) fn seats(&self) -> impl Iterator<Item = (Seat, &Child)> {
        let seat = |incarnation| self.seat(incarnation);
        (self.children.iter().enumerate())
            .map(move |(incarnation, child)| (seat(incarnation), child))
    }
}

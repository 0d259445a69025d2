//! Restart storms, double signals, slow workers: with a clock that is a number.

mod deaths;
mod reloads;
mod replacements;
mod stops;
mod users;

use super::*;
use crate::sys::wait::Exit;

const CLEAN: Exit = Exit { code: 0, signal: 0 };
const KILLED: Exit = Exit { code: 0, signal: 9 };
const FATAL: Exit = Exit {
    code: 255,
    signal: 0,
};

fn first(worker: u32) -> Seat {
    Seat::first_of(worker)
}

fn second(worker: u32) -> Seat {
    Seat(first(worker).0 + 1)
}

fn policy(reload_async: bool) -> Policy {
    Policy {
        patience_ms: 3_000,
        reload_async,
        start_ms: 60_000,
        max_respawns: 0,
    }
}

fn tick(roster: &mut Roster, now: u64) -> Vec<Action> {
    roster.tick(now, |_| true)
}

/// A roster whose first generation serves; pids are 100 + worker.
fn serving_with(workers: u32, policy: Policy) -> Roster {
    let mut roster = Roster::new(
        std::iter::repeat_n(ChildKind::Worker, workers as usize),
        policy,
    );
    assert_eq!(tick(&mut roster, 0).len(), workers as usize);
    for worker in 0..workers {
        roster.spawned(first(worker), 100 + worker as i32, 0);
        assert_eq!(roster.ready(first(worker), false, 0), []);
    }
    roster
}

/// One that replaces workers one after the other.
fn rolling(workers: u32) -> Roster {
    serving_with(workers, policy(false))
}

/// One that starts new workers first.
fn side_by_side(workers: u32) -> Roster {
    serving_with(workers, policy(true))
}

/// A worker has a few requests left; its replacement is ready and stands by.
fn standing_by() -> Roster {
    let mut roster = side_by_side(2);
    roster.recycle(0, 0);
    assert_eq!(tick(&mut roster, 0), [Action::Spawn(second(0))]);
    roster.spawned(second(0), 200, 0);
    assert_eq!(roster.ready(second(0), true, 0), []);
    roster
}

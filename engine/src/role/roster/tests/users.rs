//! User processes.

use super::*;
use crate::sys::signal::SIGTERM;

/// A worker and a user process, both there.
fn with_user_process() -> Roster {
    let kinds = [ChildKind::Worker, ChildKind::UserProcess];
    let mut roster = Roster::new(kinds, policy(true));
    let _ = tick(&mut roster, 0);
    for worker in 0..2 {
        roster.spawned(first(worker), 100 + worker as i32, 0);
        let _ = roster.ready(first(worker), false, 0);
    }
    roster
}

#[test]
fn a_user_process_is_asked_to_end_when_the_workers_are_gone() {
    let mut roster = with_user_process();
    assert_eq!(
        roster.stop_all(3_000, 0),
        [Action::AskToStop(first(0))],
        "the worker only"
    );
    assert_eq!(tick(&mut roster, 10), []);
    let _ = roster.died(100, CLEAN, 20);
    assert_eq!(tick(&mut roster, 20), [Action::AskToStop(first(1))]);
    assert_eq!(tick(&mut roster, 30), [], "asked once");
    let kill = Action::Kill {
        pid: 101,
        worker: 1,
    };
    assert_eq!(tick(&mut roster, 3_400), [kill]);
    assert_eq!(roster.died(101, KILLED, 3_401), [], "killed by us");
    assert_eq!(tick(&mut roster, 3_401), [Action::Finish]);
}

#[test]
fn the_signal_that_ends_a_user_process_is_reported_unless_it_is_ours() {
    let mut roster = with_user_process();
    let by_term = Exit {
        code: 0,
        signal: SIGTERM,
    };
    let _ = roster.stop_worker(1, 20_000);
    assert_eq!(roster.died(101, by_term, 20_001), []);
    roster.spawned(first(1), 101, 20_002);
    assert_eq!(roster.died(101, by_term, 40_000), [Action::ReportDeath]);
}

#[test]
fn a_user_process_has_a_moment_even_if_the_workers_have_used_up_the_time() {
    let mut roster = with_user_process();
    let _ = roster.stop_all(3_000, 0);
    let _ = tick(&mut roster, 3_400);
    let _ = roster.died(100, KILLED, 3_450);
    assert_eq!(tick(&mut roster, 3_450), [Action::AskToStop(first(1))]);
    assert_eq!(tick(&mut roster, 3_600), []);
    assert!(matches!(
        tick(&mut roster, 3_650)[..],
        [Action::Kill { pid: 101, .. }]
    ));
}

#[test]
fn a_user_process_that_stops_itself_at_once_has_its_delay() {
    let mut roster = with_user_process();
    let mut delays = 0;
    for round in 0..5 {
        let now = 20_000 + round * 10;
        let asked = roster.stop_worker(1, now);
        assert_eq!(
            asked,
            [Action::AskToStop(first(1))],
            "no second one beside it"
        );
        let actions = roster.died(101, CLEAN, now + 1);
        delays += actions.len();
        roster.spawned(first(1), 101, now + 2);
        let _ = roster.ready(first(1), false, now + 3);
    }
    assert!(delays >= 3, "{delays} delays");
}

//! Deaths of workers, and the delays before their successors.

use super::*;

#[test]
fn first_death_is_replaced_at_once() {
    let mut roster = rolling(2);
    assert_eq!(roster.died(101, KILLED, 500), [Action::ReportDeath]);
    assert_eq!(tick(&mut roster, 500), [Action::Spawn(first(1))]);
    assert_eq!(tick(&mut roster, 500), [], "spawned once only");
}

#[test]
fn a_clean_exit_is_replaced_without_a_report() {
    let mut roster = rolling(1);
    assert_eq!(roster.died(100, CLEAN, 20_000), []);
    assert_eq!(tick(&mut roster, 20_000), [Action::Spawn(first(0))]);
}

#[test]
fn a_crash_loop_restarts_at_most_ten_times_in_five_seconds() {
    let mut roster = Roster::new([ChildKind::Worker], policy(false));
    let (mut now, mut restarts, mut pid) = (0, 0, 1);
    while now < 5_000 {
        for action in tick(&mut roster, now) {
            if let Action::Spawn(seat) = action {
                restarts += 1;
                roster.spawned(seat, pid, now);
                let _ = roster.died(pid, KILLED, now);
                pid += 1;
            }
        }
        now = roster
            .next_deadline(now)
            .map_or(now + 1, |due| due.max(now + 1));
    }
    assert!((3..=10).contains(&restarts), "{restarts} restarts");
}

#[test]
fn failures_in_a_row_end_the_server_once() {
    let mut roster = serving_with(
        2,
        Policy {
            max_respawns: 3,
            ..policy(true)
        },
    );
    let mut reasons = 0;
    for _ in 0..6 {
        let actions = roster.died(100, FATAL, 10);
        reasons += (actions.iter())
            .filter(|action| matches!(action, Action::GiveUp(_)))
            .count();
        roster.spawned(first(0), 100, 10);
    }
    assert_eq!(reasons, 1);
}

#[test]
fn a_long_life_clears_the_delay() {
    let mut roster = rolling(1);
    for round in 0..5 {
        let _ = roster.died(100, KILLED, round * 10);
        roster.spawned(first(0), 100, round * 10);
    }
    let actions = roster.died(100, KILLED, 60_000);
    assert_eq!(actions.len(), 1, "no delay is announced: {actions:?}");
    assert_eq!(tick(&mut roster, 60_000), [Action::Spawn(first(0))]);
}

#[test]
fn a_process_that_ends_by_itself_has_a_deadline_too() {
    let mut roster = side_by_side(1);
    roster.leaving(first(0), 20_000);
    assert_eq!(roster.next_deadline(20_000), Some(24_000));
    assert!(matches!(
        tick(&mut roster, 24_000)[..],
        [Action::Kill { pid: 100, .. }]
    ));
    assert_eq!(roster.died(100, KILLED, 24_001), [Action::ReportDeath]);
    assert_eq!(tick(&mut roster, 24_001), [Action::Spawn(first(0))]);
}

#[test]
fn processes_that_end_by_themselves_at_once_have_their_delay() {
    let mut roster = side_by_side(1);
    for _ in 0..3 {
        roster.leaving(first(0), 10);
        let _ = roster.died(100, FATAL, 10);
        roster.spawned(first(0), 100, 10);
    }
    let _ = roster.died(100, FATAL, 10);
    assert_eq!(tick(&mut roster, 11), []);
}

#[test]
fn an_overdue_worker_is_killed_a_moment_later() {
    let mut roster = side_by_side(1);
    assert!(roster.overdue(first(0), 1_000));
    assert!(!roster.overdue(first(0), 1_050), "said once");
    assert_eq!(tick(&mut roster, 1_099), []);
    assert!(matches!(
        tick(&mut roster, 1_100)[..],
        [Action::Kill { pid: 100, .. }]
    ));
    assert_eq!(roster.died(100, KILLED, 1_101), [Action::ReportDeath]);
    assert_eq!(tick(&mut roster, 1_101), [Action::Spawn(first(0))]);
}

#[test]
fn unknown_pids_are_ignored() {
    let mut roster = rolling(1);
    assert_eq!(roster.died(4711, KILLED, 1), []);
    assert_eq!(tick(&mut roster, 1), []);
}

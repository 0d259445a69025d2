//! Replacements that start beside a worker.

use super::super::replacements::RECYCLED_AT_ONCE;
use super::*;

#[test]
fn a_replacement_waits_until_its_seat_is_cleared() {
    let mut roster = side_by_side(1);
    let _ = roster.reload(0);
    assert_eq!(roster.tick(0, |_| false), []);
    assert_eq!(roster.next_deadline(1), None, "an event will come");
    assert_eq!(tick(&mut roster, 5), [Action::Spawn(second(0))]);
}

#[test]
fn a_worker_that_dies_while_its_replacement_starts_has_no_other_successor() {
    let mut roster = side_by_side(1);
    let _ = roster.reload(0);
    let _ = tick(&mut roster, 0);
    roster.spawned(second(0), 200, 0);
    assert_eq!(roster.died(100, KILLED, 20_000), [Action::ReportDeath]);
    assert_eq!(tick(&mut roster, 20_000), [Action::AfterReload]);
    assert_eq!(
        roster.ready(second(0), false, 20_001),
        [Action::Switch(second(0))]
    );
    assert_eq!(roster.died(200, KILLED, 40_000), [Action::ReportDeath]);
    assert_eq!(tick(&mut roster, 40_000), [Action::Spawn(second(0))]);
}

#[test]
fn an_old_worker_goes_on_if_the_new_one_does_not_come_up() {
    let mut roster = side_by_side(2);
    let _ = roster.reload(0);
    let _ = tick(&mut roster, 0);
    roster.spawned(second(0), 200, 20_000);
    roster.spawned(second(1), 201, 20_000);
    let actions = roster.died(200, FATAL, 20_001);
    assert!(matches!(
        actions[..],
        [Action::ReportDeath, Action::Error(_)]
    ));
    let _ = roster.ready(second(1), false, 20_002);
    let _ = roster.died(101, CLEAN, 20_003);
    assert_eq!(tick(&mut roster, 20_003), [Action::AfterReload]);
    assert_eq!(tick(&mut roster, 90_000), [], "worker 0 is not tried again");
    assert_eq!(roster.seat_of(100), Some(first(0)));
}

#[test]
fn if_both_die_there_is_a_successor() {
    let mut roster = side_by_side(1);
    let _ = roster.reload(0);
    let _ = tick(&mut roster, 0);
    roster.spawned(second(0), 200, 20_000);
    let _ = roster.died(100, KILLED, 20_001);
    let _ = roster.died(200, KILLED, 20_002);
    let due = roster.next_deadline(20_002).unwrap();
    let actions = tick(&mut roster, due);
    assert_eq!(actions, [Action::Spawn(first(0)), Action::AfterReload]);
}

#[test]
fn workers_are_recycled_one_at_a_time() {
    let mut roster = side_by_side(8);
    for worker in 0..8 {
        roster.recycle(worker, 0);
        roster.recycle(worker, 0);
    }
    for worker in 0..8 {
        assert_eq!(tick(&mut roster, 0), [Action::Spawn(second(worker))]);
        roster.spawned(second(worker), 200 + worker as i32, 0);
        assert_eq!(tick(&mut roster, 0), [], "the next waits");
        let _ = roster.ready(second(worker), false, 0);
    }
    assert_eq!(side_by_side(30).posts.len() / RECYCLED_AT_ONCE, 3);
}

#[test]
fn a_recycled_worker_whose_replacement_fails_is_tried_again_later() {
    let mut roster = side_by_side(1);
    roster.recycle(0, 0);
    let _ = tick(&mut roster, 0);
    roster.spawned(second(0), 200, 0);
    assert_eq!(roster.died(200, FATAL, 1), [Action::ReportDeath]);
    assert_eq!(tick(&mut roster, 2), []);
    let due = roster.next_deadline(2).unwrap();
    assert_eq!(tick(&mut roster, due), [Action::Spawn(second(0))]);
}

#[test]
fn a_replacement_stands_by_until_the_old_worker_is_through() {
    let mut roster = standing_by();
    roster.recycle(1, 0);
    assert_eq!(
        tick(&mut roster, 0),
        [Action::Spawn(second(1))],
        "none is away"
    );
    assert_eq!(
        roster.take_over(0, 5),
        [Action::Switch(second(0)), Action::AskToStop(first(0))]
    );
    assert_eq!(roster.take_over(0, 5), []);
}

#[test]
fn a_replacement_that_stands_by_takes_over_from_the_dead() {
    let mut roster = standing_by();
    assert_eq!(
        roster.died(100, KILLED, 20_000),
        [Action::ReportDeath, Action::Switch(second(0))]
    );
    assert_eq!(tick(&mut roster, 20_000), []);
}

#[test]
fn a_replacement_that_dies_standing_by_is_replaced() {
    let mut roster = standing_by();
    assert_eq!(roster.died(200, KILLED, 20_000), [Action::ReportDeath]);
    let due = roster.next_deadline(20_000).unwrap();
    assert_eq!(tick(&mut roster, due), [Action::Spawn(second(0))]);
}

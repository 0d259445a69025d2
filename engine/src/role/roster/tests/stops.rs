//! The end of the server.

use super::*;

#[test]
fn stop_during_a_rolling_reload_ends_everybody() {
    let mut roster = rolling(2);
    let _ = roster.reload(0);
    let _ = tick(&mut roster, 100_000);
    let actions = roster.stop_all(101_000, 100_500);
    assert_eq!(
        actions,
        [Action::AskToStop(first(1))],
        "worker 0 has been asked already"
    );
    let _ = roster.died(100, CLEAN, 100_600);
    assert_eq!(tick(&mut roster, 100_600), [], "no replacement");
    let _ = roster.died(101, CLEAN, 100_700);
    assert_eq!(tick(&mut roster, 100_700), [Action::Finish]);
}

#[test]
fn stop_waits_for_old_workers_too() {
    let mut roster = side_by_side(1);
    let _ = roster.reload(0);
    let _ = tick(&mut roster, 0);
    roster.spawned(second(0), 200, 0);
    let _ = roster.ready(second(0), false, 0);
    assert_eq!(roster.stop_all(1_000, 10), [Action::AskToStop(second(0))]);
    let _ = roster.died(200, CLEAN, 20);
    assert_eq!(tick(&mut roster, 20), [], "the old one is still there");
    assert_eq!(roster.next_deadline(20), Some(1_000 + GRACE_AT_STOP_MS));
    assert!(matches!(
        tick(&mut roster, 1_400)[..],
        [Action::Kill { pid: 100, .. }]
    ));
    assert_eq!(roster.died(100, KILLED, 1_401), [], "we did it");
    assert_eq!(tick(&mut roster, 1_401), [Action::Finish]);
}

#[test]
fn a_stop_does_not_wait_for_a_delayed_restart() {
    let mut roster = rolling(1);
    for _ in 0..6 {
        let _ = roster.died(100, KILLED, 10);
        roster.spawned(first(0), 100, 10);
    }
    let _ = roster.died(100, KILLED, 10);
    assert_eq!(tick(&mut roster, 11), [], "the delay runs");
    roster.respawn_now(11);
    assert_eq!(tick(&mut roster, 11), [Action::Spawn(first(0))]);
}

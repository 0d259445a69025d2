//! Reloads, one worker after the other and all at once.

use super::*;

fn begun(actions: &[Action]) -> bool {
    matches!(actions, [Action::Info(_), Action::BeforeReload])
}

#[test]
fn a_rolling_reload_replaces_one_worker_after_the_other() {
    let mut roster = rolling(3);
    assert!(begun(&roster.reload(0)));
    assert_eq!(
        roster.reload(0),
        [],
        "a second request is part of the first"
    );
    let mut now = 100_000;
    for worker in 0..3 {
        let seat = first(worker);
        assert_eq!(tick(&mut roster, now), [Action::AskToStop(seat)]);
        assert_eq!(tick(&mut roster, now), [], "waits for it");
        assert_eq!(roster.died(100 + worker as i32, CLEAN, now + 1), []);
        assert_eq!(tick(&mut roster, now + 1), [Action::Spawn(seat)]);
        roster.spawned(seat, 200 + worker as i32, now + 1);
        assert_eq!(tick(&mut roster, now + 2), [], "waits for the replacement");
        assert_eq!(roster.ready(seat, false, now + 2), []);
        now += 10;
    }
    assert_eq!(tick(&mut roster, now), [Action::AfterReload]);
    assert!(begun(&roster.reload(now)), "the next reload may begin");
}

#[test]
fn a_reload_asked_for_later_runs_once_more() {
    let mut roster = rolling(1);
    let _ = roster.reload(100_000);
    assert_eq!(tick(&mut roster, 100_000), [Action::AskToStop(first(0))]);
    assert_eq!(roster.reload(100_900), [], "in a row: the same reload");
    assert_eq!(roster.reload(101_000), []);
    assert_eq!(roster.reload(101_500), []);
    let _ = roster.died(100, CLEAN, 102_000);
    let _ = tick(&mut roster, 102_000);
    roster.spawned(first(0), 200, 102_000);
    let _ = roster.ready(first(0), false, 102_001);
    let again = tick(&mut roster, 102_002);
    assert!(
        matches!(
            again[..],
            [
                Action::AfterReload,
                Action::Info(_),
                Action::BeforeReload,
                Action::AskToStop(_)
            ]
        ),
        "{again:?}"
    );
    let _ = roster.died(200, CLEAN, 102_100);
    let _ = tick(&mut roster, 102_100);
    roster.spawned(first(0), 300, 102_100);
    let _ = roster.ready(first(0), false, 102_101);
    assert_eq!(tick(&mut roster, 102_102), [Action::AfterReload], "once");
}

#[test]
fn each_worker_of_a_reload_has_its_own_deadline() {
    let mut roster = rolling(5);
    let _ = roster.reload(0);
    let mut now = 100_000;
    for worker in 0..5u32 {
        assert_eq!(tick(&mut roster, now), [Action::AskToStop(first(worker))]);
        now += 2_900;
        assert_eq!(tick(&mut roster, now), [], "2.9 s is within its time");
        let _ = roster.died(100 + worker as i32, CLEAN, now);
        let _ = tick(&mut roster, now);
        roster.spawned(first(worker), 300 + worker as i32, now);
        let _ = roster.ready(first(worker), false, now);
    }
}

#[test]
fn a_worker_that_does_not_stop_is_killed_once() {
    let mut roster = rolling(1);
    let _ = roster.reload(0);
    assert_eq!(tick(&mut roster, 100_000), [Action::AskToStop(first(0))]);
    assert_eq!(roster.next_deadline(100_000), Some(104_000));
    assert_eq!(tick(&mut roster, 103_999), []);
    let kill = Action::Kill {
        pid: 100,
        worker: 0,
    };
    assert_eq!(tick(&mut roster, 104_000), [kill]);
    assert_eq!(tick(&mut roster, 104_001), []);
}

#[test]
fn a_rolling_reload_is_given_up_when_new_code_does_not_come_up() {
    let mut roster = rolling(2);
    let _ = roster.reload(0);
    let _ = tick(&mut roster, 100_000);
    let _ = roster.died(100, CLEAN, 100_000);
    let _ = tick(&mut roster, 100_000);
    roster.spawned(first(0), 200, 100_000);
    let actions = roster.died(200, FATAL, 100_001);
    assert!(matches!(
        actions[..],
        [Action::ReportDeath, Action::Error(_)]
    ));
    let later = tick(&mut roster, 100_001);
    assert_eq!(later, [Action::Spawn(first(0)), Action::AfterReload]);
}

#[test]
fn new_workers_start_beside_all_old_ones_and_take_over_when_they_serve() {
    let mut roster = side_by_side(2);
    assert!(begun(&roster.reload(0)));
    assert_eq!(
        tick(&mut roster, 0),
        [Action::Spawn(second(0)), Action::Spawn(second(1))]
    );
    roster.spawned(second(0), 200, 0);
    roster.spawned(second(1), 201, 0);
    assert_eq!(roster.reload(1), [], "one reload");
    for worker in 0..2 {
        assert_eq!(
            roster.ready(second(worker), false, 5),
            [
                Action::Switch(second(worker)),
                Action::AskToStop(first(worker))
            ]
        );
    }
    assert_eq!(roster.died(100, CLEAN, 10), []);
    assert_eq!(
        tick(&mut roster, 10),
        [],
        "worker 1's old process is still there"
    );
    assert_eq!(roster.died(101, CLEAN, 11), []);
    assert_eq!(tick(&mut roster, 11), [Action::AfterReload]);
    assert!(begun(&roster.reload(20)));
    assert_eq!(
        tick(&mut roster, 20),
        [Action::Spawn(first(0)), Action::Spawn(first(1))]
    );
}

#[test]
fn a_process_that_does_not_become_ready_is_killed_and_its_reload_given_up() {
    let mut roster = side_by_side(1);
    let _ = roster.reload(0);
    let _ = tick(&mut roster, 0);
    roster.spawned(second(0), 200, 0);
    assert_eq!(roster.next_deadline(1), Some(60_000));
    assert_eq!(tick(&mut roster, 59_999), []);
    let kill = Action::Kill {
        pid: 200,
        worker: 0,
    };
    assert_eq!(tick(&mut roster, 60_000), [kill]);
    let actions = roster.died(200, KILLED, 60_001);
    assert!(matches!(
        actions[..],
        [Action::ReportDeath, Action::Error(_)]
    ));
    assert_eq!(tick(&mut roster, 60_001), [Action::AfterReload]);
    assert_eq!(roster.seat_of(100), Some(first(0)), "the old one goes on");
}

#[test]
fn a_start_that_fails_gives_the_reload_up_even_if_its_end_was_seen_coming() {
    let mut roster = side_by_side(1);
    let _ = roster.reload(0);
    let _ = tick(&mut roster, 0);
    roster.spawned(second(0), 200, 0);
    roster.leaving(second(0), 1);
    let actions = roster.died(200, FATAL, 2);
    assert!(matches!(
        actions[..],
        [Action::ReportDeath, Action::Error(_)]
    ));
    assert_eq!(tick(&mut roster, 2), [Action::AfterReload]);
}

#[test]
fn a_rolling_reload_dismisses_replacements_with_old_code_too() {
    let mut roster = rolling(1);
    roster.recycle(0, 0);
    let _ = tick(&mut roster, 0);
    roster.spawned(second(0), 200, 0);
    let _ = roster.ready(second(0), true, 0);
    assert_eq!(roster.reload(10)[2..], [Action::AskToStop(second(0))]);
    assert_eq!(tick(&mut roster, 10), [Action::AskToStop(first(0))]);
    let _ = roster.died(100, CLEAN, 20);
    assert_eq!(tick(&mut roster, 20), [Action::Spawn(first(0))]);
}

#[test]
fn a_reload_dismisses_replacements_with_old_code() {
    let mut roster = standing_by();
    let actions = roster.reload(10);
    assert_eq!(actions[2..], [Action::AskToStop(second(0))]);
    assert_eq!(tick(&mut roster, 10), [Action::Spawn(second(1))]);
    let _ = roster.died(200, CLEAN, 20);
    assert_eq!(tick(&mut roster, 20), [Action::Spawn(second(0))]);
    // Whatever the old worker has left to serve: the reload would have no end.
    roster.spawned(second(0), 201, 20);
    assert_eq!(
        roster.ready(second(0), true, 30),
        [Action::Switch(second(0)), Action::AskToStop(first(0))]
    );
}

//! Restart storms, double signals, slow workers: with a clock that is a number.

use super::*;

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

/// A worker has a few requests left; its replacement is ready and stands by.
fn standing_by() -> Roster {
    let mut roster = side_by_side(2);
    roster.recycle(0, 0);
    assert_eq!(tick(&mut roster, 0), [Action::Spawn(second(0))]);
    roster.spawned(second(0), 200, 0);
    assert_eq!(roster.ready(second(0), true, 0), []);
    roster
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

#[test]
fn unknown_pids_are_ignored() {
    let mut roster = rolling(1);
    assert_eq!(roster.died(4711, KILLED, 1), []);
    assert_eq!(tick(&mut roster, 1), []);
}

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

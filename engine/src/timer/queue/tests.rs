use super::*;
use proptest::prelude::*;

/// Fire everything that is due; ids in the order they came.
fn fire(queue: &mut Queue<u32>, now: u64) -> Vec<TimerId> {
    let mut fired = Vec::new();
    queue.begin_pass(now);
    while let Some(due) = queue.pop_due(now) {
        fired.push(due.id);
        if due.repeats {
            queue.done(now, due.id, due.item);
        }
    }
    fired
}

#[test]
fn timers_come_in_the_order_of_due_time_and_id() {
    let mut queue = Queue::default();
    queue.add(0, 20, false, 0);
    queue.add(0, 10, false, 0);
    queue.add(5, 15, true, 0);
    queue.add(0, 20, false, 0);
    assert_eq!(fire(&mut queue, 9), []);
    assert_eq!(queue.next_due(), Some(10));
    assert_eq!(fire(&mut queue, 20), [2, 1, 3, 4]);
    assert_eq!(queue.next_due(), Some(35));
    assert_eq!(queue.stats().num, 1);
}

#[test]
fn missed_periods_are_skipped_and_the_grid_stays() {
    let mut queue = Queue::default();
    let id = queue.add(0, 50, true, 7);
    let due = queue.pop_due(50).expect("due");
    assert!(queue.pop_due(1_000).is_none(), "its callback runs");
    assert!(queue.done(170, due.id, due.item).is_none());
    assert_eq!(queue.next_due(), Some(200));
    assert_eq!(fire(&mut queue, 199), []);
    assert_eq!(fire(&mut queue, 200), [id]);
    assert_eq!(queue.next_due(), Some(250), "on the grid: after, not at");
    assert_eq!(fire(&mut queue, 10_050), [id]);
    assert_eq!(queue.next_due(), Some(10_100));
}

#[test]
fn cleared_in_its_own_callback_it_is_there_until_the_end_of_it() {
    let mut queue = Queue::default();
    let id = queue.add(0, 10, true, 7);
    let due = queue.pop_due(10).expect("due");
    assert_eq!(queue.clear(id), Some(None));
    assert_eq!(queue.clear(id), None);
    assert!(!queue.exists(id));
    assert!(
        queue
            .info(id)
            .is_some_and(|info| info.removed && info.count == 1)
    );
    assert_eq!((queue.stats().num, queue.ids()), (0, vec![]));
    assert_eq!(queue.done(10, id, due.item), Some(7));
    assert!(queue.info(id).is_none() && queue.is_empty());
}

#[test]
fn all_can_be_cleared_while_one_runs() {
    let mut queue = Queue::default();
    let id = queue.add(0, 10, true, 1);
    queue.add(0, 20, true, 2);
    let due = queue.pop_due(10).expect("due");
    assert_eq!(queue.clear_all(), [2]);
    assert_eq!(queue.next_due(), None);
    assert_eq!(queue.done(10, id, due.item), Some(1));
    assert!(queue.is_empty());
    assert_eq!(queue.stats().num, 0);
}

#[test]
fn one_that_is_called_once_is_gone_when_it_is_called() {
    let mut queue = Queue::default();
    let id = queue.add(3, 10, false, 7);
    let info = queue.info(id).expect("there");
    assert_eq!((info.due_ms, info.interval_ms, info.count), (10, 0, 0));
    let due = queue.pop_due(13).expect("due");
    assert!(!due.repeats);
    assert_eq!(queue.clear(id), None);
    assert!(queue.is_empty());
}

#[test]
fn no_distance_is_too_long() {
    let mut queue = Queue::default();
    let far = queue.add(1_000, i64::MAX as u64, true, 0);
    queue.add(1_000, u64::MAX, true, 0);
    assert_eq!(queue.next_due(), Some(1_000 + i64::MAX as u64));
    let due = queue.pop_due(u64::MAX).expect("due");
    assert_eq!(due.id, far);
    queue.done(u64::MAX, far, due.item);
    assert_eq!(queue.clear(far), Some(Some(0)));
}

#[test]
fn a_hundred_thousand_that_are_cleared_leave_nothing() {
    let mut queue = Queue::default();
    let ids: Vec<TimerId> = (0..100_000)
        .map(|n| queue.add(0, 1_000_000 + n, false, 0))
        .collect();
    for id in ids {
        assert!(queue.clear(id).is_some());
    }
    assert!(queue.is_empty() && queue.order.is_empty());
}

/// What a test does next.
#[derive(Debug, Clone)]
enum Move {
    Add { ms: u64, repeats: bool },
    Clear(usize),
    Pass { after: u64, takes: u64 },
}

fn a_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        3 => (1..60u64, any::<bool>()).prop_map(|(ms, repeats)| Move::Add { ms, repeats }),
        1 => (0..40usize).prop_map(Move::Clear),
        3 => (0..80u64, 0..5u64).prop_map(|(after, takes)| Move::Pass { after, takes }),
    ]
}

/// The same, as simply as it can be said: (id, due, interval).
#[derive(Default)]
struct Model(Vec<(TimerId, u64, u64)>);

impl Model {
    fn next(&self, now: u64) -> Option<(TimerId, u64, u64)> {
        let due = self.0.iter().filter(|timer| timer.1 <= now);
        due.min_by_key(|timer| (timer.1, timer.0)).copied()
    }
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(moves in prop::collection::vec(a_move(), 1..80)) {
        let (mut queue, mut model, mut now, mut last) = (Queue::default(), Model::default(), 0u64, 0);
        for step in moves {
            match step {
                Move::Add { ms, repeats } => {
                    last += 1;
                    prop_assert_eq!(queue.add(now, ms, repeats, 0u32), last);
                    model.0.push((last, now + ms, if repeats { ms } else { 0 }));
                }
                Move::Clear(id) => {
                    let id = id as TimerId;
                    let there = model.0.iter().any(|timer| timer.0 == id);
                    model.0.retain(|timer| timer.0 != id);
                    prop_assert_eq!(queue.clear(id).is_some(), there);
                }
                Move::Pass { after, takes } => {
                    now += after;
                    let pass = now;
                    queue.begin_pass(pass);
                    while let Some(due) = queue.pop_due(pass) {
                        now += takes; // its callback
                        let (id, at, interval) = model.next(pass).expect("the model has it, too");
                        prop_assert_eq!(due.id, id);
                        model.0.retain(|timer| timer.0 != id);
                        if due.repeats {
                            let next = (1..).map(|n| at + n * interval).find(|&next| next > now);
                            model.0.push((id, next.expect("endless"), interval));
                            queue.done(now, id, due.item);
                        }
                    }
                    prop_assert!(model.next(pass).is_none());
                }
            }
            prop_assert_eq!(queue.next_due(), model.0.iter().map(|timer| timer.1).min());
            let mut ids: Vec<TimerId> = model.0.iter().map(|timer| timer.0).collect();
            ids.sort_unstable_by(|a, b| b.cmp(a));
            prop_assert_eq!(queue.ids(), ids);
        }
    }
}

/// `cargo test --release -p skep --lib timer -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn cost_of_a_hundred_thousand_live_timers() {
    const LIVE: u64 = 100_000;
    let mut queue = Queue::default();
    let begin = std::time::Instant::now();
    for n in 0..LIVE {
        queue.add(0, 1 + n * 7_919 % 1_000, true, 0u32);
    }
    let added = begin.elapsed();
    let begin = std::time::Instant::now();
    let mut fired = 0u64;
    for now in 1..200 {
        fired += fire(&mut queue, now).len() as u64;
    }
    let ran = begin.elapsed();
    println!(
        "add {} ns, fire and queue again {} ns",
        added.as_nanos() as u64 / LIVE,
        ran.as_nanos() as u64 / fired.max(1)
    );
    assert_eq!(queue.stats().num, LIVE);
}

//! Taking back what a consumer has not begun.

use proptest::prelude::*;

use super::*;
use crate::ipc::frame::Head;
use crate::sync::Ordering;

const SIZE: usize = 1024;

fn head(session: u64) -> Head {
    Head::new(Kind::Receive, session, 0)
}

fn ends() -> (LaneWriter, LaneReader) {
    let ring = Ring::on_heap(SIZE);
    (LaneWriter::attach(ring.twin()), LaneReader::attach(ring))
}

fn push(writer: &mut LaneWriter, session: u64, len: usize) {
    assert_eq!(
        writer.push(head(session), &vec![session as u8; len], &mut 0),
        Push::Whole
    );
}

fn sessions(recalled: &Recalled) -> Vec<u64> {
    recalled
        .messages
        .iter()
        .map(|(head, _)| head.session)
        .collect()
}

#[test]
fn what_was_not_begun_comes_back_whole_and_in_order() {
    let (mut writer, mut reader) = ends();
    for session in 1..=4 {
        push(&mut writer, session, 40);
    }
    assert_eq!(
        reader.receive(|_, _| Verdict::Done),
        Received::Handled(false)
    );
    let recalled = writer.recall();
    assert_eq!(sessions(&recalled), [2, 3, 4]);
    assert_eq!(recalled.messages[0].1, [2; 40]);
    assert_eq!((recalled.at_work, recalled.restart), (None, false));
    assert!(writer.is_drained());
    assert_eq!(writer.in_flight(), 0);
    assert_eq!(reader.receive(|_, _| panic!("begun")), Received::Retired);
    assert_eq!(reader.receive(|_, _| panic!("begun")), Received::Nothing);
}

#[test]
fn the_message_at_work_stays_with_its_consumer() {
    let (mut writer, mut reader) = ends();
    push(&mut writer, 1, 40);
    push(&mut writer, 2, 40);
    let mut recalled = Recalled::default();
    let received = reader.receive(|_, _| {
        recalled = writer.recall();
        Verdict::Done
    });
    assert_eq!(
        received,
        Received::Handled(true),
        "the producer waits for its end"
    );
    assert_eq!((recalled.at_work, sessions(&recalled)), (Some(1), vec![2]));
    assert!(writer.is_drained());
}

#[test]
fn a_message_that_died_at_work_is_not_recalled() {
    let ring = Ring::on_heap(SIZE);
    let mut writer = LaneWriter::attach(ring.twin());
    push(&mut writer, 1, 40);
    push(&mut writer, 2, 40);
    let mut reader = LaneReader::attach(ring.twin());
    assert_eq!(
        reader.receive(|_, _| Verdict::Abandoned),
        Received::Abandoned
    );
    let settled_first = LaneReader::settle(ring.twin()).map(|lost| lost.session);
    assert_eq!(settled_first, Some(1));
    assert_eq!(sessions(&writer.recall()), [2]);
    assert_eq!(LaneReader::settle(ring), None);
}

#[test]
fn recalled_before_the_death_is_settled() {
    let ring = Ring::on_heap(SIZE);
    let mut writer = LaneWriter::attach(ring.twin());
    push(&mut writer, 1, 40);
    push(&mut writer, 2, 40);
    let mut reader = LaneReader::attach(ring.twin());
    assert_eq!(
        reader.receive(|_, _| Verdict::Abandoned),
        Received::Abandoned
    );
    let recalled = writer.recall();
    assert_eq!((recalled.at_work, sessions(&recalled)), (Some(1), vec![2]));
    assert_eq!(LaneReader::settle(ring).map(|lost| lost.session), Some(1));
    assert!(writer.is_drained());
}

#[test]
fn a_long_message_that_was_begun_is_finished_here() {
    let (mut writer, mut reader) = ends();
    let long = vec![7; 900];
    let mut sent = 0;
    while writer.push(head(7), &long, &mut sent) == Push::Full {
        if !reader.is_assembling() {
            reader.receive(|_, _| Verdict::Done);
            let recalled = writer.recall();
            assert_eq!((recalled.at_work, recalled.restart), (Some(7), false));
            assert!(recalled.messages.is_empty());
        }
        reader.receive(|_, payload| panic!("{} bytes too early", payload.bytes().len()));
    }
    let mut whole = 0;
    while !writer.is_drained() {
        reader.receive(|_, payload| {
            whole = payload.bytes().len();
            Verdict::Done
        });
    }
    assert_eq!(whole, 900);
}

#[test]
fn a_long_message_pushed_in_part_and_not_begun_starts_again_elsewhere() {
    let (mut writer, mut reader) = ends();
    push(&mut writer, 1, 40);
    let mut sent = 0;
    assert_eq!(writer.push(head(7), &[7; 5000], &mut sent), Push::Full);
    let recalled = writer.recall();
    assert!(recalled.restart && sent > 0);
    assert_eq!(sessions(&recalled), [1]);
    assert_eq!(reader.receive(|_, _| panic!("begun")), Received::Nothing);
}

#[test]
fn the_next_consumer_begins_again() {
    let ring = Ring::on_heap(SIZE);
    let mut writer = LaneWriter::attach(ring.twin());
    writer.recall();
    push(&mut writer, 1, 40);
    assert_eq!(
        ring.header().taken.load(Ordering::Relaxed) & RETIRED,
        RETIRED
    );
    let mut reader = LaneReader::attach(ring);
    assert_eq!(
        reader.receive(|_, _| Verdict::Done),
        Received::Handled(false)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_is_either_received_or_recalled(
        lengths in proptest::collection::vec(prop_oneof![3 => 0..80usize, 1 => 0..700usize], 1..30),
        receives in 0..40usize,
    ) {
        let (mut writer, mut reader) = ends();
        let mut got = Vec::new();
        let (mut next, mut sent) = (0, 0);
        let mut left = receives;
        loop {
            let full = match lengths.get(next) {
                Some(&len) => writer.push(head(next as u64), &vec![1; len], &mut sent) == Push::Full,
                None => true,
            };
            if !full {
                (next, sent) = (next + 1, 0);
            } else if left == 0 {
                break;
            } else {
                left -= 1;
                reader.receive(|head, _| {
                    got.push(head.session);
                    Verdict::Done
                });
            }
        }
        let recalled = writer.recall();
        let pending = next < lengths.len() && sent > 0;
        // The consumer finishes what it has begun.
        while pending && !recalled.restart && writer.push(head(next as u64), &vec![1; lengths[next]], &mut sent) == Push::Full {
            reader.receive(|head, _| { got.push(head.session); Verdict::Done });
        }
        while matches!(reader.receive(|head, _| { got.push(head.session); Verdict::Done }), Received::Handled(_)) {}
        got.extend(sessions(&recalled));
        let whole = next + usize::from(pending && !recalled.restart);
        got.sort_unstable();
        prop_assert_eq!(got, (0..whole as u64).collect::<Vec<_>>());
        prop_assert!(writer.is_drained());
    }
}

/// Receive everything that can be received now: the sessions, in order.
fn take_all(reader: &mut LaneReader) -> Vec<u64> {
    let mut got = Vec::new();
    loop {
        let received = reader.receive(|head, _| {
            got.push(head.session);
            Verdict::Done
        });
        match received {
            Received::Handled(_) | Received::Resumed => {}
            _ => return got,
        }
    }
}

#[test]
fn a_consumer_that_stays_goes_on_with_what_comes_later() {
    let (mut writer, mut reader) = ends();
    (1..=4).for_each(|session| push(&mut writer, session, 40));
    let mut recalled = Recalled::default();
    let received = reader.receive(|_, _| {
        recalled = writer.take_back();
        assert!(writer.is_paused());
        Verdict::Done
    });
    assert_eq!(received, Received::Handled(true));
    assert_eq!((recalled.at_work, recalled.left), (Some(1), 1));
    assert_eq!(sessions(&recalled), [2, 3, 4]);
    assert_eq!(writer.progress(), (0, 1));
    assert!(writer.is_paused(), "the consumer has not looked again");
    assert_eq!(reader.receive(|_, _| panic!("begun")), Received::Resumed);
    assert!(!writer.is_paused());
    push(&mut writer, 5, 200);
    push(&mut writer, 6, 1);
    assert_eq!(take_all(&mut reader), [5, 6]);
    assert_eq!(writer.in_flight(), 0);
}

#[test]
fn a_consumer_without_work_is_told_and_says_so() {
    let (mut writer, mut reader) = ends();
    push(&mut writer, 1, 8);
    assert_eq!(take_all(&mut reader), [1]);
    assert!(!reader.awaits_look());
    push(&mut writer, 2, 8);
    assert_eq!(sessions(&writer.take_back()), [2]);
    assert!(reader.awaits_look());
    assert_eq!(reader.receive(|_, _| panic!("begun")), Received::Resumed);
    assert!(!reader.awaits_look() && !writer.is_paused());
    push(&mut writer, 3, 8);
    assert_eq!(take_all(&mut reader), [3]);
}

#[test]
fn who_is_replaced_while_paused_begins_nothing_more() {
    let (mut writer, mut reader) = ends();
    push(&mut writer, 1, 8);
    writer.take_back();
    assert!(writer.recall().messages.is_empty());
    assert!(!writer.is_paused());
    push(&mut writer, 2, 8);
    assert_eq!(reader.receive(|_, _| panic!("begun")), Received::Retired);
}

#[test]
fn a_successor_of_a_paused_consumer_has_looked_again() {
    let ring = Ring::on_heap(SIZE);
    let mut writer = LaneWriter::attach(ring.twin());
    let mut reader = LaneReader::attach(ring.twin());
    push(&mut writer, 1, 8);
    push(&mut writer, 2, 8);
    reader.receive(|_, _| {
        assert_eq!(sessions(&writer.take_back()), [2]);
        Verdict::Abandoned
    });
    drop(reader);
    assert_eq!(
        LaneReader::settle(ring.twin()).map(|lost| lost.session),
        Some(1)
    );
    let mut successor = LaneReader::attach(ring);
    assert!(!writer.is_paused());
    push(&mut writer, 3, 8);
    assert_eq!(take_all(&mut successor), [3]);
}

/// The word is set between the two steps of taking back: whoever attaches then must not begin anything.
#[test]
fn a_successor_that_comes_in_the_middle_of_taking_back_waits() {
    let ring = Ring::on_heap(SIZE);
    let mut writer = LaneWriter::attach(ring.twin());
    push(&mut writer, 1, 8);
    ring.header().taken.fetch_or(PAUSED, Ordering::AcqRel);
    let mut successor = LaneReader::attach(ring.twin());
    assert_eq!(successor.receive(|_, _| panic!("begun")), Received::Retired);
    assert_eq!(sessions(&writer.take_back()), [1]);
    assert_eq!(successor.receive(|_, _| panic!("begun")), Received::Resumed);
    push(&mut writer, 2, 8);
    assert_eq!(take_all(&mut successor), [2]);
}

/// Two threads: every message is either handled or taken back and pushed again, once, and those that are handled come
/// in the order in which they were pushed last.
#[test]
fn nothing_is_lost_or_doubled_while_messages_are_taken_back() {
    let messages = if cfg!(miri) { 60 } else { 20_000 };
    let (mut writer, mut reader) = ends();
    let over = std::sync::Arc::new(crate::sync::AtomicU32::new(0));
    let consumer = std::thread::spawn({
        let over = over.clone();
        move || {
            let mut got = Vec::new();
            // Beyond the last message: the producer may have begun to take back once more, and waits for a look.
            while over.load(Ordering::Relaxed) == 0 {
                got.extend(take_all(&mut reader));
                std::thread::yield_now();
            }
            got
        }
    });
    let mut waiting: std::collections::VecDeque<u64> = (1..=messages as u64).collect();
    let mut step = 0;
    while !waiting.is_empty() || !writer.is_drained() || writer.is_paused() {
        step += 1;
        if writer.is_paused() {
            std::thread::yield_now();
            continue;
        }
        let mut sent = 0;
        while let Some(&next) = waiting.front()
            && sent < 5
            && writer.push(head(next), &[7; 24], &mut 0) == Push::Whole
        {
            waiting.pop_front();
            sent += 1;
        }
        if step % 3 == 0 {
            let back = writer.take_back();
            for (head, data) in back.messages.into_iter().rev() {
                assert_eq!(data, [7; 24]);
                waiting.push_front(head.session);
            }
        }
    }
    over.store(1, Ordering::Relaxed);
    assert_eq!(
        consumer.join().unwrap(),
        (1..=messages as u64).collect::<Vec<_>>()
    );
}

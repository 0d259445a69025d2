//! Single-process tests of both ends over heap memory.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::ipc::frame::{Head, Kind, span};
use crate::sync::Ordering;

pub(super) const SIZE: usize = 1024;

fn ends(size: usize) -> (LaneWriter, LaneReader) {
    let ring = Ring::on_heap(size);
    (LaneWriter::attach(ring.twin()), LaneReader::attach(ring))
}

pub(super) fn head(session: u64) -> Head {
    Head::new(Kind::Receive, session, 0)
}

/// Bytes that tell where they belong.
pub(super) fn message(number: u64, len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (number as usize * 31 + at) as u8)
        .collect()
}

pub(super) fn push(writer: &mut LaneWriter, session: u64, payload: &[u8]) -> bool {
    writer.push(head(session), payload, &mut 0) == Push::Whole
}

/// The next message, if there is a whole one. Panics if anything else than a message comes.
pub(super) fn pull(reader: &mut LaneReader) -> Option<(u64, Vec<u8>)> {
    loop {
        let mut got = None;
        let received = reader.receive(|head, payload| {
            got = Some((head.session, payload.bytes().to_vec()));
            Verdict::Done
        });
        match received {
            Received::Nothing => return None,
            Received::Handled(_) if got.is_some() => return got,
            Received::Handled(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Look at the next frame, and begin no message.
fn refuse(reader: &mut LaneReader) -> Received {
    reader.receive_if(|| false, |_, _| panic!("begun"))
}

/// Send a message of any length, pulling what comes out meanwhile.
fn carry(writer: &mut LaneWriter, reader: &mut LaneReader, payload: &[u8]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut sent = 0;
    for _ in 0..1000 {
        let state = writer.push(head(1), payload, &mut sent);
        out.extend(std::iter::from_fn(|| pull(reader)).map(|(_, bytes)| bytes));
        if state == Push::Whole {
            return out;
        }
    }
    panic!("no progress after {sent} bytes");
}

fn in_use(writer: &mut LaneWriter) -> u64 {
    writer.is_drained();
    writer.used()
}

/// Take one frame and die over it.
fn die_at_next_frame(ring: &Ring) {
    let mut reader = LaneReader::attach(ring.twin());
    assert_eq!(
        reader.receive(|_, _| Verdict::Abandoned),
        Received::Abandoned
    );
}

fn lost(session: u64) -> Option<Casualty> {
    Some(Casualty {
        kind: Kind::Receive,
        session,
    })
}

#[test]
fn push_fails_when_lane_is_full_and_succeeds_after_room() {
    let (mut writer, mut reader) = ends(SIZE);
    let mut pushed = 0;
    while push(&mut writer, pushed, &message(pushed, 40)) {
        pushed += 1;
    }
    assert_eq!(pushed, 1024 / 64);
    assert_eq!(pull(&mut reader), Some((0, message(0, 40))));
    assert!(push(&mut writer, pushed, &message(pushed, 40)));
    assert!(!push(&mut writer, 99, &[]));
    for number in 1..=pushed {
        assert_eq!(pull(&mut reader), Some((number, message(number, 40))));
    }
    assert_eq!(pull(&mut reader), None);
    assert!(writer.is_drained());
}

#[test]
fn a_frame_that_does_not_fit_before_the_end_follows_a_pad() {
    let (mut writer, mut reader) = ends(SIZE);
    assert!(push(&mut writer, 1, &message(1, 480)));
    assert!(push(&mut writer, 2, &message(2, 400)));
    assert_eq!(pull(&mut reader), Some((1, message(1, 480))));
    assert_eq!(writer.ring.to_end(writer.tail), 1024 - 504 - 424);
    assert!(push(&mut writer, 3, &message(3, 100)));
    assert_eq!(writer.ring.offset(writer.tail), 128);
    assert_eq!(pull(&mut reader), Some((2, message(2, 400))));
    assert_eq!(pull(&mut reader), Some((3, message(3, 100))));
    assert!(writer.is_drained());
    assert_eq!(writer.in_flight(), 0);
}

#[test]
fn an_end_too_short_for_a_header_is_skipped() {
    for rest in [8, 16] {
        let (mut writer, mut reader) = ends(SIZE);
        assert!(push(&mut writer, 1, &message(1, 488)));
        assert!(push(&mut writer, 2, &message(2, 488 - rest)));
        assert_eq!(writer.ring.to_end(writer.tail), rest as u64);
        assert_eq!(pull(&mut reader), Some((1, message(1, 488))));
        assert!(push(&mut writer, 3, &message(3, 9)));
        assert_eq!(pull(&mut reader), Some((2, message(2, 488 - rest))));
        assert_eq!(pull(&mut reader), Some((3, message(3, 9))));
        assert!(writer.is_drained());
    }
}

#[test]
fn a_frame_that_fits_exactly_ends_with_the_ring() {
    let (mut writer, mut reader) = ends(SIZE);
    for number in 0..6 {
        assert!(push(&mut writer, number, &message(number, 488)));
        assert_eq!(pull(&mut reader), Some((number, message(number, 488))));
    }
    assert_eq!(writer.tail, 6 * 512);
}

#[test]
fn messages_of_any_length_pass_a_lane() {
    let (mut writer, mut reader) = ends(SIZE);
    let (whole, piece) = (writer.ring.longest_whole(), writer.ring.piece());
    let lengths = [
        0,
        1,
        piece,
        piece + 1,
        whole,
        whole + 1,
        2 * piece,
        4 * piece,
        4 * piece + 1,
        SIZE,
        10 * SIZE,
    ];
    for (number, len) in lengths.into_iter().enumerate() {
        let sent = message(number as u64, len);
        assert_eq!(
            carry(&mut writer, &mut reader, &sent),
            [sent],
            "length {len}"
        );
        assert!(writer.is_drained());
        assert_eq!(writer.in_flight(), 0);
    }
    assert_eq!(reader.take_dropped(), []);
}

#[test]
fn an_abandoned_message_stays_at_work_until_it_is_settled() {
    let ring = Ring::on_heap(SIZE);
    let mut writer = LaneWriter::attach(ring.twin());
    assert!(push(&mut writer, 7, b"poison") && push(&mut writer, 8, b"next"));
    die_at_next_frame(&ring);
    assert_eq!(LaneReader::settle(ring.twin()), lost(7));
    assert_eq!(LaneReader::settle(ring.twin()), None);
    let mut reader = LaneReader::attach(ring);
    assert_eq!(pull(&mut reader), Some((8, b"next".to_vec())));
    assert_eq!(writer.in_flight(), 0);
}

#[test]
fn a_message_not_taken_now_waits_for_the_next_call_or_the_successor() {
    let ring = Ring::on_heap(SIZE);
    let mut writer = LaneWriter::attach(ring.twin());
    let mut reader = LaneReader::attach(ring.twin());
    assert!(push(&mut writer, 7, b"later"));
    assert_eq!(refuse(&mut reader), Received::Left);
    assert_eq!(refuse(&mut reader), Received::Left);
    assert_eq!(LaneReader::settle(ring.twin()), None);
    assert_eq!(
        pull(&mut LaneReader::attach(ring)),
        Some((7, b"later".to_vec()))
    );
}

#[test]
fn a_long_message_not_taken_now_is_not_begun() {
    let ring = Ring::on_heap(SIZE);
    let mut writer = LaneWriter::attach(ring.twin());
    let mut reader = LaneReader::attach(ring.twin());
    let long = message(7, 700);
    assert!(push(&mut writer, 7, &long));
    assert_eq!(refuse(&mut reader), Received::Left);
    assert!(!reader.is_assembling());
    assert_eq!(LaneReader::settle(ring.twin()), None);
    assert_eq!(pull(&mut LaneReader::attach(ring)), Some((7, long)));
}

#[test]
fn a_long_message_abandoned_at_its_end_is_settled_once() {
    let ring = Ring::on_heap(SIZE);
    let mut writer = LaneWriter::attach(ring.twin());
    let mut reader = LaneReader::attach(ring.twin());
    assert!(push(&mut writer, 7, &message(7, 700)));
    let last = std::iter::from_fn(|| {
        let received = reader.receive(|_, payload| match payload {
            Payload::Owned(_) => Verdict::Abandoned,
            _ => Verdict::Done,
        });
        (received != Received::Nothing).then_some(received)
    })
    .take(4)
    .last();
    assert_eq!(last, Some(Received::Abandoned));
    assert_eq!(LaneReader::settle(ring.twin()), lost(7));
    assert_eq!(LaneReader::settle(ring.twin()), None);
    assert_eq!(pull(&mut LaneReader::attach(ring)), None);
    assert_eq!(writer.in_flight(), 0);
}

#[test]
fn nothing_is_settled_between_frames() {
    let ring = Ring::on_heap(SIZE);
    let mut writer = LaneWriter::attach(ring.twin());
    let mut reader = LaneReader::attach(ring.twin());
    assert_eq!(LaneReader::settle(ring.twin()), None);
    assert!(push(&mut writer, 1, b"a") && push(&mut writer, 2, b"b"));
    assert!(pull(&mut reader).is_some());
    assert_eq!(LaneReader::settle(ring.twin()), None);
    assert_eq!(
        pull(&mut LaneReader::attach(ring)),
        Some((2, b"b".to_vec()))
    );
}

#[test]
fn a_death_in_mid_assembly_names_the_message_and_skips_its_rest() {
    let ring = Ring::on_heap(SIZE);
    let mut writer = LaneWriter::attach(ring.twin());
    let mut reader = LaneReader::attach(ring.twin());
    // Session 0 is a message that concerns none: it is named all the same.
    for session in [0, 7] {
        assert!(push(&mut writer, session, &message(7, 700)));
        assert!(push(&mut writer, 8, b"next"));
        while !reader.is_assembling() {
            reader.receive(|_, _| Verdict::Done);
        }
        assert_eq!(LaneReader::settle(ring.twin()), lost(session));
        assert_eq!(LaneReader::settle(ring.twin()), None);
        reader = LaneReader::attach(ring.twin());
        assert_eq!(pull(&mut reader), Some((8, b"next".to_vec())));
        assert_eq!(pull(&mut reader), None);
        assert_eq!(writer.in_flight(), 0);
    }
}

#[test]
fn a_death_at_the_first_frame_of_a_long_message_names_it_once() {
    // Killed with the frame taken, before and after it was put aside.
    for assembling in [0, Kind::Receive as u64] {
        let ring = Ring::on_heap(SIZE);
        let mut writer = LaneWriter::attach(ring.twin());
        assert!(push(&mut writer, 7, &message(7, 700)));
        let shared = ring.header();
        shared.taken.store(span(ring.piece()), Ordering::Relaxed);
        shared.assembling.store(assembling, Ordering::Relaxed);
        shared.assembling_session.store(7, Ordering::Relaxed);
        assert_eq!(LaneReader::settle(ring.twin()), lost(7));
        // Killed again, at every frame of the rest, which is lost already.
        while in_use(&mut writer) > 0 {
            let done = shared.done.load(Ordering::Relaxed);
            let parity = shared.finished.load(Ordering::Relaxed) & PARITY;
            shared.taken.store((done + 8) | parity, Ordering::Relaxed);
            assert_eq!(LaneReader::settle(ring.twin()), None);
        }
        assert_eq!(writer.in_flight(), 0);
    }
}

#[test]
fn a_message_counted_before_the_death_is_not_counted_again() {
    for before in 0..4 {
        for counted in [0, 1] {
            let ring = Ring::on_heap(SIZE);
            let mut writer = LaneWriter::attach(ring.twin());
            let mut reader = LaneReader::attach(ring.twin());
            for _ in 0..before {
                assert!(push(&mut writer, 1, b"a") && pull(&mut reader).is_some());
            }
            assert!(push(&mut writer, 2, b"b") && push(&mut writer, 3, b"c"));
            die_at_next_frame(&ring);
            // What `release` stores first.
            ring.header()
                .finished
                .store(before + counted, Ordering::Relaxed);
            assert_eq!(LaneReader::settle(ring.twin()), lost(2));
            assert_eq!(writer.in_flight(), 1);
        }
    }
}

#[test]
fn unpublished_bytes_of_a_dead_producer_are_overwritten() {
    let ring = Ring::on_heap(SIZE);
    let mut reader = LaneReader::attach(ring.twin());
    let writer = LaneWriter::attach(ring.twin());
    // SAFETY: free and unpublished: the lane is empty.
    unsafe { writer.ring.write(0, &[0xff; 200]) };
    assert_eq!(pull(&mut reader), None);
    assert!(push(&mut LaneWriter::attach(ring), 2, b"new"));
    assert_eq!(pull(&mut reader), Some((2, b"new".to_vec())));
}

#[test]
fn a_message_cut_off_by_its_producers_death_is_dropped_and_told_once() {
    for successor_is_long in [false, true] {
        let ring = Ring::on_heap(SIZE);
        let mut reader = LaneReader::attach(ring.twin());
        let next = message(3, if successor_is_long { 700 } else { 5 });
        for session in [1, 2] {
            let mut sent = 0;
            let long = message(1, 5000);
            let mut dying = LaneWriter::attach(ring.twin());
            assert_eq!(dying.push(head(session), &long, &mut sent), Push::Full);
            assert_eq!(pull(&mut reader), None);
            assert!(reader.is_assembling());
        }
        let mut writer = LaneWriter::attach(ring.twin());
        assert_eq!(carry(&mut writer, &mut reader, &next), [next]);
        assert_eq!(reader.take_dropped(), [head(1), head(2)]);
        assert_eq!(reader.take_dropped(), []);
        assert_eq!(writer.in_flight(), 0);
        assert_eq!(LaneReader::settle(ring), None);
    }
}

#[test]
fn a_cut_off_message_ends_when_the_next_one_is_refused() {
    for len in [5, 700] {
        let ring = Ring::on_heap(SIZE);
        let mut reader = LaneReader::attach(ring.twin());
        let mut dying = LaneWriter::attach(ring.twin());
        dying.push(head(1), &message(1, 5000), &mut 0);
        assert_eq!(pull(&mut reader), None);
        assert!(push(
            &mut LaneWriter::attach(ring.twin()),
            2,
            &message(2, len)
        ));
        while refuse(&mut reader) != Received::Left {}
        assert!(
            !reader.is_assembling(),
            "its owner would wait for the end for ever"
        );
        assert_eq!(LaneReader::settle(ring), None);
    }
}

#[test]
fn in_flight_counts_messages_not_frames() {
    let (mut writer, mut reader) = ends(SIZE);
    assert!(push(&mut writer, 1, b"a") && push(&mut writer, 2, &message(2, 700)));
    assert_eq!(writer.in_flight(), 2);
    assert!(pull(&mut reader).is_some());
    assert_eq!(writer.in_flight(), 1);
    assert_eq!(
        reader.receive(|_, _| Verdict::Done),
        Received::Handled(false)
    );
    assert_eq!(writer.in_flight(), 1);
    assert!(pull(&mut reader).is_some());
    assert_eq!(writer.in_flight(), 0);
}

#[test]
fn empty_says_what_receive_would_find() {
    let (mut writer, mut reader) = ends(SIZE);
    assert!(reader.is_empty());
    assert!(push(&mut writer, 1, &[]));
    assert!(!reader.is_empty());
    assert_eq!(pull(&mut reader), Some((1, Vec::new())));
    assert!(reader.is_empty());
}

#[test]
fn a_wish_for_room_is_fulfilled_at_its_level_and_once() {
    for level in [0, 64, 512, 1023] {
        let (mut writer, mut reader) = ends(SIZE);
        assert!(!writer.want_room(level), "an empty lane has room at once");
        while push(&mut writer, 1, &[0; 40]) {}
        assert!(writer.want_room(level));
        let mut rung = Vec::new();
        while !reader.is_empty() {
            if reader.receive(|_, _| Verdict::Done) == Received::Handled(true) {
                rung.push(in_use(&mut writer));
            }
        }
        assert_eq!(rung, [level / 64 * 64]);
        assert!(!reader.room_was_wanted());
    }
}

#[test]
fn the_same_wish_made_again_is_fulfilled_again() {
    let (mut writer, mut reader) = ends(SIZE);
    for _ in 0..3 {
        while push(&mut writer, 1, &[0; 40]) {}
        assert!(writer.want_room(512));
        let mut rings = 0;
        while !reader.is_empty() {
            rings += u32::from(reader.receive(|_, _| Verdict::Done) == Received::Handled(true));
        }
        assert_eq!(rings, 1);
    }
    // And by a successor, whose numbers go on.
    let mut writer = LaneWriter::attach(reader.ring.twin());
    while push(&mut writer, 1, &[0; 40]) {}
    assert!(writer.want_room(512));
    while pull(&mut reader).is_some() {}
    assert!(!reader.room_was_wanted(), "told by receive()");
    assert_eq!(writer.wishes, 4);
}

#[test]
fn a_wish_taken_up_by_a_consumer_that_died_is_told_by_its_successor() {
    let ring = Ring::on_heap(SIZE);
    let mut writer = LaneWriter::attach(ring.twin());
    let mut reader = LaneReader::attach(ring.twin());
    while push(&mut writer, 1, &[0; 40]) {}
    assert!(writer.want_room(1000));
    // Killed before it rings; and once more over a message.
    assert_eq!(
        reader.receive(|_, _| Verdict::Done),
        Received::Handled(true)
    );
    die_at_next_frame(&ring);
    assert_eq!(LaneReader::settle(ring.twin()), lost(1));
    assert!(LaneReader::attach(ring).room_was_wanted());
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 16 } else { 2000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn there_is_room_at_the_level_to_wait_for(
        power in 10..14u32,
        lengths in vec(prop_oneof![4 => 0..80usize, 4 => 0..9000usize, 1 => 0..40_000usize], 1..60),
    ) {
        let (mut writer, mut reader) = ends(1 << power);
        for (number, len) in lengths.into_iter().enumerate() {
            let (payload, mut sent) = (message(number as u64, len), 0);
            while writer.push(head(1), &payload, &mut sent) == Push::Full {
                let before = sent;
                let level = writer.level_for(&payload, sent);
                while writer.want_room(level) {
                    // Not `pull`, which takes all frames of a message at once.
                    reader.receive(|_, _| Verdict::Done);
                }
                let push = writer.push(head(1), &payload, &mut sent);
                prop_assert!(push == Push::Whole || sent > before, "asked to try again in vain");
                if push == Push::Whole {
                    break;
                }
            }
        }
    }

    #[test]
    fn any_interleaving_delivers_the_same_messages(
        power in 10..14u32,
        lengths in vec(prop_oneof![4 => 0..80usize, 2 => 0..2000usize, 1 => 0..40_000usize], 1..40),
        turns in vec((1..20usize, 1..20usize), 1..60),
    ) {
        let ring = Ring::on_heap(1 << power);
        let mut writer = LaneWriter::attach(ring.twin());
        let mut reader = LaneReader::attach(ring.twin());
        let sent: Vec<_> = lengths.iter().enumerate().map(|(n, &len)| (n as u64, message(n as u64, len))).collect();
        let mut got = Vec::new();
        let (mut next, mut progress) = (0, 0);
        let mut turns = turns.iter().cycle();
        while got.len() < sent.len() {
            let (pushes, receives) = turns.next().unwrap();
            for _ in 0..*pushes {
                if let Some((session, payload)) = sent.get(next)
                    && writer.push(head(*session), payload, &mut progress) == Push::Whole
                {
                    (next, progress) = (next + 1, 0);
                }
            }
            for _ in 0..*receives {
                let received = reader.receive(|head, payload| {
                    got.push((head.session, payload.bytes().to_vec()));
                    Verdict::Done
                });
                prop_assert!(matches!(received, Received::Handled(_) | Received::Nothing));
            }
        }
        prop_assert_eq!(got, sent);
        prop_assert!(writer.is_drained());
        prop_assert_eq!(writer.in_flight(), 0);
        prop_assert_eq!(LaneReader::settle(ring), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 64 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever a slow reader leaves waiting, messages come whole and in order, and a thrifty producer begins again at the start of
    /// the ring whenever nothing waits.
    #[test]
    fn a_thrifty_producer_loses_nothing_and_touches_little(
        steps in prop::collection::vec((0..20_000usize, 0..4usize), 50..400),
    ) {
        let ring = Ring::on_heap(1 << 20);
        let mut reader = LaneReader::attach(ring.twin());
        let mut writer = LaneWriter::attach(ring).thrifty();
        let byte = |number: usize, at: usize| (number * 31 + at) as u8;
        let (mut waiting, mut next) = (std::collections::VecDeque::new(), 0usize);
        let (mut run, mut longest_run) = (0u64, 0u64); // bytes since nothing waited
        let read = |reader: &mut LaneReader, waiting: &mut std::collections::VecDeque<(usize, usize)>| {
            let (number, len) = waiting.pop_front().unwrap();
            let received = reader.receive(|head, payload| {
                assert_eq!(head.session, number as u64);
                let expected: Vec<u8> = (0..len).map(|at| byte(number, at)).collect();
                assert_eq!(payload.bytes(), expected);
                Verdict::Done
            });
            assert!(matches!(received, Received::Handled(_)));
        };
        for (len, reads) in steps {
            let payload: Vec<u8> = (0..len).map(|at| byte(next, at)).collect();
            let head = Head::new(Kind::Task, next as u64, 0);
            if waiting.is_empty() {
                run = 0;
            }
            if writer.wants_restart() {
                writer.restart();
                reader.refresh();
            }
            while !writer.post(head, [&payload[..len / 3], &payload[len / 3..]]) {
                read(&mut reader, &mut waiting); // there is something: the ring holds any of them
            }
            waiting.push_back((next, len));
            next += 1;
            run += len as u64 + 40;
            longest_run = longest_run.max(run);
            for _ in 0..reads.min(waiting.len()) {
                read(&mut reader, &mut waiting);
            }
        }
        while !waiting.is_empty() {
            read(&mut reader, &mut waiting);
        }
        let (fixed, frame) = (64 << 10, 20_100);
        prop_assert!(
            writer.touched_so_far() <= longest_run + fixed + frame,
            "touched {} where {longest_run} went through at a time", writer.touched_so_far()
        );
    }
}

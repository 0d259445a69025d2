//! Rings that hold what no writer of ours can have written.

use proptest::collection::vec;
use proptest::prelude::*;

use super::tests::{SIZE, head, message, pull, push};
use super::*;
use crate::ipc::frame::{FIRST, Header, LAST};
use crate::sync::Ordering;

/// What the owner of a lane does with it, whatever is in it: until it is empty.
fn drain_garbage(ring: &Ring) -> u32 {
    let mut reader = LaneReader::attach(ring.twin());
    let mut corrupt = 0;
    for _ in 0..SIZE {
        match reader.receive(|_, payload| {
            std::hint::black_box(payload.bytes().iter().map(|&b| u64::from(b)).sum::<u64>());
            Verdict::Done
        }) {
            // Retired: the garbage says that a producer is taking messages back.
            Received::Nothing | Received::Retired => {
                reader.room_was_wanted();
                return corrupt;
            }
            Received::Corrupt => corrupt += 1,
            _ => {}
        }
    }
    panic!("more frames than fit");
}

fn write_header(ring: &Ring, position: u64, bytes: [u8; HEADER]) {
    // SAFETY: in bounds; nobody reads meanwhile.
    unsafe { ring.write(position, &bytes) };
}

#[test]
fn frames_that_no_writer_makes_are_corrupt() {
    let good = Header {
        len: 8,
        flags: FIRST | LAST,
        head: head(1),
    };
    let mut unknown_kind = good.encode();
    unknown_kind[4] = 99;
    let mut unknown_flags = good.encode();
    unknown_flags[5] = 7;
    let past_tail = Header { len: 9, ..good }.encode();
    let past_everything = Header {
        len: u32::MAX,
        ..good
    }
    .encode();
    for (bytes, tail) in [
        (unknown_kind, 32),
        (unknown_flags, 32),
        (past_tail, 32),
        (past_everything, 32),
        (good.encode(), 8),
        (good.encode(), 16),
        (good.encode(), 1032),
        (good.encode(), u64::MAX),
    ] {
        let ring = Ring::on_heap(SIZE);
        write_header(&ring, 0, bytes);
        ring.header().tail.store(tail, Ordering::Relaxed);
        assert_eq!(drain_garbage(&ring), 1, "{bytes:?} before {tail}");
    }
    // Past the end of the ring.
    let ring = Ring::on_heap(SIZE);
    write_header(&ring, 1000, good.encode());
    ring.header().done.store(1000, Ordering::Relaxed);
    ring.header().tail.store(1032, Ordering::Relaxed);
    assert_eq!(drain_garbage(&ring), 1);
}

#[test]
fn a_lane_is_usable_after_garbage() {
    let ring = Ring::on_heap(SIZE);
    let mut writer = LaneWriter::attach(ring.twin());
    let mut reader = LaneReader::attach(ring.twin());
    writer.push(head(1), &message(1, 5000), &mut 0);
    assert_eq!(
        reader.receive(|_, _| Verdict::Done),
        Received::Handled(false)
    );
    write_header(&ring, reader.done, [0xff; HEADER]);
    assert_eq!(reader.receive(|_, _| Verdict::Done), Received::Corrupt);
    assert_eq!(reader.take_dropped(), [head(1)]);
    assert_eq!(LaneReader::settle(ring), None);
    assert!(push(&mut writer, 2, b"good"));
    assert_eq!(pull(&mut reader), Some((2, b"good".to_vec())));
    assert_eq!(writer.in_flight(), 0);
}

/// Positions near each other, near the ends of the number range, and anywhere.
fn position() -> impl Strategy<Value = u64> {
    prop_oneof![
        (0..5000u64).prop_map(|at| at / 8 * 8),
        0..5000u64,
        (0..3000u64).prop_map(|at| u64::MAX - at),
        any::<u64>(),
    ]
}

/// Headers that are nearly right among bytes that are nothing.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    let header = (
        0..1200u32,
        0..4u8,
        prop::sample::select(vec![0u8, 1, 2, 10, 99]),
    )
        .prop_map(|(len, flags, kind)| {
            let mut bytes = [0; HEADER];
            bytes[..4].copy_from_slice(&len.to_ne_bytes());
            bytes[4] = kind;
            bytes[5] = flags;
            bytes.to_vec()
        });
    let piece = prop_oneof![3 => header, 1 => vec(any::<u8>(), 8)];
    vec(piece, 128).prop_map(|pieces| {
        pieces
            .concat()
            .into_iter()
            .chain([0; SIZE])
            .take(SIZE)
            .collect::<Vec<u8>>()
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 16 } else { 2000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn arbitrary_memory_neither_panics_nor_leads_out_of_the_ring(
        bytes in contents(),
        [tail, done, taken, wish, pushed] in [position(), position(), position(), position(), position()],
        assembling in 0..40u64,
    ) {
        let ring = Ring::on_heap(SIZE);
        // SAFETY: all of the ring; nobody reads meanwhile.
        unsafe { ring.write(0, &bytes) };
        let shared = ring.header();
        for (word, value) in [
            (&shared.tail, tail),
            (&shared.done, done),
            (&shared.taken, taken),
            (&shared.room_wanted, wish),
            (&shared.pushed, pushed),
            (&shared.finished, wish),
            (&shared.assembling, assembling),
        ] {
            word.store(value, Ordering::Relaxed);
        }
        let mut writer = LaneWriter::attach(ring.twin());
        writer.want_room(writer.half());
        writer.in_flight();
        LaneReader::settle(ring.twin());
        drain_garbage(&ring);
        // A writer that finds garbage may wait for ever, but writes inside of the ring.
        let mut writer = LaneWriter::attach(ring.twin());
        writer.push(head(1), &bytes[..100], &mut 0);
        writer.push(head(1), &bytes, &mut 0);
        drain_garbage(&ring);
    }
}

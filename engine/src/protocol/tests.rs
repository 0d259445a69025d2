//! Whole streams: each rule's messages come out as they went in, and limits at their edge.

use std::sync::{Arc, Mutex};

use proptest::collection::vec;
use proptest::prelude::*;

use super::feed::{End, Outcome, agree, feed};
use super::framing::MIN_MAX_LENGTH;
use super::*;

fn marker(bytes: &[u8]) -> Marker {
    Marker::new(bytes).unwrap()
}

fn length_field(letter: &str, offset: usize, body_offset: usize) -> Rule {
    let kind = LengthKind::new(letter).unwrap();
    Rule::Length(LengthField::new(kind, offset, body_offset).unwrap())
}

/// One byte of kind, three of length in decimal, a body: `m005hello`.
fn decimal() -> Rule {
    Rule::LengthBy(Arc::new(|shown: &[u8]| match shown {
        [b'm', a, b, c, ..] => [a, b, c]
            .iter()
            .fold(0, |sum, digit| sum * 10 + i64::from(**digit - b'0'))
            .saturating_add(4),
        [b'm', ..] => 0,
        _ => -1,
    }))
}

fn mqtt_packet(body: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x30];
    let mut rest = body.len();
    loop {
        let more = if rest > 127 { 0x80 } else { 0 };
        packet.push((rest % 128) as u8 | more);
        rest /= 128;
        if rest == 0 {
            packet.extend_from_slice(body);
            return packet;
        }
    }
}

fn wait(received: usize, total: Option<usize>) -> End {
    End::Waiting { received, total }
}

/// What the bytes come to, whatever the reads.
#[track_caller]
fn expect(rule: Rule, max: usize, stream: &[u8], messages: &[usize], end: End) {
    let found = agree(&Framing::new(rule, max), max, stream, &[65536, 1000]);
    let messages = messages.to_vec();
    assert_eq!(found, Outcome { messages, end });
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn messages_come_out_as_they_went_in(
        bodies in vec(vec(any::<u8>(), 0..400), 0..12),
        ending in vec(b'\n'..=b'\r', 1..=8),
        head in vec(any::<u8>(), 0..5),
        gap in 0..4_usize,
        reads in vec(1..700_usize, 1..6),
        cut in 0..3_usize,
    ) {
        let be = |body: &[u8]| {
            let length = (gap + body.len()) as u32;
            [&head, &length.to_be_bytes()[..], &vec![7; gap], body].concat()
        };
        let le_of_all = |body: &[u8]| {
            let length = (head.len() + 2 + body.len()) as u16;
            [&head, &length.to_le_bytes()[..], body].concat()
        };
        let text = |body: &[u8]| {
            let clean: Vec<u8> = body.iter().copied().filter(|byte| !(b'\n'..=b'\r').contains(byte)).collect();
            [&clean, &ending[..]].concat()
        };
        let numbered = |body: &[u8]| [format!("m{:03}", body.len()).as_bytes(), body].concat();
        type Encoder<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;
        let rules: [(Rule, Encoder<'_>); 5] = [
            (Rule::EofSplit(marker(&ending)), &text),
            (length_field("N", head.len(), head.len() + 4), &be),
            (length_field("v", head.len(), 0), &le_of_all),
            (decimal(), &numbered),
            (Rule::Mqtt, &mqtt_packet),
        ];
        for (rule, encoder) in rules {
            let mut messages: Vec<Vec<u8>> = bodies.iter().map(|body| encoder(body)).collect();
            let mut stream = messages.concat();
            if let Some(last) = messages.last() && cut > 0 {
                // The last one never gets here completely.
                stream.truncate(stream.len() - cut.min(last.len()));
                messages.pop();
            }
            let lengths: Vec<usize> = messages.iter().map(Vec::len).collect();
            let found = agree(&Framing::new(rule, 0), MIN_MAX_LENGTH, &stream, &reads);
            prop_assert_eq!(&found.messages, &lengths);
            let complete: usize = lengths.iter().sum();
            let End::Waiting { received, .. } = found.end else {
                panic!("{:?}", found.end)
            };
            prop_assert_eq!(received, stream.len() - complete);
        }
    }

    #[test]
    fn raw_messages_are_the_reads(reads in vec(1..70_000_usize, 1..8)) {
        let stream = vec![0; reads.iter().sum()];
        let expected: Vec<usize> = reads
            .iter()
            .flat_map(|&read| if read > raw::CHUNK { vec![raw::CHUNK, read - raw::CHUNK] } else { vec![read] })
            .collect();
        let framing = Framing::new(Rule::Raw, 0);
        let found = feed(&framing, MIN_MAX_LENGTH, &stream, &reads);
        prop_assert_eq!(found, Outcome { messages: expected, end: wait(0, None) });
    }
}

#[test]
fn nothing_is_no_message() {
    for rule in [
        Rule::Raw,
        Rule::EofCheck(marker(b"\n")),
        Rule::EofSplit(marker(b"\n")),
        length_field("N", 0, 4),
        decimal(),
        Rule::Mqtt,
    ] {
        let mut progress = Progress::default();
        let step = Framing::new(rule, 0).next(b"", &mut progress);
        assert_eq!(step, Step::More { total: None });
        assert_eq!(progress, Progress::default());
    }
}

#[test]
fn a_small_limit_counts_as_64_kib() {
    let mut stream = vec![b'x'; 65535];
    stream.push(b'\n');
    for limit in [0, 100, 65536] {
        let framing = Framing::new(Rule::EofSplit(marker(b"\n")), limit);
        assert_eq!(feed(&framing, 65536, &stream, &[]).messages, [65536]);
    }
}

#[test]
fn eof_check_takes_all_that_ends_with_the_marker() {
    let framing = Framing::new(Rule::EofCheck(marker(b"\r\n")), 0);
    let read = |stream: &[u8], reads: &[usize]| feed(&framing, 65536, stream, reads);
    let messages = |messages: &[usize], received| Outcome {
        messages: messages.to_vec(),
        end: wait(received, None),
    };
    // Three markers in one read are one message; a read that ends elsewhere waits for one that does.
    assert_eq!(read(b"a\r\nb\r\nc\r\n", &[]), messages(&[9], 0));
    assert_eq!(read(b"a\r\nb\r\n", &[4, 2]), messages(&[6], 0));
    assert_eq!(read(b"a\r\nb\r\n", &[3]), messages(&[3, 3], 0));
    assert_eq!(read(b"a\r\nb\r\nc", &[]), messages(&[], 7));
    // The marker itself may be cut.
    assert_eq!(read(b"a\r\n\r\n", &[2, 1]), messages(&[3, 2], 0));
}

#[test]
fn eof_check_holds_no_more_than_the_limit() {
    let framing = Framing::new(Rule::EofCheck(marker(b"\r\n")), 70000);
    let mut stream = vec![b'x'; 69998];
    stream.extend_from_slice(b"\r\nmore\r\n");
    // The second read goes behind the limit; what fits ends with a marker.
    let found = feed(&framing, 70000, &stream, &[65536]);
    assert_eq!(found.messages, [70000, 6]);
    // One byte later it does not fit.
    stream.insert(0, b'x');
    let found = feed(&framing, 70000, &stream, &[65536]);
    let end = End::Broken(Violation::NoEnd { received: 70000 });
    assert_eq!((found.messages, found.end), (vec![], end));
}

#[test]
fn eof_split_counts_the_marker() {
    let rule = || Rule::EofSplit(marker(b"\r\n"));
    let mut stream = b"first\r\n\r\n".to_vec();
    stream.resize(stream.len() + 99_998, b'x');
    let unfinished = stream.clone();
    stream.extend_from_slice(b"\r\n");
    expect(rule(), 100_000, &stream, &[7, 2, 100_000], wait(0, None));
    // A byte too long: the messages before it come all the same.
    stream.insert(9, b'x');
    let end = End::Broken(Violation::NoEnd { received: 100_000 });
    expect(rule(), 100_000, &stream, &[7, 2], end);
    // As many bytes as the limit and no marker: it could only end behind the limit. One less may wait.
    let almost = [&unfinished[..], b"y"].concat();
    expect(rule(), 100_000, &almost, &[7, 2], wait(99_999, None));
    let full = [&unfinished[..], b"\r\r"].concat();
    let end = End::Broken(Violation::NoEnd { received: 100_000 });
    expect(rule(), 100_000, &full, &[7, 2], end);
}

#[test]
fn declared_lengths_are_held_against_the_limit_at_once() {
    let header = |total: u32| (total - 4).to_be_bytes();
    let rule = || length_field("N", 0, 4);
    let waiting = wait(4, Some(100_000));
    expect(rule(), 100_000, &header(100_000), &[], waiting);
    let end = End::Broken(Violation::TooLarge { length: 100_001 });
    expect(rule(), 100_000, &header(100_001), &[], end);
    let mut stream = vec![0; 100_000];
    stream[..4].copy_from_slice(&header(100_000));
    stream.extend_from_slice(&[0; 4]);
    expect(rule(), 100_000, &stream, &[100_000, 4], wait(0, None));
    let end = End::Broken(Violation::TooLarge {
        length: 0x7fff_ffff_ffff_ffff,
    });
    let largest = 0x7fff_ffff_ffff_ffff_u64.to_le_bytes();
    expect(
        length_field("P", 0, 0),
        usize::MAX >> 1,
        &[0; 8],
        &[],
        End::Broken(Violation::NoLength { received: 8 }),
    );
    expect(length_field("P", 0, 0), 100_000, &largest, &[], end);
}

#[test]
fn mqtt_packets_are_held_against_the_limit_at_once() {
    let packet = mqtt_packet(&vec![0; 100_000 - 4]);
    assert_eq!(packet.len(), 100_000);
    expect(Rule::Mqtt, 100_000, &packet, &[100_000], wait(0, None));
    expect(
        Rule::Mqtt,
        100_000,
        &packet[..4],
        &[],
        wait(4, Some(100_000)),
    );
    let end = End::Broken(Violation::TooLarge { length: 100_000 });
    expect(Rule::Mqtt, 99_999, &packet[..4], &[], end);
}

#[test]
fn a_function_that_never_knows_is_stopped_at_the_limit() {
    let never: LengthFn = Arc::new(|_| 0);
    let rule = || Rule::LengthBy(Arc::clone(&never));
    let framing = Framing::new(rule(), 100_000);
    let reads = [65536, 34463, 1];
    let found = feed(&framing, 100_000, &[0; 99_999], &reads);
    assert_eq!(found.end, wait(99_999, None));
    let found = feed(&framing, 100_000, &[0; 100_000], &reads);
    let end = End::Broken(Violation::NoEnd { received: 100_000 });
    assert_eq!(found.end, end);
}

#[test]
fn a_function_is_held_against_the_limit() {
    for (answer, end) in [
        (100_000, wait(1, Some(100_000))),
        (
            100_001,
            End::Broken(Violation::TooLarge { length: 100_001 }),
        ),
        (
            i64::MAX,
            End::Broken(Violation::TooLarge {
                length: i64::MAX as u64,
            }),
        ),
        (-1, End::Broken(Violation::Malformed { received: 1 })),
    ] {
        expect(
            Rule::LengthBy(Arc::new(move |_| answer)),
            100_000,
            b"x",
            &[],
            end,
        );
    }
}

#[test]
fn a_function_that_knows_is_not_asked_again() {
    let calls = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&calls);
    let function: LengthFn = Arc::new(move |_| {
        *counted.lock().unwrap() += 1;
        1000
    });
    let framing = Framing::new(Rule::LengthBy(function), 0);
    let found = feed(&framing, 65536, &[0; 3000], &[1]);
    assert_eq!(found.messages, [1000; 3]);
    assert_eq!(*calls.lock().unwrap(), 3);
}

/// A peer that sends two megabytes byte by byte: seconds of work for a search that begins anew each time.
#[test]
fn bytes_one_by_one_cost_no_more_than_their_number() {
    let mut stream = vec![b'\r'; DEFAULT_MAX_LENGTH - 4];
    stream.extend_from_slice(b"\r\n\r\n");
    let framing = Framing::new(Rule::EofSplit(Marker::default()), DEFAULT_MAX_LENGTH);
    let mut progress = Progress::default();
    let mut marks = 0;
    for end in 1..stream.len() {
        // Had the search looked at more than the last four bytes, it would have found this one.
        if end > 100 && end % 1000 == 0 {
            stream[..4].copy_from_slice(b"\r\n\r\n");
            marks += 1;
        }
        let step = framing.next(&stream[..end], &mut progress);
        assert_eq!(step, Step::More { total: None }, "{end}");
        stream[..4].copy_from_slice(b"\r\r\r\r");
    }
    assert!(marks > 2000);
    let step = framing.next(&stream, &mut progress);
    assert_eq!(step, Step::Message(DEFAULT_MAX_LENGTH));
}

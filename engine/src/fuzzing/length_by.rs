use std::sync::Arc;
use std::sync::Mutex;

use super::{Plain, decode, reads, sized};
use crate::protocol::feed::{agree, feed};
use crate::protocol::{Framing, LengthFn, Rule, Violation};

/// Messages whose length a function tells. One such function understands `5:abcde`; another returns what the fuzzer
/// wants, call by call.
pub fn length_by(limit: u16, answers: Vec<i64>, cuts: &[u8], stream: &[u8]) {
    let max = usize::from(limit).max(1);
    let reads = reads(cuts);

    let function: LengthFn = Arc::new(digits_and_colon);
    let framing = Framing::with_limit(Rule::LengthBy(function), max);
    let whole = feed(&framing, max, stream, &[]);
    let bytewise = feed(&framing, max, stream, &[1]);
    // How much the function was shown when it refused depends on the reads; nothing else does.
    assert_eq!(whole.coded(), bytewise.coded());
    assert_eq!(whole.coded(), feed(&framing, max, stream, &reads).coded());
    let plain = decode(stream, |bytes| plain(bytes, max));
    assert_eq!(bytewise, plain);

    let answers = Mutex::new(answers.into_iter());
    let function: LengthFn = Arc::new(move |shown| {
        assert!((1..=max.min(65536)).contains(&shown.len()));
        let mut answers = answers
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        answers.next().unwrap_or(0)
    });
    feed(
        &Framing::with_limit(Rule::LengthBy(function), max),
        max,
        stream,
        &reads,
    );

    let constant: LengthFn = Arc::new(|_| 3);
    agree(
        &Framing::with_limit(Rule::LengthBy(constant), max),
        max,
        stream,
        &reads,
    );
}

fn digits_and_colon(bytes: &[u8]) -> i64 {
    let mut body = 0_i64;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => body = body.saturating_mul(10).saturating_add((byte - b'0').into()),
            b':' if at > 0 => return body.saturating_add(at as i64 + 1),
            _ => return -1,
        }
    }
    0
}

/// What a connection that reads byte by byte finds.
fn plain(bytes: &[u8], max: usize) -> Plain {
    let shown = &bytes[..bytes.len().min(max)];
    let head = shown.iter().position(|byte| !byte.is_ascii_digit());
    match head {
        None if shown.len() == max => Plain::Broken(Violation::NoEnd { received: max }),
        None => Plain::More(None),
        Some(at) if at > 0 && shown[at] == b':' => {
            let body: String = shown[..at].iter().copied().map(char::from).collect();
            // More digits than fit mean a length that is too large, whatever it is.
            let body = body.parse::<i64>().unwrap_or(i64::MAX);
            sized(bytes, body.saturating_add(at as i64 + 1).into(), max)
        }
        Some(at) => Plain::Broken(Violation::Malformed { received: at + 1 }),
    }
}

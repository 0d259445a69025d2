use super::reads;
use crate::protocol::feed::{End, Outcome, feed};
use crate::protocol::{Framing, Marker, Rule, Violation};

/// Messages that end with a read and a marker. Here the reads are part of the input.
pub fn eof_check(marker: &[u8], limit: u16, cuts: &[u8], stream: &[u8]) {
    let Ok(rule) = Marker::new(marker) else {
        assert!(marker.is_empty() || marker.len() > 8);
        return;
    };
    let max = usize::from(limit).max(1);
    let framing = Framing::with_limit(Rule::EofCheck(rule), max);
    let reads = reads(cuts);
    let found = feed(&framing, max, stream, &reads);
    assert_eq!(found, plain(marker, max, stream, &reads));
}

/// A reader that never holds more than the limit, and looks at the end of what it holds.
fn plain(marker: &[u8], max: usize, stream: &[u8], reads: &[usize]) -> Outcome {
    let mut messages = Vec::new();
    let mut held = Vec::new();
    let mut rest = stream;
    let mut reads = reads.iter().cycle();
    while !rest.is_empty() {
        let (mut read, behind) =
            rest.split_at(rest.len().min(*reads.next().unwrap_or(&rest.len())));
        rest = behind;
        while !read.is_empty() {
            let (part, later) = read.split_at(read.len().min(max - held.len()));
            held.extend_from_slice(part);
            read = later;
            if held.ends_with(marker) {
                messages.push(held.len());
                held.clear();
            } else if held.len() == max {
                let end = End::Broken(Violation::NoEnd { received: max });
                return Outcome { messages, end };
            }
        }
    }
    let end = End::Waiting {
        received: held.len(),
        total: None,
    };
    Outcome { messages, end }
}

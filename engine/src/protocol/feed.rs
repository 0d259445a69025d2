//! For tests: what a connection does with a framing, and what must hold at each step, whatever the bytes.

use super::{Framing, Progress, Step, Violation};

/// What came of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Lengths of the messages; they follow each other from the front of the stream.
    pub(crate) messages: Vec<usize>,
    pub(crate) end: End,
}

/// State of the connection when all has been read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Waiting for the rest of a message.
    Waiting {
        received: usize,
        total: Option<usize>,
    },
    Broken(Violation),
}

impl Outcome {
    /// Without what the log line adds to the violation.
    pub(crate) fn coded(&self) -> (&[usize], Option<i32>) {
        let code = match self.end {
            End::Waiting { .. } => None,
            End::Broken(violation) => Some(violation.code()),
        };
        (&self.messages, code)
    }
}

/// Reads `stream` in pieces of `reads` bytes, over and over; empty for all at once. `max` is the framing's limit.
pub(crate) fn feed(framing: &Framing, max: usize, stream: &[u8], reads: &[usize]) -> Outcome {
    let mut messages = Vec::new();
    let mut progress = Progress::default();
    let mut announced = None;
    let (mut from, mut to) = (0, 0);
    let mut reads = reads.iter().cycle();
    while to < stream.len() {
        to = match reads.next() {
            Some(&length) => stream.len().min(to + length.max(1)),
            None => stream.len(),
        };
        while from < to {
            let bytes = &stream[from..to];
            match framing.next(bytes, &mut progress) {
                Step::Message(length) => {
                    assert!(
                        (1..=bytes.len()).contains(&length),
                        "{length} of {}",
                        bytes.len()
                    );
                    assert!(
                        length <= max,
                        "a message of {length} bytes, the limit is {max}"
                    );
                    assert!(
                        announced.is_none_or(|total| total == length),
                        "another length than announced"
                    );
                    let again = framing.next(bytes, &mut progress);
                    assert_eq!(again, Step::Message(length), "not taken yet");
                    messages.push(length);
                    from += length;
                    progress = Progress::default();
                    announced = None;
                }
                Step::More { total } => {
                    if let Some(total) = total {
                        assert!(total > bytes.len(), "all {total} bytes are there");
                        assert!(total <= max, "waits for {total} bytes, the limit is {max}");
                    }
                    assert!(
                        announced.is_none() || announced == total,
                        "another length than announced"
                    );
                    announced = total;
                    break;
                }
                Step::Broken(violation) => {
                    let end = End::Broken(violation);
                    return Outcome { messages, end };
                }
            }
        }
    }
    let end = End::Waiting {
        received: to - from,
        total: announced,
    };
    Outcome { messages, end }
}

/// Reads `stream` at once, byte by byte, and cut as `reads` says: what comes of it must be the same.
pub(crate) fn agree(framing: &Framing, max: usize, stream: &[u8], reads: &[usize]) -> Outcome {
    let whole = feed(framing, max, stream, &[]);
    assert_eq!(feed(framing, max, stream, &[1]), whole, "byte by byte");
    assert_eq!(
        feed(framing, max, stream, reads),
        whole,
        "in reads of {reads:?}"
    );
    whole
}

//! What the fuzz targets in `engine/fuzz/` run. Not part of the API; behind the feature `fuzzing`, because what is to be
//! fuzzed is private to the crate.
//!
//! One file per target, here and in `engine/fuzz/fuzz_targets/`, with the same name. Here is a function of plain values
//! that panics when the code under test is wrong; there the one line that makes such values of the fuzzer's bytes, and a
//! `[[bin]]` entry in `engine/fuzz/Cargo.toml`. The test at the bottom runs each function on random values, so that they
//! stay in step with the code between two `make fuzz`.
//!
//! A target that only waits for a panic finds little. Each of these decodes the same bytes a second time in the plainest
//! way there is, and compares.

mod eof_check;
mod eof_split;
mod length_by;
mod length_field;
mod mqtt;
#[cfg(test)]
mod tests;
mod tls;

pub use eof_check::eof_check;
pub use eof_split::eof_split;
pub use length_by::length_by;
pub use length_field::length_field;
pub use mqtt::mqtt;
pub use tls::tls;

use crate::protocol::Violation;
use crate::protocol::feed::{End, Outcome};

/// Sizes of reads: 1 to 256 bytes.
fn reads(cuts: &[u8]) -> Vec<usize> {
    cuts.iter().map(|&cut| usize::from(cut) + 1).collect()
}

/// What a plain decoder says about the front of a stream.
enum Plain {
    Message(usize),
    More(Option<usize>),
    Broken(Violation),
}

/// Everything that a plain decoder finds in `stream`.
fn decode(stream: &[u8], front: impl Fn(&[u8]) -> Plain) -> Outcome {
    let mut messages = Vec::new();
    let mut rest = stream;
    let end = loop {
        if rest.is_empty() {
            let (received, total) = (0, None);
            break End::Waiting { received, total };
        }
        match front(rest) {
            Plain::Message(length) => {
                messages.push(length);
                rest = &rest[length..];
            }
            Plain::More(total) => {
                let received = rest.len();
                break End::Waiting { received, total };
            }
            Plain::Broken(violation) => break End::Broken(violation),
        }
    };
    Outcome { messages, end }
}

/// A plain decoder's answer where the beginning of `bytes` says how long the message is.
fn sized(bytes: &[u8], total: i128, max: usize) -> Plain {
    if total > max as i128 {
        let length = total as u64;
        return Plain::Broken(Violation::TooLarge { length });
    }
    let total = total as usize;
    if bytes.len() < total {
        Plain::More(Some(total))
    } else {
        Plain::Message(total)
    }
}

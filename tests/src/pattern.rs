//! Bulk data whose every byte is known from its place, so that loss, doubling and reordering show.

use std::sync::OnceLock;

/// Prime, so that no power of two (lane, page, read buffer) lines up with the repetition.
const PERIOD: usize = 65_521;

fn period() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let mut state = 0x9E37_79B9_u32;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        };
        (0..PERIOD).map(|_| next()).collect()
    })
}

/// `length` bytes of the pattern, from its beginning.
pub fn make(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let piece = (length - bytes.len()).min(PERIOD);
        bytes.extend_from_slice(&period()[..piece]);
    }
    bytes
}

/// Where `bytes` first differ from the pattern.
pub fn first_difference(bytes: &[u8]) -> Option<usize> {
    let differing = bytes
        .chunks(PERIOD)
        .position(|piece| piece != &period()[..piece.len()])?;
    let begin = differing * PERIOD;
    let inside = bytes[begin..]
        .iter()
        .zip(period())
        .position(|(is, should)| is != should);
    Some(begin + inside.unwrap_or(0))
}

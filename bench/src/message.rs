//! The bytes of a request, and whether an answer is right.
//!
//! Message `n` of connection `c` is a fixed body with `c` and `n` written over its first eight
//! bytes (over all of them, low byte first, when it is shorter). So an answer that was lost,
//! repeated, reordered, cut or sent to the wrong client is noticed in whichever message it first
//! shows, and checking costs one comparison with memory that is in the cache anyway.
//!
//! A frame is a message whose size includes what delimits it: a length before the numbers, or a
//! terminator behind the body. The terminator must not appear in the numbers, so they are written
//! there in ten bytes with the high bit set.

use std::ops::Range;

/// Several small messages of one connection go out in one write, up to this many bytes.
const BATCH_BYTES: usize = 64 * 1024;
const TERMINATOR: &[u8] = b"\r\n";
const LENGTH: usize = 4;

/// What tells a server where a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Nothing.
    None,
    /// `\r\n` at its end.
    Eof,
    /// The length of what follows, four bytes, high byte first.
    Length,
}

impl Framing {
    /// Bytes of a message the connection and the number are written over.
    fn id(self, size: usize) -> Range<usize> {
        match self {
            Self::None => 0..size.min(8),
            Self::Eof => 0..10,
            Self::Length => LENGTH..LENGTH + 8,
        }
    }

    /// The smallest message that has room for its numbers and its delimiter.
    pub(crate) fn least(self) -> usize {
        match self {
            Self::None => 1,
            Self::Eof => 10 + TERMINATOR.len(),
            Self::Length => LENGTH + 8,
        }
    }

    fn body(self, size: usize) -> Vec<u8> {
        let mut body: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
        match self {
            Self::None => {}
            Self::Eof => body[size - TERMINATOR.len()..].copy_from_slice(TERMINATOR),
            Self::Length => {
                let length = (size - LENGTH) as u32;
                body[..LENGTH].copy_from_slice(&length.to_be_bytes());
            }
        }
        body
    }
}

/// One buffer serves all connections: the kernel copies it out during the write.
pub(crate) struct Messages {
    bytes: Vec<u8>,
    size: usize,
    batch: u64,
    framing: Framing,
    id: Range<usize>,
}

impl Messages {
    /// Of a size that is not below the framing's least one.
    pub(crate) fn new(size: usize, depth: usize, framing: Framing) -> Self {
        let batch = (BATCH_BYTES / size).clamp(1, depth);
        Self {
            bytes: framing.body(size).repeat(batch),
            size,
            batch: batch as u64,
            framing,
            id: framing.id(size),
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The messages `first..limit` of a connection, or as many of them as one write should carry.
    pub(crate) fn bytes(&mut self, connection: u64, first: u64, limit: u64) -> &[u8] {
        let count = (limit - first).min(self.batch);
        for n in 0..count {
            let at = n as usize * self.size;
            let id = id(self.framing, connection, first + n);
            self.bytes[at + self.id.start..at + self.id.end].copy_from_slice(&id[..self.id.len()]);
        }
        &self.bytes[..count as usize * self.size]
    }

    /// Whether `got` is what message `number` of the connection has from `offset` on.
    pub(crate) fn matches(&self, connection: u64, number: u64, offset: usize, got: &[u8]) -> bool {
        // What lies before the numbers, in them, and behind: each may be cut on both sides.
        let end = offset + got.len();
        let cut = |at: usize| at.clamp(offset, end);
        let (from, to) = (cut(self.id.start), cut(self.id.end));
        let (head, rest) = got.split_at(from - offset);
        let (in_id, body) = rest.split_at(to - from);
        let id = id(self.framing, connection, number);
        head == &self.bytes[offset..from]
            && (in_id.is_empty() || in_id == &id[from - self.id.start..to - self.id.start])
            && body == &self.bytes[to..end]
    }
}

/// 48 bits of counter outlast any run; the rest tells the connections apart.
fn id(framing: Framing, connection: u64, number: u64) -> [u8; 10] {
    let both = connection << 48 | (number & 0xffff_ffff_ffff);
    let mut id = [0; 10];
    if framing == Framing::Eof {
        for (n, byte) in id.iter_mut().enumerate() {
            *byte = 0x80 | (both >> (7 * n)) as u8;
        }
    } else {
        id[..8].copy_from_slice(&both.to_le_bytes());
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Framing; 3] = [Framing::None, Framing::Eof, Framing::Length];

    #[test]
    fn every_split_of_the_right_bytes_matches() {
        for (framing, size) in ALL
            .into_iter()
            .flat_map(|f| [1, 7, 8, 9, 12, 13, 300].map(|size| (f, size)))
            .filter(|(framing, size)| *size >= framing.least())
        {
            let mut messages = Messages::new(size, 3, framing);
            let sent = messages.bytes(5, 41, 44).to_vec();
            assert_eq!(sent.len(), 3 * size);
            for n in 0..3 {
                let one = &sent[n * size..(n + 1) * size];
                for cut in 0..=size {
                    assert!(messages.matches(5, 41 + n as u64, 0, &one[..cut]));
                    assert!(messages.matches(5, 41 + n as u64, cut, &one[cut..]));
                }
            }
        }
    }

    #[test]
    fn a_wrong_number_client_or_body_is_noticed() {
        for framing in ALL {
            let mut messages = Messages::new(64, 1, framing);
            let mut sent = messages.bytes(5, 41, 42).to_vec();
            assert!(!messages.matches(5, 42, 0, &sent));
            assert!(!messages.matches(6, 41, 0, &sent));
            sent[63] ^= 1;
            assert!(!messages.matches(5, 41, 0, &sent));
        }
    }

    #[test]
    fn frames_are_what_a_decoder_would_cut() {
        // 0x0a0d is the terminator, were the number written as it is.
        let mut messages = Messages::new(32, 1, Framing::Eof);
        let sent = messages.bytes(0x0a0d, 0x0a0d, 0x0a0e);
        let ends: Vec<usize> = (0..31).filter(|n| &sent[*n..n + 2] == b"\r\n").collect();
        assert_eq!(ends, [30]);
        let mut messages = Messages::new(32, 1, Framing::Length);
        assert_eq!(messages.bytes(1, 2, 3)[..4], [0, 0, 0, 28]);
    }
}

//! The bytes of a request, and whether an answer is right.
//!
//! Message `n` of connection `c` is a fixed body with `c` and `n` written over its first eight
//! bytes (over all of them, low byte first, when it is shorter). So an answer that was lost,
//! repeated, reordered, cut or sent to the wrong client is noticed in whichever message it first
//! shows, and checking costs one comparison with memory that is in the cache anyway.

const ID: usize = 8;
/// Several small messages of one connection go out in one write, up to this many bytes.
const BATCH_BYTES: usize = 64 * 1024;

/// One buffer serves all connections: the kernel copies it out during the write.
pub(crate) struct Messages {
    bytes: Vec<u8>,
    size: usize,
    batch: u64,
}

impl Messages {
    pub(crate) fn new(size: usize, depth: usize) -> Self {
        let batch = (BATCH_BYTES / size).clamp(1, depth);
        let body = (0..size).map(|i| (i % 251) as u8);
        let bytes = (0..batch).flat_map(|_| body.clone()).collect();
        Self {
            bytes,
            size,
            batch: batch as u64,
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
            let id = id(connection, first + n);
            let len = ID.min(self.size);
            self.bytes[at..at + len].copy_from_slice(&id[..len]);
        }
        &self.bytes[..count as usize * self.size]
    }

    /// Whether `got` is what message `number` of the connection has from `offset` on.
    pub(crate) fn matches(&self, connection: u64, number: u64, offset: usize, got: &[u8]) -> bool {
        let id_len = ID.min(self.size);
        let in_id = id_len.saturating_sub(offset).min(got.len());
        let (head, body) = got.split_at(in_id);
        let from = offset + in_id;
        (in_id == 0 || head == &id(connection, number)[offset..offset + in_id])
            && body == &self.bytes[from..from + body.len()]
    }
}

fn id(connection: u64, number: u64) -> [u8; ID] {
    // 48 bits of counter outlast any run; the rest tells the connections apart.
    (connection << 48 | (number & 0xffff_ffff_ffff)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_split_of_the_right_bytes_matches() {
        for size in [1, 7, 8, 9, 300] {
            let mut messages = Messages::new(size, 3);
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
        let mut messages = Messages::new(64, 1);
        let mut sent = messages.bytes(5, 41, 42).to_vec();
        assert!(!messages.matches(5, 42, 0, &sent));
        assert!(!messages.matches(6, 41, 0, &sent));
        sent[63] ^= 1;
        assert!(!messages.matches(5, 41, 0, &sent));
    }
}

//! Bytes of one client that are not a whole message yet, or wait for a worker.

use crate::protocol::Progress;

/// A buffer larger than this is given back when it is empty.
const KEEP: usize = 4096;

/// What was read from a client and not given to a worker. Most of the time nothing: whole messages are cut
/// out of the reactor's own buffer.
#[derive(Default)]
pub(super) struct Inbound {
    bytes: Vec<u8>,
    /// Bytes at the front that have been dealt with.
    taken: usize,
    pub(super) progress: Progress,
    /// There may be whole messages among the bytes: they wait for a worker, or for this connection's turn.
    pub(super) ready: bool,
}

impl Inbound {
    pub(super) fn is_empty(&self) -> bool {
        self.taken == self.bytes.len()
    }

    /// What is there.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.taken..]
    }

    /// Add what has been read. Memory grows with the bytes that really came, whatever length they announce.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The first `count` bytes have been dealt with.
    pub(super) fn take(&mut self, count: usize) {
        self.taken += count;
        if self.is_empty() {
            self.taken = 0;
            match self.bytes.capacity() > KEEP {
                true => self.bytes = Vec::new(),
                false => self.bytes.clear(),
            }
        }
    }
}

//! Ciphertext on its way out, in memory that the sessions of one reactor lend from each other.

/// Buffers kept for reuse, per reactor.
const SPARES: usize = 32;
/// A buffer that grew beyond this is given back to the allocator.
const LARGEST_SPARE: usize = 80 * 1024;

/// Emptied output buffers of one reactor, so that an idle session holds none. Every byte of them is initialised:
/// rustls writes into slices, and filling a fresh buffer with zeros costs as much as a tenth of the encryption.
#[derive(Default)]
pub(crate) struct Spares(Vec<Vec<u8>>);

impl Spares {
    fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    fn give(&mut self, buffer: Vec<u8>) {
        if self.0.len() < SPARES && buffer.len() <= LARGEST_SPARE {
            self.0.push(buffer);
        }
    }
}

/// What waits to be written to the socket: `bytes[start..end]`.
#[derive(Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Output {
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn pending(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// At least `size` bytes to write into; [`Output::filled`] makes them part of the output.
    pub(super) fn room(&mut self, size: usize, spares: &mut Spares) -> &mut [u8] {
        if self.bytes.is_empty() {
            self.bytes = spares.take();
        }
        if self.bytes.len() - self.end < size {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.bytes.len() - self.end < size {
            self.bytes.resize(self.end + size, 0);
        }
        &mut self.bytes[self.end..]
    }

    pub(super) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }

    /// The first `count` bytes are written; an empty buffer goes back to the spares.
    pub(super) fn wrote(&mut self, count: usize, spares: &mut Spares) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            let bytes = std::mem::take(&mut self.bytes);
            if !bytes.is_empty() {
                spares.give(bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(output: &mut Output, spares: &mut Spares, bytes: &[u8]) {
        output.room(bytes.len(), spares)[..bytes.len()].copy_from_slice(bytes);
        output.filled(bytes.len());
    }

    #[test]
    fn bytes_leave_in_order_across_moves_and_growth() {
        let (mut output, mut spares) = (Output::default(), Spares::default());
        let (mut sent, mut seen) = (Vec::new(), Vec::new());
        for round in 0..200_u8 {
            let chunk = vec![round; usize::from(round) * 7 + 1];
            put(&mut output, &mut spares, &chunk);
            sent.extend_from_slice(&chunk);
            let some = (usize::from(round) * 5).min(output.len());
            seen.extend_from_slice(&output.pending()[..some]);
            output.wrote(some, &mut spares);
        }
        seen.extend_from_slice(output.pending());
        assert_eq!(sent, seen);
    }

    #[test]
    fn an_empty_output_holds_no_memory_and_its_buffer_is_used_again() {
        let (mut output, mut spares) = (Output::default(), Spares::default());
        put(&mut output, &mut spares, &[1; 1000]);
        output.wrote(1000, &mut spares);
        assert_eq!(output.bytes.capacity(), 0);
        assert_eq!(spares.0.len(), 1);
        put(&mut output, &mut spares, &[2; 10]);
        assert_eq!((output.pending(), spares.0.len()), (&[2; 10][..], 0));
    }
}

//! Bytes that have come and are not taken yet.

/// Memory that is kept when nothing waits.
const KEPT: usize = 256 * 1024;

/// A buffer that is filled behind and taken from in front. What was taken stays where it is until the next change, so
/// that it can be shown without a copy.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    taken: usize,
}

impl Inbox {
    /// What waits.
    pub(super) fn waiting(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.taken
    }

    /// Count the first `count` bytes as taken. Returns where they are.
    pub(super) fn take(&mut self, count: usize) -> std::ops::Range<usize> {
        let start = self.taken;
        self.taken = self.bytes.len().min(start + count);
        start..self.taken
    }

    /// What [`Inbox::take`] spoke of, if nothing has changed since.
    pub(super) fn shown(&self, range: std::ops::Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// What was taken last was only looked at.
    pub(super) fn give_back(&mut self, range: &std::ops::Range<usize>) {
        self.taken = range.start.min(self.taken);
    }

    /// The buffer, to add to its end.
    pub(super) fn filling(&mut self) -> &mut Vec<u8> {
        let waiting = self.len();
        if waiting == 0 {
            self.bytes.clear();
            self.taken = 0;
            if self.bytes.capacity() > KEPT {
                self.bytes = Vec::new();
            }
        } else if self.taken > waiting {
            // So each byte is moved less often than once on average.
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        &mut self.bytes
    }

    pub(super) fn clear(&mut self) {
        *self = Inbox::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_stays_until_more_comes() {
        let mut inbox = Inbox::default();
        inbox.filling().extend_from_slice(b"onetwothree");
        let one = inbox.take(3);
        assert_eq!(inbox.shown(one.clone()), b"one");
        assert_eq!(inbox.waiting(), b"twothree");
        let two = inbox.take(3);
        assert_eq!(
            (inbox.shown(one), inbox.shown(two)),
            (&b"one"[..], &b"two"[..])
        );
        inbox.filling().extend_from_slice(b"four");
        assert_eq!(inbox.waiting(), b"threefour");
        let rest = inbox.take(100);
        assert_eq!(inbox.shown(rest), b"threefour");
        assert_eq!(inbox.len(), 0);
    }

    #[test]
    fn memory_of_a_long_message_goes_back() {
        let mut inbox = Inbox::default();
        inbox.filling().resize(10 << 20, 1);
        inbox.take(10 << 20);
        assert!(inbox.filling().capacity() <= KEPT);
    }
}

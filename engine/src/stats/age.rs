//! How old the oldest message in a queue is, without a time stamp in every message.
//!
//! A reactor keeps one *mark* per lane to a worker: the number of a message and when it was pushed. While
//! that message is not finished, its age is the queue's. Once it is, the next message pushed becomes the
//! marked one. What was pushed in between is younger than the mark was and older than it looks, so the
//! age is never overstated. Of a worker that has stopped taking messages it tells the truth: nothing is
//! finished any more, and the mark stays.

use crate::ipc::shm::shared_block;
use crate::sync::{AtomicU64, Ordering};

shared_block! {
    /// The mark of one lane; written by the reactor that pushes to it.
    pub(crate) struct QueueMark {
        /// Low half of the message's number, then low half of the monotonic ms: one word, so that both
        /// belong together for every reader.
        word: AtomicU64,
    }
}

impl QueueMark {
    /// Messages up to number `pushed` have been pushed, the last ones just now; up to `finished` are
    /// finished.
    pub(crate) fn note(&self, pushed: u64, finished: u64, now_ms: u64) {
        let word = self.word.load(Ordering::Relaxed);
        if is_finished(word, finished) {
            let word = (pushed << 32) | (now_ms & u64::from(u32::MAX));
            self.word.store(word, Ordering::Relaxed);
        }
    }

    /// The last messages were taken back: `pushed` are left. If the marked one was among them, the last one
    /// that is left takes over its time, being older.
    pub(crate) fn cut(&self, pushed: u64) {
        let word = self.word.load(Ordering::Relaxed);
        if !is_finished(word, pushed) {
            let word = (pushed << 32) | (word & u64::from(u32::MAX));
            self.word.store(word, Ordering::Relaxed);
        }
    }

    /// Milliseconds since the marked message was pushed; 0 if it is finished.
    pub(crate) fn age_ms(&self, finished: u64, now_ms: u64) -> u64 {
        let word = self.word.load(Ordering::Relaxed);
        if is_finished(word, finished) {
            return 0;
        }
        // A mark made after `now_ms` was read is no age at all; half of the range is 24 days.
        let age = (now_ms as u32).wrapping_sub(word as u32) as i32;
        age.max(0) as u64
    }
}

/// Whether the message marked in `word` is among the first `finished`.
fn is_finished(word: u64, finished: u64) -> bool {
    let ahead = ((word >> 32) as u32).wrapping_sub(finished as u32) as i32;
    ahead <= 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> QueueMark {
        QueueMark {
            word: AtomicU64::new(0),
        }
    }

    #[test]
    fn a_mark_stays_until_its_message_is_finished() {
        let mark = fresh();
        assert_eq!(mark.age_ms(0, 1_000), 0, "nothing was ever pushed");
        mark.note(1, 0, 1_000);
        mark.note(2, 0, 1_500);
        assert_eq!(mark.age_ms(0, 1_700), 700);
        assert_eq!(mark.age_ms(1, 1_700), 0, "finished");
        mark.note(3, 1, 1_800);
        assert_eq!(mark.age_ms(1, 2_000), 200);
        assert_eq!(mark.age_ms(2, 2_000), 200, "2 is finished, 3 is not");
        assert_eq!(mark.age_ms(3, 2_000), 0);
    }

    #[test]
    fn numbers_and_times_may_pass_the_end_of_their_half_word() {
        let (mark, edge) = (fresh(), 1u64 << 32);
        mark.note(edge - 1, 0, 5);
        mark.note(edge + 1, edge - 1, edge - 10);
        assert_eq!(mark.age_ms(edge, edge + 20), 30);
        assert_eq!(mark.age_ms(edge + 1, edge + 20), 0);
    }

    #[test]
    fn messages_taken_back_take_no_mark_with_them() {
        let mark = fresh();
        mark.note(5, 2, 1_000);
        mark.cut(6);
        mark.cut(3);
        assert_eq!(
            mark.age_ms(2, 1_300),
            300,
            "3 is at work, and was pushed before 5"
        );
        assert_eq!(mark.age_ms(3, 1_300), 0, "nothing is left");
        mark.note(6, 3, 1_400);
        assert_eq!(mark.age_ms(4, 1_500), 100);
    }

    #[test]
    fn a_mark_from_the_future_has_no_age() {
        let mark = fresh();
        mark.note(1, 0, 1_000);
        assert_eq!(mark.age_ms(0, 999), 0);
    }
}

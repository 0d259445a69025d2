//! A key as the table stores it: 8 words, its length in the last byte.

use std::hash::{BuildHasher, Hasher};

use super::KEY_MAX;

/// Words of a key.
pub(super) const KEY_WORDS: usize = 8;

/// A key to look for.
pub(super) struct Key {
    pub(super) hash: u64,
    pub(super) words: [u64; KEY_WORDS],
}

impl Key {
    #[inline]
    pub(super) fn new(bytes: &[u8], hasher: &ahash::RandomState) -> Key {
        let bytes = &bytes[..bytes.len().min(KEY_MAX)];
        let mut hash = hasher.build_hasher();
        hash.write(bytes);
        Key::with_hash(bytes, hash.finish())
    }

    #[inline]
    pub(super) fn with_hash(bytes: &[u8], hash: u64) -> Key {
        let mut padded = [0; KEY_WORDS * 8];
        padded[..bytes.len()].copy_from_slice(bytes);
        padded[KEY_MAX] = bytes.len() as u8;
        let mut words = [0; KEY_WORDS];
        for (word, bytes) in words.iter_mut().zip(padded.as_chunks().0) {
            *word = u64::from_ne_bytes(*bytes);
        }
        Key { hash, words }
    }

    /// Words that say all of it: those in use, but for the last one, which has the length.
    #[inline]
    pub(super) fn used(&self) -> usize {
        let len = usize::from(self.words[KEY_WORDS - 1].to_ne_bytes()[7]);
        len.div_ceil(8).min(KEY_WORDS - 1)
    }
}

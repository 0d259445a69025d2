//! A few bytes that end a message.

use memchr::memmem::Finder;

const MAX_LENGTH: usize = 8;

/// `package_eof`: 1 to 8 bytes, `\r\n\r\n` unless the port says otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Marker {
    /// Holds the bytes and what speeds up the search for them (for a single byte that is plain memchr). On the heap,
    /// or every rule would be as large as this one.
    finder: Box<Finder<'static>>,
}

impl Default for Marker {
    fn default() -> Marker {
        Marker::of(b"\r\n\r\n")
    }
}

impl Marker {
    /// Fails with the message for the user.
    pub(crate) fn new(bytes: &[u8]) -> Result<Marker, &'static str> {
        match bytes.len() {
            0 => Err("package_eof cannot be an empty string"),
            1..=MAX_LENGTH => Ok(Marker::of(bytes)),
            _ => Err("package_eof max length is 8"),
        }
    }

    fn of(bytes: &[u8]) -> Marker {
        Marker {
            finder: Box::new(Finder::new(bytes).into_owned()),
        }
    }

    fn bytes(&self) -> &[u8] {
        self.finder.needle()
    }

    /// Length of `bytes` if the marker is at their end.
    pub(super) fn ends(&self, bytes: &[u8]) -> Option<usize> {
        bytes.ends_with(self.bytes()).then_some(bytes.len())
    }

    /// Where the first marker in `bytes` ends. There is none in the first `seen` bytes; but one may begin in the last of
    /// them, so those are looked at again.
    pub(super) fn find(&self, bytes: &[u8], seen: &mut usize) -> Option<usize> {
        let length = self.bytes().len();
        let from = seen.saturating_sub(length - 1);
        *seen = bytes.len();
        let at = self.finder.find(bytes.get(from..)?)?;
        Some(from + at + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_one_to_eight() {
        assert_eq!(
            Marker::new(b"").unwrap_err(),
            "package_eof cannot be an empty string"
        );
        assert_eq!(
            Marker::new(b"123456789").unwrap_err(),
            "package_eof max length is 8"
        );
        for length in 1..=8 {
            let bytes = &b"12345678"[..length];
            assert_eq!(Marker::new(bytes).unwrap().bytes(), bytes);
        }
        assert_eq!(Marker::default().bytes(), b"\r\n\r\n");
    }

    #[test]
    fn search_goes_on_where_it_stopped() {
        let marker = Marker::new(b"END").unwrap();
        let mut bytes = b"some bytes and EN".to_vec();
        let mut seen = 0;
        assert_eq!(marker.find(&bytes, &mut seen), None);
        assert_eq!(seen, bytes.len());
        // What was seen is not looked at again: a marker that appears there afterwards stays unseen. Only the last two
        // bytes matter, in case a marker begins there.
        bytes[..3].copy_from_slice(b"END");
        assert_eq!(marker.find(&bytes, &mut seen), None);
        bytes.extend_from_slice(b"D, rest");
        assert_eq!(marker.find(&bytes, &mut seen), Some(18));
    }
}

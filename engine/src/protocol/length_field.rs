//! A number at a fixed place in front of the body says how long a message is.

use super::Violation;

/// Neither offset may be larger.
const MAX_OFFSET: usize = 8152;

/// `package_length_type`: size, byte order and sign of the field, as a letter of PHP's `pack()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LengthKind {
    size: usize,
    big_endian: bool,
    signed: bool,
}

/// `open_length_check`: the message is `body_offset` bytes and as many more as the field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LengthField {
    kind: LengthKind,
    offset: usize,
    body_offset: usize,
}

impl LengthKind {
    /// `N`: 4 bytes, big endian.
    pub(crate) const N: LengthKind = LengthKind {
        size: 4,
        big_endian: true,
        signed: false,
    };

    /// The first letter of `text` counts, as in `pack()`. Fails with the message for the user.
    pub(crate) fn new(text: &str) -> Result<LengthKind, &'static str> {
        const HOST: bool = cfg!(target_endian = "big");
        let (size, big_endian, signed) = match text.bytes().next() {
            Some(b'c') => (1, HOST, true),
            Some(b'C') => (1, HOST, false),
            Some(b's') => (2, HOST, true),
            Some(b'S') => (2, HOST, false),
            Some(b'n') => (2, true, false),
            Some(b'v') => (2, false, false),
            Some(b'l') => (4, HOST, true),
            Some(b'L') => (4, HOST, false),
            Some(b'N') => (4, true, false),
            Some(b'V') => (4, false, false),
            Some(b'q') => (8, HOST, true),
            Some(b'Q') => (8, HOST, false),
            Some(b'J') => (8, true, false),
            Some(b'P') => (8, false, false),
            _ => return Err("unknown package_length_type, see pack(). Link: https://php.net/pack"),
        };
        Ok(LengthKind {
            size,
            big_endian,
            signed,
        })
    }

    /// The number in `field`, which has this kind's size. None if it is negative or 2^63 and more.
    fn read(self, field: &[u8]) -> Option<i64> {
        let push = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
        let number = if self.big_endian {
            field.iter().fold(0, push)
        } else {
            field.iter().rev().fold(0, push)
        };
        let unused = 64 - 8 * self.size as u32;
        let number = if self.signed {
            (number << unused) as i64 >> unused
        } else {
            i64::try_from(number).ok()?
        };
        (number >= 0).then_some(number)
    }
}

impl Default for LengthField {
    /// Four bytes in network order, then the body.
    fn default() -> LengthField {
        LengthField {
            kind: LengthKind {
                size: 4,
                big_endian: true,
                signed: false,
            },
            offset: 0,
            body_offset: 4,
        }
    }
}

impl LengthField {
    /// `package_length_offset` and `package_body_offset`. Fails with the message for the user.
    pub(crate) fn new(
        kind: LengthKind,
        offset: usize,
        body_offset: usize,
    ) -> Result<LengthField, &'static str> {
        if offset > MAX_OFFSET {
            return Err("'package_length_offset' value is too large");
        }
        if body_offset > MAX_OFFSET {
            return Err("'package_body_offset' value is too large");
        }
        Ok(LengthField {
            kind,
            offset,
            body_offset,
        })
    }

    /// Length of the message that begins with `bytes`; nothing yet if the field is not there.
    pub(super) fn total(&self, bytes: &[u8]) -> Result<Option<u64>, Violation> {
        let header = self.offset + self.kind.size;
        let Some(field) = bytes.get(self.offset..header) else {
            return Ok(None);
        };
        let total = self
            .kind
            .read(field)
            .and_then(|number| number.checked_add(self.body_offset as i64));
        match total {
            Some(0) => Err(Violation::NoLength { received: header }),
            // A message that ends inside its own header would make the rest of the header the next message.
            Some(total) if total >= header as i64 => Ok(Some(total as u64)),
            _ => Err(Violation::Malformed { received: header }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(letter: &str, offset: usize, body_offset: usize) -> LengthField {
        LengthField::new(LengthKind::new(letter).unwrap(), offset, body_offset).unwrap()
    }

    #[test]
    fn each_letter_has_its_size_order_and_sign() {
        let number = 0x0102_0304_0506_0708_u64;
        for (letter, bytes, value) in [
            ("c", vec![0x7f], 0x7f),
            ("C", vec![0xff], 0xff),
            ("s", 0x7f01_u16.to_ne_bytes().to_vec(), 0x7f01),
            ("S", 0xff01_u16.to_ne_bytes().to_vec(), 0xff01),
            ("n", vec![0xff, 0x01], 0xff01),
            ("v", vec![0x01, 0xff], 0xff01),
            ("l", 0x7f01_0203_u32.to_ne_bytes().to_vec(), 0x7f01_0203),
            ("L", 0xff01_0203_u32.to_ne_bytes().to_vec(), 0xff01_0203),
            ("N", vec![0xff, 1, 2, 3], 0xff01_0203),
            ("V", vec![3, 2, 1, 0xff], 0xff01_0203),
            ("q", number.to_ne_bytes().to_vec(), number),
            ("Q", number.to_ne_bytes().to_vec(), number),
            ("J", vec![1, 2, 3, 4, 5, 6, 7, 8], number),
            ("P", vec![8, 7, 6, 5, 4, 3, 2, 1], number),
        ] {
            let size = bytes.len();
            let field = field(letter, 3, 3 + size);
            let message = [&b"abc"[..], &bytes, b"body"].concat();
            assert_eq!(
                field.total(&message),
                Ok(Some(value + 3 + size as u64)),
                "{letter}"
            );
            assert_eq!(field.total(&message[..2 + size]), Ok(None), "{letter}");
        }
    }

    #[test]
    fn letters_that_pack_knows_and_we_do_not_are_refused() {
        for letter in ["", "i", "I", "a", "é", "\0"] {
            assert_eq!(
                LengthKind::new(letter).unwrap_err(),
                "unknown package_length_type, see pack(). Link: https://php.net/pack"
            );
        }
        assert_eq!(LengthKind::new("N*").unwrap(), LengthField::default().kind);
    }

    #[test]
    fn offsets_have_a_limit() {
        let kind = LengthField::default().kind;
        assert_eq!(
            LengthField::new(kind, 8153, 0).unwrap_err(),
            "'package_length_offset' value is too large"
        );
        assert_eq!(
            LengthField::new(kind, 0, 8153).unwrap_err(),
            "'package_body_offset' value is too large"
        );
        assert!(LengthField::new(kind, 8152, 8152).is_ok());
        assert_eq!(
            LengthField::new(kind, 0, 4).unwrap(),
            LengthField::default()
        );
    }

    #[test]
    fn numbers_that_are_no_length_are_malformed() {
        let malformed = |received| Err(Violation::Malformed { received });
        assert_eq!(field("c", 0, 1).total(&[0xff]), malformed(1));
        assert_eq!(field("s", 0, 100).total(&[0xff; 2]), malformed(2));
        assert_eq!(field("l", 1, 100).total(&[0xff; 5]), malformed(5));
        assert_eq!(field("q", 0, 100).total(&[0xff; 8]), malformed(8));
        for letter in ["Q", "J", "P"] {
            let field = field(letter, 0, 0);
            assert_eq!(field.total(&[0xff; 8]), malformed(8), "{letter}");
            assert_eq!(field.total(&[0x80; 8]), malformed(8), "{letter}");
            assert_eq!(
                field.total(&[0x7f; 8]),
                Ok(Some(0x7f7f_7f7f_7f7f_7f7f)),
                "{letter}"
            );
        }
        // 2^63 - 1 is a number, but there is no room for the offset.
        let mut largest = [0xff; 8];
        largest[0] = 0x7f;
        assert_eq!(field("J", 0, 0).total(&largest), Ok(Some(i64::MAX as u64)));
        assert_eq!(field("J", 0, 1).total(&largest), malformed(8));
    }

    #[test]
    fn length_of_nothing_is_no_length() {
        let none = Err(Violation::NoLength { received: 6 });
        assert_eq!(field("N", 2, 0).total(&[0; 6]), none);
    }

    #[test]
    fn messages_end_behind_their_header() {
        // The field counts everything: 4 bytes of field and 2 before it are the least.
        let field_counts_all = field("N", 2, 0);
        for total in 1..6 {
            assert_eq!(
                field_counts_all.total(&[9, 9, 0, 0, 0, total]),
                Err(Violation::Malformed { received: 6 }),
                "{total}"
            );
        }
        assert_eq!(field_counts_all.total(&[9, 9, 0, 0, 0, 6]), Ok(Some(6)));
        // A header alone is a message if the body begins behind the field.
        assert_eq!(field("n", 2, 4).total(&[0; 4]), Ok(Some(4)));
        assert_eq!(field("n", 2, 7).total(&[0; 4]), Ok(Some(7)));
        assert_eq!(
            field("n", 2, 3).total(&[0; 4]),
            Err(Violation::Malformed { received: 4 })
        );
    }
}

//! MQTT: a control packet begins with a byte of type and flags and its remaining length, seven bits per byte, least
//! significant first, in one to four bytes. What the packet means is the user's business.

use super::Violation;

const MAX_HEADER: usize = 5;

/// Length of the packet that begins with `bytes`; nothing yet if its fixed header is not complete.
pub(super) fn total(bytes: &[u8]) -> Result<Option<u64>, Violation> {
    let mut remaining = 0;
    for (at, byte) in bytes.iter().enumerate().take(MAX_HEADER).skip(1) {
        remaining |= u64::from(byte & 0x7f) << (7 * (at - 1));
        if byte & 0x80 == 0 {
            return Ok(Some(1 + at as u64 + remaining));
        }
    }
    if bytes.len() < MAX_HEADER {
        return Ok(None);
    }
    Err(Violation::Malformed {
        received: MAX_HEADER,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remaining_length_has_one_to_four_bytes() {
        for (header, length) in [
            (&[0xc0, 0][..], 2),
            (&[0x30, 127], 129),
            (&[0x30, 0x80, 1], 131),
            (&[0x30, 0xff, 0x7f], 3 + 16_383),
            (&[0x30, 0x80, 0x80, 1], 4 + 16_384),
            (&[0x30, 0xff, 0xff, 0x7f], 4 + 2_097_151),
            (&[0x30, 0x80, 0x80, 0x80, 1], 5 + 2_097_152),
            (&[0x30, 0xff, 0xff, 0xff, 0x7f], 5 + 268_435_455),
        ] {
            assert_eq!(total(header), Ok(Some(length)), "{header:?}");
            for less in 0..header.len() {
                assert_eq!(total(&header[..less]), Ok(None), "{header:?}");
            }
        }
    }

    #[test]
    fn a_fifth_byte_of_length_is_malformed() {
        let malformed = Err(Violation::Malformed { received: 5 });
        assert_eq!(total(&[0x30, 0x80, 0x80, 0x80, 0x80]), malformed);
        assert_eq!(total(&[0x30, 0xff, 0xff, 0xff, 0xff, 0]), malformed);
        assert_eq!(total(&[0x30, 0xff, 0xff, 0xff]), Ok(None));
    }
}

//! `Task::pack()` and `unpack()`: a value with its kind, as one string that can be kept or sent by any other way.
//!
//! | bytes | |
//! |---|---|
//! | 0..4 | `SKPT` |
//! | 4 | version, 1 |
//! | 5 | flags as `SWOOLE_TASK_*`; `SERIALIZE` (2) if the value went through PHP's serializer |
//! | 6..8 | zero |
//! | 8..16 | length of what follows, little-endian |
//! | 16.. | the string, or the serialized value |

use skep::task::flags;

const MAGIC: [u8; 4] = *b"SKPT";
const VERSION: u8 = 1;

/// Bytes in front of the value.
pub(crate) const HEADER: usize = 16;

/// What stands in front of a value of this kind and length.
pub(crate) fn header(kind: u8, length: usize) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&MAGIC);
    header[4] = VERSION;
    header[5] = kind & flags::SERIALIZE;
    header[8..].copy_from_slice(&(length as u64).to_le_bytes());
    header
}

/// Flags and value; none if this is no packed value, or not all of one.
pub(crate) fn open(packed: &[u8]) -> Option<(u8, &[u8])> {
    let (header, value) = packed.split_first_chunk::<HEADER>()?;
    let expected = self::header(header[5], value.len());
    (*header == expected).then_some((header[5], value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_opened() {
        for (kind, value) in [(0, &b"text"[..]), (flags::SERIALIZE, b"i:5;"), (0, b"")] {
            let mut packed = header(kind, value.len()).to_vec();
            packed.extend_from_slice(value);
            assert_eq!(open(&packed), Some((kind, value)));
        }
    }

    #[test]
    fn nothing_else_is() {
        let mut packed = header(flags::SERIALIZE, 4).to_vec();
        packed.extend_from_slice(b"i:5;");
        for length in 0..packed.len() {
            assert_eq!(open(&packed[..length]), None, "cut at {length}");
        }
        let mut longer = packed.clone();
        longer.push(0);
        assert_eq!(open(&longer), None);
        for at in 0..HEADER {
            let mut spoiled = packed.clone();
            spoiled[at] ^= 0x81;
            assert_eq!(open(&spoiled), None, "byte {at}");
        }
    }
}

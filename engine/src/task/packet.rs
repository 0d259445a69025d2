//! A task as one string, for other programs: what they put into the server's message queue (`message_queue_key`).
//!
//! | bytes | |
//! |---|---|
//! | 0..4 | `SKPT` |
//! | 4 | version, 1 |
//! | 5 | flags; only [`flags::SERIALIZE`] counts, and only a PHP program understands what it marks |
//! | 6..8 | zero |
//! | 8..16 | length of what follows, little-endian |
//! | 16.. | the payload |

use std::fmt;

use super::flags;

const MAGIC: [u8; 4] = *b"SKPT";
const VERSION: u8 = 1;

/// Bytes in front of the payload.
pub const HEADER: usize = 16;

/// What stands in front of a payload of this length.
pub fn header(flags: u8, length: usize) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&MAGIC);
    header[4] = VERSION;
    header[5] = flags & flags::SERIALIZE;
    header[8..].copy_from_slice(&(length as u64).to_le_bytes());
    header
}

/// A task as one string.
pub fn pack(data: &[u8], flags: u8) -> Vec<u8> {
    [&header(flags, data.len()), data].concat()
}

/// Flags and payload of a packed task.
pub fn unpack(packed: &[u8]) -> Result<(u8, &[u8]), BadPacket> {
    let Some((found, data)) = packed.split_first_chunk::<HEADER>() else {
        return Err(BadPacket::Length(packed.len(), HEADER as u64));
    };
    let [.., a, b, c, d, e, f, g, h] = *found;
    let length = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    let mut expected = header(found[5], data.len());
    expected[8..].copy_from_slice(&length.to_le_bytes());
    if *found != expected {
        return Err(BadPacket::Header);
    }
    if length != data.len() as u64 {
        let expected = length.saturating_add(HEADER as u64);
        return Err(BadPacket::Length(packed.len(), expected));
    }
    Ok((found[5], data))
}

/// Why a string is no packed task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadPacket {
    /// It begins with something else.
    Header,
    /// It has so many bytes, and says that it has so many.
    Length(usize, u64),
}

impl fmt::Display for BadPacket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadPacket::Header => out.write_str("bad task packet, it begins with no header of one"),
            BadPacket::Length(received, expected) => write!(
                out,
                "bad task packet, The received data-length[{received}] is inconsistent with the packet-length[{expected}]"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_opened() {
        for (kind, value) in [(0, &b"text"[..]), (flags::SERIALIZE, b"i:5;"), (0, b"")] {
            assert_eq!(unpack(&pack(value, kind)), Ok((kind, value)));
        }
        let noise = pack(b"x", 0xff);
        assert_eq!(unpack(&noise), Ok((flags::SERIALIZE, &b"x"[..])));
    }

    #[test]
    fn nothing_else_is() {
        let packed = pack(b"i:5;", flags::SERIALIZE);
        for length in 0..packed.len() {
            let cut = unpack(&packed[..length]);
            assert!(matches!(cut, Err(BadPacket::Length(n, _)) if n == length));
        }
        let longer = [&packed[..], b"!"].concat();
        assert_eq!(unpack(&longer), Err(BadPacket::Length(21, 20)));
        for at in 0..HEADER {
            let mut spoiled = packed.clone();
            spoiled[at] ^= 0x81;
            assert!(unpack(&spoiled).is_err(), "byte {at}");
        }
        let mut huge = packed;
        huge[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(unpack(&huge), Err(BadPacket::Length(20, u64::MAX)));
    }
}

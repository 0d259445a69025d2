use super::{Plain, decode, reads, sized};
use crate::protocol::feed::agree;
use crate::protocol::{Framing, LengthField, LengthKind, Rule, Violation};

/// Messages with a length field. `letter` picks one of those of `pack()`; offsets are up to 255 beside those that are
/// refused.
pub fn length_field(
    letter: u8,
    offset: u16,
    body_offset: u16,
    limit: u16,
    cuts: &[u8],
    stream: &[u8],
) {
    const LETTERS: &[u8; 14] = b"cCsSnvlLNVqQJP";
    let letter = char::from(LETTERS[usize::from(letter) % LETTERS.len()]);
    let [offset, body_offset] = [offset, body_offset].map(|given| match usize::from(given) {
        refused @ 8153.. => refused,
        used => used % 256,
    });
    let built = LengthKind::new(&letter.to_string())
        .and_then(|kind| LengthField::new(kind, offset, body_offset));
    let Ok(field) = built else {
        assert!(offset > 8152 || body_offset > 8152);
        return;
    };
    let max = usize::from(limit).max(1);
    let framing = Framing::with_limit(Rule::Length(field), max);
    let found = agree(&framing, max, stream, &reads(cuts));
    let plain = decode(stream, |bytes| {
        let Some((number, size)) = bytes.get(offset..).and_then(|field| number(letter, field))
        else {
            return Plain::More(None);
        };
        let received = offset + size;
        match number + body_offset as i128 {
            _ if number < 0 || number > i128::from(i64::MAX) => {
                Plain::Broken(Violation::Malformed { received })
            }
            0 => Plain::Broken(Violation::NoLength { received }),
            total if total < received as i128 || total > i128::from(i64::MAX) => {
                Plain::Broken(Violation::Malformed { received })
            }
            total => sized(bytes, total, max),
        }
    });
    assert_eq!(found, plain);
}

/// The number at the front of `bytes` and its size.
fn number(letter: char, bytes: &[u8]) -> Option<(i128, usize)> {
    Some(match letter {
        'c' => (i8::from_ne_bytes(*bytes.first_chunk()?).into(), 1),
        'C' => (u8::from_ne_bytes(*bytes.first_chunk()?).into(), 1),
        's' => (i16::from_ne_bytes(*bytes.first_chunk()?).into(), 2),
        'S' => (u16::from_ne_bytes(*bytes.first_chunk()?).into(), 2),
        'n' => (u16::from_be_bytes(*bytes.first_chunk()?).into(), 2),
        'v' => (u16::from_le_bytes(*bytes.first_chunk()?).into(), 2),
        'l' => (i32::from_ne_bytes(*bytes.first_chunk()?).into(), 4),
        'L' => (u32::from_ne_bytes(*bytes.first_chunk()?).into(), 4),
        'N' => (u32::from_be_bytes(*bytes.first_chunk()?).into(), 4),
        'V' => (u32::from_le_bytes(*bytes.first_chunk()?).into(), 4),
        'q' => (i64::from_ne_bytes(*bytes.first_chunk()?).into(), 8),
        'Q' => (u64::from_ne_bytes(*bytes.first_chunk()?).into(), 8),
        'J' => (u64::from_be_bytes(*bytes.first_chunk()?).into(), 8),
        'P' => (u64::from_le_bytes(*bytes.first_chunk()?).into(), 8),
        _ => return None,
    })
}

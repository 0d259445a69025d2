use super::{Plain, decode, reads};
use crate::protocol::feed::agree;
use crate::protocol::{Framing, Marker, Rule, Violation};

/// Messages that end with a marker, found one by one.
pub fn eof_split(marker: &[u8], limit: u16, cuts: &[u8], stream: &[u8]) {
    let Ok(rule) = Marker::new(marker) else {
        assert!(marker.is_empty() || marker.len() > 8);
        return;
    };
    let max = usize::from(limit).max(1);
    let framing = Framing::with_limit(Rule::EofSplit(rule), max);
    let found = agree(&framing, max, stream, &reads(cuts));
    let plain = decode(stream, |bytes| {
        let end = (marker.len()..=bytes.len().min(max)).find(|&end| bytes[..end].ends_with(marker));
        match end {
            Some(end) => Plain::Message(end),
            None if bytes.len() >= max => Plain::Broken(Violation::NoEnd { received: max }),
            None => Plain::More(None),
        }
    });
    assert_eq!(found, plain);
}

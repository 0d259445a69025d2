use super::{Plain, decode, reads, sized};
use crate::protocol::feed::agree;
use crate::protocol::{Framing, Rule, Violation};

/// MQTT control packets.
pub fn mqtt(limit: u16, cuts: &[u8], stream: &[u8]) {
    let max = usize::from(limit).max(1);
    let framing = Framing::with_limit(Rule::Mqtt, max);
    let found = agree(&framing, max, stream, &reads(cuts));
    let plain = decode(stream, |bytes| {
        let length = &bytes[1..bytes.len().min(5)];
        let Some(last) = length.iter().position(|byte| *byte < 128) else {
            return if length.len() == 4 {
                Plain::Broken(Violation::Malformed { received: 5 })
            } else {
                Plain::More(None)
            };
        };
        let remaining = length[..=last]
            .iter()
            .rfold(0, |sum, byte| sum * 128 + i128::from(byte % 128));
        sized(bytes, 2 + last as i128 + remaining, max)
    });
    assert_eq!(found, plain);
}

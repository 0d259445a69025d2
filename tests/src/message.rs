//! What clients and servers of the tests say to each other: `<id>:<length>:<payload>`.
//!
//! A payload that begins with `!` is a command, one that begins with `=` is bulk data to be checked
//! (see [`crate::pattern`]), anything else is echoed. Ids count up from 1 on each connection, so both
//! sides notice a lost, doubled or reordered message; a length that does not fit shows a torn one.

/// Longest id and length fields that make sense; more digits are garbage.
const LONGEST_HEADER: usize = 42;

/// A message as it goes over the wire.
pub fn encode(id: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{id}:{}:", payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// Puts messages together from whatever pieces come in.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// Bytes of `bytes` that belong to messages already given out.
    start: usize,
}

/// The stream is not a sequence of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbage(pub String);

impl Decoder {
    /// More bytes have come.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message that is complete.
    pub fn next_message(&mut self) -> Result<Option<(u64, Vec<u8>)>, Garbage> {
        let Some((id, length, header)) = self.header()? else {
            return Ok(None);
        };
        let begin = self.start + header;
        let Some(payload) = self.bytes.get(begin..begin + length) else {
            let missing = begin + length - self.bytes.len();
            self.bytes.reserve(missing); // a long message: no point in growing step by step
            return Ok(None);
        };
        let payload = payload.to_vec();
        self.start = begin + length;
        Ok(Some((id, payload)))
    }

    /// Bytes of a message that is not complete.
    pub fn pending(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Id, payload length and header length of the message at `start`.
    fn header(&self) -> Result<Option<(u64, usize, usize)>, Garbage> {
        let rest = &self.bytes[self.start..];
        let window = &rest[..rest.len().min(LONGEST_HEADER)];
        let mut colons = window.iter().enumerate().filter(|(_, byte)| **byte == b':');
        let (first, second) = (colons.next(), colons.next());
        let garbage = || Garbage(String::from_utf8_lossy(window).into_owned());
        let (Some((first, _)), Some((second, _))) = (first, second) else {
            return match window.len() < LONGEST_HEADER {
                true => Ok(None),
                false => Err(garbage()),
            };
        };
        let number = |bytes: &[u8]| {
            str::from_utf8(bytes)
                .ok()
                .and_then(|text| text.parse().ok())
        };
        let id: Option<u64> = number(&window[..first]);
        let length: Option<u64> = number(&window[first + 1..second]);
        match (id, length) {
            (Some(id), Some(length)) => Ok(Some((id, length as usize, second + 1))),
            _ => Err(garbage()),
        }
    }
}

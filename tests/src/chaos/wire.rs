//! What goes over the wire.
//!
//! A request is a row of cells of 16 bytes, `<connection>.<number>.<place>\n`: any piece of it says where it
//! belongs. The server keeps no state: it answers every piece that a callback gets, with
//! `<worker>:<pid>:<length>:<the piece>`, so a piece that is lost, doubled or out of order shows at the client,
//! whichever process served it. A piece that begins with `!` is an order to the worker ([`super::plan`]).

use std::io::{self, Read};
use std::net::TcpStream;

/// Bytes of a cell.
pub const CELL: usize = 16;

/// Request `number` of `connection`, as so many cells.
pub fn request(connection: usize, number: u64, cells: usize) -> Vec<u8> {
    let cells = (0..cells).map(|place| format!("{connection:02}.{number:07}.{place:04}\n"));
    cells.collect::<String>().into_bytes()
}

/// A piece that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Worker that served it.
    pub worker: u32,
    /// Its process.
    pub pid: i32,
    /// What it got.
    pub piece: Vec<u8>,
}

/// Puts answers together from whatever comes in.
#[derive(Debug, Default)]
pub struct Answers {
    bytes: Vec<u8>,
    start: usize,
}

/// Longest header that makes sense.
const HEADER: usize = 40;

impl Answers {
    /// Read once from the connection; the number of bytes, 0 at its end.
    pub fn fill(&mut self, stream: &mut TcpStream) -> io::Result<usize> {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        let mut room = [0; 64 * 1024];
        let count = stream.read(&mut room)?;
        self.bytes.extend_from_slice(&room[..count]);
        Ok(count)
    }

    /// The next answer that is complete; an error text if this is no stream of answers.
    pub fn next_answer(&mut self) -> Result<Option<Answer>, String> {
        let rest = &self.bytes[self.start..];
        let window = &rest[..rest.len().min(HEADER)];
        let colons = window.iter().enumerate().filter(|(_, byte)| **byte == b':');
        let Some((end, _)) = colons.take(3).nth(2) else {
            return match window.len() < HEADER {
                true => Ok(None),
                false => Err(format!("no answer: {}", String::from_utf8_lossy(window))),
            };
        };
        let header = String::from_utf8_lossy(&window[..end]);
        let mut numbers = header.split(':').map(|text| text.parse::<u64>().ok());
        let (Some(Some(worker)), Some(Some(pid)), Some(Some(length))) =
            (numbers.next(), numbers.next(), numbers.next())
        else {
            return Err(format!("no answer: {header}"));
        };
        let body = end + 1..end + 1 + length as usize;
        let Some(piece) = rest.get(body.clone()) else {
            return Ok(None);
        };
        let answer = Answer {
            worker: worker as u32,
            pid: pid as i32,
            piece: piece.to_vec(),
        };
        self.start += body.end;
        Ok(Some(answer))
    }

    /// Bytes of an answer that is not complete.
    pub fn pending(&self) -> usize {
        self.bytes.len() - self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_put_together_and_garbage_is_told() {
        let mut answers = Answers::default();
        answers.bytes.extend_from_slice(b"3:77:5:he");
        assert_eq!(answers.next_answer(), Ok(None));
        answers.bytes.extend_from_slice(b"llo0:1:0:");
        let first = answers
            .next_answer()
            .map(|found| found.map(|a| (a.worker, a.pid, a.piece)));
        assert_eq!(first, Ok(Some((3, 77, b"hello".to_vec()))));
        assert!(matches!(answers.next_answer(), Ok(Some(empty)) if empty.piece.is_empty()));
        assert_eq!(answers.pending(), 0);
        answers.bytes.extend_from_slice(b"a:b:c:");
        assert!(answers.next_answer().is_err());
    }

    #[test]
    fn every_cell_has_its_length() {
        assert_eq!(request(63, 9_999_999, 6400).len(), 6400 * CELL);
    }
}

//! A short conversation with one worker beside the load: an order, and what comes back.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use super::subject::counters;
use super::wire::{Answer, Answers};

/// A connection of which one knows what the server calls it and who serves it.
#[derive(Debug)]
pub struct Errand {
    stream: TcpStream,
    answers: Answers,
    /// The server's number of the session.
    pub fd: u64,
    /// Worker that serves it.
    pub worker: u32,
    /// Process that was this worker at the beginning.
    pub pid: i32,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The connection was closed or reset.
    Ended(String),
    /// Nothing comes: neither an answer nor the end.
    Hangs,
    /// What comes is no answer.
    Garbage(String),
}

impl Failure {
    /// As the failure of a read or write.
    pub fn of(error: &io::Error) -> Failure {
        match crate::client::is_timeout(error) {
            true => Failure::Hangs,
            false => Failure::Ended(error.kind().to_string()),
        }
    }
}

impl Errand {
    /// Connect and be greeted.
    pub fn begin(port: u16, patience: Duration) -> Result<Errand, Failure> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .map_err(|error| Failure::Ended(format!("connect: {error}")))?;
        let set = stream.set_nodelay(true);
        let set = set.and_then(|()| stream.set_read_timeout(Some(patience)));
        set.and_then(|()| stream.set_write_timeout(Some(patience)))
            .map_err(|error| Failure::of(&error))?;
        let mut errand = Errand {
            stream,
            answers: Answers::default(),
            fd: 0,
            worker: u32::MAX,
            pid: 0,
        };
        errand.send(b"!hello")?;
        let greeting = errand.receive()?;
        let text = String::from_utf8_lossy(&greeting.piece);
        errand.fd = text
            .parse()
            .map_err(|_| Failure::Garbage(format!("greeting: {text}")))?;
        (errand.worker, errand.pid) = (greeting.worker, greeting.pid);
        Ok(errand)
    }

    /// From now on a read that finds nothing for so long is a failure.
    pub fn look_every(&self, pause: Duration) -> Result<(), Failure> {
        let set = self.stream.set_read_timeout(Some(pause));
        set.map_err(|error| Failure::of(&error))
    }

    /// Send.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.stream
            .write_all(bytes)
            .map_err(|error| Failure::of(&error))
    }

    /// The next answer.
    pub fn receive(&mut self) -> Result<Answer, Failure> {
        loop {
            match self.answers.next_answer() {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => {}
                Err(text) => return Err(Failure::Garbage(text)),
            }
            match self.answers.fill(&mut self.stream) {
                Ok(0) if self.answers.pending() > 0 => {
                    let torn = format!(
                        "the end after {} bytes of an answer",
                        self.answers.pending()
                    );
                    return Err(Failure::Garbage(torn));
                }
                Ok(0) => return Err(Failure::Ended("end of file".into())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::of(&error)),
            }
        }
    }

    /// An order and its answer.
    pub fn ask(&mut self, order: &str) -> Result<String, Failure> {
        self.send(order.as_bytes())?;
        let answer = self.receive()?;
        Ok(String::from_utf8_lossy(&answer.piece).into_owned())
    }

    /// The server's counters.
    pub fn stats(&mut self) -> Result<HashMap<String, u64>, Failure> {
        self.ask("!stats").map(|json| counters(&json))
    }
}

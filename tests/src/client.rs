//! A client that numbers its messages and notices whatever happens to them.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::time::Duration;

use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};

use crate::eventually::patience;
use crate::message::{Decoder, encode};

/// How a connection ended, as the client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// In good order.
    Eof,
    /// By a reset, or broken in some other way.
    Reset,
}

/// One connection to a server program.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    decoder: Decoder,
    buffer: Vec<u8>,
    last_id: u64,
}

/// Bytes per read.
const READ: usize = 256 * 1024;

impl Client {
    /// Connect, with a deadline on every later read and write.
    pub fn connect(port: u16) -> io::Result<Client> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience()))?;
        stream.set_write_timeout(Some(patience()))?;
        Ok(Client {
            stream,
            decoder: Decoder::default(),
            buffer: Vec::new(),
            last_id: 0,
        })
    }

    /// Another deadline for reads and writes.
    pub fn with_patience(self, limit: Duration) -> Client {
        let set = self.stream.set_read_timeout(Some(limit));
        set.and_then(|()| self.stream.set_write_timeout(Some(limit)))
            .unwrap_or_else(|e| panic!("{e}"));
        self
    }

    /// Send the next message; returns its id.
    #[track_caller]
    pub fn send(&mut self, payload: impl AsRef<[u8]>) -> u64 {
        self.try_send(payload)
            .unwrap_or_else(|error| panic!("send: {error}"))
    }

    /// As [`Client::send`], for a connection that may have ended.
    pub fn try_send(&mut self, payload: impl AsRef<[u8]>) -> io::Result<u64> {
        let bytes = self.number(payload);
        self.stream.write_all(&bytes)?;
        Ok(self.last_id)
    }

    /// The next message as bytes, for a caller who sends them in a way of its own.
    pub fn number(&mut self, payload: impl AsRef<[u8]>) -> Vec<u8> {
        self.last_id += 1;
        encode(self.last_id, payload.as_ref())
    }

    /// Send bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next message. Panics at the deadline, on garbage, and if the end comes within a message.
    #[track_caller]
    pub fn receive(&mut self) -> Result<(u64, Vec<u8>), Ending> {
        loop {
            match self.decoder.next_message() {
                Ok(Some(message)) => return Ok(message),
                Ok(None) => {}
                Err(garbage) => panic!("{garbage:?} came"),
            }
            self.buffer.resize(READ, 0);
            match self.stream.read(&mut self.buffer) {
                Ok(0) => {
                    let torn = self.decoder.pending();
                    assert_eq!(torn, 0, "the connection ended within a message");
                    return Err(Ending::Eof);
                }
                Ok(count) => self.decoder.push(&self.buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => {
                    panic!(
                        "no answer in time, {} bytes of it are there",
                        self.decoder.pending()
                    )
                }
                Err(_) => return Err(Ending::Reset),
            }
        }
    }

    /// The answer to message `id`, as text; panics if another comes, or none.
    #[track_caller]
    pub fn expect(&mut self, id: u64) -> String {
        match self.receive() {
            Ok((came, payload)) => {
                assert_eq!(came, id, "order of answers");
                String::from_utf8_lossy(&payload).into_owned()
            }
            Err(ending) => panic!("{ending:?} instead of the answer to message {id}"),
        }
    }

    /// Send a message and wait for its answer.
    #[track_caller]
    pub fn ask(&mut self, payload: impl AsRef<[u8]>) -> String {
        let id = self.send(payload);
        self.expect(id)
    }

    /// As [`Client::ask`], for a connection that may have ended.
    #[track_caller]
    pub fn try_ask(&mut self, payload: impl AsRef<[u8]>) -> Result<String, Ending> {
        let id = self.try_send(payload).map_err(|_| Ending::Reset)?;
        let (came, answer) = self.receive()?;
        assert_eq!(came, id, "order of answers");
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// A question whose answer is a number.
    #[track_caller]
    pub fn ask_number(&mut self, payload: &str) -> u64 {
        let answer = self.ask(payload);
        answer
            .parse()
            .unwrap_or_else(|_| panic!("{payload}: {answer}"))
    }

    /// The server's counters.
    #[track_caller]
    pub fn stats(&mut self) -> HashMap<String, u64> {
        let answer = self.ask("!stats");
        let pairs = answer.split(' ').filter_map(|pair| pair.split_once('='));
        pairs
            .map(|(key, value)| (key.into(), value.parse().unwrap_or(u64::MAX)))
            .collect()
    }

    /// One of the server's counters.
    #[track_caller]
    pub fn stat(&mut self, key: &str) -> u64 {
        self.stats()[key]
    }

    /// What the server says of a worker, the process that answers included.
    #[track_caller]
    pub fn report(&mut self, worker: u32) -> HashMap<String, String> {
        let answer = self.ask(format!("!report {worker}"));
        let pairs = answer.split(' ').filter_map(|pair| pair.split_once('='));
        pairs
            .map(|(key, value)| (key.into(), value.into()))
            .collect()
    }

    /// Wait for the end of the connection; panics if a message comes instead.
    #[track_caller]
    pub fn ending(&mut self) -> Ending {
        match self.receive() {
            Ok((id, payload)) => {
                let text = String::from_utf8_lossy(&payload[..payload.len().min(80)]).into_owned();
                panic!("message {id} instead of the end: {text}")
            }
            Err(ending) => ending,
        }
    }

    /// Wait for the end, and count the messages before it.
    #[track_caller]
    pub fn drain(&mut self) -> (usize, Ending) {
        let mut count = 0;
        loop {
            match self.receive() {
                Ok(_) => count += 1,
                Err(ending) => return (count, ending),
            }
        }
    }

    /// Whether anything, the end included, can be read at this moment.
    pub fn has_input(&mut self) -> bool {
        if self.decoder.pending() > 0 {
            return true;
        }
        let set = self.stream.set_nonblocking(true);
        let peeked = self.stream.peek(&mut [0; 1]);
        let unset = self.stream.set_nonblocking(false);
        set.and(unset).unwrap_or_else(|error| panic!("{error}"));
        !matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Close the sending half: the server sees the end of input, answers still arrive.
    pub fn finish_sending(&self) {
        let _ = self.stream.shutdown(Shutdown::Write); // fails only if the connection has gone
    }

    /// End the connection with a reset instead of a farewell.
    pub fn reset(self) {
        let linger = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        let set = setsockopt(&self.stream, sockopt::Linger, &linger);
        set.unwrap_or_else(|error| panic!("SO_LINGER: {error}"));
    }

    /// A receive buffer of about `bytes`, so that little is in flight to a client that does not read.
    pub fn shrink_receive_buffer(&self, bytes: usize) {
        let set = setsockopt(&self.stream, sockopt::RcvBuf, &bytes);
        set.unwrap_or_else(|error| panic!("SO_RCVBUF: {error}"));
    }

    /// The socket itself.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

/// A read or write that ran into its deadline.
pub fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

//! A plain HTTP client, as simple as the endpoint it talks to: one request, the answer up to the end of
//! the connection.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::eventually::patience;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Header lines, as they came.
    pub headers: Vec<(String, String)>,
    /// Everything after the headers.
    pub body: String,
}

impl Answer {
    /// A header's value; names are compared without regard to case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Read the answer that comes before the end of the connection. `None` if the end comes at once.
    pub fn read(mut from: impl Read) -> io::Result<Option<Answer>> {
        let mut text = String::new();
        from.read_to_string(&mut text)?;
        if text.is_empty() {
            return Ok(None);
        }
        let garbage = || io::Error::other(format!("no HTTP answer: {text:?}"));
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(garbage)?;
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1.1 "))
            .and_then(|line| line.get(..3)?.parse().ok())
            .ok_or_else(garbage)?;
        let headers = lines
            .map(|line| line.split_once(": ").ok_or_else(garbage))
            .map(|pair| pair.map(|(key, value)| (key.to_string(), value.to_string())))
            .collect::<io::Result<_>>()?;
        Ok(Some(Answer {
            status,
            headers,
            body: body.to_string(),
        }))
    }
}

/// A connection, with a deadline on every read and write.
pub fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(patience()))?;
    stream.set_write_timeout(Some(patience()))?;
    Ok(stream)
}

/// Send these bytes on a connection of their own, and read the answer.
pub fn exchange(port: u16, request: &[u8]) -> io::Result<Answer> {
    let mut stream = connect(port)?;
    stream.write_all(request)?;
    Answer::read(stream)?.ok_or_else(|| io::Error::other("closed without an answer"))
}

/// GET a path.
pub fn try_get(port: u16, path: &str) -> io::Result<Answer> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
    exchange(port, request.as_bytes())
}

/// GET a path; panics if there is no answer.
#[track_caller]
pub fn get(port: u16, path: &str) -> Answer {
    try_get(port, path).unwrap_or_else(|error| panic!("GET {path}: {error}"))
}

/// GET a path of an endpoint on a unix socket.
pub fn get_unix(socket: &Path, path: &str) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(patience()))?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    Answer::read(stream)?.ok_or_else(|| io::Error::other("closed without an answer"))
}

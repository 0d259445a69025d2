//! Living without descriptors. When accept(2) fails because the process (or the system) has no descriptor left, the
//! client stays in the queue, connected and unanswered, and the socket stays readable. A descriptor kept in reserve is
//! given up for one client, who is told by an end of file, and taken back.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;

use nix::errno::Errno;

use super::listener::Listener;
use super::stream::{self, Io};

/// What became of the client at the head of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It has been told. There may be more behind it.
    Refused,
    /// There was none.
    Nobody,
    /// Nothing could be done: another thread was quicker to use the descriptor, or the whole system has none. Try again
    /// after a pause.
    Helpless,
}

/// A descriptor to give up.
#[derive(Debug)]
pub(crate) struct Reserve(Option<File>);

/// What is read of a refused client's first words: bytes that are left unread turn the end of file into a reset.
const FAREWELL_BYTES: usize = 64 << 10;

impl Reserve {
    pub(crate) fn new() -> io::Result<Reserve> {
        Ok(Reserve(Some(spare()?)))
    }

    /// Whether a failed accept(2) is what this is for.
    pub(crate) fn is_for(error: &io::Error) -> bool {
        matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
    }

    /// Refuse the client that has waited longest.
    pub(crate) fn refuse_one(&mut self, listener: &Listener) -> Refusal {
        self.0 = None;
        let refusal = loop {
            match listener.accept() {
                Ok((client, _)) => {
                    say_goodbye(client);
                    break Refusal::Refused;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break Refusal::Nobody,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.raw_os_error() == Some(Errno::ECONNABORTED as i32) => {
                    break Refusal::Refused; // it has left by itself
                }
                Err(_) => break Refusal::Helpless,
            }
        };
        self.0 = spare().ok(); // none: the next call makes do without, and tries again
        refusal
    }
}

fn spare() -> io::Result<File> {
    File::open("/dev/null")
}

fn say_goodbye(client: OwnedFd) {
    stream::end_output(&client);
    let mut heard = [0; 4096];
    for _ in 0..FAREWELL_BYTES / heard.len() {
        match stream::read(&client, &mut heard) {
            Io::Bytes(count) if count == heard.len() => {}
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests;

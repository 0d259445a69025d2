//! What `Event::write` could not write yet to one descriptor.
//!
//! A peer that does not read must cost neither more memory than a limit nor more time than what it is sent: so what waits
//! lies in pieces that are dropped one by one. Bytes of a stream are put together; a message stays one.

use std::collections::VecDeque;
use std::io;

/// Length up to which bytes of a stream share a piece.
const PIECE: usize = 64 << 10;
/// Most bytes that a pipe takes without waiting once it is writable (`PIPE_BUF`).
const PIPE_BUF: usize = 4096;
/// What a waiting message costs besides its bytes.
const MESSAGE: usize = 64;

/// Why nothing of a write was taken.
pub(super) enum Refusal {
    /// As much waits already as may.
    Full,
    /// What the system says. Nothing waits any more.
    Broken(io::Error),
}

#[derive(Default)]
pub(super) struct Outgoing {
    pieces: VecDeque<Vec<u8>>,
    /// Bytes of the first piece that are written.
    begun: usize,
    /// What waits costs so much.
    cost: usize,
    /// Whether the descriptor is a socket with messages, as far as that is known.
    messages: Option<bool>,
}

impl Outgoing {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Write `data` as far as that can be done without waiting; the rest waits. Refused if it would wait with others that cost
    /// too much together with it.
    pub(super) fn write(&mut self, fd: i32, data: &[u8], limit: usize) -> Result<(), Refusal> {
        self.flush(fd).map_err(Refusal::Broken)?;
        if !self.is_empty() {
            if self.cost.saturating_add(data.len()) > limit {
                return Err(Refusal::Full);
            }
            self.append(fd, data);
            return Ok(());
        }
        let mut written = 0;
        while let Some(rest) = data.get(written..).filter(|rest| !rest.is_empty()) {
            match attempt(fd, rest).map_err(Refusal::Broken)? {
                Some(count) => written += count,
                None => {
                    self.append(fd, rest);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Write what can be written without waiting. An error drops the rest.
    pub(super) fn flush(&mut self, fd: i32) -> io::Result<()> {
        while let Some(piece) = self.pieces.front() {
            match attempt(fd, piece.get(self.begun..).unwrap_or_default()) {
                Ok(Some(count)) => self.written(count),
                Ok(None) => return Ok(()),
                Err(error) => {
                    *self = Outgoing {
                        messages: self.messages,
                        ..Outgoing::default()
                    };
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn written(&mut self, count: usize) {
        self.begun += count;
        let Some(piece) = self.pieces.front() else {
            return;
        };
        let done = match self.messages {
            Some(true) => piece.len() + MESSAGE, // a message is written whole, or cut by its reader
            _ if self.begun < piece.len() => return,
            _ => piece.len(),
        };
        self.cost = self.cost.saturating_sub(done);
        self.begun = 0;
        self.pieces.pop_front();
        if self.pieces.is_empty() {
            self.pieces = VecDeque::new();
        }
    }

    fn append(&mut self, fd: i32, data: &[u8]) {
        let messages = *self.messages.get_or_insert_with(|| has_messages(fd));
        if messages {
            self.cost += data.len() + MESSAGE;
            self.pieces.push_back(data.to_vec());
            return;
        }
        self.cost += data.len();
        let room = (self.pieces.back()).map_or(0, |last| PIECE.saturating_sub(last.len()));
        let (fits, rest) = data.split_at(room.min(data.len()));
        if let Some(last) = self.pieces.back_mut() {
            last.extend_from_slice(fits);
        }
        if !rest.is_empty() {
            self.pieces.push_back(rest.to_vec());
        }
    }
}

/// Whether what is written to a descriptor comes in messages.
fn has_messages(fd: i32) -> bool {
    let mut kind = 0i32;
    let mut length = size_of::<i32>() as libc::socklen_t;
    let at = (&raw mut kind).cast();
    // SAFETY: room for one number of that length; a bad descriptor is refused by the system.
    let got = unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_TYPE, at, &raw mut length) };
    got == 0 && kind != libc::SOCK_STREAM
}

/// One write. None: it would have to wait.
fn attempt(fd: i32, data: &[u8]) -> io::Result<Option<usize>> {
    loop {
        match write_some(fd, data) {
            Ok(count) => return Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The descriptor may be blocking, as the script has it: so sockets are told not to wait, and others are asked first.
fn write_some(fd: i32, data: &[u8]) -> io::Result<usize> {
    // SAFETY: readable bytes of that length; a bad descriptor is refused by the system.
    let mut count = unsafe {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        libc::send(fd, data.as_ptr().cast(), data.len(), flags)
    };
    if count < 0 && io::Error::last_os_error().raw_os_error() == Some(libc::ENOTSOCK) {
        let mut poll = libc::pollfd {
            fd,
            events: libc::POLLOUT,
            revents: 0,
        };
        // SAFETY: one valid struct; then readable bytes, no more than a writable pipe takes at once.
        count = unsafe {
            if libc::poll(&raw mut poll, 1, 0) != 1 || poll.revents & libc::POLLOUT == 0 {
                let broken = poll.revents & (libc::POLLERR | libc::POLLNVAL) != 0;
                return Err(match broken {
                    true => io::Error::from_raw_os_error(libc::EPIPE),
                    false => io::ErrorKind::WouldBlock.into(),
                });
            }
            libc::write(fd, data.as_ptr().cast(), data.len().min(PIPE_BUF))
        };
    }
    match usize::try_from(count) {
        Ok(count) => Ok(count),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

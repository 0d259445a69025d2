//! What waits to be written to one client, gathered so that a batch costs one write.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use crate::net::stream::{self, Io};

/// Appending goes on in the last chunk up to this size.
const CHUNK: usize = 64 * 1024;
/// Emptied chunks kept for reuse, per reactor.
const SPARES: usize = 64;

/// Buffers that connections of one reactor lend from, so that an idle connection holds none.
#[derive(Default)]
pub(super) struct Spares(Vec<Vec<u8>>);

impl Spares {
    fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    fn give(&mut self, mut chunk: Vec<u8>) {
        if self.0.len() < SPARES && chunk.capacity() <= CHUNK {
            chunk.clear();
            self.0.push(chunk);
        }
    }
}

/// Bytes for one client, in order.
#[derive(Default)]
pub(super) struct Outbox {
    chunks: VecDeque<Vec<u8>>,
    /// Bytes of the first chunk that are written already.
    offset: usize,
    bytes: u64,
}

/// What [`Outbox::flush`] left behind.
pub(super) enum Left {
    /// Nothing.
    Nothing,
    /// The socket takes no more now.
    Blocked,
    /// The connection is broken, with this errno.
    Broken(i32),
}

impl Outbox {
    pub(super) fn len(&self) -> u64 {
        self.bytes
    }

    /// Copy `bytes` behind what waits already.
    pub(super) fn append(&mut self, bytes: &[u8], spares: &mut Spares) {
        self.bytes += bytes.len() as u64;
        match self.chunks.back_mut() {
            Some(last) if last.len() + bytes.len() <= CHUNK => last.extend_from_slice(bytes),
            _ => {
                let mut chunk = spares.take();
                chunk.extend_from_slice(bytes);
                self.chunks.push_back(chunk);
            }
        }
    }

    /// Take over a long message without copying it.
    pub(super) fn append_owned(&mut self, bytes: Vec<u8>) {
        self.bytes += bytes.len() as u64;
        self.chunks.push_back(bytes);
    }

    /// The bytes that come next, as many as lie together.
    pub(super) fn front(&self) -> Option<&[u8]> {
        self.chunks.front().map(|chunk| &chunk[self.offset..])
    }

    /// So many of them have been dealt with.
    pub(super) fn consume(&mut self, count: usize, spares: &mut Spares) {
        let Some(chunk) = self.chunks.front() else {
            return;
        };
        self.offset += count;
        self.bytes -= count as u64;
        if self.offset == chunk.len() {
            self.offset = 0;
            let emptied = self.chunks.pop_front();
            emptied.into_iter().for_each(|chunk| spares.give(chunk));
        }
        if self.chunks.is_empty() && self.chunks.capacity() > 8 {
            self.chunks = VecDeque::new(); // a burst is over
        }
    }

    /// Write until empty or the socket is full.
    pub(super) fn flush(&mut self, socket: &OwnedFd, spares: &mut Spares) -> Left {
        while let Some(bytes) = self.front() {
            match stream::write(socket, bytes) {
                Io::Bytes(count) => self.consume(count, spares),
                Io::WouldBlock => return Left::Blocked,
                Io::Broken(errno) => return Left::Broken(errno),
            }
        }
        Left::Nothing
    }

    /// Forget everything; returns how much it was.
    pub(super) fn clear(&mut self) -> u64 {
        self.chunks = VecDeque::new();
        self.offset = 0;
        std::mem::take(&mut self.bytes)
    }
}

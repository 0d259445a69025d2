//! What waits to be written to one client, gathered so that a batch costs one write.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::ops::Sub;
use std::os::fd::OwnedFd;

use super::file_range::{FileFault, FileRange, Sent};
use crate::net::stream::{self, Io};

/// Appending goes on in the last chunk up to this size.
const CHUNK: usize = 64 * 1024;
/// Emptied chunks kept for reuse, per reactor.
const SPARES: usize = 64;
/// Chunks written by one call.
const SLICES: usize = 16;
/// Bytes written to one client before others get their turn: a fast one would never be full.
pub(super) const BYTES_PER_TURN: u64 = 4 << 20;

/// Buffers that connections of one reactor lend from, so that an idle connection holds none.
#[derive(Default)]
pub(super) struct Spares(Vec<Vec<u8>>);

impl Spares {
    fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_default()
    }

    fn give(&mut self, mut chunk: Vec<u8>) {
        if self.0.len() < SPARES && (1..=CHUNK).contains(&chunk.capacity()) {
            chunk.clear();
            self.0.push(chunk);
        }
    }
}

/// What waits for a client, or has left the queue: bytes of sends, and those of files apart, because only the first
/// count against `socket_buffer_size`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) sends: u64,
    pub(super) files: u64,
    /// Open descriptors, of long sends too.
    pub(super) descriptors: u32,
}

impl Amount {
    pub(super) fn bytes(self) -> u64 {
        self.sends + self.files
    }
}

impl Sub for Amount {
    type Output = Amount;

    fn sub(self, less: Amount) -> Amount {
        Amount {
            sends: self.sends - less.sends,
            files: self.files - less.files,
            descriptors: self.descriptors - less.descriptors,
        }
    }
}

enum Chunk {
    Bytes(Vec<u8>),
    File(FileRange),
}

/// Bytes and parts of files for one client, in order.
#[derive(Default)]
pub(super) struct Outbox {
    chunks: VecDeque<Chunk>,
    /// Bytes of the first chunk that are written already, if it is one of bytes.
    offset: usize,
    waiting: Amount,
}

/// What [`Outbox::flush`] left behind.
pub(super) enum Left {
    /// Nothing.
    Nothing,
    /// Something that the socket would take; but others come first now.
    More,
    /// The socket takes no more now.
    Blocked,
    /// The connection is broken, with this errno.
    Broken(i32),
    /// The file that comes next cannot be sent to its end.
    Fault(FileFault),
}

impl Outbox {
    /// Bytes that wait.
    pub(super) fn len(&self) -> u64 {
        self.waiting.bytes()
    }

    pub(super) fn waiting(&self) -> Amount {
        self.waiting
    }

    /// Copy `bytes` behind what waits already.
    pub(super) fn append(&mut self, bytes: &[u8], spares: &mut Spares) {
        self.waiting.sends += bytes.len() as u64;
        match self.chunks.back_mut() {
            Some(Chunk::Bytes(last)) if last.len() + bytes.len() <= CHUNK => {
                last.extend_from_slice(bytes);
            }
            _ => {
                let mut chunk = spares.take();
                chunk.extend_from_slice(bytes);
                self.chunks.push_back(Chunk::Bytes(chunk));
            }
        }
    }

    /// Take over a long message without copying it.
    pub(super) fn append_owned(&mut self, bytes: Vec<u8>) {
        self.waiting.sends += bytes.len() as u64;
        self.chunks.push_back(Chunk::Bytes(bytes));
    }

    /// Part of a file comes next.
    pub(super) fn append_file(&mut self, range: FileRange) {
        match range.is_memory() {
            true => self.waiting.sends += range.left(),
            false => self.waiting.files += range.left(),
        }
        self.waiting.descriptors += 1;
        self.chunks.push_back(Chunk::File(range));
    }

    /// The bytes that come next, as many as lie together. Part of a file is read now.
    pub(super) fn front(&mut self, spares: &mut Spares) -> Result<Option<&[u8]>, FileFault> {
        match self.chunks.front_mut() {
            None => Ok(None),
            Some(Chunk::Bytes(chunk)) => Ok(Some(&chunk[self.offset..])),
            Some(Chunk::File(range)) => range.front(|| spares.take()).map(Some),
        }
    }

    /// So many of them have been dealt with.
    pub(super) fn consume(&mut self, count: usize, spares: &mut Spares) {
        let mut count = count;
        while let Some(chunk) = self.chunks.front_mut() {
            let emptied = match chunk {
                Chunk::Bytes(bytes) => {
                    let here = count.min(bytes.len() - self.offset);
                    self.offset += here;
                    self.waiting.sends -= here as u64;
                    count -= here;
                    (self.offset == bytes.len()).then(|| std::mem::take(bytes))
                }
                Chunk::File(range) => {
                    let here = (count as u64).min(range.left());
                    match range.is_memory() {
                        true => self.waiting.sends -= here,
                        false => self.waiting.files -= here,
                    }
                    count -= here as usize;
                    range.advance(here).then(|| range.take_buffer())
                }
            };
            let Some(emptied) = emptied else { break };
            spares.give(emptied);
            self.offset = 0;
            if let Some(Chunk::File(_)) = self.chunks.pop_front() {
                self.waiting.descriptors -= 1;
            }
            if count == 0 {
                break;
            }
        }
        if self.chunks.is_empty() && self.chunks.capacity() > 8 {
            self.chunks = VecDeque::new(); // a burst is over
        }
    }

    /// Write until empty, the socket is full, or others shall have their turn.
    pub(super) fn flush(&mut self, socket: &OwnedFd, spares: &mut Spares) -> Left {
        let mut budget = BYTES_PER_TURN;
        loop {
            let io = match self.chunks.front_mut() {
                None => return Left::Nothing,
                Some(_) if budget == 0 => return Left::More,
                Some(Chunk::Bytes(_)) => self.write_gathered(socket),
                Some(Chunk::File(range)) => match range.send(socket) {
                    Sent::Bytes(count) => Io::Bytes(count as usize),
                    Sent::Blocked => Io::WouldBlock,
                    Sent::Broken(errno) => Io::Broken(errno),
                    Sent::Fault(fault) => return Left::Fault(fault),
                    Sent::NotThisWay => match range.front(|| spares.take()) {
                        Ok(bytes) => stream::write(socket, bytes),
                        Err(fault) => return Left::Fault(fault),
                    },
                },
            };
            match io {
                Io::Bytes(count) => {
                    self.consume(count, spares);
                    budget = budget.saturating_sub(count as u64);
                }
                Io::WouldBlock => return Left::Blocked,
                Io::Broken(errno) => return Left::Broken(errno),
            }
        }
    }

    /// Write the chunks of bytes at the front. The beginning of a file that follows travels with their last segment.
    fn write_gathered(&self, socket: &OwnedFd) -> Io {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        let mut then_file = false;
        for chunk in &self.chunks {
            let (Chunk::Bytes(bytes), Some(slice)) = (chunk, slices.get_mut(count)) else {
                then_file = matches!(chunk, Chunk::File(_));
                break;
            };
            let written = if count == 0 { self.offset } else { 0 };
            *slice = IoSlice::new(&bytes[written..]);
            count += 1;
        }
        match (count, then_file) {
            (1, false) => stream::write(socket, &slices[0]),
            _ => stream::write_gathered(socket, &slices[..count], then_file),
        }
    }

    /// Forget everything; returns how much it was.
    pub(super) fn clear(&mut self) -> Amount {
        self.chunks = VecDeque::new();
        self.offset = 0;
        std::mem::take(&mut self.waiting)
    }
}

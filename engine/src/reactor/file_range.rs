//! Part of a file on its way to a client.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;

use crate::net::stream::{self, Io};
use crate::sys::file;

/// The most that is asked of one sendfile(2): a disk may have to be waited for.
const STEP: u64 = 1 << 20;
/// What is read at a time where the kernel does not send by itself: under TLS, and from file systems that cannot.
const BLOCK: usize = 64 * 1024;

/// Why a file cannot be sent to the end that was promised.
#[derive(Debug)]
pub(super) enum FileFault {
    /// It has become shorter.
    Shorter,
    Read(io::Error),
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileFault::Shorter => f.write_str("it has become shorter"),
            FileFault::Read(error) => error.fmt(f),
        }
    }
}

/// What [`FileRange::send`] did.
pub(super) enum Sent {
    Bytes(u64),
    Blocked,
    Broken(i32),
    Fault(FileFault),
    /// By way of [`FileRange::front`] only.
    NotThisWay,
}

/// Bytes of a file that wait for a client. The descriptor is closed with it.
pub(super) struct FileRange {
    file: File,
    /// The next byte to be written.
    offset: u64,
    left: u64,
    /// A long send, put aside by its sender: as it leaves, its memory goes back. Up to here it has.
    memory: Option<u64>,
    /// For [`FileRange::front`]: what was read, and how much of that is written.
    block: Vec<u8>,
    taken: usize,
    copies: bool,
}

impl FileRange {
    /// Part of a file in a file system.
    pub(super) fn of_file(file: OwnedFd, offset: u64, length: u64) -> FileRange {
        FileRange {
            file: file.into(),
            offset,
            left: length,
            memory: None,
            block: Vec::new(),
            taken: 0,
            copies: false,
        }
    }

    /// A whole memory file, which nobody else reads.
    pub(super) fn of_memory(file: OwnedFd, length: u64) -> FileRange {
        FileRange {
            memory: Some(0),
            ..FileRange::of_file(file, 0, length)
        }
    }

    pub(super) fn left(&self) -> u64 {
        self.left
    }

    pub(super) fn is_memory(&self) -> bool {
        self.memory.is_some()
    }

    /// Let the kernel write some of it.
    pub(super) fn send(&mut self, socket: &OwnedFd) -> Sent {
        if self.copies {
            return Sent::NotThisWay;
        }
        let count = self.left.min(STEP);
        let mut offset = self.offset;
        match stream::send_file(socket, self.file.as_fd(), &mut offset, count) {
            Io::Bytes(0) => Sent::Fault(FileFault::Shorter),
            Io::Bytes(count) => Sent::Bytes(count as u64),
            Io::WouldBlock => Sent::Blocked,
            Io::Broken(errno) if stream::has_no_sendfile(errno) => {
                self.copies = true;
                Sent::NotThisWay
            }
            Io::Broken(errno) if stream::ends_connection(errno) => Sent::Broken(errno),
            Io::Broken(errno) => Sent::Fault(FileFault::Read(io::Error::from_raw_os_error(errno))),
        }
    }

    /// The bytes that come next, read if need be. `buffer`: where to read, for the first time.
    pub(super) fn front(&mut self, buffer: impl FnOnce() -> Vec<u8>) -> Result<&[u8], FileFault> {
        if self.taken == self.block.len() {
            if self.block.capacity() == 0 {
                self.block = buffer();
            }
            self.block.resize(self.left.min(BLOCK as u64) as usize, 0);
            self.taken = 0;
            let count = self.read_block();
            self.block.truncate(*count.as_ref().unwrap_or(&0));
            match count {
                Ok(0) => return Err(FileFault::Shorter),
                Ok(_) => {}
                Err(error) => return Err(FileFault::Read(error)),
            }
        }
        Ok(&self.block[self.taken..])
    }

    fn read_block(&mut self) -> io::Result<usize> {
        loop {
            match self.file.read_at(&mut self.block, self.offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                count => return count,
            }
        }
    }

    /// So many bytes are written. True: that was the last of them.
    pub(super) fn advance(&mut self, count: u64) -> bool {
        self.offset += count;
        self.left = self.left.saturating_sub(count);
        self.taken = (self.taken + count as usize).min(self.block.len());
        if let Some(freed) = self.memory
            && self.left > 0
        {
            self.memory = Some(file::free_behind(&self.file, freed, self.offset));
        }
        self.left == 0
    }

    /// What [`FileRange::front`] was lent.
    pub(super) fn take_buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.block)
    }
}

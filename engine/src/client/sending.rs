//! `send`, `sendto`, `sendfile`.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::connection::{Connection, End, errno};
use super::fault::ClientError;
use crate::error::code;
use crate::net::dial;
use crate::net::stream::{self, Io};
use crate::net::target::Target;
use crate::net::waiting::{self, Deadline, Until};
use crate::sys::file::{self, CannotOpen};

/// What is read of a file where the kernel does not send it by itself.
const BLOCK: u64 = 64 * 1024;

impl Connection {
    /// Send all of it. Less is a success too: the time was over, and so many bytes are on their way.
    pub(super) fn send(
        &mut self,
        bytes: &[u8],
        urgent: bool,
        deadline: Deadline,
    ) -> Result<usize, ClientError> {
        if self.kind.is_datagram() {
            return match self.target {
                Some(target) => self.send_to(bytes, &target, deadline),
                None => self.send_datagram(deadline, |socket| dial::write(socket, bytes, urgent)),
            };
        }
        if let Some(End::Broken(code)) = self.end {
            return Err(code.into());
        }
        if urgent && self.tls.is_some() {
            return Err(errno::EINVAL.into());
        }
        let mut sent = 0;
        while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
            match self.push(rest, urgent, deadline) {
                Ok(count) => sent += count,
                Err(error) if sent > 0 && error.code() == errno::EAGAIN => break,
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }

    /// Send one datagram to somebody.
    pub(super) fn send_to(
        &mut self,
        bytes: &[u8],
        target: &Target,
        deadline: Deadline,
    ) -> Result<usize, ClientError> {
        let kind = self.kind;
        self.send_datagram(deadline, |socket| {
            dial::write_datagram(socket, kind, bytes, target)
        })
    }

    fn send_datagram(
        &mut self,
        deadline: Deadline,
        send: impl Fn(&std::os::fd::OwnedFd) -> Io,
    ) -> Result<usize, ClientError> {
        loop {
            match send(&self.socket) {
                Io::Bytes(count) => return Ok(count),
                Io::Broken(number) => return Err(number.into()),
                // A unix socket whose reader's queue is full; poll(2) knows that of a connected one only, so short
                // rests besides.
                Io::WouldBlock => {
                    if !waiting::wait(&self.socket, Until::Writable, deadline)? {
                        return Err(errno::EAGAIN.into());
                    }
                    if waiting::rest(deadline) {
                        return Err(errno::EAGAIN.into());
                    }
                }
            }
        }
    }

    /// Send a part of a file; `length` 0: to its end.
    pub(super) fn send_file(
        &mut self,
        path: &Path,
        offset: u64,
        length: u64,
        deadline: Deadline,
    ) -> Result<(), ClientError> {
        if let Some(End::Broken(code)) = self.end {
            return Err(code.into());
        }
        let found = file::open(path).map_err(|error| match error {
            CannotOpen::NotRegular => ClientError::from(code::NOT_REGULAR_FILE),
            CannotOpen::System(error) => error.raw_os_error().unwrap_or(errno::EINVAL).into(),
        })?;
        let rest = found.size.saturating_sub(offset);
        if rest == 0 {
            return Err(code::FILE_EMPTY.into());
        }
        if length > rest {
            let text = format!("the file has {} bytes", found.size);
            return Err(ClientError::with(code::INVALID_PARAMS, text));
        }
        let length = if length == 0 { rest } else { length };
        file::read_ahead(&found.file, offset, length);
        let (mut at, end) = (offset, offset + length);
        if self.tls.is_none() {
            while at < end {
                let left = end - at;
                match dial::send_file(&self.socket, found.file.as_fd(), &mut at, left) {
                    Io::Bytes(0) => return Err(shortened(at - offset)),
                    Io::Bytes(_) => {}
                    Io::WouldBlock if waiting::wait(&self.socket, Until::Writable, deadline)? => {}
                    Io::WouldBlock => return Err(in_part(at - offset)),
                    Io::Broken(number) if stream::has_no_sendfile(number) => break,
                    Io::Broken(number) => return Err(number.into()),
                }
            }
        }
        let source = File::from(found.file);
        let mut block = vec![0; BLOCK.min(end - at) as usize];
        while at < end {
            let most = BLOCK.min(end - at) as usize;
            let room = block.get_mut(..most).unwrap_or_default();
            let count = match source.read_at(room, at) {
                Ok(0) => return Err(shortened(at - offset)),
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.raw_os_error().unwrap_or(errno::EINVAL).into()),
            };
            let sent = match self.send(room.get(..count).unwrap_or_default(), false, deadline) {
                Err(error) if error.code() == errno::EAGAIN => return Err(in_part(at - offset)),
                other => other?,
            };
            at += sent as u64;
            if sent < count {
                return Err(in_part(at - offset));
            }
        }
        Ok(())
    }
}

fn in_part(sent: u64) -> ClientError {
    ClientError::with(errno::EAGAIN, format!("{sent} bytes were sent"))
}

/// The file has become shorter under way. The peer waits for what does not exist, and only the caller knows what to say.
fn shortened(sent: u64) -> ClientError {
    let text = format!("the file has become shorter, {sent} bytes were sent");
    ClientError::with(code::FILE_EMPTY, text)
}

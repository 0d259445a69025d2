//! Files to clients, and sends so long that they go as files.
//!
//! The descriptor travels beside the lane (see [`crate::net::handover`]), first; the message that names it keeps the
//! order among everything this process sends.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use super::{Context, Refused, Role};
use crate::error::code;
use crate::ipc::frame::{FileOrder, Head, Kind};
use crate::session::SessionId;
use crate::session::table::{Slot, state};
use crate::sync::Ordering;
use crate::sys::file::{self, CannotOpen};

/// The longest name of a file; the reference's limit.
const NAME_MAX: usize = 8135;
/// Files that may wait for one client: each is a descriptor of the master's.
const FILES_MAX: u32 = 256;
/// How long to wait for a reactor that reads no descriptors; it takes them whenever it reads its lanes.
const PATIENCE: Duration = Duration::from_secs(5);

/// As the log has the errors of the system.
fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(errno) => format!("{}[{errno}]", crate::error::text(errno)),
        None => error.to_string(),
    }
}

impl Context {
    /// Send part of a file to a session: `length` bytes from `offset` on, or with `length` 0 all to the end.
    ///
    /// The file is opened and looked at here and now, and its descriptor is handed to the reactor. Ok means queued, in
    /// order with what this process sent before; the file may be replaced or removed then. Should it become shorter
    /// before it has been sent, or reading fail, the session is closed with a warning.
    ///
    /// What waits of files does not count against `socket_buffer_size`: it takes no memory. Refused: 503 in the master;
    /// 504 the name is too long; 502 no such file, or nothing at `offset`; 9013 not a regular file; 505 the range goes
    /// beyond the end; 1005 no such session; 1004 closed; 1009 256 files wait for this client already.
    pub fn send_file(
        &self,
        session: SessionId,
        path: impl AsRef<Path>,
        offset: u64,
        length: u64,
    ) -> Result<(), Refused> {
        let path = path.as_ref();
        if self.role() == Role::Master {
            return self.refuse_file(
                code::FATAL,
                format_args!(
                    "can't sendfile[{}] to the connections in master process",
                    path.display()
                ),
            );
        }
        let name = path.as_os_str().as_bytes();
        if name.len() > NAME_MAX {
            let start = String::from_utf8_lossy(name.get(..8).unwrap_or_default());
            return self.refuse_file(
                code::NAME_TOO_LONG,
                format_args!(
                    "sendfile name[{start}...] length {} is exceed the max name len {NAME_MAX}",
                    name.len()
                ),
            );
        }
        let found = match file::open(path) {
            Ok(found) => found,
            Err(CannotOpen::NotRegular) => {
                return self.refuse_file(
                    code::NOT_REGULAR_FILE,
                    format_args!("the path[{}] given is not a regular file", path.display()),
                );
            }
            Err(CannotOpen::System(error)) => {
                return self.refuse_file(
                    code::SYSTEM_CALL_FAIL,
                    format_args!("stat({}) failed, Error: {}", path.display(), reason(&error)),
                );
            }
        };
        if found.size <= offset {
            return self.refuse_file(
                code::SYSTEM_CALL_FAIL,
                format_args!("file[offset={offset}] is empty"),
            );
        }
        let rest = found.size - offset;
        if length > rest {
            return self.refuse_file(
                code::INVALID_PARAMS,
                format_args!("length[{length}] or offset[{offset}] is invalid"),
            );
        }
        let slot = self.live(session)?;
        if slot.has(state::ENDED) {
            return Err(Refused(code::SESSION_CLOSED));
        }
        if slot.files_open() >= FILES_MAX {
            return self.refuse_file(
                code::OUTPUT_BUFFER_OVERFLOW,
                format_args!(
                    "session={session} output buffer overflow, {FILES_MAX} files are waiting"
                ),
            );
        }
        let order = FileOrder {
            offset,
            length: if length == 0 { rest } else { length },
            is_send: false,
        };
        file::read_ahead(&found.file, offset, order.length);
        let ticket = match self.hand_over(slot.reactor(), found.file.as_fd()) {
            Ok(ticket) => ticket,
            Err(error) => {
                return self.refuse_file(
                    code::SYSTEM_CALL_FAIL,
                    format_args!(
                        "cannot hand over {}, Error: {}",
                        path.display(),
                        reason(&error)
                    ),
                );
            }
        };
        slot.note_file_queued(1, order.length);
        let head = Head::new(Kind::SendFile, session, ticket);
        self.to_reactor(slot.reactor(), head, &order.encode())?;
        self.count_sent(order.length);
        Ok(())
    }

    fn refuse_file(&self, code: i32, text: std::fmt::Arguments<'_>) -> Result<(), Refused> {
        match code {
            code::OUTPUT_BUFFER_OVERFLOW => self.log.coded("sendfile", code, text),
            // Mistakes, each with a name or a number that somebody will look for.
            _ => self
                .log
                .warning(format_args!("sendfile() (ERRNO {code}): {text}")),
        }
        Err(Refused(code))
    }

    /// Queue a long send as a memory file: the reactor sends from that and gives the memory back as the client reads.
    /// False: that cannot be done (no memory files here, or no descriptors), and nothing has happened.
    pub(super) fn put_aside(
        &self,
        slot: &Slot,
        session: SessionId,
        data: &[u8],
    ) -> Result<bool, Refused> {
        if slot.files_open() >= FILES_MAX {
            return Ok(false);
        }
        let Ok(memory) = file::memfd("skep-send", data) else {
            return Ok(false);
        };
        let Ok(ticket) = self.hand_over(slot.reactor(), memory.as_fd()) else {
            return Ok(false);
        };
        let order = FileOrder {
            offset: 0,
            length: data.len() as u64,
            is_send: true,
        };
        slot.note_queued(data.len(), self.port_of(slot).full_output());
        slot.note_file_queued(1, 0);
        let head = Head::new(Kind::SendFile, session, ticket);
        self.to_reactor(slot.reactor(), head, &order.encode())?;
        Ok(true)
    }

    /// Send a descriptor ahead of the message that will name it; the ticket to name it by.
    fn hand_over(&self, reactor: u32, descriptor: BorrowedFd<'_>) -> io::Result<u64> {
        let sender =
            (self.wires.file_senders.get(reactor as usize)).ok_or(io::ErrorKind::NotFound)?;
        let tickets = &self.shared.server().tickets;
        let ticket = tickets.fetch_add(1, Ordering::Relaxed);
        let must_not_wait = !self.backlogs.borrow().is_empty();
        let patience = if must_not_wait {
            Duration::ZERO
        } else {
            PATIENCE
        };
        sender.send(ticket, descriptor, patience)?;
        Ok(ticket)
    }
}

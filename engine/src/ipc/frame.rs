//! What stands in front of each message on a lane.
//!
//! ```text
//!  0        4     5      6       8            16           24
//!  | length | kind| flags| from  | session    | argument   | payload, padded to 8 ...
//! ```
//!
//! `length` counts payload bytes of this frame. Readers copy the header out, check every field
//! against the ring and only then look at the payload: the writer is another process.

/// Header size in the ring.
pub(crate) const HEADER: usize = 24;

/// What a message says. Numbers are private to one server and may change freely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Rest of the ring up to its end; no message.
    Pad = 0,
    /// Reactor to worker: a session has begun. Argument of this and the next five: an [`Origin`].
    Connect = 1,
    /// Reactor to worker: bytes of one message.
    Receive = 2,
    /// Reactor to worker: a session has ended.
    Close = 3,
    /// Reactor to worker: more waits for a client than `buffer_high_watermark`.
    BufferFull = 4,
    /// Reactor to worker: after that, no more than `buffer_low_watermark` waits for it.
    BufferEmpty = 5,
    /// Reactor to worker: a datagram; the payload begins with its sender.
    Packet = 6,
    /// Anyone to reactor: bytes for a session. Argument: length of the whole message.
    Send = 10,
    /// Anyone to reactor: end this session; argument is a set of [`close_flags`].
    CloseSession = 11,
    /// Worker or manager to reactor: the close event of a session has been dealt with.
    Closed = 12,
    /// Manager to reactor: the message a dead worker was working on belonged to this session.
    Lost = 13,
    /// Anyone to reactor: a file for a session. Its descriptor comes under the ticket (argument); payload: a
    /// [`FileOrder`].
    SendFile = 14,
    /// Anyone to reactor: do not read this session.
    Pause = 15,
    /// Anyone to reactor: read it again.
    Resume = 16,
    /// Anyone to reactor: the session was bound to a user id.
    Bound = 17,
    /// Anyone to a task worker: run this. Session of this and those up to 36: number of the call; argument: a
    /// `ipc::exchange::Stamp`; the payload begins with the time of dispatch.
    Task = 30,
    /// Anyone to a child: a message of user code.
    Message = 31,
    /// Anyone to a child, main or manager: a command; the payload names it.
    Command = 32,
    /// Task worker to who gave the task: a result.
    TaskResult = 33,
    /// Task worker to who gave the task: it is through, and nothing more will come.
    TaskDone = 34,
    /// Manager to who gave the task: it is lost.
    TaskLost = 35,
    /// Answer to a command.
    CommandReply = 36,
    /// Main to manager: end all children, then yourself.
    StopAll = 21,
    /// Anyone to manager: replace all workers and task workers, or with [`reload::TASKS`] the latter.
    Reload = 22,
    /// Anyone to manager: replace the worker with this id (argument).
    StopWorker = 23,
    /// Anyone to main: shut the server down; argument 0 with all that belongs to it, [`shutdown::AT_ONCE`], or the
    /// number of a signal that ends it there and then.
    Shutdown = 24,
    /// Anyone to main: read the certificates again.
    ReloadTls = 25,
}

/// Where an event comes from and what a worker must know of it besides: an argument in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Index of the port.
    pub(crate) port: u16,
    /// Close: the server asked for it.
    pub(crate) by_server: bool,
}

impl Origin {
    pub(crate) fn encode(self) -> u64 {
        u64::from(self.port) << 1 | u64::from(self.by_server)
    }

    pub(crate) fn decode(argument: u64) -> Origin {
        Origin {
            port: (argument >> 1) as u16,
            by_server: argument & 1 == 1,
        }
    }
}

/// What of a file is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileOrder {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    /// It is a memory file that holds a long send, and counts as one.
    pub(crate) is_send: bool,
}

impl FileOrder {
    const SIZE: usize = 17;

    pub(crate) fn encode(self) -> [u8; FileOrder::SIZE] {
        let mut bytes = [0; FileOrder::SIZE];
        bytes[..8].copy_from_slice(&self.offset.to_ne_bytes());
        bytes[8..16].copy_from_slice(&self.length.to_ne_bytes());
        bytes[16] = u8::from(self.is_send);
        bytes
    }

    /// `None` if no sender of ours can have written it.
    pub(crate) fn decode(bytes: &[u8]) -> Option<FileOrder> {
        let (offset, rest) = bytes.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let &[flag @ 0..=1] = rest else {
            return None;
        };
        Some(FileOrder {
            offset: u64::from_ne_bytes(*offset),
            length: u64::from_ne_bytes(*length),
            is_send: flag == 1,
        })
    }
}

/// Arguments of [`Kind::Shutdown`].
pub(crate) mod shutdown {
    /// In good order, without `on_before_shutdown` and `shutdown_delay`.
    pub(crate) const AT_ONCE: u64 = 1;
}

/// Arguments of [`Kind::Reload`].
pub(crate) mod reload {
    /// Task workers only.
    pub(crate) const TASKS: u64 = 1;
}

/// Arguments of [`Kind::CloseSession`].
pub(crate) mod close_flags {
    /// Drop what is still queued for the client.
    pub(crate) const RESET: u64 = 1;
    /// The close event has been delivered by the sender: do not dispatch another.
    pub(crate) const EVENT_DONE: u64 = 2;
    /// The sender has claimed the close event and must not deliver it: dispatch it all the same.
    pub(crate) const HAND_OVER: u64 = 4;
}

impl Kind {
    pub(crate) fn from_u8(byte: u8) -> Option<Kind> {
        Some(match byte {
            0 => Kind::Pad,
            1 => Kind::Connect,
            2 => Kind::Receive,
            3 => Kind::Close,
            4 => Kind::BufferFull,
            5 => Kind::BufferEmpty,
            6 => Kind::Packet,
            10 => Kind::Send,
            11 => Kind::CloseSession,
            12 => Kind::Closed,
            13 => Kind::Lost,
            14 => Kind::SendFile,
            15 => Kind::Pause,
            16 => Kind::Resume,
            17 => Kind::Bound,
            30 => Kind::Task,
            31 => Kind::Message,
            32 => Kind::Command,
            33 => Kind::TaskResult,
            34 => Kind::TaskDone,
            35 => Kind::TaskLost,
            36 => Kind::CommandReply,
            21 => Kind::StopAll,
            22 => Kind::Reload,
            23 => Kind::StopWorker,
            24 => Kind::Shutdown,
            25 => Kind::ReloadTls,
            _ => return None,
        })
    }
}

/// First frame of its message.
pub(crate) const FIRST: u8 = 1;
/// Last frame of its message. A message in one frame has both bits.
pub(crate) const LAST: u8 = 2;

/// The part of a header that belongs to the message, the same in each of its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    /// Session id; 0 where none is concerned.
    pub(crate) session: u64,
    /// Meaning depends on the kind.
    pub(crate) argument: u64,
}

impl Head {
    /// A message about a session.
    pub(crate) fn new(kind: Kind, session: u64, argument: u64) -> Head {
        Head {
            kind,
            session,
            argument,
        }
    }
}

/// One frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) len: u32,
    pub(crate) flags: u8,
    pub(crate) head: Head,
}

impl Header {
    /// As it stands in the ring.
    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0..4].copy_from_slice(&self.len.to_ne_bytes());
        bytes[4] = self.head.kind as u8;
        bytes[5] = self.flags;
        bytes[8..16].copy_from_slice(&self.head.session.to_ne_bytes());
        bytes[16..24].copy_from_slice(&self.head.argument.to_ne_bytes());
        bytes
    }

    /// Read a header; `None` if no writer of ours can have written it.
    pub(crate) fn decode(bytes: [u8; HEADER]) -> Option<Header> {
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at..at + 8]);
            u64::from_ne_bytes(word)
        };
        let flags = bytes[5];
        if flags & !(FIRST | LAST) != 0 {
            return None;
        }
        Some(Header {
            len: word(0) as u32,
            flags,
            head: Head::new(Kind::from_u8(bytes[4])?, word(8), word(16)),
        })
    }

    /// Bytes this frame takes in the ring.
    pub(crate) fn span(&self) -> u64 {
        span(self.len as usize)
    }
}

/// Ring bytes of a frame with `len` bytes of payload.
pub(crate) fn span(len: usize) -> u64 {
    (HEADER + len.next_multiple_of(8)) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 16 } else { 1000 },
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn a_header_reads_back_as_written(len: u32, flags in 0..4u8, number: u8, session: u64, argument: u64) {
            let kind = Kind::from_u8(number % 40).unwrap_or(Kind::Receive);
            let header = Header { len, flags, head: Head::new(kind, session, argument) };
            prop_assert_eq!(Header::decode(header.encode()), Some(header));
        }

        #[test]
        fn arbitrary_bytes_are_a_header_only_if_they_could_be_written(bytes: [u8; HEADER]) {
            if let Some(header) = Header::decode(bytes) {
                let mut written = header.encode();
                written[6..8].copy_from_slice(&bytes[6..8]); // not looked at
                prop_assert_eq!(written, bytes);
                prop_assert!(header.span() >= HEADER as u64 && header.span().is_multiple_of(8));
            }
        }
    }

    #[test]
    fn orders_for_files_read_back_and_garbage_is_none() {
        let order = FileOrder {
            offset: 1 << 40,
            length: 7,
            is_send: true,
        };
        let mut bytes = order.encode();
        assert_eq!(FileOrder::decode(&bytes), Some(order));
        assert_eq!(FileOrder::decode(&bytes[..16]), None);
        bytes[16] = 2;
        assert_eq!(FileOrder::decode(&bytes), None);
    }

    #[test]
    fn every_kind_has_a_number_of_its_own() {
        for number in 0..=u8::MAX {
            if let Some(kind) = Kind::from_u8(number) {
                assert_eq!(kind as u8, number);
            }
        }
    }

    #[test]
    fn frames_take_whole_words() {
        assert_eq!([span(0), span(1), span(8), span(9)], [24, 32, 32, 40]);
    }
}

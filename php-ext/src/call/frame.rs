//! A call of user code: whom, with what, and what for.

use skep::{Death, Packet};

use super::Target;
use crate::classes::data::Shape;
use crate::convert;
use crate::exception::{code, warn};
use crate::payload::Payload;
use crate::zend::{Zv, kind};

/// Most arguments a callback has.
pub(crate) const MAX_ARGS: usize = 6;

/// A call: plain data only, see the module's text.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    pub(super) target: Target,
    pub(super) args: [Zv; MAX_ARGS],
    pub(super) count: u32,
    /// Bytes of the last argument, made into a string inside the guard; null if it is in `args`.
    pub(super) data: *const u8,
    pub(super) len: usize,
    /// What the bytes are, as `SWOOLE_TASK_*`.
    pub(super) flags: u8,
    /// Set if the bytes could not be read, so that nobody was called; null if nobody asks.
    pub(super) unread: *mut bool,
    /// What the bytes become part of: one object; null if they are an argument of their own.
    pub(super) shape: *const Shape,
    /// What the last argument is made of, for a worker's death; null if there is none.
    pub(super) death: *const Death,
    /// What comes after the bytes, for a datagram; null if there is none.
    pub(super) packet: *const Packet,
    /// One more argument behind those.
    pub(super) extra: Zv,
    /// All arguments, in place of `args`; null if there they are.
    pub(super) list: *const Zv,
    pub(super) list_len: u32,
    /// A reference that is given back after the call.
    pub(super) owned: Zv,
    /// Where the returned value goes.
    pub(super) wanted: Wanted,
}

/// Where a returned value goes.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    Nowhere,
    Number(*mut Answer),
    Result(*mut Option<Payload>),
}

/// What a function has returned.
#[derive(Clone, Copy, Default)]
pub(crate) struct Answer {
    /// As PHP converts; none for null.
    number: Option<i64>,
    /// Number of workers, if a worker's id is expected.
    workers: Option<u32>,
    /// A text is expected.
    wants_text: bool,
    /// It, with one reference.
    text: Option<Zv>,
}

impl Answer {
    /// For a function that names a worker: a number beyond the last one is a warning, and none.
    pub(crate) fn for_worker(workers: u32) -> Answer {
        Answer {
            workers: Some(workers),
            ..Answer::default()
        }
    }

    /// For a function that gives a text.
    pub(crate) fn for_text() -> Answer {
        Answer {
            wants_text: true,
            ..Answer::default()
        }
    }

    /// The text, with one reference; none if it was something else.
    pub(crate) fn text(&self) -> Option<Zv> {
        self.text
    }

    pub(crate) fn number(&self) -> Option<i64> {
        self.number
    }

    /// Runs under `zend_try`.
    pub(super) fn take(&mut self, returned: Zv) {
        if matches!(returned.kind(), kind::NULL | kind::UNDEF) {
            return;
        }
        if self.wants_text {
            self.text = (returned.kind() == kind::STRING).then(|| returned.share());
            return;
        }
        let number = convert::integer(returned);
        if self
            .workers
            .is_some_and(|workers| number >= i64::from(workers))
        {
            return warn(
                code::FATAL,
                format_args!("invalid target worker-id[{number}]"),
            );
        }
        self.number = Some(number);
    }
}

impl Frame {
    /// A call without arguments.
    pub(crate) fn new(target: Target) -> Frame {
        Frame {
            target,
            args: [Zv::NULL; MAX_ARGS],
            count: 0,
            data: std::ptr::null(),
            len: 0,
            flags: 0,
            unread: std::ptr::null_mut(),
            shape: std::ptr::null(),
            death: std::ptr::null(),
            packet: std::ptr::null(),
            extra: Zv::UNDEF,
            list: std::ptr::null(),
            list_len: 0,
            owned: Zv::UNDEF,
            wanted: Wanted::Nowhere,
        }
    }

    /// One more argument; the caller keeps its reference.
    pub(crate) fn with(mut self, arg: Zv) -> Frame {
        self.args[self.count as usize] = arg;
        self.count += 1;
        self
    }

    /// A last argument, copied once, into the string that the callback gets.
    pub(crate) fn with_bytes(mut self, data: &[u8]) -> Frame {
        self.data = data.as_ptr();
        self.len = data.len();
        self
    }

    /// As `with_bytes`, for what has travelled as a [`Payload`]. If it cannot be read, nobody is called, and `unread` is set.
    pub(crate) fn with_payload(mut self, data: &[u8], flags: u8, unread: &mut bool) -> Frame {
        self.flags = flags;
        self.unread = unread;
        self.with_bytes(data)
    }

    /// An object made inside the guard; bytes become part of it.
    pub(crate) fn with_object(mut self, shape: &Shape) -> Frame {
        self.shape = shape;
        self
    }

    /// One more argument behind all that, which counts no references; not for functions of PHP itself.
    pub(crate) fn with_extra(mut self, extra: Zv) -> Frame {
        if !self.is_internal() {
            self.extra = extra;
        }
        self
    }

    /// Give this reference back after the call.
    pub(crate) fn owning(mut self, value: Zv) -> Frame {
        self.owned = value;
        self
    }

    /// An argument behind the bytes: what is known of a datagram.
    pub(crate) fn with_packet(mut self, packet: &Packet) -> Frame {
        self.packet = packet;
        self
    }

    /// All arguments, which the caller holds during the call.
    pub(crate) fn with_list(mut self, list: &[Zv]) -> Frame {
        self.list = list.as_ptr();
        self.list_len = list.len() as u32;
        self
    }

    /// The returned value is wanted, there.
    pub(crate) fn asking(mut self, answer: &mut Answer) -> Frame {
        self.wanted = Wanted::Number(answer);
        self
    }

    /// The returned value is a result, unless it is null. It is put there, with one reference.
    pub(crate) fn wanting(mut self, result: &mut Option<Payload>) -> Frame {
        self.wanted = Wanted::Result(result);
        self
    }

    /// Whether the function is one of PHP itself: those refuse arguments they do not know.
    fn is_internal(&self) -> bool {
        match self.target {
            // SAFETY: resolved at registration, and its callable is held by the server object.
            Target::Known(cache) => unsafe { (*cache.function_handler).type_ == INTERNAL_FUNCTION },
            _ => false,
        }
    }

    /// A last argument, an array made inside the guard. Functions of PHP itself refuse arguments they do
    /// not know, so those do without.
    pub(crate) fn with_death(mut self, death: &Death) -> Frame {
        if !self.is_internal() {
            self.death = death;
        }
        self
    }
}

/// `ZEND_INTERNAL_FUNCTION`.
const INTERNAL_FUNCTION: u8 = 1;

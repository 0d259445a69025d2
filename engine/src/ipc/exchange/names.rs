//! Who sends by the exchange, to whom, and what is stamped on it.

use crate::ipc::directory::{Endpoint, Seat};

/// Senders that are no children: main, manager, intake.
pub(super) const SUPERVISORS: u32 = 3;

/// A sender, numbered: main, manager, the intake of tasks of other programs, then the seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Party(pub(super) u32);

impl Party {
    /// The master's main thread.
    pub(crate) const MAIN: Party = Party(0);
    /// The master's threads that take tasks from a message queue. Each has a way of its own; nobody answers them.
    pub(crate) const INTAKE: Party = Party(2);

    /// The party at an endpoint. Reactors send nothing here.
    pub(crate) fn of(endpoint: Endpoint) -> Option<Party> {
        match endpoint {
            Endpoint::Main => Some(Party(0)),
            Endpoint::Manager => Some(Party(1)),
            Endpoint::Worker(seat) => Some(Party(SUPERVISORS + seat.0)),
            Endpoint::Reactor(_) => None,
        }
    }

    /// The process on a seat.
    pub(crate) fn on(seat: Seat) -> Party {
        Party(SUPERVISORS + seat.0)
    }

    /// Its endpoint.
    pub(crate) fn endpoint(self) -> Endpoint {
        match self.0 {
            0 | 2 => Endpoint::Main,
            1 => Endpoint::Manager,
            n => Endpoint::Worker(Seat(n - SUPERVISORS)),
        }
    }

    /// Its seat, if it is a child.
    pub(crate) fn seat(self) -> Option<Seat> {
        self.0.checked_sub(SUPERVISORS).map(Seat)
    }

    pub(in crate::ipc) fn index(self) -> usize {
        self.0 as usize
    }

    pub(in crate::ipc) fn numbered(number: u32) -> Party {
        Party(number)
    }
}

/// Who a request may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// The process that serves a child id.
    Child(u32),
    /// The master's main thread.
    Main,
    Manager,
}

/// Who gave a task or asks a question, and how: an argument in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The sender; in a reply, who answers.
    pub(crate) party: Party,
    /// Which process on its seat; in a reply, of the one who asked.
    pub(crate) epoch: u32,
    /// Flags, as user code has them (`task::flags`).
    pub(crate) flags: u8,
    /// A task: how often it has been run before. Its loss: the reason. A result: 1 if it is the last.
    pub(crate) extra: u8,
}

impl Stamp {
    pub(crate) fn encode(self) -> u64 {
        u64::from(self.party.0 & 0xffff)
            | u64::from(self.epoch) << 16
            | u64::from(self.flags) << 48
            | u64::from(self.extra) << 56
    }

    pub(crate) fn decode(word: u64) -> Stamp {
        Stamp {
            party: Party((word & 0xffff) as u32),
            epoch: (word >> 16) as u32,
            flags: (word >> 48) as u8,
            extra: (word >> 56) as u8,
        }
    }
}

/// One queue, named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    /// Untargeted tasks of a sender.
    Tasks(Party),
    /// From a sender to one task worker, counted from 0.
    Targeted(Party, u32),
    /// From a sender to a child id, main or manager.
    Request(Party, Target),
    /// From a sender to the callbacks of a process.
    Reply(Party, Party),
    /// From a sender to a call of a process that waits for it.
    Answer(Party, Party),
}

impl Way {
    /// The task worker whose tasks these are alone.
    pub(crate) fn target(self) -> Option<u32> {
        match self {
            Way::Targeted(_, worker) => Some(worker),
            _ => None,
        }
    }

    /// The same with another sender.
    pub(in crate::ipc) fn from(self, from: Party) -> Way {
        match self {
            Way::Tasks(_) => Way::Tasks(from),
            Way::Targeted(_, worker) => Way::Targeted(from, worker),
            Way::Request(_, to) => Way::Request(from, to),
            Way::Reply(_, to) => Way::Reply(from, to),
            Way::Answer(_, to) => Way::Answer(from, to),
        }
    }
}

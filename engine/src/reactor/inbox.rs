//! Between the master's main thread and one reactor thread: sockets and orders down, progress up.

use std::os::fd::OwnedFd;

use crossbeam_queue::SegQueue;

use crate::session::SessionId;
use crate::sync::{AtomicU32, Ordering};

/// What the main thread tells a reactor.
pub(crate) enum Order {
    /// Serve this connection; its session is open in the table.
    Adopt(OwnedFd, SessionId),
    /// Begin to read the datagram ports that are yours.
    ReadDatagrams,
    /// Read no more; what was read is still delivered.
    Drain,
    /// End every session: flush, close event, close.
    Finish,
    /// Drop everything and end the thread.
    Quit,
}

/// The main thread's line to one reactor. crossbeam's queue serves, since both ends are threads of one process.
#[derive(Default)]
pub(crate) struct Inbox {
    orders: SegQueue<Order>,
    /// 1 when, after `Drain`, nothing read is waiting for a worker's lane any more.
    quiet: AtomicU32,
}

impl Inbox {
    /// Main thread: the reactor's bell must be rung afterwards.
    pub(crate) fn order(&self, order: Order) {
        self.orders.push(order);
    }

    pub(super) fn next(&self) -> Option<Order> {
        self.orders.pop()
    }

    /// Whether orders wait.
    pub(super) fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// Whether the report changes what the main thread knows.
    pub(super) fn report(&self, quiet: bool) -> bool {
        self.quiet.swap(u32::from(quiet), Ordering::AcqRel) != u32::from(quiet)
    }

    /// Main thread: all that was read has been handed to workers.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet.load(Ordering::Acquire) == 1
    }
}

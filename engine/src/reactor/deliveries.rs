//! Open files that other processes have handed to this reactor.

use std::os::fd::OwnedFd;

use crate::net::handover::{Arrivals, Receiver};

/// A file whose sender could not say any more what it was for is closed after so long.
const PATIENCE_MS: u64 = 60_000;

/// The receiving end, and what has come.
pub(super) struct Deliveries {
    receiver: Receiver,
    arrivals: Arrivals,
}

impl Deliveries {
    pub(super) fn new(receiver: Receiver) -> Deliveries {
        Deliveries {
            receiver,
            arrivals: Arrivals::new(PATIENCE_MS),
        }
    }

    /// The descriptor of a message that has been read; it was sent before the message. None: it was lost, because
    /// this process has as many descriptors as it may have.
    pub(super) fn take(&mut self, ticket: u64, now_ms: u64) -> Option<OwnedFd> {
        self.arrivals.collect(&self.receiver, now_ms);
        let found = self.arrivals.take(ticket);
        self.arrivals.expire(now_ms);
        found
    }
}

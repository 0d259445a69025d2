//! What comes back to a process for what it has asked.

use crate::ipc::exchange::{Exchange, Party, Way};
use crate::ipc::incoming::Incoming;
use crate::ipc::queue::Claimant;

/// Two kinds of queues, as a call that waits reads its answers alone: what is for callbacks stays in shared memory until they
/// can run, where it is bounded, and outlives the process.
pub(super) struct Inbox {
    /// For calls that wait.
    pub(super) answers: Incoming,
    /// For callbacks.
    pub(super) results: Incoming,
}

impl Inbox {
    /// Of `party`, read by `me`.
    pub(super) fn new(exchange: &Exchange, party: Party, me: Claimant) -> Inbox {
        let open = |way| Incoming::new(exchange, way, me);
        Inbox {
            answers: open(Way::Answer(party, party)),
            results: open(Way::Reply(party, party)),
        }
    }

    pub(super) fn has_any(&self) -> bool {
        self.answers.has_any() || self.results.has_any()
    }
}

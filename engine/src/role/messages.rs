//! Messages of user code, as they reach a worker or task worker.

use std::rc::Rc;

use crate::context::{Context, opened};
use crate::handler::{Callback, Step};
use crate::ipc::directory::Seat;
use crate::ipc::exchange::{Party, Stamp, Way};
use crate::ipc::frame::Kind;
use crate::ipc::incoming::{Found, Incoming};
use crate::ipc::queue::Claimant;
use crate::shared::Shared;
use crate::task::PipeMessage;

/// The messages for one process. Only the one that serves its id takes any.
pub(super) struct Messages {
    shared: std::sync::Arc<Shared>,
    seat: Seat,
    requests: Incoming,
}

impl Messages {
    pub(super) fn new(context: &Rc<Context>, seat: Seat, me: Claimant) -> Messages {
        let shared = context.shared();
        let way = Way::Request(Party::MAIN, seat.worker());
        Messages {
            requests: Incoming::new(shared.directory.exchange(), way, me),
            shared: std::sync::Arc::clone(shared),
            seat,
        }
    }

    /// Whether something waits for this process.
    pub(super) fn has_any(&self) -> bool {
        self.requests.has_any() && self.serves()
    }

    fn serves(&self) -> bool {
        self.shared.seat_of(self.seat.worker()) == self.seat
    }

    /// Run the callback for the next one; `None` if there is none.
    pub(super) fn next(&mut self, context: &Rc<Context>) -> Option<Step> {
        if !self.has_any() {
            return None;
        }
        let mut message = None;
        let found = self.requests.take(|_, head, payload| {
            let (given, data) = opened(payload);
            message = Some((head, given, data.to_vec()));
        });
        context.note_garbage(&mut self.requests);
        if let Found::One(room) = found {
            context.grant_room(room);
        }
        let (head, given, data) = message?;
        if head.kind != Kind::Message {
            return None;
        }
        let stamp = Stamp::decode(head.argument);
        let (source, source_role) = context.source_of(stamp.party);
        let told = PipeMessage {
            source,
            source_role,
            dispatch_time: given as f64 / 1e6,
            flags: stamp.flags,
        };
        context.enter(Callback::PipeMessage, 0);
        let step = context.handler().on_pipe_message(context, &told, &data);
        Some(step)
    }
}

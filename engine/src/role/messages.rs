//! Messages of user code and commands, as they reach a process.

use std::rc::Rc;
use std::sync::Arc;

use crate::context::Context;
use crate::handler::{Callback, Step};
use crate::ipc::directory::Seat;
use crate::ipc::envelope::Envelope;
use crate::ipc::exchange::{Party, Target, Way};
use crate::ipc::frame::Kind;
use crate::ipc::incoming::{Found, Incoming};
use crate::ipc::queue::Claimant;
use crate::ipc::work::{Work, WorkBlock};
use crate::shared::Shared;
use crate::task::{PipeMessage, TaskLoss};

/// What was sent to one process. Of children only the one that serves its id takes any.
pub(super) struct Messages {
    shared: Arc<Shared>,
    /// None for main and manager.
    seat: Option<Seat>,
    requests: Incoming,
}

impl Messages {
    /// For a child.
    pub(super) fn new(context: &Rc<Context>, seat: Seat, me: Claimant) -> Messages {
        Messages::open(context, Target::Child(seat.worker()), Some(seat), me)
    }

    /// For main or manager, which take commands only.
    pub(super) fn of_supervisor(context: &Rc<Context>, target: Target, me: Claimant) -> Messages {
        context.listen_to_replies(me);
        Messages::open(context, target, None, me)
    }

    fn open(context: &Rc<Context>, target: Target, seat: Option<Seat>, me: Claimant) -> Messages {
        let shared = context.shared();
        let way = Way::Request(Party::MAIN, target);
        Messages {
            requests: Incoming::new(shared.directory.exchange(), way, me),
            shared: Arc::clone(shared),
            seat,
        }
    }

    /// Whether something waits for this process.
    pub(super) fn has_any(&self) -> bool {
        self.requests.has_any() && self.serves()
    }

    fn serves(&self) -> bool {
        let serves = |seat: Seat| self.shared.seat_of(seat.worker()) == seat;
        self.seat.is_none_or(serves)
    }

    /// Run the callback for the next one; `None` if there is none. If it asks for the end of the process, what it was
    /// at stays on record.
    pub(super) fn next(&mut self, context: &Rc<Context>) -> Option<Step> {
        if !self.has_any() {
            return None;
        }
        let shared = Arc::clone(&self.shared);
        let record = self.seat.map(|seat| shared.request(seat));
        let mut taken = None;
        let found = self.requests.take(|_, head, payload| {
            let (envelope, body) = Envelope::open(head, payload);
            if let Some(record) = record {
                record.take(&Work {
                    envelope,
                    kept: 0,
                    target: None,
                    parcel: None, // on record while it is read, and not needed after that
                });
            }
            taken = Some((envelope, context.content(body)));
        });
        context.note_garbage(&mut self.requests);
        let Found::One(room) = found else {
            return None;
        };
        record.inspect(|record| record.begin());
        context.grant_room(room);
        let (envelope, content) = taken?;
        let data = context.unpack(content);
        let step = match data {
            Some(data) => deliver(context, &envelope, &data),
            None => {
                if envelope.kind == Kind::Command {
                    context.fail_command(&envelope, TaskLoss::Unanswered); // else its asker waits until its time is up
                }
                Ok(())
            }
        };
        if step.is_ok() {
            record.inspect(|record| WorkBlock::end(record));
        }
        Some(step)
    }
}

fn deliver(context: &Rc<Context>, envelope: &Envelope, data: &[u8]) -> Step {
    match envelope.kind {
        Kind::Command => context.obey(envelope, data),
        Kind::Message => {
            let (source, source_role) = context.source_of(envelope.stamp.party);
            let told = PipeMessage {
                source,
                source_role,
                dispatch_time: envelope.given as f64 / 1e6,
                flags: envelope.stamp.flags,
            };
            context.enter(Callback::PipeMessage, 0);
            context.handler().on_pipe_message(context, &told, data)
        }
        _ => Ok(()),
    }
}

//! Answers between processes: sending one to whoever has asked, and reading those that come.

use super::Context;
use super::inbox::Inbox;
use super::outgoing::{ring_child, ring_seat};
use super::tasks::RECHECK;
use crate::ipc::directory::{Endpoint, SEATS, Seat};
use crate::ipc::envelope::{Body, Envelope, Unsent};
use crate::ipc::exchange::{Party, Stamp, Way};
use crate::ipc::frame::Kind;
use crate::ipc::incoming::{Found, Incoming};
use crate::ipc::parcels::Parcel;
use crate::ipc::queue::Claimant;
use crate::stats::seat_state;
use crate::sync::Ordering;
use crate::sys::clock;
use crate::task::flags;

/// How often in a row to look at a queue that another process holds.
const BUSY_LOOKS: u32 = 1_000;

/// What has come back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) kind: Kind,
    /// Number of the call.
    pub(crate) id: u64,
    pub(crate) stamp: Stamp,
    pub(crate) given: u64,
    pub(crate) data: Vec<u8>,
    /// A predecessor has asked.
    pub(crate) orphaned: bool,
}

/// An answer, beside its data.
pub(crate) struct Answer {
    pub(crate) kind: Kind,
    /// Number of the call.
    pub(crate) id: u64,
    pub(crate) flags: u8,
    /// See [`Stamp`].
    pub(crate) extra: u8,
}

/// What was taken off a queue.
pub(crate) enum Content {
    /// The payload.
    Here(Vec<u8>),
    /// It is in a parcel.
    Parcel(Parcel),
}

impl Context {
    /// Send an answer to who has asked (`asker`: the stamp of the question). Waits for room at most until `deadline` (monotonic
    /// ms; `None`: however long it takes). False: it is too big, or there was no room.
    pub(crate) fn reply_to(
        &self,
        asker: Stamp,
        answer: &Answer,
        data: &[u8],
        deadline: Option<u64>,
    ) -> bool {
        let exchange = self.shared.directory.exchange();
        if !exchange.has(asker.party) {
            self.log
                .error("a question of nobody was found in shared memory: it is not answered");
            return true;
        }
        let message = |stamp| (answer.kind, answer.id, stamp);
        loop {
            let mut outgoing = self.outgoing.borrow_mut();
            let way = match answer.flags & flags::NONBLOCK {
                0 => Way::Answer(outgoing.party, asker.party),
                _ => Way::Reply(outgoing.party, asker.party),
            };
            let stamp = Stamp {
                epoch: asker.epoch,
                ..outgoing.stamp(answer.flags, answer.extra)
            };
            let posted = outgoing.post(exchange, way, message(stamp), data, u64::MAX);
            let waits = match posted {
                Ok(()) => break,
                Err(Unsent::TooBig) => return false,
                Err(_) if deadline.is_some_and(|at| clock::monotonic_ms() >= at) => return false,
                Err(Unsent::Full) => outgoing.want_room(exchange, way, data),
                Err(Unsent::NoParcel) => exchange.parcels().want_room(outgoing.party, data.len()),
            };
            drop(outgoing);
            self.ring_asker(asker.party);
            if waits && !self.wait_to_be_rung(RECHECK) {
                return true; // a supervisor is dead, and everybody ends
            }
        }
        let last = match answer.kind {
            Kind::TaskResult => answer.extra == 1,
            kind => matches!(kind, Kind::TaskDone | Kind::TaskLost),
        };
        if let Some(work) = self.seat().and_then(|seat| self.shared.work(seat))
            && last
        {
            work.answered(); // before the ring, which takes long: killed meanwhile, it would be lost and answered
        }
        self.ring_asker(asker.party);
        true
    }

    /// Who has asked, or whoever serves its id if it has left.
    pub(crate) fn ring_asker(&self, asker: Party) {
        let Some(seat) = asker.seat() else {
            let bell = self.shared.directory.bell(asker.endpoint());
            return bell.ring_if_asleep();
        };
        ring_seat(&self.shared, seat);
        if self.shared.seat_of(seat.worker()) != seat {
            ring_child(&self.shared, seat.worker());
        }
    }

    /// Whether a reply waits.
    pub(crate) fn has_replies(&self) -> bool {
        !self.tasks.held.borrow().is_empty() || self.has_queued_replies()
    }

    /// Whether one waits in a queue.
    fn has_queued_replies(&self) -> bool {
        (self.tasks.inbox.borrow().as_ref()).is_some_and(Inbox::has_any)
            || (self.tasks.left.borrow().as_ref())
                .is_some_and(|(seat, left)| self.has_left(*seat, left))
    }

    /// Whether one waits for a call.
    pub(super) fn has_answers(&self) -> bool {
        (self.tasks.inbox.borrow().as_ref()).is_some_and(|inbox| inbox.answers.has_any())
    }

    /// Whether a process cannot go on before a result is read.
    pub(super) fn must_read_results(&self) -> bool {
        (self.tasks.inbox.borrow().as_ref()).is_some_and(|inbox| inbox.results.is_waited_for())
    }

    /// The next answer to a call, or to one that has given up waiting.
    pub(super) fn next_answer(&self) -> Option<Reply> {
        self.read(&mut self.tasks.inbox.borrow_mut().as_mut()?.answers, false)
    }

    /// The next reply for a callback.
    pub(super) fn next_result(&self) -> Option<Reply> {
        self.read(&mut self.tasks.inbox.borrow_mut().as_mut()?.results, false)
    }

    pub(super) fn next_from_queue(&self) -> Option<Reply> {
        if let Some(reply) = self.next_answer().or_else(|| self.next_result()) {
            return Some(reply);
        }
        let mut left = self.tasks.left.borrow_mut();
        match &mut *left {
            Some((seat, left)) if self.has_left(*seat, left) => {
                let answer = self.read(&mut left.answers, true);
                answer.or_else(|| self.read(&mut left.results, true))
            }
            _ => None,
        }
    }

    /// Whether something is there for a process that has left its seat, and this one is its successor.
    fn has_left(&self, seat: Seat, left: &Inbox) -> bool {
        let state = || self.shared.seat_block(seat).state.load(Ordering::Acquire);
        left.has_any() && state() == seat_state::EMPTY && self.serves_new()
    }

    /// Whether this process is the one that new messages for its id go to.
    fn serves_new(&self) -> bool {
        self.seat()
            .is_some_and(|seat| self.shared.seat_of(seat.worker()) == seat)
    }

    fn read(&self, incoming: &mut Incoming, others: bool) -> Option<Reply> {
        let epoch = self.outgoing.borrow().epoch;
        let mut patience = BUSY_LOOKS;
        loop {
            let mut taken = None;
            let found = incoming.take(|_, head, payload| {
                let (envelope, body) = Envelope::open(head, payload);
                taken = Some((envelope, self.content(body)));
            });
            self.note_garbage(incoming);
            match found {
                Found::One(room) => self.grant_room(room),
                Found::Nothing => return None,
                // A successor reads it, or its sender begins the queue anew: for microseconds, unless that one has been
                // stopped in the middle of it. Then the caller looks again, and at its deadline.
                Found::Busy if patience > 0 => {
                    patience -= 1;
                    std::thread::yield_now();
                    continue;
                }
                Found::Busy => return None,
            }
            let (envelope, content) = taken?;
            // What cannot be had is said in the log, and there is nothing to deliver.
            if let Some(data) = self.unpack(content) {
                let Envelope {
                    kind,
                    id,
                    stamp,
                    given,
                } = envelope;
                return Some(Reply {
                    kind,
                    id,
                    stamp,
                    given,
                    data,
                    orphaned: others || stamp.epoch != epoch,
                });
            }
        }
    }

    /// A payload, as its frame leaves the queue; [`Context::unpack`] it when it has.
    pub(crate) fn content(&self, body: Body<'_>) -> Content {
        match body {
            Body::Inline(data) => Content::Here(data.to_vec()),
            Body::Parcel(parcel) => {
                let parcels = self.shared.directory.exchange().parcels();
                parcels.begin_reading(self.outgoing.borrow().party, parcel);
                Content::Parcel(parcel)
            }
        }
    }

    /// The payload itself. `None`: it cannot be had, and the log says so.
    pub(crate) fn unpack(&self, content: Content) -> Option<Vec<u8>> {
        let parcel = match content {
            Content::Here(data) => return Some(data),
            Content::Parcel(parcel) => parcel,
        };
        let data = self.open_parcel(parcel);
        let parcels = self.shared.directory.exchange().parcels();
        self.grant_room(parcels.end_reading(self.outgoing.borrow().party, parcel));
        data
    }

    /// What is in a parcel. `None`: the log says why.
    pub(crate) fn open_parcel(&self, parcel: Parcel) -> Option<Vec<u8>> {
        let data = self.shared.directory.exchange().parcels().read(parcel);
        if data.is_none() {
            self.log
                .error("a long message is lost: there is no memory for it, or it is garbage");
        }
        data
    }

    /// This process is through with a parcel.
    pub(crate) fn discard_parcel(&self, parcel: Parcel) {
        self.grant_room(self.shared.directory.exchange().parcels().discard(parcel));
    }

    /// Say it if a queue held what no process of ours can have written.
    pub(crate) fn note_garbage(&self, incoming: &mut Incoming) {
        while let Some(sender) = incoming.take_corrupt() {
            let (id, role) = self.source_of(sender);
            self.log.error(format_args!(
                "garbage in a queue of {role:?} (id {id}), it was emptied"
            ));
        }
    }

    /// A sender waits for room and has it now.
    pub(crate) fn grant_room(&self, sender: Option<Party>) {
        if let Some(sender) = sender {
            self.shared.directory.bell(sender.endpoint()).ring();
        }
    }

    /// Give back shared memory that was needed and is no more. To be called before a sleep, which is to end at the time that
    /// this returns (monotonic ms).
    pub(crate) fn give_back_memory(&self) -> Option<u64> {
        self.outgoing.borrow_mut().give_back()
    }

    /// From now on this process hears of what it asks.
    pub(crate) fn listen_to_replies(&self, me: Claimant) {
        let open = |party| Inbox::new(self.shared.directory.exchange(), party, me);
        *self.tasks.inbox.borrow_mut() = Some(open(self.outgoing.borrow().party));
        if let Endpoint::Worker(seat) = self.endpoint {
            let first = Seat::first_of(seat.worker()).0;
            let other = Seat(first + (seat.0 - first + 1) % SEATS as u32);
            *self.tasks.left.borrow_mut() = Some((other, open(Party::on(other))));
        }
    }
}

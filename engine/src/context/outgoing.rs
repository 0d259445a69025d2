//! The sending ends of the exchange, opened when they are first used.

use rustc_hash::FxHashMap;

use crate::ipc::directory::{Endpoint, Seat};
use crate::ipc::envelope::{Envelope, Unsent};
use crate::ipc::exchange::{Exchange, Party, Stamp, Target, Way};
use crate::ipc::frame::Kind;
use crate::ipc::lane::LaneWriter;
use crate::ipc::parcels::Parcel;
use crate::shared::Shared;
use crate::sys::clock;

/// What a process sends by the exchange.
pub(super) struct Outgoing {
    pub(super) party: Party,
    pub(super) epoch: u32,
    /// The way of most: untargeted tasks.
    tasks: Option<LaneWriter>,
    others: FxHashMap<Way, LaneWriter>,
    /// Some queue has memory to be given back.
    heavy: bool,
    /// Since when nothing has been added to it; monotonic ms.
    unused_since: Option<u64>,
}

/// Memory that is not used for so many milliseconds is given back: bursts follow each other, and a page that was given back
/// costs a fault when it is needed again.
const KEPT_MS: u64 = 1_000;

impl Outgoing {
    pub(super) fn new(party: Party, epoch: u32) -> Outgoing {
        Outgoing {
            party,
            epoch,
            tasks: None,
            others: FxHashMap::default(),
            heavy: false,
            unused_since: None,
        }
    }

    /// A stamp of this process.
    pub(super) fn stamp(&self, flags: u8, extra: u8) -> Stamp {
        Stamp {
            party: self.party,
            epoch: self.epoch,
            flags,
            extra,
        }
    }

    fn writer(&mut self, exchange: &Exchange, way: Way) -> &mut LaneWriter {
        let open = || exchange.writer(way);
        match way {
            Way::Tasks(_) => self.tasks.get_or_insert_with(open),
            _ => self.others.entry(way).or_insert_with(open),
        }
    }

    /// Publish one message and say so; whom to wake is the caller's business. At most `limit` messages may wait.
    pub(super) fn post(
        &mut self,
        exchange: &Exchange,
        way: Way,
        (kind, id, stamp): (Kind, u64, Stamp),
        data: &[u8],
        limit: u64,
    ) -> Result<(), Unsent> {
        let envelope = Envelope {
            kind,
            id,
            stamp,
            given: clock::wall_us(),
        };
        self.post_envelope(exchange, way, &envelope, data, limit)
    }

    /// The same with an envelope that is there.
    pub(super) fn post_envelope(
        &mut self,
        exchange: &Exchange,
        way: Way,
        envelope: &Envelope,
        data: &[u8],
        limit: u64,
    ) -> Result<(), Unsent> {
        let (party, epoch) = (self.party, self.epoch);
        let writer = self.writer(exchange, way);
        exchange.restart(way, writer, epoch);
        if !writer.is_below(limit) {
            return Err(Unsent::Full);
        }
        envelope.post(exchange, (party, way), writer, data)?;
        if writer.is_heavy() {
            self.heavy = true;
            self.unused_since = None;
        }
        Ok(())
    }

    /// Whether fewer than `limit` messages wait there.
    pub(super) fn is_below(&mut self, exchange: &Exchange, way: Way, limit: u64) -> bool {
        self.writer(exchange, way).is_below(limit)
    }

    /// Send a parcel on that came from somebody else.
    pub(super) fn pass_on(
        &mut self,
        exchange: &Exchange,
        way: Way,
        envelope: &Envelope,
        parcel: Parcel,
    ) -> Result<(), Unsent> {
        envelope.pass_on(exchange, way, self.writer(exchange, way), parcel)
    }

    /// Give back the memory of queues through which much has gone, and nothing lately, and in which nothing waits. When to
    /// call this again, at the latest.
    pub(super) fn give_back(&mut self) -> Option<u64> {
        if !self.heavy {
            return None;
        }
        let now = clock::monotonic_ms();
        let due = *self.unused_since.get_or_insert(now) + KEPT_MS;
        if now < due {
            return Some(due);
        }
        self.heavy = false;
        self.unused_since = None;
        for writer in self.others.values_mut().chain(&mut self.tasks) {
            self.heavy |= !writer.give_back();
        }
        None // what is left is rung for when it can be given back
    }

    /// Ask to be rung when half of a queue is free. False: it is, try again.
    pub(super) fn want_room(&mut self, exchange: &Exchange, way: Way, data: &[u8]) -> bool {
        let writer = self.writer(exchange, way);
        let level = writer.level_for(data, 0);
        writer.want_room(level)
    }
}

/// Wake a task worker for a task that anyone may take, if all that could sleep.
pub(super) fn ring_task_worker(shared: &Shared) {
    if let Some(seat) = shared.directory.exchange().wake_one() {
        shared.directory.bell(Endpoint::Worker(seat)).ring();
    }
}

/// Wake the process that serves a child id.
pub(super) fn ring_child(shared: &Shared, child: u32) {
    let seat = shared.seat_of(child);
    ring_seat(shared, seat);
}

/// Wake the process on a seat, if it sleeps.
pub(super) fn ring_seat(shared: &Shared, seat: Seat) {
    shared
        .directory
        .bell(Endpoint::Worker(seat))
        .ring_if_asleep();
}

/// Wake whoever a request went to.
pub(super) fn ring_target(shared: &Shared, target: Target) {
    let endpoint = match target {
        Target::Child(child) => return ring_child(shared, child),
        Target::Main => Endpoint::Main,
        Target::Manager => Endpoint::Manager,
    };
    shared.directory.bell(endpoint).ring_if_asleep();
}

//! The sending ends of the exchange, opened when they are first used.

use rustc_hash::FxHashMap;

use crate::ipc::directory::{Endpoint, Seat};
use crate::ipc::exchange::{Exchange, Party, Stamp, Way};
use crate::ipc::frame::{Head, Kind};
use crate::ipc::lane::LaneWriter;
use crate::shared::Shared;
use crate::sys::clock;

/// What a process sends by the exchange.
pub(super) struct Outgoing {
    pub(super) party: Party,
    pub(super) epoch: u32,
    /// The way of most: untargeted tasks.
    tasks: Option<LaneWriter>,
    others: FxHashMap<Way, LaneWriter>,
}

/// Why something could not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsent {
    /// As much waits as may wait.
    Full,
    /// It would not fit into the empty queue.
    TooBig,
}

impl Outgoing {
    pub(super) fn new(party: Party, epoch: u32) -> Outgoing {
        Outgoing {
            party,
            epoch,
            tasks: None,
            others: FxHashMap::default(),
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
        message: (Kind, u64, Stamp),
        data: &[u8],
        limit: u64,
    ) -> Result<(), Unsent> {
        self.post_given(exchange, way, message, clock::wall_us(), data, limit)
    }

    /// The same with a time of dispatch of old.
    pub(super) fn post_given(
        &mut self,
        exchange: &Exchange,
        way: Way,
        (kind, id, stamp): (Kind, u64, Stamp),
        given: u64,
        data: &[u8],
        limit: u64,
    ) -> Result<(), Unsent> {
        let epoch = self.epoch;
        let writer = self.writer(exchange, way);
        exchange.restart(way, writer, epoch);
        if data.len() + size_of::<u64>() > writer.longest() {
            return Err(Unsent::TooBig);
        }
        let head = Head::new(kind, id, stamp.encode());
        if !writer.is_below(limit) || !writer.post(head, [&given.to_ne_bytes(), data]) {
            return Err(Unsent::Full);
        }
        exchange.flag(way);
        Ok(())
    }

    /// Whether fewer than `limit` messages wait there.
    pub(super) fn is_below(&mut self, exchange: &Exchange, way: Way, limit: u64) -> bool {
        self.writer(exchange, way).is_below(limit)
    }

    /// Ask to be rung when half of a queue is free. False: it is, try again.
    pub(super) fn want_room(&mut self, exchange: &Exchange, way: Way, data: &[u8]) -> bool {
        let writer = self.writer(exchange, way);
        let level = writer.level_for(data, 0);
        writer.want_room(level)
    }
}

/// Time of dispatch and payload of what the exchange carries.
pub(crate) fn opened(payload: &[u8]) -> (u64, &[u8]) {
    match payload.split_first_chunk() {
        Some((given, data)) => (u64::from_ne_bytes(*given), data),
        None => (0, &[]), // no sender of ours has written it
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

//! Results for callbacks that came while a call waited for something else. They are put aside where a death of this process
//! leaves them to its successor: in the queue of its replies to itself.
//!
//! That queue's flag is not raised, so that a wait does not come upon what it has put aside. The manager raises it when this
//! process has died, and also when its other incarnation has: then the next wait lowers it again.

use std::collections::VecDeque;

use super::Context;
use super::replies::Reply;
use crate::ipc::envelope::Envelope;
use crate::ipc::exchange::{Exchange, Party, Way};
use crate::ipc::lane::LaneWriter;
use crate::ipc::queue::{Claimant, Queue, Taken};

/// Both ends of that queue.
pub(super) struct Aside {
    way: Way,
    party: Party,
    epoch: u32,
    me: Claimant,
    writer: LaneWriter,
    queue: Queue,
    /// What found no room there.
    spilled: VecDeque<Reply>,
}

impl Aside {
    pub(super) fn open(exchange: &Exchange, party: Party, epoch: u32, me: Claimant) -> Aside {
        let way = Way::Reply(party, party);
        Aside {
            way,
            party,
            epoch,
            me,
            writer: exchange.writer(way),
            queue: exchange.queue(way),
            spilled: VecDeque::new(),
        }
    }

    fn put(&mut self, exchange: &Exchange, reply: Reply) {
        let mut stamp = reply.stamp;
        if reply.orphaned {
            stamp.epoch = self.epoch.wrapping_sub(1); // it may come of the other seat, where numbers are others
        }
        let envelope = Envelope {
            kind: reply.kind,
            id: reply.id,
            stamp,
            given: reply.given,
        };
        exchange.restart(self.way, &mut self.writer, self.epoch);
        let ends = (self.party, self.way);
        // What has spilled comes first.
        let put = self.spilled.is_empty()
            && envelope
                .put(exchange, ends, &mut self.writer, &reply.data)
                .is_ok();
        if !put {
            self.spilled.push_back(reply);
        }
    }

    pub(super) fn has_any(&self) -> bool {
        self.queue.has_waiting() || !self.spilled.is_empty()
    }
}

impl Context {
    /// Keep a reply until the call that waits is over.
    pub(super) fn lay_aside(&self, reply: Reply) {
        if let Some(aside) = &mut *self.tasks.aside.borrow_mut() {
            aside.put(self.shared.directory.exchange(), reply);
        }
    }

    /// The first of what was put aside.
    pub(super) fn next_aside(&self) -> Option<Reply> {
        loop {
            let mut aside = self.tasks.aside.borrow_mut();
            let aside = aside.as_mut()?;
            let mut taken = None;
            let found = aside.queue.take(aside.me, |head, payload| {
                taken = Some(self.open_reply(head, payload));
            });
            let Some((envelope, content)) = taken else {
                if found == Taken::Nothing {
                    aside.writer.give_back();
                }
                return aside.spilled.pop_front();
            };
            if let Some(reply) = self.reply_of(envelope, content, false) {
                return Some(reply);
            }
        }
    }

    /// During a wait: a reply has come out of the queue of those that were put aside, so its flag is up. Lower it.
    pub(super) fn leave_aside(&self, first: Reply) {
        let mut all = vec![first];
        while let Some(reply) = self.next_aside() {
            all.push(reply);
        }
        let exchange = self.shared.directory.exchange();
        if let Some(aside) = &mut *self.tasks.aside.borrow_mut() {
            exchange.unflag(aside.way, &aside.queue);
            for reply in all {
                aside.put(exchange, reply);
            }
        }
    }
}

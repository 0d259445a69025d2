//! The receiving end of all queues of one kind that lead to a process.

use super::exchange::{Exchange, Party, Way};
use super::frame::Head;
use super::queue::{Claimant, Queue, Taken};

/// What [`Incoming::take`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// Something that another process is just taking, or has been taking when it died: look again soon.
    Busy,
    /// A message was handed over. The sender, if it waits for room: ring it.
    One(Option<Party>),
}

/// Queues from all senders, opened as they are needed.
pub(crate) struct Incoming {
    exchange: Exchange,
    me: Claimant,
    /// Any of them: the sender does not matter.
    kind: Way,
    /// By sender.
    queues: Vec<Option<Queue>>,
    /// Whose turn it is.
    next: Party,
    /// Senders whose queues held garbage.
    corrupt: Vec<Party>,
    /// A flag was down for a moment while something waited.
    raised: bool,
}

impl Incoming {
    /// Those of the kind of `kind`, for the process `me`.
    pub(crate) fn new(exchange: &Exchange, kind: Way, me: Claimant) -> Incoming {
        let parties: Vec<Party> = exchange.parties().collect();
        Incoming {
            exchange: exchange.clone(),
            me,
            kind,
            queues: parties.iter().map(|_| None).collect(),
            next: parties[0],
            corrupt: Vec::new(),
            raised: false,
        }
    }

    /// Hand one message to `copy`, the senders in turn.
    pub(crate) fn take(&mut self, mut copy: impl FnMut(Party, Head, &[u8])) -> Found {
        let mut busy = false;
        let mut looks = self.queues.len() + 1; // a flag may go up again behind us
        while let Some(party) = self.exchange.flagged(self.kind, self.next)
            && looks > 0
        {
            looks -= 1;
            let way = self.kind.from(party);
            let exchange = &self.exchange;
            let queue = self.queues[party.index()].get_or_insert_with(|| exchange.queue(way));
            self.next = exchange.after(party);
            match queue.take(self.me, |head, payload| copy(party, head, payload)) {
                Taken::One(room) => return Found::One(room.then_some(party)),
                Taken::Busy => busy = true,
                Taken::Nothing => self.raised |= !exchange.unflag(way, queue),
                Taken::Corrupt => self.corrupt.push(party),
            }
        }
        match busy {
            true => Found::Busy,
            false => Found::Nothing,
        }
    }

    /// Whether some sender says that there is something.
    pub(crate) fn has_any(&self) -> bool {
        self.exchange.flagged(self.kind, self.next).is_some()
    }

    /// Whether a sender of what waits cannot go on before it is read.
    pub(crate) fn is_waited_for(&self) -> bool {
        let mut flagged = self.exchange.flagged_ways(self.kind);
        flagged.any(|way| {
            let queue = self.exchange.queue(way);
            queue.has_waiting() && self.exchange.is_waited_for(way, &queue)
        })
    }

    /// Whether a flag was down for a moment, since the last call, while something waited: who looked just then has gone to
    /// sleep, and nobody rings it any more.
    pub(crate) fn take_raised(&mut self) -> bool {
        std::mem::take(&mut self.raised)
    }

    /// A sender whose queue held garbage. The queue was emptied.
    pub(crate) fn take_corrupt(&mut self) -> Option<Party> {
        self.corrupt.pop()
    }
}

//! Workers watched from outside: a callback that takes too long, or a process that does not run at all.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::handler::Callback;
use crate::ipc::directory::Seat;
use crate::session::SessionId;
use crate::shared::{ChildKind, Shared};
use crate::stats::seat_state;
use crate::sync::Ordering;

/// A process that has messages and is in no callback begins one within microseconds. One that has not
/// for so long does not run.
const IDLE_LOOK_MS: u64 = 50;

/// A worker that is stuck.
pub(super) struct Stuck {
    pub(super) seat: Seat,
    /// Session of the callback at work; 0 none.
    pub(super) session: SessionId,
    /// The callback at work, or none: messages wait and are not taken up.
    callback: Callback,
    after_ms: u64,
    /// Number of the message it is at.
    pub(super) taken: u64,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stuck {
            callback,
            session,
            after_ms,
            ..
        } = self;
        match callback {
            Callback::None => write!(f, "has not taken up what waits for it for {after_ms} ms")?,
            _ => write!(
                f,
                "has been in {} for {after_ms} ms, fd {session}",
                callback.name()
            )?,
        }
        f.write_str(": worker_deadline is over, it is terminated")
    }
}

/// What is known of a worker at one moment.
enum Sight {
    /// In a callback that the deadline applies to, since.
    At(u64),
    /// Messages have been waiting for so long (ms), and it is in no callback.
    Keeping(u64),
    /// Nothing to watch.
    Quiet,
}

/// The watch over all workers.
pub(super) struct Watchdog {
    shared: Arc<Shared>,
    /// `worker_deadline`; 0: nobody is watched.
    limit_ms: u64,
    /// Workers that keep messages waiting: the number of messages taken so far, and since when it is that.
    keeping: HashMap<Seat, (u64, u64)>,
}

impl Watchdog {
    pub(super) fn new(shared: Arc<Shared>, limit_ms: u64) -> Watchdog {
        Watchdog {
            shared,
            limit_ms,
            keeping: HashMap::new(),
        }
    }

    /// Those of `seats` that are stuck.
    pub(super) fn look(&mut self, seats: &[Seat], now: u64) -> Vec<Stuck> {
        if self.limit_ms == 0 {
            return Vec::new();
        }
        let limit = self.limit_ms;
        self.keeping.retain(|seat, _| seats.contains(seat));
        let mut stuck = Vec::new();
        for &seat in seats {
            let taken = self.shared.seat_block(seat).begun();
            let after_ms = match self.sight(seat, now) {
                Sight::At(since) if now >= since + limit => now - since,
                Sight::Keeping(age) if age >= limit && self.stands_still(seat, now) => age,
                Sight::Keeping(age) if age >= limit => continue,
                _ => {
                    self.keeping.remove(&seat);
                    continue;
                }
            };
            let block = self.shared.seat_block(seat);
            let at_work = block.callback_since_ms.load(Ordering::Acquire) != 0;
            stuck.push(Stuck {
                seat,
                session: if at_work {
                    block.session.load(Ordering::Relaxed)
                } else {
                    0
                },
                callback: match at_work {
                    true => Callback::from_u32(block.callback.load(Ordering::Relaxed)),
                    false => Callback::None,
                },
                after_ms,
                taken,
            });
        }
        stuck
    }

    /// When to look again. A callback that begins right now must be seen when its time is over, so
    /// `None` means that nobody is watched.
    pub(super) fn next_look(&self, seats: &[Seat], now: u64) -> Option<u64> {
        let limit = self.limit_ms;
        let next = |&seat: &Seat| match self.sight(seat, now) {
            Sight::At(since) if since + limit > now => since + limit,
            Sight::Keeping(age) if age < limit => now + limit - age,
            Sight::Keeping(_) => now + IDLE_LOOK_MS / 2,
            // Stuck, and known to be: its kill is the roster's business.
            Sight::At(_) | Sight::Quiet => now + limit,
        };
        (limit > 0).then(|| seats.iter().map(next).min()).flatten()
    }

    fn sight(&self, seat: Seat, now: u64) -> Sight {
        if self.shared.kind_of(seat.worker()) != ChildKind::Worker {
            return Sight::Quiet; // tasks may take as long as they like
        }
        let block = self.shared.seat_block(seat);
        if block.state.load(Ordering::Acquire) != seat_state::READY {
            return Sight::Quiet; // how long a start and an end may take, the roster knows
        }
        let since = block.callback_since_ms.load(Ordering::Acquire);
        let callback = Callback::from_u32(block.callback.load(Ordering::Relaxed));
        match callback {
            Callback::Connect
            | Callback::Receive
            | Callback::Close
            | Callback::Finish
            | Callback::TaskLost
            | Callback::PipeMessage
                if since > 0 =>
            {
                Sight::At(since)
            }
            callback if callback.is_job() && since > 0 => Sight::At(since),
            _ => match self.shared.queue_age(seat, now) {
                0 => Sight::Quiet,
                age => Sight::Keeping(age),
            },
        }
    }

    /// Whether a worker that keeps messages waiting has not taken any since the last looks.
    fn stands_still(&mut self, seat: Seat, now: u64) -> bool {
        let taken = self.shared.seat_block(seat).begun();
        let (before, since) = self.keeping.entry(seat).or_insert((taken, now));
        if *before != taken {
            (*before, *since) = (taken, now);
        }
        now >= *since + IDLE_LOOK_MS
    }
}

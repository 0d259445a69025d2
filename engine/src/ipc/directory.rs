//! Who can talk to whom: every endpoint, its mailbox and the lanes between them, laid out before the first fork.
//!
//! ```text
//!   from \ to     main     manager   worker seat   reactor
//!   main           -          x           -           x
//!   manager        x          -           -           x
//!   child seat     x          x           -           x
//!   reactor        -          -           x           -
//! ```
//!
//! Children are workers, task workers and user processes; to the latter two no reactor sends. What children send each
//! other goes through the [`super::exchange`].
//!
//! A child's id has two *seats*: its running process sits on one; a replacement that starts before
//! the old process has left sits on the other, with lanes of its own. A process that replaces a dead
//! one takes the dead one's seat and goes on with its lanes.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use super::doorbell::{BellState, Doorbell};
use super::exchange::{Exchange, ExchangeAt, ExchangePlan};
use super::lane::{Casualty, LaneAt, LaneHeader, LaneReader, LaneWriter, Ring};
use super::mailbox::Mailbox;
use super::outlet::Outlet;
use super::shm::{At, Layout, Region};
use crate::sys::eventfd::EventFd;

/// Seats per worker id.
pub(crate) const SEATS: usize = 2;

/// A seat: `id * SEATS + incarnation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Seat(pub(crate) u32);

impl Seat {
    /// First seat of a worker id.
    pub(crate) fn first_of(worker: u32) -> Seat {
        Seat(worker * SEATS as u32)
    }

    /// The worker id this seat belongs to.
    pub(crate) fn worker(self) -> u32 {
        self.0 / SEATS as u32
    }
}

/// Anything that can receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Endpoint {
    /// The master's main thread.
    Main,
    /// The manager process.
    Manager,
    /// A child process of the manager.
    Worker(Seat),
    /// A reactor thread of the master.
    Reactor(u32),
}

/// Sizes the directory depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) workers: u32,
    pub(crate) task_workers: u32,
    pub(crate) user_processes: u32,
    pub(crate) reactors: u32,
    /// Bytes of each lane from a reactor to a worker; a power of two.
    pub(crate) request_lane: usize,
    /// Bytes of each lane from a worker to a reactor; a power of two.
    pub(crate) reply_lane: usize,
    /// Bytes of the queue with one sender's tasks; a power of two.
    pub(crate) task_ring: usize,
    /// Payloads of tasks at work are kept, as they may have to be run again.
    pub(crate) keeps_tasks: bool,
    /// Bytes of parcels that one sender may have outstanding.
    pub(crate) parcel_bytes: u64,
}

/// Lanes that carry orders, and the few sends of main and manager.
const CONTROL_LANE: usize = 16 * 1024;

impl Plan {
    /// All children: workers, then task workers, then user processes.
    pub(crate) fn children(&self) -> u32 {
        self.workers + self.task_workers + self.user_processes
    }

    fn exchange(&self) -> ExchangePlan {
        ExchangePlan {
            children: self.children(),
            first_task: self.workers,
            task_workers: self.task_workers,
            task_ring: self.task_ring,
            parcel_bytes: self.parcel_bytes,
        }
    }

    fn endpoints(&self) -> impl Iterator<Item = Endpoint> {
        let seats = self.children() * SEATS as u32;
        [Endpoint::Main, Endpoint::Manager]
            .into_iter()
            .chain((0..seats).map(|seat| Endpoint::Worker(Seat(seat))))
            .chain((0..self.reactors).map(Endpoint::Reactor))
    }

    /// Size of the lane between two endpoints; `None` if they do not talk.
    fn lane(&self, from: Endpoint, to: Endpoint) -> Option<usize> {
        use Endpoint::{Main, Manager, Reactor, Worker};
        match (from, to) {
            (Main, Manager | Reactor(_)) => Some(CONTROL_LANE),
            (Manager, Main | Reactor(_)) => Some(CONTROL_LANE),
            (Worker(_), Main | Manager) => Some(CONTROL_LANE),
            (Worker(_), Reactor(_)) => Some(self.reply_lane),
            (Reactor(_), Worker(seat)) => {
                (seat.worker() < self.workers).then_some(self.request_lane)
            }
            _ => None,
        }
    }
}

/// Places of everything in shared memory, before it is mapped.
pub(crate) struct Drawing {
    plan: Plan,
    bells: HashMap<Endpoint, At<BellState>>,
    lanes: HashMap<(Endpoint, Endpoint), LaneAt>,
    exchange: ExchangeAt,
}

impl Drawing {
    /// Reserve room for all mailboxes and lanes.
    pub(crate) fn new(plan: Plan, layout: &mut Layout) -> Drawing {
        let mut bells = HashMap::new();
        let mut lanes = HashMap::new();
        for to in plan.endpoints() {
            bells.insert(to, layout.place(1));
            for from in plan.endpoints() {
                if let Some(size) = plan.lane(from, to) {
                    let at = LaneAt {
                        header: layout.place::<LaneHeader>(1),
                        ring: layout.bytes(size),
                    };
                    lanes.insert((from, to), at);
                }
            }
        }
        let exchange = ExchangeAt::place(plan.exchange(), layout);
        Drawing {
            plan,
            bells,
            lanes,
            exchange,
        }
    }
}

/// The finished directory. Made once, before the first fork; every process has the same one.
pub(crate) struct Directory {
    region: Arc<Region>,
    drawing: Drawing,
    wakes: HashMap<Endpoint, Arc<EventFd>>,
    exchange: Exchange,
}

impl Directory {
    /// Open the bells of a drawing whose region is mapped.
    pub(crate) fn open(drawing: Drawing, region: Arc<Region>) -> io::Result<Directory> {
        let mut wakes = HashMap::new();
        for endpoint in drawing.plan.endpoints() {
            wakes.insert(endpoint, Arc::new(EventFd::new()?));
        }
        Ok(Directory {
            exchange: Exchange::open(Arc::clone(&region), drawing.exchange)?,
            region,
            drawing,
            wakes,
        })
    }

    /// What processes send each other beside the traffic of clients.
    pub(crate) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The bell of `endpoint`.
    pub(crate) fn bell(&self, endpoint: Endpoint) -> Doorbell {
        let at = self.drawing.bells[&endpoint];
        Doorbell::new(
            Arc::clone(&self.region),
            at,
            Arc::clone(&self.wakes[&endpoint]),
        )
    }

    /// The mailbox of `owner`. One process at a time may hold it.
    pub(crate) fn mailbox(&self, owner: Endpoint) -> Mailbox {
        let mut mailbox = Mailbox::new(Arc::clone(&self.region), self.bell(owner));
        for from in self.senders_to(owner) {
            let lane = LaneReader::attach(self.ring(from, owner));
            mailbox.add(from, lane, self.bell(from));
        }
        mailbox
    }

    /// The sending end from `from` to `to`. One process or thread at a time may hold it.
    pub(crate) fn outlet(&self, from: Endpoint, to: Endpoint) -> Outlet {
        Outlet::new(LaneWriter::attach(self.ring(from, to)), self.bell(to))
    }

    /// What died with the process on `owner`'s mailbox; steps over it. For the manager, after it has
    /// reaped that process and before it starts a successor.
    pub(crate) fn settle(&self, owner: Endpoint) -> Vec<Casualty> {
        let mut casualties = Vec::new();
        for from in self.senders_to(owner) {
            casualties.extend(LaneReader::settle(self.ring(from, owner)));
        }
        // Killed between publishing and ringing, it has left mail nobody was rung for.
        for to in self.receivers_of(owner) {
            self.bell(to).ring_if_asleep();
        }
        casualties
    }

    /// Whether everything sent from one endpoint to another has been dealt with.
    pub(crate) fn is_drained(&self, from: Endpoint, to: Endpoint) -> bool {
        LaneWriter::attach(self.ring(from, to)).is_drained()
    }

    /// Messages from one endpoint to another: pushed and not finished, and those finished, ever.
    pub(crate) fn progress(&self, from: Endpoint, to: Endpoint) -> (u64, u64) {
        LaneWriter::attach(self.ring(from, to)).progress()
    }

    fn senders_to(&self, owner: Endpoint) -> impl Iterator<Item = Endpoint> {
        self.drawing
            .plan
            .endpoints()
            .filter(move |&from| self.drawing.plan.lane(from, owner).is_some())
    }

    fn receivers_of(&self, owner: Endpoint) -> impl Iterator<Item = Endpoint> {
        self.drawing
            .plan
            .endpoints()
            .filter(move |&to| self.drawing.plan.lane(owner, to).is_some())
    }

    fn ring(&self, from: Endpoint, to: Endpoint) -> Ring {
        Ring::new(&self.region, self.drawing.lanes[&(from, to)])
    }
}

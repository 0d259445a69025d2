//! Where everything of the exchange is in shared memory, and how large.

use super::names::{SUPERVISORS, Target};
use crate::ipc::directory::SEATS;
use crate::ipc::lane::{LaneAt, LaneHeader};
use crate::ipc::parcels::{ParcelPlan, ParcelsAt};
use crate::ipc::queue::Claim;
use crate::ipc::shm::{At, BytesAt, Layout};
use crate::sync::AtomicU64;

/// All rings of one kind together shall not be larger than this; it is address space, not memory.
const ALL_RINGS: usize = 8 << 30;
/// Ring sizes of requests and replies.
const SMALLEST_RING: usize = 64 << 10;
const LARGEST_REQUESTS: usize = 16 << 20;
const LARGEST_REPLIES: usize = 8 << 20;
const LARGEST_ANSWERS: usize = 1 << 20;

/// Sizes the exchange depends on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ExchangePlan {
    /// All children: workers, then task workers, then user processes.
    pub(crate) children: u32,
    /// Id of the first task worker.
    pub(crate) first_task: u32,
    pub(crate) task_workers: u32,
    /// Bytes of each task queue; a power of two.
    pub(crate) task_ring: usize,
    /// Bytes of parcels that one sender may have outstanding.
    pub(crate) parcel_bytes: u64,
}

impl ExchangePlan {
    /// Which task worker a child is, counted from 0.
    pub(crate) fn task_worker(&self, child: u32) -> Option<u32> {
        let index = child.checked_sub(self.first_task)?;
        (index < self.task_workers).then_some(index)
    }

    pub(super) fn parties(&self) -> usize {
        (SUPERVISORS + self.children * SEATS as u32) as usize
    }

    pub(super) fn words(&self) -> usize {
        self.parties().div_ceil(64)
    }

    /// Receivers of requests: the children, main, manager.
    pub(super) fn targets(&self) -> usize {
        self.children as usize + 2
    }

    pub(super) fn target(&self, target: Target) -> usize {
        match target {
            Target::Child(id) => id as usize,
            Target::Main => self.children as usize,
            Target::Manager => self.children as usize + 1,
        }
    }

    /// The largest ring that keeps so many of them within bounds.
    pub(super) fn ring(count: usize, largest: usize) -> usize {
        let share = ALL_RINGS / count.max(1);
        let power = match share.is_power_of_two() {
            true => share,
            false => share.next_power_of_two() / 2,
        };
        power.clamp(SMALLEST_RING, largest)
    }
}

/// Queues of one kind, by number.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueuesAt {
    pub(super) claims: At<Claim>,
    pub(super) headers: At<LaneHeader>,
    pub(super) rings: BytesAt,
    pub(super) ring: usize,
    pub(super) count: usize,
}

impl QueuesAt {
    pub(super) fn place(layout: &mut Layout, count: usize, ring: usize) -> QueuesAt {
        QueuesAt {
            claims: layout.place(count),
            headers: layout.place(count),
            rings: layout.bytes(count * ring),
            ring,
            count,
        }
    }

    pub(super) fn lane(&self, index: usize) -> LaneAt {
        LaneAt {
            header: self.headers.nth(index),
            ring: self.rings.part(index, self.ring),
        }
    }
}

/// Places of everything here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExchangeAt {
    pub(super) plan: ExchangePlan,
    pub(super) tasks: QueuesAt,
    pub(super) targeted: QueuesAt,
    pub(super) requests: QueuesAt,
    pub(super) replies: QueuesAt,
    pub(super) answers: QueuesAt,
    pub(super) task_flags: At<AtomicU64>,
    pub(super) targeted_flags: At<AtomicU64>,
    /// Queues of tasks that have ever been sent to, as the flags are.
    pub(super) tasks_used: At<AtomicU64>,
    pub(super) targeted_used: At<AtomicU64>,
    pub(super) request_flags: At<AtomicU64>,
    pub(super) reply_flags: At<AtomicU64>,
    pub(super) answer_flags: At<AtomicU64>,
    /// By seat of a task worker.
    pub(super) sleepers: At<AtomicU64>,
    pub(super) parcels: ParcelsAt,
}

impl ExchangeAt {
    /// Reserve room.
    pub(crate) fn place(plan: ExchangePlan, layout: &mut Layout) -> ExchangeAt {
        let (parties, targets) = (plan.parties(), plan.targets());
        let senders_of_tasks = if plan.task_workers == 0 { 0 } else { parties };
        let (requests, replies) = (parties * targets, parties * parties);
        let (largest_replies, largest_answers) = match plan.task_workers {
            0 => (SMALLEST_RING, SMALLEST_RING), // of commands only
            _ => (LARGEST_REPLIES, LARGEST_ANSWERS),
        };
        let targeted = parties * plan.task_workers as usize;
        ExchangeAt {
            plan,
            tasks: QueuesAt::place(layout, senders_of_tasks, plan.task_ring),
            targeted: QueuesAt::place(
                layout,
                targeted,
                ExchangePlan::ring(targeted, LARGEST_REQUESTS),
            ),
            requests: QueuesAt::place(
                layout,
                requests,
                ExchangePlan::ring(requests, LARGEST_REQUESTS),
            ),
            replies: QueuesAt::place(
                layout,
                replies,
                ExchangePlan::ring(replies, largest_replies),
            ),
            answers: QueuesAt::place(
                layout,
                replies,
                ExchangePlan::ring(replies, largest_answers),
            ),
            task_flags: layout.place(plan.words()),
            targeted_flags: layout.place(plan.words() * plan.task_workers as usize),
            tasks_used: layout.place(plan.words()),
            targeted_used: layout.place(plan.words() * plan.task_workers as usize),
            request_flags: layout.place(plan.words() * targets),
            reply_flags: layout.place(plan.words() * parties),
            answer_flags: layout.place(plan.words() * parties),
            sleepers: layout.place((plan.task_workers as usize * SEATS).div_ceil(64)),
            parcels: ParcelsAt::place(ParcelPlan::new(plan.parcel_bytes, parties), layout),
        }
    }
}

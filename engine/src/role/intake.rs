//! Tasks of other programs: threads of the master that take them from a System V message queue (`task_ipc_mode` 2 and 3).
//!
//! Inside the server tasks travel by the exchange, whatever the mode: it never blocks, has no 8 KiB limit and knows who
//! died with what. The message queue is only the door for programs outside. The thread waits in `msgrcv`, so nothing
//! wakes while nothing comes. With mode 2 there is one for each task worker, so that what is for a slow one holds up
//! nobody else's; with mode 3 one for all.
//!
//! **Back pressure.** Only a few tasks at a time leave the message queue: it is what survives a crash of the server. A
//! thread takes a message when there is room for it, never before: then the queue fills, and who feeds it waits.
//!
//! **End.** A message is taken or the call is interrupted, never both: the master says that the end has come, and
//! interrupts each thread until it is gone. A signal between the look at that word and the call would be missed, so it is
//! sent again. What was taken is in the exchange by then: run while the server drains, else put back ([`Shelf`]).

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::exit;
use crate::context::{Feeder, wake_feeders};
use crate::error::code;
use crate::log::Log;
use crate::settings::IpcMode;
use crate::shared::Shared;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::sys::message_queue::{MessageQueue, Queued};
use crate::sys::{clock, fork, signal};
use crate::task::{self, flags};

/// Tasks that have left the message queue for a task worker and wait: while it is at one, the next one is there. At a stop
/// they find no room in a queue that was filled meanwhile, so they shall be few.
const AHEAD: u64 = 1;
/// Where the size of a buffer for messages begins; the system's limit is usually half of that.
const FIRST_ROOM: usize = 16 << 10;
/// Time between two interruptions.
const AGAIN: Duration = Duration::from_micros(500);
/// A thread that is not gone by then is left behind.
const GIVE_UP_MS: u64 = 2_000;
const REMOVED: &str =
    "the message queue was removed: other programs cannot give tasks until a restart";
/// A signal that has a handler in the master, and does nothing there when no child has ended.
const INTERRUPT: i32 = signal::SIGCHLD;

/// The threads.
#[derive(Default)]
pub(super) struct Intake {
    threads: Vec<JoinHandle<()>>,
    common: Arc<Common>,
}

#[derive(Default)]
struct Common {
    ended: AtomicU32,
    next_id: AtomicU64,
}

/// One thread's.
struct Door {
    queue: MessageQueue,
    /// Type of the messages it takes; 0: all.
    kind: i64,
    feeder: Feeder,
    /// Tasks that may wait.
    limit: u64,
    room: usize,
    common: Arc<Common>,
    log: Log,
}

impl Intake {
    /// Open the door, if the server has one.
    pub(super) fn open(shared: &Arc<Shared>, mode: IpcMode, log: &Log) -> std::io::Result<Intake> {
        let mut intake = Intake::default();
        let workers = shared.task_workers();
        let targets: Vec<Option<u32>> = match mode.is_any() {
            true => vec![None],
            false => (0..workers).map(Some).collect(),
        };
        for target in targets {
            let Some(queue) = shared.task_source.queue() else {
                break;
            };
            let door = Door {
                queue,
                kind: target.map_or(0, |worker| message_type(shared, worker)),
                feeder: Feeder::new(Arc::clone(shared), target),
                limit: target.map_or(AHEAD * u64::from(workers), |_| AHEAD),
                room: FIRST_ROOM,
                common: Arc::clone(&intake.common),
                log: log.clone(),
            };
            let thread = std::thread::Builder::new().name("intake".into());
            intake.threads.push(thread.spawn(move || live(door))?);
        }
        Ok(intake)
    }

    /// Close it: from here on nothing is taken.
    pub(super) fn close(&mut self, shared: &Shared, log: &Log) {
        self.common.ended.store(1, Ordering::SeqCst);
        let give_up = clock::monotonic_ms() + GIVE_UP_MS;
        loop {
            let (gone, left) = std::mem::take(&mut self.threads)
                .into_iter()
                .partition(JoinHandle::is_finished);
            self.threads = left;
            for thread in gone {
                let _ = JoinHandle::<()>::join(thread); // its panic has ended the process
            }
            if self.threads.is_empty() {
                return;
            }
            if clock::monotonic_ms() >= give_up {
                log.error("the intake of tasks does not end");
                return self.threads.clear();
            }
            wake_feeders(shared);
            for thread in &self.threads {
                signal::interrupt_thread(thread, INTERRUPT);
            }
            std::thread::sleep(AGAIN);
        }
    }
}

/// Type of the messages for a task worker.
fn message_type(shared: &Shared, worker: u32) -> i64 {
    i64::from(shared.workers() + worker) + 1
}

fn live(mut door: Door) {
    signal::block_others_in_thread(INTERRUPT);
    let log = door.log.clone();
    let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| door.serve()));
    if lived.is_err() {
        log.error("Fatal error: the intake of tasks panicked");
        fork::exit_now(exit::PANICKED);
    }
}

impl Door {
    fn serve(&mut self) {
        while self.common.ended.load(Ordering::SeqCst) == 0 {
            if !self.feeder.has_room(self.limit) {
                continue;
            }
            match self.queue.receive(self.kind, self.room, true) {
                Ok(Queued::Done(_, length)) => self.take(length),
                Ok(Queued::Interrupted | Queued::WouldBlock) => {}
                Ok(Queued::Removed) => return self.log.error(REMOVED),
                Err(error) if self.widen(&error) => {}
                // Removed before the call, which the error alone does not tell.
                Err(_) if self.queue.state().is_err() => return self.log.error(REMOVED),
                Err(error) => {
                    self.log.error(format_args!(
                        "msgrcv() failed: other programs cannot give tasks until a restart: {error}"
                    ));
                    return;
                }
            }
        }
    }

    /// There is a message that is longer than the buffer.
    fn widen(&mut self, error: &std::io::Error) -> bool {
        let Ok(state) = self.queue.state() else {
            return false;
        };
        let widest = usize::try_from(state.capacity)
            .unwrap_or(usize::MAX)
            .max(FIRST_ROOM);
        let may = error.kind() == std::io::ErrorKind::ArgumentListTooLong && self.room < widest;
        self.room = self.room.saturating_mul(2).min(widest);
        may
    }

    fn take(&mut self, length: usize) {
        let (kind, data) = match task::unpack(self.queue.received(length)) {
            Ok(packet) => packet,
            Err(bad) => return self.log.coded("msgrcv", code::PACKAGE_MALFORMED_DATA, bad),
        };
        let id = self.common.next_id.fetch_add(1, Ordering::Relaxed);
        if !self.feeder.give(id, data, kind) {
            let text = format_args!("a task of {} bytes is too big, it is dropped", data.len());
            self.log.coded("msgrcv", code::TASK_TOO_BIG, text);
        }
    }
}

/// Where tasks go that nobody has taken when the server ends: back into the message queue, for the next one.
pub(super) struct Shelf<'s> {
    shared: &'s Shared,
    queue: Option<MessageQueue>,
    next: u32,
}

impl<'s> Shelf<'s> {
    pub(super) fn new(shared: &'s Shared) -> Shelf<'s> {
        Shelf {
            shared,
            queue: shared.task_source.queue(),
            next: 0,
        }
    }

    /// Put a task there, for one task worker or any. Never waits. False: there is no queue, or no room in it.
    pub(super) fn put(&mut self, target: Option<u32>, data: &[u8], kind: u8) -> bool {
        let Some(queue) = &mut self.queue else {
            return false;
        };
        let worker = target.unwrap_or_else(|| {
            self.next = (self.next + 1) % self.shared.task_workers().max(1);
            self.next
        });
        let packed = task::pack(data, kind & flags::SERIALIZE);
        let sent = queue.send(message_type(self.shared, worker), &packed, false);
        matches!(sent, Ok(Queued::Done(..)))
    }
}

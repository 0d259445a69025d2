//! One writer or many readers, made of mutexes that the death of their holder frees.
//!
//! ```text
//!   gate | seat 0 | seat 1 | ... | seat 1022
//! ```
//!
//! * A reader passes the gate (takes it, takes a free seat, gives the gate back) and keeps the seat.
//! * A writer takes the gate, so that no reader comes any more, waits for each seat in turn until it is empty, and
//!   keeps the gate. It takes a seat and gives it back: with the gate in its hands nobody sits down again.
//!
//! Whoever dies at whatever instruction holds nothing but mutexes, and the kernel gives them on. The words beside
//! them only save work: `made` says how many seats have been made mutexes, `used` that no seat from there on is taken;
//! both are written by the holder of the gate, before what they announce. `writing` is 1 while a writer holds the
//! gate: so one who only tries knows a reader that is passing from a writer, and the next one that the writer
//! died.

use std::io;
use std::time::{Duration, Instant};

use super::super::patience::Patience;
use super::{LockError, Locked, NAP, Result, take, try_take};
use crate::ipc::shm::{At, Layout, Region, shared_block};
use crate::sync::{AtomicU32, Ordering};
use crate::sys::mutex::{RobustMutex, Taken};

/// Readers at once. The kernel follows a dead thread's list of mutexes for 2048 entries.
const SEATS: usize = 1023;

/// A reader passes the gate in well under a microsecond; one that was stopped there is not waited for longer.
const PASSING: Duration = Duration::from_millis(200);

/// Which seat a reader has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seat(u32);

impl Seat {
    /// For locks without seats.
    pub(super) const NONE: Seat = Seat(0);
}

shared_block! {
    struct Gate {
        mutex: RobustMutex,
        made: AtomicU32,
        used: AtomicU32,
        writing: AtomicU32,
    }
}

shared_block! {
    struct Chair {
        mutex: RobustMutex,
    }
}

pub(super) struct ReadWriteLock {
    region: Region,
    gate: At<Gate>,
    chairs: At<Chair>,
}

impl ReadWriteLock {
    pub(super) fn new() -> io::Result<ReadWriteLock> {
        let mut layout = Layout::default();
        let (gate, chairs) = (layout.place(1), layout.place(SEATS));
        let lock = ReadWriteLock {
            region: Region::map(&layout)?,
            gate,
            chairs,
        };
        lock.gate().mutex.init()?;
        Ok(lock)
    }

    fn gate(&self) -> &Gate {
        self.region.one(self.gate)
    }

    fn chairs(&self) -> &[Chair] {
        self.region.slice(self.chairs)
    }

    pub(super) fn read(&self, patience: &mut Patience<'_>) -> Result<(Seat, Locked)> {
        loop {
            let taken = take(&self.gate().mutex, patience)?;
            if let Some(read) = self.sit_down(taken)? {
                return Ok(read);
            }
            patience.nap(NAP)?; // all seats are taken
        }
    }

    pub(super) fn try_read(&self) -> Result<(Seat, Locked)> {
        let taken = self.try_gate()?;
        self.sit_down(taken)?.ok_or(LockError::Busy)
    }

    /// With the gate in our hands, which is given back in any case.
    fn sit_down(&self, taken: Taken) -> Result<Option<(Seat, Locked)>> {
        let locked = self.last_writer(taken);
        let seat = self.free_seat();
        self.gate().mutex.unlock()?;
        Ok(seat?.map(|seat| (seat, locked)))
    }

    fn free_seat(&self) -> Result<Option<Seat>> {
        let gate = self.gate();
        for (index, chair) in (0..).zip(self.chairs()) {
            if index >= gate.made.load(Ordering::Relaxed) {
                chair.mutex.init()?;
                gate.made.store(index + 1, Ordering::Relaxed);
            }
            if index >= gate.used.load(Ordering::Relaxed) {
                gate.used.store(index + 1, Ordering::Relaxed);
            }
            if try_take(&chair.mutex)?.is_some() {
                return Ok(Some(Seat(index)));
            }
        }
        Ok(None)
    }

    /// Whether the writer before us died. Only for the holder of the gate.
    fn last_writer(&self, taken: Taken) -> Locked {
        let writing = self.gate().writing.swap(0, Ordering::Relaxed);
        match taken {
            Taken::Orphaned if writing == 1 => Locked::HolderDied,
            _ => Locked::Clean,
        }
    }

    /// The gate, unless a writer holds it.
    fn try_gate(&self) -> Result<Taken> {
        let gate = self.gate();
        let end = Instant::now() + PASSING;
        loop {
            if let Some(taken) = try_take(&gate.mutex)? {
                return Ok(taken);
            }
            if gate.writing.load(Ordering::Relaxed) == 1 || Instant::now() >= end {
                return match try_take(&gate.mutex)? {
                    Some(taken) => Ok(taken), // of a dead writer
                    None => Err(LockError::Busy),
                };
            }
            std::thread::yield_now();
        }
    }

    pub(super) fn write(&self, patience: &mut Patience<'_>) -> Result<Locked> {
        let taken = take(&self.gate().mutex, patience)?;
        self.clear(taken, |seat| take(seat, patience))
    }

    pub(super) fn try_write(&self) -> Result<Locked> {
        let taken = self.try_gate()?;
        self.clear(taken, |seat| try_take(seat)?.ok_or(LockError::Busy))
    }

    /// With the gate in our hands: wait for the readers. On failure the gate is given back.
    fn clear(
        &self,
        taken: Taken,
        mut seat: impl FnMut(&RobustMutex) -> Result<Taken>,
    ) -> Result<Locked> {
        let gate = self.gate();
        let locked = self.last_writer(taken);
        gate.writing.store(1, Ordering::Relaxed);
        let used = gate.used.load(Ordering::Relaxed) as usize;
        let cleared = self
            .chairs()
            .iter()
            .take(used)
            .try_for_each(|chair| -> Result<()> {
                seat(&chair.mutex)?;
                Ok(chair.mutex.unlock()?)
            });
        match cleared {
            Ok(()) => {
                gate.used.store(0, Ordering::Relaxed);
                Ok(locked)
            }
            Err(error) => {
                self.end_writing()?;
                Err(error)
            }
        }
    }

    pub(super) fn end_writing(&self) -> Result<()> {
        self.gate().writing.store(0, Ordering::Relaxed);
        Ok(self.gate().mutex.unlock()?)
    }

    /// Seats that may be taken.
    #[cfg(test)]
    pub(super) fn used(&self) -> u32 {
        self.gate().used.load(Ordering::Relaxed)
    }

    pub(super) fn leave(&self, seat: Seat) -> Result<()> {
        match self.chairs().get(seat.0 as usize) {
            Some(chair) => Ok(chair.mutex.unlock()?),
            None => Err(LockError::NotHolder),
        }
    }
}

//! Locks between processes, which the death of their holder frees.
//!
//! Nobody records process ids or looks for the dead. What is held in memory is held through the robust mutexes of
//! [`crate::sys::mutex`], also under the other kinds: the kernel itself gives them on when a thread ends in whatever
//! way. What is held in a file is held through the kernel's file locks, which end with the descriptor.
//!
//! Holding is a matter of one thread: a child does not hold what its parent held when it was forked, and cannot
//! give it back.

mod file;
mod readers;

use std::cell::Cell;
use std::io;
use std::marker::PhantomData;
use std::path::Path;
use std::time::Duration;

use self::file::FileLock;
use self::readers::{ReadWriteLock, Seat};
use super::patience::Patience;
use super::pool::{Place, Pool};
use crate::ipc::shm::shared_block;
use crate::sys::forks;
use crate::sys::mutex::{RobustMutex, Taken};

shared_block! {
    struct Cabin {
        mutex: RobustMutex,
    }
}

static CABINS: Pool<Cabin> = Pool::new();

/// What is in memory. A lock on a file is another constructor, [`Lock::file`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockKind {
    /// One holder; the others sleep.
    Mutex,
    /// One holder; the others try again and again, and sleep for a moment when that has not helped.
    Spin,
    /// A semaphore of one. It has a holder, as the others do, who alone may give it back.
    Semaphore,
    /// One writer or up to 1023 readers. Readers that come after a writer has asked wait for it.
    ReadWrite,
}

/// How to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Alone.
    Exclusive,
    /// With others that hold it in this mode. [`LockKind::ReadWrite`] and files have it; the others are exclusive always.
    Shared,
}

/// The lock is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locked {
    /// As it should be.
    Clean,
    /// The last exclusive holder died with it: what it guards may be half done. Told once; file locks cannot tell.
    HolderDied,
}

/// The lock is not ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody holds it.
    #[error("the lock is held")]
    Busy,
    /// Somebody held it all the time.
    #[error("the lock was not free in time")]
    TimedOut,
    /// The caller holds it and would wait for itself.
    #[error("the caller holds the lock already")]
    Deadlock,
    /// The caller does not hold it, so it cannot give it back.
    #[error("the caller does not hold the lock")]
    NotHolder,
    /// The caller did not want to wait any longer.
    #[error("the waiting was ended")]
    Interrupted,
    /// The system refused.
    #[error("the lock does not work")]
    System(#[from] io::Error),
}

impl LockError {
    /// As a number of errno(3).
    pub fn errno(&self) -> i32 {
        match self {
            LockError::Busy => 16,
            LockError::TimedOut => 110,
            LockError::Deadlock => 35,
            LockError::NotHolder => 1,
            LockError::Interrupted => 4,
            LockError::System(error) => error.raw_os_error().unwrap_or(22),
        }
    }
}

type Result<T> = std::result::Result<T, LockError>;

/// What this thread holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    No,
    Exclusive,
    Shared { seat: Seat, times: u32 },
}

enum Inner {
    Mutex(Place<Cabin>),
    Spin(Place<Cabin>),
    ReadWrite(ReadWriteLock),
    File(FileLock),
}

/// A lock between processes. Make it before they are forked; each then has it.
///
/// Given back when dropped by its holder.
pub struct Lock {
    inner: Inner,
    held: Cell<Held>,
    /// The process that `held` is about: [`forks::generation`].
    generation: Cell<u64>,
    /// Holding belongs to a thread.
    _thread: PhantomData<*const ()>,
}

impl Lock {
    /// A lock in shared memory. The error is the system's, when it has no memory.
    pub fn new(kind: LockKind) -> io::Result<Lock> {
        let cabin = || {
            let cabin = CABINS.place()?;
            cabin.mutex.init()?;
            Ok::<_, io::Error>(cabin)
        };
        Ok(Lock::of(match kind {
            LockKind::Mutex | LockKind::Semaphore => Inner::Mutex(cabin()?),
            LockKind::Spin => Inner::Spin(cabin()?),
            LockKind::ReadWrite => Inner::ReadWrite(ReadWriteLock::new()?),
        }))
    }

    /// A lock on a file, against every process that locks that file, related or not. Made if it is not there; never
    /// written to, never removed. The error is what opening it said.
    pub fn file(path: &Path) -> io::Result<Lock> {
        Ok(Lock::of(Inner::File(FileLock::new(path)?)))
    }

    fn of(inner: Inner) -> Lock {
        forks::watch();
        Lock {
            inner,
            held: Cell::new(Held::No),
            generation: Cell::new(forks::generation()),
            _thread: PhantomData,
        }
    }

    /// Take it, waiting at most this long (`None`: for ever). Who holds it in shared mode and asks for that again has
    /// it once more, and must give it back as often.
    ///
    /// # Errors
    /// [`LockError::TimedOut`]; [`LockError::Deadlock`] if only the caller itself could end the waiting.
    pub fn lock(&self, mode: LockMode, timeout: Option<Duration>) -> Result<Locked> {
        self.lock_while(mode, timeout, &mut || true)
    }

    /// The same, and [`LockError::Interrupted`] as soon as `go_on` says no. It is asked ten times a second at least.
    ///
    /// # Errors
    /// As for [`Lock::lock`].
    pub fn lock_while(
        &self,
        mode: LockMode,
        timeout: Option<Duration>,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Locked> {
        let mode = self.effective(mode);
        let before = self.held();
        // What `go_on` runs may take or give back this very lock: then there is nothing left to wait for.
        let mut go_on = || go_on() && self.held() == before;
        let mut patience = Patience::new(timeout, &mut go_on);
        match (before, mode) {
            (Held::No, _) => {}
            (Held::Shared { seat, times }, LockMode::Shared) => return self.once_more(seat, times),
            (held, _) => {
                let hopeless = matches!(self.inner, Inner::ReadWrite(_)) && held == Held::Exclusive;
                if hopeless || patience.is_endless() {
                    return Err(LockError::Deadlock);
                }
                loop {
                    patience.nap(NAP)?;
                }
            }
        }
        match (&self.inner, mode) {
            (Inner::Mutex(cabin), _) => self.exclusive(take(&cabin.mutex, &mut patience)?),
            (Inner::Spin(cabin), _) => self.exclusive(spin(&cabin.mutex, &mut patience)?),
            (Inner::ReadWrite(lock), LockMode::Exclusive) => {
                let locked = lock.write(&mut patience)?;
                self.held.set(Held::Exclusive);
                Ok(locked)
            }
            (Inner::ReadWrite(lock), LockMode::Shared) => {
                let (seat, locked) = lock.read(&mut patience)?;
                self.held.set(Held::Shared { seat, times: 1 });
                Ok(locked)
            }
            (Inner::File(lock), mode) => {
                while !lock.try_lock(mode)? {
                    patience.nap(NAP)?;
                }
                Ok(self.has_file(mode))
            }
        }
    }

    /// Take it if that is possible now.
    ///
    /// # Errors
    /// [`LockError::Busy`].
    pub fn try_lock(&self, mode: LockMode) -> Result<Locked> {
        let mode = self.effective(mode);
        match (self.held(), mode) {
            (Held::No, _) => {}
            (Held::Shared { seat, times }, LockMode::Shared) => return self.once_more(seat, times),
            _ => return Err(LockError::Busy),
        }
        match (&self.inner, mode) {
            (Inner::Mutex(cabin) | Inner::Spin(cabin), _) => {
                self.exclusive(try_take(&cabin.mutex)?.ok_or(LockError::Busy)?)
            }
            (Inner::ReadWrite(lock), LockMode::Exclusive) => {
                let locked = lock.try_write()?;
                self.held.set(Held::Exclusive);
                Ok(locked)
            }
            (Inner::ReadWrite(lock), LockMode::Shared) => {
                let (seat, locked) = lock.try_read()?;
                self.held.set(Held::Shared { seat, times: 1 });
                Ok(locked)
            }
            (Inner::File(lock), mode) => match lock.try_lock(mode)? {
                true => Ok(self.has_file(mode)),
                false => Err(LockError::Busy),
            },
        }
    }

    /// Give it back.
    ///
    /// # Errors
    /// [`LockError::NotHolder`], and then nothing has changed.
    pub fn unlock(&self) -> Result<()> {
        let held = self.held();
        let left = match held {
            Held::No => return Err(LockError::NotHolder),
            Held::Shared { seat, times } if times > 1 => {
                let times = times - 1;
                self.held.set(Held::Shared { seat, times });
                return Ok(());
            }
            held => held,
        };
        match (&self.inner, left) {
            (Inner::Mutex(cabin) | Inner::Spin(cabin), _) => cabin.mutex.unlock()?,
            (Inner::ReadWrite(lock), Held::Shared { seat, .. }) => lock.leave(seat)?,
            (Inner::ReadWrite(lock), _) => lock.end_writing()?,
            (Inner::File(lock), _) => lock.unlock()?,
        }
        self.held.set(Held::No);
        Ok(())
    }

    fn effective(&self, mode: LockMode) -> LockMode {
        match self.inner {
            Inner::Mutex(_) | Inner::Spin(_) => LockMode::Exclusive,
            Inner::ReadWrite(_) | Inner::File(_) => mode,
        }
    }

    fn held(&self) -> Held {
        let generation = forks::generation();
        if self.generation.replace(generation) != generation {
            self.held.set(Held::No); // that was the parent
        }
        self.held.get()
    }

    fn once_more(&self, seat: Seat, times: u32) -> Result<Locked> {
        // As many times as nobody has patience for.
        let times = times.checked_add(1).ok_or(LockError::Busy)?;
        self.held.set(Held::Shared { seat, times });
        Ok(Locked::Clean)
    }

    fn exclusive(&self, taken: Taken) -> Result<Locked> {
        self.held.set(Held::Exclusive);
        Ok(match taken {
            Taken::Free => Locked::Clean,
            Taken::Orphaned => Locked::HolderDied,
        })
    }

    fn has_file(&self, mode: LockMode) -> Locked {
        self.held.set(match mode {
            LockMode::Exclusive => Held::Exclusive,
            LockMode::Shared => Held::Shared {
                seat: Seat::NONE,
                times: 1,
            },
        });
        Locked::Clean
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        while self.unlock().is_ok() {} // once per time it is held
    }
}

/// Pause between two tries where nobody wakes the one who waits.
const NAP: Duration = Duration::from_millis(5);

/// Longest sleep on a mutex: the C library goes on by itself after a signal, so this is how late one may be noticed.
const SLICE: Duration = Duration::from_millis(100);

/// Tries before a spinning process lets others run: more than a short critical section takes, less than a
/// scheduler's slice.
const SPINS: u32 = 2000;

fn try_take(mutex: &RobustMutex) -> Result<Option<Taken>> {
    match mutex.try_lock() {
        Ok(taken) => Ok(Some(taken)),
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn take(mutex: &RobustMutex, patience: &mut Patience<'_>) -> Result<Taken> {
    if let Some(taken) = try_take(mutex)? {
        return Ok(taken);
    }
    loop {
        match mutex.lock_for(patience.slice(SLICE)?) {
            Ok(taken) => return Ok(taken),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn spin(mutex: &RobustMutex, patience: &mut Patience<'_>) -> Result<Taken> {
    let mut nap = Duration::from_micros(20);
    loop {
        for _ in 0..SPINS {
            if let Some(taken) = try_take(mutex)? {
                return Ok(taken);
            }
            std::hint::spin_loop();
        }
        // The holder does not run, or takes its time: on a machine with few CPUs spinning would keep it from both.
        patience.nap(nap)?;
        nap = (nap * 2).min(Duration::from_millis(1));
    }
}

#[cfg(test)]
mod tests;

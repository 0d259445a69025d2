//! A mutex between processes that its holder's death sets free: the C library's robust mutex, in shared memory.
//!
//! The C library keeps the list of what a thread holds, and the kernel walks it when the thread ends in whatever
//! way: so there is no process id to record, to look up, or to mistake for that of a later process, and it works
//! where there is no `/proc`.
//!
//! It is taken in one of two ways: [`RobustMutex::try_lock`] and [`RobustMutex::lock_for`], where taking and giving back are
//! calls of a user's, and [`RobustMutex::hold`], a guard for the engine's own short work, whose next holder is told of a death
//! until somebody has put things in order.

use std::cell::UnsafeCell;
use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Zeroed memory is a place for one; [`RobustMutex::init`] makes it. Neighbours share no cache line.
#[repr(C, align(64))]
pub(crate) struct RobustMutex(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: all access is through the functions of the C library, which exist to be called from several threads and,
// since the mutex is made process-shared, processes at once.
unsafe impl Sync for RobustMutex {}
// SAFETY: the reference is shared memory's; the type itself is never moved while it is in use.
unsafe impl Send for RobustMutex {}

impl std::fmt::Debug for RobustMutex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RobustMutex")
    }
}

/// A mutex is ours now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was free.
    Free,
    /// Its holder died with it.
    Orphaned,
}

// Since glibc 2.30, and not bound by libc. `timedlock` measures by the wall clock, which people set.
unsafe extern "C" {
    fn pthread_mutex_clocklock(
        mutex: *mut libc::pthread_mutex_t,
        clock: libc::clockid_t,
        until: *const libc::timespec,
    ) -> libc::c_int;
}

fn check(errno: libc::c_int) -> io::Result<()> {
    match errno {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

impl RobustMutex {
    /// Make it: shared between processes, robust, and refusing to be unlocked by who does not hold it. Nobody may
    /// hold it or use it meanwhile.
    pub(crate) fn init(&self) -> io::Result<()> {
        let mut kind = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
        let at = kind.as_mut_ptr();
        // SAFETY: the attribute is a local, made by the first call and given up by the last; the calls between only set
        // flags that exist. The mutex is our own place, which nobody uses meanwhile, says the caller.
        unsafe {
            check(libc::pthread_mutexattr_init(at))?;
            let made = check(libc::pthread_mutexattr_setpshared(
                at,
                libc::PTHREAD_PROCESS_SHARED,
            ))
            .and_then(|()| {
                check(libc::pthread_mutexattr_setrobust(
                    at,
                    libc::PTHREAD_MUTEX_ROBUST,
                ))
            })
            .and_then(|()| {
                check(libc::pthread_mutexattr_settype(
                    at,
                    libc::PTHREAD_MUTEX_ERRORCHECK,
                ))
            })
            .and_then(|()| check(libc::pthread_mutex_init(self.0.get(), at)));
            libc::pthread_mutexattr_destroy(at);
            made
        }
    }

    /// Take it if it is free. Errors: `EBUSY`, also when this thread holds it.
    pub(crate) fn try_lock(&self) -> io::Result<Taken> {
        // SAFETY: made by `init`, and mapped for as long as the reference lives.
        let errno = unsafe { libc::pthread_mutex_trylock(self.0.get()) };
        self.taken(match errno {
            libc::EDEADLK => libc::EBUSY, // the C library's word for "you have it"
            errno => errno,
        })
    }

    /// Take it within this time. Errors: `ETIMEDOUT`; `EDEADLK` when this thread holds it. Goes on after signals.
    pub(crate) fn lock_for(&self, time: Duration) -> io::Result<Taken> {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
        let nanos = now.tv_nsec() + i64::from(time.subsec_nanos());
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        let until = libc::timespec {
            tv_sec: now
                .tv_sec()
                .saturating_add(seconds)
                .saturating_add(nanos / 1_000_000_000),
            tv_nsec: nanos % 1_000_000_000,
        };
        // SAFETY: as in `try_lock`; the time is a local.
        let errno = unsafe {
            pthread_mutex_clocklock(self.0.get(), libc::CLOCK_MONOTONIC, &raw const until)
        };
        self.taken(errno)
    }

    fn taken(&self, errno: libc::c_int) -> io::Result<Taken> {
        if errno == libc::EOWNERDEAD {
            // Declared good at once: whoever dies before this line leaves it to the next one, as the last did.
            self.declare_good()?;
            return Ok(Taken::Orphaned);
        }
        check(errno).map(|()| Taken::Free)
    }

    /// Give it back. Error: `EPERM` if this thread does not hold it, and then nothing has changed.
    pub(crate) fn unlock(&self) -> io::Result<()> {
        // SAFETY: as in `try_lock`; the kind checks who holds it.
        check(unsafe { libc::pthread_mutex_unlock(self.0.get()) })
    }

    /// After `EOWNERDEAD`, by the thread that was told so.
    fn declare_good(&self) -> io::Result<()> {
        // SAFETY: as in `try_lock`; of any other state the C library says `EINVAL`.
        check(unsafe { libc::pthread_mutex_consistent(self.0.get()) })
    }

    /// Wait for it, whatever it takes. An error means that its memory is damaged. Must not be held by this thread already.
    ///
    /// Never by `pthread_mutex_lock`: with waiters asleep in the kernel, one that is woken and then killed takes the wake-up
    /// with it if somebody else has got the mutex in between, and the others sleep until the next contention, if ever.
    #[inline]
    pub(crate) fn hold(&self) -> io::Result<Held<'_>> {
        match self.try_hold()? {
            Some(held) => Ok(held),
            None => self.wait(),
        }
    }

    #[cold]
    fn wait(&self) -> io::Result<Held<'_>> {
        let mut nap = NAPS.0;
        for tries in 0u32.. {
            if let Some(held) = self.try_hold()? {
                return Ok(held);
            }
            match tries {
                ..SPINS => std::hint::spin_loop(),
                _ if tries < SPINS + YIELDS => std::thread::yield_now(),
                _ => {
                    std::thread::sleep(nap);
                    nap = (nap * 2).min(NAPS.1);
                }
            }
        }
        Err(io::ErrorKind::TimedOut.into()) // after more than a hundred days
    }

    /// Take it if nobody has it.
    #[inline]
    pub(crate) fn try_hold(&self) -> io::Result<Option<Held<'_>>> {
        // SAFETY: as in `try_lock`.
        match unsafe { libc::pthread_mutex_trylock(self.0.get()) } {
            0 => Ok(Some(Held(self, false))),
            libc::EOWNERDEAD => Ok(Some(Held(self, true))),
            libc::EBUSY => Ok(None),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

/// What is done under [`RobustMutex::hold`] takes less than a microsecond, unless its holder has lost its CPU. So: tries
/// without a pause, tries that let others run, and then some sleep between them.
const SPINS: u32 = 128;
const YIELDS: u32 = 64;
const NAPS: (Duration, Duration) = (Duration::from_micros(20), Duration::from_millis(5));

/// The right to what the mutex guards, until it is dropped.
pub(crate) struct Held<'a>(&'a RobustMutex, bool);

impl Held<'_> {
    /// Whether the one who had it before has died with it: what it guards may be half done.
    pub(crate) fn holder_died(&self) -> bool {
        self.1
    }

    /// What it guards is in order again. Whoever dies before this is called leaves the same news to the next one.
    pub(crate) fn settled(&mut self) {
        if std::mem::take(&mut self.1) {
            let _ = self.0.declare_good(); // fails only if there was no death
        }
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        // One that is given back unsettled would be lost for ever.
        self.settled();
        let _ = self.0.unlock(); // this thread holds it
    }
}

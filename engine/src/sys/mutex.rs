//! A mutex between processes that its holder's death sets free: the C library's robust mutex, in shared memory.
//!
//! The C library keeps the list of what a thread holds, and the kernel walks it when the thread ends in whatever
//! way: so there is no process id to record, to look up, or to mistake for that of a later process, and it works
//! where there is no `/proc`.

use std::cell::UnsafeCell;
use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Zeroed memory is a place for one; [`RobustMutex::init`] makes it.
#[repr(transparent)]
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
        // SAFETY: the attribute is a local, made by the first call, and the calls only set flags that exist.
        unsafe {
            check(libc::pthread_mutexattr_init(at))?;
            check(libc::pthread_mutexattr_setpshared(
                at,
                libc::PTHREAD_PROCESS_SHARED,
            ))?;
            check(libc::pthread_mutexattr_setrobust(
                at,
                libc::PTHREAD_MUTEX_ROBUST,
            ))?;
            check(libc::pthread_mutexattr_settype(
                at,
                libc::PTHREAD_MUTEX_ERRORCHECK,
            ))?;
        }
        // SAFETY: our own place, which nobody uses meanwhile, says the caller; the attribute was made above.
        check(unsafe { libc::pthread_mutex_init(self.0.get(), at) })
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
            // SAFETY: this thread holds it.
            check(unsafe { libc::pthread_mutex_consistent(self.0.get()) })?;
            return Ok(Taken::Orphaned);
        }
        check(errno).map(|()| Taken::Free)
    }

    /// Give it back. Error: `EPERM` if this thread does not hold it, and then nothing has changed.
    pub(crate) fn unlock(&self) -> io::Result<()> {
        // SAFETY: as in `try_lock`; the kind checks who holds it.
        check(unsafe { libc::pthread_mutex_unlock(self.0.get()) })
    }
}

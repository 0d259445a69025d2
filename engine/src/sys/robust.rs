//! A mutex for shared memory whose holder may die.
//!
//! A robust, process-shared pthread mutex. The kernel itself marks it when the thread that holds it ends, in whatever
//! way: so a pid that is used again cannot pass for the holder, and it works across pid namespaces and without `/proc`.
//! The next one to get it is told.

use std::cell::UnsafeCell;
use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

/// The mutex. All-zero memory is one that [`RobustMutex::prepare`] has to be called on before it is shared.
#[repr(C, align(64))]
pub(crate) struct RobustMutex(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: a process-shared mutex is made to be used by several threads at once; only pthread functions touch it.
unsafe impl Send for RobustMutex {}
// SAFETY: as above.
unsafe impl Sync for RobustMutex {}

/// What is done under such a mutex takes less than a microsecond, unless its holder has lost its CPU. So: tries without a
/// pause, tries that let others run, and then some sleep between them.
const SPINS: u32 = 128;
const YIELDS: u32 = 64;
const NAPS: (Duration, Duration) = (Duration::from_micros(20), Duration::from_millis(5));

impl RobustMutex {
    /// Make it usable. Once, by whoever has made the memory, before anybody else can see it.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: initialised first, then changed, used and destroyed; the mutex is not in use yet, says the caller.
        unsafe {
            check(libc::pthread_mutexattr_init(attributes.as_mut_ptr()))?;
            let made = check(libc::pthread_mutexattr_setpshared(
                attributes.as_mut_ptr(),
                libc::PTHREAD_PROCESS_SHARED,
            ))
            .and_then(|()| {
                check(libc::pthread_mutexattr_setrobust(
                    attributes.as_mut_ptr(),
                    libc::PTHREAD_MUTEX_ROBUST,
                ))
            })
            .and_then(|()| check(libc::pthread_mutex_init(self.0.get(), attributes.as_ptr())));
            libc::pthread_mutexattr_destroy(attributes.as_mut_ptr());
            made
        }
    }

    /// Wait for it. An error means that its memory is damaged. Must not be held by this thread already.
    ///
    /// Never by `pthread_mutex_lock`: with waiters asleep in the kernel, one that is woken and then killed takes the wake-up
    /// with it if somebody else has got the mutex in between, and the others sleep until the next contention, if ever.
    #[inline]
    pub(crate) fn lock(&self) -> io::Result<Held<'_>> {
        match self.try_lock()? {
            Some(held) => Ok(held),
            None => self.wait(),
        }
    }

    #[cold]
    fn wait(&self) -> io::Result<Held<'_>> {
        let mut nap = NAPS.0;
        for tries in 0u32.. {
            if let Some(held) = self.try_lock()? {
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
    pub(crate) fn try_lock(&self) -> io::Result<Option<Held<'_>>> {
        // SAFETY: as above.
        match unsafe { libc::pthread_mutex_trylock(self.0.get()) } {
            libc::EBUSY => Ok(None),
            code => self.taken(code).map(Some),
        }
    }

    fn taken(&self, code: i32) -> io::Result<Held<'_>> {
        match code {
            0 => Ok(Held(self, false)),
            libc::EOWNERDEAD => Ok(Held(self, true)),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }
}

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
            // SAFETY: this thread holds it, after EOWNERDEAD.
            unsafe { libc::pthread_mutex_consistent(self.0.0.get()) };
        }
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        // One that is given back unsettled would be lost for ever.
        self.settled();
        // SAFETY: this thread holds it.
        unsafe { libc::pthread_mutex_unlock(self.0.0.get()) };
    }
}

fn check(code: i32) -> io::Result<()> {
    match code {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

//! Counters that processes share.
//!
//! **Waking up.** What a wake-up gives is in memory, and whoever returns true has taken it from there, so it is had once, and not
//! gone with a process that dies between being woken and returning:
//!
//! * The 1 in `value`. Whoever finds it takes it: one of those who were woken, or somebody who came a moment before them; then
//!   the one who was woken for it sleeps on.
//! * If several sleepers were woken at once, a *pass* for each but one. Those who come later do not get any: they are for
//!   who has slept.
//!
//! How many passes there must be is known when it is known how many sleep, and none of them may look before they are
//! there. So sleepers are first moved from `value` to `gate`, which counts them, and woken there.

use std::io;
use std::time::Duration;

use super::patience::Patience;
use super::pool::{Place, Pool};
use crate::ipc::shm::shared_block;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::sys::futex::{self, Wake};

shared_block! {
    struct Word {
        value: AtomicU32,
        /// Where those sleep who are about to be woken together.
        gate: AtomicU32,
        /// Wake-ups of sleepers beside the 1 in `value`.
        passes: AtomicU32,
    }
}

shared_block! {
    struct LongWord {
        value: AtomicU64,
    }
}

static WORDS: Pool<Word> = Pool::new();
static LONG_WORDS: Pool<LongWord> = Pool::new();

/// Longest sleep. A signal that comes just before the sleep begins, or a wake-up that went to a process which died of
/// something else at that moment, is noticed after this time; and so is what `go_on` learns without a signal.
const SLICE: Duration = Duration::from_millis(500);

/// A counter of 32 bits without sign that wraps around, which processes can also wait for.
///
/// Children forked after it was made share it. Every operation is one step that others see whole or not at all, so
/// there is nothing that a process could leave undone by dying.
pub struct Atomic(Place<Word>);

impl Atomic {
    /// A counter that starts at `value`. The error is the system's, when it has no memory.
    pub fn new(value: u32) -> io::Result<Atomic> {
        let atomic = Atomic(WORDS.place()?);
        atomic.0.passes.store(0, Ordering::SeqCst); // of an earlier one in this place
        atomic.set(value);
        Ok(atomic)
    }

    /// The value.
    pub fn get(&self) -> u32 {
        self.0.value.load(Ordering::SeqCst)
    }

    /// Change the value. Wakes nobody, see [`Atomic::wakeup`].
    pub fn set(&self, value: u32) {
        self.0.value.store(value, Ordering::SeqCst);
    }

    /// Add; returns the new value.
    pub fn add(&self, by: u32) -> u32 {
        let before = self.0.value.fetch_add(by, Ordering::SeqCst);
        before.wrapping_add(by)
    }

    /// Subtract; returns the new value.
    pub fn sub(&self, by: u32) -> u32 {
        self.add(by.wrapping_neg())
    }

    /// Make it `new` if it is `expected`. Returns whether it was.
    pub fn compare_and_set(&self, expected: u32, new: u32) -> bool {
        let word = &self.0.value;
        word.compare_exchange(expected, new, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    /// If the value is 1: make it 0, true. If it is 0: sleep until somebody calls [`Atomic::wakeup`], true; false when
    /// the time is up (`None`: never). Any other value: false.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        self.wait_while(timeout, &mut || true)
    }

    /// The same, and false as soon as `go_on` says so. It is asked before each sleep and after a signal, twice a
    /// second at least.
    pub fn wait_while(&self, timeout: Option<Duration>, go_on: &mut dyn FnMut() -> bool) -> bool {
        let mut patience = Patience::new(timeout, go_on);
        let (mut slept, mut woken) = (false, false);
        loop {
            if self.take(slept) {
                return true;
            }
            if self.get() > 1 {
                return woken; // by a wake-up whose 1 has become something else
            }
            let Ok(slice) = patience.slice(SLICE) else {
                // Time is up. Somebody may have called between the look at the value and now.
                return self.take(slept);
            };
            let wake = futex::sleep(&self.0.value, 0, slice);
            slept |= wake != Wake::Changed;
            woken = wake == Wake::Woken;
        }
    }

    /// One wake-up, for the caller alone.
    fn take(&self, has_slept: bool) -> bool {
        let less = |passes: u32| passes.checked_sub(1);
        let order = Ordering::SeqCst;
        self.compare_and_set(1, 0)
            || has_slept && self.0.passes.fetch_update(order, order, less).is_ok()
    }

    /// If the value is 0: make it 1 and wake up to `count` of those who wait. Otherwise nothing.
    pub fn wakeup(&self, count: u32) {
        if !self.compare_and_set(0, 1) {
            return;
        }
        let word = &*self.0;
        match count {
            0 => {}
            1 => futex::wake(&word.value, 1),
            _ => {
                let moved = futex::gather(&word.value, &word.gate, count);
                if moved > 1 {
                    word.passes.fetch_add(moved - 1, Ordering::SeqCst);
                }
                futex::wake(&word.gate, moved);
            }
        }
    }
}

/// A counter of 64 bits with sign that wraps around. Shared as [`Atomic`] is.
pub struct AtomicLong(Place<LongWord>);

impl AtomicLong {
    /// A counter that starts at `value`. The error is the system's, when it has no memory.
    pub fn new(value: i64) -> io::Result<AtomicLong> {
        let atomic = AtomicLong(LONG_WORDS.place()?);
        atomic.set(value);
        Ok(atomic)
    }

    /// The value.
    pub fn get(&self) -> i64 {
        self.0.value.load(Ordering::SeqCst).cast_signed()
    }

    /// Change the value.
    pub fn set(&self, value: i64) {
        self.0.value.store(value.cast_unsigned(), Ordering::SeqCst);
    }

    /// Add; returns the new value.
    pub fn add(&self, by: i64) -> i64 {
        let by = by.cast_unsigned();
        let before = self.0.value.fetch_add(by, Ordering::SeqCst);
        before.wrapping_add(by).cast_signed()
    }

    /// Subtract; returns the new value.
    pub fn sub(&self, by: i64) -> i64 {
        self.add(by.wrapping_neg())
    }

    /// Make it `new` if it is `expected`. Returns whether it was.
    pub fn compare_and_set(&self, expected: i64, new: i64) -> bool {
        let (expected, new) = (expected.cast_unsigned(), new.cast_unsigned());
        let word = &self.0.value;
        word.compare_exchange(expected, new, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const LONG: Option<Duration> = Some(Duration::from_secs(20));

    #[test]
    fn counters_wrap_around() {
        let atomic = Atomic::new(u32::MAX).unwrap();
        assert_eq!(
            (atomic.add(1), atomic.sub(1), atomic.sub(2)),
            (0, u32::MAX, u32::MAX - 2)
        );
        let long = AtomicLong::new(i64::MAX).unwrap();
        assert_eq!((long.add(1), long.sub(1)), (i64::MIN, i64::MAX));
        assert_eq!((long.sub(-1), long.add(i64::MIN)), (i64::MIN, 0));
        assert!(long.compare_and_set(0, -1) && !long.compare_and_set(0, 1));
        assert_eq!(long.get(), -1);
    }

    #[test]
    fn waiting_looks_at_the_value_first() {
        let atomic = Atomic::new(1).unwrap();
        assert!(atomic.wait(LONG) && atomic.get() == 0);
        assert!(!atomic.wait(Some(Duration::from_millis(5))));
        atomic.set(2);
        assert!(!atomic.wait(LONG));
        atomic.wakeup(1);
        assert_eq!(atomic.get(), 2);
    }

    #[test]
    fn as_many_are_woken_as_said() {
        let atomic = Atomic::new(0).unwrap();
        let (woken, asleep) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let waits = atomic.wait_while(LONG, &mut || {
                        asleep.fetch_add(1, Ordering::SeqCst);
                        true
                    });
                    assert!(waits);
                    woken.fetch_add(1, Ordering::SeqCst);
                });
            }
            let end = Instant::now() + Duration::from_secs(20);
            while asleep.load(Ordering::SeqCst) < 3 && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(1));
            }
            // Each wake-up is followed by its sleepers only, however late they come to sleep.
            for expected in 1..=3 {
                while woken.load(Ordering::SeqCst) < expected {
                    assert!(Instant::now() < end, "nobody woke up");
                    if atomic.get() == 0 && woken.load(Ordering::SeqCst) == expected - 1 {
                        atomic.wakeup(1);
                    }
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
        });
        assert_eq!(woken.load(Ordering::SeqCst), 3);
    }

    /// `calls` wake-ups of up to `count` of four who wait all the time: how often each was heard in all.
    fn heard(calls: u32, count: u32) -> u32 {
        let atomic = Atomic::new(0).unwrap();
        let (woken, over) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut go_on = || over.load(Ordering::SeqCst) == 0;
                    while go_on() {
                        if atomic.wait_while(None, &mut go_on) {
                            woken.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                });
            }
            for _ in 0..calls {
                atomic.wakeup(count);
                while atomic.get() != 0 {
                    std::hint::spin_loop(); // somebody comes for it, within half a second
                }
            }
            // What is left is heard by who looks around, twice a second.
            std::thread::sleep(SLICE * 2);
            over.store(1, Ordering::SeqCst);
        });
        assert_eq!(atomic.0.passes.load(Ordering::SeqCst), 0);
        woken.into_inner()
    }

    #[test]
    fn a_wakeup_is_heard_once() {
        assert_eq!(heard(20_000, 1), 20_000);
    }

    #[test]
    fn a_wakeup_of_several_is_heard_by_no_more() {
        let (calls, count) = (5_000, 3);
        let heard = heard(calls, count);
        assert!((calls..=calls * count).contains(&heard), "{heard}");
    }

    #[test]
    fn who_is_told_to_stop_waiting_stops() {
        let atomic = Atomic::new(0).unwrap();
        let mut asked = 0;
        assert!(!atomic.wait_while(None, &mut || {
            asked += 1;
            asked < 2
        }));
    }
}

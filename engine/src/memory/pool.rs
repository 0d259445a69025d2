//! Places for small objects in shared memory, many to a mapping.
//!
//! An object must not get the place of another that some process still uses. Processes are many and die without a
//! word, so nobody counts them. Instead:
//!
//! * New places are handed out by the process that has mapped them and by nobody else: a child maps its own.
//! * The place of a dropped object is used again only if the process that made it has not forked in between: then
//!   no other process has ever known of it.
//! * A mapping goes when nothing in it is alive in this process. Other processes keep theirs: the kernel counts.

use std::io;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ipc::shm::{At, Layout, Region, Shared};
use crate::sys::forks;

/// Places in one mapping. Those that are never used cost no memory.
const PLACES: usize = 1024;

/// Where objects of one type come from.
pub(super) struct Pool<T>(Mutex<State<T>>);

struct State<T> {
    /// The process whose state this is: [`forks::generation`].
    generation: u64,
    fresh: Option<Fresh<T>>,
    free: Vec<(Arc<Region>, At<T>, usize)>,
}

/// A mapping of this process with places that were never used.
struct Fresh<T> {
    region: Arc<Region>,
    at: At<T>,
    next: usize,
}

/// One place. It is given back when this is dropped.
pub(super) struct Place<T: Shared + 'static> {
    region: Arc<Region>,
    at: At<T>,
    index: usize,
    /// [`forks::epoch`] when it was handed out.
    epoch: u64,
    pool: &'static Pool<T>,
}

impl<T: Shared + 'static> Pool<T> {
    pub(super) const fn new() -> Pool<T> {
        Pool(Mutex::new(State {
            generation: 0,
            fresh: None,
            free: Vec::new(),
        }))
    }

    /// A place that no other object uses. What it holds is what the last one left there, or zero.
    pub(super) fn place(&'static self) -> io::Result<Place<T>> {
        forks::watch();
        let mut state = self.state();
        // Before the search: a fork by another thread in between makes it one that may be known elsewhere.
        let epoch = forks::epoch();
        let (region, at, index) = match state.free.pop() {
            Some(place) => place,
            None => state.next()?,
        };
        Ok(Place {
            region,
            at,
            index,
            epoch,
            pool: self,
        })
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = forks::generation();
        if state.generation != generation {
            *state = State {
                generation,
                fresh: None,
                free: Vec::new(),
            };
        }
        state
    }
}

impl<T: Shared> State<T> {
    fn next(&mut self) -> io::Result<(Arc<Region>, At<T>, usize)> {
        let fresh = match self.fresh.take() {
            Some(fresh) => fresh,
            None => {
                let mut layout = Layout::default();
                let at = layout.place(PLACES);
                Fresh {
                    region: Arc::new(Region::map(&layout)?),
                    at,
                    next: 0,
                }
            }
        };
        let place = (Arc::clone(&fresh.region), fresh.at, fresh.next);
        self.fresh = Some(Fresh {
            next: fresh.next + 1,
            ..fresh
        })
        .filter(|fresh| fresh.next < PLACES);
        Ok(place)
    }
}

impl<T: Shared> Deref for Place<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.region.slice(self.at)[self.index]
    }
}

impl<T: Shared> Drop for Place<T> {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        if self.epoch == forks::epoch() {
            let region = Arc::clone(&self.region);
            state.free.push((region, self.at, self.index));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{AtomicU32, Ordering};

    #[test]
    fn places_are_used_again() {
        static POOL: Pool<AtomicU32> = Pool::new();
        let first = POOL.place().unwrap();
        first.store(7, Ordering::Relaxed);
        let index = first.index;
        drop(first);
        let again = POOL.place().unwrap();
        assert_eq!((again.index, again.load(Ordering::Relaxed)), (index, 7));
        assert_ne!(POOL.place().unwrap().index, index);
    }

    #[test]
    fn there_are_always_more() {
        static POOL: Pool<AtomicU32> = Pool::new();
        let places: Vec<_> = (0..3 * PLACES).map(|_| POOL.place().unwrap()).collect();
        for (value, place) in (0..).zip(&places) {
            assert_eq!(place.swap(value, Ordering::Relaxed), 0); // nobody else's
        }
        for (value, place) in (0..).zip(&places) {
            assert_eq!(place.load(Ordering::Relaxed), value);
        }
    }

    #[test]
    fn a_place_that_a_child_may_know_is_not_used_again() {
        static POOL: Pool<AtomicU32> = Pool::new();
        let mut known = POOL.place().unwrap();
        known.epoch = known.epoch.wrapping_sub(1); // as if there had been a fork since
        let index = known.index;
        drop(known);
        assert_ne!(POOL.place().unwrap().index, index);
    }

    #[test]
    fn a_child_starts_with_a_mapping_of_its_own() {
        static POOL: Pool<AtomicU32> = Pool::new();
        let inherited = POOL.place().unwrap();
        drop(POOL.place().unwrap()); // a free one, which the parent may use as well
        POOL.0.lock().unwrap().generation = u64::MAX; // as if this process were a child
        let own = POOL.place().unwrap();
        assert!(!Arc::ptr_eq(&own.region, &inherited.region));
    }
}

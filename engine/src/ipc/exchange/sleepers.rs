//! Task workers that sleep, as those who give tasks see them.

use super::Exchange;
use crate::ipc::directory::{SEATS, Seat};
use crate::sync::{AtomicU64, Ordering, fence};

impl Exchange {
    fn sleeper(&self, seat: Seat) -> Option<(&AtomicU64, u64)> {
        let first = self.at.plan.first_task * SEATS as u32;
        let index = seat.0.checked_sub(first)? as usize;
        let word = self.region.slice(self.at.sleepers).get(index / 64)?;
        Some((word, 1 << (index % 64)))
    }

    /// Task worker, about to sleep. It looks at the flags once more after this.
    pub(crate) fn announce_sleep(&self, seat: Seat) {
        if let Some((word, bit)) = self.sleeper(seat) {
            word.fetch_or(bit, Ordering::SeqCst);
            fence(Ordering::SeqCst);
        }
    }

    /// Task worker, awake; or the manager, for one that is dead.
    pub(crate) fn announce_awake(&self, seat: Seat) {
        // Acquire: who has taken the bit away has published a task before.
        if let Some((word, bit)) = self.sleeper(seat)
            && word.load(Ordering::Acquire) & bit != 0
        {
            word.fetch_and(!bit, Ordering::SeqCst);
        }
    }

    /// Who has published a task, after [`Exchange::flag`]: a task worker to ring, if one sleeps. It counts as awake now.
    pub(crate) fn wake_one(&self) -> Option<Seat> {
        fence(Ordering::SeqCst);
        for (index, word) in self.region.slice(self.at.sleepers).iter().enumerate() {
            let mut seen = word.load(Ordering::Relaxed);
            while seen != 0 {
                let bit = seen & seen.wrapping_neg();
                if word.fetch_and(!bit, Ordering::SeqCst) & bit != 0 {
                    let seat = index as u32 * 64 + bit.trailing_zeros();
                    return Some(Seat(self.at.plan.first_task * SEATS as u32 + seat));
                }
                seen = word.load(Ordering::Relaxed);
            }
        }
        None
    }
}

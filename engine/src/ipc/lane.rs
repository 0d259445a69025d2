//! The lane: a single-producer, single-consumer byte ring in shared memory that any death leaves usable.
//!
//! ```text
//!             done          taken                tail
//!   ───────────┼─────────────┼────────────────────┼───────────  positions only grow; offset = position mod capacity
//!    free      │ at work now │ published, waiting │ free
//! ```
//!
//! | field         | written by | says |
//! |---------------|------------|------|
//! | `tail`        | producer   | bytes before it are published |
//! | `pushed`      | producer   | messages published, ever |
//! | `skipped`     | producer   | bytes of the last gap before the end of the ring, `skipped_at` where it begins; for sums only |
//! | `room_wanted` | producer   | wish for room: its number, and level + 1 if it waits until at most `level` bytes are in use, else 0 |
//! | `done`        | consumer   | bytes before it are no longer needed |
//! | `taken`       | consumer   | end of the frame whose handling has started, `done` or less between frames; bit 0 is bit 0 of `finished` at the start; bits 1 and 2 are the producer's word about beginning further messages, see below |
//! | `finished`    | consumer   | messages finished, ever |
//! | `assembling`  | consumer   | kind of a message of which some frames are consumed, 0 if none; its session is beside it |
//!
//! Orderings, each with its partner:
//! * **P1** producer stores `tail` Release after the bytes; consumer loads it Acquire before it reads them.
//! * **P2** consumer stores `done` Release after its last look at the bytes; producer loads it Acquire
//!   before it overwrites them.
//! * **P3** room: the producer stores `room_wanted`, fences SeqCst, loads `done`; the consumer stores
//!   `done`, fences SeqCst, loads `room_wanted`. Same argument as in [`super::doorbell`]. The
//!   consumer fences per frame only on a lane more than half full, and once before it sleeps; a wish
//!   missed in between is seen at the next frame or before the sleep, whichever comes first. The
//!   consumer remembers privately which wish it has rung for. A wish that it took away before it
//!   rings would be lost if it died in between; like this its successor rings again.
//!
//! Frames are contiguous: one that does not fit before the end of the ring is preceded by a pad (or
//! by an implied skip where not even a header fits). No frame is longer than half of the ring, so pad
//! and frame together always fit into an empty one. Longer messages go in frames of a quarter each,
//! so that the consumer copies one while the producer writes the next.
//!
//! Recall: a producer whose consumer is to be replaced takes back what that one has not begun. `taken` is
//! the word they agree by: the consumer takes a message by compare-and-swap, the producer sets a bit of it;
//! whichever comes first has the message. From then on the consumer begins nothing more (it may finish a
//! long message), so the producer may read its own frames behind `taken` again and lower `tail`.
//!
//! | bits 2, 1 | says |
//! |---|---|
//! | 0 0 | begin what comes |
//! | 0 1 | this consumer is being replaced: it begins nothing more; its successor clears the bit |
//! | 1 0 | the producer is taking messages back from a consumer that stays |
//! | 1 1 | it has done so: the consumer looks at `tail` again, then clears both bits |
//!
//! The consumer remembers a `tail` from before that may be too high now, so only its own word that it has looked
//! again lets the producer write where frames were taken back: until then it begins no message on this lane.
//!
//! What a death leaves behind:
//! * producer, before the `tail` store: nothing; its successor starts at `tail` and overwrites.
//! * producer, between frames of one message: a head without an end. The consumer drops it when a
//!   frame with FIRST follows, so a message is delivered whole or not at all.
//! * consumer, between frames: `taken == done`; its successor goes on at `done`.
//! * consumer, at work: `done < taken`; the frame between them is the lost one. [`LaneReader::settle`]
//!   (called by the manager, when no consumer is alive) names its session and steps over it. Whether
//!   it is in `finished` already shows in the lowest bit of `taken`.
//! * consumer, after some frames of a long message: `assembling` names it; the rest of that message
//!   has no FIRST and is skipped. A death while skipping loses nothing more, and settles to nothing.

#[cfg(all(test, not(loom)))]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod garbage;
#[cfg(all(test, not(any(loom, miri))))]
mod kills;
mod reader;
#[cfg(all(test, not(loom)))]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod recalls;
#[cfg(all(test, not(loom)))]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod tests;
mod writer;

use std::ptr::NonNull;
use std::sync::Arc;

use super::frame::{HEADER, Header, Kind};
use super::shm::{At, BytesAt, Region, Shared};
use crate::sync::modelled::{AtomicU64, Watch};
#[cfg(not(any(loom, miri)))]
use crate::sys::memory::SharedMap;

pub(crate) use reader::{Casualty, LaneReader, Payload, Received, Verdict};
pub(crate) use writer::{LaneWriter, Push, Recalled};

/// The shared fields of a lane, one cache line per writer.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct LaneHeader {
    tail: AtomicU64,
    pushed: AtomicU64,
    skipped_at: AtomicU64,
    skipped: AtomicU64,
    _producer_line: [u64; 4],
    done: AtomicU64,
    taken: AtomicU64,
    finished: AtomicU64,
    assembling: AtomicU64,
    assembling_session: AtomicU64,
    _consumer_line: [u64; 3],
    /// The producer's too, on a line of its own: the consumer looks at it per frame, and `tail` changes per frame.
    room_wanted: AtomicU64,
    _wish_line: [u64; 7],
}

#[cfg(not(loom))]
const _: () =
    assert!(size_of::<LaneHeader>() == 192 && std::mem::offset_of!(LaneHeader, done) == 64);

// SAFETY: atomics and padding; all zero is an empty lane. (Not under loom, where no region exists.)
unsafe impl Shared for LaneHeader {}

/// Positions are multiples of 8, so this bit of `taken` is free for the parity of `finished`,
const PARITY: u64 = 1;
/// and these for the producer's word that the consumer may begin nothing more: for good,
const RETIRED: u64 = 2;
/// and for now.
const PAUSED: u64 = 4;
/// Both of them: the consumer may go on once it has looked at `tail` again.
const LOOK_AGAIN: u64 = RETIRED | PAUSED;
/// What of `taken` is no position.
const FLAGS: u64 = 7;

/// Smallest ring. Models have to be small.
const SMALLEST: usize = if cfg!(loom) { 64 } else { 1024 };

/// Where a lane is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LaneAt {
    pub(crate) header: At<LaneHeader>,
    pub(crate) ring: BytesAt,
}

/// A lane's memory, as both ends see it.
pub(crate) struct Ring {
    header: NonNull<LaneHeader>,
    base: NonNull<u8>,
    capacity: u64,
    watch: Watch,
    /// Keeps the memory behind the two pointers alive.
    _owner: Arc<dyn Send + Sync>,
}

// SAFETY: the pointers lead into memory kept alive by `_owner`; the header is atomics, and the bytes
// are accessed by one producer and one consumer under the protocol above, on whatever thread they are.
unsafe impl Send for Ring {}

impl Ring {
    /// View the lane at `at`. Capacity must be a power of two of at least 1 KiB.
    pub(crate) fn new(region: &Arc<Region>, at: LaneAt) -> Ring {
        let (base, len) = region.bytes(at.ring);
        let header = NonNull::from(region.one(at.header));
        let owner: Arc<Region> = Arc::clone(region);
        // SAFETY: both are places of this region, which `owner` keeps mapped.
        unsafe { Ring::over(header, base, len, owner) }
    }

    /// View the lane made of a header and `len` bytes.
    ///
    /// # Safety
    /// Both are valid for as long as `owner` lives, and accessed through rings only.
    unsafe fn over(
        header: NonNull<LaneHeader>,
        base: NonNull<u8>,
        len: usize,
        owner: Arc<dyn Send + Sync>,
    ) -> Ring {
        assert!(
            len.is_power_of_two() && (SMALLEST..=1 << 31).contains(&len),
            "ring size {len}"
        );
        Ring {
            header,
            base,
            capacity: len as u64,
            watch: Watch::new(len),
            _owner: owner,
        }
    }

    /// A lane on the heap, empty.
    #[cfg(test)]
    pub(super) fn on_heap(capacity: usize) -> Ring {
        struct Memory(*mut LaneHeader, *mut [u64]);
        // SAFETY: who may access the two when is the ring's business; nobody else has them.
        unsafe impl Send for Memory {}
        // SAFETY: as above.
        unsafe impl Sync for Memory {}
        impl Drop for Memory {
            fn drop(&mut self) {
                // SAFETY: made by `into_raw` below; the last ring is gone.
                drop(unsafe { Box::from_raw(self.0) });
                // SAFETY: as above.
                drop(unsafe { Box::from_raw(self.1) });
            }
        }
        let bytes = vec![0; capacity / 8].into_boxed_slice();
        let memory = Memory(Box::into_raw(Box::default()), Box::into_raw(bytes));
        // SAFETY: pointers out of boxes are not null.
        let header = unsafe { NonNull::new_unchecked(memory.0) };
        // SAFETY: as above.
        let base = unsafe { NonNull::new_unchecked(memory.1) }.cast();
        // SAFETY: both are freed by the owner and not before.
        unsafe { Ring::over(header, base, capacity, Arc::new(memory)) }
    }

    /// The same lane, for the other end in one process.
    #[cfg(test)]
    pub(super) fn twin(&self) -> Ring {
        Ring {
            watch: self.watch.clone(),
            _owner: Arc::clone(&self._owner),
            ..*self
        }
    }

    fn header(&self) -> &LaneHeader {
        // SAFETY: points to a live `LaneHeader` kept mapped by `_owner`; atomics may be shared.
        unsafe { self.header.as_ref() }
    }

    fn offset(&self, position: u64) -> usize {
        (position & (self.capacity - 1)) as usize
    }

    /// Bytes from `position` to the end of the ring.
    fn to_end(&self, position: u64) -> u64 {
        self.capacity - self.offset(position) as u64
    }

    /// Longest payload of a message in one frame.
    fn longest_whole(&self) -> usize {
        self.capacity as usize / 2 - HEADER
    }

    /// Payload of each frame of a longer message.
    fn piece(&self) -> usize {
        self.capacity as usize / 4 - HEADER
    }

    /// The frame at `start` of what is published before `tail`, pads skipped, every field checked against
    /// the ring: where it really starts, and its header. `None`: corrupt.
    ///
    /// # Safety
    /// As for [`Ring::read`], for all bytes from `start` to `tail`.
    unsafe fn frame(&self, mut start: u64, tail: u64) -> Option<(u64, Header)> {
        loop {
            if start & FLAGS != 0 {
                return None; // no writer of ours leaves such a position
            }
            let to_end = self.to_end(start);
            if to_end < HEADER as u64 {
                start = start.checked_add(to_end)?; // implied skip
            }
            let published = tail.checked_sub(start)?;
            if published < HEADER as u64 || published > self.capacity {
                return None;
            }
            let mut copy = [0; HEADER];
            // SAFETY: HEADER bytes from `start` lie before `tail` and end before the ring does (checked).
            copy.copy_from_slice(unsafe { self.read(start, HEADER) });
            let header = Header::decode(copy)?;
            let span = header.span();
            if span > published || span > self.to_end(start) {
                return None;
            }
            if header.head.kind != Kind::Pad {
                return Some((start, header));
            }
            start += span; // a pad is published together with the frame behind it
        }
    }

    /// Copy `bytes` to `position`. They must not cross the end of the ring.
    ///
    /// # Safety
    /// Only for the producer, on bytes that are not published and that the consumer is done with.
    unsafe fn write(&self, position: u64, bytes: &[u8]) {
        let at = self.offset(position);
        debug_assert!(at + bytes.len() <= self.capacity as usize);
        self.watch.writes(at, bytes.len());
        // SAFETY: in bounds (the callers reserve contiguous room), and by the caller's promise nobody
        // else accesses these bytes now.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.base.add(at).as_ptr(), bytes.len())
        };
    }

    /// Give the memory behind `from..to` of the ring back.
    ///
    /// # Safety
    /// Only for the producer, when nothing is published.
    #[cfg(not(any(loom, miri)))]
    unsafe fn give_back(&self, from: u64, to: u64) {
        if to > from && to <= self.capacity {
            // SAFETY: in bounds; by the caller's promise the bytes are the producer's alone. (A ring on a heap is
            // no shared mapping, and the call fails.)
            unsafe { SharedMap::give_back(self.base.add(from as usize), (to - from) as usize) };
        }
    }

    /// Bytes `position..position + len`, which must not cross the end of the ring.
    ///
    /// # Safety
    /// For the consumer on published bytes, and the slice must be gone before they are released; for the
    /// producer on bytes it has written itself and does not overwrite meanwhile.
    unsafe fn read(&self, position: u64, len: usize) -> &[u8] {
        let at = self.offset(position);
        assert!(at + len <= self.capacity as usize, "read past the ring");
        self.watch.reads(at, len);
        // SAFETY: in bounds (asserted); by the caller's promise nobody writes them while they are looked at.
        unsafe { std::slice::from_raw_parts(self.base.add(at).as_ptr(), len) }
    }
}

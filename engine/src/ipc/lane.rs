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
//! | `done`        | consumer   | bytes before it are no longer needed |
//! | `taken`       | consumer   | end of the frame whose handling has started; equals `done` between frames |
//! | `finished`    | consumer   | messages finished, ever |
//! | `assembling`  | consumer   | session of a message of which some frames are consumed, 0 if none |
//! | `room_wanted` | both       | level + 1 if the producer waits until at most `level` bytes are in use, else 0; the consumer swaps it to 0 and rings |
//!
//! Orderings, each with its partner:
//! * **P1** producer stores `tail` Release after the bytes; consumer loads it Acquire before it reads them.
//! * **P2** consumer stores `done` Release after its last look at the bytes; producer loads it Acquire
//!   before it overwrites them.
//! * **P3** room: the producer stores `room_wanted`, fences SeqCst, loads `done`; the consumer stores
//!   `done`, fences SeqCst, loads `room_wanted`. Same argument as in [`super::doorbell`]. The
//!   consumer fences per frame only on a lane more than half full, and once before it sleeps; a wish
//!   missed in between is seen at the next frame or before the sleep, whichever comes first.
//!
//! Frames are contiguous: one that does not fit before the end of the ring is preceded by a pad (or
//! by an implied skip where not even a header fits). No frame is longer than half of the ring, so pad
//! and frame together always fit into an empty one. Longer messages go in frames of a quarter each,
//! so that the consumer copies one while the producer writes the next.
//!
//! What a death leaves behind:
//! * producer, before the `tail` store: nothing; its successor starts at `tail` and overwrites.
//! * producer, between frames of one message: a head without an end. The consumer drops it when a
//!   frame with FIRST follows, so a message is delivered whole or not at all.
//! * consumer, between frames: `taken == done`; its successor goes on at `done`.
//! * consumer, at work: `done < taken`; the frame between them is the lost one. [`LaneReader::settle`]
//!   (called by the manager, when no consumer is alive) names its session and steps over it.
//! * consumer, after some frames of a long message: `assembling` names the session; the rest of that
//!   message has no FIRST and is skipped.

use std::ptr::NonNull;
use std::sync::Arc;

use super::frame::{FIRST, HEADER, Head, Header, Kind, LAST, span};
use super::shm::{At, BytesAt, Region, Shared};
use crate::sync::{AtomicU64, Ordering, fence};

/// The shared fields of a lane, one cache line per writer.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct LaneHeader {
    tail: AtomicU64,
    pushed: AtomicU64,
    _producer_line: [AtomicU64; 6],
    done: AtomicU64,
    taken: AtomicU64,
    finished: AtomicU64,
    assembling: AtomicU64,
    _consumer_line: [AtomicU64; 4],
    room_wanted: AtomicU64,
    _shared_line: [AtomicU64; 7],
}

#[cfg(not(loom))]
const _: () =
    assert!(size_of::<LaneHeader>() == 192 && std::mem::offset_of!(LaneHeader, done) == 64);

// SAFETY: atomics only; all zero is an empty lane.
#[cfg(not(loom))]
unsafe impl Shared for LaneHeader {}

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
    /// Keeps the memory behind the two pointers alive.
    _owner: Arc<Region>,
}

// SAFETY: the pointers lead into memory kept alive by `_owner`; the header is atomics, and the bytes
// are accessed by one producer and one consumer under the protocol above, on whatever thread they are.
unsafe impl Send for Ring {}

impl Ring {
    /// View the lane at `at`. Capacity must be a power of two of at least 1 KiB.
    #[cfg(not(loom))]
    pub(crate) fn new(region: &Arc<Region>, at: LaneAt) -> Ring {
        let (base, len) = region.bytes(at.ring);
        assert!(len.is_power_of_two() && len >= 1024, "ring size {len}");
        let header = NonNull::from(region.one(at.header));
        Ring {
            header,
            base,
            capacity: len as u64,
            _owner: Arc::clone(region),
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

    /// Copy `bytes` to `position`. They must not cross the end of the ring.
    ///
    /// # Safety
    /// Only for the producer, on bytes that are not published and that the consumer is done with.
    unsafe fn write(&self, position: u64, bytes: &[u8]) {
        let at = self.offset(position);
        debug_assert!(at + bytes.len() <= self.capacity as usize);
        // SAFETY: in bounds (the callers reserve contiguous room), and by the caller's promise nobody
        // else accesses these bytes now.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.base.add(at).as_ptr(), bytes.len())
        };
    }

    /// Bytes `position..position + len`, which must not cross the end of the ring.
    ///
    /// # Safety
    /// Only for the consumer, on published bytes, and the slice must be gone before they are released.
    unsafe fn read(&self, position: u64, len: usize) -> &[u8] {
        let at = self.offset(position);
        assert!(at + len <= self.capacity as usize, "read past the ring");
        // SAFETY: in bounds (asserted); published and not released, so the producer leaves them alone.
        unsafe { std::slice::from_raw_parts(self.base.add(at).as_ptr(), len) }
    }
}

/// What became of a message handed to a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Push {
    /// All of it is published.
    Whole,
    /// No room for the rest now; go on with the same message later.
    Full,
}

/// The producer's end.
pub(crate) struct LaneWriter {
    ring: Ring,
    tail: u64,
    /// `done` as last seen; the real one may be further.
    done: u64,
}

impl LaneWriter {
    /// Become the producer; a predecessor's unpublished bytes are forgotten.
    pub(crate) fn attach(ring: Ring) -> LaneWriter {
        let tail = ring.header().tail.load(Ordering::Acquire);
        let done = ring.header().done.load(Ordering::Acquire);
        LaneWriter { ring, tail, done }
    }

    /// Publish a message, or as much of it as there is room for. `sent` is the number of payload
    /// bytes published so far; start with 0 and pass it again until `Whole` comes back. Between,
    /// nothing else may be pushed to this lane.
    pub(crate) fn push(&mut self, head: Head, payload: &[u8], sent: &mut usize) -> Push {
        if *sent == 0 && payload.len() <= self.ring.longest_whole() {
            return match self.frame(head, payload, FIRST | LAST) {
                true => {
                    *sent = payload.len();
                    Push::Whole
                }
                false => Push::Full,
            };
        }
        while *sent < payload.len() {
            let piece = &payload[*sent..payload.len().min(*sent + self.ring.piece())];
            let first = if *sent == 0 { FIRST } else { 0 };
            let last = if *sent + piece.len() == payload.len() {
                LAST
            } else {
                0
            };
            if !self.frame(head, piece, first | last) {
                return Push::Full;
            }
            *sent += piece.len();
        }
        Push::Whole
    }

    /// Publish one frame. False: no room.
    fn frame(&mut self, head: Head, payload: &[u8], flags: u8) -> bool {
        let need = span(payload.len());
        let to_end = self.ring.to_end(self.tail);
        let skip = if need > to_end { to_end } else { 0 };
        if !self.has_room(skip + need) {
            return false;
        }
        if skip >= HEADER as u64 {
            let pad = Header {
                len: skip as u32 - HEADER as u32,
                flags: 0,
                head: Head::new(Kind::Pad, 0, 0),
            };
            // SAFETY: `skip` bytes up to the end of the ring are free (checked) and unpublished.
            unsafe { self.ring.write(self.tail, &pad.encode()) };
        }
        let start = self.tail + skip;
        let header = Header {
            len: payload.len() as u32,
            flags,
            head,
        };
        // SAFETY: `need` bytes from `start` are free (checked), contiguous (`skip`) and unpublished.
        unsafe { self.ring.write(start, &header.encode()) };
        // SAFETY: as above; the payload lies within `need`.
        unsafe { self.ring.write(start + HEADER as u64, payload) };
        self.tail = start + need;
        let shared = self.ring.header();
        if flags & LAST != 0 {
            // Single writer: a load and a store are enough.
            shared
                .pushed
                .store(shared.pushed.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        shared.tail.store(self.tail, Ordering::Release); // P1
        true
    }

    fn has_room(&mut self, need: u64) -> bool {
        if self.tail + need - self.done <= self.ring.capacity {
            return true;
        }
        self.done = self.ring.header().done.load(Ordering::Acquire); // P2
        self.tail + need - self.done <= self.ring.capacity
    }

    /// Ask to be rung when at most `level` bytes are in use. False: that is so already, try again.
    pub(crate) fn want_room(&mut self, level: u64) -> bool {
        let shared = self.ring.header();
        shared.room_wanted.store(level + 1, Ordering::Relaxed);
        fence(Ordering::SeqCst); // P3
        self.done = shared.done.load(Ordering::Acquire);
        if self.used() <= level {
            shared.room_wanted.store(0, Ordering::Relaxed);
            return false;
        }
        true
    }

    /// Published bytes the consumer still needs, as last seen.
    pub(crate) fn used(&self) -> u64 {
        self.tail - self.done
    }

    /// Half of the lane, the usual level to wait for: filling and emptying then alternate in large steps.
    pub(crate) fn half(&self) -> u64 {
        self.ring.capacity / 2
    }

    /// Whether the consumer is done with everything, as of now.
    pub(crate) fn is_drained(&mut self) -> bool {
        self.done = self.ring.header().done.load(Ordering::Acquire);
        self.used() == 0
    }

    /// Messages pushed and not finished.
    pub(crate) fn in_flight(&self) -> u64 {
        let shared = self.ring.header();
        let finished = shared.finished.load(Ordering::Acquire);
        shared
            .pushed
            .load(Ordering::Relaxed)
            .saturating_sub(finished)
    }
}

/// A message as the consumer sees it.
pub(crate) enum Payload<'a> {
    /// A long message begins. Asked only whether to take it: `NotNow` leaves it waiting, anything else
    /// means that its end will come as `Owned`.
    Beginning,
    /// Still in the ring; gone after the call.
    Borrowed(&'a [u8]),
    /// Put together from several frames.
    Owned(Vec<u8>),
}

impl Payload<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Payload::Beginning => &[],
            Payload::Borrowed(bytes) => bytes,
            Payload::Owned(bytes) => bytes,
        }
    }
}

/// What the handler of a message says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Dealt with.
    Done,
    /// The process is about to end because of it: leave it on record as the message at work.
    Abandoned,
    /// Not looked at: leave it waiting, for a later call or a successor.
    NotNow,
}

/// What one call of [`LaneReader::receive`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// Nothing is waiting.
    Nothing,
    /// A message was handled (or a frame of a longer one put aside). `true`: the producer waits for
    /// room and must be rung.
    Handled(bool),
    /// The handler abandoned its message.
    Abandoned,
    /// The handler left the message where it is.
    Left,
    /// The lane held bytes no writer of ours can have written; everything published was dropped.
    Corrupt,
}

/// A message that was being worked on when its consumer died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Casualty {
    pub(crate) kind: Kind,
    pub(crate) session: u64,
}

/// The consumer's end.
pub(crate) struct LaneReader {
    ring: Ring,
    done: u64,
    /// `tail` as last seen; the real one may be further.
    tail: u64,
    partial: Option<(Head, Vec<u8>)>,
    /// Argument of a long message whose end never came; see [`LaneReader::take_dropped`].
    dropped: Option<Head>,
}

impl LaneReader {
    /// Become the consumer; goes on where the predecessor was done.
    pub(crate) fn attach(ring: Ring) -> LaneReader {
        let done = ring.header().done.load(Ordering::Acquire);
        ring.header().assembling.store(0, Ordering::Relaxed);
        LaneReader {
            ring,
            done,
            tail: done,
            partial: None,
            dropped: None,
        }
    }

    /// Whether nothing is waiting. Looks at shared memory only if it must.
    pub(crate) fn is_empty(&mut self) -> bool {
        if self.tail == self.done {
            self.tail = self.ring.header().tail.load(Ordering::Acquire); // P1
        }
        self.tail == self.done
    }

    /// Handle the next message, if one is waiting.
    pub(crate) fn receive(
        &mut self,
        mut handle: impl FnMut(Head, Payload<'_>) -> Verdict,
    ) -> Received {
        if self.is_empty() {
            return Received::Nothing;
        }
        let Some((start, header)) = self.next_frame() else {
            return self.give_up();
        };
        let end = start + header.span();
        if header.head.kind == Kind::Pad {
            return Received::Handled(self.release(end, false));
        }
        let whole = header.flags == FIRST | LAST;
        let shared = self.ring.header();
        shared.taken.store(end, Ordering::Relaxed);
        if whole {
            if self.partial.is_some() {
                self.drop_partial();
            }
            // SAFETY: `next_frame` checked that the frame is published and contiguous; it is released below.
            let bytes = unsafe { self.ring.read(start + HEADER as u64, header.len as usize) };
            match handle(header.head, Payload::Borrowed(bytes)) {
                Verdict::Done => return Received::Handled(self.release(end, true)),
                Verdict::Abandoned => return Received::Abandoned,
                Verdict::NotNow => {
                    self.ring.header().taken.store(self.done, Ordering::Relaxed);
                    return Received::Left;
                }
            }
        }
        if header.flags & FIRST != 0 && handle(header.head, Payload::Beginning) == Verdict::NotNow {
            self.ring.header().taken.store(self.done, Ordering::Relaxed);
            return Received::Left;
        }
        // SAFETY: as above.
        let bytes = unsafe { self.ring.read(start + HEADER as u64, header.len as usize) };
        if header.flags & FIRST != 0 {
            let unfinished = self.partial.replace((header.head, bytes.to_vec()));
            if let Some((head, _)) = unfinished {
                self.dropped = Some(head);
            }
            shared
                .assembling
                .store(header.head.session.max(1), Ordering::Relaxed);
        } else if let Some((_, so_far)) = &mut self.partial {
            so_far.extend_from_slice(bytes);
        } // else: the end of a message whose beginning died with a predecessor
        let mut last = false;
        if header.flags & LAST != 0
            && let Some((head, message)) = self.partial.take()
        {
            last = true;
            // What came before the last frame is gone from the ring: "not now" could be said at the beginning.
            if handle(head, Payload::Owned(message)) != Verdict::Done {
                return Received::Abandoned;
            }
            self.ring.header().assembling.store(0, Ordering::Relaxed);
        }
        let count = last || header.flags & LAST != 0;
        Received::Handled(self.release(end, count))
    }

    /// Whether a long message has begun and its end is still to come.
    pub(crate) fn is_assembling(&self) -> bool {
        self.partial.is_some()
    }

    /// A long message whose producer died before its end, found since the last call.
    pub(crate) fn take_dropped(&mut self) -> Option<Head> {
        self.dropped.take()
    }

    fn drop_partial(&mut self) {
        if let Some((head, _)) = self.partial.take() {
            self.dropped = Some(head);
            self.ring.header().assembling.store(0, Ordering::Relaxed);
        }
    }

    /// The frame at `done`, with every field checked against the ring. `None`: corrupt.
    fn next_frame(&self) -> Option<(u64, Header)> {
        let mut start = self.done;
        let to_end = self.ring.to_end(start);
        if to_end < HEADER as u64 {
            start += to_end; // implied skip
        }
        let published = self.tail.checked_sub(start)?;
        if published < HEADER as u64 || published > self.ring.capacity {
            return None;
        }
        let mut copy = [0; HEADER];
        // SAFETY: HEADER bytes from `start` are published and end before the ring does (checked above).
        copy.copy_from_slice(unsafe { self.ring.read(start, HEADER) });
        let header = Header::decode(copy)?;
        let span = header.span();
        (span <= published && span <= self.ring.to_end(start)).then_some((start, header))
    }

    fn give_up(&mut self) -> Received {
        let shared = self.ring.header();
        self.done = self.tail;
        self.partial = None;
        shared
            .finished
            .store(shared.pushed.load(Ordering::Acquire), Ordering::Relaxed);
        shared.taken.store(self.done, Ordering::Relaxed);
        shared.done.store(self.done, Ordering::Release);
        Received::Corrupt
    }

    /// Free everything before `end`. True: the producer waits for room and now has it.
    fn release(&mut self, end: u64, counts: bool) -> bool {
        let shared = self.ring.header();
        let crowded = self.tail - self.done > self.ring.capacity / 2;
        self.done = end;
        if counts {
            shared.finished.store(
                shared.finished.load(Ordering::Relaxed) + 1,
                Ordering::Relaxed,
            );
        }
        shared.done.store(end, Ordering::Release); // P2
        if crowded {
            fence(Ordering::SeqCst); // P3
        }
        self.room_was_wanted()
    }

    /// Whether the producer waits for room and now has it. Asking takes the wish away, so ring if true.
    /// Before a sleep: after a SeqCst fence and after a look at `tail`.
    pub(crate) fn room_was_wanted(&self) -> bool {
        let wanted = &self.ring.header().room_wanted;
        let wish = wanted.load(Ordering::Relaxed);
        wish != 0 && self.tail - self.done < wish && wanted.swap(0, Ordering::Relaxed) != 0
    }

    /// After the consumer's death, by the only process left at this end: name what died with it and
    /// step over that. At most two: a frame at work, and a long message partly consumed.
    pub(crate) fn settle(ring: Ring) -> Vec<Casualty> {
        let shared = ring.header();
        let assembling = shared.assembling.load(Ordering::Acquire);
        let taken = shared.taken.load(Ordering::Acquire);
        let mut casualties = Vec::new();
        let mut reader = LaneReader::attach(ring);
        if taken > reader.done && !reader.is_empty() {
            match reader.next_frame() {
                Some((start, header)) => {
                    if header.head.kind != Kind::Pad {
                        casualties.push(Casualty {
                            kind: header.head.kind,
                            session: header.head.session,
                        });
                    }
                    reader.release(start + header.span(), header.flags & LAST != 0);
                }
                None => {
                    reader.give_up();
                }
            }
        }
        if assembling != 0 && casualties.is_empty() {
            casualties.push(Casualty {
                kind: Kind::Receive,
                session: assembling,
            });
        }
        casualties
    }
}

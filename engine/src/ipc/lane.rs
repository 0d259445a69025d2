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
//! | `room_wanted` | producer   | wish for room: its number, and level + 1 if it waits until at most `level` bytes are in use, else 0 |
//! | `done`        | consumer   | bytes before it are no longer needed |
//! | `taken`       | consumer   | end of the frame whose handling has started, `done` or less between frames; its lowest bit is that of `finished` at the start |
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

use std::ptr::NonNull;
use std::sync::Arc;

use super::frame::{FIRST, HEADER, Head, Header, Kind, LAST, span};
use super::shm::{At, BytesAt, Region, Shared};
use crate::sync::Ordering;
use crate::sync::modelled::{AtomicU64, Watch, fence};

/// The shared fields of a lane, one cache line per writer.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct LaneHeader {
    tail: AtomicU64,
    pushed: AtomicU64,
    _producer_line: [u64; 6],
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

/// Positions are multiples of 8, so this bit of `taken` is free for the parity of `finished`.
const PARITY: u64 = 1;

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

    /// Bytes `position..position + len`, which must not cross the end of the ring.
    ///
    /// # Safety
    /// Only for the consumer, on published bytes, and the slice must be gone before they are released.
    unsafe fn read(&self, position: u64, len: usize) -> &[u8] {
        let at = self.offset(position);
        assert!(at + len <= self.capacity as usize, "read past the ring");
        self.watch.reads(at, len);
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
    pushed: u64,
    /// Number of the last wish for room. Numbers tell a new wish from the one that was rung for.
    wishes: u32,
}

impl LaneWriter {
    /// Become the producer; a predecessor's unpublished bytes are forgotten.
    pub(crate) fn attach(ring: Ring) -> LaneWriter {
        let shared = ring.header();
        let tail = shared.tail.load(Ordering::Acquire);
        let done = shared.done.load(Ordering::Acquire);
        let pushed = shared.pushed.load(Ordering::Relaxed);
        let wishes = (shared.room_wanted.load(Ordering::Relaxed) >> 32) as u32;
        LaneWriter {
            ring,
            tail,
            done,
            pushed,
            wishes,
        }
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
        let start = self.tail.wrapping_add(skip);
        let header = Header {
            len: payload.len() as u32,
            flags,
            head,
        };
        // SAFETY: `need` bytes from `start` are free (checked), contiguous (`skip`) and unpublished.
        unsafe { self.ring.write(start, &header.encode()) };
        // SAFETY: as above; the payload lies within `need`.
        unsafe { self.ring.write(start.wrapping_add(HEADER as u64), payload) };
        self.tail = start.wrapping_add(need);
        let shared = self.ring.header();
        if flags & LAST != 0 {
            self.pushed = self.pushed.wrapping_add(1);
            shared.pushed.store(self.pushed, Ordering::Relaxed);
        }
        shared.tail.store(self.tail, Ordering::Release); // P1
        true
    }

    /// Publish something that is no frame.
    #[cfg(test)]
    pub(super) fn scribble(&mut self) {
        // SAFETY: free and unpublished on the empty lane that this is called for.
        unsafe { self.ring.write(self.tail, &[0xff; HEADER]) };
        self.tail += HEADER as u64;
        self.ring.header().tail.store(self.tail, Ordering::Release);
    }

    fn has_room(&mut self, need: u64) -> bool {
        if self.used().saturating_add(need) <= self.ring.capacity {
            return true;
        }
        self.done = self.ring.header().done.load(Ordering::Acquire); // P2
        self.used().saturating_add(need) <= self.ring.capacity
    }

    /// Ask to be rung when at most `level` bytes are in use. False: that is so already, try again.
    pub(crate) fn want_room(&mut self, level: u64) -> bool {
        let shared = self.ring.header();
        self.wishes = self.wishes.wrapping_add(1);
        let number = u64::from(self.wishes) << 32;
        let level = level.min(self.ring.capacity - 1);
        shared
            .room_wanted
            .store(number | (level + 1), Ordering::Relaxed);
        fence(Ordering::SeqCst); // P3
        self.done = shared.done.load(Ordering::Acquire);
        if self.used() <= level {
            shared.room_wanted.store(number, Ordering::Relaxed);
            return false;
        }
        true
    }

    /// Published bytes the consumer still needs, as last seen.
    pub(crate) fn used(&self) -> u64 {
        // A `done` beyond `tail` is another process's garbage, and makes a lane that stays full.
        self.tail.wrapping_sub(self.done)
    }

    /// Half of the lane, the usual level to wait for: filling and emptying then alternate in large steps.
    pub(crate) fn half(&self) -> u64 {
        self.ring.capacity / 2
    }

    /// Published bytes the consumer still needs, as of now.
    pub(crate) fn used_now(&mut self) -> u64 {
        self.done = self.ring.header().done.load(Ordering::Acquire);
        self.used()
    }

    /// Whether the consumer is done with everything, as of now.
    pub(crate) fn is_drained(&mut self) -> bool {
        self.used_now() == 0
    }

    /// Messages pushed and not finished. One too many for good after a producer that died between
    /// the two stores of a push.
    pub(crate) fn in_flight(&self) -> u64 {
        let finished = self.ring.header().finished.load(Ordering::Acquire);
        self.pushed.saturating_sub(finished)
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
    finished: u64,
    /// The wish for room that has been rung for.
    granted: u64,
    partial: Option<(Head, Vec<u8>)>,
    /// Long messages whose end never came; see [`LaneReader::take_dropped`].
    dropped: Vec<Head>,
}

impl LaneReader {
    /// Become the consumer; goes on where the predecessor was done.
    pub(crate) fn attach(ring: Ring) -> LaneReader {
        let shared = ring.header();
        let done = shared.done.load(Ordering::Acquire);
        let finished = shared.finished.load(Ordering::Relaxed);
        shared.assembling.store(0, Ordering::Relaxed);
        LaneReader {
            ring,
            done,
            tail: done,
            finished,
            granted: 0,
            partial: None,
            dropped: Vec::new(),
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
        let last = header.flags & LAST != 0;
        let shared = self.ring.header();
        shared
            .taken
            .store(end | (self.finished & PARITY), Ordering::Relaxed);
        // SAFETY: `next_frame` checked that the frame is published and contiguous; it is released below.
        let bytes = unsafe { self.ring.read(start + HEADER as u64, header.len as usize) };
        if header.flags & FIRST != 0 {
            if let Some((head, _)) = self.partial.take() {
                // Its producer died: a living one ends a message before it begins the next.
                self.dropped.push(head);
                shared.assembling.store(0, Ordering::Relaxed);
            }
            let payload = match last {
                true => Payload::Borrowed(bytes),
                false => Payload::Beginning,
            };
            match (handle(header.head, payload), last) {
                (Verdict::NotNow, _) => {
                    shared.taken.store(self.done, Ordering::Relaxed);
                    return Received::Left;
                }
                (Verdict::Abandoned, true) => return Received::Abandoned,
                (Verdict::Done, true) => {}
                (_, false) => {
                    self.partial = Some((header.head, bytes.to_vec()));
                    shared
                        .assembling_session
                        .store(header.head.session, Ordering::Relaxed);
                    shared
                        .assembling
                        .store(header.head.kind as u64, Ordering::Relaxed);
                }
            }
        } else if let Some((_, so_far)) = &mut self.partial {
            so_far.extend_from_slice(bytes);
            if last && let Some((head, message)) = self.partial.take() {
                // What came before the last frame is gone from the ring: "not now" could be said at the beginning.
                if handle(head, Payload::Owned(message)) != Verdict::Done {
                    return Received::Abandoned;
                }
                shared.assembling.store(0, Ordering::Relaxed);
            }
        } // else: the end of a message whose beginning died with a predecessor
        Received::Handled(self.release(end, last))
    }

    /// Whether a long message has begun and its end is still to come.
    pub(crate) fn is_assembling(&self) -> bool {
        self.partial.is_some()
    }

    /// Long messages whose producer died before their end, found since the last call.
    pub(crate) fn take_dropped(&mut self) -> Vec<Head> {
        std::mem::take(&mut self.dropped)
    }

    /// The frame at `done`, with every field checked against the ring. `None`: corrupt.
    fn next_frame(&self) -> Option<(u64, Header)> {
        let mut start = self.done;
        let to_end = self.ring.to_end(start);
        if to_end < HEADER as u64 {
            start = start.checked_add(to_end)?; // implied skip
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
        self.dropped
            .extend(self.partial.take().map(|(head, _)| head));
        shared.assembling.store(0, Ordering::Relaxed);
        self.finished = shared.pushed.load(Ordering::Acquire);
        shared.finished.store(self.finished, Ordering::Relaxed);
        self.done = self.tail;
        shared.taken.store(self.done, Ordering::Relaxed);
        shared.done.store(self.done, Ordering::Release);
        Received::Corrupt
    }

    /// Free everything before `end`. True: the producer waits for room and now has it.
    fn release(&mut self, end: u64, counts: bool) -> bool {
        let crowded = self.used() > self.ring.capacity / 2;
        self.step_over(end, counts);
        if crowded {
            fence(Ordering::SeqCst); // P3
        }
        self.room_was_wanted()
    }

    fn step_over(&mut self, end: u64, counts: bool) {
        let shared = self.ring.header();
        self.done = end;
        if counts {
            self.finished = self.finished.wrapping_add(1);
            shared.finished.store(self.finished, Ordering::Relaxed);
        }
        shared.done.store(end, Ordering::Release); // P2
    }

    /// Published bytes not done with, as last seen.
    fn used(&self) -> u64 {
        self.tail.wrapping_sub(self.done)
    }

    /// Whether the producer waits for room, now has it and was not told. Ring if true: it is not said again.
    /// Before a sleep: after a SeqCst fence and after a look at `tail`.
    pub(crate) fn room_was_wanted(&mut self) -> bool {
        let wish = self.ring.header().room_wanted.load(Ordering::Relaxed);
        let level = wish & u64::from(u32::MAX);
        // A wish that was fulfilled before it was seen stays, hence the comparison with `granted`.
        let due = wish != self.granted && self.used() < level;
        if due {
            self.granted = wish;
        }
        due
    }

    /// After the consumer's death, by the only process left at this end: name the message that died
    /// with it, at work or partly consumed, and step over its frame. Leaves a wish for room to the successor.
    pub(crate) fn settle(ring: Ring) -> Option<Casualty> {
        let shared = ring.header();
        let taken = shared.taken.load(Ordering::Acquire);
        let assembling = Kind::from_u8(shared.assembling.load(Ordering::Relaxed) as u8);
        let session = shared.assembling_session.load(Ordering::Relaxed);
        let mut casualty = match assembling {
            None | Some(Kind::Pad) => None,
            Some(kind) => Some(Casualty { kind, session }),
        };
        let mut reader = LaneReader::attach(ring);
        if taken & !PARITY > reader.done && !reader.is_empty() {
            let Some((start, header)) = reader.next_frame() else {
                reader.give_up();
                return casualty;
            };
            if header.flags & FIRST != 0 {
                casualty = Some(Casualty {
                    kind: header.head.kind,
                    session: header.head.session,
                });
            } // else: part of what is being assembled, or of a message that is lost already
            let counted = (reader.finished ^ taken) & PARITY != 0;
            let last = header.flags & LAST != 0;
            reader.step_over(start + header.span(), last && !counted);
        }
        casualty
    }
}

#[cfg(all(test, not(any(loom, miri))))]
mod kills;

#[cfg(all(test, not(loom)))]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const SIZE: usize = 1024;

    fn ends(size: usize) -> (LaneWriter, LaneReader) {
        let ring = Ring::on_heap(size);
        (LaneWriter::attach(ring.twin()), LaneReader::attach(ring))
    }

    fn head(session: u64) -> Head {
        Head::new(Kind::Receive, session, 0)
    }

    /// Bytes that tell where they belong.
    fn message(number: u64, len: usize) -> Vec<u8> {
        (0..len)
            .map(|at| (number as usize * 31 + at) as u8)
            .collect()
    }

    fn push(writer: &mut LaneWriter, session: u64, payload: &[u8]) -> bool {
        writer.push(head(session), payload, &mut 0) == Push::Whole
    }

    /// The next message, if there is a whole one. Panics if anything else than a message comes.
    fn pull(reader: &mut LaneReader) -> Option<(u64, Vec<u8>)> {
        loop {
            let mut got = None;
            let received = reader.receive(|head, payload| {
                if !matches!(payload, Payload::Beginning) {
                    got = Some((head.session, payload.bytes().to_vec()));
                }
                Verdict::Done
            });
            match received {
                Received::Nothing => return None,
                Received::Handled(_) if got.is_some() => return got,
                Received::Handled(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Send a message of any length, pulling what comes out meanwhile.
    fn carry(writer: &mut LaneWriter, reader: &mut LaneReader, payload: &[u8]) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        let mut sent = 0;
        for _ in 0..1000 {
            let state = writer.push(head(1), payload, &mut sent);
            out.extend(std::iter::from_fn(|| pull(reader)).map(|(_, bytes)| bytes));
            if state == Push::Whole {
                return out;
            }
        }
        panic!("no progress after {sent} bytes");
    }

    fn in_use(writer: &mut LaneWriter) -> u64 {
        writer.is_drained();
        writer.used()
    }

    /// Take one frame and die over it.
    fn die_at_next_frame(ring: &Ring) {
        let mut reader = LaneReader::attach(ring.twin());
        assert_eq!(
            reader.receive(|_, _| Verdict::Abandoned),
            Received::Abandoned
        );
    }

    fn lost(session: u64) -> Option<Casualty> {
        Some(Casualty {
            kind: Kind::Receive,
            session,
        })
    }

    #[test]
    fn push_fails_when_lane_is_full_and_succeeds_after_room() {
        let (mut writer, mut reader) = ends(SIZE);
        let mut pushed = 0;
        while push(&mut writer, pushed, &message(pushed, 40)) {
            pushed += 1;
        }
        assert_eq!(pushed, 1024 / 64);
        assert_eq!(pull(&mut reader), Some((0, message(0, 40))));
        assert!(push(&mut writer, pushed, &message(pushed, 40)));
        assert!(!push(&mut writer, 99, &[]));
        for number in 1..=pushed {
            assert_eq!(pull(&mut reader), Some((number, message(number, 40))));
        }
        assert_eq!(pull(&mut reader), None);
        assert!(writer.is_drained());
    }

    #[test]
    fn a_frame_that_does_not_fit_before_the_end_follows_a_pad() {
        let (mut writer, mut reader) = ends(SIZE);
        assert!(push(&mut writer, 1, &message(1, 480)));
        assert!(push(&mut writer, 2, &message(2, 400)));
        assert_eq!(pull(&mut reader), Some((1, message(1, 480))));
        assert_eq!(writer.ring.to_end(writer.tail), 1024 - 504 - 424);
        assert!(push(&mut writer, 3, &message(3, 100)));
        assert_eq!(writer.ring.offset(writer.tail), 128);
        assert_eq!(pull(&mut reader), Some((2, message(2, 400))));
        assert_eq!(pull(&mut reader), Some((3, message(3, 100))));
        assert!(writer.is_drained());
        assert_eq!(writer.in_flight(), 0);
    }

    #[test]
    fn an_end_too_short_for_a_header_is_skipped() {
        for rest in [8, 16] {
            let (mut writer, mut reader) = ends(SIZE);
            assert!(push(&mut writer, 1, &message(1, 488)));
            assert!(push(&mut writer, 2, &message(2, 488 - rest)));
            assert_eq!(writer.ring.to_end(writer.tail), rest as u64);
            assert_eq!(pull(&mut reader), Some((1, message(1, 488))));
            assert!(push(&mut writer, 3, &message(3, 9)));
            assert_eq!(pull(&mut reader), Some((2, message(2, 488 - rest))));
            assert_eq!(pull(&mut reader), Some((3, message(3, 9))));
            assert!(writer.is_drained());
        }
    }

    #[test]
    fn a_frame_that_fits_exactly_ends_with_the_ring() {
        let (mut writer, mut reader) = ends(SIZE);
        for number in 0..6 {
            assert!(push(&mut writer, number, &message(number, 488)));
            assert_eq!(pull(&mut reader), Some((number, message(number, 488))));
        }
        assert_eq!(writer.tail, 6 * 512);
    }

    #[test]
    fn messages_of_any_length_pass_a_lane() {
        let (mut writer, mut reader) = ends(SIZE);
        let (whole, piece) = (writer.ring.longest_whole(), writer.ring.piece());
        let lengths = [
            0,
            1,
            piece,
            piece + 1,
            whole,
            whole + 1,
            2 * piece,
            4 * piece,
            4 * piece + 1,
            SIZE,
            10 * SIZE,
        ];
        for (number, len) in lengths.into_iter().enumerate() {
            let sent = message(number as u64, len);
            assert_eq!(
                carry(&mut writer, &mut reader, &sent),
                [sent],
                "length {len}"
            );
            assert!(writer.is_drained());
            assert_eq!(writer.in_flight(), 0);
        }
        assert_eq!(reader.take_dropped(), []);
    }

    #[test]
    fn an_abandoned_message_stays_at_work_until_it_is_settled() {
        let ring = Ring::on_heap(SIZE);
        let mut writer = LaneWriter::attach(ring.twin());
        assert!(push(&mut writer, 7, b"poison") && push(&mut writer, 8, b"next"));
        die_at_next_frame(&ring);
        assert_eq!(LaneReader::settle(ring.twin()), lost(7));
        assert_eq!(LaneReader::settle(ring.twin()), None);
        let mut reader = LaneReader::attach(ring);
        assert_eq!(pull(&mut reader), Some((8, b"next".to_vec())));
        assert_eq!(writer.in_flight(), 0);
    }

    #[test]
    fn a_message_not_taken_now_waits_for_the_next_call_or_the_successor() {
        let ring = Ring::on_heap(SIZE);
        let mut writer = LaneWriter::attach(ring.twin());
        let mut reader = LaneReader::attach(ring.twin());
        assert!(push(&mut writer, 7, b"later"));
        assert_eq!(reader.receive(|_, _| Verdict::NotNow), Received::Left);
        assert_eq!(reader.receive(|_, _| Verdict::NotNow), Received::Left);
        assert_eq!(LaneReader::settle(ring.twin()), None);
        assert_eq!(
            pull(&mut LaneReader::attach(ring)),
            Some((7, b"later".to_vec()))
        );
    }

    #[test]
    fn a_long_message_not_taken_now_is_not_begun() {
        let ring = Ring::on_heap(SIZE);
        let mut writer = LaneWriter::attach(ring.twin());
        let mut reader = LaneReader::attach(ring.twin());
        let long = message(7, 700);
        assert!(push(&mut writer, 7, &long));
        assert_eq!(
            reader.receive(|_, payload| match payload {
                Payload::Beginning => Verdict::NotNow,
                _ => panic!("begun"),
            }),
            Received::Left
        );
        assert!(!reader.is_assembling());
        assert_eq!(LaneReader::settle(ring.twin()), None);
        assert_eq!(pull(&mut LaneReader::attach(ring)), Some((7, long)));
    }

    #[test]
    fn a_long_message_abandoned_at_its_end_is_settled_once() {
        let ring = Ring::on_heap(SIZE);
        let mut writer = LaneWriter::attach(ring.twin());
        let mut reader = LaneReader::attach(ring.twin());
        assert!(push(&mut writer, 7, &message(7, 700)));
        let last = std::iter::from_fn(|| {
            let received = reader.receive(|_, payload| match payload {
                Payload::Owned(_) => Verdict::Abandoned,
                _ => Verdict::Done,
            });
            (received != Received::Nothing).then_some(received)
        })
        .take(4)
        .last();
        assert_eq!(last, Some(Received::Abandoned));
        assert_eq!(LaneReader::settle(ring.twin()), lost(7));
        assert_eq!(LaneReader::settle(ring.twin()), None);
        assert_eq!(pull(&mut LaneReader::attach(ring)), None);
        assert_eq!(writer.in_flight(), 0);
    }

    #[test]
    fn nothing_is_settled_between_frames() {
        let ring = Ring::on_heap(SIZE);
        let mut writer = LaneWriter::attach(ring.twin());
        let mut reader = LaneReader::attach(ring.twin());
        assert_eq!(LaneReader::settle(ring.twin()), None);
        assert!(push(&mut writer, 1, b"a") && push(&mut writer, 2, b"b"));
        assert!(pull(&mut reader).is_some());
        assert_eq!(LaneReader::settle(ring.twin()), None);
        assert_eq!(
            pull(&mut LaneReader::attach(ring)),
            Some((2, b"b".to_vec()))
        );
    }

    #[test]
    fn a_death_in_mid_assembly_names_the_message_and_skips_its_rest() {
        let ring = Ring::on_heap(SIZE);
        let mut writer = LaneWriter::attach(ring.twin());
        let mut reader = LaneReader::attach(ring.twin());
        // Session 0 is a message that concerns none: it is named all the same.
        for session in [0, 7] {
            assert!(push(&mut writer, session, &message(7, 700)));
            assert!(push(&mut writer, 8, b"next"));
            while !reader.is_assembling() {
                reader.receive(|_, _| Verdict::Done);
            }
            assert_eq!(LaneReader::settle(ring.twin()), lost(session));
            assert_eq!(LaneReader::settle(ring.twin()), None);
            reader = LaneReader::attach(ring.twin());
            assert_eq!(pull(&mut reader), Some((8, b"next".to_vec())));
            assert_eq!(pull(&mut reader), None);
            assert_eq!(writer.in_flight(), 0);
        }
    }

    #[test]
    fn a_death_at_the_first_frame_of_a_long_message_names_it_once() {
        // Killed with the frame taken, before and after it was put aside.
        for assembling in [0, Kind::Receive as u64] {
            let ring = Ring::on_heap(SIZE);
            let mut writer = LaneWriter::attach(ring.twin());
            assert!(push(&mut writer, 7, &message(7, 700)));
            let shared = ring.header();
            shared.taken.store(span(ring.piece()), Ordering::Relaxed);
            shared.assembling.store(assembling, Ordering::Relaxed);
            shared.assembling_session.store(7, Ordering::Relaxed);
            assert_eq!(LaneReader::settle(ring.twin()), lost(7));
            // Killed again, at every frame of the rest, which is lost already.
            while in_use(&mut writer) > 0 {
                let done = shared.done.load(Ordering::Relaxed);
                let parity = shared.finished.load(Ordering::Relaxed) & PARITY;
                shared.taken.store((done + 8) | parity, Ordering::Relaxed);
                assert_eq!(LaneReader::settle(ring.twin()), None);
            }
            assert_eq!(writer.in_flight(), 0);
        }
    }

    #[test]
    fn a_message_counted_before_the_death_is_not_counted_again() {
        for before in 0..4 {
            for counted in [0, 1] {
                let ring = Ring::on_heap(SIZE);
                let mut writer = LaneWriter::attach(ring.twin());
                let mut reader = LaneReader::attach(ring.twin());
                for _ in 0..before {
                    assert!(push(&mut writer, 1, b"a") && pull(&mut reader).is_some());
                }
                assert!(push(&mut writer, 2, b"b") && push(&mut writer, 3, b"c"));
                die_at_next_frame(&ring);
                // What `release` stores first.
                ring.header()
                    .finished
                    .store(before + counted, Ordering::Relaxed);
                assert_eq!(LaneReader::settle(ring.twin()), lost(2));
                assert_eq!(writer.in_flight(), 1);
            }
        }
    }

    #[test]
    fn unpublished_bytes_of_a_dead_producer_are_overwritten() {
        let ring = Ring::on_heap(SIZE);
        let mut reader = LaneReader::attach(ring.twin());
        let writer = LaneWriter::attach(ring.twin());
        // SAFETY: free and unpublished: the lane is empty.
        unsafe { writer.ring.write(0, &[0xff; 200]) };
        assert_eq!(pull(&mut reader), None);
        assert!(push(&mut LaneWriter::attach(ring), 2, b"new"));
        assert_eq!(pull(&mut reader), Some((2, b"new".to_vec())));
    }

    #[test]
    fn a_message_cut_off_by_its_producers_death_is_dropped_and_told_once() {
        for successor_is_long in [false, true] {
            let ring = Ring::on_heap(SIZE);
            let mut reader = LaneReader::attach(ring.twin());
            let next = message(3, if successor_is_long { 700 } else { 5 });
            for session in [1, 2] {
                let mut sent = 0;
                let long = message(1, 5000);
                let mut dying = LaneWriter::attach(ring.twin());
                assert_eq!(dying.push(head(session), &long, &mut sent), Push::Full);
                assert_eq!(pull(&mut reader), None);
                assert!(reader.is_assembling());
            }
            let mut writer = LaneWriter::attach(ring.twin());
            assert_eq!(carry(&mut writer, &mut reader, &next), [next]);
            assert_eq!(reader.take_dropped(), [head(1), head(2)]);
            assert_eq!(reader.take_dropped(), []);
            assert_eq!(writer.in_flight(), 0);
            assert_eq!(LaneReader::settle(ring), None);
        }
    }

    #[test]
    fn a_cut_off_message_ends_when_the_next_one_is_refused() {
        for len in [5, 700] {
            let ring = Ring::on_heap(SIZE);
            let mut reader = LaneReader::attach(ring.twin());
            let mut dying = LaneWriter::attach(ring.twin());
            dying.push(head(1), &message(1, 5000), &mut 0);
            assert_eq!(pull(&mut reader), None);
            assert!(push(
                &mut LaneWriter::attach(ring.twin()),
                2,
                &message(2, len)
            ));
            while reader.receive(|_, _| Verdict::NotNow) != Received::Left {}
            assert!(
                !reader.is_assembling(),
                "its owner would wait for the end for ever"
            );
            assert_eq!(LaneReader::settle(ring), None);
        }
    }

    #[test]
    fn in_flight_counts_messages_not_frames() {
        let (mut writer, mut reader) = ends(SIZE);
        assert!(push(&mut writer, 1, b"a") && push(&mut writer, 2, &message(2, 700)));
        assert_eq!(writer.in_flight(), 2);
        assert!(pull(&mut reader).is_some());
        assert_eq!(writer.in_flight(), 1);
        assert_eq!(
            reader.receive(|_, _| Verdict::Done),
            Received::Handled(false)
        );
        assert_eq!(writer.in_flight(), 1);
        assert!(pull(&mut reader).is_some());
        assert_eq!(writer.in_flight(), 0);
    }

    #[test]
    fn empty_says_what_receive_would_find() {
        let (mut writer, mut reader) = ends(SIZE);
        assert!(reader.is_empty());
        assert!(push(&mut writer, 1, &[]));
        assert!(!reader.is_empty());
        assert_eq!(pull(&mut reader), Some((1, Vec::new())));
        assert!(reader.is_empty());
    }

    #[test]
    fn a_wish_for_room_is_fulfilled_at_its_level_and_once() {
        for level in [0, 64, 512, 1023] {
            let (mut writer, mut reader) = ends(SIZE);
            assert!(!writer.want_room(level), "an empty lane has room at once");
            while push(&mut writer, 1, &[0; 40]) {}
            assert!(writer.want_room(level));
            let mut rung = Vec::new();
            while !reader.is_empty() {
                if reader.receive(|_, _| Verdict::Done) == Received::Handled(true) {
                    rung.push(in_use(&mut writer));
                }
            }
            assert_eq!(rung, [level / 64 * 64]);
            assert!(!reader.room_was_wanted());
        }
    }

    #[test]
    fn the_same_wish_made_again_is_fulfilled_again() {
        let (mut writer, mut reader) = ends(SIZE);
        for _ in 0..3 {
            while push(&mut writer, 1, &[0; 40]) {}
            assert!(writer.want_room(512));
            let mut rings = 0;
            while !reader.is_empty() {
                rings += u32::from(reader.receive(|_, _| Verdict::Done) == Received::Handled(true));
            }
            assert_eq!(rings, 1);
        }
        // And by a successor, whose numbers go on.
        let mut writer = LaneWriter::attach(reader.ring.twin());
        while push(&mut writer, 1, &[0; 40]) {}
        assert!(writer.want_room(512));
        while pull(&mut reader).is_some() {}
        assert!(!reader.room_was_wanted(), "told by receive()");
        assert_eq!(writer.wishes, 4);
    }

    #[test]
    fn a_wish_taken_up_by_a_consumer_that_died_is_told_by_its_successor() {
        let ring = Ring::on_heap(SIZE);
        let mut writer = LaneWriter::attach(ring.twin());
        let mut reader = LaneReader::attach(ring.twin());
        while push(&mut writer, 1, &[0; 40]) {}
        assert!(writer.want_room(1000));
        // Killed before it rings; and once more over a message.
        assert_eq!(
            reader.receive(|_, _| Verdict::Done),
            Received::Handled(true)
        );
        die_at_next_frame(&ring);
        assert_eq!(LaneReader::settle(ring.twin()), lost(1));
        assert!(LaneReader::attach(ring).room_was_wanted());
    }

    /// What the owner of a lane does with it, whatever is in it: until it is empty.
    fn drain_garbage(ring: &Ring) -> u32 {
        let mut reader = LaneReader::attach(ring.twin());
        let mut corrupt = 0;
        for _ in 0..SIZE {
            match reader.receive(|_, payload| {
                std::hint::black_box(payload.bytes().iter().map(|&b| u64::from(b)).sum::<u64>());
                Verdict::Done
            }) {
                Received::Nothing => {
                    reader.room_was_wanted();
                    return corrupt;
                }
                Received::Corrupt => corrupt += 1,
                _ => {}
            }
        }
        panic!("more frames than fit");
    }

    fn write_header(ring: &Ring, position: u64, bytes: [u8; HEADER]) {
        // SAFETY: in bounds; nobody reads meanwhile.
        unsafe { ring.write(position, &bytes) };
    }

    #[test]
    fn frames_that_no_writer_makes_are_corrupt() {
        let good = Header {
            len: 8,
            flags: FIRST | LAST,
            head: head(1),
        };
        let mut unknown_kind = good.encode();
        unknown_kind[4] = 99;
        let mut unknown_flags = good.encode();
        unknown_flags[5] = 7;
        let past_tail = Header { len: 9, ..good }.encode();
        let past_everything = Header {
            len: u32::MAX,
            ..good
        }
        .encode();
        for (bytes, tail) in [
            (unknown_kind, 32),
            (unknown_flags, 32),
            (past_tail, 32),
            (past_everything, 32),
            (good.encode(), 8),
            (good.encode(), 16),
            (good.encode(), 1032),
            (good.encode(), u64::MAX),
        ] {
            let ring = Ring::on_heap(SIZE);
            write_header(&ring, 0, bytes);
            ring.header().tail.store(tail, Ordering::Relaxed);
            assert_eq!(drain_garbage(&ring), 1, "{bytes:?} before {tail}");
        }
        // Past the end of the ring.
        let ring = Ring::on_heap(SIZE);
        write_header(&ring, 1000, good.encode());
        ring.header().done.store(1000, Ordering::Relaxed);
        ring.header().tail.store(1032, Ordering::Relaxed);
        assert_eq!(drain_garbage(&ring), 1);
    }

    #[test]
    fn a_lane_is_usable_after_garbage() {
        let ring = Ring::on_heap(SIZE);
        let mut writer = LaneWriter::attach(ring.twin());
        let mut reader = LaneReader::attach(ring.twin());
        writer.push(head(1), &message(1, 5000), &mut 0);
        assert_eq!(
            reader.receive(|_, _| Verdict::Done),
            Received::Handled(false)
        );
        write_header(&ring, reader.done, [0xff; HEADER]);
        assert_eq!(reader.receive(|_, _| Verdict::Done), Received::Corrupt);
        assert_eq!(reader.take_dropped(), [head(1)]);
        assert_eq!(LaneReader::settle(ring), None);
        assert!(push(&mut writer, 2, b"good"));
        assert_eq!(pull(&mut reader), Some((2, b"good".to_vec())));
        assert_eq!(writer.in_flight(), 0);
    }

    /// Positions near each other, near the ends of the number range, and anywhere.
    fn position() -> impl Strategy<Value = u64> {
        prop_oneof![
            (0..5000u64).prop_map(|at| at / 8 * 8),
            0..5000u64,
            (0..3000u64).prop_map(|at| u64::MAX - at),
            any::<u64>(),
        ]
    }

    /// Headers that are nearly right among bytes that are nothing.
    fn contents() -> impl Strategy<Value = Vec<u8>> {
        let header = (
            0..1200u32,
            0..4u8,
            prop::sample::select(vec![0u8, 1, 2, 10, 99]),
        )
            .prop_map(|(len, flags, kind)| {
                let mut bytes = [0; HEADER];
                bytes[..4].copy_from_slice(&len.to_ne_bytes());
                bytes[4] = kind;
                bytes[5] = flags;
                bytes.to_vec()
            });
        let piece = prop_oneof![3 => header, 1 => vec(any::<u8>(), 8)];
        vec(piece, 128).prop_map(|pieces| {
            pieces
                .concat()
                .into_iter()
                .chain([0; SIZE])
                .take(SIZE)
                .collect::<Vec<u8>>()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 16 } else { 2000 },
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn arbitrary_memory_neither_panics_nor_leads_out_of_the_ring(
            bytes in contents(),
            [tail, done, taken, wish, pushed] in [position(), position(), position(), position(), position()],
            assembling in 0..40u64,
        ) {
            let ring = Ring::on_heap(SIZE);
            // SAFETY: all of the ring; nobody reads meanwhile.
            unsafe { ring.write(0, &bytes) };
            let shared = ring.header();
            for (word, value) in [
                (&shared.tail, tail),
                (&shared.done, done),
                (&shared.taken, taken),
                (&shared.room_wanted, wish),
                (&shared.pushed, pushed),
                (&shared.finished, wish),
                (&shared.assembling, assembling),
            ] {
                word.store(value, Ordering::Relaxed);
            }
            let mut writer = LaneWriter::attach(ring.twin());
            writer.want_room(writer.half());
            writer.in_flight();
            LaneReader::settle(ring.twin());
            drain_garbage(&ring);
            // A writer that finds garbage may wait for ever, but writes inside of the ring.
            let mut writer = LaneWriter::attach(ring.twin());
            writer.push(head(1), &bytes[..100], &mut 0);
            writer.push(head(1), &bytes, &mut 0);
            drain_garbage(&ring);
        }

        #[test]
        fn any_interleaving_delivers_the_same_messages(
            power in 10..14u32,
            lengths in vec(prop_oneof![4 => 0..80usize, 2 => 0..2000usize, 1 => 0..40_000usize], 1..40),
            turns in vec((1..20usize, 1..20usize), 1..60),
        ) {
            let ring = Ring::on_heap(1 << power);
            let mut writer = LaneWriter::attach(ring.twin());
            let mut reader = LaneReader::attach(ring.twin());
            let sent: Vec<_> = lengths.iter().enumerate().map(|(n, &len)| (n as u64, message(n as u64, len))).collect();
            let mut got = Vec::new();
            let (mut next, mut progress) = (0, 0);
            let mut turns = turns.iter().cycle();
            while got.len() < sent.len() {
                let (pushes, receives) = turns.next().unwrap();
                for _ in 0..*pushes {
                    if let Some((session, payload)) = sent.get(next)
                        && writer.push(head(*session), payload, &mut progress) == Push::Whole
                    {
                        (next, progress) = (next + 1, 0);
                    }
                }
                for _ in 0..*receives {
                    let received = reader.receive(|head, payload| {
                        if !matches!(payload, Payload::Beginning) {
                            got.push((head.session, payload.bytes().to_vec()));
                        }
                        Verdict::Done
                    });
                    prop_assert!(matches!(received, Received::Handled(_) | Received::Nothing));
                }
            }
            prop_assert_eq!(got, sent);
            prop_assert!(writer.is_drained());
            prop_assert_eq!(writer.in_flight(), 0);
            prop_assert_eq!(LaneReader::settle(ring), None);
        }
    }
}

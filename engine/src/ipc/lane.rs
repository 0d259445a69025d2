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
    pub(super) unsafe fn over(
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

    /// Whether the consumer is done with everything, as of now.
    pub(crate) fn is_drained(&mut self) -> bool {
        self.done = self.ring.header().done.load(Ordering::Acquire);
        self.used() == 0
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

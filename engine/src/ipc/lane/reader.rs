//! The consumer's end of a lane. The protocol is in [`super`].

use super::{PARITY, Ring};
use crate::ipc::frame::{FIRST, HEADER, Head, Header, Kind, LAST};
use crate::sync::Ordering;
use crate::sync::modelled::fence;

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
    pub(super) ring: Ring,
    pub(super) done: u64,
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

//! The consumer's end of a lane. The protocol is in [`super`].

use super::{FLAGS, LOOK_AGAIN, PARITY, PAUSED, Ring};
use crate::ipc::frame::{FIRST, HEADER, Head, Header, Kind, LAST};
use crate::sync::Ordering;
use crate::sync::modelled::fence;

/// A message as the consumer sees it.
pub(crate) enum Payload<'a> {
    /// Still in the ring; gone after the call.
    Borrowed(&'a [u8]),
    /// Put together from several frames.
    Owned(Vec<u8>),
}

impl Payload<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
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
}

/// How often to look at a message that is taken meanwhile.
const PEEKS: u32 = 16;

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
    /// The consumer did not accept the message: it waits where it is, for a later call or a successor.
    Left,
    /// The producer has taken back what was not begun, or is about to: nothing more is to be begun now.
    Retired,
    /// The producer has taken back what was not begun, and is to be rung: this consumer goes on with what comes now.
    Resumed,
    /// The lane held bytes no writer of ours can have written; everything published was dropped.
    Corrupt,
}

/// What became of the wish to begin a message.
enum Taking {
    Taken,
    /// The producer wants none begun.
    Refused,
    /// Messages were taken back: look what there is now.
    Resumed,
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
    /// The word in shared memory, as this end has last seen or stored it.
    taken: u64,
    /// The wish for room that has been rung for.
    granted: u64,
    partial: Option<(Head, Vec<u8>)>,
    /// Long messages whose end never came; see [`LaneReader::take_dropped`].
    dropped: Vec<Head>,
}

impl LaneReader {
    /// Become the consumer; goes on where the predecessor was done.
    pub(crate) fn attach(ring: Ring) -> LaneReader {
        let mut reader = LaneReader::view(ring);
        let shared = reader.ring.header();
        shared.assembling.store(0, Ordering::Relaxed);
        // That a predecessor was retired is over. That the producer is taking messages back is not.
        let done = reader.done;
        let fresh = |word: u64| match word & LOOK_AGAIN {
            PAUSED => Some(done | PAUSED),
            _ => Some(done),
        };
        let order = (Ordering::AcqRel, Ordering::Acquire);
        let word = shared.taken.fetch_update(order.0, order.1, fresh);
        reader.taken = word.ok().and_then(fresh).unwrap_or(done);
        reader
    }

    /// The consumer's view, without being it; [`LaneReader::refresh`] makes it the consumer for a while.
    pub(crate) fn view(ring: Ring) -> LaneReader {
        let shared = ring.header();
        let done = shared.done.load(Ordering::Acquire);
        let finished = shared.finished.load(Ordering::Relaxed);
        let taken = shared.taken.load(Ordering::Acquire);
        LaneReader {
            ring,
            done,
            taken,
            tail: done,
            finished,
            granted: 0,
            partial: None,
            dropped: Vec::new(),
        }
    }

    /// Go on where whoever was the consumer until now has left off. The caller has seen that nobody is, and lanes
    /// with such consumers are never recalled.
    pub(crate) fn refresh(&mut self) {
        let shared = self.ring.header();
        self.done = shared.done.load(Ordering::Acquire);
        self.finished = shared.finished.load(Ordering::Relaxed);
        self.taken = shared.taken.load(Ordering::Relaxed);
        self.tail = self.done;
    }

    /// After the death of a consumer that has only copied the message it took: make it the next one again. False: it
    /// had released it.
    pub(crate) fn put_back(&mut self) -> bool {
        self.refresh();
        let shared = self.ring.header();
        if self.taken & !FLAGS <= self.done {
            return false;
        }
        if (self.finished ^ self.taken) & PARITY != 0 {
            self.finished = self.finished.wrapping_sub(1);
            shared.finished.store(self.finished, Ordering::Release);
        }
        self.taken = self.done | (self.finished & PARITY);
        shared.taken.store(self.taken, Ordering::Release);
        true
    }

    /// After the death of a producer that held the queue's claim: it may have been beginning again at the start of the ring.
    pub(crate) fn mend(&self) {
        let shared = self.ring.header();
        let done = shared.done.load(Ordering::Acquire);
        if shared.tail.load(Ordering::Acquire) < done {
            shared.tail.store(done, Ordering::Release);
        }
    }

    /// Whether something is published that nobody is done with, as of now; for those who are not the consumer.
    pub(crate) fn has_waiting(&self) -> bool {
        let shared = self.ring.header();
        let done = shared.done.load(Ordering::Acquire);
        shared.tail.load(Ordering::Acquire) > done // less, for a moment, while the ring is begun anew
    }

    /// Whether the producer waits for room, as of now, and not for all of it; for those who are not the consumer. A wish
    /// that was fulfilled stays where it is, and who wants everything read has memory to give back and nothing to send.
    pub(crate) fn is_room_wanted(&self) -> bool {
        let shared = self.ring.header();
        let above = u64::from(shared.room_wanted.load(Ordering::Acquire) as u32); // level + 1
        let done = shared.done.load(Ordering::Acquire);
        let used = shared.tail.load(Ordering::Acquire).saturating_sub(done);
        above > 1 && used >= above
    }

    /// Messages pushed and not finished, and ever pushed, as of now; for those who are not the consumer.
    pub(crate) fn waiting_and_pushed(&self) -> (u64, u64) {
        let shared = self.ring.header();
        let finished = shared.finished.load(Ordering::Acquire);
        let pushed = shared.pushed.load(Ordering::Relaxed);
        match self.has_waiting() {
            true => (pushed.saturating_sub(finished), pushed),
            false => (0, pushed),
        }
    }

    /// Bytes of what waits, heads included, as of now; for those who are not the consumer.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        let shared = self.ring.header();
        let done = shared.done.load(Ordering::Acquire);
        let used = shared.tail.load(Ordering::Acquire).saturating_sub(done);
        // At most one gap is among them: the next one is a whole ring further.
        match shared.skipped_at.load(Ordering::Relaxed) {
            at if at >= done => used.saturating_sub(shared.skipped.load(Ordering::Relaxed)),
            _ => used,
        }
    }

    /// The first eight bytes of the message that is to be taken next; for those who are not the consumer. `None`: nothing
    /// waits, or it is taken too fast to be looked at.
    pub(crate) fn peek(&self) -> Option<[u8; 8]> {
        for _ in 0..PEEKS {
            let shared = self.ring.header();
            let done = shared.done.load(Ordering::Acquire);
            let tail = shared.tail.load(Ordering::Acquire);
            if tail <= done {
                return None;
            }
            // SAFETY: everything from `done` to `tail` is published. It may be released and overwritten while it is
            // looked at: these are bytes without meaning of their own, every field is checked against the ring before it
            // leads anywhere, and what was read counts only if `done` is where it was, so that nothing was released.
            let frame = unsafe { self.ring.frame(done, tail) };
            let bytes = frame
                .filter(|(_, header)| header.len >= 8)
                .map(|(start, _)| {
                    let mut bytes = [0; 8];
                    // SAFETY: as above; the frame has that many bytes of payload.
                    bytes.copy_from_slice(unsafe { self.ring.read(start + HEADER as u64, 8) });
                    bytes
                });
            fence(Ordering::Acquire);
            if shared.done.load(Ordering::Relaxed) == done {
                return bytes;
            }
        }
        None
    }

    /// Whether nothing is waiting. Looks at shared memory only if it must.
    pub(crate) fn is_empty(&mut self) -> bool {
        if self.tail == self.done {
            self.tail = self.ring.header().tail.load(Ordering::Acquire); // P1
        }
        self.tail == self.done
    }

    /// How far the producer has come. What it published before something that was learned from it is
    /// before this position.
    pub(crate) fn published(&self) -> u64 {
        self.ring.header().tail.load(Ordering::Acquire)
    }

    /// Whether everything before a position has been handled.
    pub(crate) fn has_reached(&self, position: u64) -> bool {
        self.done >= position
    }

    /// Handle the next message, if one is waiting.
    #[cfg(any(test, loom))]
    pub(crate) fn receive(&mut self, handle: impl FnMut(Head, Payload<'_>) -> Verdict) -> Received {
        self.receive_if(|| true, handle)
    }

    /// Handle the next message, if one is waiting and `accepts` agrees to begin it.
    pub(crate) fn receive_if(
        &mut self,
        accepts: impl FnOnce() -> bool,
        mut handle: impl FnMut(Head, Payload<'_>) -> Verdict,
    ) -> Received {
        if self.is_empty() {
            return match self.awaits_look() && self.look_again() {
                true => Received::Resumed,
                false => Received::Nothing,
            };
        }
        let Some((start, header)) = self.next_frame() else {
            return self.give_up();
        };
        let end = start + header.span();
        let (first, last) = (header.flags & FIRST != 0, header.flags & LAST != 0);
        if first {
            if let Some((head, _)) = self.partial.take() {
                // Its producer died: a living one ends a message before it begins the next.
                self.dropped.push(head);
                self.ring.header().assembling.store(0, Ordering::Relaxed);
            }
            if !accepts() {
                return Received::Left;
            }
        }
        match self.take(end, first) {
            Taking::Taken => {}
            Taking::Resumed => return Received::Resumed,
            Taking::Refused => {
                // What is published was lowered, or is about to be.
                let tail = self.ring.header().tail.load(Ordering::Acquire);
                self.tail = tail.max(self.done);
                return Received::Retired;
            }
        }
        let shared = self.ring.header();
        // SAFETY: `next_frame` checked that the frame is published and contiguous; it is released below.
        let bytes = unsafe { self.ring.read(start + HEADER as u64, header.len as usize) };
        if first && last {
            if handle(header.head, Payload::Borrowed(bytes)) == Verdict::Abandoned {
                return Received::Abandoned;
            }
        } else if first {
            self.partial = Some((header.head, bytes.to_vec()));
            shared
                .assembling_session
                .store(header.head.session, Ordering::Relaxed);
            shared
                .assembling
                .store(header.head.kind as u64, Ordering::Relaxed);
        } else if let Some((_, so_far)) = &mut self.partial {
            so_far.extend_from_slice(bytes);
            if last && let Some((head, message)) = self.partial.take() {
                if handle(head, Payload::Owned(message)) == Verdict::Abandoned {
                    return Received::Abandoned;
                }
                shared.assembling.store(0, Ordering::Relaxed);
            }
        } // else: the end of a message whose beginning died with a predecessor
        Received::Handled(self.release(end, last))
    }

    /// Put it on record that the frame up to `end` is at work, unless it begins a message and the producer wants none
    /// begun.
    fn take(&mut self, end: u64, first: bool) -> Taking {
        loop {
            let shared = self.ring.header();
            if first && self.taken & LOOK_AGAIN != 0 {
                self.taken = shared.taken.load(Ordering::Acquire); // it may have changed since
                match self.taken & LOOK_AGAIN {
                    0 => {}
                    LOOK_AGAIN if self.look_again() => return Taking::Resumed,
                    LOOK_AGAIN => continue,
                    _ => return Taking::Refused,
                }
            }
            let word = end | (self.finished & PARITY) | (self.taken & LOOK_AGAIN);
            let order = (Ordering::AcqRel, Ordering::Acquire);
            match shared
                .taken
                .compare_exchange(self.taken, word, order.0, order.1)
            {
                Ok(_) => {
                    self.taken = word;
                    return Taking::Taken;
                }
                Err(now) => self.taken = now, // the producer has set a bit
            }
        }
    }

    /// Whether the producer waits for [`LaneReader::look_again`].
    pub(crate) fn awaits_look(&mut self) -> bool {
        let word = self.ring.header().taken.load(Ordering::Acquire);
        let awaits = word & LOOK_AGAIN == LOOK_AGAIN;
        if awaits {
            self.taken = word;
        }
        awaits
    }

    /// Forget the `tail` from before messages were taken back, and say so. False: the producer has changed its mind.
    fn look_again(&mut self) -> bool {
        let shared = self.ring.header();
        self.tail = shared.tail.load(Ordering::Acquire).max(self.done);
        let word = self.taken & !LOOK_AGAIN;
        let order = (Ordering::AcqRel, Ordering::Acquire);
        let said = shared
            .taken
            .compare_exchange(self.taken, word, order.0, order.1);
        self.taken = said.map_or_else(|now| now, |_| word);
        said.is_ok()
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
        // SAFETY: this is the consumer's end; from `done` to `tail` everything is published, and only
        // `release` gives it back.
        unsafe { self.ring.frame(self.done, self.tail) }
    }

    fn give_up(&mut self) -> Received {
        let shared = self.ring.header();
        self.dropped
            .extend(self.partial.take().map(|(head, _)| head));
        shared.assembling.store(0, Ordering::Relaxed);
        self.finished = shared.pushed.load(Ordering::Acquire);
        shared.finished.store(self.finished, Ordering::Relaxed);
        self.done = self.tail;
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
        // A producer that recalled waits for the end of what was at work.
        let recalled = self.ring.header().taken.load(Ordering::Relaxed) & LOOK_AGAIN != 0;
        self.room_was_wanted() || recalled
    }

    fn step_over(&mut self, end: u64, counts: bool) {
        let shared = self.ring.header();
        self.done = end;
        if counts {
            self.finished = self.finished.wrapping_add(1);
            // Release: who sees the message finished sees what was sent for it.
            shared.finished.store(self.finished, Ordering::Release);
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
        let mut reader = LaneReader::view(ring);
        reader.ring.header().assembling.store(0, Ordering::Relaxed);
        if taken & !FLAGS > reader.done && !reader.is_empty() {
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

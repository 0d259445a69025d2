//! The producer's end of a lane. The protocol is in [`super`].

use super::{FLAGS, PAUSED, RETIRED, Ring};
use crate::ipc::frame::{FIRST, HEADER, Head, Header, Kind, LAST, span};
use crate::sync::Ordering;
use crate::sync::modelled::fence;

/// What became of a message handed to a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Push {
    /// All of it is published.
    Whole,
    /// No room for the rest now; go on with the same message later.
    Full,
}

/// What a consumer had not begun; see [`LaneWriter::recall`].
#[derive(Debug, Default)]
pub(crate) struct Recalled {
    /// Whole messages, in order.
    pub(crate) messages: Vec<(Head, Vec<u8>)>,
    /// Session of the message that the consumer is at, or has received in part.
    pub(crate) at_work: Option<u64>,
    /// A message was pushed in part and nothing of it was taken: to be pushed elsewhere from its start.
    pub(crate) restart: bool,
    /// Once so many messages are finished, the consumer has dealt with everything that was left to it, but for a
    /// message that it has received in part.
    pub(crate) left: u64,
}

/// The producer's end.
pub(crate) struct LaneWriter {
    pub(super) ring: Ring,
    pub(super) tail: u64,
    /// `done` as last seen; the real one may be further.
    done: u64,
    pushed: u64,
    /// Number of the last wish for room. Numbers tell a new wish from the one that was rung for.
    pub(super) wishes: u32,
    /// Messages were taken back, and the consumer has not looked again, as last seen.
    paused: bool,
    /// Go back to the start of the ring when all is dealt with.
    thrifty: bool,
    /// Messages finished, as last seen.
    finished: u64,
    /// So much of the ring, from its start on, may have memory; counted while the producer is thrifty.
    touched: u64,
}

/// A thrifty producer uses so much of the ring before it looks whether it may begin again.
const THRIFTY_FROM: u64 = 64 << 10;
/// Its memory beyond this is given back when nothing waits.
const THRIFTY_KEEPS: u64 = 4 << 20;

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
            paused: false,
            thrifty: false,
            finished: 0,
            touched: 0,
        }
    }

    /// Touch little of a large ring: see [`LaneWriter::wants_restart`].
    pub(crate) fn thrifty(mut self) -> LaneWriter {
        self.thrifty = true;
        self.touched = self.tail.min(self.ring.capacity); // a predecessor's
        let shared = self.ring.header();
        if self.tail == self.done && self.pushed != shared.finished.load(Ordering::Acquire) {
            // It died between counting a message and publishing it.
            self.pushed = shared.finished.load(Ordering::Acquire);
            shared.pushed.store(self.pushed, Ordering::Relaxed);
        }
        self
    }

    /// Whether to begin again at the start of the ring, as nothing is waiting or at work. (Not sooner: a gap before the end of
    /// the ring counts as used until the consumer has come past it, and so much room would be missing.)
    pub(crate) fn wants_restart(&mut self) -> bool {
        if !self.thrifty || (self.ring.offset(self.tail) as u64) < THRIFTY_FROM {
            return false;
        }
        self.done = self.ring.header().done.load(Ordering::Acquire); // P2
        self.done == self.tail
    }

    /// Do so. The caller holds the claim of the queue: nobody is the consumer now.
    pub(crate) fn restart(&mut self) {
        let shared = self.ring.header();
        if shared.done.load(Ordering::Acquire) != self.tail {
            return;
        }
        let start = self.tail + self.ring.to_end(self.tail);
        // In this order a death between the two can be told: `tail` is behind `done` ([`super::LaneReader::mend`]).
        shared.done.store(start, Ordering::Release);
        shared.tail.store(start, Ordering::Release);
        (self.tail, self.done) = (start, start);
    }

    /// Whether there is memory to be given back, by [`LaneWriter::give_back`].
    pub(crate) fn is_heavy(&self) -> bool {
        self.touched > THRIFTY_KEEPS
    }

    /// Give back the memory of what has waited, if nothing does. False: something waits, and this end is rung when it
    /// does no more.
    pub(crate) fn give_back(&mut self) -> bool {
        if !self.is_heavy() || self.want_room(0) {
            return !self.is_heavy();
        }
        #[cfg(not(any(loom, miri)))]
        // SAFETY: this is the producer, and nothing is published (`want_room`).
        unsafe {
            self.ring.give_back(THRIFTY_KEEPS, self.touched);
        }
        self.touched = THRIFTY_KEEPS;
        true
    }

    #[cfg(test)]
    pub(crate) fn touched_so_far(&self) -> u64 {
        self.touched
    }

    /// End of what is published.
    pub(crate) fn end(&self) -> u64 {
        self.tail
    }

    /// Publish a message of two parts in one frame. False: no room.
    pub(crate) fn post(&mut self, head: Head, parts: [&[u8]; 2]) -> bool {
        let whole = parts[0].len() + parts[1].len() <= self.ring.longest_whole();
        whole && self.frame(head, parts, FIRST | LAST)
    }

    /// Whether fewer than `limit` messages wait.
    pub(crate) fn is_below(&mut self, limit: u64) -> bool {
        if self.pushed.wrapping_sub(self.finished) < limit {
            return true;
        }
        self.finished = self.ring.header().finished.load(Ordering::Acquire);
        self.pushed.saturating_sub(self.finished) < limit
    }

    /// Whether less than a quarter of the ring would be left behind a message of so many bytes.
    pub(crate) fn is_crowded_by(&mut self, payload: usize) -> bool {
        let (skip, need) = self.room_of(payload);
        let left = self.ring.capacity / 4;
        !self.has_room(skip.saturating_add(need).saturating_add(left))
    }

    /// Longest message that [`LaneWriter::post`] can ever publish.
    pub(crate) fn longest(&self) -> usize {
        self.ring.longest_whole()
    }

    /// Publish a message, or as much of it as there is room for. `sent` is the number of payload
    /// bytes published so far; start with 0 and pass it again until `Whole` comes back. Between,
    /// nothing else may be pushed to this lane.
    pub(crate) fn push(&mut self, head: Head, payload: &[u8], sent: &mut usize) -> Push {
        if *sent == 0 && payload.len() <= self.ring.longest_whole() {
            return match self.frame(head, [payload, &[]], FIRST | LAST) {
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
            if !self.frame(head, [piece, &[]], first | last) {
                return Push::Full;
            }
            *sent += piece.len();
        }
        Push::Whole
    }

    /// Publish one frame. False: no room.
    fn frame(&mut self, head: Head, parts: [&[u8]; 2], flags: u8) -> bool {
        let len = parts[0].len() + parts[1].len();
        let (skip, need) = self.room_of(len);
        if !self.has_room(skip + need) {
            return false;
        }
        if skip > 0 {
            let shared = self.ring.header();
            shared.skipped_at.store(self.tail, Ordering::Relaxed);
            shared.skipped.store(skip, Ordering::Relaxed);
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
            len: len as u32,
            flags,
            head,
        };
        // SAFETY: `need` bytes from `start` are free (checked), contiguous (`skip`) and unpublished.
        unsafe { self.ring.write(start, &header.encode()) };
        let mut at = start.wrapping_add(HEADER as u64);
        for part in parts {
            // SAFETY: as above; the parts lie within `need`.
            unsafe { self.ring.write(at, part) };
            at = at.wrapping_add(part.len() as u64);
        }
        self.tail = start.wrapping_add(need);
        self.touched = self.touched.max(self.ring.offset(start) as u64 + need);
        let shared = self.ring.header();
        if flags & LAST != 0 {
            self.pushed = self.pushed.wrapping_add(1);
            shared.pushed.store(self.pushed, Ordering::Relaxed);
        }
        shared.tail.store(self.tail, Ordering::Release); // P1
        true
    }

    /// What the next frame takes if it has so much payload: bytes that are left out before the end of the ring,
    /// and its own.
    fn room_of(&self, payload: usize) -> (u64, u64) {
        let need = span(payload);
        let to_end = self.ring.to_end(self.tail);
        (if need > to_end { to_end } else { 0 }, need)
    }

    /// Take back every message that the consumer has not begun; it begins none from now on. What is still
    /// to be pushed of a message that it has begun must be pushed here, everything else elsewhere.
    pub(crate) fn recall(&mut self) -> Recalled {
        let retire = |word| Some((word | RETIRED) & !PAUSED);
        let order = (Ordering::AcqRel, Ordering::Acquire);
        let word = self
            .ring
            .header()
            .taken
            .fetch_update(order.0, order.1, retire);
        self.paused = false;
        self.withdraw(word.unwrap_or_else(|word| word))
    }

    /// The same with a consumer that stays: it goes on with what is pushed after [`LaneWriter::is_paused`] has become
    /// false. Ring it, so that this happens soon.
    pub(crate) fn take_back(&mut self) -> Recalled {
        let word = self.ring.header().taken.fetch_or(PAUSED, Ordering::AcqRel);
        let recalled = self.withdraw(word);
        self.ring.header().taken.fetch_or(RETIRED, Ordering::AcqRel);
        self.paused = true;
        recalled
    }

    /// Whether messages were taken back and the consumer has not looked again. No message may be begun here then; the
    /// rest of one may be pushed.
    pub(crate) fn is_paused(&mut self) -> bool {
        // Acquire: the consumer has read all it wanted of what is overwritten now.
        self.paused = self.paused && self.ring.header().taken.load(Ordering::Acquire) & PAUSED != 0;
        self.paused
    }

    /// Everything behind what the word `taken` says is the producer's again.
    fn withdraw(&mut self, taken: u64) -> Recalled {
        let taken = taken & !FLAGS;
        let shared = self.ring.header();
        self.done = shared.done.load(Ordering::Acquire);
        let claimed = taken.max(self.done).min(self.tail);
        let mut recalled = Recalled::default();
        if claimed > self.done {
            recalled.at_work = self.frame_at(self.done).map(|(_, at)| at.head.session);
        }
        let (mut at, mut keep) = (claimed, claimed);
        let mut open: Option<(Head, Vec<u8>)> = None;
        while at < self.tail
            && let Some((start, header)) = self.frame_at(at)
        {
            at = start + header.span();
            // SAFETY: `frame_at` checked the place; this end wrote the bytes and overwrites none here.
            let bytes = unsafe { self.ring.read(start + HEADER as u64, header.len as usize) };
            if header.flags & FIRST != 0 {
                open = Some((header.head, Vec::with_capacity(bytes.len())));
            }
            match &mut open {
                Some((_, message)) => message.extend_from_slice(bytes),
                None => {
                    // The rest of a message that the consumer has begun.
                    recalled.at_work = Some(header.head.session);
                    keep = at;
                }
            }
            if header.flags & LAST != 0 {
                recalled.messages.extend(open.take());
            }
        }
        recalled.restart = open.is_some();
        self.tail = keep;
        self.pushed = self.pushed.wrapping_sub(recalled.messages.len() as u64);
        shared.pushed.store(self.pushed, Ordering::Relaxed);
        shared.tail.store(self.tail, Ordering::Release);
        recalled.left = self.pushed;
        recalled
    }

    fn frame_at(&self, position: u64) -> Option<(u64, Header)> {
        // SAFETY: this end wrote everything from `done` to `tail` and overwrites none of it here.
        unsafe { self.ring.frame(position, self.tail) }
    }

    /// Publish something that is no frame.
    #[cfg(test)]
    pub(crate) fn scribble(&mut self) {
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

    /// The level to wait for with a message that was refused when `sent` bytes of its payload were published: half
    /// of the lane, or less where that would not do. A long frame that does not fit before the end of the ring needs
    /// more than half of it; who waited for half only would be told at once to try again, and again refused.
    pub(crate) fn level_for(&self, payload: &[u8], sent: usize) -> u64 {
        let left = payload.len().saturating_sub(sent);
        let next = match sent == 0 && left <= self.ring.longest_whole() {
            true => left,
            false => left.min(self.ring.piece()),
        };
        let (skip, need) = self.room_of(next);
        self.half()
            .min(self.ring.capacity.saturating_sub(skip + need))
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
        self.progress().0
    }

    /// [`LaneWriter::in_flight`], and messages finished, ever.
    pub(crate) fn progress(&self) -> (u64, u64) {
        let finished = self.ring.header().finished.load(Ordering::Acquire);
        (self.pushed.saturating_sub(finished), finished)
    }

    /// Whether a message waits that the consumer has not begun.
    pub(crate) fn has_waiting(&mut self) -> bool {
        let shared = self.ring.header();
        let taken = shared.taken.load(Ordering::Acquire) & !FLAGS;
        self.done = shared.done.load(Ordering::Acquire);
        taken.max(self.done) < self.tail
    }
}

//! A timer wheel: deadlines of connections, without a scan of connections.
//!
//! Entries are never cancelled or moved. One that comes due goes back to its owner, who compares it with the
//! connection's real deadline and, if that has moved meanwhile, adds it anew. Reading from a connection
//! therefore costs the wheel nothing. Entries of connections that have gone would pile up where connections
//! are short and deadlines long; the owner drops them with [`Wheel::retain`] when [`Wheel::len`] has doubled.
//!
//! A due time is read as a number in base 64. An entry sits on the level of the highest digit in which its
//! due time differs from the wheel's present, in the slot of that digit's value: on level 0 a slot is one
//! millisecond, on level 1 it is 64, on level 2 about four seconds, on level 5 twelve days. Hence
//!
//! 1. an entry on a level is due before all entries on higher levels, and before all in later slots of its
//!    own, so that the next due time is in the first slot of the lowest occupied level;
//! 2. when the present moves, with its highest changed digit on level `top`, everything on lower levels is
//!    due, and so are the slots of `top` before the new digit. Only the slot of the new digit itself must be
//!    looked through: what is not yet due there has that digit in common with the present now, and moves to
//!    a lower level. Higher levels stay as they are.
//!
//! So an entry moves at most once per level, and a step is as cheap over hours (a machine that was suspended)
//! as over a millisecond. Each slot knows its earliest due time: nobody need wake up only to move entries.
//!
//! Due times are exact to the millisecond: the first [`Wheel::expire`] at or after one gives its entry back.

use std::mem;

/// A deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// When, on the monotonic clock.
    pub(super) due_ms: u64,
    /// Whose: a connection, and the session it had then.
    pub(super) token: usize,
    pub(super) id: u64,
}

/// There is one for each connection with a deadline, idle ones too.
const _: () = assert!(size_of::<Entry>() <= 24);

/// Bits of a digit.
const DIGIT: u32 = 6;
const SLOTS: usize = 1 << DIGIT;
/// An emptied slot keeps the memory of so many entries; a burst gives back what it took.
const KEPT: usize = 8;

/// See the [module](self).
pub(super) struct Wheel {
    /// The present, as of the last [`Wheel::expire`]. Every entry is due later, or is in the present's own
    /// slot of level 0.
    now: u64,
    /// From the lowest up. They are made as needed: eleven would reach to the end of time.
    levels: Vec<Level>,
    len: usize,
}

struct Level {
    /// One bit per slot with entries.
    occupied: u64,
    slots: [Slot; SLOTS],
}

struct Slot {
    /// Due time of the earliest entry; of no meaning while there is none.
    earliest: u64,
    entries: Vec<Entry>,
}

impl Wheel {
    pub(super) fn new(now_ms: u64) -> Wheel {
        Wheel {
            now: now_ms,
            levels: Vec::new(),
            len: 0,
        }
    }

    /// An entry that is due already comes back with the next [`Wheel::expire`].
    pub(super) fn add(&mut self, due_ms: u64, token: usize, id: u64) {
        self.len += 1;
        self.place(Entry { due_ms, token, id });
    }

    /// Append the entries due by `now_ms` to `out`, in no particular order. A time before that of the last
    /// call counts as that.
    pub(super) fn expire(&mut self, now_ms: u64, out: &mut Vec<Entry>) {
        let now = now_ms.max(self.now);
        let before = out.len();
        let top = level_of(self.now, now);
        self.now = now;
        for level in self.levels.iter_mut().take(top) {
            level.drain(u64::MAX, out);
        }
        if let Some(level) = self.levels.get_mut(top) {
            let digit = digit(now, top);
            level.drain((1 << digit) - 1, out);
            let mut entries = level.take(digit);
            for entry in entries.drain(..) {
                if entry.due_ms <= now {
                    out.push(entry);
                } else {
                    self.place(entry);
                }
            }
            self.levels[top].give_back(digit, entries);
        }
        self.len -= out.len() - before;
    }

    /// When the earliest entry is due, to the millisecond; it may be in the past. `None` if there is none.
    pub(super) fn next(&self) -> Option<u64> {
        let level = self.levels.iter().find(|level| level.occupied != 0)?;
        let slot = &level.slots[level.occupied.trailing_zeros() as usize];
        Some(slot.earliest)
    }

    /// Entries in the wheel, wanted or not.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Drop the entries that `keep` does not want. It looks at all of them: for an owner who does it each time
    /// their number has doubled, that is a constant share of having added them.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Entry) -> bool) {
        self.len = 0;
        for level in &mut self.levels {
            for (number, slot) in level.slots.iter_mut().enumerate() {
                slot.entries.retain(&mut keep);
                slot.entries.shrink_to(KEPT);
                self.len += slot.entries.len();
                match slot.entries.iter().map(|entry| entry.due_ms).min() {
                    Some(earliest) => slot.earliest = earliest,
                    None => level.occupied &= !(1 << number),
                }
            }
        }
    }

    /// Where `entry` belongs, as seen from the present.
    fn place(&mut self, entry: Entry) {
        let due = entry.due_ms.max(self.now);
        let at = level_of(self.now, due);
        while self.levels.len() <= at {
            self.levels.push(Level::new());
        }
        self.levels[at].push(digit(due, at), entry);
    }
}

impl Level {
    fn new() -> Level {
        Level {
            occupied: 0,
            slots: std::array::from_fn(|_| Slot {
                earliest: 0,
                entries: Vec::new(),
            }),
        }
    }

    fn push(&mut self, number: usize, entry: Entry) {
        let slot = &mut self.slots[number];
        if slot.entries.is_empty() || entry.due_ms < slot.earliest {
            slot.earliest = entry.due_ms;
        }
        slot.entries.push(entry);
        self.occupied |= 1 << number;
    }

    /// Move everything in the slots with a bit in `which` to `out`.
    fn drain(&mut self, which: u64, out: &mut Vec<Entry>) {
        let mut left = self.occupied & which;
        self.occupied &= !which;
        while left != 0 {
            let slot = &mut self.slots[left.trailing_zeros() as usize];
            out.append(&mut slot.entries);
            slot.entries.shrink_to(KEPT);
            left &= left - 1;
        }
    }

    /// Take out one slot.
    fn take(&mut self, number: usize) -> Vec<Entry> {
        self.occupied &= !(1 << number);
        mem::take(&mut self.slots[number].entries)
    }

    /// The memory of what was taken out of a slot, which nothing has entered since.
    fn give_back(&mut self, number: usize, mut empty: Vec<Entry>) {
        empty.shrink_to(KEPT);
        self.slots[number].entries = empty;
    }
}

/// Level of the highest digit in which two times differ; the lowest if they do not.
fn level_of(a: u64, b: u64) -> usize {
    let highest = (a ^ b).checked_ilog2().unwrap_or(0);
    (highest / DIGIT) as usize
}

/// The digit of `time` on that level.
fn digit(time: u64, level: usize) -> usize {
    (time >> (DIGIT * level as u32)) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const HOUR: u64 = 3_600_000;

    fn expired(wheel: &mut Wheel, now: u64) -> Vec<u64> {
        let mut out = Vec::new();
        wheel.expire(now, &mut out);
        out.sort();
        out.iter().map(|entry| entry.due_ms).collect()
    }

    fn memory(wheel: &Wheel) -> usize {
        let slots = wheel.levels.iter().flat_map(|level| &level.slots);
        slots.map(|slot| slot.entries.capacity()).sum()
    }

    #[test]
    fn an_empty_wheel_waits_for_nothing() {
        let mut wheel = Wheel::new(7);
        assert_eq!((wheel.next(), wheel.len()), (None, 0));
        assert!(expired(&mut wheel, 9 * HOUR).is_empty());
        wheel.add(10 * HOUR, 1, 1);
        assert_eq!(expired(&mut wheel, 10 * HOUR), [10 * HOUR]);
        assert_eq!((wheel.next(), wheel.len()), (None, 0));
    }

    #[test]
    fn entries_come_back_as_they_were_and_behind_what_is_there() {
        let mut wheel = Wheel::new(0);
        wheel.add(5, 3, u64::MAX);
        let other = Entry {
            due_ms: 1,
            token: 1,
            id: 1,
        };
        let mut out = vec![other];
        wheel.expire(5, &mut out);
        assert_eq!(
            out,
            [
                other,
                Entry {
                    due_ms: 5,
                    token: 3,
                    id: u64::MAX
                }
            ]
        );
    }

    #[test]
    fn an_entry_is_never_early_and_due_at_its_millisecond() {
        for start in [0, 1, 63, 64, 4095, 4096, 1_000_000_007] {
            for delay in [1, 2, 63, 64, 65, 4095, 4096, 4097, 262_143, HOUR, 24 * HOUR] {
                let mut wheel = Wheel::new(start);
                wheel.add(start + delay, 0, 0);
                assert_eq!(expired(&mut wheel, start + delay - 1), [0; 0]);
                assert_eq!(expired(&mut wheel, start + delay), [start + delay]);
            }
        }
    }

    #[test]
    fn one_wakeup_is_enough_for_a_far_deadline() {
        let mut wheel = Wheel::new(123_456);
        let due = 123_456 + 30 * 24 * HOUR + 17;
        wheel.add(due, 0, 0);
        assert_eq!(wheel.next(), Some(due));
        assert_eq!(expired(&mut wheel, due), [due]);
    }

    #[test]
    fn what_is_due_already_comes_back_at_once() {
        let mut wheel = Wheel::new(1000);
        wheel.add(1000, 0, 0);
        wheel.add(3, 0, 0);
        wheel.add(1001, 0, 0);
        assert_eq!(wheel.next(), Some(3));
        assert_eq!(expired(&mut wheel, 1000), [3, 1000]);
        assert_eq!(wheel.next(), Some(1001));
        // A clock that stands still, and one that goes back.
        wheel.add(999, 0, 0);
        assert_eq!(expired(&mut wheel, 500), [999]);
        assert_eq!(expired(&mut wheel, 1001), [1001]);
    }

    #[test]
    fn a_jump_to_the_end_of_time_is_one_step() {
        let mut wheel = Wheel::new(0);
        for due in [1, HOUR, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
            wheel.add(due, 0, 0);
        }
        assert_eq!(expired(&mut wheel, 2 * HOUR), [1, HOUR]);
        assert_eq!(
            expired(&mut wheel, u64::MAX - 1),
            [u64::MAX / 2, u64::MAX - 1]
        );
        assert_eq!(wheel.next(), Some(u64::MAX));
        assert_eq!(expired(&mut wheel, u64::MAX), [u64::MAX]);
        assert!(wheel.levels.len() <= 11);
    }

    #[test]
    fn a_burst_gives_its_memory_back() {
        let mut wheel = Wheel::new(0);
        for number in 0..10_000 {
            wheel.add(HOUR + number % 50, 0, number);
        }
        // Three moves down, then out; the small rest has kept little.
        for now in [HOUR - 5000, HOUR - 100, HOUR - 3] {
            assert!(expired(&mut wheel, now).is_empty());
            assert!(memory(&wheel) < 50_000, "{}", memory(&wheel));
        }
        assert_eq!(expired(&mut wheel, HOUR).len(), 200);
        assert_eq!(expired(&mut wheel, HOUR + 50).len(), 9_800);
        assert!(memory(&wheel) <= wheel.levels.len() * SLOTS * KEPT);
    }

    #[test]
    fn what_nobody_wants_can_be_dropped() {
        let mut wheel = Wheel::new(0);
        for number in 0..1000 {
            wheel.add(number * 977, 0, number);
        }
        wheel.retain(|entry| entry.id >= 900 && entry.id % 2 == 1);
        assert_eq!((wheel.len(), wheel.next()), (50, Some(901 * 977)));
        wheel.retain(|_| false);
        assert_eq!((wheel.len(), wheel.next()), (0, None));
        assert!(expired(&mut wheel, HOUR).is_empty());
        (0..10_000).for_each(|number| wheel.add(2 * HOUR + number % 9, 0, number));
        wheel.retain(|entry| entry.id == 77);
        assert_eq!((wheel.len(), wheel.next()), (1, Some(2 * HOUR + 77 % 9)));
        assert!(memory(&wheel) <= wheel.levels.len() * SLOTS * KEPT);
    }

    #[derive(Debug, Clone)]
    enum Act {
        /// So long after the present, or before it.
        Add(u64),
        AddLate(u64),
        Pass(u64),
        /// Until the next deadline, as an idle reactor does.
        Sleep,
        Drop,
    }

    /// As many of each magnitude.
    fn spans() -> impl Strategy<Value = u64> {
        (0..40u32, any::<u64>()).prop_map(|(bits, random)| random & ((1 << bits) - 1))
    }

    fn acts() -> impl Strategy<Value = Act> {
        prop_oneof![
            12 => spans().prop_map(Act::Add),
            1 => spans().prop_map(Act::AddLate),
            4 => spans().prop_map(Act::Pass),
            4 => Just(Act::Sleep),
            1 => Just(Act::Drop),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_does_what_a_sorted_set_would(
            start in prop_oneof![Just(0), spans(), Just(u64::MAX >> 20)],
            acts in proptest::collection::vec(acts(), 0..120),
        ) {
            let mut now = start;
            let mut wheel = Wheel::new(now);
            let mut model = BTreeSet::new();
            for (number, act) in acts.into_iter().enumerate() {
                let mut add = |due_ms: u64| {
                    wheel.add(due_ms, number, 1 << number.min(63));
                    model.insert(Entry { due_ms, token: number, id: 1 << number.min(63) });
                };
                match act {
                    Act::Add(span) => add(now + span),
                    Act::AddLate(span) => add(now.saturating_sub(span)),
                    Act::Pass(span) => now += span,
                    Act::Sleep => now = now.max(wheel.next().unwrap_or(now)),
                    Act::Drop => {
                        wheel.retain(|entry| entry.token % 3 != 0);
                        model.retain(|entry| entry.token % 3 != 0);
                    }
                }
                // Not after each addition: reactors add many between two looks at the clock.
                if number % 2 == 0 || matches!(act, Act::Sleep) {
                    let mut out = Vec::new();
                    wheel.expire(now, &mut out);
                    out.sort();
                    let later = model.split_off(&Entry { due_ms: now + 1, token: 0, id: 0 });
                    let due: Vec<_> = std::mem::replace(&mut model, later).into_iter().collect();
                    prop_assert_eq!(out, due);
                }
                prop_assert_eq!(wheel.next(), model.first().map(|entry| entry.due_ms));
                prop_assert_eq!(wheel.len(), model.len());
            }
        }
    }
}

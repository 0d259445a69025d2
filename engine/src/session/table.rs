//! The shared table of sessions: what every process may want to know about a connection.
//!
//! A session of id `n` is in slot `n mod slots`; an id whose slot is taken is skipped, so ids never
//! repeat and a lookup is one comparison.

use std::sync::Arc;

pub(crate) use super::slot::{Birth, NO_OWNER, Slot, state};

use super::SessionId;
use crate::ipc::shm::{At, Layout, Region};
use crate::sync::Ordering;

/// Place of the table in shared memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionTableAt {
    slots: At<Slot>,
    mask: u64,
}

impl SessionTableAt {
    /// Reserve room for `limit` sessions at a time.
    pub(crate) fn place(layout: &mut Layout, limit: u32) -> SessionTableAt {
        // Twice the limit: a session that has ended keeps its slot until its worker has seen the close.
        let slots = (2 * limit.max(512) as usize).next_power_of_two();
        SessionTableAt {
            slots: layout.place(slots),
            mask: slots as u64 - 1,
        }
    }
}

/// The table, as any process or thread sees it.
#[derive(Clone)]
pub(crate) struct SessionTable {
    region: Arc<Region>,
    at: SessionTableAt,
}

impl SessionTable {
    pub(crate) fn new(region: Arc<Region>, at: SessionTableAt) -> SessionTable {
        SessionTable { region, at }
    }

    fn slots(&self) -> &[Slot] {
        self.region.slice(self.at.slots)
    }

    fn slot(&self, id: SessionId) -> &Slot {
        &self.slots()[(id & self.at.mask) as usize]
    }

    /// The session with this id, in whatever state, as long as its slot is not reused.
    pub(crate) fn find(&self, id: SessionId) -> Option<&Slot> {
        let slot = self.slot(id);
        (id != 0 && slot.id.load(Ordering::Acquire) == id).then_some(slot)
    }

    /// The session with this id, if its reactor has adopted it: what may be sent to and closed.
    pub(crate) fn find_live(&self, id: SessionId) -> Option<&Slot> {
        self.find(id).filter(|slot| slot.has(state::LIVE))
    }

    /// The first id from `next` on whose slot is free, if there is one. For the main thread only.
    pub(crate) fn free_id(&self, next: SessionId) -> Option<SessionId> {
        (next..next + self.slots().len() as u64).find(|&id| self.slot(id).is_free())
    }

    /// Begin a session in a free slot. For the main thread only.
    ///
    /// It becomes `LIVE`, and so visible to senders, when its reactor has adopted it.
    pub(crate) fn open(&self, id: SessionId, birth: Birth<'_>) {
        self.slot(id).begin(id, &birth);
    }

    /// Messages given to workers and not dealt with, of all sessions up to the `last` id.
    pub(crate) fn unanswered(&self, last: SessionId) -> u64 {
        let touched = usize::try_from(last).map_or(usize::MAX, |last| last.saturating_add(1));
        // Slots that no id has reached are not looked at, which would make them cost memory.
        let slots = self.slots().iter().take(touched);
        slots.map(Slot::unanswered).sum()
    }

    /// Append the ids of sessions that have not ended, greater than `seen` and up to `last`, smallest first.
    pub(super) fn extend(&self, ids: &mut Vec<SessionId>, seen: SessionId, last: SessionId) {
        if last - seen <= self.slots().len() as u64 {
            // Slots that no id has reached are not looked at, which would make them cost memory.
            let stays = |&id: &SessionId| self.find(id).is_some_and(|slot| !slot.is_over());
            return ids.extend((seen + 1..=last).filter(stays));
        }
        let from = ids.len();
        let here = { self.slots().iter() }.filter(|slot| !slot.is_over());
        let new = here.map(|slot| slot.id.load(Ordering::Acquire));
        ids.extend(new.filter(|&id| id > seen && id <= last));
        ids[from..].sort_unstable();
    }
}

#[cfg(all(test, not(loom)))]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
pub(super) mod tests {
    use super::*;
    use crate::net::address::Peer;

    /// The smallest table.
    pub(in crate::session) const SLOTS: u64 = 1024;

    pub(in crate::session) fn table() -> SessionTable {
        let mut layout = Layout::default();
        let at = SessionTableAt::place(&mut layout, SLOTS as u32 / 2);
        SessionTable::new(Arc::new(Region::map(&layout).unwrap()), at)
    }

    pub(in crate::session) fn begin(table: &SessionTable, id: SessionId) {
        table.open(
            id,
            Birth {
                port: 0,
                reactor: 1,
                socket: 9,
                peer: &Peer::Unix,
                now_us: id,
            },
        );
    }

    pub(in crate::session) fn open(table: &SessionTable, id: SessionId) {
        begin(table, id);
        assert!(
            table.find_live(id).is_none(),
            "not before its reactor has it"
        );
        table.find(id).unwrap().mark(state::LIVE);
    }

    pub(in crate::session) fn end(table: &SessionTable, id: SessionId) {
        table
            .find(id)
            .unwrap()
            .mark(state::CLAIMED | state::ENDED | state::FREE);
    }

    #[test]
    fn ids_are_never_given_twice() {
        let table = table();
        let mut last = 0;
        for _ in 0..5 * SLOTS {
            let id = table.free_id(last + 1).unwrap();
            assert!(id > last);
            open(&table, id);
            end(&table, id);
            last = id;
        }
    }

    #[test]
    fn ids_of_occupied_slots_are_skipped() {
        let table = table();
        for id in 1..=SLOTS {
            open(&table, table.free_id(id).unwrap());
        }
        assert_eq!(table.free_id(SLOTS + 1), None, "every slot is taken");
        end(&table, 5);
        end(&table, 7);
        assert_eq!(table.free_id(SLOTS + 1), Some(SLOTS + 5));
        open(&table, SLOTS + 5);
        assert_eq!(table.free_id(SLOTS + 6), Some(SLOTS + 7));
    }

    #[test]
    fn a_slot_is_free_only_after_both_the_event_and_the_socket() {
        for bits in [state::EVENT_DONE, state::SOCKET_CLOSED] {
            let table = table();
            open(&table, 1);
            table.find(1).unwrap().mark(state::ENDED | bits);
            assert_eq!(table.free_id(SLOTS + 1), Some(SLOTS + 2));
            table.find(1).unwrap().mark(state::FREE);
            assert_eq!(table.free_id(SLOTS + 1), Some(SLOTS + 1));
        }
    }

    #[test]
    fn an_old_id_finds_nothing_once_its_slot_is_reused() {
        let table = table();
        assert!(table.find(0).is_none() && table.find(3).is_none());
        open(&table, 3);
        table.find(3).unwrap().note_queued(10, None);
        assert!(table.find(3 + SLOTS).is_none());
        end(&table, 3);
        assert!(
            table.find(3).is_some(),
            "its last facts stay readable until then"
        );
        open(&table, 3 + SLOTS);
        assert!(table.find(3).is_none());
        let slot = table.find(3 + SLOTS).unwrap();
        assert!(slot.is_open());
        assert_eq!(slot.send_queued(), 0, "nothing of the predecessor is left");
    }

    #[test]
    fn bytes_that_nobody_took_do_not_wait_for_ever() {
        let table = table();
        open(&table, 1);
        let slot = table.find(1).unwrap();
        slot.note_dispatched(2, 300_000, 1);
        slot.note_consumed(100_000);
        slot.note_completed();
        assert_eq!(slot.settle_queued(), 200_000, "the other one is under way");
        slot.note_completed(); // it died before it was whole
        assert_eq!(slot.settle_queued(), 0);
        slot.note_dispatched(1, 7, 1);
        assert_eq!(slot.recv_queued(), 7, "from then on the account is right");
    }

    #[test]
    fn the_last_completion_after_the_peer_has_gone_is_told() {
        let table = table();
        open(&table, 1);
        let slot = table.find(1).unwrap();
        slot.note_dispatched(1, 5, 1);
        slot.note_dispatched(1, 5, 1);
        assert!(!slot.note_completed());
        slot.mark(state::PEER_CLOSED);
        assert!(!slot.all_completed());
        assert!(slot.note_completed());
        assert!(slot.all_completed());
    }
}

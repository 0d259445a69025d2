//! One process's index of sessions, in the order of their ids: for lists and pages.
//!
//! Ids only grow, so of the sessions up to a given id there are only ever fewer. The index holds ids that were
//! open when it looked, looks at new ones when it is asked, and passes over those that have ended since: a page
//! costs its own length, not that of the table.

use super::SessionId;
use super::slot::Slot;
use super::table::SessionTable;

/// So many ids more than were open at the last clean-up are not worth another.
const SLACK: usize = 1024;

/// See the [module](self).
pub(crate) struct Index {
    /// Ids that may be open, smallest first.
    known: Vec<SessionId>,
    /// All ids up to this one have been looked at.
    seen: SessionId,
    /// Ids left by the last clean-up.
    kept: usize,
}

impl Index {
    /// `start`: the id before the first.
    pub(crate) fn new(start: SessionId) -> Index {
        Index {
            known: Vec::new(),
            seen: start,
            kept: 0,
        }
    }

    /// Open sessions with ids greater than `after`, smallest first. `last`: the last id given so far.
    pub(crate) fn after<'a>(
        &mut self,
        table: &'a SessionTable,
        after: SessionId,
        last: SessionId,
    ) -> impl Iterator<Item = (SessionId, &'a Slot)> {
        if last > self.seen {
            // Also those that are about to open: they will be among the known ids when they have.
            table.extend(&mut self.known, self.seen, last);
            self.seen = last;
        }
        if self.known.len() > 2 * self.kept + SLACK {
            self.known
                .retain(|&id| table.find(id).is_some_and(|slot| !slot.is_over()));
            self.kept = self.known.len();
        }
        let from = self.known.partition_point(|&id| id <= after);
        { self.known[from..].iter() }
            .filter_map(|&id| table.find(id).map(|slot| (id, slot)))
            .filter(|(_, slot)| slot.is_open())
    }
}

#[cfg(all(test, not(loom)))]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod tests {
    use super::*;
    use crate::session::table::{state, tests};

    fn page(
        index: &mut Index,
        table: &SessionTable,
        after: SessionId,
        last: SessionId,
    ) -> Vec<SessionId> {
        let open = index.after(table, after, last);
        open.map(|(id, _)| id).take(10).collect()
    }

    #[test]
    fn pages_go_through_open_sessions_in_order() {
        let table = tests::table();
        let ids: Vec<_> = (60..90).collect();
        ids.iter().rev().for_each(|&id| tests::open(&table, id));
        for id in [60, 75, 89] {
            table.find(id).unwrap().mark(state::CLAIMED);
        }
        let open: Vec<_> = { ids.into_iter() }
            .filter(|id| ![60, 75, 89].contains(id))
            .collect();
        let mut index = Index::new(0);
        let mut pages = Vec::new();
        let mut after = 0;
        loop {
            let page = page(&mut index, &table, after, 100);
            let Some(&last) = page.last() else { break };
            after = last;
            pages.push(page);
        }
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 7]);
        assert_eq!(pages.concat(), open);
        assert_eq!(page(&mut index, &table, SessionId::MAX, 100), []);
    }

    #[test]
    fn sessions_that_open_and_end_later_are_seen() {
        let table = tests::table();
        let mut index = Index::new(7);
        tests::open(&table, 8);
        tests::begin(&table, 9); // not served yet
        assert_eq!(page(&mut index, &table, 0, 9), [8]);
        table.find(9).unwrap().mark(state::LIVE);
        assert_eq!(page(&mut index, &table, 0, 9), [8, 9]);
        tests::end(&table, 8);
        tests::open(&table, 10);
        assert_eq!(page(&mut index, &table, 0, 10), [9, 10]);
        assert_eq!(
            page(&mut index, &table, 8, 10),
            [9, 10],
            "from one that has gone"
        );
    }

    #[test]
    fn an_old_session_is_found_however_many_came_after_it() {
        let table = tests::table();
        tests::open(&table, 3);
        let mut last = 3;
        for _ in 0..5 * tests::SLOTS {
            last = table.free_id(last + 1).unwrap();
            tests::open(&table, last);
            tests::end(&table, last);
        }
        tests::open(&table, last + 1);
        let mut index = Index::new(0);
        assert_eq!(page(&mut index, &table, 0, last + 1), [3, last + 1]);
    }

    #[test]
    fn ended_ids_do_not_pile_up() {
        let table = tests::table();
        let mut index = Index::new(0);
        for id in 1..=20 * tests::SLOTS {
            tests::open(&table, id);
            assert_eq!(page(&mut index, &table, id - 1, id), [id]);
            tests::end(&table, id);
        }
        assert!(index.known.len() <= 2 * SLACK, "{}", index.known.len());
    }
}

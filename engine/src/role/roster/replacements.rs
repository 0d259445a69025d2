//! Replacing a process by one that starts beside it.

use super::{Action, Roster};
use crate::ipc::directory::Seat;
use crate::role::post::{Post, Replacing, State};

/// One in so many workers is recycled at a time, and at least one.
pub(super) const RECYCLED_AT_ONCE: usize = 10;

impl Roster {
    /// The process on `seat` can serve. `standby`: if it is a replacement, the old process is not through.
    pub(in crate::role) fn ready(&mut self, seat: Seat, standby: bool, now: u64) -> Vec<Action> {
        let Some(child) = self.child_on(seat).filter(|c| c.state == State::Starting) else {
            return Vec::new();
        };
        child.state = State::Ready;
        child.served = true;
        // In a reload it is not a matter of requests: the old process has the old code.
        let reloaded = (self.reload.as_ref()).is_some_and(|reload| reload.concerns(seat.worker()));
        let post = &mut self.posts[seat.worker() as usize];
        if post.seat(post.serving) == seat {
            return Vec::new();
        }
        post.replacing = Replacing::Standby;
        match standby && !reloaded && post.incumbent().is_alive() {
            true => Vec::new(),
            false => self.take_over(seat.worker(), now),
        }
    }

    /// A replacement takes over; the process it replaces finishes what it is at, and ends.
    pub(in crate::role) fn take_over(&mut self, worker: u32, now: u64) -> Vec<Action> {
        let kill_at = self.kill_at(now);
        let post = &mut self.posts[worker as usize];
        if post.replacing != Replacing::Standby {
            return Vec::new();
        }
        let (old, new) = (post.seat(post.serving), post.seat(post.spare()));
        let mut actions = vec![Action::Switch(new)];
        let predecessor = post.incumbent();
        match predecessor.state {
            State::Starting | State::Ready => {
                predecessor.ask(kill_at);
                actions.push(Action::AskToStop(old));
            }
            State::Due { .. } => predecessor.state = State::Absent,
            State::Absent | State::Stopping { .. } => {}
        }
        post.serving = post.spare();
        post.replacing = Replacing::No;
        actions
    }

    /// A replacement did not come up. The old process goes on; if it is dead, it has a successor.
    pub(super) fn replacement_failed(&mut self, worker: u32, retry_at: u64) {
        let in_reload = self.reload.as_ref().is_some_and(|r| r.concerns(worker));
        let post = &mut self.posts[worker as usize];
        let dead = post.incumbent().state == State::Absent;
        if dead {
            post.incumbent().state = State::Due { at: retry_at };
        }
        post.replacing = match dead || in_reload {
            true => Replacing::No,
            false => Replacing::Wanted {
                urgent: false,
                not_before: retry_at,
            },
        };
    }

    /// A worker has served its requests or outgrown its memory: its replacement starts first, when its
    /// turn comes.
    pub(in crate::role) fn recycle(&mut self, worker: u32, now: u64) {
        self.replace(worker, false, now);
    }

    /// A replacement that was forked before a reload was asked for has the old code: it goes.
    pub(in crate::role) fn dismiss_replacement(&mut self, worker: u32, now: u64) -> Option<Action> {
        let kill_at = self.kill_at(now);
        let post = self.posts.get_mut(worker as usize)?;
        if !matches!(post.replacing, Replacing::Starting | Replacing::Standby) {
            return None;
        }
        post.replacing = Replacing::No;
        let spare = post.spare();
        post.children[spare].ask(kill_at);
        if !post.incumbent().is_alive() {
            post.incumbent().state = State::Due { at: now };
        }
        Some(Action::AskToStop(post.seat(spare)))
    }

    pub(in crate::role) fn replace(&mut self, worker: u32, urgent: bool, now: u64) {
        let Some(post) = self.posts.get_mut(worker as usize) else {
            return;
        };
        let replaceable = matches!(post.incumbent().state, State::Starting | State::Ready);
        let wanted = Replacing::Wanted {
            urgent,
            not_before: now,
        };
        match post.replacing {
            Replacing::No if replaceable && !self.stopping => post.replacing = wanted,
            Replacing::Wanted { urgent: false, .. } if urgent => post.replacing = wanted,
            _ => {}
        }
    }

    pub(super) fn start_replacements(
        &mut self,
        now: u64,
        is_free: impl Fn(Seat) -> bool,
        actions: &mut Vec<Action>,
    ) {
        let starting = |post: &&Post| post.replacing == Replacing::Starting;
        let mut under_way = self.posts.iter().filter(starting).count();
        let at_once = (self.posts.len() / RECYCLED_AT_ONCE).max(1);
        for post in &mut self.posts {
            let Replacing::Wanted { urgent, not_before } = post.replacing else {
                continue;
            };
            let seat = post.seat(post.spare());
            let vacant = !post.children[post.spare()].is_alive() && is_free(seat);
            if vacant && now >= not_before && (urgent || under_way < at_once) {
                under_way += 1;
                post.replacing = Replacing::Starting;
                actions.push(Action::Spawn(seat));
            }
        }
    }
}

//! A reload: which of the processes that were there when it began are still to go.

use super::post::{Replacing, State};
use super::roster::{Action, Roster};

/// A reload under way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reload {
    /// Worker ids with the pids they had when it began; those that are gone are struck out.
    left: Vec<(u32, i32)>,
    /// One after the other: the worker being replaced now.
    current: Option<u32>,
    /// One after the other: those whose turn is still to come.
    waiting: Vec<(u32, i32)>,
    /// One after the other: another request came when the last process was forked already.
    again: bool,
}

impl Reload {
    /// Whether it is to replace the process of a worker and has not yet.
    pub(super) fn concerns(&self, worker: u32) -> bool {
        self.left.iter().any(|&(left, _)| left == worker)
    }
}

impl Roster {
    /// A reload was asked for. Requests during a reload are part of it. One that comes when every new process
    /// has loaded its code is told so, or, where workers are replaced one after the other, runs it once more.
    pub(super) fn reload(&mut self, now: u64) -> Vec<Action> {
        if self.stopping {
            return Vec::new();
        }
        let all_new = self.posts.iter().all(|post| {
            let loaded = |(_, child): (_, &super::post::Child)| child.state != State::Starting;
            post.replacing == Replacing::No && post.seats().all(loaded)
        });
        if let Some(reload) = &mut self.reload {
            if self.policy.reload_async && all_new {
                return vec![Action::Warn(
                    "reload() while a reload waits for its last old workers: nothing is loaded again, ask once more when they have gone".into(),
                )];
            }
            reload.again |= reload.waiting.is_empty()
                && reload.current.is_some_and(|worker| {
                    self.posts[worker as usize].incumbent().state == State::Starting
                });
            return Vec::new();
        }
        let left: Vec<_> = self
            .posts
            .iter()
            .filter_map(|post| post.serving_pid().map(|pid| (post.worker, pid)))
            .collect();
        let waiting = match self.policy.reload_async {
            true => Vec::new(),
            false => left.clone(),
        };
        let mut actions = vec![
            Action::Info("Server is reloading all workers now".into()),
            Action::BeforeReload,
        ];
        if self.policy.reload_async {
            for &(worker, _) in &left {
                actions.extend(self.dismiss_replacement(worker, now));
                self.replace(worker, true, now);
            }
        }
        self.reload = Some(Reload {
            left,
            current: None,
            waiting,
            again: false,
        });
        actions
    }

    /// Strike out who is gone; one after the other: ask the next when the last one's successor serves.
    pub(super) fn advance_reload(&mut self, now: u64, actions: &mut Vec<Action>) {
        let Some(mut reload) = self.reload.take() else {
            return;
        };
        if let Some(worker) = reload.current
            && self.posts[worker as usize].incumbent().state == State::Ready
        {
            reload.current = None;
        }
        while reload.current.is_none() && !reload.waiting.is_empty() {
            let (worker, pid) = reload.waiting.remove(0);
            // A worker that was replaced meanwhile runs new code already.
            if self.posts[worker as usize].serving_pid() == Some(pid) {
                reload.current = Some(worker);
                actions.extend(self.ask(worker, now));
            }
        }
        reload.left.retain(|&(worker, pid)| {
            let mut seats = self.posts[worker as usize].seats();
            seats.any(|(_, child)| child.is_alive() && child.pid == pid)
        });
        if !reload.left.is_empty() || reload.current.is_some() {
            self.reload = Some(reload);
            return;
        }
        actions.push(Action::AfterReload);
        if reload.again {
            actions.extend(self.reload(now));
            self.advance_reload(now, actions);
        }
    }

    /// A new process ended before it served. Old ones that serve are kept: its old process, if it is
    /// there still, and all those whose turn has not come.
    pub(super) fn reload_failed_for(&mut self, worker: u32) -> Option<Action> {
        let reload = self.reload.as_mut()?;
        if reload.current == Some(worker) {
            reload.left.retain(|entry| !reload.waiting.contains(entry));
            let kept = reload.waiting.len();
            reload.waiting.clear();
            reload.current = None;
            return Some(Action::Error(format!(
                "reload given up: the new worker {worker} ended before it was ready, {kept} old workers go on"
            )));
        }
        if !self.policy.reload_async || !reload.concerns(worker) {
            return None;
        }
        reload.left.retain(|&(left, _)| left != worker);
        Some(Action::Error(format!(
            "reload given up for worker {worker}: the new process ended before it was ready, the old one goes on"
        )))
    }
}

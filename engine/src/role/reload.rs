//! A reload: which of the processes that were there when it began are still to go.

use super::post::State;
use super::roster::{Action, Roster};
use crate::shared::ChildKind;

/// Requests within so long of the first are "in a row": one reload.
const IN_A_ROW_MS: u64 = 1_000;

/// Whom a reload replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    /// Task workers.
    Tasks,
    /// Workers and task workers. User processes are nobody's business but the user's.
    All,
}

impl Scope {
    fn includes(self, kind: ChildKind) -> bool {
        match kind {
            ChildKind::Worker => self == Scope::All,
            ChildKind::TaskWorker => true,
            ChildKind::UserProcess => false,
        }
    }
}

/// A reload under way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reload {
    /// Worker ids with the pids they had when it began; those that are gone are struck out.
    left: Vec<(u32, i32)>,
    /// One after the other: the worker being replaced now.
    current: Option<u32>,
    /// One after the other: those whose turn is still to come.
    waiting: Vec<(u32, i32)>,
    /// Monotonic ms.
    begun: u64,
    scope: Scope,
    /// Another request came later.
    again: Option<Scope>,
}

impl Reload {
    /// Whether it is to replace the process of a worker and has not yet.
    pub(super) fn concerns(&self, worker: u32) -> bool {
        self.left.iter().any(|&(left, _)| left == worker)
    }
}

impl Roster {
    /// A reload was asked for. Requests soon after it are part of it; a later one, which may want newer code
    /// than some process has loaded by then, runs it once more when it is over.
    pub(super) fn reload(&mut self, now: u64) -> Vec<Action> {
        self.reload_those(Scope::All, now)
    }

    /// The same for task workers alone.
    pub(super) fn reload_tasks(&mut self, now: u64) -> Vec<Action> {
        self.reload_those(Scope::Tasks, now)
    }

    fn reload_those(&mut self, scope: Scope, now: u64) -> Vec<Action> {
        if self.stopping {
            return Vec::new();
        }
        if let Some(reload) = &mut self.reload {
            if now >= reload.begun + IN_A_ROW_MS || scope > reload.scope {
                reload.again = reload.again.max(Some(scope));
            }
            return Vec::new();
        }
        let left: Vec<_> = self
            .posts
            .iter()
            .filter(|post| scope.includes(post.kind))
            .filter_map(|post| post.serving_pid().map(|pid| (post.worker, pid)))
            .collect();
        let mut actions = vec![
            Action::Info(match scope {
                Scope::All => "Server is reloading all workers now".into(),
                Scope::Tasks => "Server is reloading task workers now".into(),
            }),
            Action::BeforeReload,
        ];
        let concerned = self.posts.iter().filter(|post| scope.includes(post.kind));
        let concerned: Vec<u32> = concerned.map(|post| post.worker).collect();
        for worker in concerned {
            actions.extend(self.dismiss_replacement(worker, now));
        }
        let mut waiting = Vec::new();
        if self.policy.reload_async {
            for &(worker, _) in &left {
                self.replace(worker, true, now);
            }
        } else {
            waiting.clone_from(&left);
        }
        self.reload = Some(Reload {
            left,
            current: None,
            waiting,
            begun: now,
            scope,
            again: None,
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
        if let Some(scope) = reload.again {
            actions.extend(self.reload_those(scope, now));
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

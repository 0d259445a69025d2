//! What the death of a process leads to: a successor, at once or after a delay, or the end of the server.

use super::{Action, RETRY_MS, Roster};
use crate::role::post::{Child, Replacing, State};
use crate::shared::ChildKind;
use crate::sys::signal::{SIGINT, SIGQUIT, SIGTERM};
use crate::sys::wait::Exit;

/// A process that dies sooner counts as an early death.
const EARLY_MS: u64 = 1_000;
/// A process that lives longer clears the count.
const SETTLED_MS: u64 = 10_000;
/// Delay after the second early death in a row; doubled for each further one.
const FIRST_DELAY_MS: u64 = 100;
/// Longest delay.
const LONGEST_DELAY_MS: u64 = 5_000;

impl Roster {
    /// The process `pid` has ended.
    pub(in crate::role) fn died(&mut self, pid: i32, exit: Exit, now: u64) -> Vec<Action> {
        let Some(seat) = self.seat_of(pid) else {
            return Vec::new(); // not ours: an orphan this process adopted, or a child of user code
        };
        let worker = seat.worker();
        let stopping = self.stopping;
        let Some(child) = self.child_on(seat) else {
            return Vec::new();
        };
        let Child {
            born,
            killed,
            asked,
            stuck,
            served,
            lost_work,
            ..
        } = *child;
        child.state = State::Absent;
        let lived = now.saturating_sub(born);
        let mut actions = Vec::new();
        // Killed by us, or by the Ctrl-C that stops us.
        let ended_by_us = stopping && (killed || matches!(exit.signal, SIGINT | SIGQUIT));
        let post = &mut self.posts[worker as usize];
        let is_user = post.kind == ChildKind::UserProcess;
        let ended_as_asked = is_user && asked && exit.signal == SIGTERM; // it has no loop that would end it otherwise
        if (stuck || !exit.is_clean()) && !ended_by_us && !ended_as_asked {
            actions.push(Action::ReportDeath);
        }
        // Its end in good order is as much in vain as any other, if it comes at once.
        post.early_deaths = match lived {
            ..EARLY_MS if is_user => post.early_deaths + 1,
            _ if asked => 0,
            // It served, and left in good order: stop(), or SIGTERM from outside.
            _ if exit.is_clean() && served && !lost_work => post.early_deaths,
            ..EARLY_MS => post.early_deaths + 1,
            SETTLED_MS.. => 0,
            _ => post.early_deaths,
        };
        let delay = match post.early_deaths {
            0 | 1 => 0,
            n => (FIRST_DELAY_MS << (n - 2).min(16)).min(LONGEST_DELAY_MS),
        };
        if stopping {
            return actions;
        }
        if delay > 0 {
            actions.push(Action::Warn(format!(
                "worker(pid={pid}, id={worker}) lived {lived} ms, {} early deaths in a row, next start in {delay} ms",
                post.early_deaths
            )));
        }
        let early_deaths = post.early_deaths;
        if post.seat(post.serving) == seat {
            // A replacement that is there or on its way takes over; else the dead one has a successor.
            match post.replacing {
                Replacing::Starting => {}
                Replacing::Standby => actions.extend(self.take_over(worker, now)),
                Replacing::No | Replacing::Wanted { .. } => {
                    post.incumbent().state = State::Due { at: now + delay };
                    post.replacing = Replacing::No;
                }
            }
        } else if matches!(post.replacing, Replacing::Starting | Replacing::Standby) {
            self.replacement_failed(worker, now + delay.max(RETRY_MS));
        }
        if !served && !asked {
            actions.extend(self.reload_failed_for(worker));
        }
        if self.policy.max_respawns > 0
            && !(is_user && exit.is_clean())
            && early_deaths >= self.policy.max_respawns
            && !std::mem::replace(&mut self.given_up, true)
        {
            actions.push(Action::GiveUp(format!(
                "worker {worker} has ended {early_deaths} times in a row within a second of its start (max_respawns)"
            )));
        }
        actions
    }
}

//! Supervision as pure decisions: facts go in, actions come out, time is an argument.
//!
//! The manager performs the actions and feeds back what happened. Nothing here forks, kills or reads
//! a clock, so restart storms, double signals and slow workers are ordinary unit tests.

mod deaths;
mod replacements;

use super::post::{Child, Post, Replacing, State};
use super::reload::Reload;
use crate::ipc::directory::Seat;
use crate::shared::ChildKind;

/// What the manager shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Fork a worker onto this seat, and report it with [`Roster::spawned`].
    Spawn(Seat),
    /// From now on this seat gets its worker's messages.
    Switch(Seat),
    /// Ask the process on this seat to end after its callback.
    AskToStop(Seat),
    /// SIGKILL: it did not stop in time.
    Kill { pid: i32, worker: u32 },
    /// Log this, as information.
    Info(String),
    /// Log this, as a warning.
    Warn(String),
    /// Log this, as an error.
    Error(String),
    /// Log the abnormal end of the process that was just reported, and run the callback.
    ReportDeath,
    /// Run the callback: a reload begins.
    BeforeReload,
    /// Run the callback: a reload is over.
    AfterReload,
    /// Stop the server, for this reason, as a failure.
    GiveUp(String),
    /// All workers are gone and none is to come.
    Finish,
}

/// How long what may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    /// Time a worker has to stop, ms.
    pub(super) patience_ms: u64,
    /// A reload starts all new workers first; else it replaces one worker after the other.
    pub(super) reload_async: bool,
    /// Time a process has to become ready, ms; 0: any.
    pub(super) start_ms: u64,
    /// Early deaths in a row that end the server; 0: none do.
    pub(super) max_respawns: u32,
}

/// All workers, wanted and actual.
#[derive(Debug)]
pub(super) struct Roster {
    pub(super) posts: Vec<Post>,
    pub(super) policy: Policy,
    pub(super) reload: Option<Reload>,
    pub(super) stopping: bool,
    /// What the manager adds before it kills, ms: the worker's own deadline comes first.
    grace: u64,
    /// When user processes are killed, once the server stops.
    users_end: u64,
    given_up: bool,
}
/// Delay after a fork that failed, or a replacement that did not come up.
const RETRY_MS: u64 = 1_000;
/// Grace in normal operation.
const GRACE_MS: u64 = 1_000;
/// Grace when the server stops: the whole stop shall end within a second of its deadline.
const GRACE_AT_STOP_MS: u64 = 400;
/// Time a user process has at a stop whose workers have used up all of it.
const LAST_GRACE_MS: u64 = 200;
/// Time between SIGTERM and SIGKILL for a callback that took too long.
const OVERDUE_GRACE_MS: u64 = 100;
impl Roster {
    /// One child of each of these kinds is wanted; ids are places in this order.
    pub(super) fn new(kinds: impl IntoIterator<Item = ChildKind>, policy: Policy) -> Roster {
        let posts = (0..).zip(kinds);
        Roster {
            posts: posts.map(|(id, kind)| Post::wanted(id, kind)).collect(),
            policy,
            reload: None,
            stopping: false,
            grace: GRACE_MS,
            users_end: 0,
            given_up: false,
        }
    }

    fn child_on(&mut self, seat: Seat) -> Option<&mut Child> {
        let post = self.posts.get_mut(seat.worker() as usize)?;
        let incarnation = (0..post.children.len()).find(|&i| post.seat(i) == seat)?;
        post.children.get_mut(incarnation)
    }

    /// The process on `seat` is `pid`.
    pub(super) fn spawned(&mut self, seat: Seat, pid: i32, now: u64) {
        if let Some(child) = self.child_on(seat) {
            *child = Child {
                pid,
                state: State::Starting,
                born: now,
                killed: false,
                asked: false,
                stuck: false,
                served: false,
                lost_work: false,
            };
        }
    }

    /// Forking onto `seat` failed; it is tried again.
    pub(super) fn spawn_failed(&mut self, seat: Seat, now: u64) {
        let at = now + RETRY_MS;
        let Some(post) = self.posts.get_mut(seat.worker() as usize) else {
            return;
        };
        if post.seat(post.serving) == seat {
            post.incumbent().state = State::Due { at };
        } else {
            self.replacement_failed(seat.worker(), at);
        }
    }

    /// Seats whose process has not said yet that it serves.
    pub(super) fn starting(&self) -> Vec<Seat> {
        self.seats_where(|child| child.state == State::Starting)
    }

    /// Seats with a living process.
    pub(super) fn alive(&self) -> Vec<Seat> {
        self.seats_where(Child::is_alive)
    }

    fn seats_where(&self, is: impl Fn(&Child) -> bool) -> Vec<Seat> {
        let seats = self.posts.iter().flat_map(Post::seats);
        seats.filter(|(_, c)| is(c)).map(|(seat, _)| seat).collect()
    }

    /// The seat of a living child.
    pub(super) fn seat_of(&self, pid: i32) -> Option<Seat> {
        let mut seats = self.posts.iter().flat_map(Post::seats);
        seats
            .find(|(_, child)| child.is_alive() && child.pid == pid)
            .map(|(seat, _)| seat)
    }

    /// A worker is to be replaced: by a process that starts beside it, or after it.
    pub(super) fn stop_worker(&mut self, worker: u32, now: u64) -> Vec<Action> {
        let post = self.posts.get(worker as usize);
        // Two of a user process at once would do everything twice.
        let is_user = post.is_some_and(|post| post.kind == ChildKind::UserProcess);
        match self.policy.reload_async && !is_user {
            true => {
                self.replace(worker, true, now);
                Vec::new()
            }
            false => self.ask(worker, now).into_iter().collect(),
        }
    }

    /// A message died with the process on `seat`, whose end is about to be reported: a failure, whatever
    /// its exit code.
    pub(super) fn lost_work(&mut self, seat: Seat) {
        if let Some(child) = self.child_on(seat) {
            child.lost_work = true;
        }
    }

    /// The process on `seat` ends by itself: it has as long for that as one that was asked.
    pub(super) fn leaving(&mut self, seat: Seat, now: u64) {
        let kill_at = self.kill_at(now);
        if let Some(child) = self.child_on(seat)
            && matches!(child.state, State::Starting | State::Ready)
        {
            child.state = State::Stopping { kill_at };
        }
    }

    /// When a process that was asked to end is to be gone, if it can see to that itself.
    pub(super) fn end_of(&self, seat: Seat) -> Option<u64> {
        let post = self.posts.get(seat.worker() as usize)?;
        let (_, child) = post.seats().find(|(known, _)| *known == seat)?;
        match child.state {
            State::Stopping { kill_at } => Some(kill_at.saturating_sub(self.grace)),
            _ => None,
        }
    }

    /// A callback of the process on `seat` has taken too long: the process has SIGTERM, and this long
    /// until it is killed. False: that is known already.
    pub(super) fn overdue(&mut self, seat: Seat, now: u64) -> bool {
        let Some(child) = self.child_on(seat).filter(|child| child.is_alive()) else {
            return false;
        };
        let kill_at = now + OVERDUE_GRACE_MS;
        if matches!(child.state, State::Stopping { kill_at: at } if at <= kill_at) {
            return false;
        }
        child.state = State::Stopping { kill_at };
        child.stuck = true;
        true
    }

    /// The server stops: no more replacements, everybody out by `deadline` (monotonic ms).
    pub(super) fn stop_all(&mut self, deadline: u64, now: u64) -> Vec<Action> {
        self.stopping = true;
        self.reload = None;
        self.grace = GRACE_AT_STOP_MS;
        let deadline = deadline.max(now);
        let mut actions = Vec::new();
        for post in &mut self.posts {
            // Task workers go first: who has given the tasks they are at shall still hear of it.
            let kill_at = match post.kind {
                ChildKind::TaskWorker => deadline,
                ChildKind::Worker | ChildKind::UserProcess => deadline + self.grace,
            };
            post.replacing = Replacing::No;
            if post.kind == ChildKind::UserProcess {
                self.users_end = kill_at; // their turn comes when nobody is left who may talk to them
                if let State::Due { .. } = post.incumbent().state {
                    post.incumbent().state = State::Absent;
                }
                continue;
            }
            for incarnation in 0..post.children.len() {
                let seat = post.seat(incarnation);
                let child = &mut post.children[incarnation];
                match &mut child.state {
                    State::Starting | State::Ready => {
                        child.ask(kill_at);
                        actions.push(Action::AskToStop(seat));
                    }
                    State::Stopping { kill_at: own } => *own = (*own).min(kill_at),
                    state => *state = State::Absent,
                }
            }
        }
        actions
    }

    /// Replace the dead at once, whatever their delay: a stop has begun, and what waits for them has no
    /// time to spare. Those that die again have their delay.
    pub(super) fn respawn_now(&mut self, now: u64) {
        for post in &mut self.posts {
            if let State::Due { at } = &mut post.incumbent().state {
                *at = (*at).min(now);
            }
        }
    }

    /// What is due at `now`: kills, replacements, the next step of a reload, the end. `is_free`: whether
    /// a process may be forked onto a spare seat, or its last one has still something to be cleared away.
    pub(super) fn tick(&mut self, now: u64, is_free: impl Fn(Seat) -> bool) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut spawns = Vec::new();
        let start_ms = self.start_ms();
        for post in &mut self.posts {
            let worker = post.worker;
            let rank = first_come(post.kind);
            for incarnation in 0..post.children.len() {
                let seat = post.seat(incarnation);
                let child = &mut post.children[incarnation];
                match child.state {
                    State::Stopping { kill_at } if now >= kill_at && !child.killed => {
                        child.killed = true;
                        actions.push(Action::Kill {
                            pid: child.pid,
                            worker,
                        });
                    }
                    State::Starting if child.born + start_ms <= now && !child.killed => {
                        child.killed = true;
                        actions.push(Action::Kill {
                            pid: child.pid,
                            worker,
                        });
                    }
                    State::Due { at } if now >= at => {
                        child.state = State::Absent; // until spawned() or spawn_failed()
                        spawns.push((rank, seat));
                    }
                    _ => {}
                }
            }
        }
        spawns.sort_by_key(|&(rank, _)| rank);
        actions.extend(spawns.into_iter().map(|(_, seat)| Action::Spawn(seat)));
        self.advance_reload(now, &mut actions);
        self.start_replacements(now, is_free, &mut actions);
        self.end_user_processes(now, &mut actions);
        if self.stopping && self.alive().is_empty() {
            actions.push(Action::Finish);
        }
        actions
    }

    /// At a stop: once all workers are gone, their turn has come.
    fn end_user_processes(&mut self, now: u64, actions: &mut Vec<Action>) {
        let is_worker = |post: &&Post| post.kind != ChildKind::UserProcess;
        let lives = |post: &Post| post.children.iter().any(Child::is_alive);
        if !self.stopping || self.posts.iter().filter(is_worker).any(lives) {
            return;
        }
        let kill_at = self.users_end.max(now + LAST_GRACE_MS);
        let users = |post: &&mut Post| post.kind == ChildKind::UserProcess;
        for post in self.posts.iter_mut().filter(users) {
            let seat = post.seat(post.serving);
            let child = post.incumbent();
            if matches!(child.state, State::Starting | State::Ready) {
                child.ask(kill_at);
                actions.push(Action::AskToStop(seat));
            }
        }
    }

    /// When [`Roster::tick`] has something to do next. A replacement whose time has come and that waits
    /// for another process waits for an event.
    pub(super) fn next_deadline(&self, now: u64) -> Option<u64> {
        let children = self.posts.iter().flat_map(Post::seats);
        let start_ms = self.start_ms();
        let of_children = children.filter_map(|(_, child)| match child.state {
            State::Stopping { kill_at } if !child.killed => Some(kill_at),
            State::Starting if !child.killed && start_ms < u64::MAX / 2 => {
                Some(child.born + start_ms)
            }
            State::Due { at } => Some(at),
            _ => None,
        });
        let of_posts = self.posts.iter().filter_map(|post| match post.replacing {
            Replacing::Wanted { not_before, .. } if not_before > now => Some(not_before),
            _ => None,
        });
        of_children.chain(of_posts).min()
    }

    /// Ask a worker to end; its successor is forked when it has.
    pub(super) fn ask(&mut self, worker: u32, now: u64) -> Option<Action> {
        let kill_at = self.kill_at(now);
        let post = self.posts.get_mut(worker as usize)?;
        let seat = post.seat(post.serving);
        let child = post.incumbent();
        if !matches!(child.state, State::Starting | State::Ready) {
            return None; // leaving already, or on its way
        }
        child.ask(kill_at);
        Some(Action::AskToStop(seat))
    }

    /// Time a process has to become ready.
    fn start_ms(&self) -> u64 {
        match self.policy.start_ms {
            0 => u64::MAX / 2,
            limit => limit,
        }
    }

    fn kill_at(&self, now: u64) -> u64 {
        now + self.policy.patience_ms + self.grace
    }
}

/// Which kinds are forked first: who is given work should be there before those that give it.
fn first_come(kind: ChildKind) -> u8 {
    match kind {
        ChildKind::TaskWorker => 0,
        ChildKind::Worker => 1,
        ChildKind::UserProcess => 2,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by a panic")]
mod tests;

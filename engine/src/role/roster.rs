//! Supervision as pure decisions: facts go in, actions come out, time is an argument.
//!
//! The manager performs the actions and feeds back what happened. Nothing here forks, kills or reads
//! a clock, so restart storms, double signals and slow workers are ordinary unit tests.

use super::child::{Child, State};
use crate::ipc::directory::Seat;
use crate::sys::signal::{SIGINT, SIGQUIT};
use crate::sys::wait::Exit;

/// What the manager shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Fork a worker onto this seat, and report it with [`Roster::spawned`].
    Spawn(Seat),
    /// Ask the process on this seat to end after its callback.
    AskToStop(Seat),
    /// SIGKILL: it did not stop in time. Carries pid and worker id.
    Kill { pid: i32, worker: u32 },
    /// Log this, as information.
    Info(String),
    /// Log this, as a warning.
    Warn(String),
    /// Log this, as an error.
    Error(String),
    /// Log the abnormal end and run the callback.
    ReportDeath { worker: u32, pid: i32, exit: Exit },
    /// All workers are gone and none is to come.
    Finish,
}

/// A rolling reload: workers still to be replaced, with the pids they had when it began.
#[derive(Debug, PartialEq, Eq)]
struct Reload {
    waiting: Vec<(u32, i32)>,
    /// The worker being replaced now.
    current: Option<u32>,
    /// Another request came when the last replacement was running already, with the old code perhaps.
    again: bool,
}

/// All workers, wanted and actual.
#[derive(Debug)]
pub(super) struct Roster {
    children: Vec<Child>,
    reload: Option<Reload>,
    stopping: bool,
    /// Time a worker has to stop, ms.
    patience: u64,
    /// What the manager adds before it kills, ms: the worker's own deadline comes first.
    grace: u64,
}

/// A process that dies sooner counts as an early death.
const EARLY_MS: u64 = 1_000;
/// A process that lives longer clears the count.
const SETTLED_MS: u64 = 10_000;
/// Delay after the second early death in a row; doubled for each further one.
const FIRST_DELAY_MS: u64 = 100;
/// Longest delay.
const LONGEST_DELAY_MS: u64 = 5_000;
/// Grace in normal operation.
const GRACE_MS: u64 = 1_000;
/// Grace when the server stops: the whole stop shall end within a second of its deadline.
const GRACE_AT_STOP_MS: u64 = 400;

impl Roster {
    /// `workers` workers are wanted; each gets `patience` ms to stop when asked.
    pub(super) fn new(workers: u32, patience: u64) -> Roster {
        let children = (0..workers)
            .map(|worker| Child::wanted(Seat::first_of(worker)))
            .collect();
        Roster {
            children,
            reload: None,
            stopping: false,
            patience,
            grace: GRACE_MS,
        }
    }

    /// The process on `seat` is `pid`.
    pub(super) fn spawned(&mut self, seat: Seat, pid: i32, now: u64) {
        if let Some(child) = self.children.iter_mut().find(|child| child.seat == seat) {
            child.pid = pid;
            child.state = State::Starting;
            child.born = now;
            child.killed = false;
        }
    }

    /// Forking onto `seat` failed; it is tried again.
    pub(super) fn spawn_failed(&mut self, seat: Seat, now: u64) {
        if let Some(child) = self.children.iter_mut().find(|child| child.seat == seat) {
            child.state = State::Gone {
                respawn: Some(now + LONGEST_DELAY_MS / 5),
            };
        }
    }

    /// The process on `seat` serves.
    pub(super) fn ready(&mut self, seat: Seat) {
        if let Some(child) = self.children.iter_mut().find(|child| child.seat == seat)
            && child.state == State::Starting
        {
            child.state = State::Ready;
        }
    }

    /// Seats whose process has not said yet that it serves.
    pub(super) fn starting(&self) -> Vec<Seat> {
        self.children
            .iter()
            .filter(|child| child.state == State::Starting)
            .map(|child| child.seat)
            .collect()
    }

    /// The seat of a living child.
    pub(super) fn seat_of(&self, pid: i32) -> Option<Seat> {
        self.children
            .iter()
            .find(|child| child.is_alive() && child.pid == pid)
            .map(|child| child.seat)
    }

    /// The process `pid` has ended.
    pub(super) fn died(&mut self, pid: i32, exit: Exit, now: u64) -> Vec<Action> {
        let Some(child) = self
            .children
            .iter_mut()
            .find(|child| child.is_alive() && child.pid == pid)
        else {
            return Vec::new(); // not ours: an orphan this process adopted, or a child of user code
        };
        let worker = child.worker();
        let asked = matches!(child.state, State::Stopping { .. });
        let never_served = child.state == State::Starting;
        let lived = now.saturating_sub(child.born);
        let mut actions = Vec::new();
        // Killed by us, or by the Ctrl-C that stops us.
        let ended_by_us =
            self.stopping && (child.killed || matches!(exit.signal, SIGINT | SIGQUIT));
        if !exit.is_clean() && !ended_by_us {
            actions.push(Action::ReportDeath { worker, pid, exit });
        }
        child.early_deaths = match lived {
            _ if asked => 0,
            ..EARLY_MS => child.early_deaths + 1,
            SETTLED_MS.. => 0,
            _ => child.early_deaths,
        };
        let delay = match child.early_deaths {
            0 | 1 => 0,
            n => (FIRST_DELAY_MS << (n - 2).min(16)).min(LONGEST_DELAY_MS),
        };
        if delay > 0 && !self.stopping {
            actions.push(Action::Warn(format!(
                "worker(pid={pid}, id={worker}) lived {lived} ms, {} early deaths in a row, next start in {delay} ms",
                child.early_deaths
            )));
        }
        child.state = State::Gone {
            respawn: (!self.stopping).then_some(now + delay),
        };
        if let Some(reload) = &mut self.reload
            && reload.current == Some(worker)
            && never_served
        {
            // The old worker is gone and the new code does not come up: keep those that still serve.
            actions.push(Action::Error(format!(
                "reload given up: the new worker {worker} ended before it was ready, {} old workers go on",
                reload.waiting.len()
            )));
            self.reload = None;
        }
        actions
    }

    /// Whether a reload is going on.
    pub(super) fn is_reloading(&self) -> bool {
        self.reload.is_some()
    }

    /// A reload was asked for. Requests during a reload are part of it, as long as it has a worker yet
    /// to fork; one that comes later runs it once more.
    pub(super) fn reload(&mut self) -> Vec<Action> {
        if let Some(reload) = &mut self.reload {
            let replaced = |worker| {
                self.children
                    .iter()
                    .any(|child| child.worker() == worker && child.state == State::Starting)
            };
            reload.again |= reload.waiting.is_empty() && reload.current.is_some_and(replaced);
            return Vec::new();
        }
        if self.stopping {
            return Vec::new();
        }
        let waiting = self
            .children
            .iter()
            .filter(|c| c.is_alive())
            .map(|c| (c.worker(), c.pid))
            .collect();
        self.reload = Some(Reload {
            waiting,
            current: None,
            again: false,
        });
        vec![Action::Info("Server is reloading all workers now".into())]
    }

    /// One worker is to be replaced.
    pub(super) fn stop_worker(&mut self, worker: u32, now: u64) -> Vec<Action> {
        self.ask(worker, now).into_iter().collect()
    }

    /// The server stops: no more replacements, everybody out by `deadline` (monotonic ms).
    pub(super) fn stop_all(&mut self, deadline: u64, now: u64) -> Vec<Action> {
        self.stopping = true;
        self.reload = None;
        self.grace = GRACE_AT_STOP_MS;
        let mut actions = Vec::new();
        for child in &mut self.children {
            match &mut child.state {
                State::Starting | State::Ready => {
                    child.state = State::Stopping {
                        deadline: deadline.max(now),
                    };
                    actions.push(Action::AskToStop(child.seat));
                }
                State::Stopping { deadline: own } => *own = (*own).min(deadline.max(now)),
                State::Gone { respawn } => *respawn = None,
            }
        }
        actions
    }

    /// Replace the dead at once, whatever their delay: a stop has begun, and what waits for them has no
    /// time to spare. Those that die again have their delay.
    pub(super) fn respawn_now(&mut self, now: u64) {
        for child in &mut self.children {
            if let State::Gone { respawn: Some(due) } = &mut child.state {
                *due = (*due).min(now);
            }
        }
    }

    /// What is due at `now`: kills, replacements, the next step of a reload, the end.
    pub(super) fn tick(&mut self, now: u64) -> Vec<Action> {
        let mut actions = Vec::new();
        for child in &mut self.children {
            match child.state {
                State::Stopping { deadline } if now >= deadline + self.grace && !child.killed => {
                    child.killed = true;
                    actions.push(Action::Kill {
                        pid: child.pid,
                        worker: child.worker(),
                    });
                }
                State::Gone { respawn: Some(due) } if now >= due => {
                    child.state = State::Gone { respawn: None }; // until spawned() or spawn_failed()
                    actions.push(Action::Spawn(child.seat));
                }
                _ => {}
            }
        }
        self.advance_reload(now, &mut actions);
        if self.stopping && self.children.iter().all(|child| !child.is_alive()) {
            actions.push(Action::Finish);
        }
        actions
    }

    /// When [`Roster::tick`] has something to do next.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.children
            .iter()
            .filter_map(|child| match child.state {
                State::Stopping { deadline } if !child.killed => Some(deadline + self.grace),
                State::Gone { respawn } => respawn,
                _ => None,
            })
            .min()
    }

    /// One worker at a time: ask it to stop, wait for the replacement to serve, take the next.
    fn advance_reload(&mut self, now: u64, actions: &mut Vec<Action>) {
        let Some(reload) = &mut self.reload else {
            return;
        };
        if let Some(worker) = reload.current {
            let serves = |child: &Child| child.worker() == worker && child.state == State::Ready;
            if !self.children.iter().any(serves) {
                return;
            }
            reload.current = None;
        }
        while !reload.waiting.is_empty() {
            let (worker, pid) = reload.waiting.remove(0);
            // A worker that was replaced meanwhile runs new code already.
            if self
                .children
                .iter()
                .any(|child| child.worker() == worker && child.pid == pid && child.is_alive())
            {
                reload.current = Some(worker);
                actions.extend(self.ask(worker, now));
                return;
            }
        }
        let again = reload.again;
        self.reload = None;
        if again {
            actions.extend(self.reload());
            self.advance_reload(now, actions);
        }
    }

    fn ask(&mut self, worker: u32, now: u64) -> Option<Action> {
        let patience = self.patience;
        let child = self
            .children
            .iter_mut()
            .find(|child| child.worker() == worker)?;
        if !matches!(child.state, State::Starting | State::Ready) {
            return None; // leaving already, or on its way
        }
        child.state = State::Stopping {
            deadline: now + patience,
        };
        Some(Action::AskToStop(child.seat))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: Exit = Exit { code: 0, signal: 0 };
    const KILLED: Exit = Exit { code: 0, signal: 9 };

    /// A roster whose first generation serves; pids are 100 + worker.
    fn serving(workers: u32) -> Roster {
        let mut roster = Roster::new(workers, 3_000);
        let spawns = roster.tick(0);
        assert_eq!(spawns.len(), workers as usize);
        for worker in 0..workers {
            roster.spawned(Seat::first_of(worker), 100 + worker as i32, 0);
            roster.ready(Seat::first_of(worker));
        }
        roster
    }

    #[test]
    fn first_death_is_replaced_at_once() {
        let mut roster = serving(2);
        let actions = roster.died(101, KILLED, 500);
        assert_eq!(
            actions,
            [Action::ReportDeath {
                worker: 1,
                pid: 101,
                exit: KILLED
            }]
        );
        assert_eq!(roster.tick(500), [Action::Spawn(Seat::first_of(1))]);
        assert_eq!(roster.tick(500), [], "spawned once only");
    }

    #[test]
    fn a_clean_exit_is_replaced_without_a_report() {
        let mut roster = serving(1);
        assert_eq!(roster.died(100, CLEAN, 20_000), []);
        assert_eq!(roster.tick(20_000), [Action::Spawn(Seat::first_of(0))]);
    }

    #[test]
    fn a_crash_loop_restarts_at_most_ten_times_in_five_seconds() {
        let mut roster = Roster::new(1, 3_000);
        let (mut now, mut restarts, mut pid) = (0, 0, 1);
        while now < 5_000 {
            for action in roster.tick(now) {
                if let Action::Spawn(seat) = action {
                    restarts += 1;
                    roster.spawned(seat, pid, now);
                    let _ = roster.died(pid, KILLED, now);
                    pid += 1;
                }
            }
            now = roster
                .next_deadline()
                .map_or(now + 1, |due| due.max(now + 1));
        }
        assert!((3..=10).contains(&restarts), "{restarts} restarts");
    }

    #[test]
    fn a_long_life_clears_the_delay() {
        let mut roster = serving(1);
        for round in 0..5 {
            let _ = roster.died(100, KILLED, round * 10);
            roster.spawned(Seat::first_of(0), 100, round * 10);
        }
        let actions = roster.died(100, KILLED, 60_000);
        assert_eq!(actions.len(), 1, "no delay is announced: {actions:?}");
        assert_eq!(roster.tick(60_000), [Action::Spawn(Seat::first_of(0))]);
    }

    #[test]
    fn reload_replaces_one_worker_after_the_other() {
        let mut roster = serving(3);
        let first = roster.reload();
        assert_eq!(
            first,
            [Action::Info("Server is reloading all workers now".into())]
        );
        assert_eq!(roster.reload(), [], "a second request is part of the first");
        let mut now = 100_000;
        for worker in 0..3 {
            let seat = Seat::first_of(worker);
            assert_eq!(
                roster.tick(now),
                [Action::AskToStop(seat)],
                "worker {worker}"
            );
            assert_eq!(roster.tick(now), [], "waits for it");
            assert_eq!(roster.died(100 + worker as i32, CLEAN, now + 1), []);
            assert_eq!(roster.tick(now + 1), [Action::Spawn(seat)]);
            roster.spawned(seat, 200 + worker as i32, now + 1);
            assert_eq!(roster.tick(now + 2), [], "waits for the replacement");
            roster.ready(seat);
            now += 10;
        }
        assert_eq!(roster.tick(now), []);
        assert_eq!(roster.reload().len(), 1, "the next reload may begin");
    }

    #[test]
    fn a_reload_asked_for_after_the_last_fork_runs_once_more() {
        let mut roster = serving(1);
        roster.reload();
        let seat = Seat::first_of(0);
        assert_eq!(roster.tick(100_000), [Action::AskToStop(seat)]);
        assert_eq!(
            roster.reload(),
            [],
            "nothing is forked yet: the same reload"
        );
        let _ = roster.died(100, CLEAN, 100_001);
        let _ = roster.tick(100_001);
        roster.spawned(seat, 200, 100_001);
        assert_eq!(roster.reload(), []);
        roster.ready(seat);
        let again = roster.tick(100_002);
        assert!(
            matches!(again[..], [Action::Info(_), Action::AskToStop(_)]),
            "{again:?}"
        );
    }

    #[test]
    fn each_worker_of_a_reload_has_its_own_deadline() {
        let mut roster = serving(5);
        roster.reload();
        let mut now = 100_000;
        for worker in 0..5u32 {
            let seat = Seat::first_of(worker);
            assert_eq!(roster.tick(now), [Action::AskToStop(seat)]);
            now += 2_900;
            assert_eq!(roster.tick(now), [], "2.9 s is within its time");
            let _ = roster.died(100 + worker as i32, CLEAN, now);
            let _ = roster.tick(now);
            roster.spawned(seat, 300 + worker as i32, now);
            roster.ready(seat);
        }
    }

    #[test]
    fn a_worker_that_does_not_stop_is_killed_once() {
        let mut roster = serving(1);
        roster.reload();
        assert_eq!(roster.tick(100_000), [Action::AskToStop(Seat::first_of(0))]);
        assert_eq!(roster.next_deadline(), Some(104_000));
        assert_eq!(roster.tick(103_999), []);
        assert_eq!(
            roster.tick(104_000),
            [Action::Kill {
                pid: 100,
                worker: 0
            }]
        );
        assert_eq!(roster.tick(104_001), []);
    }

    #[test]
    fn reload_is_given_up_when_new_code_does_not_come_up() {
        let mut roster = serving(2);
        roster.reload();
        let _ = roster.tick(100_000);
        let _ = roster.died(100, CLEAN, 100_000);
        let _ = roster.tick(100_000);
        roster.spawned(Seat::first_of(0), 200, 100_000);
        let actions = roster.died(
            200,
            Exit {
                code: 255,
                signal: 0,
            },
            100_001,
        );
        assert!(
            actions
                .iter()
                .any(|action| matches!(action, Action::Error(_))),
            "{actions:?}"
        );
        let later = roster.tick(100_001);
        assert!(
            !later.contains(&Action::AskToStop(Seat::first_of(1))),
            "{later:?}"
        );
    }

    #[test]
    fn stop_during_reload_ends_everybody() {
        let mut roster = serving(2);
        roster.reload();
        let _ = roster.tick(100_000);
        let actions = roster.stop_all(101_000, 100_500);
        assert_eq!(
            actions,
            [Action::AskToStop(Seat::first_of(1))],
            "worker 0 has been asked already"
        );
        let _ = roster.died(100, CLEAN, 100_600);
        assert_eq!(roster.tick(100_600), [], "no replacement");
        let _ = roster.died(101, CLEAN, 100_700);
        assert_eq!(roster.tick(100_700), [Action::Finish]);
    }

    #[test]
    fn a_stop_does_not_wait_for_a_delayed_restart() {
        let mut roster = serving(1);
        for _ in 0..6 {
            let _ = roster.died(100, KILLED, 10);
            roster.spawned(Seat::first_of(0), 100, 10);
        }
        let _ = roster.died(100, KILLED, 10);
        assert_eq!(roster.tick(11), [], "the delay runs");
        roster.respawn_now(11);
        assert_eq!(roster.tick(11), [Action::Spawn(Seat::first_of(0))]);
    }

    #[test]
    fn unknown_pids_are_ignored() {
        let mut roster = serving(1);
        assert_eq!(roster.died(4711, KILLED, 1), []);
        assert_eq!(roster.tick(1), []);
    }
}

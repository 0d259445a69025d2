//! What each signal does in each role: one table, from which the handlers are installed and the loops
//! learn what was asked for.
//!
//! `Survive` is not `SIG_IGN`: a program that user code starts would inherit that. Signals that tell of
//! an error of the process itself (SEGV, BUS, ...) and the stop signals of a terminal are left alone.

use std::io;

use crate::sys::fuse;
use crate::sys::signal::{self, Installed};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// An end at once, supervised; the master dies by this signal.
    Interrupt(i32),
    /// The graceful stop: of the server, or of this worker.
    Stop,
    /// New workers.
    Reload,
    /// New task workers.
    ReloadTasks,
    /// Log lines go to a freshly opened file.
    Reopen,
    /// A child has ended.
    Reap,
    /// Nothing, but the process shall not die of it.
    Survive,
    /// The default action, whatever the parent did.
    Die,
    /// What the host program had installed before the server was started.
    Host,
}

/// The table of a role.
pub(super) struct Table {
    /// Most urgent first.
    rows: Vec<(i32, Action)>,
    /// What the role lives by, whatever handlers user code installs.
    owned: Vec<i32>,
}

/// Master and manager: no catchable signal kills one of them alone.
pub(super) fn supervisor() -> Table {
    let mut rows = vec![
        (signal::SIGINT, Action::Interrupt(signal::SIGINT)),
        (signal::SIGQUIT, Action::Interrupt(signal::SIGQUIT)),
        (signal::SIGTERM, Action::Stop),
        (signal::realtime_min(), Action::Reopen),
        (signal::SIGWINCH, Action::Reopen),
        (signal::SIGUSR1, Action::Reload),
        (signal::SIGUSR2, Action::ReloadTasks),
        (signal::SIGCHLD, Action::Reap),
        (signal::SIGHUP, Action::Survive),
        (signal::SIGPIPE, Action::Survive),
        (signal::SIGALRM, Action::Survive),
        (signal::SIGIO, Action::Survive),
        (signal::SIGVTALRM, Action::Survive),
        (signal::SIGPROF, Action::Survive),
        (signal::SIGPWR, Action::Survive),
        (signal::SIGSTKFLT, Action::Survive),
        (signal::SIGXFSZ, Action::Survive),
    ];
    let others = signal::realtime_min() + 1..=signal::realtime_max();
    rows.extend(others.map(|number| (number, Action::Survive)));
    let asks = rows.iter().filter(|(_, action)| *action != Action::Survive);
    let asks = asks.map(|(number, _)| *number);
    let owned = asks.chain([fuse::parent_died()]).collect();
    Table { rows, owned }
}

/// A worker: it can be replaced, so most signals may have it. INT and QUIT come to the whole group from
/// a terminal, and the master supervises that stop. PROF is PHP's time limit.
pub(super) fn worker() -> Table {
    let mut rows = vec![
        (signal::SIGTERM, Action::Stop),
        (signal::realtime_min(), Action::Reopen),
        (signal::SIGWINCH, Action::Reopen),
        (signal::SIGUSR1, Action::Survive),
        (signal::SIGUSR2, Action::Survive),
        (signal::SIGHUP, Action::Survive),
        (signal::SIGPIPE, Action::Survive),
        (signal::SIGALRM, Action::Survive),
        (signal::SIGPWR, Action::Survive),
        (fuse::parent_died(), Action::Survive),
        (signal::SIGCHLD, Action::Survive),
        (signal::SIGINT, Action::Die),
        (signal::SIGQUIT, Action::Die),
        (signal::SIGIO, Action::Die),
        (signal::SIGVTALRM, Action::Die),
        (signal::SIGSTKFLT, Action::Die),
        (signal::SIGPROF, Action::Host),
        (signal::SIGXFSZ, Action::Host),
    ];
    let others = signal::realtime_min() + 1..=signal::realtime_max();
    let others = others.filter(|&number| number != fuse::parent_died());
    rows.extend(others.map(|number| (number, Action::Host)));
    // It looks after these each time it goes to sleep, and scripts may have a use of their own for the others.
    let owned = vec![signal::SIGTERM, fuse::parent_died()];
    Table { rows, owned }
}

/// A user process: its code knows of no loop, so a stop ends it by the signal's default, unless it catches that.
pub(super) fn user_process() -> Table {
    let mut table = worker();
    for (number, action) in &mut table.rows {
        match *number {
            signal::SIGTERM => *action = Action::Die,
            number if number == signal::realtime_min() => *action = Action::Survive,
            _ => {}
        }
    }
    table.owned.clear();
    table
}

impl Table {
    /// Make the table true in this process; `bell` is rung for what it handles.
    pub(super) fn install(&self, bell: i32) -> io::Result<Installed> {
        signal::restore_default(&self.of(|action| action == Action::Die));
        signal::restore_host(&self.of(|action| action == Action::Host));
        let is_left_alone = |action| matches!(action, Action::Die | Action::Host);
        let installed = signal::install(&self.of(|action| !is_left_alone(action)), bell)?;
        signal::own(&self.owned);
        Ok(installed)
    }

    /// What was asked for since the last call, most urgent first.
    pub(super) fn take(&self) -> Vec<Action> {
        let came = signal::take();
        if came.is_empty() {
            return Vec::new(); // as a rule
        }
        let asked = |(number, action): &(i32, Action)| came.has(*number).then_some(*action);
        self.rows.iter().filter_map(asked).collect()
    }

    fn of(&self, wanted: impl Fn(Action) -> bool) -> Vec<i32> {
        let rows = self.rows.iter().filter(|(_, action)| wanted(*action));
        rows.map(|(number, _)| *number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_names_a_signal_once() {
        for table in [supervisor(), worker(), user_process()] {
            let mut numbers = table.of(|_| true);
            let all = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), all);
            assert!(numbers.contains(&signal::realtime_max()));
        }
    }
}

//! Which fault comes when: a seeded schedule.

use std::time::Duration;

use nix::sys::signal::Signal;

use self::Means::{Ask, KillDuring, Order, Pause, ToMaster, Volley};
use super::dice::Dice;

/// What is done to a process of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// SIGKILL to any worker.
    Kill,
    /// SIGKILL to a worker in the middle of a callback.
    KillAtWork,
    /// SIGKILL to several processes of any role at once.
    KillMany,
    /// SIGTERM to any worker.
    Term,
    /// SIGUSR1 to the master.
    ReloadSignal,
    /// A worker calls `reload()`.
    ReloadCall,
    /// A worker calls `stop()`.
    StopCall,
    /// A callback throws.
    Throw,
    /// A callback exits with code 3.
    Exit,
    /// A callback faults.
    Segfault,
    /// A callback exhausts its memory.
    Memory,
    /// SIGSTOP to any worker.
    Freeze,
    /// A callback sleeps for longer than its deadline.
    Block,
    /// A callback runs in a circle.
    Spin,
    /// The same for task workers, as far as it makes sense: a task may take as long as it likes.
    TaskKill,
    /// SIGKILL in the middle of a task.
    TaskKillAtWork,
    /// SIGTERM.
    TaskTerm,
    /// SIGUSR2 to the master.
    TaskReloadSignal,
    /// A worker calls `reload(true)`.
    TaskReloadCall,
    /// onTask throws.
    TaskThrow,
    /// It exits with code 3.
    TaskExit,
    /// It faults.
    TaskSegfault,
    /// It exhausts its memory.
    TaskMemory,
    /// SIGSTOP, and SIGCONT a while later.
    TaskFreeze,
    /// And for user processes.
    UserKill,
    /// SIGTERM.
    UserTerm,
    /// It throws.
    UserThrow,
    /// It exits with code 3.
    UserExit,
    /// It faults.
    UserSegfault,
    /// SIGSTOP, and SIGCONT a while later.
    UserFreeze,
}

/// Whom a fault hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// An event worker.
    Worker,
    /// A task worker.
    TaskWorker,
    /// A user process.
    UserProcess,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 3] = [Role::Worker, Role::TaskWorker, Role::UserProcess];
}

/// How it is brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// A signal to the process.
    Signal(Signal),
    /// A signal to the master.
    ToMaster(Signal),
    /// An order to it.
    Order(&'static str),
    /// An order to it, and SIGKILL while it obeys.
    KillDuring(&'static str),
    /// An order to any worker, about others.
    Ask(&'static str),
    /// SIGSTOP, and SIGCONT a while later.
    Pause,
    /// A signal to several processes at once, whatever their roles.
    Volley(Signal),
}

struct Row {
    fault: Fault,
    name: &'static str,
    weight: u64,
    role: Role,
    means: Means,
}

const fn row(fault: Fault, name: &'static str, weight: u64, role: Role, means: Means) -> Row {
    Row {
        fault,
        name,
        weight,
        role,
        means,
    }
}

const fn worker(fault: Fault, name: &'static str, weight: u64, means: Means) -> Row {
    row(fault, name, weight, Role::Worker, means)
}

const fn task(fault: Fault, name: &'static str, weight: u64, means: Means) -> Row {
    row(fault, name, weight, Role::TaskWorker, means)
}

const fn user(fault: Fault, name: &'static str, weight: u64, means: Means) -> Row {
    row(fault, name, weight, Role::UserProcess, means)
}

/// All there is.
const ROWS: [Row; 30] = [
    worker(Fault::Kill, "kill", 8, Means::Signal(Signal::SIGKILL)),
    worker(
        Fault::KillAtWork,
        "kill-at-work",
        4,
        KillDuring("!sleep 300"),
    ),
    worker(Fault::KillMany, "kill-many", 3, Volley(Signal::SIGKILL)),
    worker(Fault::Term, "term", 3, Means::Signal(Signal::SIGTERM)),
    worker(
        Fault::ReloadSignal,
        "reload-signal",
        2,
        ToMaster(Signal::SIGUSR1),
    ),
    worker(Fault::ReloadCall, "reload-call", 1, Ask("!reload")),
    worker(Fault::StopCall, "stop-call", 2, Order("!stop")),
    worker(Fault::Throw, "throw", 2, Order("!throw")),
    worker(Fault::Exit, "exit", 2, Order("!exit")),
    worker(Fault::Segfault, "segfault", 2, Order("!segfault")),
    worker(Fault::Memory, "memory", 2, Order("!memory")),
    worker(Fault::Freeze, "freeze", 3, Means::Signal(Signal::SIGSTOP)),
    worker(Fault::Block, "block", 2, Order("!sleep 60000")),
    worker(Fault::Spin, "spin", 1, Order("!spin")),
    task(
        Fault::TaskKill,
        "task-kill",
        7,
        Means::Signal(Signal::SIGKILL),
    ),
    task(
        Fault::TaskKillAtWork,
        "task-kill-at-work",
        4,
        KillDuring("!sleep 300"),
    ),
    task(
        Fault::TaskTerm,
        "task-term",
        2,
        Means::Signal(Signal::SIGTERM),
    ),
    task(
        Fault::TaskReloadSignal,
        "task-reload-signal",
        2,
        ToMaster(Signal::SIGUSR2),
    ),
    task(
        Fault::TaskReloadCall,
        "task-reload-call",
        1,
        Ask("!reload-tasks"),
    ),
    task(Fault::TaskThrow, "task-throw", 2, Order("!throw")),
    task(Fault::TaskExit, "task-exit", 2, Order("!exit")),
    task(Fault::TaskSegfault, "task-segfault", 1, Order("!segfault")),
    task(Fault::TaskMemory, "task-memory", 1, Order("!memory")),
    task(Fault::TaskFreeze, "task-freeze", 3, Pause),
    user(
        Fault::UserKill,
        "user-kill",
        2,
        Means::Signal(Signal::SIGKILL),
    ),
    user(
        Fault::UserTerm,
        "user-term",
        1,
        Means::Signal(Signal::SIGTERM),
    ),
    user(Fault::UserThrow, "user-throw", 1, Order("!throw")),
    user(Fault::UserExit, "user-exit", 1, Order("!exit")),
    user(Fault::UserSegfault, "user-segfault", 1, Order("!segfault")),
    user(Fault::UserFreeze, "user-freeze", 1, Pause),
];

impl Fault {
    fn row(self) -> &'static Row {
        // Every fault has a row: a test of this file says so.
        ROWS.iter()
            .find(|row| row.fault == self)
            .unwrap_or(&ROWS[0])
    }

    /// Its name in reports and in `CHAOS_FAULTS`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Whom it hits.
    pub fn role(self) -> Role {
        self.row().role
    }

    /// How it is brought about.
    pub fn means(self) -> Means {
        self.row().means
    }

    /// Whether a process that it was done to may die of it.
    pub fn is_deadly(self) -> bool {
        match self.means() {
            Means::Signal(Signal::SIGTERM) => self.role() == Role::UserProcess, // the others end in peace
            Means::Signal(_) | Volley(_) | KillDuring(_) => true,
            Order(_) => self != Fault::StopCall,
            // Who is stopped while it takes a task keeps all others from it, and is killed.
            Pause => self.role() == Role::TaskWorker,
            ToMaster(_) | Ask(_) => false,
        }
    }

    /// Whether only `worker_deadline` ends it.
    pub fn needs_deadline(self) -> bool {
        matches!(self, Fault::Freeze | Fault::Block | Fault::Spin)
    }

    /// All of them.
    pub fn all() -> Vec<Fault> {
        ROWS.iter().map(|row| row.fault).collect()
    }

    /// The faults of `CHAOS_FAULTS`: names with commas between them, or `all`.
    pub fn parse(list: &str) -> Result<Vec<Fault>, String> {
        if list == "all" {
            return Ok(Fault::all());
        }
        let find = |name: &str| {
            let row = ROWS.iter().find(|row| row.name == name);
            let names = || ROWS.map(|row| row.name).join(", ");
            row.map(|row| row.fault)
                .ok_or_else(|| format!("no fault '{name}'; there are: {}", names()))
        };
        list.split(',').map(find).collect()
    }
}

/// The schedule: an endless row of pauses and faults.
#[derive(Debug)]
pub struct Plan {
    dice: Dice,
    faults: Vec<Fault>,
}

impl Plan {
    /// The schedule of this seed, made of these faults.
    pub fn new(seed: u64, faults: Vec<Fault>) -> Plan {
        let dice = Dice::new(seed, u64::MAX);
        Plan { dice, faults }
    }

    /// What comes next, and how long before it.
    pub fn next_fault(&mut self) -> (Duration, Fault) {
        let pause = Duration::from_millis(self.dice.between(80, 400));
        let weights: u64 = self.faults.iter().map(|fault| fault.row().weight).sum();
        let mut drawn = self.dice.draw() % weights.max(1);
        for fault in &self.faults {
            match drawn.checked_sub(fault.row().weight) {
                Some(rest) => drawn = rest,
                None => return (pause, *fault),
            }
        }
        (pause, Fault::Kill) // with an empty list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_schedule_and_every_fault_comes() {
        let draw = |seed| {
            let mut plan = Plan::new(seed, Fault::all());
            (0..500).map(|_| plan.next_fault()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let came = draw(7);
        for fault in Fault::all() {
            assert!(came.iter().any(|(_, is)| *is == fault), "{}", fault.name());
            assert_eq!(fault.row().fault, fault);
        }
        assert!(
            came.iter()
                .all(|(pause, _)| (80..=400).contains(&pause.as_millis()))
        );
    }

    #[test]
    fn names_are_read_and_unknown_ones_refused() {
        assert_eq!(
            Fault::parse("kill,spin"),
            Ok(vec![Fault::Kill, Fault::Spin])
        );
        assert!(Fault::parse("kill,kil").is_err());
    }
}

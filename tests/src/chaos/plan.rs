//! Which fault comes when: a seeded schedule.

use std::time::Duration;

use super::dice::Dice;

/// What is done to a process of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// SIGKILL to any worker.
    Kill,
    /// SIGKILL to a worker in the middle of a callback.
    KillAtWork,
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
}

struct Row {
    fault: Fault,
    name: &'static str,
    weight: u64,
    /// The order to the worker; `None`: it is a signal.
    order: Option<&'static str>,
}

const fn row(fault: Fault, name: &'static str, weight: u64, order: Option<&'static str>) -> Row {
    Row {
        fault,
        name,
        weight,
        order,
    }
}

/// All there is. Faults of task workers get rows of their own here (`task-kill`, `task-throw`, ...), a way to
/// reach their pids in [`super::subject::Subject::workers`], and orders in the two server programs.
const ROWS: [Row; 13] = [
    row(Fault::Kill, "kill", 8, None),
    row(Fault::KillAtWork, "kill-at-work", 4, Some("!sleep 300")),
    row(Fault::Term, "term", 3, None),
    row(Fault::ReloadSignal, "reload-signal", 2, None),
    row(Fault::ReloadCall, "reload-call", 1, Some("!reload")),
    row(Fault::StopCall, "stop-call", 2, Some("!stop")),
    row(Fault::Throw, "throw", 2, Some("!throw")),
    row(Fault::Exit, "exit", 2, Some("!exit")),
    row(Fault::Segfault, "segfault", 2, Some("!segfault")),
    row(Fault::Memory, "memory", 2, Some("!memory")),
    row(Fault::Freeze, "freeze", 3, None),
    row(Fault::Block, "block", 2, Some("!sleep 60000")),
    row(Fault::Spin, "spin", 1, Some("!spin")),
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

    /// The order that makes a worker do it to itself.
    pub fn order(self) -> Option<&'static str> {
        self.row().order
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
        let pause = Duration::from_millis(self.dice.between(100, 500));
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
                .all(|(pause, _)| (100..=500).contains(&pause.as_millis()))
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

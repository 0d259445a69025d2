//! A process, its descendants, and the CPU they used.
//!
//! Who belongs to the tree comes from `/proc/<pid>/stat`. The CPU time comes from each process's
//! CPU clock instead of its utime + stime or schedstat: those count in 10 ms steps or lag by up to
//! one tick for a thread that is running, and schedstat forgets threads that have ended. The clock
//! is the same sum of all threads, user and system, in nanoseconds.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::time::ClockId;
use nix::unistd::Pid;

/// A pid alone may be given to somebody else; with its start time it cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    start: u64,
}

impl Process {
    /// Still runs; a zombie does not.
    pub(crate) fn alive(self) -> bool {
        Stat::read(self.pid).is_some_and(|s| s.process == self && !s.dead)
    }

    fn cpu(self) -> Result<Option<Duration>> {
        let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(self.pid));
        match clock.and_then(|clock| clock.now()) {
            Ok(spent) => Ok(Some(Duration::from(spent))),
            Err(Errno::ESRCH | Errno::EINVAL) => Ok(None), // ended a moment ago
            Err(e) => Err(e).with_context(|| format!("CPU clock of process {}", self.pid)),
        }
    }
}

struct Stat {
    process: Process,
    parent: i32,
    dead: bool,
}

impl Stat {
    fn read(pid: i32) -> Option<Self> {
        Self::parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(pid: i32, line: &str) -> Option<Self> {
        // The name in parentheses may contain anything, parentheses and spaces included.
        let fields: Vec<&str> = line[line.rfind(')')? + 1..].split_whitespace().collect();
        Some(Self {
            process: Process {
                pid,
                start: fields.get(19)?.parse().ok()?,
            },
            parent: fields.get(1)?.parse().ok()?,
            dead: matches!(*fields.first()?, "Z" | "X"),
        })
    }
}

/// The live processes of the tree, the root first. Empty when the root is gone.
pub(crate) fn tree(root: i32) -> Result<Vec<Process>> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc").context("cannot list /proc")? {
        let name = entry.context("cannot list /proc")?.file_name();
        let pid = name.to_str().and_then(|n| n.parse().ok());
        all.extend(pid.and_then(Stat::read).filter(|s| !s.dead));
    }
    let mut members: Vec<Process> = all
        .iter()
        .map(|s| s.process)
        .filter(|p| p.pid == root)
        .collect();
    let mut next = 0;
    while next < members.len() {
        let parent = members[next].pid;
        members.extend(all.iter().filter(|s| s.parent == parent).map(|s| s.process));
        next += 1;
    }
    Ok(members)
}

/// What a tree had used at one moment.
pub(crate) struct CpuMark(HashMap<Process, Duration>);

/// What it used between two moments.
pub(crate) struct CpuSpent {
    pub(crate) cpu: Duration,
    pub(crate) processes: usize,
    /// Somebody died in between, and what they used meanwhile is not in the sum.
    pub(crate) lost: bool,
}

impl CpuMark {
    pub(crate) fn take(root: i32) -> Result<Self> {
        let members = tree(root)?;
        anyhow::ensure!(!members.is_empty(), "no process {root} to watch");
        let mut spent = HashMap::with_capacity(members.len());
        for process in members {
            if let Some(cpu) = process.cpu()? {
                spent.insert(process, cpu);
            }
        }
        Ok(Self(spent))
    }

    pub(crate) fn until(&self, later: &Self) -> CpuSpent {
        let before = |p| self.0.get(p).copied().unwrap_or_default(); // born in between: all of it
        CpuSpent {
            cpu: later
                .0
                .iter()
                .map(|(p, cpu)| cpu.saturating_sub(before(p)))
                .sum(),
            processes: later.0.len(),
            lost: self.0.keys().any(|p| !later.0.contains_key(p)),
        }
    }
}

/// What this very process has used.
pub(crate) fn own_cpu() -> Result<Duration> {
    let clock = ClockId::CLOCK_PROCESS_CPUTIME_ID;
    Ok(clock.now().context("own CPU clock")?.into())
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_name_of_a_process_may_look_like_fields() {
        let line = "7 (a) R 1 (b) S 3 7 7 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 99 0 0";
        let stat = Stat::parse(7, line).unwrap();
        assert_eq!((stat.parent, stat.process.start, stat.dead), (3, 99, false));
    }

    #[test]
    fn a_child_belongs_to_the_tree_until_it_ends() {
        let me = std::process::id() as i32;
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = tree(child.id() as i32).unwrap()[0];
        assert!(tree(me).unwrap().contains(&process));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!process.alive());
        assert!(!tree(me).unwrap().contains(&process));
    }

    #[test]
    fn the_clock_agrees_with_schedstat() {
        let me = std::process::id() as i32;
        let before = CpuMark::take(me).unwrap();
        let until = Instant::now() + Duration::from_millis(100);
        while Instant::now() < until {}
        let spent = before.until(&CpuMark::take(me).unwrap()).cpu;
        let total = tree(me).unwrap()[0].cpu().unwrap().unwrap();
        let schedstat: u64 = fs::read_dir("/proc/self/task")
            .unwrap()
            .map(|t| fs::read_to_string(t.unwrap().path().join("schedstat")).unwrap())
            .map(|s| s.split(' ').next().unwrap().parse::<u64>().unwrap())
            .sum();
        // Other tests run on other threads meanwhile, and schedstat lags by a tick each.
        assert!(spent >= Duration::from_millis(30), "{spent:?}");
        assert!(total + Duration::from_millis(50) >= Duration::from_nanos(schedstat));
    }
}

//! The CPU of everybody during a measurement.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::cases::Sample;
use crate::figure::Figure;
use crate::host::MachineCpu;
use crate::proc_tree::{self, CpuMark};

/// The marks taken at the start.
pub(crate) struct Watch {
    root: Option<i32>,
    tree: Option<CpuMark>,
    machine: MachineCpu,
    own: Duration,
    start: Instant,
}

/// What was used since.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// How long it took.
    pub elapsed: Duration,
    /// CPU of this process.
    pub driver: Duration,
    /// CPU of the server, if its pid was given.
    pub server: Option<ServerCpu>,
    /// CPU of everybody else on the machine, and taken by its hypervisor: a measurement during
    /// which this is not small says little.
    pub foreign: Duration,
}

/// CPU of a process tree.
#[derive(Clone, Copy, Debug)]
pub struct ServerCpu {
    /// All processes, user and system time.
    pub cpu: Duration,
    /// How many processes.
    pub processes: usize,
    /// A process died meanwhile; what it used is missing.
    pub lost: bool,
}

impl Watch {
    /// `root` is the server's; what comes before the return is not watched.
    pub(crate) fn begin(root: Option<i32>) -> Result<Self> {
        Ok(Self {
            root,
            tree: root.map(CpuMark::take).transpose()?,
            machine: MachineCpu::now()?,
            own: proc_tree::own_cpu()?,
            start: Instant::now(),
        })
    }

    pub(crate) fn end(self) -> Result<Spent> {
        let elapsed = self.start.elapsed();
        let driver = proc_tree::own_cpu()? - self.own;
        let machine = self.machine.until(MachineCpu::now()?);
        let tree = self.root.map(CpuMark::take).transpose()?;
        let server = self.tree.zip(tree).map(|(before, after)| {
            let spent = before.until(&after);
            ServerCpu {
                cpu: spent.cpu,
                processes: spent.processes,
                lost: spent.lost,
            }
        });
        let ours = driver + server.map_or(Duration::ZERO, |s| s.cpu);
        Ok(Spent {
            elapsed,
            driver,
            server,
            foreign: machine.busy.saturating_sub(ours) + machine.stolen,
        })
    }
}

impl Spent {
    /// Share of one core.
    pub fn of_a_core(&self, cpu: Duration) -> f64 {
        cpu.as_secs_f64() / self.elapsed.as_secs_f64()
    }

    /// The server's time for each of so many things, in microseconds, and who else was busy.
    pub(crate) fn sample(&self, each: Figure, things: f64) -> Result<Sample> {
        let server = self.server.as_ref();
        let server = server.ok_or_else(|| anyhow::anyhow!("the server's CPU was not measured"))?;
        anyhow::ensure!(!server.lost, "a process of the server died under load");
        Ok(Sample::from([
            (each, server.cpu.as_secs_f64() * 1e6 / things),
            (Figure::ServerCores, self.of_a_core(server.cpu)),
            (Figure::DriverCores, self.of_a_core(self.driver)),
            (Figure::OtherCores, self.of_a_core(self.foreign)),
        ]))
    }
}

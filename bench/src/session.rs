//! A whole run: every case, its sides in turn, round after round.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::cases::{Case, Figure, Kind, Sample, Shape, Side};
use crate::driver::{self, Load, Window};
use crate::server::{Program, Server};
use crate::site::Site;
use crate::{cores, idle, lane};

/// Others that use more than this share of a core disturb a measurement.
const NOISY: f64 = 0.10;

/// How long and how often.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Measurements per side.
    pub rounds: usize,
    /// Length of each.
    pub window: Duration,
    /// Load before each.
    pub warmup: Duration,
    /// Length of the idle case's measurements.
    pub idle: Duration,
    /// Fewer idle connections than the case says; for a quick look.
    pub idle_connections: Option<usize>,
    /// Where the programs are.
    pub site: Site,
}

/// What became of a case.
pub struct Outcome {
    pub(crate) case: Case,
    /// In the order of the case's sides.
    pub(crate) runs: Vec<Run>,
    /// Rounds that were disturbed and had to be kept.
    pub(crate) disturbed: usize,
    pub(crate) notes: Vec<String>,
}

pub(crate) enum Run {
    /// One sample per round.
    Measured(Vec<Sample>),
    /// Has not been built.
    Skipped(String),
    Failed(String),
}

impl Outcome {
    /// A server that was there could not be started or did not echo.
    pub fn failed(&self) -> bool {
        self.runs.iter().any(|run| matches!(run, Run::Failed(_)))
    }
}

/// Measures the cases one after the other. Progress goes to stderr.
pub fn run(settings: &Settings, cases: Vec<Case>) -> Result<Vec<Outcome>> {
    settings.site.build_bare_loop()?;
    Ok(cases
        .into_iter()
        .map(|case| measure(settings, case))
        .collect())
}

fn measure(settings: &Settings, case: Case) -> Outcome {
    eprintln!("{}: {}", case.key, case.title);
    let mut notes = Vec::new();
    let mut runs: Vec<Run> = case
        .sides
        .iter()
        .map(|(side, _)| plan(settings, *side))
        .collect();
    let mut spare = settings.rounds;
    let mut disturbed = 0;
    let mut round = 1;
    while round <= settings.rounds {
        let laps = lap(settings, &case, &mut runs, round);
        // A bad ending is worth telling even if the round does not count.
        for ((side, _), lap) in case.sides.iter().zip(&laps) {
            let place = format!("{}, {}, round {round}", case.key, side.name());
            let said = lap.iter().flat_map(|lap| &lap.notes);
            notes.extend(said.map(|n| format!("{place}: {n}")));
        }
        let disturbances = disturbances(&laps);
        if !disturbances.is_empty() && spare > 0 {
            spare -= 1;
            eprintln!(
                "  {round}/{} again: {}",
                settings.rounds,
                disturbances.join("; ")
            );
            continue;
        }
        disturbed += usize::from(!disturbances.is_empty());
        notes.extend(
            disturbances
                .into_iter()
                .map(|d| format!("{}, round {round}: {d}", case.key)),
        );
        for (run, lap) in runs.iter_mut().zip(laps) {
            if let (Run::Measured(samples), Some(lap)) = (run, lap) {
                samples.push(lap.sample);
            }
        }
        round += 1;
    }
    let again = settings.rounds - spare;
    if again > 0 {
        notes.push(format!(
            "{}: {again} disturbed rounds were measured again",
            case.key
        ));
    }
    Outcome {
        case,
        runs,
        disturbed,
        notes,
    }
}

fn plan(settings: &Settings, side: Side) -> Run {
    match settings.site.program(side) {
        Ok(_) => Run::Measured(Vec::new()),
        Err(why) => {
            eprintln!("  {}: skipped: {why}", side.name());
            Run::Skipped(why)
        }
    }
}

/// One side measured once.
struct Lap {
    sample: Sample,
    /// Between the CPUs, before and after; none if they do not matter.
    distances: Vec<f64>,
    notes: Vec<String>,
}

impl Lap {
    fn of(sample: Sample) -> Self {
        Self {
            sample,
            distances: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// For what depends on where the CPUs are.
    fn at_distance(measure: impl FnOnce() -> Result<Sample>) -> Result<Self> {
        let before = cores::distance();
        let mut lap = Self::of(measure()?);
        lap.distances
            .extend(before.into_iter().chain(cores::distance()));
        let worst = lap.distances.iter().copied().reduce(f64::max);
        lap.sample
            .extend(worst.map(|ns| (Figure::CoreDistance, ns)));
        Ok(lap)
    }
}

/// Every side once; `None` for those that take no part. A failure ends a side's part.
fn lap(settings: &Settings, case: &Case, runs: &mut [Run], round: usize) -> Vec<Option<Lap>> {
    let sides = case.sides.iter().zip(runs);
    let once = sides.map(|((side, _), run)| {
        let Run::Measured(_) = run else { return None };
        match once(settings, case.kind, *side) {
            Ok(lap) => {
                eprintln!(
                    "  {round}/{} {}: {}",
                    settings.rounds,
                    side.name(),
                    brief(&lap.sample)
                );
                Some(lap)
            }
            Err(e) => {
                eprintln!(
                    "  {round}/{} {}: FAILED: {e:#}",
                    settings.rounds,
                    side.name()
                );
                *run = Run::Failed(format!("round {round}: {e:#}"));
                None
            }
        }
    });
    once.collect()
}

/// Why the sides of a round cannot be compared.
fn disturbances(laps: &[Option<Lap>]) -> Vec<String> {
    let mut all = Vec::new();
    let laps = || laps.iter().flatten();
    let others = laps()
        .filter_map(|lap| lap.sample.get(&Figure::OtherCores))
        .copied();
    let worst = others.fold(0.0, f64::max);
    if worst > NOISY {
        all.push(format!("others used {worst:.2} of a core"));
    }
    if !cores::same(laps().flat_map(|lap| lap.distances.iter().copied())) {
        all.push("the distance between the CPUs changed".to_string());
    }
    all
}

fn once(settings: &Settings, kind: Kind, side: Side) -> Result<Lap> {
    let program = settings.site.program(side).map_err(anyhow::Error::msg)?;
    let fewer = |connections| {
        settings
            .idle_connections
            .unwrap_or(usize::MAX)
            .min(connections)
    };
    let mut lap = match kind {
        Kind::Lane => Lap::at_distance(|| lane::run(&program))?,
        Kind::Echo(shape) => served(&program, |server| {
            Lap::at_distance(|| echo(settings, server, shape))
        })?,
        Kind::Idle { connections } => served(&program, |server| {
            idle::cpu(server, fewer(connections), settings.idle).map(Lap::of)
        })?,
        Kind::Memory { connections } => served(&program, |server| {
            idle::memory(server, fewer(connections)).map(Lap::of)
        })?,
    };
    if let (Kind::Memory { .. }, Side::Php { .. }) = (kind, side) {
        subtract_php(&settings.site, &mut lap.sample)?;
    }
    Ok(lap)
}

fn served(program: &Program, measure: impl FnOnce(&Server) -> Result<Lap>) -> Result<Lap> {
    let mut server = Server::start(program)?;
    let measured = measure(&server);
    let mut lap = measured.map_err(|e| e.context(server.condition()))?;
    lap.notes.extend(server.stop()?);
    Ok(lap)
}

fn echo(settings: &Settings, server: &Server, shape: Shape) -> Result<Sample> {
    let m = driver::run(&Load {
        addr: server.addr(),
        connections: shape.connections,
        size: shape.size,
        depth: 1,
        warmup: settings.warmup,
        window: Window::Time(settings.window),
        pid: Some(server.pid()),
    })?;
    let cpu = m.server.context("the CPU of the server was not measured")?;
    ensure!(!cpu.lost, "a process of the server died under load");
    Ok(Sample::from([
        (Figure::Rate, m.rate()),
        (Figure::Megabytes, m.megabytes()),
        (Figure::CpuPerRequest, m.per_request(cpu.cpu)),
        (Figure::P50, m.latency.p50),
        (Figure::P99, m.latency.p99),
        (Figure::P999, m.latency.p999),
        (Figure::Slowest, m.latency.max),
        (Figure::DriverCores, m.of_a_core(m.driver_cpu)),
        (Figure::OtherCores, m.of_a_core(m.foreign_cpu)),
    ]))
}

/// The target is about what a master adds to PHP. The interpreter alone is the strict reading; the
/// same with the extension loaded tells the engine's data from its code.
fn subtract_php(site: &Site, sample: &mut Sample) -> Result<()> {
    let at_start = sample
        .get(&Figure::MasterAtStart)
        .copied()
        .unwrap_or_default();
    for (figure, extension) in [(Figure::BeyondPhp, false), (Figure::BeyondExtension, true)] {
        let program = site.sleeping_php(extension).map_err(anyhow::Error::msg)?;
        sample.insert(figure, at_start - idle::sleeping(&program)?);
    }
    Ok(())
}

fn brief(sample: &Sample) -> String {
    let figures = sample.iter().take(6);
    let shown: Vec<String> = figures
        .map(|(f, v)| format!("{} {}", f.show(*v), f.name()))
        .collect();
    shown.join(", ")
}

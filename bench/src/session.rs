//! A whole run: every case, its sides in turn, round after round.

use std::time::Duration;

use anyhow::Result;

use crate::cases::{Case, Kind, Sample, Side};
use crate::cores;
use crate::figure::Figure;
use crate::lap::{self, Lap};
use crate::server::Lacking;
use crate::site::Site;

/// Others that use more than this share of a core disturb a measurement.
const NOISY: f64 = 0.10;

/// How long and how often.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Measurements per side.
    pub rounds: usize,
    /// How many disturbed ones per case are made again.
    pub retries: usize,
    /// Length of each.
    pub window: Duration,
    /// Load before each.
    pub warmup: Duration,
    /// Length of the idle case's measurements.
    pub idle: Duration,
    /// Fewer idle connections than the case says; for a quick look.
    pub idle_connections: Option<usize>,
    /// Fewer bytes in bulk than the case says; likewise.
    pub bulk_bytes: Option<u64>,
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
    /// Has not been built, or cannot do it yet.
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
pub fn run(settings: &Settings, mut cases: Vec<Case>) -> Result<Vec<Outcome>> {
    cases.iter_mut().for_each(|case| settings.reduce(case));
    settings.site.prepare(&cases)?;
    Ok(cases
        .into_iter()
        .map(|case| measure(settings, case))
        .collect())
}

impl Settings {
    fn reduce(&self, case: &mut Case) {
        match &mut case.kind {
            Kind::Idle { connections } | Kind::Memory { connections } => {
                *connections = (*connections).min(self.idle_connections.unwrap_or(usize::MAX));
            }
            Kind::Bulk { bytes } => *bytes = (*bytes).min(self.bulk_bytes.unwrap_or(u64::MAX)),
            Kind::Echo(_)
            | Kind::Datagrams { .. }
            | Kind::Rescue { .. }
            | Kind::Lane
            | Kind::Errands(_)
            | Kind::Table(_) => {}
        }
    }
}

fn measure(settings: &Settings, case: Case) -> Outcome {
    eprintln!("{}: {}", case.key, case.title);
    let mut notes = Vec::new();
    let mut runs: Vec<Run> = case
        .sides
        .iter()
        .map(|(side, _)| plan(settings, *side))
        .collect();
    let mut spare = settings.retries;
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
    let again = settings.retries - spare;
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

/// Every side once; `None` for those that take no part. A failure ends a side's part.
fn lap(settings: &Settings, case: &Case, runs: &mut [Run], round: usize) -> Vec<Option<Lap>> {
    let sides = case.sides.iter().zip(runs);
    let once = sides.map(|((side, _), run)| {
        let Run::Measured(_) = run else { return None };
        match lap::once(settings, case.kind, *side) {
            Ok(lap) => {
                eprintln!(
                    "  {round}/{} {}: {}",
                    settings.rounds,
                    side.name(),
                    brief(&lap.sample)
                );
                Some(lap)
            }
            Err(e) if e.is::<Lacking>() => {
                eprintln!("  {}: skipped: {e}", side.name());
                *run = Run::Skipped(e.to_string());
                None
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

fn brief(sample: &Sample) -> String {
    let figures = sample.iter().take(6);
    let shown: Vec<String> = figures
        .map(|(f, v)| format!("{} {}", f.show(*v), f.name()))
        .collect();
    shown.join(", ")
}

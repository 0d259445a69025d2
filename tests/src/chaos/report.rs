//! The figures of a run, as a table for people.

use std::collections::BTreeMap;
use std::fmt;

/// What a run has shown.
#[derive(Debug, Default)]
pub struct Report {
    /// How to repeat it.
    pub title: String,
    /// Faults by kind.
    pub faults: BTreeMap<String, u64>,
    /// Deaths of processes by fault and exit.
    pub deaths: BTreeMap<String, u64>,
    /// Closed connections by reason.
    pub reasons: BTreeMap<String, u64>,
    /// Errands that took more than one callback, by kind and end.
    pub errands: BTreeMap<String, u64>,
    /// Everything else, in order.
    pub figures: Vec<(&'static str, String)>,
    /// Microseconds per request, sorted.
    pub latencies: Vec<u32>,
    /// What must not be; nothing, if the run passed.
    pub wrong: Vec<String>,
}

impl Report {
    /// Add a figure.
    pub fn figure(&mut self, name: &'static str, value: impl fmt::Display) {
        self.figures.push((name, value.to_string()));
    }

    fn percentile(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.latencies
            .get(at)
            .map_or(0.0, |us| f64::from(*us) / 1000.0)
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, rows: &BTreeMap<String, u64>) -> fmt::Result {
    let total: u64 = rows.values().sum();
    writeln!(f, "  {title:<44}{total:>10}")?;
    rows.iter()
        .try_for_each(|(name, count)| writeln!(f, "    {name:<42}{count:>10}"))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "chaos: {}", self.title)?;
        section(f, "faults", &self.faults)?;
        section(f, "deaths", &self.deaths)?;
        section(f, "connections closed, with reason", &self.reasons)?;
        section(f, "errands with an answer", &self.errands)?;
        for (name, value) in &self.figures {
            writeln!(f, "  {name:<44}{value:>10}")?;
        }
        let [half, most, max] = [0.5, 0.99, 1.0].map(|share| self.percentile(share));
        writeln!(
            f,
            "  latency, ms: p50 {half:.2}, p99 {most:.2}, max {max:.2}"
        )?;
        for wrong in self.wrong.iter().take(30) {
            writeln!(f, "  WRONG: {wrong}")?;
        }
        match self.wrong.len() {
            0 => write!(f, "  passed"),
            count => write!(f, "  FAILED: {count} things are wrong"),
        }
    }
}

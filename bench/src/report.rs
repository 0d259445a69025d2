//! The report, as Markdown.

use std::fmt::Write;

use crate::cases::{Bound, Case, Kind, Sample, Side, Target};
use crate::figure::Figure;
use crate::host;
use crate::session::{Outcome, Run, Settings};
use crate::verdict;

/// A table of ratios, and one of the figures behind them.
struct Comparison {
    title: &'static str,
    of: fn(Kind) -> bool,
    ratios: &'static [Figure],
    /// Shown as they are, of the limit and of the candidate.
    plain: &'static [Figure],
    raw: &'static [Figure],
}

const COMPARISONS: [Comparison; 4] = [
    Comparison {
        title: "Echo",
        of: |kind| matches!(kind, Kind::Echo(_) | Kind::Datagrams { .. }),
        ratios: &[Figure::Rate, Figure::CpuPerRequest, Figure::P50],
        plain: &[Figure::P50, Figure::P99],
        raw: &[
            Figure::Rate,
            Figure::Megabytes,
            Figure::CpuPerRequest,
            Figure::P50,
            Figure::P99,
            Figure::P999,
            Figure::Slowest,
            Figure::Lost,
            Figure::ServerCores,
            Figure::DriverCores,
            Figure::OtherCores,
            Figure::CoreDistance,
        ],
    },
    Comparison {
        title: "Tasks and messages (round trips between a worker and a task worker)",
        of: |kind| matches!(kind, Kind::Errands(_)),
        ratios: &[Figure::Rate],
        plain: &[Figure::Rate],
        raw: &[
            Figure::Rate,
            Figure::Megabytes,
            Figure::CpuPerRequest,
            Figure::ServerCores,
            Figure::OtherCores,
            Figure::CoreDistance,
        ],
    },
    Comparison {
        title: "Bulk",
        of: |kind| matches!(kind, Kind::Bulk { .. }),
        ratios: &[Figure::Megabytes, Figure::CpuPerMegabyte],
        plain: &[Figure::Megabytes],
        raw: &[
            Figure::Megabytes,
            Figure::CpuPerMegabyte,
            Figure::ServerCores,
            Figure::DriverCores,
            Figure::OtherCores,
            Figure::CoreDistance,
        ],
    },
    Comparison {
        title: "Tables (operations per second of CPU time)",
        of: |kind| matches!(kind, Kind::Table(_)),
        ratios: &[Figure::Rate],
        plain: &[Figure::Rate],
        raw: &[Figure::Rate, Figure::CpuPerRequest, Figure::OtherCores],
    },
];

/// The whole text.
pub fn write(settings: &Settings, outcomes: &[Outcome]) -> String {
    let mut text = String::from("# skep against bare loops\n\n");
    for (what, value) in host::describe(&settings.site.root) {
        line(&mut text, &format!("* {what}: {value}"));
    }
    let enough = if settings.rounds < 5 {
        " (too few to quote)"
    } else {
        ""
    };
    line(
        &mut text,
        &format!(
            "* {} rounds{enough} of {:?} after {:?} of warm-up; the servers of a case in turn, each started anew\n\n\
             Figures are medians with (least..greatest) of the rounds; ratios are taken within each round.\n\
             A disturbed round is measured again, up to {} times per case: others used more than a tenth of a\n\
             core, or the hypervisor moved the CPUs nearer together or apart (see core to core: the time a\n\
             cache line takes from one to the other and back; every echo pays it several times).",
            settings.rounds, settings.window, settings.warmup, settings.retries
        ),
    );
    if let Some((most, bytes)) = settings.idle_connections.zip(settings.bulk_bytes) {
        let mib = bytes >> 20;
        line(
            &mut text,
            &format!("\nQuick: at most {most} idle connections, at most {mib} MiB in bulk."),
        );
    }
    for comparison in &COMPARISONS {
        ratios(&mut text, comparison, outcomes);
    }
    resources(&mut text, outcomes);
    for comparison in &COMPARISONS {
        raw(&mut text, comparison, outcomes);
    }
    notes(&mut text, outcomes);
    text
}

fn ratios(text: &mut String, comparison: &Comparison, outcomes: &[Outcome]) {
    let rows = rows(outcomes, comparison.of).filter(|row| !row.is_limit);
    let ratio = comparison.ratios.iter();
    let ratio = ratio.map(|f| format!("{}, ratio", f.name()));
    let plain = slashed(comparison.plain, |f| f.name().to_string());
    let mut head: Vec<String> = ["case", "server", "target"].map(String::from).into();
    head.extend(ratio);
    head.extend([format!("{plain}, limit"), plain, "verdict".to_string()]);
    table(
        text,
        comparison.title,
        &head,
        rows.map(|row| {
            let mut cells = row.head();
            let Run::Measured(samples) = row.run else {
                return row.without_figures(cells, comparison.ratios.len() + 2);
            };
            for figure in comparison.ratios {
                let ratio = row
                    .limit()
                    .and_then(|limit| verdict::ratio(samples, limit, *figure));
                cells.push(ratio.map_or("–".into(), |r| r.show(|v| format!("{v:.3}"))));
            }
            for side in [row.limit(), Some(samples)] {
                cells.push(slashed(comparison.plain, |f| {
                    let spread = side.and_then(|samples| verdict::spread(samples, f));
                    spread.map_or("–".into(), |s| f.show(s.median))
                }));
            }
            cells.push(row.verdict(samples, row.limit()));
            cells
        }),
    );
}

fn slashed(figures: &[Figure], show: impl Fn(Figure) -> String) -> String {
    let all: Vec<String> = figures.iter().map(|f| show(*f)).collect();
    all.join(" / ")
}

fn resources(text: &mut String, outcomes: &[Outcome]) {
    table(
        text,
        "Blocked worker, idle, memory, lane",
        &["case", "server", "target", "measured", "verdict"].map(String::from),
        rows(outcomes, |kind| !COMPARISONS.iter().any(|c| (c.of)(kind))).map(|row| {
            let mut cells = row.head();
            let Run::Measured(samples) = row.run else {
                return row.without_figures(cells, 1);
            };
            let figures = samples.first().into_iter().flat_map(|s| s.keys());
            let shown = figures.filter_map(|f| {
                let spread = verdict::spread(samples, *f)?;
                Some(format!("{}: {}", f.name(), spread.show(|v| f.show(v))))
            });
            cells.push(shown.collect::<Vec<_>>().join("<br>"));
            cells.push(row.verdict(samples, None));
            cells
        }),
    );
}

fn raw(text: &mut String, comparison: &Comparison, outcomes: &[Outcome]) {
    let names = comparison.raw.iter().map(|f| f.name());
    let head: Vec<String> = ["case", "server"]
        .into_iter()
        .chain(names)
        .map(String::from)
        .collect();
    let measured = rows(outcomes, comparison.of).filter_map(|row| match row.run {
        Run::Measured(samples) => Some((row, samples)),
        _ => None,
    });
    table(
        text,
        &format!("{}, figures behind the ratios", comparison.title),
        &head,
        measured.map(|(row, samples)| {
            let mut cells = vec![row.case.key.to_string(), row.side.name()];
            cells.extend(comparison.raw.iter().map(|f| {
                let spread = verdict::spread(samples, *f);
                spread.map_or("–".into(), |s| s.show(|v| f.show(v)))
            }));
            cells
        }),
    );
}

fn notes(text: &mut String, outcomes: &[Outcome]) {
    let mut all = outcomes.iter().flat_map(|o| &o.notes).peekable();
    if all.peek().is_some() {
        line(text, "\n## Notes\n");
        all.for_each(|note| line(text, &format!("* {note}")));
    }
}

/// One side of one case.
struct Row<'a> {
    case: &'a Case,
    side: Side,
    targets: &'a [Target],
    run: &'a Run,
    first: &'a Run,
    is_limit: bool,
    disturbed: usize,
}

impl<'a> Row<'a> {
    fn head(&self) -> Vec<String> {
        let relative =
            |t: &Target| matches!(t.bound, Bound::AtLeastTimes(_) | Bound::AtMostTimes(_));
        let mut target = verdict::describe(self.targets);
        if self.targets.iter().any(relative) {
            let _ = write!(target, " {}", self.case.sides[0].0.name()); // to a String: cannot fail
        }
        vec![self.case.title.to_string(), self.side.name(), target]
    }

    /// What the ratios refer to, if it was measured.
    fn limit(&self) -> Option<&'a [Sample]> {
        match self.first {
            Run::Measured(samples) => Some(samples),
            _ => None,
        }
    }

    fn verdict(&self, samples: &[Sample], limit: Option<&[Sample]>) -> String {
        let verdict = verdict::judge(self.targets, samples, limit);
        match self.disturbed {
            0 => verdict,
            n => format!("{verdict}; but {n} of {} rounds disturbed", samples.len()),
        }
    }

    fn without_figures(&self, mut cells: Vec<String>, dashes: usize) -> Vec<String> {
        cells.extend(std::iter::repeat_n("–".to_string(), dashes));
        cells.push(match self.run {
            Run::Skipped(why) => format!("skipped: {why}"),
            Run::Failed(why) => format!("**failed**: {}", why.replace('|', "\\|")),
            Run::Measured(_) => String::new(),
        });
        cells
    }
}

fn rows(outcomes: &[Outcome], of: impl Fn(Kind) -> bool) -> impl Iterator<Item = Row<'_>> {
    let wanted = outcomes.iter().filter(move |o| of(o.case.kind));
    wanted.flat_map(|o| {
        let sides = o.case.sides.iter().zip(&o.runs).enumerate();
        sides.map(|(n, ((side, targets), run))| Row {
            case: &o.case,
            side: *side,
            targets,
            run,
            first: &o.runs[0],
            is_limit: n == 0,
            disturbed: o.disturbed,
        })
    })
}

fn table(text: &mut String, title: &str, head: &[String], rows: impl Iterator<Item = Vec<String>>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    line(text, &format!("\n## {title}\n"));
    line(text, &format!("| {} |", head.join(" | ")));
    line(text, &format!("|{}", "---|".repeat(head.len())));
    rows.for_each(|cells| line(text, &format!("| {} |", cells.join(" | "))));
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

//! The report, as Markdown.

use std::fmt::Write;

use crate::cases::{Bound, Case, Figure, Kind, Sample, Side, Target};
use crate::host;
use crate::session::{Outcome, Run, Settings};
use crate::verdict;

const RAW: [Figure; 10] = [
    Figure::Rate,
    Figure::Megabytes,
    Figure::CpuPerRequest,
    Figure::P50,
    Figure::P99,
    Figure::P999,
    Figure::Slowest,
    Figure::DriverCores,
    Figure::OtherCores,
    Figure::CoreDistance,
];

/// The whole text.
pub fn write(settings: &Settings, outcomes: &[Outcome]) -> String {
    let mut text = String::from("# skep against a bare epoll loop\n\n");
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
            settings.rounds, settings.window, settings.warmup, settings.rounds
        ),
    );
    if let Some(most) = settings.idle_connections {
        line(
            &mut text,
            &format!("\nQuick: at most {most} idle connections."),
        );
    }
    ratios(&mut text, outcomes);
    resources(&mut text, outcomes);
    raw(&mut text, outcomes);
    notes(&mut text, outcomes);
    text
}

fn ratios(text: &mut String, outcomes: &[Outcome]) {
    let rows = rows(outcomes, true).filter(|row| !row.is_limit);
    table(
        text,
        "Echo",
        &[
            "case",
            "server",
            "target",
            "req/s, ratio",
            "CPU/request, ratio",
            "p50, ratio",
            "p50 / p99 µs, limit",
            "p50 / p99 µs",
            "verdict",
        ],
        rows.map(|row| {
            let mut cells = row.head();
            let Run::Measured(samples) = row.run else {
                return row.without_figures(cells, 5);
            };
            for figure in [Figure::Rate, Figure::CpuPerRequest, Figure::P50] {
                let ratio = row
                    .limit()
                    .and_then(|limit| verdict::ratio(samples, limit, figure));
                cells.push(ratio.map_or("–".into(), |r| r.show(|v| format!("{v:.3}"))));
            }
            for side in [row.limit(), Some(samples)] {
                let median = |f: Figure| {
                    let spread = side.and_then(|samples| verdict::spread(samples, f));
                    spread.map_or("–".into(), |s| f.show(s.median))
                };
                cells.push(format!("{} / {}", median(Figure::P50), median(Figure::P99)));
            }
            cells.push(row.verdict(samples, row.limit()));
            cells
        }),
    );
}

fn resources(text: &mut String, outcomes: &[Outcome]) {
    table(
        text,
        "Idle, memory, lane",
        &["case", "server", "target", "measured", "verdict"],
        rows(outcomes, false).map(|row| {
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

fn raw(text: &mut String, outcomes: &[Outcome]) {
    let head: Vec<&str> = ["case", "server"]
        .into_iter()
        .chain(RAW.map(Figure::name))
        .collect();
    let measured = rows(outcomes, true).filter_map(|row| match row.run {
        Run::Measured(samples) => Some((row, samples)),
        _ => None,
    });
    table(
        text,
        "Echo, figures behind the ratios",
        &head,
        measured.map(|(row, samples)| {
            let mut cells = vec![row.case.key.to_string(), row.side.name()];
            cells.extend(RAW.map(|f| {
                let spread = verdict::spread(samples, f);
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

fn rows(outcomes: &[Outcome], echo: bool) -> impl Iterator<Item = Row<'_>> {
    let wanted = outcomes
        .iter()
        .filter(move |o| matches!(o.case.kind, Kind::Echo(_)) == echo);
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

fn table(text: &mut String, title: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
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

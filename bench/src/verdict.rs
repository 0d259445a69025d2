//! Targets against figures.

use crate::cases::{Bound, Sample, Target};
use crate::figure::Figure;
use crate::spread::Spread;

/// Values of a figure, one per round.
pub(crate) fn spread(samples: &[Sample], figure: Figure) -> Option<Spread> {
    Spread::of(samples.iter().filter_map(|s| s.get(&figure).copied()))
}

/// Ratios within the rounds: both sides of one were measured seconds apart, so what drifts over
/// the run is in neither.
pub(crate) fn ratio(samples: &[Sample], limit: &[Sample], figure: Figure) -> Option<Spread> {
    let pairs = samples.iter().zip(limit);
    Spread::of(pairs.filter_map(|(s, l)| Some(s.get(&figure)? / l.get(&figure)?)))
}

pub(crate) fn describe(targets: &[Target]) -> String {
    let each = targets.iter().map(|Target { figure, bound }| {
        let name = figure.name();
        match bound {
            Bound::AtLeastTimes(t) => format!("{name} ≥ {t:.2} ×"),
            Bound::AtMostTimes(t) if *t < 1.0 => format!("{name} ≤ {t:.3} ×"),
            Bound::AtMostTimes(t) => format!("{name} ≤ {t:.1} ×"),
            Bound::AtLeast(t) => format!("{name} ≥ {t}"),
            Bound::Below(t) => format!("{name} < {t}"),
        }
    });
    each.collect::<Vec<_>>().join(", ")
}

/// `met`, or which of the targets is missed by how much.
pub(crate) fn judge(targets: &[Target], samples: &[Sample], limit: Option<&[Sample]>) -> String {
    let misses: Vec<String> = targets
        .iter()
        .filter_map(|t| miss(*t, samples, limit))
        .collect();
    match (targets, &misses[..]) {
        ([], _) => "report only".to_string(),
        (_, []) => "met".to_string(),
        _ => misses.join("; "),
    }
}

fn miss(target: Target, samples: &[Sample], limit: Option<&[Sample]>) -> Option<String> {
    let Target { figure, bound } = target;
    let name = figure.name();
    let value = match (bound, limit) {
        (Bound::AtLeast(_) | Bound::Below(_), _) => spread(samples, figure),
        (_, Some(limit)) => ratio(samples, limit, figure),
        (_, None) => return Some(format!("{name}: nothing to compare with")),
    };
    let Some(value) = value else {
        return Some(format!("{name}: not measured"));
    };
    // How far beyond the bound, as a share of it; for most rounds and for the best one.
    let beyond = |v: f64| match bound {
        Bound::AtLeastTimes(t) | Bound::AtLeast(t) => 1.0 - v / t,
        Bound::AtMostTimes(t) => v / t - 1.0,
        Bound::Below(t) if v < t => v / t - 1.0,
        Bound::Below(t) => (v / t - 1.0).max(f64::EPSILON), // the bound itself is too much
    };
    let missed = beyond(value.median);
    if missed <= 0.0 {
        return None;
    }
    let how = match bound {
        Bound::AtLeastTimes(_) | Bound::AtLeast(_) => "falls short by",
        Bound::AtMostTimes(_) | Bound::Below(_) => "is over by",
    };
    let best = beyond(value.min).min(beyond(value.max));
    let doubt = if best <= 0.0 {
        " (its best round meets it)"
    } else {
        ""
    };
    Some(format!("{name} {how} {:.1} %{doubt}", missed * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(values: &[f64]) -> Vec<Sample> {
        values
            .iter()
            .map(|v| Sample::from([(Figure::Rate, *v)]))
            .collect()
    }

    fn judged(bound: Bound, values: &[f64], limit: &[f64]) -> String {
        let figure = Figure::Rate;
        judge(
            &[Target { figure, bound }],
            &rates(values),
            Some(&rates(limit)),
        )
    }

    #[test]
    fn ratios_are_taken_within_the_rounds() {
        let limit = [100.0, 200.0, 400.0];
        let half = ratio(&rates(&[50.0, 100.0, 200.0]), &rates(&limit), Figure::Rate).unwrap();
        assert_eq!((half.median, half.min, half.max), (0.5, 0.5, 0.5));
        assert_eq!(
            judged(Bound::AtLeastTimes(0.5), &[50.0, 100.0, 200.0], &limit),
            "met"
        );
    }

    #[test]
    fn a_miss_says_how_far_and_how_sure() {
        let limit = [100.0; 3];
        let surely = judged(Bound::AtLeastTimes(0.9), &[80.0, 81.0, 82.0], &limit);
        assert_eq!(surely, "req/s falls short by 10.0 %");
        let hardly = judged(Bound::AtMostTimes(1.0), &[99.0, 102.0, 105.0], &limit);
        assert_eq!(hardly, "req/s is over by 2.0 % (its best round meets it)");
        assert!(judged(Bound::Below(10.0), &[10.0], &limit).contains("is over"));
        assert_eq!(judged(Bound::Below(10.0), &[9.9], &limit), "met");
    }
}

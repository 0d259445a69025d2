//! Operations on a table: a script that measures itself, run and quoted.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cases::Sample;
use crate::figure::Figure;
use crate::lane;
use crate::server::Program;

/// Operations per second of CPU time: on a machine with fewer CPUs than processes the clock says nothing.
pub(crate) fn run(mut program: Program, time: Duration) -> Result<Sample> {
    program.args.push(time.as_secs_f64().to_string());
    let text = lane::output(&program)?;
    parse(&text).with_context(|| format!("no figure in {text:?}"))
}

fn parse(text: &str) -> Option<Sample> {
    let mut values = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let rate = values.next_back()?.get("per_cpu_s")?.as_f64()?;
    Some(Sample::from([
        (Figure::Rate, rate),
        (Figure::CpuPerRequest, 1e6 / rate),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_json_line_counts() {
        let sample = parse("{\"per_s\":1,\"per_cpu_s\":4e6}\n").unwrap();
        assert_eq!(
            (sample[&Figure::Rate], sample[&Figure::CpuPerRequest]),
            (4e6, 0.25)
        );
        assert!(parse("done\n").is_none());
    }
}

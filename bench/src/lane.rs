//! The engine's own lane bench: an external program, run and quoted.

use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cases::Sample;
use crate::figure::Figure;
use crate::server::Program;

const DEADLINE: Duration = Duration::from_secs(120);

/// Its one JSON line, as figures.
pub(crate) fn run(program: &Program) -> Result<Sample> {
    let text = output(program)?;
    parse(&text).with_context(|| {
        let name = program.command.display();
        format!("{name} printed no line with the two figures: {text:?}")
    })
}

/// What a program prints until it ends.
pub(crate) fn output(program: &Program) -> Result<String> {
    let name = program.command.display();
    let mut child = Command::new(&program.command)
        .args(&program.args)
        .envs(program.env.iter().map(|(key, value)| (key, value)))
        .current_dir(&program.dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let deadline = Instant::now() + DEADLINE;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            anyhow::bail!("{name}: still running after {DEADLINE:?}");
        }
        thread::sleep(Duration::from_millis(20));
    };
    ensure!(status.success(), "{name}: {status}");
    // A line or two always fits the pipe, so it could not have waited for us to read.
    let mut text = String::new();
    child
        .stdout
        .take()
        .context("no pipe to its stdout")?
        .read_to_string(&mut text)?;
    eprint!("{text}");
    Ok(text)
}

fn parse(text: &str) -> Option<Sample> {
    let mut values = text
        .lines()
        .filter_map(|l| serde_json::from_str::<Value>(l).ok());
    values.next_back().and_then(|v| {
        Some(Sample::from([
            (Figure::LaneRate, v.get("messages_per_s")?.as_f64()?),
            (Figure::LaneWakes, v.get("wakes_per_message")?.as_f64()?),
        ]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_json_line_counts() {
        let text = "warming up\n{\"messages_per_s\":21e6,\"wakes_per_message\":0.001}\n";
        assert_eq!(parse(text).unwrap()[&Figure::LaneRate], 21e6);
        assert!(parse("done\n").is_none());
    }
}

//! `skep-bench`: measures the cases and prints the report.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use lexopt::prelude::*;
use skep_bench::cases::{self, Case};
use skep_bench::session::{self, Settings};
use skep_bench::{report, site::Site};

const HELP: &str = "\
skep-bench: skep's servers against bare loops, a report of ratios

usage: skep-bench [options]

  --only CASE     this case (may be repeated; see --list)
  --list          names of the cases
  --rounds N      measurements per server and case (default 5)
  --seconds S     length of a measurement (default 2)
  --warmup S      load before it (default 0.5)
  --quick         2 short rounds: does everything work?
  --out FILE      write the report there as well
  --root DIR      the repository (default: the one around the current directory)
  --target DIR    where things were built (default: CARGO_TARGET_DIR, or target/)
  --php PROGRAM   the interpreter (default: php)
  --help

A server that has not been built, or was built without what a case needs, is skipped. The exit
code says only whether the rest could be measured: 0 even if a target is missed, 1 if a server did
not start or did not echo, 2 for a mistake in the options.
";

struct Options {
    settings: Settings,
    cases: Vec<Case>,
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = match parse() {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("skep-bench: {e:#} (see --help)");
            return ExitCode::from(2);
        }
    };
    match run(options) {
        Ok(all_measured) => ExitCode::from(u8::from(!all_measured)),
        Err(e) => {
            eprintln!("skep-bench: {e:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything that was there could be measured.
fn run(options: Options) -> Result<bool> {
    let outcomes = session::run(&options.settings, options.cases)?;
    let text = report::write(&options.settings, &outcomes);
    print!("{text}");
    if let Some(path) = options.out {
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(!outcomes.iter().any(|o| o.failed()))
}

/// `None` when the answer has been printed already.
fn parse() -> Result<Option<Options>> {
    let mut rounds = None;
    let mut window = None;
    let mut warmup = None;
    let mut only: Vec<String> = Vec::new();
    let mut quick = false;
    let (mut out, mut root, mut target) = (None, None, None);
    let mut php = PathBuf::from("php");
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("only") => only.push(args.value()?.parse()?),
            Long("rounds") => rounds = Some(args.value()?.parse()?),
            Long("seconds") => window = Some(seconds(&mut args)?),
            Long("warmup") => warmup = Some(seconds(&mut args)?),
            Long("quick") => quick = true,
            Long("out") => out = Some(PathBuf::from(args.value()?)),
            Long("root") => root = Some(PathBuf::from(args.value()?)),
            Long("target") => target = Some(PathBuf::from(args.value()?)),
            Long("php") => php = args.value()?.into(),
            Long("list") => {
                cases::all()
                    .iter()
                    .for_each(|case| println!("{:14} {}", case.key, case.title));
                return Ok(None);
            }
            Short('h') | Long("help") => {
                print!("{HELP}");
                return Ok(None);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let root = root.map_or_else(Site::find_root, Ok)?;
    let root = root
        .canonicalize()
        .with_context(|| format!("no directory {}", root.display()))?;
    let target = target
        .or_else(|| std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from))
        .map_or(Ok(root.join("target")), std::path::absolute)?;
    let rounds = rounds.unwrap_or(if quick { 2 } else { 5 });
    let settings = Settings {
        rounds,
        retries: if quick { 0 } else { rounds },
        window: window.unwrap_or(Duration::from_millis(if quick { 300 } else { 2000 })),
        warmup: warmup.unwrap_or(Duration::from_millis(if quick { 200 } else { 500 })),
        idle: Duration::from_secs(if quick { 1 } else { 3 }),
        idle_connections: quick.then_some(500),
        bulk_bytes: quick.then_some(128 << 20),
        site: Site { root, target, php },
    };
    ensure!(settings.rounds > 0, "--rounds: at least 1");
    let cases = choose(&only)?;
    Ok(Some(Options {
        settings,
        cases,
        out,
    }))
}

fn choose(only: &[String]) -> Result<Vec<Case>> {
    let all = cases::all();
    if let Some(unknown) = only
        .iter()
        .find(|key| !all.iter().any(|case| case.key == **key))
    {
        bail!("--only: no case {unknown}");
    }
    let wanted = |case: &Case| only.is_empty() || only.iter().any(|key| key == case.key);
    Ok(all.into_iter().filter(wanted).collect())
}

fn seconds(args: &mut lexopt::Parser) -> Result<Duration> {
    Duration::try_from_secs_f64(args.value()?.parse()?).context("not a number of seconds")
}

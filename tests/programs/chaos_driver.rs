//! The chaos run: `skep-test-chaos php|rust <directory>`. See `src/chaos/mod.rs`.
//!
//! `CHAOS_SECONDS` (default 60), `CHAOS_SEED` (default: drawn, and printed), `CHAOS_FAULTS` (names with commas
//! between them, or `all`, which is the default), `CHAOS_REDELIVER` (`task_redeliver` of the server; default: 0 or 1,
//! as the seed is even or odd). Exit code 0: nothing was wrong.

use std::env;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::signal::Signal;
use skep_tests::chaos::plan::Fault;
use skep_tests::chaos::run::{Options, run};
use skep_tests::chaos::subject::Language;

fn number(variable: &str) -> Result<Option<u64>, String> {
    let text = env::var(variable).ok().filter(|text| !text.is_empty());
    let parse = |text: String| {
        text.parse()
            .map_err(|_| format!("{variable}={text}: no number"))
    };
    text.map(parse).transpose()
}

fn options() -> Result<Options, String> {
    let mut words = env::args().skip(1);
    let language = match words.next().as_deref() {
        Some("php") => Language::Php,
        Some("rust") => Language::Rust,
        _ => return Err("usage: skep-test-chaos php|rust <directory>".into()),
    };
    let directory = PathBuf::from(words.next().ok_or("which directory?")?);
    let drawn = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(1, |now| now.subsec_micros().into())
    };
    let faults = match env::var("CHAOS_FAULTS")
        .ok()
        .filter(|list| !list.is_empty())
    {
        Some(list) => Fault::parse(&list)?,
        None => Fault::all(),
    };
    let seed = number("CHAOS_SEED")?.unwrap_or_else(drawn);
    Ok(Options {
        language,
        seconds: number("CHAOS_SECONDS")?.unwrap_or(60),
        seed,
        redeliver: number("CHAOS_REDELIVER")?.unwrap_or(seed % 2),
        faults,
        directory,
    })
}

fn main() {
    // Whoever runs this may be killed. The server dies with this process.
    let tied = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).map_err(|error| error.to_string());
    let ran = tied.and_then(|()| options()).and_then(|options| {
        println!(
            "CHAOS_SEED={} CHAOS_SECONDS={} CHAOS_REDELIVER={}",
            options.seed, options.seconds, options.redeliver
        );
        let report = run(&options)?;
        println!("{report}");
        let failed = !report.wrong.is_empty();
        if failed {
            println!("  the server's files: {}", options.directory.display());
        }
        Ok(i32::from(failed))
    });
    let code = ran.unwrap_or_else(|error| {
        eprintln!("chaos: {error}");
        2
    });
    std::process::exit(code)
}

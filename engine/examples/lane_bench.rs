//! Throughput of one lane between two processes, with the doorbell.
//!
//!     lane_bench [--lane-bytes N] [--message-bytes N] [--messages N] [--batch N] [--runs N] [--sizes]
//!
//! Prints one JSON line: the best of the runs, and the median. With `--sizes`, a table over lane
//! sizes on stderr first.

use std::process::ExitCode;

use skep::probe::{Figures, Load, run};

fn main() -> ExitCode {
    let mut load = Load {
        lane_bytes: 256 * 1024,
        message_bytes: 64,
        messages: 5_000_000,
        batch: 64,
    };
    let mut runs = 5;
    let mut sizes = false;
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        if name == "--sizes" {
            sizes = true;
            continue;
        }
        let Some(value) = args.next().and_then(|text| text.parse::<u64>().ok()) else {
            eprintln!("lane_bench: {name} needs a number");
            return ExitCode::from(2);
        };
        match name.as_str() {
            "--lane-bytes" => load.lane_bytes = value as usize,
            "--message-bytes" => load.message_bytes = value as usize,
            "--messages" => load.messages = value.max(1),
            "--batch" => load.batch = value.max(1),
            "--runs" => runs = value.max(1),
            _ => {
                eprintln!("lane_bench: unknown option {name}");
                return ExitCode::from(2);
            }
        }
    }
    match measure(load, runs, sizes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lane_bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(load: Load, runs: u64, sizes: bool) -> std::io::Result<()> {
    if sizes {
        eprintln!("lane KiB   best M/s   median M/s   wakes/message");
        for kib in [64, 128, 256, 512, 1024] {
            let lane_bytes = kib * 1024;
            let (best, median) = best_of(Load { lane_bytes, ..load }, runs)?;
            eprintln!(
                "{kib:8} {:10.1} {:12.1} {:15.6}",
                best.messages_per_s / 1e6,
                median / 1e6,
                best.wakes_per_message
            );
        }
    }
    let (best, median) = best_of(load, runs)?;
    println!(
        "{{\"messages_per_s\":{:.0},\"wakes_per_message\":{:.6},\"lane_bytes\":{},\"message_bytes\":{},\"batch\":{},\"runs\":{runs},\"median_messages_per_s\":{median:.0}}}",
        best.messages_per_s,
        best.wakes_per_message,
        load.lane_bytes,
        load.message_bytes,
        load.batch
    );
    Ok(())
}

/// The fastest run, and the median speed.
fn best_of(load: Load, runs: u64) -> std::io::Result<(Figures, f64)> {
    let mut all = (0..runs)
        .map(|_| run(load))
        .collect::<Result<Vec<_>, _>>()?;
    all.sort_by(|a, b| b.messages_per_s.total_cmp(&a.messages_per_s));
    Ok((all[0], all[all.len() / 2].messages_per_s))
}

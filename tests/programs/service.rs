//! A server to be run as a service.
//!
//! `!warn <text>`: a warning in the log. `!flood <ms>`: the same warning again and again for so long.
//! `!nap`: one second of a sleep that a signal would cut short; the answer is what was left of it.
//! `!ids`: uid, gid and supplementary groups. `!cwd`, `!root`: entries of the directories. `!cpus`: where it
//! may run. `!env <name>`: a variable, as a program sees it that it starts. `!deaf`: ignore TERM from now on, as a script may. `!title <text>`. `!orphan`: a program that
//! loses its parent before it ends. `!reload`, `!shutdown`.
//!
//! `SKEP_TEST_DEAF`: master and manager ignore and block TERM in their start callbacks. `SKEP_TEST_LEAVE`:
//! `on_start` wants the end. `SKEP_TEST_HOARD=<file>`: the master has no free descriptor until the file exists.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use nix::sched::{CpuSet, sched_getaffinity};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction};
use nix::unistd::{Pid, getgid, getgroups, getuid};
use skep::{Context, Leave, Step};
use skep_tests::program::{Call, Script, block_until_exists, flag, serve};

fn command(call: &Call) -> Option<Step> {
    Some(match call.verb {
        "warn" => {
            call.server.log_warning(call.argument);
            call.answer("warned")
        }
        "flood" => {
            let limit = Duration::from_millis(call.argument.parse().unwrap_or(0));
            let begin = Instant::now();
            let mut lines = 0u64;
            while begin.elapsed() < limit {
                call.server.log_warning("the flood");
                lines += 1;
            }
            call.answer(lines.to_string())
        }
        "nap" => {
            call.note("napping", "");
            call.answer(nix::unistd::sleep(1).to_string())
        }
        "ids" => call.answer(ids()),
        "cwd" => call.answer(env::current_dir().unwrap_or_default().display().to_string()),
        "root" => call.answer(entries("/")),
        "cpus" => call.answer(cpus()),
        "env" => call.answer(shell(&format!("echo \"${{{}-unset}}\"", call.argument))),
        "deaf" => {
            ignore_term();
            call.answer("deaf")
        }
        "title" => call.answer(skep::set_process_title(call.argument).to_string()),
        "orphan" => call.answer(shell("sleep 0.1 >/dev/null & echo made")),
        "reload" => call.answer(format!("{:?}", call.server.reload())),
        "shutdown" => call.answer(format!("{:?}", call.server.shutdown())),
        _ => return None,
    })
}

fn ids() -> String {
    let groups = getgroups().unwrap_or_default();
    let groups: Vec<_> = groups
        .iter()
        .map(|group| group.as_raw().to_string())
        .collect();
    format!("{} {} {}", getuid(), getgid(), groups.join(","))
}

fn entries(directory: &str) -> String {
    let Ok(found) = fs::read_dir(directory) else {
        return "unreadable".into();
    };
    let names = found.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.collect::<Vec<_>>().join(" ")
}

fn cpus() -> String {
    let set = sched_getaffinity(Pid::from_raw(0)).unwrap_or_default();
    let allowed = (0..CpuSet::count()).filter(|&cpu| set.is_set(cpu).unwrap_or(false));
    allowed
        .map(|cpu| cpu.to_string())
        .collect::<Vec<_>>()
        .join(",")
}

fn shell(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).output();
    output.map_or_else(
        |error| error.to_string(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_string(),
    )
}

fn ignore_term() {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler runs.
    let _ = unsafe { sigaction(Signal::SIGTERM, &ignore) };
}

fn supervising(_: &Context, event: &str) -> Step {
    if matches!(event, "started" | "manager_start") && env::var_os("SKEP_TEST_DEAF").is_some() {
        ignore_term();
        let term = SigSet::from(Signal::SIGTERM);
        let _ = nix::sys::signal::sigprocmask(SigmaskHow::SIG_BLOCK, Some(&term), None);
    }
    if event == "started" {
        if let Some(path) = flag("SKEP_TEST_HOARD") {
            thread::spawn(move || hoard(&path));
        }
        if env::var_os("SKEP_TEST_LEAVE").is_some() {
            return Err(Leave { code: 7 });
        }
    }
    Ok(())
}

fn hoard(until: &Path) {
    let hoard: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    println!("HOARDED {}", hoard.len());
    block_until_exists(until);
}

fn main() {
    serve(Script {
        command,
        supervising,
        ..Script::default()
    })
}

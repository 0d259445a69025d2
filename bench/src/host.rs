//! What the machine is, and what else it is doing.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::unistd::{SysconfVar, sysconf};

/// The lines that make a report comparable with another one.
pub(crate) fn describe(root: &Path) -> Vec<(&'static str, String)> {
    let cores = std::thread::available_parallelism().map_or(0, |n| n.get());
    let changed = if says(root, "git", &["status", "--porcelain"]).is_empty() {
        ""
    } else {
        " + local changes"
    };
    vec![
        ("date", says(root, "date", &["-u", "+%F %H:%M UTC"])),
        ("host", format!("{cores} x {}", cpu_model())),
        ("kernel", says(root, "uname", &["-srm"])),
        ("congestion control", congestion_control()),
        ("rustc", says(root, "rustc", &["--version"])),
        ("cc", says(root, "gcc", &["--version"])),
        ("php", says(root, "php", &["-n", "--version"])),
        (
            "commit",
            format!(
                "{}{changed}",
                says(root, "git", &["rev-parse", "--short=12", "HEAD"])
            ),
        ),
        ("command", std::env::args().collect::<Vec<_>>().join(" ")),
    ]
}

/// First line of what a program prints; empty when it cannot be run, which is no reason to fail.
fn says(root: &Path, program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).current_dir(root).output();
    let text = output.map(|o| o.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text)
        .lines()
        .next()
        .unwrap_or_default()
        .to_string()
}

fn cpu_model() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find(|l| l.starts_with("model name"));
    line.and_then(|l| l.split_once(": "))
        .map_or("unknown CPU", |(_, name)| name)
        .to_string()
}

/// It acts on loopback too: bbr paces, and that shows in large messages.
fn congestion_control() -> String {
    let name = fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control");
    name.map_or("unknown".into(), |name| name.trim().to_string())
}

/// Time all CPUs together spent on something, and time the hypervisor took from them.
#[derive(Clone, Copy)]
pub(crate) struct MachineCpu {
    pub(crate) busy: Duration,
    pub(crate) stolen: Duration,
}

impl MachineCpu {
    pub(crate) fn now() -> Result<Self> {
        let text = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
        let line = text.lines().next().unwrap_or_default();
        let ticks: Vec<u64> = line
            .split_whitespace()
            .skip(1)
            .filter_map(|t| t.parse().ok())
            .collect();
        // user nice system idle iowait irq softirq steal
        let [user, nice, system, _, _, irq, softirq, steal, ..] = ticks[..] else {
            anyhow::bail!("cannot read the first line of /proc/stat: {line}");
        };
        let hz = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
        let time = |ticks: u64| Duration::from_secs_f64(ticks as f64 / hz as f64);
        Ok(Self {
            busy: time(user + nice + system + irq + softirq),
            stolen: time(steal),
        })
    }

    pub(crate) fn until(self, later: Self) -> Self {
        Self {
            busy: later.busy.saturating_sub(self.busy),
            stolen: later.stolen.saturating_sub(self.stolen),
        }
    }
}

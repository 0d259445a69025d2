//! Processes as /proc shows them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Pids of the living children of `pid`, in ascending order.
pub fn children(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let mut pids: Vec<i32> = text
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    pids.sort_unstable();
    pids
}

/// Number of threads of `pid`; 0 if it is gone.
pub fn threads(pid: i32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

/// The fields of /proc/pid/stat after the name, which may itself contain blanks: state is the first.
fn stat(pid: i32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split_whitespace().map(String::from).collect())
}

/// The state letter of a process: `R`, `S`, `T`, `Z`, ...; `None` if it is gone.
pub fn state(pid: i32) -> Option<char> {
    stat(pid)?.first()?.chars().next()
}

/// Whether the process exists and is not a zombie.
pub fn is_alive(pid: i32) -> bool {
    !matches!(state(pid), None | Some('Z' | 'X'))
}

/// Processor time a process has used, in clock ticks (10 ms on Linux).
pub fn cpu_ticks(pid: i32) -> u64 {
    let number =
        |fields: &[String], at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
    stat(pid).map_or(0, |fields| {
        number(&fields, 11).unwrap_or(0) + number(&fields, 12).unwrap_or(0)
    })
}

/// Resident memory of a process in bytes, shared mappings included.
pub fn resident_bytes(pid: i32) -> u64 {
    bytes_of(pid, "VmRSS:")
}

/// What a process has mapped, in bytes, whether it was ever touched or not.
pub fn virtual_bytes(pid: i32) -> u64 {
    bytes_of(pid, "VmSize:")
}

fn bytes_of(pid: i32, key: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let kilobytes = line
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|n| n.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Whether a process has a socket open that listens on this TCP port.
pub fn listens(pid: i32, port: u16) -> bool {
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let listening = table.lines().filter_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let (address, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
        let here = address.ends_with(&format!(":{port:04X}")) && *state == "0A";
        here.then(|| format!("socket:[{inode}]"))
    });
    let sockets: Vec<_> = listening.collect();
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    let mut targets = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    targets.any(|target| {
        sockets
            .iter()
            .any(|socket| target.as_os_str() == socket.as_str())
    })
}

/// Living processes that were started with `tag` in their environment: forks keep it, whoever their
/// parent is by now.
pub fn tagged(tag: &str) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let own = std::process::id() as i32;
    let has_tag = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == tag.as_bytes())
    };
    pids.filter(|pid| *pid != own)
        .filter(has_tag)
        .filter(|pid| is_alive(*pid))
        .collect()
}

/// Parent of a process.
pub fn parent(pid: i32) -> Option<i32> {
    stat(pid)?.get(1)?.parse().ok()
}

/// Session of a process.
pub fn session(pid: i32) -> Option<i32> {
    stat(pid)?.get(3)?.parse().ok()
}

/// Where the open descriptors of a process lead: `(number, target)`.
pub fn descriptors(pid: i32) -> Vec<(i32, PathBuf)> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return Vec::new();
    };
    let open = |entry: fs::DirEntry| {
        let number = entry.file_name().to_str()?.parse().ok()?;
        Some((number, fs::read_link(entry.path()).ok()?))
    };
    entries.filter_map(|entry| open(entry.ok()?)).collect()
}

/// Send a signal by number, realtime signals included.
pub fn signal_number(pid: i32, number: i32) {
    let done = Command::new("kill")
        .args([format!("-{number}"), pid.to_string()])
        .status();
    assert!(
        done.is_ok_and(|status| status.success()),
        "kill -{number} {pid}"
    );
}

/// Whether the tests run as root; says that a test is skipped if not.
pub fn is_root() -> bool {
    let is = nix::unistd::geteuid().is_root();
    if !is {
        eprintln!("SKIPPED: needs root");
    }
    is
}

/// Send a signal; false if there is no such process.
pub fn signal(pid: i32, signal: Signal) -> bool {
    pid > 0 && kill(Pid::from_raw(pid), signal).is_ok()
}

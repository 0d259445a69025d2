//! This process: ids, limits, and its tie to the supervisor.

use std::io;

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{chdir, geteuid, getpid, getppid, setsid};

use super::fuse;

/// Own pid.
pub(crate) fn pid() -> i32 {
    getpid().as_raw()
}

/// Parent's pid, as of now.
pub(crate) fn parent() -> i32 {
    getppid().as_raw()
}

/// Whether `pid` is a child of this process, dead or alive, that has not been reaped.
pub(crate) fn is_child(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // "pid (name) state ppid ...": the name may hold anything, so count from its end.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.split_whitespace().nth(1) == Some(&self::pid().to_string())
}

/// Resident memory of a process, bytes; 0 if it is gone or `/proc` cannot be read.
pub(crate) fn resident_bytes(pid: i32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages = statm.split_whitespace().nth(1);
    let pages: u64 = pages.and_then(|pages| pages.parse().ok()).unwrap_or(0);
    // SAFETY: sysconf only answers a question; this one always has an answer.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages * page.max(0) as u64
}

/// CPUs this process may use, at least 1.
pub(crate) fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How many descriptors this process may have if it asks: the hard limit.
pub(crate) fn nofile_limit() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(_, hard)| hard) // 1024: the traditional limit
}

/// How many descriptors this process may open besides those it has.
pub(crate) fn free_descriptors() -> usize {
    let soft = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    usize::try_from(soft)
        .unwrap_or(usize::MAX)
        .saturating_sub(open)
}

/// Largest file that this process may write.
pub(crate) fn file_size_limit() -> u64 {
    getrlimit(Resource::RLIMIT_FSIZE).map_or(u64::MAX, |(soft, _)| soft)
}

/// Ask: raise the soft limit of open descriptors to the hard one. Children and programs they start inherit it.
pub(crate) fn raise_nofile() {
    let hard = nofile_limit();
    let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard); // refused: accept() will say so in its time
}

/// What the kernel is to send when the parent dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastCall {
    /// `fuse::parent_died`, which a loop sees.
    Notice,
    /// SIGKILL, for code that need not look at anything.
    Kill,
}

/// Ask for this when the parent *thread* dies. False if the parent `expected` is already gone:
/// the request would never fire then. Cleared by credential changes, so to be repeated after one.
pub(crate) fn die_with_parent(expected: i32, how: LastCall) -> bool {
    let signal = match how {
        LastCall::Notice => fuse::parent_died(), // nix's signals are not real-time ones
        LastCall::Kill => libc::SIGKILL,
    };
    // SAFETY: this option takes a number and touches no memory. It fails for numbers that are no signals only.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong) };
    parent() == expected
}

/// Nothing is to happen any more when the parent dies.
pub(crate) fn outlive_parent() {
    let _ = prctl::set_pdeathsig(None); // it has no way to fail
}

/// Adopt orphaned grandchildren (workers whose manager died), so that they can be waited for.
pub(crate) fn set_subreaper(on: bool) {
    let _ = prctl::set_child_subreaper(on);
}

/// Where the kernel writes core files (core(5)); `None` if this process may write none.
pub(crate) fn core_pattern() -> Option<String> {
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").ok()?;
    let pattern = pattern.trim();
    let allowed = getrlimit(Resource::RLIMIT_CORE).is_ok_and(|(soft, _)| soft > 0);
    // A pipe takes the core whatever the limit.
    (allowed || pattern.starts_with('|')).then(|| pattern.to_string())
}

/// Whether this process has root's rights.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// A session and process group of its own, working directory `/`.
pub(crate) fn detach() -> io::Result<()> {
    new_session(true)
}

/// A session and process group of its own, and if wanted working directory `/`.
pub(crate) fn new_session(change_directory: bool) -> io::Result<()> {
    setsid()?;
    if change_directory {
        chdir("/")?;
    }
    Ok(())
}

/// Take a variable out of the environment, so that programs that are started later do not see it.
/// Only before anything else runs: the process must have one thread.
pub(crate) fn take_variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?;
    // SAFETY: the process has one thread (`Server::start` has refused others), so nobody reads the
    // environment meanwhile.
    unsafe { std::env::remove_var(name) };
    Some(value)
}

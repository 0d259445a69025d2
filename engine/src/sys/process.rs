//! This process: ids, limits, and its tie to the supervisor.

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{getpid, getppid};

/// Own pid.
pub(crate) fn pid() -> i32 {
    getpid().as_raw()
}

/// Parent's pid, as of now.
pub(crate) fn parent() -> i32 {
    getppid().as_raw()
}

/// CPUs this process may use, at least 1.
pub(crate) fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Raise the soft limit of open descriptors to the hard one and return it.
pub(crate) fn raise_nofile() -> u64 {
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, hard)) if soft < hard => match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
            Ok(()) => hard,
            Err(_) => soft,
        },
        Ok((soft, _)) => soft,
        Err(_) => 1024, // the traditional limit; used only to size tables
    }
}

/// Ask for SIGTERM when the parent *thread* dies. False if the parent `expected` is already gone:
/// the request would never fire then. Cleared by credential changes, so to be repeated after one.
pub(crate) fn die_with_parent(expected: i32) -> bool {
    let _ = prctl::set_pdeathsig(Signal::SIGTERM);
    parent() == expected
}

/// Adopt orphaned grandchildren (workers whose manager died), so that they can be waited for.
pub(crate) fn set_subreaper(on: bool) {
    let _ = prctl::set_child_subreaper(on);
}

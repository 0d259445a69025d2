//! Which CPUs a thread may run on.

use std::io;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The calling thread, for the kernel.
const SELF: Pid = Pid::from_raw(0);

/// CPUs that are online.
pub(crate) fn online() -> usize {
    // SAFETY: a plain query.
    let count = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    usize::try_from(count).unwrap_or(1).max(1)
}

/// Highest CPU number the kernel's sets can name, plus one.
pub(crate) fn limit() -> usize {
    CpuSet::count()
}

/// The CPUs the calling thread may use, ascending.
pub(crate) fn allowed() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(SELF) else {
        return Vec::new(); // more CPUs than the set can name: nobody is pinned then
    };
    (0..limit())
        .filter(|&cpu| set.is_set(cpu).unwrap_or(false))
        .collect()
}

/// Let the calling thread run on one CPU only.
pub(crate) fn pin(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    Ok(sched_setaffinity(SELF, &set)?)
}

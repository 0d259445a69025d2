//! `open_cpu_affinity`: reactor r and worker i stay on the CPU with that number, modulo how many there are.

use crate::error::{Error, Result};
use crate::log::Log;
use crate::settings::DaemonSettings;
use crate::sys::affinity;

/// Whether there is a CPU left.
pub(super) fn check(settings: &DaemonSettings) -> Result<()> {
    if settings.open_cpu_affinity && usable(settings).is_empty() {
        return Err(Error::BadSetting(
            "cpu_affinity_ignore leaves no CPU that this process may use".into(),
        ));
    }
    Ok(())
}

/// Pin the calling thread, if asked for. Neither master nor manager is pinned, so what a new thread or
/// process inherits is the whole list.
pub(crate) fn pin(settings: &DaemonSettings, id: u32, log: &Log) {
    if !settings.open_cpu_affinity {
        return;
    }
    let cpus = usable(settings);
    let Some(&cpu) = cpus.get(id as usize % cpus.len().max(1)) else {
        return; // the CPUs have been taken away since the check
    };
    if let Err(error) = affinity::pin(cpu) {
        log.warning(format_args!(
            "sched_setaffinity({cpu}) failed, Error: {error}"
        ));
    }
}

fn usable(settings: &DaemonSettings) -> Vec<usize> {
    let mut cpus = affinity::allowed();
    cpus.retain(|&cpu| !settings.cpu_affinity_ignore.contains(&(cpu as u32)));
    cpus
}

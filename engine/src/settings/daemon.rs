//! Settings of the server as a service of its machine.

/// As they were set; names of accounts and directories are looked up at start.
#[derive(Debug, Clone, Default)]
pub(crate) struct DaemonSettings {
    pub(crate) daemonize: bool,
    /// Absolute, as is `chroot`.
    pub(crate) pid_file: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) chroot: Option<String>,
    pub(crate) open_cpu_affinity: bool,
    pub(crate) cpu_affinity_ignore: Vec<u32>,
    pub(crate) process_title: bool,
}

//! Settings with checked values: what the rest of the engine works with.

use super::daemon::DaemonSettings;
use super::dispatch_mode::DispatchMode;
use super::http_address::HttpAddress;
use super::port::PortSettings;
use super::table::Row;
use super::tasks::TaskSettings;
use super::value::Value;
use crate::error::{Error, Result};
use crate::log::{self, Level as LogLevel, Log};
use crate::sys::process;

/// Checked settings. Fields that depend on the machine are resolved by [`Settings::complete`].
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) bootstrap: Option<String>,
    pub(crate) dispatch_mode: DispatchMode,
    pub(crate) dispatch_rescue_ms: u64,
    pub(crate) enable_unsafe_event: bool,
    pub(crate) daemon: DaemonSettings,
    pub(crate) discard_timeout_request: bool,
    pub(crate) enable_delay_receive: bool,
    pub(crate) heartbeat_check_s: u32,
    pub(crate) log: log::Options,
    pub(crate) max_connection: Option<u32>,
    pub(crate) max_queued_bytes: u64,
    pub(crate) max_request: u64,
    pub(crate) max_request_grace: Option<u64>,
    pub(crate) max_respawns: u32,
    pub(crate) max_wait_ms: u64,
    pub(crate) metrics_listen: Option<HttpAddress>,
    pub(crate) reload_async: bool,
    pub(crate) shutdown_delay_ms: u64,
    pub(crate) output_buffer_size: u64,
    /// Those of the primary port, and of each port that has none of its own.
    pub(crate) primary: PortSettings,
    pub(crate) reactor_num: Option<u32>,
    pub(crate) start_session_id: u64,
    pub(crate) stats_file: Option<String>,
    pub(crate) stats_timer_interval_ms: u64,
    pub(crate) tasks: TaskSettings,
    pub(crate) worker_deadline_ms: u64,
    pub(crate) worker_max_memory: u64,
    pub(crate) worker_num: Option<u32>,
    pub(crate) worker_start_ms: u64,
    pub(crate) worker_queue_size: u64,
    /// Things a user should read in the log: values that were replaced.
    pub(crate) notes: Vec<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            bootstrap: None,
            dispatch_mode: DispatchMode::Sticky,
            dispatch_rescue_ms: 10,
            enable_unsafe_event: false,
            daemon: DaemonSettings::default(),
            discard_timeout_request: false,
            enable_delay_receive: false,
            heartbeat_check_s: 0,
            log: log::Options::default(),
            max_connection: None,
            max_queued_bytes: 0,
            max_request: 0,
            max_request_grace: None,
            max_respawns: 100,
            max_wait_ms: 3000,
            metrics_listen: None,
            reload_async: true,
            shutdown_delay_ms: 0,
            output_buffer_size: u64::from(u32::MAX),
            primary: PortSettings::default(),
            reactor_num: None,
            start_session_id: 0,
            stats_file: None,
            stats_timer_interval_ms: 1000,
            tasks: TaskSettings::default(),
            worker_deadline_ms: 0,
            worker_max_memory: 0,
            worker_num: None,
            worker_start_ms: 60_000,
            worker_queue_size: 256 << 10,
            notes: Vec::new(),
        }
    }
}

/// The sizes of a server on this machine, fixed from start() on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Worker processes.
    pub workers: u32,
    /// Task worker processes.
    pub task_workers: u32,
    /// Reactor threads.
    pub reactors: u32,
    /// Sessions at a time.
    pub max_connection: u32,
    /// Bytes of one session that may wait for a worker.
    pub max_queued_bytes: u64,
    /// Largest single send.
    pub output_buffer_size: u64,
}

/// Fewer connections than this by default are worth a line.
const FEW_CONNECTIONS: u64 = 1_000;
/// Descriptors the master needs besides its sessions: standard streams, bells, polls, log, listener.
const OWN_DESCRIPTORS: u64 = 32;
/// What the metrics endpoint needs: listener, poll, its connections.
const METRICS_DESCRIPTORS: u64 = 20;

impl Settings {
    /// Write a line to the log of a server that had these settings, as long as there is none.
    pub fn log_line(&self, level: LogLevel, text: &str) {
        let (log, _) = Log::open(self.log.clone()); // it falls back to standard output
        log.line(level, &text);
    }

    /// Set one value. The error's text is for the user; nothing is changed by a failed call.
    pub fn set(&mut self, key: &str, value: &Value) -> Result<()> {
        Row::find(key)
            .ok_or_else(|| Error::UnknownSetting(key.into()))?
            .apply(self, value)
    }

    /// Whether callbacks of a front with objects get one object in the place of single arguments.
    pub fn event_object(&self) -> bool {
        self.tasks.event_object
    }

    /// The same for the callback that runs tasks.
    pub fn task_object(&self) -> bool {
        self.tasks.event_object || self.tasks.task_object
    }

    /// Whether connect, close and buffer events are delivered.
    pub(crate) fn delivers_events(&self) -> bool {
        self.enable_unsafe_event || self.dispatch_mode.delivers_events()
    }

    /// Sizes of this server on this machine. `notes` gains a line for every value that was replaced.
    pub(crate) fn complete(&mut self) -> Sizes {
        let cpus = process::cpus() as u32;
        let mut workers = self.worker_num.filter(|&n| n > 0).unwrap_or(cpus);
        if workers > cpus * 1000 {
            let max = cpus * 1000;
            self.notes.push(format!(
                "worker_num == {workers}, Too many processes, reset to max value {max}"
            ));
            workers = max;
        }
        let mut task_workers = self.tasks.workers;
        if task_workers > cpus * 1000 {
            let max = cpus * 1000;
            self.notes.push(format!(
                "task_worker_num == {task_workers}, Too many processes, reset to max value {max}"
            ));
            task_workers = max;
        }
        let mut reactors = match self.reactor_num {
            None => cpus.min(8),
            Some(0) => cpus,
            Some(n) => n,
        };
        if reactors > cpus * 4 {
            let max = cpus * 4;
            self.notes.push(format!(
                "reactor_num == {reactors}, Too many threads, reset to max value {max}"
            ));
            reactors = max;
        }
        let reactors = reactors.min(workers);
        let own = OWN_DESCRIPTORS + 4 * u64::from(reactors) + u64::from(workers + task_workers) * 2;
        let own = own
            + self
                .metrics_listen
                .as_ref()
                .map_or(0, |_| METRICS_DESCRIPTORS);
        let room = process::nofile_limit().saturating_sub(own).max(1);
        let wanted = self.max_connection.unwrap_or(100_000).into();
        if self.max_connection.is_some() && wanted > room {
            self.notes.push(format!(
                "max_connection is exceed the maximum value, it's reset to {room}: of {wanted} asked for, \
                 with a limit of {} descriptors (RLIMIT_NOFILE) and {own} of them for the server itself",
                process::nofile_limit()
            ));
        }
        if self.max_connection.is_none() && room < FEW_CONNECTIONS {
            self.notes.push(format!(
                "max_connection is {room}: the limit of {} descriptors (RLIMIT_NOFILE) allows no more, {own} of them are for the server itself",
                process::nofile_limit()
            ));
        }
        self.notes.extend(self.tasks.notes());
        if !self.dispatch_mode.is_known() {
            self.notes.push(format!(
                "dispatch_mode {} is not known, it behaves as 3",
                self.dispatch_mode.number()
            ));
        }
        let half_queue = self.worker_queue_size / 2;
        Sizes {
            workers,
            task_workers,
            reactors,
            max_connection: room.min(wanted) as u32,
            output_buffer_size: self.output_buffer_size,
            max_queued_bytes: match self.max_queued_bytes {
                0 => half_queue,
                n => n.min(half_queue),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(pairs: &[(&str, i64)]) -> (Sizes, Vec<String>) {
        let mut settings = Settings::default();
        for (key, value) in pairs {
            settings.set(key, &Value::Int(*value)).unwrap();
        }
        let sizes = settings.complete();
        (sizes, settings.notes)
    }

    #[test]
    fn what_is_too_much_is_replaced_and_the_log_is_told() {
        let cpus = process::cpus() as u32;
        let (sizes, notes) = completed(&[
            ("worker_num", 1 << 30),
            ("reactor_num", 60_000),
            ("max_connection", 2 << 20),
        ]);
        assert_eq!(sizes.workers, cpus * 1000);
        assert_eq!(sizes.reactors, cpus * 4);
        assert!(u64::from(sizes.max_connection) < process::nofile_limit());
        for note in [
            "max_connection is exceed the SW_SESSION_LIST_SIZE, it's reset to 1048576".into(),
            format!("Too many processes, reset to max value {}", cpus * 1000),
            format!(
                "reactor_num == 60000, Too many threads, reset to max value {}",
                cpus * 4
            ),
        ] {
            assert!(
                notes.iter().any(|line| line.ends_with(&note)),
                "{note}: {notes:?}"
            );
        }
    }

    #[test]
    fn what_is_not_given_follows_the_machine() {
        let cpus = process::cpus() as u32;
        let (sizes, _) = completed(&[("worker_num", -1), ("max_connection", 0)]);
        assert_eq!(sizes.workers, cpus);
        assert_eq!(sizes.reactors, cpus.min(8));
        assert!(sizes.max_connection <= 100_000);
        let (sizes, _) = completed(&[("worker_num", 1), ("reactor_num", 0)]);
        assert_eq!(sizes.reactors, 1, "never more than workers");
        let (sizes, notes) = completed(&[("worker_num", 1), ("max_connection", 10)]);
        assert_eq!((sizes.max_connection, notes.len()), (10, 0));
        assert_eq!(sizes.output_buffer_size, u64::from(u32::MAX));
    }
}

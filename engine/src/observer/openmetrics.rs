//! All figures as OpenMetrics text. `docs/METRICS.md` says what each one means.
//!
//! The older text format of Prometheus differs in two places: counters are described under the name that
//! ends in `_total`, and there is no end mark.

use std::fmt::{Display, Write};

use crate::callback::Callback;
use crate::shared::{ChildKind, Shared};
use crate::stats::{ReactorBlock, Stats, WorkerReport, WorkerState};
use crate::sync::Ordering;

/// The page.
pub(super) fn page(shared: &Shared, classic: bool) -> String {
    let mut page = Page {
        text: String::with_capacity(8 * 1024),
        classic,
    };
    let reports: Vec<_> = (0..shared.children())
        .map(|worker| shared.worker_report(worker))
        .collect();
    let stats = shared.stats(None);
    page.server(&stats);
    if shared.task_workers() > 0 {
        page.tasks(&stats);
    }
    page.reactors(shared.reactors());
    page.kinds(shared);
    page.workers(&reports);
    page.finish()
}

struct Page {
    text: String,
    classic: bool,
}

/// Milliseconds as seconds.
struct Seconds(u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

impl Page {
    fn server(&mut self, stats: &Stats) {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        self.gauge("skep_build_info", "The running version, as a label.")
            .value(&version, 1);
        self.gauge("skep_start_time_seconds", "Unix time of the start.")
            .value(&[], stats.start_time);
        let phase = [("phase", stats.phase)];
        self.gauge("skep_phase", "Where the server is in its life, as a label.")
            .value(&phase, 1);
        self.gauge("skep_ready", "1 while the server accepts and serves.")
            .value(&[], u8::from(stats.ready));
        for (name, value, help) in [
            ("skep_sessions", stats.connection_num, "Open sessions."),
            (
                "skep_sessions_held_back",
                stats.held_back,
                "Sessions not read at the moment because a worker's queue is full.",
            ),
            (
                "skep_output_bytes",
                stats.output_bytes,
                "Bytes waiting for slow clients.",
            ),
            ("skep_workers", stats.worker_num, "Configured workers."),
            (
                "skep_workers_idle",
                stats.idle_worker_num,
                "Workers that are ready and have nothing to do.",
            ),
        ] {
            self.gauge(name, help).value(&[], value);
        }
        for (name, value, help) in [
            ("skep_accepts", stats.accept_count, "Connections accepted."),
            (
                "skep_aborts",
                stats.abort_count,
                "Connections dropped before they became sessions.",
            ),
            ("skep_closes", stats.close_count, "Sessions ended."),
            (
                "skep_messages",
                stats.dispatch_count,
                "Messages given to workers.",
            ),
            (
                "skep_requests",
                stats.request_count,
                "Receive callbacks that have returned.",
            ),
            (
                "skep_responses",
                stats.response_count,
                "Sends that were accepted.",
            ),
            (
                "skep_received_bytes",
                stats.total_recv_bytes,
                "Bytes read from clients.",
            ),
            (
                "skep_sent_bytes",
                stats.total_send_bytes,
                "Bytes accepted by send.",
            ),
            (
                "skep_datagrams_dropped",
                stats.datagrams_dropped,
                "Datagrams read and dropped: no room for them, or cut off.",
            ),
            (
                "skep_requests_lost",
                stats.requests_lost,
                "Messages and events that died with a worker.",
            ),
            ("skep_reloads", stats.reloads, "Reloads completed."),
        ] {
            self.counter(name, help).value(&[], value);
        }
    }

    fn tasks(&mut self, stats: &Stats) {
        for (name, value, help) in [
            (
                "skep_task_workers",
                stats.task_worker_num,
                "Configured task workers.",
            ),
            (
                "skep_task_workers_idle",
                stats.task_idle_worker_num,
                "Task workers that are ready and have nothing to do.",
            ),
            (
                "skep_tasks_waiting",
                stats.tasking_num,
                "Tasks that wait for a task worker.",
            ),
            (
                "skep_tasks_waiting_bytes",
                stats.task_queue_bytes,
                "Bytes of the tasks that wait.",
            ),
            (
                "skep_tasks_at_work",
                stats.tasks_at_work,
                "Tasks that task workers are at.",
            ),
        ] {
            self.gauge(name, help).value(&[], value);
        }
        self.gauge(
            "skep_tasks_oldest_seconds",
            "How long the oldest task has been waiting.",
        )
        .value(&[], Seconds(stats.task_queue_age_ms));
        for (name, value, help) in [
            ("skep_tasks", stats.task_count, "Tasks given."),
            (
                "skep_tasks_lost",
                stats.tasks_lost,
                "Tasks without a result that anybody could use: they died with a task worker or were left at the stop, or they or their results could not be read or sent.",
            ),
            (
                "skep_messages_lost",
                stats.messages_lost,
                "Messages between processes that died with their receiver.",
            ),
        ] {
            self.counter(name, help).value(&[], value);
        }
    }

    fn kinds(&mut self, shared: &Shared) {
        let mut kind = self.gauge("skep_worker_kind", "What the process is for, as a label.");
        for id in 0..shared.children() {
            let name = match shared.kind_of(id) {
                ChildKind::Worker => "worker",
                ChildKind::TaskWorker => "task_worker",
                ChildKind::UserProcess => "user_process",
            };
            kind.value(&[("worker", &id.to_string()), ("kind", name)], 1);
        }
    }

    fn reactors(&mut self, blocks: &[ReactorBlock]) {
        let mut turn = self.gauge(
            "skep_reactor_turn_max_seconds",
            "Longest turn of a reactor's loop since the start.",
        );
        for (id, block) in blocks.iter().enumerate() {
            let longest = block.longest_turn_ms.load(Ordering::Relaxed);
            turn.value(&[("reactor", &id.to_string())], Seconds(longest));
        }
    }

    fn workers(&mut self, reports: &[WorkerReport]) {
        let mut state = self.gauge(
            "skep_worker_state",
            "1 for the state that the worker is in.",
        );
        for (id, report) in Self::numbered(reports) {
            for possible in WorkerState::ALL {
                let labels = [("worker", id.as_str()), ("state", possible.name())];
                state.value(&labels, u8::from(report.state == possible));
            }
        }
        let mut callback = self.gauge(
            "skep_worker_callback",
            "The callback at work or the last one, as a label.",
        );
        for (id, report) in Self::numbered(reports) {
            if report.callback != Callback::None {
                let labels = [
                    ("worker", id.as_str()),
                    ("callback", report.callback.name()),
                ];
                callback.value(&labels, 1);
            }
        }
        type Value = fn(&WorkerReport) -> u64;
        let counters: [(_, _, Value); 2] = [
            (
                "skep_worker_requests",
                "Receive callbacks that the worker's present process has finished.",
                |report| report.served,
            ),
            (
                "skep_worker_restarts",
                "Processes of the worker that came after the first one.",
                |report| report.restarts,
            ),
        ];
        for (name, help, value) in counters {
            let mut family = self.counter(name, help);
            for (id, report) in Self::numbered(reports) {
                family.value(&[("worker", &id)], value(report));
            }
        }
        let gauges: [(_, _, Value); 2] = [
            (
                "skep_worker_resident_memory_bytes",
                "Resident memory of the worker's process.",
                |report| report.rss_bytes,
            ),
            (
                "skep_worker_queue_messages",
                "Messages waiting for the worker or at work in it.",
                |report| report.queue_depth,
            ),
        ];
        for (name, help, value) in gauges {
            let mut family = self.gauge(name, help);
            for (id, report) in Self::numbered(reports) {
                family.value(&[("worker", &id)], value(report));
            }
        }
        let times: [(_, _, Value); 2] = [
            (
                "skep_worker_busy_seconds",
                "For how long the callback at work has been running; 0 if none is.",
                |report| report.busy_ms,
            ),
            (
                "skep_worker_queue_age_seconds",
                "How long the oldest message of the worker's queue has been there, at least.",
                |report| report.queue_age_ms,
            ),
        ];
        for (name, help, value) in times {
            let mut family = self.gauge(name, help);
            for (id, report) in Self::numbered(reports) {
                family.value(&[("worker", &id)], Seconds(value(report)));
            }
        }
    }

    fn numbered(reports: &[WorkerReport]) -> impl Iterator<Item = (String, &WorkerReport)> {
        let numbered = reports.iter().enumerate();
        numbered.map(|(id, report)| (id.to_string(), report))
    }

    fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        let suffix = if self.classic { "_total" } else { "" };
        self.family(name, suffix, "counter", help);
        Family {
            page: self,
            name,
            suffix: "_total",
        }
    }

    fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "", "gauge", help);
        Family {
            page: self,
            name,
            suffix: "",
        }
    }

    fn family(&mut self, name: &str, suffix: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail, here and below.
        let _ = write!(
            self.text,
            "# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n"
        );
    }

    fn finish(mut self) -> String {
        if !self.classic {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

/// Samples of one metric.
struct Family<'a> {
    page: &'a mut Page,
    name: &'static str,
    suffix: &'static str,
}

impl Family<'_> {
    /// One sample. Label values are the engine's own words and numbers: nothing to escape.
    fn value(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let text = &mut self.page.text;
        let _ = write!(text, "{}{}", self.name, self.suffix);
        for (place, (key, value)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            let _ = write!(text, "{before}{key}=\"{value}\"");
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(text, "{end} {value}");
    }
}

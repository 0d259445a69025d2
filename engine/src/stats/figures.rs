//! The one list of keys: `stats()` of PHP and the statistics file both follow it.

use super::Stats;

/// A value in a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// A count, a size, a time.
    Number(u64),
    /// A name.
    Text(&'static str),
    /// Yes or no.
    Truth(bool),
}

impl Stats {
    /// Every figure with its key: those that tools know, in the order they know, then skep's own. What
    /// skep has nothing of (coroutines, descriptors to scan) counts 0.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, Figure)> + use<> {
        use Figure::{Number, Text, Truth};
        let known = [
            ("start_time", self.start_time),
            ("connection_num", self.connection_num),
            ("abort_count", self.abort_count),
            ("accept_count", self.accept_count),
            ("close_count", self.close_count),
            ("worker_num", self.worker_num),
            ("task_worker_num", self.task_worker_num),
            ("user_worker_num", self.user_worker_num),
            ("idle_worker_num", self.idle_worker_num),
            ("dispatch_count", self.dispatch_count),
            ("request_count", self.request_count),
            ("response_count", self.response_count),
            ("total_recv_bytes", self.total_recv_bytes),
            ("total_send_bytes", self.total_send_bytes),
            ("pipe_packet_msg_id", 0),
            ("concurrency", 0),
            ("session_round", self.session_round),
            ("min_fd", 0),
            ("max_fd", 0),
        ];
        let worker = self.worker.map(|own| {
            [
                ("worker_request_count", own.request_count),
                ("worker_response_count", own.response_count),
                ("worker_dispatch_count", own.dispatch_count),
                ("worker_concurrency", 0),
            ]
        });
        let tasks = [
            ("task_idle_worker_num", self.task_idle_worker_num),
            ("tasking_num", self.tasking_num),
            ("task_count", self.task_count),
        ];
        let tasks = &tasks[if self.task_worker_num > 0 { 0..3 } else { 1..2 }];
        let queue = self
            .task_queue
            .map(|(messages, _)| ("task_queue_num", messages + self.tasking_num));
        let absent = [("coroutine_num", 0), ("coroutine_peek_num", 0)];
        let number = |(key, value)| (key, Number(value));
        let own = [
            ("requests_lost", Number(self.requests_lost)),
            ("output_bytes", Number(self.output_bytes)),
            ("held_back", Number(self.held_back)),
            ("datagrams_dropped", Number(self.datagrams_dropped)),
            (
                "task_queue_bytes",
                Number(self.task_queue_bytes + self.task_queue.map_or(0, |(_, bytes)| bytes)),
            ),
            ("task_queue_age_ms", Number(self.task_queue_age_ms)),
            ("tasks_at_work", Number(self.tasks_at_work)),
            ("tasks_lost", Number(self.tasks_lost)),
            ("messages_lost", Number(self.messages_lost)),
            ("reloads", Number(self.reloads)),
            ("phase", Text(self.phase)),
            ("ready", Truth(self.ready)),
        ];
        known
            .into_iter()
            .chain(worker.into_iter().flatten())
            .chain(queue)
            .chain(tasks.to_vec())
            .chain(absent)
            .map(number)
            .chain(own)
    }
}

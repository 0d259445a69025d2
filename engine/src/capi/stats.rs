//! The counters of a server and of each of its workers.

use std::ffi::c_char;

use super::guard::guard;
use super::handle::{get, skep_server};
use super::sized::{Growing, SizedOut};
use super::status::{Fault, SKEP_INVALID_ARGUMENT, skep_status};
use crate::{Stats, WorkerReport};

/// The counters of a whole server, the same whichever process asks; the last group is the caller's own.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct skep_stats {
    /// In: sizeof(skep_stats). Out: how many of these bytes have been filled in.
    pub size: usize,
    /// Unix time of start.
    pub start_time: u64,
    /// Open sessions.
    pub connection_num: u64,
    /// Connections dropped before they became sessions.
    pub abort_count: u64,
    /// Connections accepted.
    pub accept_count: u64,
    /// Sessions ended.
    pub close_count: u64,
    /// Workers.
    pub worker_num: u64,
    /// Workers that are ready and have nothing to do.
    pub idle_worker_num: u64,
    /// Messages given to workers.
    pub dispatch_count: u64,
    /// Receive and packet callbacks that have returned.
    pub request_count: u64,
    /// Sends that were accepted.
    pub response_count: u64,
    /// Bytes read from clients.
    pub total_recv_bytes: u64,
    /// Bytes accepted by skep_server_send() and skep_server_send_to().
    pub total_send_bytes: u64,
    /// Last session id given.
    pub session_round: u64,
    /// Sessions closed because the worker died that was handling their request.
    pub requests_lost: u64,
    /// Bytes waiting for slow clients.
    pub output_bytes: u64,
    /// Sessions and datagram ports not read at the moment because a worker's queue is full.
    pub held_back: u64,
    /// 1 in a worker; 0 elsewhere, and then the numbers below are 0.
    pub in_worker: u64,
    /// Receive and packet callbacks of this process that have returned.
    pub worker_request_count: u64,
    /// Sends of this process that were accepted.
    pub worker_response_count: u64,
    /// Messages this process has taken.
    pub worker_dispatch_count: u64,
    /// Reloads completed.
    pub reloads: u64,
    /// 1 while the server accepts and serves, that is in the phase "serving"; else 0.
    pub ready: u64,
    /// Where the server is in its life, as text: "starting", "serving", then the steps of a stop, "stopped".
    pub phase: [c_char; 16],
    /// Datagrams read and dropped, because their worker had no room or they were cut off.
    pub datagrams_dropped: u64,
    /// Task workers.
    pub task_worker_num: u64,
    /// Task workers that are ready and have nothing to do.
    pub task_idle_worker_num: u64,
    /// User processes.
    pub user_worker_num: u64,
    /// Tasks that wait for a task worker.
    pub tasking_num: u64,
    /// Bytes of those, heads included.
    pub task_queue_bytes: u64,
    /// How long the oldest of them has been waiting, milliseconds.
    pub task_queue_age_ms: u64,
    /// Tasks that task workers are at.
    pub tasks_at_work: u64,
    /// Tasks ever given.
    pub task_count: u64,
    /// Tasks that died with a task worker, were left when the server stopped, or whose results could not be sent or read.
    pub tasks_lost: u64,
    /// Messages in the message queue that other programs feed; 0 with task_ipc_mode 1.
    pub message_queue_num: u64,
    /// Bytes of those.
    pub message_queue_bytes: u64,
    /// Messages of other processes that were at work when their receiver died.
    pub messages_lost: u64,
}

// SAFETY: `size` first; 36 fields of 8 bytes and one of 16 are the whole struct.
unsafe impl Growing for skep_stats {
    const FIRST: usize = 168;

    fn set_size(&mut self, size: usize) {
        self.size = size;
    }
}

const _: () =
    assert!(size_of::<skep_stats>() == 38 * 8 && skep_stats::FIRST <= size_of::<skep_stats>());

impl From<Stats> for skep_stats {
    fn from(stats: Stats) -> skep_stats {
        let own = stats.worker;
        let (message_queue_num, message_queue_bytes) = stats.task_queue.unwrap_or_default();
        skep_stats {
            size: 0,
            start_time: stats.start_time,
            connection_num: stats.connection_num,
            abort_count: stats.abort_count,
            accept_count: stats.accept_count,
            close_count: stats.close_count,
            worker_num: stats.worker_num,
            idle_worker_num: stats.idle_worker_num,
            dispatch_count: stats.dispatch_count,
            request_count: stats.request_count,
            response_count: stats.response_count,
            total_recv_bytes: stats.total_recv_bytes,
            total_send_bytes: stats.total_send_bytes,
            session_round: stats.session_round,
            requests_lost: stats.requests_lost,
            output_bytes: stats.output_bytes,
            held_back: stats.held_back,
            in_worker: own.is_some().into(),
            worker_request_count: own.map_or(0, |own| own.request_count),
            worker_response_count: own.map_or(0, |own| own.response_count),
            worker_dispatch_count: own.map_or(0, |own| own.dispatch_count),
            reloads: stats.reloads,
            ready: stats.ready.into(),
            phase: name(stats.phase),
            datagrams_dropped: stats.datagrams_dropped,
            task_worker_num: stats.task_worker_num,
            task_idle_worker_num: stats.task_idle_worker_num,
            user_worker_num: stats.user_worker_num,
            tasking_num: stats.tasking_num,
            task_queue_bytes: stats.task_queue_bytes,
            task_queue_age_ms: stats.task_queue_age_ms,
            tasks_at_work: stats.tasks_at_work,
            task_count: stats.task_count,
            tasks_lost: stats.tasks_lost,
            message_queue_num,
            message_queue_bytes,
            messages_lost: stats.messages_lost,
        }
    }
}

/// The counters of the server. Set `out->size` to sizeof(skep_stats) first.
///
/// Ownership: `out` is the caller's.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (`size`), SKEP_NOT_RUNNING, SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_stats(
    server: *mut skep_server,
    out: *mut skep_stats,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle, and NULL or a struct of `size` bytes.
        let (server, out) = unsafe { (get(server)?, SizedOut::new(out, "out")?) };
        out.set(server.context()?.stats().into());
        Ok(())
    })
}

/// What is known of a worker id and of the process that serves it.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct skep_worker_stats {
    /// In: sizeof(skep_worker_stats). Out: how many of these bytes have been filled in.
    pub size: usize,
    /// Pid of the process; 0 while there is none.
    pub pid: u64,
    /// For how long the callback at work has been running, milliseconds; 0 if none is.
    pub busy_ms: u64,
    /// The session of that callback or of the last one; 0 if it belongs to none.
    pub session: u64,
    /// Receive and packet callbacks that the process has finished.
    pub served: u64,
    /// Processes that came after the first one.
    pub restarts: u64,
    /// Resident memory of the process, bytes; 0 if it cannot be read.
    pub rss_bytes: u64,
    /// Messages waiting for the worker or at work in it.
    pub queue_depth: u64,
    /// How long the oldest of them has been there, milliseconds: never more than the truth, and exact to a
    /// millisecond or two for a worker that is blocked.
    pub queue_age_ms: u64,
    /// "starting", "idle", "busy", "stopping" or "gone".
    pub state: [c_char; 16],
    /// The callback at work, or the last one: "onReceive" and so on; empty before the first.
    pub callback: [c_char; 24],
}

// SAFETY: `size` first; 9 fields of 8 bytes, one of 16 and one of 24 are the whole struct.
unsafe impl Growing for skep_worker_stats {
    const FIRST: usize = 112;

    fn set_size(&mut self, size: usize) {
        self.size = size;
    }
}

const _: () = assert!(
    size_of::<skep_worker_stats>() == 9 * 8 + 16 + 24
        && skep_worker_stats::FIRST <= size_of::<skep_worker_stats>()
);

impl From<WorkerReport> for skep_worker_stats {
    fn from(report: WorkerReport) -> skep_worker_stats {
        skep_worker_stats {
            size: 0,
            pid: report.pid.max(0) as u64,
            busy_ms: report.busy_ms,
            session: report.session,
            served: report.served,
            restarts: report.restarts,
            rss_bytes: report.rss_bytes,
            queue_depth: report.queue_depth,
            queue_age_ms: report.queue_age_ms,
            state: name(report.state.name()),
            callback: name(report.callback.name()),
        }
    }
}

/// A name as C text; what does not fit is cut off.
fn name<const N: usize>(text: &str) -> [c_char; N] {
    let mut room = [0; N];
    for (place, byte) in room[..N - 1].iter_mut().zip(text.bytes()) {
        *place = byte as c_char;
    }
    room
}

/// The figures of one worker. Set `out->size` to sizeof(skep_worker_stats) first.
///
/// Ownership: `out` is the caller's.
/// Callable from: any process, in a callback.
/// Errors: SKEP_NULL_ARGUMENT, SKEP_INVALID_ARGUMENT (`size`, or no worker has this id), SKEP_NOT_RUNNING,
/// SKEP_WRONG_THREAD.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn skep_server_worker_stats(
    server: *mut skep_server,
    worker: u32,
    out: *mut skep_worker_stats,
) -> skep_status {
    guard(|| {
        // SAFETY: the caller gives NULL or a live handle, and NULL or a struct of `size` bytes.
        let (server, out) = unsafe { (get(server)?, SizedOut::new(out, "out")?) };
        let report = server.context()?.worker_report(worker).ok_or_else(|| {
            Fault::new(
                SKEP_INVALID_ARGUMENT,
                format!("there is no worker {worker}"),
            )
        })?;
        out.set(report.into());
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_in_a_zero_also_when_they_are_cut() {
        assert_eq!(name::<4>("ab"), [97, 98, 0, 0]);
        assert_eq!(name::<4>("abcdef"), [97, 98, 99, 0]);
        assert_eq!(name::<4>(""), [0; 4]);
    }
}

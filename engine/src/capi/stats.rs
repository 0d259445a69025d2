//! The counters of a server.

use super::guard::guard;
use super::handle::{get, skep_server};
use super::sized::{Growing, SizedOut};
use super::status::skep_status;
use crate::Stats;

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
    /// Receive callbacks that have returned.
    pub request_count: u64,
    /// Sends that were accepted.
    pub response_count: u64,
    /// Bytes read from clients.
    pub total_recv_bytes: u64,
    /// Bytes accepted by skep_server_send().
    pub total_send_bytes: u64,
    /// Last session id given.
    pub session_round: u64,
    /// Sessions closed because the worker died that was handling their request.
    pub requests_lost: u64,
    /// Bytes waiting for slow clients.
    pub output_bytes: u64,
    /// Sessions not read at the moment because a worker's queue is full.
    pub held_back: u64,
    /// 1 in a worker; 0 elsewhere, and then the numbers below are 0.
    pub in_worker: u64,
    /// Receive callbacks of this process that have returned.
    pub worker_request_count: u64,
    /// Sends of this process that were accepted.
    pub worker_response_count: u64,
    /// Messages this process has taken.
    pub worker_dispatch_count: u64,
}

// SAFETY: `size` first; 21 fields of 8 bytes are the whole struct.
unsafe impl Growing for skep_stats {
    const FIRST: usize = 168;

    fn set_size(&mut self, size: usize) {
        self.size = size;
    }
}

const _: () =
    assert!(size_of::<skep_stats>() == 21 * 8 && skep_stats::FIRST <= size_of::<skep_stats>());

impl From<Stats> for skep_stats {
    fn from(stats: Stats) -> skep_stats {
        let own = stats.worker;
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

//! Processes, threads and the queues between them.

use crate::error::Error;
use crate::settings::dispatch_mode::DispatchMode;
use crate::settings::table::{Apply, Kind, Row};
use crate::settings::value::{int, size, truth};

pub(super) static ROWS: &[Row] = &[
    Row {
        key: "dispatch_mode",
        aliases: &[],
        kind: Kind::Int,
        default: "2",
        range: "1 in turn, 2 by session, 3 idle first, 4 by client address, 5 by uid, 6 dispatch function, 8 least loaded once, \
                11 adaptive; 7, 9, 10 and unknown numbers are as 3",
        help: "Which worker gets a message. Modes 1, 3, 7, 9 and 10 spread the messages of one session and drop connect, close and \
               buffer events.",
        apply: Apply::Server(|s, v| {
            s.dispatch_mode = DispatchMode::from_number(int(v));
            Ok(())
        }),
    },
    Row {
        key: "dispatch_rescue_ms",
        aliases: &[],
        kind: Kind::Int,
        default: "10",
        range: "1..=60000; clamped",
        help: "Mode 11: how long a worker may be in one callback before the sessions that wait for it go to other workers.",
        apply: Apply::Server(|s, v| {
            s.dispatch_rescue_ms = int(v).clamp(1, 60_000) as u64;
            Ok(())
        }),
    },
    Row {
        key: "enable_coroutine",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "false; true is refused: callbacks run to their end, one at a time",
        help: "Present so that scripts that switch coroutines off run unchanged.",
        apply: Apply::Server(|_, v| match truth(v) {
            false => Ok(()),
            true => Err(Error::BadSetting(
                "enable_coroutine is not supported, callbacks run one at a time".into(),
            )),
        }),
    },
    Row {
        key: "enable_unsafe_event",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true or false",
        help: "Deliver connect, close and buffer events in the dispatch modes that spread the messages of a session, too: each goes \
               to a worker of its own.",
        apply: Apply::Server(|s, v| {
            s.enable_unsafe_event = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "max_queued_bytes",
        aliases: &[],
        kind: Kind::Size,
        default: "half of worker_queue_size",
        range: "0 means the default; at most half of worker_queue_size",
        help: "Bytes of one session that may wait for a worker before the session is not read any more.",
        apply: Apply::Server(|s, v| {
            s.max_queued_bytes = size(v)?.min(u64::from(u32::MAX));
            Ok(())
        }),
    },
    Row {
        key: "output_buffer_size",
        aliases: &["buffer_output_size"],
        kind: Kind::Size,
        default: "4294967295",
        range: "0..=4294967295; clamped",
        help: "Largest single send; a larger one fails with 1203.",
        apply: Apply::Server(|s, v| {
            s.output_buffer_size = size(v)?.min(u64::from(u32::MAX));
            Ok(())
        }),
    },
    Row {
        key: "reactor_num",
        aliases: &[],
        kind: Kind::Int,
        default: "number of CPUs, at most 8",
        range: "1..=4 per CPU; 0 means the number of CPUs; never more than worker_num",
        help: "Threads of the master that read and write connections.",
        apply: Apply::Server(|s, v| {
            s.reactor_num = Some(int(v).clamp(0, 65535) as u32);
            Ok(())
        }),
    },
    Row {
        key: "worker_num",
        aliases: &[],
        kind: Kind::Int,
        default: "number of CPUs",
        range: "1..=1000 per CPU; 0 and less mean the number of CPUs",
        help: "Worker processes.",
        apply: Apply::Server(|s, v| {
            s.worker_num = Some(int(v).clamp(0, i64::from(u32::MAX)) as u32);
            Ok(())
        }),
    },
    Row {
        key: "worker_queue_size",
        aliases: &[],
        kind: Kind::Size,
        default: "256K",
        range: "64K..=64M, rounded up to a power of two; clamped",
        help: "Bytes that may wait between one reactor thread and one worker, in each direction; when they are in use, the connections that feed the queue are not read.",
        apply: Apply::Server(|s, v| {
            s.worker_queue_size = size(v)?.clamp(64 << 10, 64 << 20).next_power_of_two();
            Ok(())
        }),
    },
];

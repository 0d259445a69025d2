//! Starting, stopping, replacing: how long, how often, and what then.

use crate::error::Error;
use crate::settings::port::OnWorkerLost;
use crate::settings::table::{Apply, Kind, Row};
use crate::settings::value::{absolute, int, milliseconds, size, text, truth};

pub(super) static ROWS: &[Row] = &[
    Row {
        key: "bootstrap",
        aliases: &[],
        kind: Kind::Text,
        default: "none",
        range: "a path, made absolute when it is set; PHP only, refused at start elsewhere",
        help: "A PHP file that each worker loads after its fork, before `onWorkerStart`: a reload loads it anew.",
        apply: Apply::Server(|s, v| {
            s.bootstrap = absolute(&text(v));
            Ok(())
        }),
    },
    Row {
        key: "max_request",
        aliases: &[],
        kind: Kind::Int,
        default: "0",
        range: "0..=4294967295; clamped; 0: never",
        help: "A worker is replaced after this many receive callbacks; its replacement is started first.",
        apply: Apply::Server(|s, v| {
            s.max_request = int(v).clamp(0, i64::from(u32::MAX)) as u64;
            Ok(())
        }),
    },
    Row {
        key: "max_request_grace",
        aliases: &[],
        kind: Kind::Int,
        default: "half of max_request if that is more than 10, else 0",
        range: "0..=4294967295; clamped",
        help: "Each worker adds a random number from 1 to this to its `max_request`, so that they are not replaced all at once.",
        apply: Apply::Server(|s, v| {
            s.max_request_grace = Some(int(v).clamp(0, i64::from(u32::MAX)) as u64);
            Ok(())
        }),
    },
    Row {
        key: "max_respawns",
        aliases: &[],
        kind: Kind::Int,
        default: "100",
        range: "0..=4294967295; clamped; 0: go on for ever",
        help: "A worker that ends within a second of its start so many times in a row stops the server, with exit code 255 and the reason in the log.",
        apply: Apply::Server(|s, v| {
            s.max_respawns = int(v).clamp(0, i64::from(u32::MAX)) as u32;
            Ok(())
        }),
    },
    Row {
        key: "max_wait_time",
        aliases: &[],
        kind: Kind::Seconds,
        default: "3",
        range: "0..=4294967295; clamped",
        help: "How long a stop waits for work in progress, and a reload for each worker.",
        apply: Apply::Server(|s, v| {
            s.max_wait_ms = milliseconds(v);
            Ok(())
        }),
    },
    Row {
        key: "on_worker_lost",
        aliases: &[],
        kind: Kind::Text,
        default: "close",
        range: "close or keep; others are refused",
        help: "What becomes of a session whose message was lost with its worker: closed, so that the client knows, or kept open.",
        apply: Apply::Port(|p, v| {
            p.on_worker_lost = match text(v).as_str() {
                "close" => OnWorkerLost::Close,
                "keep" => OnWorkerLost::Keep,
                other => {
                    return Err(Error::BadSetting(format!(
                        "on_worker_lost '{other}' is not known, use close or keep"
                    )));
                }
            };
            Ok(())
        }),
    },
    Row {
        key: "reload_async",
        aliases: &[],
        kind: Kind::Bool,
        default: "true",
        range: "true or false",
        help: "A reload starts all new workers beside the old ones, which then end. If false, one worker after the other ends and is replaced.",
        apply: Apply::Server(|s, v| {
            s.reload_async = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "shutdown_delay",
        aliases: &[],
        kind: Kind::Seconds,
        default: "0",
        range: "0..=4294967295; clamped",
        help: "How long everything is still served after a stop was asked for, while the server reports that it is not ready, so that load balancers can turn away.",
        apply: Apply::Server(|s, v| {
            s.shutdown_delay_ms = milliseconds(v);
            Ok(())
        }),
    },
    Row {
        key: "worker_deadline",
        aliases: &["max_request_time"],
        kind: Kind::Seconds,
        default: "0",
        range: "0..=4294967295; clamped; 0: none; below 0.05 counts as 0.05",
        help: "A callback of a worker that takes longer costs the session, which is closed, and the worker, which is replaced: SIGTERM, 0.1 s later SIGKILL.",
        apply: Apply::Server(|s, v| {
            s.worker_deadline_ms = match milliseconds(v) {
                0 => 0,
                n => n.max(50),
            };
            Ok(())
        }),
    },
    Row {
        key: "worker_max_memory",
        aliases: &[],
        kind: Kind::Size,
        default: "0",
        range: "bytes; 0: no limit",
        help: "A worker whose resident memory exceeds this between two callbacks is replaced; its replacement is started first.",
        apply: Apply::Server(|s, v| {
            s.worker_max_memory = size(v)?;
            Ok(())
        }),
    },
    Row {
        key: "worker_start_timeout",
        aliases: &[],
        kind: Kind::Seconds,
        default: "60",
        range: "0..=4294967295; clamped; 0: any time",
        help: "A worker whose `bootstrap` and `onWorkerStart` take longer is killed and started again; a reload keeps the old process.",
        apply: Apply::Server(|s, v| {
            s.worker_start_ms = milliseconds(v);
            Ok(())
        }),
    },
];

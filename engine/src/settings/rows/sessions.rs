//! Silence of clients, slow clients, and when to begin reading.

use crate::settings::table::{Apply, Kind, Row};
use crate::settings::value::{int, limit_ms, size, truth};

/// Heartbeats are whole seconds, up to this.
const LONGEST_S: i64 = 65535;

pub(super) static ROWS: &[Row] = &[
    Row {
        key: "buffer_high_watermark",
        aliases: &[],
        kind: Kind::Size,
        default: "0.8 of socket_buffer_size",
        range: "0..=4294967295; clamped",
        help: "So many bytes or more waiting for one client are a full buffer: onBufferFull.",
        apply: Apply::Port(|p, v| {
            p.session.buffer_high = Some(size(v)?.min(u64::from(u32::MAX)));
            Ok(())
        }),
    },
    Row {
        key: "buffer_low_watermark",
        aliases: &[],
        kind: Kind::Size,
        default: "0",
        range: "0..=4294967295; clamped",
        help: "After that, so many bytes or fewer are an empty buffer: onBufferEmpty.",
        apply: Apply::Port(|p, v| {
            p.session.buffer_low = size(v)?.min(u64::from(u32::MAX));
            Ok(())
        }),
    },
    Row {
        key: "discard_timeout_request",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true or false",
        help: "Where messages of a session are spread over workers: drop those of sessions that are gone, with a line in the log (1007).",
        apply: Apply::Server(|s, v| {
            s.discard_timeout_request = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "enable_delay_receive",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true or false",
        help: "Do not read a new session before confirm() or resume().",
        apply: Apply::Server(|s, v| {
            s.enable_delay_receive = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "heartbeat_check_interval",
        aliases: &[],
        kind: Kind::Int,
        default: "half of the primary port's heartbeat_idle_time",
        range: "0..=65535 seconds, 0 is the default; clamped",
        help: "How often to look for silent sessions; lowered to half of the shortest heartbeat_idle_time, but at least 1. Ports without heartbeat_idle_time get twice this.",
        apply: Apply::Server(|s, v| {
            s.heartbeat_check_s = int(v).clamp(0, LONGEST_S) as u32;
            Ok(())
        }),
    },
    Row {
        key: "heartbeat_idle_time",
        aliases: &[],
        kind: Kind::Int,
        default: "twice heartbeat_check_interval; off if neither is set",
        range: "0..=65535 seconds, 0 is the default; clamped",
        help: "A session without bytes from its client for so long is closed, unless it is protected.",
        apply: Apply::Port(|p, v| {
            p.session.heartbeat_idle_s = int(v).clamp(0, LONGEST_S) as u32;
            Ok(())
        }),
    },
    Row {
        key: "max_idle_time",
        aliases: &[],
        kind: Kind::Seconds,
        default: "0",
        range: "0 is off; at least 0.001",
        help: "A session without bytes in either direction for so long is closed, unless it is protected.",
        apply: Apply::Port(|p, v| {
            p.session.max_idle_ms = limit_ms(v);
            Ok(())
        }),
    },
    Row {
        key: "receive_timeout",
        aliases: &[],
        kind: Kind::Seconds,
        default: "0",
        range: "0 is off; at least 0.001",
        help: "How long the rest of a message that has begun may take; then the session ends.",
        apply: Apply::Port(|p, v| {
            p.session.receive_timeout_ms = limit_ms(v);
            Ok(())
        }),
    },
    Row {
        key: "send_stall_timeout",
        aliases: &[],
        kind: Kind::Seconds,
        default: "0",
        range: "0 is off; at least 0.001",
        help: "How long a client may take nothing while output waits for it; then the session ends, and the log says so.",
        apply: Apply::Port(|p, v| {
            p.session.send_stall_ms = limit_ms(v);
            Ok(())
        }),
    },
];

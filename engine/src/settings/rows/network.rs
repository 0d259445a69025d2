//! Sessions and their buffers.

use crate::settings::table::{Apply, Kind, Row};
use crate::settings::value::{int, size, truth};

pub(super) static ROWS: &[Row] = &[
    Row {
        key: "input_buffer_size",
        aliases: &["buffer_input_size"],
        kind: Kind::Size,
        default: "none",
        range: "any; has no effect, which the log says",
        help: "Obsolete: what is received is bounded by package_max_length and max_queued_bytes.",
        apply: Apply::Server(|s, v| {
            size(v)?;
            s.notes
                .push("input_buffer_size is obsolete and has no effect".into());
            Ok(())
        }),
    },
    Row {
        key: "max_connection",
        aliases: &["max_conn"],
        kind: Kind::Int,
        default: "100000, or the descriptor limit less what the server needs itself",
        range: "1..=1048576; 0 means the default; lowered to the descriptor limit",
        help: "Sessions at a time; at the limit the server stops accepting until one ends.",
        apply: Apply::Server(|s, v| {
            s.max_connection = match int(v) {
                n if n <= 0 => None,
                n => Some(n.min(1 << 20) as u32),
            };
            if int(v) > 1 << 20 {
                s.notes.push(
                    "max_connection is exceed the SW_SESSION_LIST_SIZE, it's reset to 1048576"
                        .into(),
                );
            }
            Ok(())
        }),
    },
    Row {
        key: "open_half_close",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true or false",
        help: "A client that has closed its sending side stays: it can be sent to until the server closes the session. \
               Otherwise the close event follows its last message, and what was sent by then is still delivered.",
        apply: Apply::Port(|p, v| {
            p.half_close = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "socket_buffer_size",
        aliases: &[],
        kind: Kind::Size,
        default: "8388608",
        range: "0 means 2147483647; clamped to that",
        help: "Bytes that may wait for one slow client; beyond it send fails with 1009.",
        apply: Apply::Port(|p, v| {
            p.socket_buffer_size = match size(v)? {
                0 => i32::MAX as u64,
                n => n.min(i32::MAX as u64),
            };
            Ok(())
        }),
    },
    Row {
        key: "start_session_id",
        aliases: &[],
        kind: Kind::Int,
        default: "0",
        range: "0..=4294967295; clamped",
        help: "The first session id is one more than this.",
        apply: Apply::Server(|s, v| {
            s.start_session_id = int(v).clamp(0, i64::from(u32::MAX)) as u64;
            Ok(())
        }),
    },
];

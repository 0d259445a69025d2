//! How the server is looked at from outside.

use crate::error::Error;
use crate::settings::http_address::HttpAddress;
use crate::settings::table::{Apply, Kind, Row};
use crate::settings::value::{absolute, int, text};

pub(super) static ROWS: &[Row] = &[
    Row {
        key: "metrics_listen",
        aliases: &[],
        kind: Kind::Text,
        default: "none",
        range: "`host:port`, `[v6]:port` or `unix:/path`, empty for none; others are refused",
        help: "The master answers HTTP there: `/metrics`, `/healthz`, `/readyz`. Read only and without a password: do not open it to strangers.",
        apply: Apply::Server(|s, v| {
            let given = text(v);
            s.metrics_listen = match given.as_str() {
                "" => None,
                given => Some(HttpAddress::parse(given).ok_or_else(|| {
                    Error::BadSetting(format!(
                        "metrics_listen '{given}' is not host:port or unix:/path"
                    ))
                })?),
            };
            Ok(())
        }),
    },
    Row {
        key: "stats_file",
        aliases: &[],
        kind: Kind::Text,
        default: "none",
        range: "a path, made absolute when it is set; `.json` and `.php` choose the format, others get `key: value` lines",
        help: "The figures of `stats()` are written there at intervals and at the end of the stop, by rename, by the master.",
        apply: Apply::Server(|s, v| {
            s.stats_file = absolute(&text(v));
            Ok(())
        }),
    },
    Row {
        key: "stats_timer_interval",
        aliases: &[],
        kind: Kind::Int,
        default: "1000",
        range: "10..=86400000 ms; clamped; 0 and less mean the default",
        help: "Milliseconds between two writes of `stats_file`.",
        apply: Apply::Server(|s, v| {
            s.stats_timer_interval_ms = match int(v) {
                ..=0 => 1000,
                n => n.clamp(10, 86_400_000) as u64,
            };
            Ok(())
        }),
    },
];

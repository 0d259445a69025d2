//! Starting, stopping, replacing: how long, how often, and what then.

use crate::settings::table::{Kind, Row, Scope};
use crate::settings::value::seconds;

pub(super) static ROWS: &[Row] = &[Row {
    key: "max_wait_time",
    aliases: &[],
    kind: Kind::Seconds,
    default: "3",
    range: "0..=4294967295; clamped",
    scope: Scope::Server,
    help: "How long a stop waits for work in progress, and a reload for each worker.",
    apply: |s, v| {
        s.max_wait_ms = (seconds(v).clamp(0.0, f64::from(u32::MAX)) * 1000.0) as u64;
        Ok(())
    },
}];

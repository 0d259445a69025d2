//! Where log lines go and how they look.

use crate::settings::table::{Kind, Row, Scope};
use crate::settings::value::{int, text};

pub(super) static ROWS: &[Row] = &[
    Row {
        key: "log_file",
        aliases: &[],
        kind: Kind::Text,
        default: "standard output",
        range: "a path; opened for appending when it is set",
        scope: Scope::Server,
        help: "Where log lines go.",
        apply: |s, v| {
            s.log_file = (!text(v).is_empty()).then(|| text(v));
            Ok(())
        },
    },
    Row {
        key: "log_level",
        aliases: &[],
        kind: Kind::Int,
        default: "2",
        range: "0 debug, 1 trace, 2 info, 3 notice, 4 warning, 5 error, 6 none; clamped",
        scope: Scope::Server,
        help: "Log lines below this level are dropped.",
        apply: |s, v| {
            s.log_level = int(v).clamp(0, 6) as u8;
            Ok(())
        },
    },
];

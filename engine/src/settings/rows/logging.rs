//! Where log lines go and how they look.

use std::ffi::CString;

use crate::error::{Error, code};
use crate::log::{Format, Rotation};
use crate::settings::table::{Apply, Kind, Row};
use crate::settings::value::{absolute, int, text, truth};
use crate::sys::clock;

pub(super) static ROWS: &[Row] = &[
    Row {
        key: "log_date_format",
        aliases: &[],
        kind: Kind::Text,
        default: "%F %T",
        range: "as for strftime(3); one that makes more than 127 bytes is not taken, with a warning",
        help: "The date in a log line.",
        apply: Apply::Server(|s, v| {
            let given = text(v);
            let Ok(format) = CString::new(given.as_str()) else {
                return Err(Error::BadSetting("log_date_format has a NUL byte".into()));
            };
            if !given.is_empty() && clock::local_time(&format).is_empty() {
                s.notes.push(format!(
                    "set() (ERRNO {}): The date format string[length={}] is too long",
                    code::INVALID_PARAMS,
                    given.len()
                ));
            } else {
                s.log.date_format = format;
            }
            Ok(())
        }),
    },
    Row {
        key: "log_date_with_microseconds",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true or false",
        help: "The date is followed by `<.` microseconds `>`.",
        apply: Apply::Server(|s, v| {
            s.log.microseconds = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "log_file",
        aliases: &[],
        kind: Kind::Text,
        default: "standard output",
        range: "a path, made absolute and opened for appending when it is set",
        help: "Where log lines go.",
        apply: Apply::Server(|s, v| {
            s.log.file = absolute(&text(v));
            Ok(())
        }),
    },
    Row {
        key: "log_format",
        aliases: &[],
        kind: Kind::Text,
        default: "text",
        range: "text or json; others are refused",
        help: "How a log line looks; json: one object per line with time, level, role, pid, id and text.",
        apply: Apply::Server(|s, v| {
            s.log.format = match text(v).as_str() {
                "text" => Format::Text,
                "json" => Format::Json,
                other => {
                    return Err(Error::BadSetting(format!(
                        "log_format '{other}' is not known, use text or json"
                    )));
                }
            };
            Ok(())
        }),
    },
    Row {
        key: "log_level",
        aliases: &[],
        kind: Kind::Int,
        default: "2",
        range: "0 debug, 1 trace, 2 info, 3 notice, 4 warning, 5 error, 6 none; clamped",
        help: "Log lines below this level are dropped.",
        apply: Apply::Server(|s, v| {
            s.log.level = int(v).clamp(0, 6) as u8;
            Ok(())
        }),
    },
    Row {
        key: "log_rotation",
        aliases: &[],
        kind: Kind::Int,
        default: "0",
        range: "0 never, 1 monthly, 2 daily, 3 hourly, 4 every minute; clamped",
        help: "A new log file is begun so often; the date is added to its name.",
        apply: Apply::Server(|s, v| {
            s.log.rotation = Rotation::from_number(int(v));
            Ok(())
        }),
    },
];

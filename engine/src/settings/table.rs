//! The one table of settings. PHP `set()`, the C setters, the validation messages and
//! `docs/settings.md` all come from it: a setting that is not here does not exist.

use super::checked::Settings;
use super::dispatch_mode::DispatchMode;
use crate::error::{Error, Result};

/// A value as a front hands it over.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Integer.
    Int(i64),
    /// Floating point number.
    Float(f64),
    /// Truth value.
    Bool(bool),
    /// Text.
    Text(String),
}

/// What a setting's value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    Int,
    /// Bytes: a number, or text with the suffix K, M or G.
    Size,
    /// Seconds, fractions allowed.
    Seconds,
    /// True or false.
    Bool,
    /// Text.
    Text,
}

/// Where a setting applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The whole server.
    Server,
    /// One listening port.
    Port,
}

/// One setting.
pub struct Row {
    /// Name in `set()`.
    pub key: &'static str,
    /// Other names for the same setting.
    pub aliases: &'static [&'static str],
    /// Type of the value.
    pub kind: Kind,
    /// Default, for people.
    pub default: &'static str,
    /// Allowed values and what happens outside, for people.
    pub range: &'static str,
    /// Where it applies.
    pub scope: Scope,
    /// One sentence.
    pub help: &'static str,
    apply: fn(&mut Settings, &Value) -> Result<()>,
}

/// All settings, sorted by key.
pub static ROWS: &[Row] = &[
    Row {
        key: "backlog",
        aliases: &[],
        kind: Kind::Int,
        default: "512",
        range: "1..=65535; 0 means 512; clamped",
        scope: Scope::Port,
        help: "Length of the kernel's queue of connections that wait to be accepted.",
        apply: |s, v| {
            s.backlog = match int(v).clamp(0, 65535) {
                0 => 512,
                n => n as i32,
            };
            Ok(())
        },
    },
    Row {
        key: "dispatch_mode",
        aliases: &[],
        kind: Kind::Int,
        default: "2",
        range: "1 round robin, 2 sticky, 3 idle first; others are refused",
        scope: Scope::Server,
        help: "Which worker gets a message. Modes 1 and 3 spread the messages of one session and drop connect and close events.",
        apply: |s, v| {
            s.dispatch_mode = match int(v) {
                1 => DispatchMode::RoundRobin,
                2 => DispatchMode::Sticky,
                3 => DispatchMode::IdleFirst,
                n => {
                    return Err(Error::BadSetting(format!(
                        "dispatch_mode {n} is not supported, use 1, 2 or 3"
                    )));
                }
            };
            Ok(())
        },
    },
    Row {
        key: "enable_coroutine",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "false; true is refused: callbacks run to their end, one at a time",
        scope: Scope::Server,
        help: "Present so that scripts that switch coroutines off run unchanged.",
        apply: |_, v| match truth(v) {
            false => Ok(()),
            true => Err(Error::BadSetting(
                "enable_coroutine is not supported, callbacks run one at a time".into(),
            )),
        },
    },
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
    Row {
        key: "max_connection",
        aliases: &["max_conn"],
        kind: Kind::Int,
        default: "100000, or the descriptor limit less what the server needs itself",
        range: "1..=1048576; 0 means the default; lowered to the descriptor limit",
        scope: Scope::Server,
        help: "Sessions at a time; at the limit the server stops accepting until one ends.",
        apply: |s, v| {
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
        },
    },
    Row {
        key: "max_queued_bytes",
        aliases: &[],
        kind: Kind::Size,
        default: "half of worker_queue_size",
        range: "0 means the default; at most half of worker_queue_size",
        scope: Scope::Server,
        help: "Bytes of one session that may wait for a worker before the session is not read any more.",
        apply: |s, v| {
            s.max_queued_bytes = size(v)?.min(u64::from(u32::MAX));
            Ok(())
        },
    },
    Row {
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
    },
    Row {
        key: "open_tcp_nodelay",
        aliases: &[],
        kind: Kind::Bool,
        default: "true",
        range: "true or false",
        scope: Scope::Port,
        help: "Send small writes at once (TCP_NODELAY).",
        apply: |s, v| {
            s.tcp_nodelay = truth(v);
            Ok(())
        },
    },
    Row {
        key: "output_buffer_size",
        aliases: &["buffer_output_size"],
        kind: Kind::Size,
        default: "4294967295",
        range: "0..=4294967295; clamped",
        scope: Scope::Server,
        help: "Largest single send; a larger one fails with 1203.",
        apply: |s, v| {
            s.output_buffer_size = size(v)?.min(u64::from(u32::MAX));
            Ok(())
        },
    },
    Row {
        key: "reactor_num",
        aliases: &[],
        kind: Kind::Int,
        default: "number of CPUs, at most 8",
        range: "1..=4 per CPU; 0 means the number of CPUs; never more than worker_num",
        scope: Scope::Server,
        help: "Threads of the master that read and write connections.",
        apply: |s, v| {
            s.reactor_num = Some(int(v).clamp(0, 65535) as u32);
            Ok(())
        },
    },
    Row {
        key: "socket_buffer_size",
        aliases: &[],
        kind: Kind::Size,
        default: "8388608",
        range: "0 means 2147483647; clamped to that",
        scope: Scope::Port,
        help: "Bytes that may wait for one slow client; beyond it send fails with 1009.",
        apply: |s, v| {
            s.socket_buffer_size = match size(v)? {
                0 => i32::MAX as u64,
                n => n.min(i32::MAX as u64),
            };
            Ok(())
        },
    },
    Row {
        key: "start_session_id",
        aliases: &[],
        kind: Kind::Int,
        default: "0",
        range: "0..=4294967295; clamped",
        scope: Scope::Server,
        help: "The first session id is one more than this.",
        apply: |s, v| {
            s.start_session_id = int(v).clamp(0, i64::from(u32::MAX)) as u64;
            Ok(())
        },
    },
    Row {
        key: "worker_num",
        aliases: &[],
        kind: Kind::Int,
        default: "number of CPUs",
        range: "1..=1000 per CPU; 0 and less mean the number of CPUs",
        scope: Scope::Server,
        help: "Worker processes.",
        apply: |s, v| {
            s.worker_num = Some(int(v).clamp(0, i64::from(u32::MAX)) as u32);
            Ok(())
        },
    },
    Row {
        key: "worker_queue_size",
        aliases: &[],
        kind: Kind::Size,
        default: "256K",
        range: "64K..=64M, rounded up to a power of two; clamped",
        scope: Scope::Server,
        help: "Bytes that may wait between one reactor thread and one worker, in each direction; when they are in use, the connections that feed the queue are not read.",
        apply: |s, v| {
            s.worker_queue_size = size(v)?.clamp(64 << 10, 64 << 20).next_power_of_two();
            Ok(())
        },
    },
];

impl Row {
    /// The row for a name or an alias.
    pub fn find(name: &str) -> Option<&'static Row> {
        ROWS.iter()
            .find(|row| row.key == name || row.aliases.contains(&name))
    }

    pub(super) fn apply(&self, settings: &mut Settings, value: &Value) -> Result<()> {
        (self.apply)(settings, value)
    }
}

/// Loose integer, as PHP converts: leading digits of a text, 0 if there are none.
fn int(value: &Value) -> i64 {
    match value {
        Value::Int(n) => *n,
        Value::Float(f) => *f as i64,
        Value::Bool(b) => i64::from(*b),
        Value::Text(t) => {
            let t = t.trim_start();
            let digits = t.strip_prefix(['-', '+']).unwrap_or(t);
            let count = digits.bytes().take_while(u8::is_ascii_digit).count();
            t[..t.len() - digits.len() + count].parse().unwrap_or(0)
        }
    }
}

fn seconds(value: &Value) -> f64 {
    match value {
        Value::Float(f) if f.is_finite() => *f,
        Value::Text(t) => t.trim().parse().unwrap_or_else(|_| int(value) as f64),
        other => int(other) as f64,
    }
}

fn truth(value: &Value) -> bool {
    match value {
        Value::Int(n) => *n != 0,
        Value::Float(f) => *f != 0.0,
        Value::Bool(b) => *b,
        Value::Text(t) => !t.is_empty() && t != "0",
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Int(n) => n.to_string(),
        Value::Float(f) => f.to_string(),
        Value::Bool(b) => if *b { "1" } else { "" }.into(),
        Value::Text(t) => t.clone(),
    }
}

/// Bytes; a text may end in K, M or G. Negative numbers count as 0.
fn size(value: &Value) -> Result<u64> {
    let Value::Text(given) = value else {
        return Ok(int(value).max(0) as u64);
    };
    let trimmed = given.trim();
    let (digits, factor) = match trimmed.char_indices().last() {
        Some((at, 'k' | 'K')) => (&trimmed[..at], 1 << 10),
        Some((at, 'm' | 'M')) => (&trimmed[..at], 1 << 20),
        Some((at, 'g' | 'G')) => (&trimmed[..at], 1 << 30),
        _ => (trimmed, 1),
    };
    match digits.trim().parse::<i64>() {
        Ok(n) => Ok((n.max(0) as u64).saturating_mul(factor)),
        Err(_) => Err(Error::BadSetting(format!(
            "failed to parse '{given}' to size"
        ))),
    }
}

/// The reference page for all settings, as Markdown.
pub fn reference() -> String {
    let mut page = String::from(
        "# Settings\n\nGenerated from `engine/src/settings/table.rs`. PHP: `$server->set([...])`. C: `skep_server_set_int` and\n\
         its siblings. Rust: `Server::set`. An unknown name is refused aloud\n\
         (in PHP by a warning, and the value is kept in `$server->setting` only). Sizes are bytes, or text with K, M or G.\n\n\
         | setting | type | default | range | scope | |\n|---|---|---|---|---|---|\n",
    );
    for row in ROWS {
        let names = std::iter::once(&row.key)
            .chain(row.aliases)
            .map(|name| format!("`{name}`"));
        let names = names.collect::<Vec<_>>().join(", ");
        let Row {
            kind,
            default,
            range,
            scope,
            help,
            ..
        } = row;
        page += &format!("| {names} | {kind:?} | {default} | {range} | {scope:?} | {help} |\n");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/settings.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, reference()).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            committed,
            reference(),
            "run: UPDATE_DOCS=1 cargo test -p skep settings"
        );
    }

    #[test]
    fn rows_are_sorted_and_names_unique() {
        let keys: Vec<_> = ROWS.iter().map(|row| row.key).collect();
        assert!(keys.is_sorted());
        let mut names: Vec<_> = ROWS
            .iter()
            .flat_map(|row| row.aliases.iter().chain([&row.key]))
            .collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn loose_integers_read_like_php() {
        for (given, expected) in [("abc", 0), ("12x", 12), (" 7", 7), ("-3", -3), ("", 0)] {
            assert_eq!(int(&Value::Text(given.into())), expected, "{given:?}");
        }
        assert_eq!(int(&Value::Float(3.9)), 3);
        assert_eq!(int(&Value::Bool(true)), 1);
    }

    #[test]
    fn sizes_take_suffixes_and_refuse_others() {
        assert_eq!(size(&Value::Text("8M".into())).unwrap(), 8 << 20);
        assert_eq!(size(&Value::Text("64k".into())).unwrap(), 64 << 10);
        assert_eq!(size(&Value::Int(-1)).unwrap(), 0);
        assert!(size(&Value::Text("2Q".into())).is_err());
    }
}

//! The server as a service of its machine: detached, known by a pid file, under an account, on CPUs.

use crate::error::Error;
use crate::settings::table::{Apply, Kind, Row};
use crate::settings::value::{Value, absolute, list, text, truth};
use crate::sys::affinity;

/// A text, or nothing if it is empty.
fn named(value: &Value) -> Option<String> {
    Some(text(value)).filter(|name| !name.is_empty())
}

pub(super) static ROWS: &[Row] = &[
    Row {
        key: "chroot",
        aliases: &[],
        kind: Kind::Text,
        default: "none",
        range: "an existing directory, made absolute when it is set; start() refuses others, and any without root's rights",
        help: "Root directory of the workers, taken on after their fork and before any of their callbacks and `bootstrap`.",
        apply: Apply::Server(|s, v| {
            s.daemon.chroot = absolute(&text(v));
            Ok(())
        }),
    },
    Row {
        key: "cpu_affinity_ignore",
        aliases: &[],
        kind: Kind::List,
        default: "none",
        range: "CPU numbers, fewer than there are CPUs; others are refused",
        help: "CPUs that `open_cpu_affinity` leaves out.",
        apply: Apply::Server(|s, v| {
            let online = affinity::online();
            let mut cpus = Vec::new();
            for number in list(v)? {
                match u32::try_from(number) {
                    Ok(cpu) if (cpu as usize) < affinity::limit() => cpus.push(cpu),
                    _ => {
                        return Err(Error::BadSetting(format!(
                            "cpu_affinity_ignore: there is no CPU {number}"
                        )));
                    }
                }
            }
            if cpus.len() >= online {
                return Err(Error::BadSetting(format!(
                    "cpu_affinity_ignore num must be less than cpu num ({online})"
                )));
            }
            s.daemon.cpu_affinity_ignore = cpus;
            Ok(())
        }),
    },
    Row {
        key: "daemonize",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true or false",
        help: "start() goes on in a process of its own, in a session of its own, with `/` as working directory; the calling process ends when the server is ready, with code 0, or says why it is not.",
        apply: Apply::Server(|s, v| {
            s.daemon.daemonize = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "group",
        aliases: &[],
        kind: Kind::Text,
        default: "the group of `user`",
        range: "a known group; start() refuses others, and any without root's rights",
        help: "Group of the workers.",
        apply: Apply::Server(|s, v| {
            s.daemon.group = named(v);
            Ok(())
        }),
    },
    Row {
        key: "open_cpu_affinity",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true or false",
        help: "Reactor thread r stays on the r-th of the CPUs this process may use, worker i on the i-th, counted round and round.",
        apply: Apply::Server(|s, v| {
            s.daemon.open_cpu_affinity = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "pid_file",
        aliases: &[],
        kind: Kind::Text,
        default: "none",
        range: "a path, made absolute when it is set; start() refuses one that a running server holds",
        help: "Holds the master's pid, as a decimal number, while the server runs; locked meanwhile.",
        apply: Apply::Server(|s, v| {
            s.daemon.pid_file = absolute(&text(v));
            Ok(())
        }),
    },
    Row {
        key: "process_title",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true or false",
        help: "Processes show their role in `ps`: `skep: master`, `skep: manager`, `skep: worker 0`.",
        apply: Apply::Server(|s, v| {
            s.daemon.process_title = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "user",
        aliases: &[],
        kind: Kind::Text,
        default: "that of the master",
        range: "a known user; start() refuses others, and any without root's rights",
        help: "User of the workers, with that user's groups; master and manager keep their rights.",
        apply: Apply::Server(|s, v| {
            s.daemon.user = named(v);
            Ok(())
        }),
    },
];

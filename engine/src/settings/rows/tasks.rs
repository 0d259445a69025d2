//! Task workers and what waits for them.

use crate::error::Error;
use crate::settings::table::{Apply, Kind, Row};
use crate::settings::tasks::IpcMode;
use crate::settings::value::{Value, int, size, text, truth};

pub(super) static ROWS: &[Row] = &[
    Row {
        key: "event_object",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "true, false; PHP only, other fronts have one form",
        help: "Callbacks get one object beside the server in the place of single arguments: `Skep\\Server\\Event`, `Packet`, `StatusInfo`, \
               `Task`, `TaskResult`, `LostTask`, `PipeMessage`.",
        apply: Apply::Server(|s, v| {
            s.tasks.event_object = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "message_queue_key",
        aliases: &[],
        kind: Kind::Int,
        default: "0",
        range: "0..=4294967295, a System V key; 0: no queue",
        help: "With `task_ipc_mode` 2 or 3: the message queue that other programs put tasks into. It is made if there is none, and stays when \
               the server has ended, with tasks that nobody had taken by then; the next server runs them. `ipcrm -Q` removes it.",
        apply: Apply::Server(|s, v| {
            let key = u32::try_from(int(v)).map_err(|_| {
                Error::BadSetting("message_queue_key must be within 0..4294967295".into())
            })?;
            s.tasks.queue_key = key as i32; // keys are signed, tools show them unsigned
            Ok(())
        }),
    },
    Row {
        key: "message_queue_mode",
        aliases: &[],
        kind: Kind::Text,
        default: "0600",
        range: "a number: as text octal, `0660`; with 0600 at least",
        help: "Rights of the message queue of `message_queue_key`, when the server makes it. Whoever may write to it gives tasks to this server.",
        apply: Apply::Server(|s, v| {
            let rights = match v {
                Value::Int(number) => u32::try_from(*number).ok(),
                other => u32::from_str_radix(&text(other), 8).ok(),
            };
            s.tasks.queue_rights = rights
                .filter(|&rights| rights & 0o600 == 0o600 && rights & !0o666 == 0)
                .ok_or_else(|| {
                    Error::BadSetting("message_queue_mode must be within 0600..0666".into())
                })?;
            Ok(())
        }),
    },
    Row {
        key: "task_enable_coroutine",
        aliases: &[],
        kind: Kind::Bool,
        default: "false",
        range: "false; true is refused: tasks run to their end, one at a time",
        help: "Present so that scripts that switch coroutines off run unchanged.",
        apply: Apply::Server(|_, v| match truth(v) {
            false => Ok(()),
            true => Err(Error::BadSetting(
                "task_enable_coroutine is not supported, tasks run one at a time".into(),
            )),
        }),
    },
    Row {
        key: "task_ipc_mode",
        aliases: &[],
        kind: Kind::Int,
        default: "1",
        range: "1, 2, 3; others are as 1",
        help: "1: tasks are given by processes of this server. 2: also by other programs, in the message queue of `message_queue_key`; the type of a \
               message is the id of the task worker + 1. 3: the same, and any task worker takes any task, whatever its type or target.",
        apply: Apply::Server(|s, v| {
            s.tasks.ipc_mode = IpcMode(int(v));
            Ok(())
        }),
    },
    Row {
        key: "task_max_request",
        aliases: &[],
        kind: Kind::Int,
        default: "0",
        range: "0..=4294967295; clamped; 0: never",
        help: "A task worker is replaced after this many tasks.",
        apply: Apply::Server(|s, v| {
            s.tasks.max_request = int(v).clamp(0, i64::from(u32::MAX)) as u64;
            Ok(())
        }),
    },
    Row {
        key: "task_max_request_grace",
        aliases: &[],
        kind: Kind::Int,
        default: "half of task_max_request if that is more than 10, else 0",
        range: "0..=4294967295; clamped",
        help: "Each task worker adds a random number from 1 to this to its `task_max_request`.",
        apply: Apply::Server(|s, v| {
            s.tasks.max_request_grace = Some(int(v).clamp(0, i64::from(u32::MAX)) as u64);
            Ok(())
        }),
    },
    Row {
        key: "task_object",
        aliases: &["task_use_object"],
        kind: Kind::Bool,
        default: "false",
        range: "true, false; PHP only, other fronts have one form",
        help: "`onTask` gets a `Skep\\Server\\Task` in the place of single arguments. `event_object` implies it.",
        apply: Apply::Server(|s, v| {
            s.tasks.task_object = truth(v);
            Ok(())
        }),
    },
    Row {
        key: "task_queue_max_bytes",
        aliases: &[],
        kind: Kind::Size,
        default: "256M",
        range: "64K..=8G, rounded up to a power of two; clamped",
        help: "Bytes of the tasks that one process has given away to any task worker and none has taken (at most 1 GiB); beyond that task() is false \
               with 2002. As much again for what is long (more than 2 MiB, or much of its queue) of its tasks, results, messages and commands \
               together. None of them may be longer than this (2001). Memory is used as it is needed.",
        apply: Apply::Server(|s, v| {
            s.tasks.queue_max_bytes = size(v)?.clamp(64 << 10, 8 << 30).next_power_of_two();
            Ok(())
        }),
    },
    Row {
        key: "task_queue_max_num",
        aliases: &["task_queue_max"],
        kind: Kind::Int,
        default: "1000000",
        range: "1..=4294967295; clamped",
        help: "Tasks that one process may have given away to any task worker, and to each one, and messages to each receiver, that nobody \
               has taken; beyond that task() and sendMessage() are false with 2002.",
        apply: Apply::Server(|s, v| {
            s.tasks.queue_max_num = int(v).clamp(1, i64::from(u32::MAX)) as u64;
            Ok(())
        }),
    },
    Row {
        key: "task_redeliver",
        aliases: &[],
        kind: Kind::Int,
        default: "0",
        range: "0..=255; clamped",
        help: "How often a task is run again, by another task worker, after the one that was at it has died. When that is used up, \
               or 0, the loss is reported by `onTaskLost`.",
        apply: Apply::Server(|s, v| {
            s.tasks.redeliver = int(v).clamp(0, 255) as u8;
            Ok(())
        }),
    },
    Row {
        key: "task_tmpdir",
        aliases: &[],
        kind: Kind::Text,
        default: "none",
        range: "an absolute path; without effect",
        help: "Present so that old scripts run unchanged: tasks of any size stay in memory, no file is written. Setting it is noted in the log.",
        apply: Apply::Server(|s, v| {
            let path = text(v);
            if !path.starts_with('/') {
                return Err(Error::BadSetting(format!("wrong absolute path '{path}'")));
            }
            s.notes.push(
                "task_tmpdir has no effect: tasks stay in memory, whatever their size".into(),
            );
            Ok(())
        }),
    },
    Row {
        key: "task_worker_num",
        aliases: &[],
        kind: Kind::Int,
        default: "0",
        range: "0..=1000 per CPU",
        help: "Task worker processes. With any, `onTask` is needed.",
        apply: Apply::Server(|s, v| {
            s.tasks.workers = int(v).clamp(0, i64::from(u32::MAX)) as u32;
            Ok(())
        }),
    },
];

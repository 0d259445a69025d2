//! The commands that every program knows.

use std::thread;
use std::time::Duration;

use skep::{Context, Figure, SessionId, Stats, Step};

use super::{Call, Conversation, Program};
use crate::message::Decoder;
use crate::pattern;

impl Program {
    /// Put `data` behind what the session said before; the messages that are complete now. All of them
    /// are taken out at once: a command may close the session and so come back to the table.
    pub(super) fn complete(
        &self,
        server: &Context,
        session: SessionId,
        data: &[u8],
    ) -> Vec<(u64, Vec<u8>)> {
        let mut conversations = self.conversations.borrow_mut();
        let fresh = || Conversation {
            decoder: Decoder::default(),
            last: None,
        };
        let conversation = conversations.entry(session).or_insert_with(fresh);
        conversation.decoder.push(data);
        let mut messages = Vec::new();
        loop {
            match conversation.decoder.next_message() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(garbage) => {
                    self.note(
                        server,
                        "garbage",
                        format_args!("session={session} what={garbage:?}"),
                    );
                    break;
                }
            }
        }
        for (id, _) in &messages {
            if let Some(last) = conversation
                .last
                .replace(*id)
                .filter(|last| last + 1 != *id)
            {
                self.note(
                    server,
                    "disorder",
                    format_args!("session={session} last={last} id={id}"),
                );
            }
        }
        messages
    }

    pub(super) fn obey(
        &self,
        server: &Context,
        session: SessionId,
        id: u64,
        payload: &[u8],
    ) -> Step {
        let text = match payload.first() {
            Some(b'!') => String::from_utf8_lossy(&payload[1..]),
            Some(b'=') => String::new().into(),
            _ => {
                let call = Call {
                    server,
                    session,
                    verb: "",
                    argument: "",
                    program: self,
                    id,
                };
                return call.answer(payload);
            }
        };
        let (verb, argument) = text.split_once(' ').unwrap_or((&text, ""));
        let call = Call {
            server,
            session,
            verb,
            argument,
            program: self,
            id,
        };
        match verb {
            "" => call.answer(match pattern::first_difference(&payload[1..]) {
                None => format!("good {}", payload.len() - 1),
                Some(place) => format!("spoiled at {place}"),
            }),
            "pid" => call.answer(std::process::id().to_string()),
            "worker" => call.answer(server.worker_id().unwrap_or(u32::MAX).to_string()),
            "session" => call.answer(session.to_string()),
            "stats" => call.answer(describe(&server.stats())),
            "report" => {
                let worker = argument.parse().unwrap_or(u32::MAX);
                call.answer(report(server, worker))
            }
            "status" => {
                let status = argument
                    .parse()
                    .ok()
                    .and_then(|worker| server.worker_status(worker));
                call.answer(status.map_or("none".into(), |status| format!("{status:?}")))
            }
            "grow" => {
                let bytes = argument.parse().unwrap_or(0) << 20;
                std::mem::forget(vec![1u8; bytes]);
                call.answer("grown")
            }
            "spin" => {
                call.note("sleeping", format_args!("session={session}"));
                loop {
                    std::hint::spin_loop();
                }
            }
            "sleep" => {
                call.note("sleeping", format_args!("session={session}"));
                thread::sleep(Duration::from_millis(argument.parse().unwrap_or(0)));
                call.answer("slept")
            }
            _ => (self.script.command)(&call).unwrap_or_else(|| call.answer("what?")),
        }
    }
}

/// The server's counters by name, then those of the asking worker.
pub fn counters(stats: &Stats) -> [(&'static str, u64); 32] {
    [
        ("reloads", stats.reloads),
        ("ready", stats.ready.into()),
        ("connection_num", stats.connection_num),
        ("abort_count", stats.abort_count),
        ("accept_count", stats.accept_count),
        ("close_count", stats.close_count),
        ("worker_num", stats.worker_num),
        ("idle_worker_num", stats.idle_worker_num),
        ("dispatch_count", stats.dispatch_count),
        ("request_count", stats.request_count),
        ("response_count", stats.response_count),
        ("total_recv_bytes", stats.total_recv_bytes),
        ("total_send_bytes", stats.total_send_bytes),
        ("session_round", stats.session_round),
        ("requests_lost", stats.requests_lost),
        ("output_bytes", stats.output_bytes),
        ("held_back", stats.held_back),
        ("datagrams_dropped", stats.datagrams_dropped),
        ("task_worker_num", stats.task_worker_num),
        ("task_idle_worker_num", stats.task_idle_worker_num),
        ("tasking_num", stats.tasking_num),
        ("task_queue_bytes", stats.task_queue_bytes),
        ("task_queue_age_ms", stats.task_queue_age_ms),
        ("tasks_at_work", stats.tasks_at_work),
        ("task_count", stats.task_count),
        ("tasks_lost", stats.tasks_lost),
        ("fed_queue_num", stats.task_queue.unwrap_or_default().0),
        ("fed_queue_bytes", stats.task_queue.unwrap_or_default().1),
        ("messages_lost", stats.messages_lost),
        (
            "own_request_count",
            stats.worker.map_or(0, |own| own.request_count),
        ),
        (
            "own_response_count",
            stats.worker.map_or(0, |own| own.response_count),
        ),
        (
            "own_dispatch_count",
            stats.worker.map_or(0, |own| own.dispatch_count),
        ),
    ]
}

fn describe(stats: &Stats) -> String {
    let pairs = counters(stats).map(|(key, value)| format!("{key}={value}"));
    pairs.join(" ")
}

fn report(server: &Context, worker: u32) -> String {
    let Some(report) = server.worker_report(worker) else {
        return "none".into();
    };
    let figures = report.entries().map(|(key, value)| match value {
        Figure::Number(number) => format!("{key}={number}"),
        Figure::Text(text) => format!("{key}={text}"),
        Figure::Truth(truth) => format!("{key}={truth}"),
    });
    figures.join(" ")
}

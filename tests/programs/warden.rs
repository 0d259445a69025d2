//! Treats sessions in every way there is, and tells what is known of them.
//!
//! | command | answer |
//! |---|---|
//! | `!bind <session> <uid>`, `!protect <session> <0 or 1>`, `!pause <session>`, `!resume <session>` | 0 or the code of the refusal |
//! | `!close <session>` | the same |
//! | `!info <session>` | what is known, as `key=value ...`; `none` |
//! | `!list <after> <limit>` | ids |
//! | `!heartbeat <0 or 1>` | ids; `none` without a heartbeat |
//! | `!fill <bytes>` | none: sends blocks of 64 KiB, `bytes` together or until one is refused (journal: `filled`) |
//! | `!settle <code>` | none: like `!fill` until a block is refused, then 1000 times more (journal: `refused_all`) |
//!
//! `SKEP_TEST_RESUME=<n>`: every nth session is resumed in its connect callback. `SKEP_TEST_BUFFERS=<full><empty>`:
//! which buffer events are wanted, as two digits. Before a reload the manager treats session 1 (journal: `treated`).

use std::env;

use skep::{Context, Refused, Role, SessionId, SessionInfo, Step};
use skep_tests::pattern;
use skep_tests::program::{Call, Event, Script, serve};

const BLOCK: usize = 64 << 10;

fn code(result: Result<(), Refused>) -> i32 {
    result.map_or_else(|Refused(code)| code, |()| 0)
}

fn describe(info: &SessionInfo) -> String {
    let SessionInfo {
        uid,
        worker,
        port,
        server_port,
        kind,
        remote_port,
        received_us,
        close_errno,
        send_queued_bytes,
        protected,
        paused,
        ..
    } = info;
    format!(
        "uid={uid:?} worker={worker:?} port={port} server_port={server_port} kind={kind:?} remote_port={remote_port} \
         received_us={received_us} errno={close_errno} queued={send_queued_bytes} protected={protected} paused={paused}"
    )
}

fn words(ids: &[SessionId]) -> String {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    ids.join(" ")
}

/// Sends blocks until `bytes` are sent or one is refused; how many bytes, and the code.
fn fill(call: &Call, bytes: usize) -> (usize, i32) {
    let block = pattern::make(BLOCK);
    let mut sent = 0;
    while sent < bytes {
        match call.try_answer(&block) {
            Ok(()) => sent += BLOCK,
            Err(Refused(code)) => return (sent, code),
        }
    }
    (sent, 0)
}

fn command(call: &Call) -> Option<Step> {
    let mut numbers = call
        .argument
        .split(' ')
        .map(|word| word.parse().unwrap_or(0));
    let mut number = || numbers.next().unwrap_or(0);
    let server = call.server;
    let result = match call.verb {
        "bind" => server.bind(number(), number() as u32),
        "protect" => server.protect(number(), number() == 1),
        "pause" => server.pause_reading(number()),
        "resume" => server.resume_reading(number()),
        "close" => server.close(number(), false),
        "info" => {
            let info = server.info(number());
            return Some(call.answer(info.as_ref().map_or("none".into(), describe)));
        }
        "list" => return Some(call.answer(words(&server.sessions(number(), number() as usize)))),
        "heartbeat" => {
            let silent = server.heartbeat(number() == 1);
            return Some(call.answer(silent.map_or("none".into(), |ids| words(&ids))));
        }
        "fill" => {
            let (sent, code) = fill(call, number() as usize);
            call.note(
                "filled",
                format_args!("session={} sent={sent} code={code}", call.session),
            );
            return Some(Ok(()));
        }
        "settle" => {
            let (sent, _) = fill(call, usize::MAX);
            let queued = server
                .info(call.session)
                .map_or(0, |info| info.send_queued_bytes);
            let refused = (0..1000)
                .filter(|_| server.send(call.session, b"more").is_err())
                .count();
            call.note(
                "refused_all",
                format_args!("sent={sent} queued={queued} refused={refused}"),
            );
            return Some(Ok(()));
        }
        _ => return None,
    };
    Some(call.answer(code(result).to_string()))
}

fn connected(server: &Context, session: SessionId) -> Step {
    let every: Option<u64> = env::var("SKEP_TEST_RESUME")
        .ok()
        .and_then(|n| n.parse().ok());
    if every.is_some_and(|n| session.is_multiple_of(n)) {
        let _ = server.resume_reading(session);
    }
    Ok(())
}

fn closed(event: &Event) -> Step {
    let info = event.server.info(event.session);
    let errno = info.map_or(-1, |info| info.close_errno);
    event.note(
        "ended",
        format_args!("session={} errno={errno}", event.session),
    );
    Ok(())
}

fn buffers() -> (bool, bool) {
    let wanted = env::var("SKEP_TEST_BUFFERS").unwrap_or_default();
    let wanted = |at| wanted.as_bytes().get(at) == Some(&b'1');
    (wanted(0), wanted(1))
}

/// Whatever process it is: sessions are everybody's.
fn supervising(server: &Context, event: &str) -> Step {
    if event == "before_reload" && server.role() == Role::Manager {
        let codes = [
            server.protect(1, true),
            server.bind(1, 7),
            server.pause_reading(1),
            server.resume_reading(99),
        ];
        eprintln!("treated {:?}", codes.map(code));
    }
    Ok(())
}

fn main() {
    serve(Script {
        command,
        connected,
        closed,
        buffers,
        supervising,
        ..Script::default()
    })
}

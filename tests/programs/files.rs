//! Sends files, and more than a lane holds. What it sends is no message of the tests' own framing: the client reads it raw.
//!
//! `!file <offset> <length> <path>`: part of a file (journal: `file`, with the code). `!between <path>`: `head`, the
//! file, `tail`. `!file-close`, `!file-reset`: the file, and the end of the session. `!file-die`: the file, and the end
//! of the worker. `!files <n> <path>`: the file until it was accepted `n` times or refused (journal: `files`).
//! `!long <n>`: one send of `n` bytes of the pattern (journal: `long`). `!long-close <n>`: and the end of the session.
//! `!sparse <n>`: one send of `n` zeros, but for the place itself (8 bytes, big endian) every 1 MiB (journal: `long`).
//! `!long-file <n> <path>`: the same, and a file behind it. `!queued <session>`: `send_queued_bytes`. In the master and
//! the manager a file is sent to nobody at the start (log: the code).

use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use skep::{Context, Refused, SessionId, Step};
use skep_tests::pattern;
use skep_tests::program::{Call, Script, serve};

fn code(result: Result<(), Refused>) -> i32 {
    result.map_or_else(|Refused(code)| code, |()| 0)
}

fn number(word: Option<&str>) -> u64 {
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}

fn command(call: &Call) -> Option<Step> {
    let (server, session) = (call.server, call.session);
    let file = |offset, length, path: &str| {
        let code = code(server.send_file(session, path, offset, length));
        call.note("file", format_args!("code={code}"));
    };
    let long = |length: u64| {
        let code = code(server.send(session, &pattern::make(length as usize)));
        call.note("long", format_args!("code={code}"));
    };
    let mut words = call.argument.split(' ');
    match call.verb {
        "file" => {
            let (offset, length) = (number(words.next()), number(words.next()));
            file(offset, length, words.next().unwrap_or_default());
        }
        "between" => {
            let _ = server.send(session, b"head");
            file(0, 0, words.next().unwrap_or_default());
            let _ = server.send(session, b"tail");
        }
        "file-close" | "file-reset" => {
            file(0, 0, words.next().unwrap_or_default());
            let _ = server.close(session, call.verb == "file-reset");
        }
        "file-die" => {
            file(0, 0, words.next().unwrap_or_default());
            let _ = kill(Pid::this(), Signal::SIGKILL);
        }
        "files" => {
            let (wanted, path) = (number(words.next()), words.next().unwrap_or_default());
            let (mut accepted, mut refusal) = (0, 0);
            while accepted < wanted && refusal == 0 {
                refusal = code(server.send_file(session, path, 0, 0));
                accepted += u64::from(refusal == 0);
            }
            call.note("files", format_args!("accepted={accepted} code={refusal}"));
        }
        "long" => long(number(words.next())),
        "sparse" => {
            let length = number(words.next()) as usize;
            let mut data = vec![0; length]; // pages that nobody touches cost nothing
            for place in (0..length.saturating_sub(8)).step_by(1 << 20) {
                data[place..place + 8].copy_from_slice(&(place as u64).to_be_bytes());
            }
            let code = code(server.send(session, &data));
            call.note("long", format_args!("code={code}"));
        }
        "long-close" => {
            long(number(words.next()));
            let _ = server.close(session, false);
        }
        "long-file" => {
            long(number(words.next()));
            file(0, 0, words.next().unwrap_or_default());
        }
        "queued" => {
            let queued = server
                .info(number(words.next()))
                .map_or(0, |info| info.send_queued_bytes);
            return Some(call.answer(queued.to_string()));
        }
        _ => return None,
    }
    Some(Ok(()))
}

/// An id that no session gets here. With that of a client to come it would be a race: clients may be served before the
/// manager's start callback.
const NOBODY: SessionId = 1 << 40;

fn supervising(server: &Context, event: &str) -> Step {
    if ["started", "manager_start"].contains(&event) {
        let code = code(server.send_file(NOBODY, Path::new("/proc/self/exe"), 0, 0));
        server.log_notice(&format!("{event}: code {code}"));
    }
    Ok(())
}

fn main() {
    serve(Script {
        command,
        supervising,
        ..Script::default()
    })
}

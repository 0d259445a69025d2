//! Every way in which a worker can end in the middle of its work.
//!
//! `!kill`, `!abort`, `!panic`, `!exit <code>`: end so, now. `!answer-and-kill [<file>]`: the answer first,
//! and before that wait for the file.
//! `SKEP_TEST_FAIL_START=<file>`: while the file exists, a starting worker leaves with code 7.

use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use skep::{Context, Leave, Step};
use skep_tests::program::{Call, Script, block_until_exists, flag, serve};

fn kill_self() -> Step {
    let sent = kill(Pid::this(), Signal::SIGKILL);
    unreachable!("alive after SIGKILL: {sent:?}")
}

fn command(call: &Call) -> Option<Step> {
    Some(match call.verb {
        "kill" => kill_self(),
        "answer-and-kill" => {
            if !call.argument.is_empty() {
                call.note("armed", "");
                block_until_exists(Path::new(call.argument));
            }
            call.answer("before the end").and_then(|()| kill_self())
        }
        "abort" => std::process::abort(),
        "panic" => panic!("asked to panic"),
        "exit" => Err(Leave {
            code: call.argument.parse().unwrap_or(1),
        }),
        _ => return None,
    })
}

fn worker_started(_: &Context, _: u32) -> Step {
    match flag("SKEP_TEST_FAIL_START").is_some_and(|path| path.exists()) {
        true => Err(Leave { code: 7 }),
        false => Ok(()),
    }
}

fn main() {
    serve(Script {
        command,
        worker_started,
        ..Script::default()
    })
}

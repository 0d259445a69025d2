//! Echo, with the commands that steer the server.
//!
//! `!count`: messages of this kind that this process has answered. `!reload`, `!shutdown`,
//! `!stop <worker>`: as the calls of these names; the answer tells whether they were accepted.
//! `SKEP_TEST_RELOAD_IN=<callback>`: call reload once in this callback of master or manager.

use std::cell::Cell;
use std::env;

use skep::{Context, Refused, Step};
use skep_tests::program::{Call, Script, serve};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static RELOADED: Cell<bool> = const { Cell::new(false) };
}

fn told(call: &Call, result: Result<(), Refused>) -> Step {
    call.answer(match result {
        Ok(()) => "accepted".to_string(),
        Err(Refused(code)) => format!("refused {code}"),
    })
}

fn command(call: &Call) -> Option<Step> {
    Some(match call.verb {
        "count" => {
            COUNT.set(COUNT.get() + 1);
            call.answer(COUNT.get().to_string())
        }
        "reload" => told(call, call.server.reload()),
        "shutdown" => told(call, call.server.shutdown()),
        "stop" => told(call, call.server.stop(call.argument.parse().ok())),
        _ => return None,
    })
}

fn supervising(server: &Context, event: &str) -> Step {
    let wanted = env::var("SKEP_TEST_RELOAD_IN").is_ok_and(|name| name == event);
    if wanted && !RELOADED.replace(true) {
        let _ = server.reload(); // the test sees in the log whether it took place
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

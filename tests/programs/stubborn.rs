//! Processes that do not come back from a callback, see `stubborn`.
//!
//! `!stay <way>`: the worker stays. `!task <way>`: a task worker does. `SKEP_TEST_STAY=<way>`: the manager does, in its start
//! callback.

use std::env;

use skep::task::Task;
use skep::{Context, Step};
use skep_tests::program::{Call, Script, serve};
use skep_tests::stubborn;

fn command(call: &Call) -> Option<Step> {
    Some(match call.verb {
        "stay" => {
            call.note("stays", format!("in={}", call.argument));
            stubborn::stay(call.argument);
            Ok(())
        }
        "task" => {
            let given = call.server.task(call.argument.as_bytes(), None, 0);
            call.answer(format!("{}", given.is_ok()))
        }
        _ => return None,
    })
}

fn task(_: &Context, _: &Task, data: &[u8]) -> Step {
    stubborn::stay(&String::from_utf8_lossy(data));
    Ok(())
}

fn supervising(_: &Context, event: &str) -> Step {
    if let ("manager_start", Ok(way)) = (event, env::var("SKEP_TEST_STAY")) {
        stubborn::stay(&way);
    }
    Ok(())
}

fn main() {
    serve(Script {
        command,
        supervising,
        task: Some(task),
        ..Script::default()
    })
}

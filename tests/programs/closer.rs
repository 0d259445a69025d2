//! Closes sessions in every way a server can.
//!
//! `!close`: answer, then close. `!reset`: close without what is queued. `!twice`: answer and close, and
//! close again; `!close-of <session>`: close another session, answer with the result.
//! `SKEP_TEST_CLOSE_IN_CONNECT=<n>`: close every nth session in its connect callback.
//! In every close callback the session is closed once more, which must be refused (journal: `reclose`).

use std::env;

use skep::{Context, Refused, SessionId, Step};
use skep_tests::program::{Call, Event, Script, serve};

fn code(result: Result<(), Refused>) -> i32 {
    result.map_or_else(|Refused(code)| code, |()| 0)
}

fn command(call: &Call) -> Option<Step> {
    let close = |reset| call.server.close(call.session, reset);
    Some(match call.verb {
        "close" => {
            let answered = call.answer("bye");
            let _ = close(false); // refused if the client was faster
            answered
        }
        "reset" => {
            let _ = call.answer("never read");
            let _ = close(true);
            Ok(())
        }
        "twice" => {
            let answered = call.answer("bye");
            let (first, second) = (code(close(false)), code(close(false)));
            call.note(
                "twice",
                format_args!("session={} first={first} second={second}", call.session),
            );
            answered
        }
        "close-of" => {
            let other = call.argument.parse().unwrap_or(0);
            call.answer(code(call.server.close(other, false)).to_string())
        }
        _ => return None,
    })
}

fn connected(server: &Context, session: SessionId) -> Step {
    let every: Option<u64> = env::var("SKEP_TEST_CLOSE_IN_CONNECT")
        .ok()
        .and_then(|n| n.parse().ok());
    if every.is_some_and(|n| session.is_multiple_of(n)) {
        let _ = server.close(session, false);
    }
    Ok(())
}

fn closed(event: &Event) -> Step {
    let code = code(event.server.close(event.session, false));
    event.note(
        "reclose",
        format_args!("session={} code={code}", event.session),
    );
    Ok(())
}

fn main() {
    serve(Script {
        command,
        connected,
        closed,
        ..Script::default()
    })
}

//! Functions that choose workers and measure messages, on reactor threads or on the main thread.
//!
//! `SKEP_TEST_DISPATCH=reactor|main`: a dispatch function. A message that ends in `to <n>` goes where the number says, of any other
//! the mode decides; events go to `SKEP_TEST_EVENTS_TO=<n>`, or as the mode says. On the main thread `flood` sends
//! 1 MiB to its session first, `leave <code>` ends the process.
//! `SKEP_TEST_LENGTH=reactor|main`: a length function that finds the messages of the tests; one whose id is 666 is none.
//! `SKEP_TEST_CALLS=<file>`: a line for each call of the dispatch function: pid, session, kind, bytes shown.
//!
//! `!close`: close the own session. `!close-of <ms> <session>`: sleep, then close another one; the answer is the result.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use skep::{Context, DispatchEvent, DispatchKind, Leave, Refused, Server, Step, Target};
use skep_tests::program::{Call, Script, serve};

fn wants(variable: &str, what: &str) -> bool {
    env::var(variable).is_ok_and(|value| value == what)
}

/// The payload of the first message in `data`.
fn payload(data: &[u8]) -> &str {
    let mut fields = data.splitn(3, |&byte| byte == b':');
    let text = fields.nth(2).unwrap_or_default();
    let length = text.iter().position(|byte| !byte.is_ascii());
    std::str::from_utf8(&text[..length.unwrap_or(text.len())]).unwrap_or_default()
}

fn choose(event: &DispatchEvent<'_>) -> Target {
    if let Ok(path) = env::var("SKEP_TEST_CALLS") {
        let line = format!(
            "{} {} {} {}\n",
            std::process::id(),
            event.session,
            event.kind as i32,
            event.data.len()
        );
        let opened = OpenOptions::new().create(true).append(true).open(path);
        let _ = opened.and_then(|mut file| file.write_all(line.as_bytes()));
    }
    let number = match event.kind {
        DispatchKind::Data => {
            let named = payload(event.data).rsplit_once("to ");
            named.and_then(|(_, number)| number.parse().ok())
        }
        _ => env::var("SKEP_TEST_EVENTS_TO")
            .ok()
            .and_then(|n| n.parse().ok()),
    };
    number.map_or(Target::Mode, Target::from_number)
}

fn choose_in_main(server: &Context, event: &DispatchEvent<'_>) -> Result<Target, Leave> {
    let text = payload(event.data);
    if text == "flood" {
        for _ in 0..16 {
            let _ = server.send(event.session, &[b'x'; 65536]);
        }
        let _ = server.send(event.session, b":end");
    }
    match text.strip_prefix("leave ") {
        Some(code) => Err(Leave {
            code: code.parse().unwrap_or(1),
        }),
        None => Ok(choose(event)),
    }
}

/// `<id>:<length>:<payload>`
fn measure(data: &[u8]) -> i64 {
    let text = &data[..data.len().min(42)];
    let mut fields = text.splitn(3, |&byte| byte == b':');
    let (Some(id), Some(length), Some(_)) = (fields.next(), fields.next(), fields.next()) else {
        return 0;
    };
    let number = |field: &[u8]| std::str::from_utf8(field).ok()?.parse::<i64>().ok();
    match (number(id), number(length)) {
        (Some(666), _) | (None, _) | (_, None) => -1,
        (Some(_), Some(bytes)) => (id.len() + length.len() + 2) as i64 + bytes,
    }
}

fn configure(server: &mut Server) {
    if wants("SKEP_TEST_DISPATCH", "reactor") {
        server.dispatch_with(Arc::new(choose));
    }
    if wants("SKEP_TEST_LENGTH", "reactor") {
        // There is a port 0.
        let _ = server.length_with(0, Arc::new(measure));
    }
}

fn command(call: &Call) -> Option<Step> {
    let code = |result: Result<(), Refused>| result.map_or_else(|Refused(code)| code, |()| 0);
    Some(match call.verb {
        "close" => {
            let _ = call.server.close(call.session, false); // the client may be faster
            Ok(())
        }
        "close-of" => {
            let (ms, other) = call.argument.split_once(' ').unwrap_or_default();
            thread::sleep(Duration::from_millis(ms.parse().unwrap_or(0)));
            let closed = call.server.close(other.parse().unwrap_or(0), false);
            call.answer(code(closed).to_string())
        }
        _ => return None,
    })
}

fn main() {
    serve(Script {
        command,
        configure,
        dispatch: wants("SKEP_TEST_DISPATCH", "main").then_some(choose_in_main),
        length: wants("SKEP_TEST_LENGTH", "main").then_some(|_, data| Ok(measure(data))),
        ..Script::default()
    })
}

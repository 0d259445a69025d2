//! User processes, one for each word of `SKEP_TEST_USERS`, which says what it does with its life.
//!
//! `return` at once; `exit` with code 3; `sleep` for ever; `deaf`: the same with all signals blocked; `timers`: nothing but a
//! timer, which notes its calls; `idle`: an event loop with a timer that is not due; `flood`: tasks until one is refused, then
//! messages to worker 0 until one is refused, then it notes how it went;
//! `held`: sleeps with a child of its own.

use std::env;
use std::thread;
use std::time::Duration;

use nix::sys::signal::SigSet;
use skep::{Context, Leave, Refused, Server, Step};
use skep_tests::journal::Journal;
use skep_tests::program::{Call, JOURNAL, Script, serve};

/// What the user processes do.
const USERS: &str = "SKEP_TEST_USERS";

fn words() -> Vec<String> {
    let text = env::var(USERS).unwrap_or_default();
    text.split_whitespace().map(String::from).collect()
}

fn configure(server: &mut Server) {
    for _ in words() {
        server.add_process();
    }
}

fn note(event: &str, text: &str) {
    if let Ok(journal) = env::var(JOURNAL)
        && let Ok(journal) = Journal::open(&journal)
    {
        journal.write("user", event, text);
    }
}

fn sleep_for_ever() -> ! {
    loop {
        thread::sleep(Duration::from_secs(60));
    }
}

/// How often something is done before it is refused, and the code; 0 if it never was.
fn until_refused(limit: u32, mut body: impl FnMut() -> Result<(), Refused>) -> (u32, i32) {
    for count in 0..limit {
        if let Err(Refused(code)) = body() {
            return (count, code);
        }
    }
    (limit, 0)
}

fn flood(server: &Context) -> ! {
    let payload = vec![b'x'; 1000];
    let (tasks, code) = until_refused(1_000_000, || server.task(&payload, None, 0).map(drop));
    note("flooded", &format!("what=tasks count={tasks} code={code}"));
    let (messages, code) = until_refused(1_000_000, || server.send_message(&payload, 0, 0));
    note(
        "flooded",
        &format!("what=messages count={messages} code={code}"),
    );
    sleep_for_ever()
}

fn life(server: &Context, process: u32) -> Step {
    let words = words();
    match words.get(process as usize).map_or("return", String::as_str) {
        "exit" => Err(Leave { code: 3 }),
        "sleep" => sleep_for_ever(),
        "deaf" => {
            let _ = SigSet::all().thread_block();
            sleep_for_ever()
        }
        "timers" => {
            let mut count = 0;
            let _ = server.tick(5, move |server, id| {
                count += 1;
                note("ticked", &format!("count={count}"));
                if count == 3 {
                    server.clear_timer(id);
                }
                Ok(())
            });
            server.run_event_loop()?;
            note("loop_over", "");
            sleep_for_ever()
        }
        "idle" => {
            let _ = server.after(3_600_000, |_, _| Ok(()));
            server.run_event_loop()
        }
        "flood" => flood(server),
        "held" => {
            let mut child = std::process::Command::new("sleep").arg("0.2").spawn();
            let code = child
                .as_mut()
                .map(|child| child.wait().map(|status| status.code()));
            note(
                "child",
                &format!("ended={:?}", code.is_ok_and(|code| code.is_ok())).replace(' ', ""),
            );
            sleep_for_ever()
        }
        _ => Ok(()),
    }
}

fn command(call: &Call) -> Option<Step> {
    let id = call.argument.parse().unwrap_or(u32::MAX);
    Some(match call.verb {
        "stop" => {
            let asked = call.server.stop(Some(id));
            call.answer(format!("{asked:?}"))
        }
        "pid-of" => call.answer(format!("{}", call.server.worker_pid(id).unwrap_or(-1))),
        _ => return None,
    })
}

fn main() {
    serve(Script {
        command,
        configure,
        user_process: life,
        task: Some(|_, _, _| {
            thread::sleep(Duration::from_millis(1));
            Ok(())
        }),
        message: Some(|_, _, _| Ok(())),
        ..Script::default()
    })
}

//! Timers and descriptors of user code.
//!
//! `!tick <ms> [<takes>]`: a timer that is called every so often and blocks for so long each time (journal: `tick`). `!after <ms>`:
//! one that is called once (journal: `after`). The answers are their ids. `!clear <id>`, `!timers`. `!volley <n>`: so many
//! that are due together, made in the wrong order, with one more made in each callback (journal: `volley`). `!many <n> <ms>`: n that are due some
//! time within so many ms, and again and again; `!fires`: calls of those. `!hang <ms>`: a callback that does not end. `!leave <ms>`: a
//! callback that ends the process with 7. `!pipe`: watch a pipe (journal: `ready`, with what one byte was read); `!feed <text>`: write to it;
//! `!unpipe`. `!shut`: close the pipe without a word. `!defer`: journal: `deferred`, after `undeferred`.
//!
//! `SKEP_TEST_TICKS`: master and manager journal `tick` every so many ms. `SKEP_TEST_LEAVES=<process>`: `started` or
//! `manager_start`; a timer of that process wants the end with 7. `SKEP_TEST_TIDY`: `on_worker_exit` clears everything.

use std::cell::{Cell, RefCell};
use std::env;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use skep::{Context, Leave, Readiness, Step};
use skep_tests::eventually::monotonic_ms;
use skep_tests::journal::Journal;
use skep_tests::program::{self, Call, Script, serve};

thread_local! {
    static FIRES: Cell<u64> = const { Cell::new(0) };
    static PIPE: RefCell<Option<(RawFd, PipeWriter)>> = const { RefCell::new(None) };
}

const READ: Readiness = Readiness {
    read: true,
    write: false,
};

/// Callbacks outlive the call that made them, so they write to the journal by themselves.
fn note(server: &Context, event: &str, what: &str) {
    let journal = env::var(program::JOURNAL).ok();
    if let Some(journal) = journal.and_then(|path| Journal::open(&path).ok()) {
        let role = format!("{:?}", server.role());
        let at = monotonic_ms();
        journal.write(&role, event, &format!("{what} at={at}"));
    }
}

fn numbers(argument: &str) -> (u64, u64) {
    let mut numbers = argument.split(' ').map(|word| word.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn tick(server: &Context, ms: u64, takes: u64) -> String {
    let begun = monotonic_ms();
    let id = server.tick(ms, move |server, id| {
        note(server, "tick", &format!("id={id} begun={begun}"));
        thread::sleep(Duration::from_millis(takes)); // what the callback does
        Ok(())
    });
    id.map_or_else(|refused| format!("{refused:?}"), |id| id.to_string())
}

fn volley(server: &Context, count: u64) {
    for n in 0..count {
        // Due together, whatever the time between the calls: the later ones wait less.
        let wanted = 1_000 - n % 2;
        let _ = server.after(wanted, move |server, id| {
            note(server, "volley", &format!("id={id} wanted={wanted}"));
            server
                .after(1, |server, id| {
                    note(server, "child", &format!("id={id}"));
                    Ok(())
                })
                .map_or(Ok(()), |_| Ok(()))
        });
    }
}

fn watch(server: &Context) -> Result<(), Box<dyn std::error::Error>> {
    let (mut reader, writer): (PipeReader, PipeWriter) = pipe()?;
    let fd = reader.as_raw_fd();
    let watched = server.watch(fd, READ, move |server, fd, ready| {
        let mut byte = [0];
        let count = reader.read(&mut byte).unwrap_or(0);
        let byte = if count == 0 { '-' } else { byte[0].into() };
        note(
            server,
            "ready",
            &format!("byte={byte} read={} write={}", ready.read, ready.write),
        );
        if count == 0 {
            server.unwatch(fd);
        }
        Ok(())
    });
    watched.map_err(|refused| format!("{refused:?}"))?;
    PIPE.set(Some((fd, writer)));
    Ok(())
}

fn command(call: &Call) -> Option<Step> {
    let (first, second) = numbers(call.argument);
    let server = call.server;
    Some(match call.verb {
        "tick" => call.answer(tick(server, first, second)),
        "after" => {
            let id = server.after(first, |server, id| {
                note(server, "after", &format!("id={id}"));
                Ok(())
            });
            call.answer(format!("{}", id.unwrap_or(0)))
        }
        "clear" => call.answer(server.clear_timer(first).to_string()),
        "timers" => call.answer(format!("{:?}", server.timers())),
        "volley" => {
            volley(server, first);
            call.answer("made")
        }
        "many" => {
            for n in 0..first {
                let _ = server.tick(1 + n % second, |_, _| {
                    FIRES.set(FIRES.get() + 1);
                    Ok(())
                });
            }
            call.answer("made")
        }
        "fires" => call.answer(FIRES.get().to_string()),
        "hang" => {
            let _ = server.after(first, |_, _| {
                loop {
                    std::hint::spin_loop();
                }
            });
            call.answer("made")
        }
        "leave" => {
            let _ = server.after(first, |_, _| Err(Leave { code: 7 }));
            call.answer("made")
        }
        "pipe" => call.answer(watch(server).map_or_else(|e| e.to_string(), |()| "made".into())),
        "feed" => PIPE.with_borrow_mut(|pipe| {
            if let Some((_, writer)) = pipe {
                let _ = writer.write_all(call.argument.as_bytes());
            }
            call.answer("fed")
        }),
        "shut" => {
            drop(PIPE.take());
            call.answer("shut")
        }
        "unpipe" => {
            let fd = PIPE.take().map_or(-1, |(fd, _)| fd);
            call.answer(server.unwatch(fd).to_string())
        }
        "defer" => {
            let order = Rc::new(Cell::new(0));
            for n in 1..=3 {
                let order = Rc::clone(&order);
                let _ = server.defer(move |server| {
                    let in_order = order.replace(n) == n - 1;
                    note(server, "deferred", &format!("n={n} order={in_order}"));
                    Ok(())
                });
            }
            note(server, "undeferred", "");
            call.answer("made")
        }
        _ => return None,
    })
}

fn supervising(server: &Context, event: &str) -> Step {
    if !matches!(event, "started" | "manager_start") {
        return Ok(());
    }
    if let Some(ms) = env::var("SKEP_TEST_TICKS")
        .ok()
        .and_then(|ms| ms.parse().ok())
    {
        tick(server, ms, 0);
    }
    if env::var("SKEP_TEST_LEAVES").is_ok_and(|name| name == event) {
        let _ = server.after(300, |_, _| Err(Leave { code: 7 }));
    }
    Ok(())
}

fn worker_exit(server: &Context) -> Step {
    if env::var_os("SKEP_TEST_TIDY").is_some() {
        server.clear_timers();
        if let Some((fd, _)) = PIPE.take() {
            server.unwatch(fd);
        }
    }
    Ok(())
}

fn main() {
    serve(Script {
        command,
        supervising,
        worker_exit,
        ..Script::default()
    })
}

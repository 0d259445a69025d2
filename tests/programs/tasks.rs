//! Gives tasks and sends messages, as it is told.
//!
//! `!task <target> <n> <job>`: give it `n` times, to one task worker or (`-`) to any; answer: `given=<n> code=<last
//! refusal>`. `!both <target> <job>|<job>`: the first to that task worker, the second to any. `!wait <ms> <job>` and `!waitall <ms> <job>|<job>...`: give and wait; answer: what came. `!message <worker> <n> <text>`:
//! send it `n` times; answer: `sent=<n> code=<last refusal>`. `!answer <job>`: give it; the answer is its result. `!from-master <job>`, `!reload-tasks`.
//!
//! A job: `echo <text>`, `none`, `twice <text>`, `sleep <ms> <text>`, `hold <file> <text>` (until the file exists), `die`,
//! `exit <code>`, `big <n>`, `where` (answers with the task worker's id), `grow <MiB>` (and keep it), `spin` (for ever).
//!
//! With `SKEP_TEST_NO_START` set to a file, task workers exit in their start callback while it exists.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use skep::task::{Task, TaskAnswer, TaskId, TaskResult};
use skep::{Context, Leave, Refused, Role, SessionId, Step};
use skep_tests::message::encode;
use skep_tests::pattern;
use skep_tests::program::{Call, Script, block_until_exists, flag, serve};

thread_local! {
    /// Who waits for the results of which tasks.
    static ASKERS: RefCell<HashMap<TaskId, (SessionId, u64)>> = RefCell::default();
}

fn job(server: &Context, task: &Task, data: &[u8]) -> Step {
    let text = String::from_utf8_lossy(data);
    let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
    let (first, last) = rest.split_once(' ').unwrap_or((rest, ""));
    let give = |answer: &[u8]| {
        // Refused only if nobody can be answered.
        let _ = server.finish_last(answer, 0);
    };
    match verb {
        "echo" => give(rest.as_bytes()),
        "twice" => {
            let _ = server.finish(rest.as_bytes(), 0);
            give(rest.as_bytes());
        }
        "sleep" => {
            thread::sleep(Duration::from_millis(first.parse().unwrap_or(0)));
            give(last.as_bytes());
        }
        "hold" => {
            block_until_exists(Path::new(first));
            give(last.as_bytes());
        }
        "die-once" if task.attempts > 0 => give(b"alive"),
        "die" | "die-once" => {
            let _ = kill(Pid::this(), Signal::SIGKILL);
        }
        "exit" => {
            return Err(Leave {
                code: first.parse().unwrap_or(0),
            });
        }
        "grow" => {
            std::mem::forget(vec![1u8; first.parse::<usize>().unwrap_or(0) << 20]);
            give(b"grown");
        }
        "spin" => loop {
            std::hint::spin_loop();
        },
        "big" => give(&pattern::make(first.parse().unwrap_or(0))),
        "where" => give(server.worker_id().unwrap_or(0).to_string().as_bytes()),
        "check" => give(match pattern::first_difference(&data["check ".len()..]) {
            None => b"good",
            Some(_) => b"spoiled",
        }),
        _ => {}
    }
    Ok(())
}

fn told(answer: &Result<TaskAnswer, Refused>) -> String {
    match answer {
        Ok(TaskAnswer::Result(data, _)) if data.len() > 1000 => {
            let spoiled = pattern::first_difference(data);
            spoiled.map_or(format!("good {}", data.len()), |at| {
                format!("spoiled at {at}")
            })
        }
        Ok(TaskAnswer::Result(data, _)) => String::from_utf8_lossy(data).into_owned(),
        other => format!("{other:?}"),
    }
}

fn command(call: &Call) -> Option<Step> {
    let (first, rest) = call.argument.split_once(' ').unwrap_or((call.argument, ""));
    let timeout = || first.parse().ok().map(Duration::from_millis);
    Some(match call.verb {
        "task" => {
            let (count, job) = rest.split_once(' ').unwrap_or((rest, ""));
            let (mut given, mut code) = (0, 0);
            for _ in 0..count.parse().unwrap_or(0) {
                match call.server.task(job.as_bytes(), first.parse().ok(), 0) {
                    Ok(_) => given += 1,
                    Err(Refused(refusal)) => code = refusal,
                }
            }
            call.answer(format!("given={given} code={code}"))
        }
        "answer" => {
            let given = call.server.task(call.argument.as_bytes(), None, 0);
            match given {
                Ok(task) => {
                    ASKERS.with_borrow_mut(|askers| askers.insert(task, (call.session, call.id)));
                    Ok(())
                }
                Err(refused) => call.answer(format!("{refused:?}")),
            }
        }
        "both" => {
            let (targeted, any) = rest.split_once('|').unwrap_or((rest, ""));
            let first = call.server.task(targeted.as_bytes(), first.parse().ok(), 0);
            let second = call.server.task(any.as_bytes(), None, 0);
            let given = first.and(second);
            call.answer(given.map_or_else(|refused| format!("{refused:?}"), |_| "given".into()))
        }
        "check" => {
            let mut job = b"check ".to_vec();
            job.extend(pattern::make(first.parse().unwrap_or(0)));
            call.answer(told(&call.server.task_wait(&job, None, 0, None)))
        }
        "wait" => {
            let answer = call.server.task_wait(rest.as_bytes(), None, 0, timeout());
            call.answer(told(&answer))
        }
        "waitall" => {
            let jobs: Vec<_> = rest.split('|').map(|job| (job.as_bytes(), 0)).collect();
            let answers = call.server.task_wait_all(&jobs, timeout());
            let answers = answers.map(|each| each.iter().map(told).collect::<Vec<_>>().join("|"));
            call.answer(answers.unwrap_or_else(|refused| format!("{refused:?}")))
        }
        "message" => {
            let (count, text) = rest.split_once(' ').unwrap_or((rest, ""));
            let (mut sent, mut code) = (0, 0);
            for _ in 0..count.parse().unwrap_or(0) {
                let worker = first.parse().unwrap_or(u32::MAX);
                match call.server.send_message(text.as_bytes(), worker, 0) {
                    Ok(()) => sent += 1,
                    Err(Refused(refusal)) => code = refusal,
                }
            }
            call.answer(format!("sent={sent} code={code}"))
        }
        "reload-tasks" => {
            let asked = call.server.reload_tasks();
            call.answer(format!("{asked:?}"))
        }
        "open" => call.answer(call.server.open_tasks().to_string()),
        _ => return None,
    })
}

fn finished(server: &Context, result: &TaskResult, data: &[u8]) -> Step {
    let asker = ASKERS.with_borrow_mut(|askers| askers.remove(&result.id));
    if let Some((session, message)) = asker {
        // Refused only if the client has gone.
        let _ = server.send(session, &encode(message, data));
    }
    Ok(())
}

fn started(server: &Context, _: u32) -> Step {
    let is_task_worker = matches!(server.role(), Role::TaskWorker(_));
    match flag("SKEP_TEST_NO_START") {
        Some(path) if is_task_worker && path.exists() => Err(Leave { code: 3 }),
        _ => Ok(()),
    }
}

fn main() {
    serve(Script {
        worker_started: started,
        command,
        task: Some(job),
        finished,
        message: Some(|_, _, _| Ok(())),
        ..Script::default()
    })
}

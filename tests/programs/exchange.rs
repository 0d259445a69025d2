//! Processes that send each other messages and commands, as they are told. Any of them can be told.
//!
//! A client tells a worker: `!do <order>`; other processes get an order as command or as message (`>order`), user processes as
//! the content of a file (see [`ORDERS`]). An order:
//!
//! | order | answer |
//! |---|---|
//! | `message <worker> <n> <text>` | `sent=<n> code=<last refusal>`; sent is `<text> <number>` |
//! | `big <worker> <bytes>` | the same, for one message with the pattern |
//! | `command <ms> <target> <order>` | its answer, or `Err(...)`; targets: `master`, `manager`, `w<id>`, `t<index>` |
//! | `name <name> <target>` | the answer to that command, without data |
//! | `pattern <bytes>` | so many bytes of the pattern |
//! | `check <pattern>` | `good <bytes>` or `spoiled` |
//! | `count` | messages received, and how many of them not in order: `<n> <m>` |
//! | `hold <file>` | `held`, when the file exists |
//! | `die`, `leave <code>` | none |
//! | `who` | this process |

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::Path;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use skep::command::{Command, CommandTarget, accepts};
use skep::task::{PipeMessage, Task};
use skep::{Context, Leave, Refused, Step};
use skep_tests::pattern;
use skep_tests::program::{Call, Script, block_until_exists, flag, serve};

/// Environment: the directory with orders for user process n, in `<n>`; it puts the answer into `<n>.answer`.
const ORDERS: &str = "SKEP_TEST_ORDERS";

thread_local! {
    /// By sender, the number of its last message.
    static LAST: RefCell<HashMap<String, u64>> = RefCell::default();
    static COUNT: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

fn target(name: &str) -> Option<CommandTarget> {
    Some(match name {
        "master" => CommandTarget::Master,
        "manager" => CommandTarget::Manager,
        _ if name.starts_with('w') => CommandTarget::Worker(name[1..].parse().ok()?),
        _ => CommandTarget::TaskWorker(name.get(1..)?.parse().ok()?),
    })
}

fn told(answer: Result<Vec<u8>, Refused>) -> Vec<u8> {
    answer.unwrap_or_else(|refused| format!("Err({})", refused.0).into())
}

fn perform(server: &Context, order: &[u8]) -> Result<Vec<u8>, Leave> {
    if let Some(bytes) = order.strip_prefix(b"check ") {
        return Ok(match pattern::first_difference(bytes) {
            None => format!("good {}", bytes.len()).into(),
            Some(_) => b"spoiled".to_vec(),
        });
    }
    let text = String::from_utf8_lossy(order);
    let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
    let (first, last) = rest.split_once(' ').unwrap_or((rest, ""));
    let number = first.parse().unwrap_or(0);
    Ok(match verb {
        "message" => {
            let (count, text) = last.split_once(' ').unwrap_or((last, ""));
            let (mut sent, mut code) = (0, 0);
            for index in 0..count.parse().unwrap_or(0) {
                let message = format!("{text} {index}");
                match server.send_message(message.as_bytes(), number as u32, 0) {
                    Ok(()) => sent += 1,
                    Err(Refused(refusal)) => code = refusal,
                }
            }
            format!("sent={sent} code={code}").into()
        }
        "big" => {
            let data = pattern::make(last.parse().unwrap_or(0));
            let sent = server.send_message(&data, number as u32, 0);
            let code = sent.map_or_else(|refused| refused.0, |()| 0);
            format!("sent={} code={code}", u8::from(code == 0)).into()
        }
        "command" => {
            let (name, order) = last.split_once(' ').unwrap_or((last, ""));
            let Some(target) = target(name) else {
                return Ok(b"no such target".to_vec());
            };
            let timeout = Some(Duration::from_millis(number));
            told(server.command("do", target, order.as_bytes(), timeout))
        }
        "send-check" => {
            let mut order = b"check ".to_vec();
            order.extend(pattern::make(last.parse().unwrap_or(0)));
            target(first).map_or_else(Vec::new, |target| {
                told(server.command("do", target, &order, None))
            })
        }
        "get-pattern" => {
            let order = format!("pattern {last}");
            let data = target(first)
                .map(|target| told(server.command("do", target, order.as_bytes(), None)));
            let data = data.unwrap_or_default();
            match pattern::first_difference(&data) {
                None => format!("good {}", data.len()).into(),
                Some(_) => String::from_utf8_lossy(&data[..data.len().min(40)])
                    .into_owned()
                    .into(),
            }
        }
        "name" => target(last).map_or_else(Vec::new, |target| {
            told(server.command(first, target, b"", None))
        }),
        "pattern" => pattern::make(number as usize),
        "count" => {
            let (count, disorder) = COUNT.get();
            format!("{count} {disorder}").into()
        }
        "hold" => {
            block_until_exists(Path::new(rest));
            b"held".to_vec()
        }
        "die" => {
            let _ = kill(Pid::this(), Signal::SIGKILL);
            Vec::new()
        }
        "leave" => {
            return Err(Leave {
                code: number as i32,
            });
        }
        "who" => format!("{:?}", server.role()).into(),
        _ => b"what?".to_vec(),
    })
}

fn received(server: &Context, message: &PipeMessage, data: &[u8]) -> Step {
    if let Some(order) = data.strip_prefix(b">") {
        return perform(server, order).map(drop);
    }
    let (count, mut disorder) = COUNT.get();
    if let Some((_, index)) = String::from_utf8_lossy(data).rsplit_once(' ')
        && let Ok(index) = index.parse::<u64>()
    {
        let sender = format!("{:?}", message.source_role);
        let last = LAST.with_borrow_mut(|last| last.insert(sender, index));
        let first_here = last.is_none();
        disorder += u64::from(!first_here && index != 0 && last != Some(index - 1));
    } else if data.len() > 1000 {
        disorder += u64::from(pattern::first_difference(data).is_some());
    }
    COUNT.set((count + 1, disorder));
    Ok(())
}

fn command(call: &Call) -> Option<Step> {
    if call.verb != "do" {
        return None;
    }
    Some(match perform(call.server, call.argument.as_bytes()) {
        Ok(answer) => call.answer(answer),
        Err(leave) => Err(leave),
    })
}

/// Orders come by file, as this process has no loop of its own.
fn live(server: &Context, process: u32) -> Step {
    let Some(orders) = flag(ORDERS) else {
        return Ok(());
    };
    let (order, answer) = (
        orders.join(process.to_string()),
        orders.join(format!("{process}.answer")),
    );
    loop {
        if let Ok(text) = std::fs::read(&order) {
            let _ = std::fs::remove_file(&order);
            let answered = perform(server, &text)?;
            let new = answer.with_extension("part"); // as a whole or not at all
            let _ = std::fs::write(&new, answered);
            let _ = std::fs::rename(new, &answer);
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn job(server: &Context, _: &Task, data: &[u8]) -> Step {
    let answer = perform(server, data)?;
    let _ = server.finish_last(&answer, 0); // refused only if nobody can be answered
    Ok(())
}

fn main() {
    serve(Script {
        command,
        task: Some(job),
        message: Some(received),
        obey: |server, command: &Command<'_>, data| match command.name {
            "do" => perform(server, data),
            name => Ok(name.into()),
        },
        user_process: live,
        configure: |server| {
            if flag(ORDERS).is_some() {
                server.add_process();
            }
            for (name, accepted) in [
                ("do", accepts::ALL),
                ("workers", accepts::WORKER),
                ("others", accepts::ALL & !accepts::WORKER),
            ] {
                if let Err(error) = server.add_command(name, accepted) {
                    panic!("{error}");
                }
            }
            let taken = server.add_command("do", accepts::ALL).is_err();
            let no_kind = server.add_command("new", 1).is_err();
            assert!(taken && no_kind, "commands that cannot be");
        },
        ..Script::default()
    })
}

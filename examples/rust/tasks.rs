//! Long work beside the workers: each line is a number, its smallest factor is looked for in a task worker and sent when
//! it is found. A timer tells every second how much is waiting.
//!
//!     cargo run --release -p skep --example tasks -- [port] [host]
//!     echo 1000036000099 | nc -q 5 127.0.0.1 9505
//!
//! A task is bytes: here the session that the answer is for, and the number. examples/c/tasks.c is the same in C.

use std::env;
use std::process::exit;
use std::rc::Rc;

use skep::settings::Value;
use skep::task::{LostTask, Task, TaskResult};
use skep::{Children, Context, Handler, Server, SessionId, SocketType, Step};

struct Factors {
    host: String,
    port: u16,
}

impl Handler for Factors {
    fn on_start(&self, server: &Context) -> Step {
        let Factors { host, port } = self;
        println!("listening on {host}:{port}\ntry: echo 1000036000099 | nc -q 5 {host} {port}");
        let tell = |server: &Context, _| {
            let stats = server.stats();
            if stats.tasking_num > 0 {
                println!("{} tasks are waiting", stats.tasking_num);
            }
            Ok(())
        };
        // Refused only in a child that a callback has forked.
        let _ = server.tick(1000, tell);
        Ok(())
    }

    /// Worker: a line has come.
    fn on_receive(&self, server: &Context, session: SessionId, _reactor: i32, line: &[u8]) -> Step {
        let number: u64 = String::from_utf8_lossy(line).trim().parse().unwrap_or(0);
        let task = [session.to_le_bytes(), number.to_le_bytes()].concat();
        if server.task(&task, None, 0).is_err() {
            let _ = server.send(session, b"too much to do, try again later\n");
        }
        Ok(())
    }

    fn runs_tasks(&self) -> bool {
        true
    }

    /// Task worker: this may take its time.
    fn on_task(&self, server: &Context, _task: &Task, data: &[u8]) -> Step {
        if let Some((session, Ok(number))) = data
            .split_first_chunk::<8>()
            .map(|(session, number)| (session, number.try_into().map(u64::from_le_bytes)))
        {
            let answer = match smallest_factor(number) {
                Some(factor) => format!("{number} = {factor} x {}\n", number / factor),
                None => format!("{number} has no factors\n"),
            };
            let answer = [&session[..], answer.as_bytes()].concat();
            // Refused only if nobody can be answered.
            let _ = server.finish_last(&answer, 0);
        }
        Ok(())
    }

    /// The worker that gave the task.
    fn on_finish(&self, server: &Context, _result: &TaskResult, data: &[u8]) -> Step {
        if let Some((session, answer)) = data.split_first_chunk() {
            // Refused only if the client has gone.
            let _ = server.send(SessionId::from_le_bytes(*session), answer);
        }
        Ok(())
    }

    /// Every task that was accepted is answered or comes here.
    fn on_task_lost(&self, _server: &Context, lost: &LostTask) -> Step {
        eprintln!("task {} is lost: {}", lost.id, lost.reason.name());
        Ok(())
    }
}

fn smallest_factor(number: u64) -> Option<u64> {
    let candidates = std::iter::once(2).chain((3..).step_by(2));
    let mut factors = candidates.take_while(|factor| *factor <= number / factor);
    factors.find(|factor| number.is_multiple_of(*factor))
}

fn main() -> skep::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let port = arguments
        .first()
        .map_or(Ok(9505), |text| text.parse::<u16>());
    let (Ok(port), true) = (port, arguments.len() <= 2) else {
        eprintln!(
            "tasks [port] [host]        9505 and 127.0.0.1 by default; port 0 lets the system choose"
        );
        exit(2);
    };
    let host = arguments.get(1).map_or("127.0.0.1", String::as_str);
    let mut server = Server::bind(host, port.into(), SocketType::Tcp)?;
    server.set("worker_num", &Value::Int(1))?;
    server.set("task_worker_num", &Value::Int(2))?;
    server.set("open_eof_split", &Value::Bool(true))?;
    server.set("package_eof", &Value::Text("\n".into()))?; // ends a message
    let handler = Factors {
        host: host.into(),
        port: server.port(), // the real one, if 0 was asked for
    };
    let ended = server.start(Rc::new(handler), Children::Exit)?;
    exit(ended.code);
}

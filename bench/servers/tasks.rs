//! Round trips inside a server: one worker keeps so many tasks or messages under way to one task worker.
//!
//! A client says `go <tasks|messages> <bytes> <under way>` in one line, and then asks with `?` how many round trips there
//! were: the answer is that number in eight bytes, the highest first. When it has gone, it is over.

use std::cell::Cell;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use skep::settings::Value;
use skep::task::{LostTask, PipeMessage, Task, TaskResult};
use skep::{Children, Context, Handler, Interests, Role, Server, SessionId, SocketType, Step};

const TASK_WORKER: u32 = 1;

#[derive(Default)]
struct Rounds {
    port: u16,
    payload: Cell<&'static [u8]>,
    done: Cell<u64>,
    /// The client has gone: a stop must not have to wait for messages without end.
    over: Cell<bool>,
}

impl Rounds {
    fn begin(&self, server: &Context, line: &str) -> Option<()> {
        let mut words = line.split_whitespace().skip(1);
        let kind = words.next()?;
        let bytes: usize = words.next()?.parse().ok()?;
        let under_way: u32 = words.next()?.parse().ok()?;
        self.payload.set(vec![b'x'; bytes].leak());
        for _ in 0..under_way {
            match kind {
                "tasks" => self.give(server),
                _ => self.send(server, TASK_WORKER),
            }
        }
        Some(())
    }

    fn give(&self, server: &Context) {
        if self.over.get() {
            return;
        }
        if let Err(refused) = server.task(self.payload.get(), None, 0) {
            server.log_error(&format!("task: {refused:?}"));
        }
    }

    fn send(&self, server: &Context, to: u32) {
        if self.over.get() {
            return;
        }
        if let Err(refused) = server.send_message(self.payload.get(), to, 0) {
            server.log_error(&format!("message: {refused:?}"));
        }
    }
}

impl Handler for Rounds {
    fn interests(&self, _: u16) -> Interests {
        Interests {
            connect: false,
            receive: true,
            close: true,
            packet: false,
            buffer_full: false,
            buffer_empty: false,
        }
    }

    fn on_start(&self, _: &Context) -> Step {
        println!("READY {}", self.port); // it listens from here on
        Ok(())
    }

    fn on_receive(&self, server: &Context, session: SessionId, _: i32, data: &[u8]) -> Step {
        let text = String::from_utf8_lossy(data);
        if text.starts_with("go ") {
            self.begin(server, &text);
        } else {
            // Refused only if the client has gone.
            let _ = server.send(session, &self.done.get().to_be_bytes());
        }
        Ok(())
    }

    fn on_close(&self, _: &Context, _: SessionId, _: i32) -> Step {
        self.over.set(true);
        Ok(())
    }

    fn runs_tasks(&self) -> bool {
        true
    }

    fn on_task(&self, server: &Context, _: &Task, _: &[u8]) -> Step {
        // Refused only if nobody waits for it.
        let _ = server.finish_last(b"ok", 0);
        Ok(())
    }

    fn on_finish(&self, server: &Context, _: &TaskResult, _: &[u8]) -> Step {
        self.done.set(self.done.get() + 1);
        self.give(server);
        Ok(())
    }

    fn on_task_lost(&self, server: &Context, lost: &LostTask) -> Step {
        server.log_error(&format!("{lost:?}"));
        Ok(())
    }

    fn takes_messages(&self) -> bool {
        true
    }

    fn on_pipe_message(&self, server: &Context, message: &PipeMessage, data: &[u8]) -> Step {
        match server.role() {
            Role::TaskWorker(_) => {
                self.payload.set(if data.len() == self.payload.get().len() {
                    self.payload.get()
                } else {
                    data.to_vec().leak()
                });
                self.send(server, message.source);
            }
            _ => {
                self.done.set(self.done.get() + 1);
                self.send(server, TASK_WORKER);
            }
        }
        Ok(())
    }
}

fn main() -> Result<()> {
    let mut server = Server::bind("127.0.0.1", 0, SocketType::Tcp).context("bind")?;
    for (key, value) in [
        ("worker_num", "1"),
        ("reactor_num", "1"),
        ("task_worker_num", "1"),
        ("log_level", "4"),
        ("open_eof_split", "true"), // lines, however they arrive
        ("package_eof", "\n"),
    ] {
        server.set(key, &Value::Text(value.into())).context(key)?;
    }
    let rounds = Rounds {
        port: server.port(),
        ..Rounds::default()
    };
    let ended = server.start(Rc::new(rounds), Children::Exit)?;
    std::process::exit(ended.code);
}

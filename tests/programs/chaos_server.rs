//! The server under chaos in Rust: `skep-test-chaos-server <directory>`. Protocol: `src/chaos/wire.rs`;
//! `chaos/server.php` does the same in PHP.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;
use std::{env, fs, io, process, thread};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use skep::settings::Value;
use skep::task::{LostTask, PipeMessage, Task, TaskAnswer, TaskId, TaskResult};
use skep::{
    Children, Context, Handler, Leave, Readiness, Refused, Role, Server, SessionId, SocketType,
    Step,
};
use skep_tests::chaos::dice::Dice;
use skep_tests::chaos::parcel::Parcel;
use skep_tests::program::counters;

/// How long `?wait` and `?waitall` wait.
const WAIT: Duration = Duration::from_millis(500);

struct Program {
    directory: PathBuf,
    port: u16,
    dice: Cell<Option<Dice>>,
    /// What was given, run, finished. Opened for appending, so that all processes may write to it.
    ledger: File,
    /// Orders to task workers and user processes, on record before they are obeyed.
    orders: File,
    /// Of each user process: the end of the workers, and its own.
    pipes: Vec<(UnixDatagram, UnixDatagram)>,
    /// Tasks of this worker: ticket and session.
    open: RefCell<HashMap<TaskId, (String, SessionId)>>,
}

/// A file that is there as a whole or not at all.
fn publish(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(&new, path)
}

fn stats(server: &Context) -> String {
    let pairs = counters(&server.stats()).map(|(key, value)| format!("\"{key}\":{value}"));
    format!("{{{}}}", pairs.join(","))
}

fn verdict<T, E>(result: Result<T, E>) -> String {
    result.map_or("refused", |_| "accepted").into()
}

/// Id of a child, whatever it is.
fn own_id(server: &Context) -> u32 {
    match server.role() {
        Role::Worker(id) | Role::TaskWorker(id) | Role::UserProcess(id) => id,
        _ => u32::MAX,
    }
}

/// The number behind the point of a ticket.
fn number_of(ticket: &str) -> usize {
    let number = ticket.split('.').nth(1).and_then(|text| text.parse().ok());
    number.unwrap_or(0)
}

fn deed(order: &str) -> Result<String, Leave> {
    let (verb, argument) = order.split_once(' ').unwrap_or((order, ""));
    Ok(match verb {
        "!sleep" => {
            thread::sleep(Duration::from_millis(argument.parse().unwrap_or(0)));
            "slept".into()
        }
        "!spin" => loop {
            std::hint::spin_loop();
        },
        "!throw" => panic!("asked to panic"),
        "!exit" => return Err(Leave { code: 3 }),
        "!segfault" => {
            // Rust's own handler takes the first, finds that it is no stack overflow, and steps aside.
            let sent = [(); 2].map(|()| kill(Pid::this(), Signal::SIGSEGV));
            format!("alive after {sent:?}")
        }
        "!memory" => process::abort(), // what Rust does when memory is exhausted
        _ => format!("what is '{verb}'?"),
    })
}

/// A line of its own whatever happens: see `src/chaos/ledger.rs`.
fn append(mut file: &File, line: &str) {
    // What is not on record is missed by the run.
    let _ = file.write_all(format!("\n{line};").as_bytes());
}

impl Program {
    /// Some messages take their time, so that deaths find work under way.
    fn work(&self, percent: u64) {
        let mut dice = self.dice.take();
        // Copied by fork, like everything: processes would all draw the same.
        let dice = dice.get_or_insert_with(|| Dice::new(0, u64::from(process::id())));
        if dice.between(0, 99) < percent {
            thread::sleep(Duration::from_micros(dice.between(500, 10_000)));
        }
        self.dice.set(Some(dice.clone()));
    }

    fn note(&self, line: &str) {
        append(&self.ledger, line);
    }

    fn answer(&self, server: &Context, session: SessionId, answer: &[u8]) {
        let (id, pid, length) = (own_id(server), process::id(), answer.len());
        let mut message = format!("{id}:{pid}:{length}:").into_bytes();
        message.extend_from_slice(answer);
        let _ = server.send(session, &message); // refused only if the client has gone
    }

    /// What a task worker or user process does because it was told to.
    fn obey(&self, ticket: &str, order: &str) -> Step {
        append(
            &self.orders,
            &format!("obeys {ticket} {} {order}", process::id()),
        );
        deed(order).map(drop)
    }

    /// An order to a worker.
    fn perform(&self, server: &Context, session: SessionId, order: &str) -> Result<String, Leave> {
        let (verb, argument) = order.split_once(' ').unwrap_or((order, ""));
        let (ticket, rest) = argument.split_once(' ').unwrap_or((argument, ""));
        Ok(match verb {
            "!hello" => session.to_string(),
            "!stats" => stats(server),
            "!reload" => verdict(server.reload()),
            "!reload-tasks" => verdict(server.reload_tasks()),
            "!stop" => verdict(server.stop(None)),
            "!task" => {
                let payload = format!("order {ticket} {session} 0 {rest}\n");
                verdict(self.give(server, session, ticket, None, payload.as_bytes()))
            }
            "!user" => verdict(self.tell_user(ticket, &format!("{ticket} 0 {rest}"))),
            _ => return deed(order),
        })
    }

    /// The user process that this ticket is for: what it says.
    fn tell_user(&self, ticket: &str, text: &str) -> io::Result<usize> {
        let which = number_of(ticket) % self.pipes.len().max(1);
        let pipe = self.pipes.get(which).ok_or(io::ErrorKind::NotFound)?;
        pipe.0.send(text.as_bytes())?;
        Ok(which)
    }

    /// Give a task whose result comes to `on_finish`.
    fn give(
        &self,
        server: &Context,
        session: SessionId,
        ticket: &str,
        target: Option<u32>,
        payload: &[u8],
    ) -> Result<TaskId, Refused> {
        let id = server.task(payload, target, 0)?;
        let (worker, pid) = (own_id(server), process::id());
        self.note(&format!("given {ticket} {worker} {pid} plain {id}"));
        let told = (ticket.to_string(), session);
        self.open.borrow_mut().insert(id, told);
        Ok(id)
    }

    /// Give tasks and wait for all of them; in one word what came of the worst.
    fn wait(
        &self,
        server: &Context,
        session: SessionId,
        tickets: &[String],
        bytes: usize,
    ) -> String {
        let payload = |ticket: &String| Parcel::new("work", ticket, session, bytes).encode();
        let payloads: Vec<_> = tickets.iter().map(payload).collect();
        let (worker, pid) = (own_id(server), process::id());
        for ticket in tickets {
            self.note(&format!("given {ticket} {worker} {pid} waited -"));
        }
        let answers = match &payloads[..] {
            [only] => Ok(vec![server.task_wait(only, None, 0, Some(WAIT))]),
            more => {
                let tasks: Vec<_> = more.iter().map(|payload| (&payload[..], 0)).collect();
                server.task_wait_all(&tasks, Some(WAIT))
            }
        };
        let answers = answers.unwrap_or_else(|refused| vec![Err(refused); tickets.len()]);
        let mut worst = "done".to_string();
        for (ticket, answer) in tickets.iter().zip(answers) {
            let came = match answer {
                Ok(TaskAnswer::Result(data, _)) if Parcel::decode(&data).is_some() => "done".into(),
                Ok(TaskAnswer::Result(..)) => "spoiled".into(),
                Ok(TaskAnswer::Lost(_)) => "lost".into(),
                Ok(TaskAnswer::Nothing) => "nothing".into(),
                Ok(TaskAnswer::TimedOut) => "late".into(),
                Err(Refused(code)) => format!("refused-{code}"),
            };
            self.note(&format!("waited {ticket} {pid} {came}"));
            if came != "done" {
                worst = came;
            }
        }
        worst
    }

    /// What a client wants that takes more than this callback. What is said at once: "+" or, if that was all, "=".
    fn errand(self: &Rc<Self>, server: &Context, session: SessionId, errand: &str) -> String {
        let words: Vec<&str> = errand.trim_end().split(' ').collect();
        let [kind, ticket, bytes] = words[..] else {
            return "=? what".into();
        };
        let (bytes, number) = (bytes.parse().unwrap_or(0), number_of(ticket));
        let told = |result: Result<u64, i32>| match result {
            Ok(number) => format!("+{ticket} {number}"),
            Err(code) => format!("={ticket} refused-{code}"),
        };
        let payload = || Parcel::new("work", ticket, session, bytes).encode();
        match kind {
            "?task" | "?targeted" => {
                let target = (number as u32) % server.task_worker_num().max(1);
                let target = (kind == "?targeted").then_some(target);
                let given = self.give(server, session, ticket, target, &payload());
                told(given.map_err(|refused| refused.0))
            }
            "?wait" => {
                let came = self.wait(server, session, &[ticket.into()], bytes);
                format!("={ticket} {came}")
            }
            "?waitall" => {
                let tickets = [0, 1, 2].map(|part| format!("{ticket}.{part}"));
                format!("={ticket} {}", self.wait(server, session, &tickets, bytes))
            }
            "?message" => {
                let (own, workers) = (own_id(server), server.worker_num());
                let to = (own + 1 + number as u32 % (workers - 1)) % workers;
                let sent = server.send_message(&payload(), to, 0);
                told(sent.map(|()| to.into()).map_err(|refused| refused.0))
            }
            "?user" => {
                let text = format!("{ticket} {session} {}", own_id(server));
                let first = u64::from(server.worker_num() + server.task_worker_num());
                let sent = self.tell_user(ticket, &text);
                let sent = sent.map(|which| first + which as u64);
                told(sent.map_err(|error| error.raw_os_error().unwrap_or(0)))
            }
            "?after" => {
                let (program, ticket) = (Rc::clone(self), ticket.to_string());
                let timer = server.after(1 + number as u64 % 200, move |server, _| {
                    program.answer(server, session, format!("={ticket} done").as_bytes());
                    Ok(())
                });
                told(timer.map_err(|refused| refused.0))
            }
            _ => format!("={ticket} what"),
        }
    }

    /// A user process: answers what workers write into its pipe, and gives tasks of its own.
    fn live(self: &Rc<Self>, server: &Context, process: usize) -> Step {
        let program = Rc::clone(self);
        let mut count = 0;
        let pid = process::id();
        let ticking = server.tick(20, move |server, _| {
            let ticket = format!("u{pid}.{count}");
            count += 1;
            let payload = Parcel::new("work", &ticket, 0, 9).encode();
            if let Ok(id) = server.task(&payload, None, 0) {
                let own = own_id(server);
                program.note(&format!("given {ticket} {own} {pid} unheard {id}"));
            }
            Ok(())
        });
        let program = Rc::clone(self);
        let reading = Readiness {
            read: true,
            write: false,
        };
        let Some((_, pipe)) = self.pipes.get(process) else {
            return Err(Leave { code: 2 });
        };
        let watching = server.watch(pipe.as_raw_fd(), reading, move |server, _, _| {
            let mut room = [0; 200];
            let read = program.pipes[process].1.recv(&mut room);
            let text = String::from_utf8_lossy(&room[..read.unwrap_or(0)]).into_owned();
            let words: Vec<&str> = text.splitn(3, ' ').collect();
            let [ticket, session, rest] = words[..] else {
                return Ok(());
            };
            if rest.starts_with('!') {
                return program.obey(ticket, rest);
            }
            program.work(4);
            let session = session.parse().unwrap_or(0);
            // By the way of a worker, or without one.
            if number_of(ticket) % 2 == 1 {
                let payload = Parcel::new("work", ticket, session, 0).encode();
                let _ = server.send_message(&payload, rest.parse().unwrap_or(0), 0);
            } else {
                program.answer(server, session, format!("={ticket} done").as_bytes());
            }
            Ok(())
        });
        if ticking.is_err() || watching.is_err() {
            return Err(Leave { code: 2 });
        }
        server.run_event_loop()
    }

    fn appear(&self, role: &str) -> Step {
        let path = self.directory.join("roles").join(process::id().to_string());
        publish(&path, role).map_err(|_| Leave { code: 2 })
    }
}

/// The program as all its processes have it.
struct Shared(Rc<Program>);

impl Handler for Shared {
    fn on_start(&self, _: &Context) -> Step {
        publish(&self.0.directory.join("port"), &self.0.port.to_string())
            .map_err(|_| Leave { code: 2 })
    }

    fn on_worker_start(&self, server: &Context, _: u32) -> Step {
        self.0.appear(match server.role() {
            Role::TaskWorker(_) => "task",
            _ => "worker",
        })
    }

    fn on_receive(&self, server: &Context, session: SessionId, _: i32, data: &[u8]) -> Step {
        let text = String::from_utf8_lossy(data);
        let answer = match data.first() {
            Some(b'!') => self.0.perform(server, session, &text)?.into_bytes(),
            Some(b'?') => self.0.errand(server, session, &text).into_bytes(),
            _ => {
                self.0.work(4);
                data.to_vec()
            }
        };
        self.0.answer(server, session, &answer);
        Ok(())
    }

    fn runs_tasks(&self) -> bool {
        true
    }

    fn on_task(&self, server: &Context, _: &Task, data: &[u8]) -> Step {
        let Some(parcel) = Parcel::decode(data) else {
            let _ = server.finish_last(b"spoiled ? 0 0\n", 0); // refused only if nobody hears of it
            return Ok(());
        };
        let ticket = &parcel.ticket;
        self.0.note(&format!("ran {ticket} {}", process::id()));
        if parcel.verb == "order" {
            self.0.obey(ticket, &parcel.order)?;
            let slept = Parcel::new("slept", ticket, parcel.session, 0).encode();
            let _ = server.finish_last(&slept, 0);
            return Ok(());
        }
        self.0.work(20);
        let _ = server.finish_last(data, 0);
        Ok(())
    }

    fn on_finish(&self, server: &Context, result: &TaskResult, data: &[u8]) -> Step {
        let (worker, pid) = (own_id(server), process::id());
        let parcel = Parcel::decode(data);
        let ticket = parcel.as_ref().map_or("?", |parcel| &parcel.ticket);
        let orphaned = u8::from(result.orphaned);
        self.0
            .note(&format!("finished {ticket} {worker} {pid} {orphaned}"));
        if let Some(parcel) = parcel
            && parcel.verb == "work"
        {
            let text = format!("={} done", parcel.ticket);
            self.0.answer(server, parcel.session, text.as_bytes());
        }
        if !result.orphaned {
            self.0.open.borrow_mut().remove(&result.id);
        }
        Ok(())
    }

    fn on_task_lost(&self, server: &Context, lost: &LostTask) -> Step {
        let (pid, orphaned) = (process::id(), u8::from(lost.orphaned));
        self.0.note(&format!(
            "lost {} {pid} {} {orphaned}",
            lost.source, lost.id
        ));
        let told = (!lost.orphaned).then(|| self.0.open.borrow_mut().remove(&lost.id));
        if let Some((ticket, session)) = told.flatten() {
            let text = format!("={ticket} lost");
            self.0.answer(server, session, text.as_bytes());
        }
        Ok(())
    }

    fn takes_messages(&self) -> bool {
        true
    }

    fn on_pipe_message(&self, server: &Context, _: &PipeMessage, data: &[u8]) -> Step {
        self.0.work(4);
        if let Some(parcel) = Parcel::decode(data) {
            let text = format!("={} done", parcel.ticket);
            self.0.answer(server, parcel.session, text.as_bytes());
        }
        Ok(())
    }

    fn on_user_process(&self, server: &Context, process: u32) -> Step {
        self.0.appear("user")?;
        self.0.live(server, process as usize)
    }

    fn on_shutdown(&self, server: &Context) -> Step {
        publish(&self.0.directory.join("stats"), &stats(server)).map_err(|_| Leave { code: 2 })
    }
}

fn run() -> Result<i32, Box<dyn std::error::Error>> {
    let directory = PathBuf::from(env::args().nth(1).ok_or("which directory?")?);
    let mut server = Server::bind("127.0.0.1", 0, SocketType::Tcp)?;
    let settings = fs::read_to_string(directory.join("settings"))?;
    let mut users = 0;
    for pair in settings.trim_matches(['{', '}']).split(',') {
        let (key, value) = pair.split_once(':').ok_or("a setting without ':'")?;
        match key.trim_matches('"') {
            "users" => users = value.parse()?,
            key => server.set(key, &Value::Text(value.into()))?,
        }
    }
    server.set(
        "log_file",
        &Value::Text(directory.join("log").display().to_string()),
    )?;
    let mut pipes = Vec::new();
    for _ in 0..users {
        server.add_process();
        pipes.push(UnixDatagram::pair()?);
    }
    let append = |name| {
        File::options()
            .append(true)
            .create(true)
            .open(directory.join(name))
    };
    let program = Program {
        ledger: append("ledger")?,
        orders: append("orders")?,
        directory: directory.clone(),
        port: server.port(),
        dice: Cell::default(),
        pipes,
        open: RefCell::default(),
    };
    let ended = server.start(Rc::new(Shared(Rc::new(program))), Children::Exit)?;
    Ok(ended.code)
}

fn main() {
    let code = run().unwrap_or_else(|error| {
        eprintln!("{error}");
        2
    });
    process::exit(code)
}

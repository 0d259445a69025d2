//! What all server programs have in common: settings from the environment, the journal, messages, and
//! the commands that every test may need. A program adds its own through a [`Script`].
//!
//! | command | answer |
//! |---|---|
//! | `!pid`, `!worker`, `!session` | number of this process, worker, session |
//! | `!sleep <ms>` | `slept`, after blocking the worker for so long (journal: `sleeping`) |
//! | `!grow <MiB>` | `grown`, holding on to so much more memory |
//! | `!spin` | none: a busy loop without an end (journal: `sleeping`) |
//! | `!stats` | the server's counters as `key=value ...` |
//! | `!report <worker>` | what is known of a worker, as `key=value ...` |
//! | `!status <worker>` | `Idle`, `Busy` or `Exit` |
//! | `=<bytes>` | `good <length>` or `spoiled at <place>`: comparison with the pattern |
//! | `<anything else>` | the same |

use std::cell::RefCell;
use std::collections::HashMap;
use std::env;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use skep::command::Command;
use skep::settings::Value;
use skep::task::{LostTask, PipeMessage, Task, TaskResult};
use skep::{
    Children, Context, Death, DispatchEvent, Figure, Handler, Interests, Leave, Refused, Role,
    Server, SessionId, SocketType, Stats, Step, Target,
};

use crate::journal::Journal;
use crate::message::{Decoder, encode};
use crate::{pattern, process};

/// Environment: where the journal is.
pub const JOURNAL: &str = "SKEP_TEST_JOURNAL";
/// Environment: settings, as `key=value` lines.
pub const SETTINGS: &str = "SKEP_TEST_SETTINGS";
/// Environment: the port to listen on; without it the kernel chooses.
pub const PORT: &str = "SKEP_TEST_PORT";
/// Environment, if set: receive callbacks are not journaled, as is best under load.
pub const QUIET: &str = "SKEP_TEST_QUIET";
/// Environment: `on_worker_stop` takes so many milliseconds, as the clean-up of user code may.
pub const STOP_TAKES: &str = "SKEP_TEST_STOP_TAKES";
/// Environment: `on_start` does not return before this file exists.
pub const HOLD_START: &str = "SKEP_TEST_HOLD_START";

/// One command that came in.
pub struct Call<'a> {
    /// The process it came to.
    pub server: &'a Context,
    /// Whose it is.
    pub session: SessionId,
    /// First word, without the `!`.
    pub verb: &'a str,
    /// The rest.
    pub argument: &'a str,
    program: &'a Program,
    id: u64,
}

/// What a program does beside the common things. The defaults do nothing.
#[derive(Clone, Copy)]
pub struct Script {
    /// Own commands; `None`: not one of them.
    pub command: fn(&Call) -> Option<Step>,
    /// After `on_connect` was journaled.
    pub connected: fn(&Context, SessionId) -> Step,
    /// After `on_close` was journaled.
    pub closed: fn(&Event) -> Step,
    /// After `on_worker_start` was journaled.
    pub worker_started: fn(&Context, u32) -> Step,
    /// After `on_worker_exit` was journaled.
    pub worker_exit: fn(&Context) -> Step,
    /// Whether full and empty buffers are journaled.
    pub buffers: fn() -> (bool, bool),
    /// After any callback of master or manager was journaled; gets its name.
    pub supervising: fn(&Context, &str) -> Step,
    /// Before the start, after the settings of the test.
    pub configure: fn(&mut Server),
    /// What task workers do, if the server may have some.
    pub task: Option<Job>,
    /// What a worker does with messages of other processes, after they were journaled; with none it takes none.
    pub message: Option<Reading>,
    /// What becomes of commands of other processes, after they were journaled.
    pub obey: Obeying,
    /// The life of a user process.
    pub user_process: fn(&Context, u32) -> Step,
    /// A dispatch function for the main thread, if there shall be one.
    pub dispatch: Option<Dispatch>,
    /// A length function for the main thread, if there shall be one.
    pub length: Option<Length>,
}

/// See [`Handler::on_task`].
pub type Job = fn(&Context, &Task, &[u8]) -> Step;
/// See [`Handler::on_pipe_message`].
pub type Reading = fn(&Context, &PipeMessage, &[u8]) -> Step;
/// See [`Handler::on_command`].
pub type Obeying = fn(&Context, &Command<'_>, &[u8]) -> Result<Vec<u8>, Leave>;
/// See [`Handler::on_dispatch`].
pub type Dispatch = fn(&Context, &DispatchEvent<'_>) -> Result<Target, Leave>;
/// See [`Handler::on_length`].
pub type Length = fn(&Context, &[u8]) -> Result<i64, Leave>;

/// A session event, with the means to journal what becomes of it.
pub struct Event<'a> {
    /// The process it came to.
    pub server: &'a Context,
    /// Which session.
    pub session: SessionId,
    program: &'a Program,
}

impl Default for Script {
    fn default() -> Script {
        Script {
            command: |_| None,
            connected: |_, _| Ok(()),
            closed: |_| Ok(()),
            worker_started: |_, _| Ok(()),
            worker_exit: |_| Ok(()),
            buffers: || (false, false),
            supervising: |_, _| Ok(()),
            configure: |_| (),
            task: None,
            message: None,
            obey: |_, _, _| Ok(Vec::new()),
            user_process: |_, _| Ok(()),
            dispatch: None,
            length: None,
        }
    }
}

struct Conversation {
    decoder: Decoder,
    /// Id of the last message; `None` before the first one this process has seen.
    last: Option<u64>,
}

struct Program {
    journal: Journal,
    port: u16,
    quiet: bool,
    script: Script,
    conversations: RefCell<HashMap<SessionId, Conversation>>,
}

/// A program's main function: serve until stopped, then end the process.
pub fn serve(script: Script) -> ! {
    let code = run(script).unwrap_or_else(|error| {
        eprintln!("{error}");
        2
    });
    std::process::exit(code)
}

fn run(script: Script) -> Result<i32, Box<dyn std::error::Error>> {
    // A test that is itself killed cannot end its server. Forks do not inherit this.
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    let path = env::var(JOURNAL)?;
    let port = env::var(PORT).map_or(Ok(0), |port| port.parse())?;
    let mut server = Server::bind("127.0.0.1", port, SocketType::Tcp)?;
    for line in env::var(SETTINGS).unwrap_or_default().lines() {
        let (key, value) = line.split_once('=').ok_or("a setting without '='")?;
        server.set(key, &Value::Text(value.into()))?;
    }
    (script.configure)(&mut server);
    let port = server.port();
    let journal = Journal::open(&path)?;
    journal.write("caller", "before", "");
    let quiet = env::var_os(QUIET).is_some();
    let program = Program {
        journal,
        port,
        quiet,
        script,
        conversations: RefCell::default(),
    };
    let ended = server.start(Rc::new(program), Children::Exit)?;
    Journal::open(&path)?.write("caller", "after", &format!("code={}", ended.code));
    Ok(ended.code)
}

impl Call<'_> {
    /// Answer this command.
    pub fn answer(&self, payload: impl AsRef<[u8]>) -> Step {
        // Refused only if the client has gone or does not read; then the journal has it.
        let _ = self.try_answer(payload);
        Ok(())
    }

    /// Answer, and say whether that was accepted.
    pub fn try_answer(&self, payload: impl AsRef<[u8]>) -> Result<(), Refused> {
        let sent = self
            .server
            .send(self.session, &encode(self.id, payload.as_ref()));
        if let Err(Refused(code)) = sent {
            self.note(
                "refused",
                format_args!("session={} code={code}", self.session),
            );
        }
        sent
    }

    /// Write to the journal.
    pub fn note(&self, event: &str, arguments: impl Display) {
        self.program.note(self.server, event, arguments);
    }
}

impl Event<'_> {
    /// Write to the journal.
    pub fn note(&self, event: &str, arguments: impl Display) {
        self.program.note(self.server, event, arguments);
    }
}

/// A directory of flag files that tests use to let something happen; `None` if the variable is not set.
pub fn flag(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from)
}

/// Wait in a callback until the test makes a file. There is no event to wait for here: the callback
/// stands for user code that blocks.
pub fn block_until_exists(path: &Path) {
    while !path.exists() {
        thread::sleep(Duration::from_millis(2));
    }
}

impl Program {
    fn note(&self, server: &Context, event: &str, arguments: impl Display) {
        let role = match server.role() {
            Role::Master => "master".to_string(),
            Role::Manager => "manager".to_string(),
            Role::Worker(id) => format!("worker{id}"),
            Role::TaskWorker(id) => format!("task{id}"),
            Role::UserProcess(id) => format!("user{id}"),
        };
        let (master, manager) = (server.master_pid(), server.manager_pid());
        let arguments = format!("{arguments} master={master} manager={manager}");
        self.journal.write(&role, event, arguments.trim_start());
    }

    fn note_buffer(&self, server: &Context, event: &str, session: SessionId) -> Step {
        let queued = { server.info(session) }.map_or(0, |info| info.send_queued_bytes);
        let arguments = format!("session={session} queued={queued}");
        self.note(server, event, arguments);
        Ok(())
    }

    fn supervise(&self, server: &Context, event: &str, arguments: impl Display) -> Step {
        self.note(server, event, arguments);
        (self.script.supervising)(server, event)
    }

    /// Put `data` behind what the session said before; the messages that are complete now. All of them
    /// are taken out at once: a command may close the session and so come back to the table.
    fn complete(&self, server: &Context, session: SessionId, data: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut conversations = self.conversations.borrow_mut();
        let fresh = || Conversation {
            decoder: Decoder::default(),
            last: None,
        };
        let conversation = conversations.entry(session).or_insert_with(fresh);
        conversation.decoder.push(data);
        let mut messages = Vec::new();
        loop {
            match conversation.decoder.next_message() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(garbage) => {
                    self.note(
                        server,
                        "garbage",
                        format_args!("session={session} what={garbage:?}"),
                    );
                    break;
                }
            }
        }
        for (id, _) in &messages {
            if let Some(last) = conversation
                .last
                .replace(*id)
                .filter(|last| last + 1 != *id)
            {
                self.note(
                    server,
                    "disorder",
                    format_args!("session={session} last={last} id={id}"),
                );
            }
        }
        messages
    }

    fn obey(&self, server: &Context, session: SessionId, id: u64, payload: &[u8]) -> Step {
        let text = match payload.first() {
            Some(b'!') => String::from_utf8_lossy(&payload[1..]),
            Some(b'=') => String::new().into(),
            _ => {
                let call = Call {
                    server,
                    session,
                    verb: "",
                    argument: "",
                    program: self,
                    id,
                };
                return call.answer(payload);
            }
        };
        let (verb, argument) = text.split_once(' ').unwrap_or((&text, ""));
        let call = Call {
            server,
            session,
            verb,
            argument,
            program: self,
            id,
        };
        match verb {
            "" => call.answer(match pattern::first_difference(&payload[1..]) {
                None => format!("good {}", payload.len() - 1),
                Some(place) => format!("spoiled at {place}"),
            }),
            "pid" => call.answer(std::process::id().to_string()),
            "worker" => call.answer(server.worker_id().unwrap_or(u32::MAX).to_string()),
            "session" => call.answer(session.to_string()),
            "stats" => call.answer(describe(&server.stats())),
            "report" => {
                let worker = argument.parse().unwrap_or(u32::MAX);
                call.answer(report(server, worker))
            }
            "status" => {
                let status = argument
                    .parse()
                    .ok()
                    .and_then(|worker| server.worker_status(worker));
                call.answer(status.map_or("none".into(), |status| format!("{status:?}")))
            }
            "grow" => {
                let bytes = argument.parse().unwrap_or(0) << 20;
                std::mem::forget(vec![1u8; bytes]);
                call.answer("grown")
            }
            "spin" => {
                call.note("sleeping", format_args!("session={session}"));
                loop {
                    std::hint::spin_loop();
                }
            }
            "sleep" => {
                call.note("sleeping", format_args!("session={session}"));
                thread::sleep(Duration::from_millis(argument.parse().unwrap_or(0)));
                call.answer("slept")
            }
            _ => (self.script.command)(&call).unwrap_or_else(|| call.answer("what?")),
        }
    }
}

/// The server's counters by name, then those of the asking worker.
pub fn counters(stats: &Stats) -> [(&'static str, u64); 32] {
    [
        ("reloads", stats.reloads),
        ("ready", stats.ready.into()),
        ("connection_num", stats.connection_num),
        ("abort_count", stats.abort_count),
        ("accept_count", stats.accept_count),
        ("close_count", stats.close_count),
        ("worker_num", stats.worker_num),
        ("idle_worker_num", stats.idle_worker_num),
        ("dispatch_count", stats.dispatch_count),
        ("request_count", stats.request_count),
        ("response_count", stats.response_count),
        ("total_recv_bytes", stats.total_recv_bytes),
        ("total_send_bytes", stats.total_send_bytes),
        ("session_round", stats.session_round),
        ("requests_lost", stats.requests_lost),
        ("output_bytes", stats.output_bytes),
        ("held_back", stats.held_back),
        ("datagrams_dropped", stats.datagrams_dropped),
        ("task_worker_num", stats.task_worker_num),
        ("task_idle_worker_num", stats.task_idle_worker_num),
        ("tasking_num", stats.tasking_num),
        ("task_queue_bytes", stats.task_queue_bytes),
        ("task_queue_age_ms", stats.task_queue_age_ms),
        ("tasks_at_work", stats.tasks_at_work),
        ("task_count", stats.task_count),
        ("tasks_lost", stats.tasks_lost),
        ("fed_queue_num", stats.task_queue.unwrap_or_default().0),
        ("fed_queue_bytes", stats.task_queue.unwrap_or_default().1),
        ("messages_lost", stats.messages_lost),
        (
            "own_request_count",
            stats.worker.map_or(0, |own| own.request_count),
        ),
        (
            "own_response_count",
            stats.worker.map_or(0, |own| own.response_count),
        ),
        (
            "own_dispatch_count",
            stats.worker.map_or(0, |own| own.dispatch_count),
        ),
    ]
}

fn describe(stats: &Stats) -> String {
    let pairs = counters(stats).map(|(key, value)| format!("{key}={value}"));
    pairs.join(" ")
}

fn report(server: &Context, worker: u32) -> String {
    let Some(report) = server.worker_report(worker) else {
        return "none".into();
    };
    let figures = report.entries().map(|(key, value)| match value {
        Figure::Number(number) => format!("{key}={number}"),
        Figure::Text(text) => format!("{key}={text}"),
        Figure::Truth(truth) => format!("{key}={truth}"),
    });
    figures.join(" ")
}

impl Handler for Program {
    fn interests(&self, _: u16) -> Interests {
        let (buffer_full, buffer_empty) = (self.script.buffers)();
        Interests {
            connect: true,
            receive: true,
            close: true,
            packet: false,
            buffer_full,
            buffer_empty,
        }
    }

    fn dispatches(&self) -> bool {
        self.script.dispatch.is_some()
    }

    fn on_dispatch(&self, server: &Context, event: &DispatchEvent<'_>) -> Result<Target, Leave> {
        self.script
            .dispatch
            .map_or(Ok(Target::Mode), |dispatch| dispatch(server, event))
    }

    fn measures(&self, _: u16) -> bool {
        self.script.length.is_some()
    }

    fn on_length(&self, server: &Context, _: u16, data: &[u8]) -> Result<i64, Leave> {
        self.script
            .length
            .map_or(Ok(-1), |length| length(server, data))
    }

    fn runs_tasks(&self) -> bool {
        self.script.task.is_some()
    }

    fn on_task(&self, server: &Context, task: &Task, data: &[u8]) -> Step {
        if !self.quiet {
            let Task {
                id,
                source,
                attempts,
                ..
            } = task;
            let what = format!(
                "id={id} source={source} attempts={attempts} bytes={}",
                data.len()
            );
            self.note(server, "task", what);
        }
        self.script
            .task
            .map_or(Ok(()), |job| job(server, task, data))
    }

    fn on_finish(&self, server: &Context, result: &TaskResult, data: &[u8]) -> Step {
        if !self.quiet {
            let TaskResult {
                id,
                task_worker,
                orphaned,
                ..
            } = result;
            let text = String::from_utf8_lossy(&data[..data.len().min(40)]);
            let what = format!(
                "id={id} by={task_worker} orphaned={orphaned} bytes={} data={text}",
                data.len()
            );
            self.note(server, "finish", what);
        }
        Ok(())
    }

    fn on_task_lost(&self, server: &Context, lost: &LostTask) -> Step {
        let LostTask {
            id,
            reason,
            orphaned,
            ..
        } = lost;
        self.note(
            server,
            "task_lost",
            format_args!("id={id} reason={reason:?} orphaned={orphaned}"),
        );
        Ok(())
    }

    fn takes_messages(&self) -> bool {
        self.script.message.is_some()
    }

    fn on_pipe_message(&self, server: &Context, message: &PipeMessage, data: &[u8]) -> Step {
        if !self.quiet {
            let PipeMessage {
                source,
                source_role,
                ..
            } = message;
            let text = String::from_utf8_lossy(&data[..data.len().min(40)]);
            let what = format!(
                "source={source} role={source_role:?} bytes={} data={text}",
                data.len()
            );
            self.note(server, "message", what);
        }
        self.script
            .message
            .map_or(Ok(()), |script| script(server, message, data))
    }

    fn on_command(
        &self,
        server: &Context,
        command: &Command<'_>,
        data: &[u8],
    ) -> Result<Vec<u8>, Leave> {
        if !self.quiet {
            let Command {
                name,
                source,
                source_role,
                ..
            } = command;
            let bytes = data.len();
            let what = format!("name={name} source={source} role={source_role:?} bytes={bytes}");
            self.note(server, "command", what);
        }
        (self.script.obey)(server, command, data)
    }

    fn on_user_process(&self, server: &Context, process: u32) -> Step {
        self.note(server, "user_process", format_args!("process={process}"));
        (self.script.user_process)(server, process)
    }

    fn on_start(&self, server: &Context) -> Step {
        let forked = process::children(server.manager_pid()).len();
        self.note(server, "start", format_args!("forked={forked}"));
        println!("READY {}", self.port);
        if let Some(path) = flag(HOLD_START) {
            block_until_exists(&path);
        }
        self.supervise(server, "started", "")
    }

    fn on_before_shutdown(&self, server: &Context) -> Step {
        self.supervise(server, "before_shutdown", "")
    }

    fn on_shutdown(&self, server: &Context) -> Step {
        self.supervise(server, "shutdown", "")
    }

    fn on_manager_start(&self, server: &Context) -> Step {
        let forked = process::children(server.manager_pid()).len();
        self.supervise(server, "manager_start", format_args!("forked={forked}"))
    }

    fn on_manager_stop(&self, server: &Context) -> Step {
        self.supervise(server, "manager_stop", "")
    }

    fn on_before_reload(&self, server: &Context) -> Step {
        self.supervise(server, "before_reload", "")
    }

    fn on_after_reload(&self, server: &Context) -> Step {
        self.supervise(server, "after_reload", "")
    }

    fn on_worker_error(&self, server: &Context, death: &Death) -> Step {
        let Death {
            worker,
            pid,
            code,
            signal,
            ..
        } = death;
        let what = format!("worker={worker} died={pid} code={code} signal={signal}");
        self.supervise(server, "worker_error", what)
    }

    fn on_worker_start(&self, server: &Context, worker: u32) -> Step {
        let now = crate::eventually::monotonic_ms();
        self.note(
            server,
            "worker_start",
            format_args!("worker={worker} at={now}"),
        );
        (self.script.worker_started)(server, worker)
    }

    fn on_worker_exit(&self, server: &Context, worker: u32) -> Step {
        let now = crate::eventually::monotonic_ms();
        let what = format_args!("worker={worker} at={now}");
        self.note(server, "worker_exit", what);
        (self.script.worker_exit)(server)
    }

    fn on_worker_stop(&self, server: &Context, worker: u32) -> Step {
        self.note(server, "worker_stop", format_args!("worker={worker}"));
        let takes = env::var(STOP_TAKES).map_or(Ok(0), |takes| takes.parse());
        thread::sleep(Duration::from_millis(takes.unwrap_or(0)));
        self.note(server, "worker_stopped", format_args!("worker={worker}"));
        Ok(())
    }

    fn on_connect(&self, server: &Context, session: SessionId, reactor: i32) -> Step {
        self.note(
            server,
            "connect",
            format_args!("session={session} reactor={reactor}"),
        );
        (self.script.connected)(server, session)
    }

    fn on_receive(&self, server: &Context, session: SessionId, reactor: i32, data: &[u8]) -> Step {
        let bytes = data.len();
        if !self.quiet {
            self.note(
                server,
                "receive",
                format_args!("session={session} reactor={reactor} bytes={bytes}"),
            );
        }
        let messages = self.complete(server, session, data);
        let obeyed: Result<(), Leave> = messages
            .iter()
            .try_for_each(|(id, payload)| self.obey(server, session, *id, payload));
        obeyed?;
        if !self.quiet {
            self.note(server, "received", format_args!("session={session}"));
        }
        Ok(())
    }

    fn on_buffer_full(&self, server: &Context, session: SessionId) -> Step {
        self.note_buffer(server, "buffer_full", session)
    }

    fn on_buffer_empty(&self, server: &Context, session: SessionId) -> Step {
        self.note_buffer(server, "buffer_empty", session)
    }

    fn on_close(&self, server: &Context, session: SessionId, reactor: i32) -> Step {
        self.conversations.borrow_mut().remove(&session);
        self.note(
            server,
            "close",
            format_args!("session={session} reactor={reactor}"),
        );
        (self.script.closed)(&Event {
            server,
            session,
            program: self,
        })
    }
}

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

mod common;
mod handler;

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
use skep::task::{PipeMessage, Task, TaskResult};
use skep::{
    Children, Context, DispatchEvent, Leave, Refused, Role, Server, SessionId, SocketType, Step,
    Target,
};

pub use self::common::counters;
use crate::journal::Journal;
use crate::message::{Decoder, encode};

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
    /// Number of the message, for its answer.
    pub id: u64,
    program: &'a Program,
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
    /// What a worker does with a result, after it was journaled.
    pub finished: Finished,
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
/// See [`Handler::on_finish`].
pub type Finished = fn(&Context, &TaskResult, &[u8]) -> Step;
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
            finished: |_, _, _| Ok(()),
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
}

//! The server under test: started, looked at, signalled, ended.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;

use super::ledger::Ledger;
use super::plan::Role;
use crate::eventually::{eventually, eventually_some, patience};
use crate::process;

/// Workers; so many that one which is hit is old enough to be restarted at once, as a rule.
pub const WORKERS: usize = 8;

/// Task workers.
pub const TASK_WORKERS: usize = 4;

/// User processes.
pub const USERS: usize = 2;

/// Seconds a callback may take.
pub const DEADLINE: Duration = Duration::from_secs(1);

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `chaos/server.php` with the extension.
    Php,
    /// `programs/chaos_server.rs`.
    Rust,
}

/// A running server.
pub struct Subject {
    child: Child,
    directory: PathBuf,
    tag: String,
    port: u16,
}

/// The command that runs a program; it dies with the thread that starts it.
fn command(language: Language) -> Result<Command, String> {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    match language {
        Language::Rust => {
            let own = std::env::current_exe().map_err(|error| error.to_string())?;
            command.arg(own.with_file_name("skep-test-chaos-server"));
        }
        Language::Php => {
            let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
            let extension = tests.join("../php-ext/modules/skep.so");
            let extension = extension.canonicalize().map_err(|_| {
                "php-ext/modules/skep.so is not built: run 'make build' first".to_string()
            })?;
            let php = std::env::var("PHP").unwrap_or_else(|_| "php".into());
            let extension = format!("extension={}", extension.display());
            command
                .args([&php, "-n", "-d", "extension=posix", "-d", &extension])
                .args(["-d", "memory_limit=32M", "-d", "display_errors=stderr"])
                .arg(tests.join("chaos/server.php"));
        }
    }
    Ok(command)
}

impl Subject {
    /// Start, and wait until it listens.
    pub fn start(language: Language, directory: &Path, redeliver: u64) -> Result<Subject, String> {
        let text = |error: std::io::Error| format!("{}: {error}", directory.display());
        for part in ["tmp", "roles"] {
            fs::create_dir_all(directory.join(part)).map_err(text)?;
        }
        let pairs = [
            ("worker_num", WORKERS as u64),
            ("task_worker_num", TASK_WORKERS as u64),
            ("task_redeliver", redeliver),
            ("users", USERS as u64),
            ("reactor_num", 2),
            ("worker_deadline", DEADLINE.as_secs()),
        ];
        let pairs = pairs.map(|(key, value)| format!("\"{key}\":{value}"));
        let settings = format!("{{{}}}", pairs.join(","));
        fs::write(directory.join("settings"), settings).map_err(text)?;
        let output = File::create(directory.join("output")).map_err(text)?;
        // Faults are made on purpose here: nobody wants their core files.
        setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(|error| error.to_string())?;
        let child = command(language)?
            .arg(directory)
            .env("SKEP_TEST_TAG", directory)
            .env("TMPDIR", directory.join("tmp"))
            .env("RUST_BACKTRACE", "0")
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(text)?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .map_err(|error| format!("setpriv: {error}"))?;
        let mut subject = Subject {
            child,
            directory: directory.into(),
            tag: format!("SKEP_TEST_TAG={}", directory.display()),
            port: 0,
        };
        let file = directory.join("port");
        subject.port = eventually_some(patience(), || {
            let ended = subject.child.try_wait().is_ok_and(|ended| ended.is_some());
            assert!(
                !ended,
                "the server does not start:\n{}",
                subject.tail("output")
            );
            fs::read_to_string(&file).ok()?.parse().ok()
        });
        eventually(patience(), || subject.is_complete());
        Ok(subject)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Pid of the master.
    pub fn master(&self) -> i32 {
        self.child.id() as i32
    }

    /// Pids of its living children in one role, in ascending order. Those that have not begun yet are left out.
    pub fn children(&self, role: Role) -> Vec<i32> {
        let name = match role {
            Role::Worker => "worker",
            Role::TaskWorker => "task",
            Role::UserProcess => "user",
        };
        let has_role = |pid: &i32| {
            let path = self.directory.join("roles").join(pid.to_string());
            fs::read_to_string(path).is_ok_and(|is| is == name)
        };
        let mut children: Vec<i32> = process::children(self.master())
            .into_iter()
            .flat_map(process::children)
            .filter(has_role)
            .collect();
        children.retain(|pid| process::is_alive(*pid));
        children
    }

    /// Whether everybody is there, once.
    pub fn is_complete(&self) -> bool {
        self.children(Role::Worker).len() == WORKERS
            && self.children(Role::TaskWorker).len() == TASK_WORKERS
            && self.children(Role::UserProcess).len() == USERS
    }

    /// What the processes have put on record so far, `ledger` or `orders`.
    pub fn ledger(&self, name: &str) -> Ledger {
        // Bytes, as a record may have been cut off anywhere.
        let bytes = fs::read(self.directory.join(name)).unwrap_or_default();
        Ledger::read(&String::from_utf8_lossy(&bytes))
    }

    /// All its processes.
    pub fn processes(&self) -> Vec<i32> {
        process::tagged(&self.tag)
    }

    /// The log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// The last lines of one of its files.
    pub fn tail(&self, name: &str) -> String {
        let text = fs::read_to_string(self.directory.join(name)).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// The counters it wrote as its last deed.
    pub fn last_words(&self) -> HashMap<String, u64> {
        counters(&fs::read_to_string(self.directory.join("stats")).unwrap_or_default())
    }

    /// Ask it to stop.
    pub fn terminate(&self) {
        process::signal(self.master(), Signal::SIGTERM);
    }

    /// Wait for the end of the master.
    pub fn await_end(&mut self, limit: Duration) -> ExitStatus {
        let child = &mut self.child;
        eventually_some(limit, || child.try_wait().ok().flatten())
    }
}

/// A flat JSON object of numbers.
pub fn counters(json: &str) -> HashMap<String, u64> {
    let pairs = json.trim_matches(['{', '}']).split(',');
    pairs
        .filter_map(|pair| pair.split_once(':'))
        .filter_map(|(key, value)| Some((key.trim_matches('"').into(), value.parse().ok()?)))
        .collect()
}

impl Drop for Subject {
    fn drop(&mut self) {
        for pid in self.processes() {
            process::signal(pid, Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}

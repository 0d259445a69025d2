//! A server program as a process of its own: started, looked at, signalled, ended, and proved gone.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::eventually::{eventually, eventually_some, patience, promised};
use crate::journal::{self, Event};
use crate::{process, program};

/// No test takes longer: past this the watchdog ends the test process, so that nothing hangs.
const LONGEST_LIFE: Duration = Duration::from_secs(60);

/// A server to be started.
pub struct Builder {
    program: &'static str,
    settings: Vec<String>,
    environment: Vec<(String, String)>,
    directory: PathBuf,
    /// Shell text that ends with `exec "$0"`, if the program shall not be run directly.
    script: Option<String>,
    input: Option<OwnedFd>,
}

impl Builder {
    /// For `server!`, which knows where cargo put the program and where tests may keep files.
    pub fn new(program: &'static str, place: &str) -> Builder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("server-{}-{number}", std::process::id());
        let directory = Path::new(place).join(name);
        let _ = fs::remove_dir_all(&directory); // of an earlier process with the same pid
        fs::create_dir_all(&directory)
            .unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        Builder {
            program,
            settings: Vec::new(),
            environment: Vec::new(),
            directory,
            script: None,
            input: None,
        }
    }

    /// Run the program through a shell that does this first and then `exec "$0"`.
    pub fn through(mut self, script: &str) -> Builder {
        self.script = Some(script.into());
        self
    }

    /// Standard input.
    pub fn input(mut self, input: OwnedFd) -> Builder {
        self.input = Some(input);
        self
    }

    /// Marks every process of this server: an entry of its environment.
    pub fn tag(&self) -> String {
        format!("SKEP_TEST_TAG={}", self.directory.display())
    }

    /// The command that runs the program. Output is the caller's business.
    pub fn command(&mut self) -> Command {
        let mut command = match &self.script {
            None => Command::new(self.program),
            Some(script) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", script, self.program]);
                shell
            }
        };
        let mut settings = self.settings.clone();
        if !settings
            .iter()
            .any(|setting| setting.starts_with("log_file="))
        {
            settings.push(format!("log_file={}", self.path("log").display()));
        }
        command
            .env(program::JOURNAL, self.path("journal"))
            .env(program::SETTINGS, settings.join("\n"))
            .env("SKEP_TEST_TAG", &self.directory)
            .env("RUST_BACKTRACE", "0")
            .envs(self.environment.clone())
            .stdin(self.input.take().map_or_else(Stdio::null, Stdio::from))
            .process_group(0); // signals to the group must not reach the tests
        command
    }

    /// Set one setting.
    pub fn set(mut self, key: &str, value: impl ToString) -> Builder {
        self.settings.push(format!("{key}={}", value.to_string()));
        self
    }

    /// `worker_num` and `reactor_num`.
    pub fn sized(self, workers: u32, reactors: u32) -> Builder {
        self.set("worker_num", workers).set("reactor_num", reactors)
    }

    /// Set an environment variable of the server.
    pub fn env(mut self, key: &str, value: impl ToString) -> Builder {
        self.environment.push((key.into(), value.to_string()));
        self
    }

    /// Do not journal receive callbacks: for tests under load, which would read long journals.
    pub fn quiet(self) -> Builder {
        self.env(program::QUIET, 1)
    }

    /// A file in the server's own directory, which is removed with it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn spawn(&mut self) -> Child {
        let errors =
            fs::File::create(self.path("stderr")).unwrap_or_else(|error| panic!("{error}"));
        self.command()
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", self.program))
    }

    /// Start a server that cannot start; how it ended, and what it wrote to standard error.
    #[track_caller]
    pub fn start_to_fail(mut self) -> (ExitStatus, String) {
        let mut child = self.spawn();
        let _watchdog = watch(self.tag());
        let ended = eventually_some(patience(), || child.try_wait().transpose());
        let status = ended.unwrap_or_else(|error| panic!("{error}"));
        let errors = fs::read_to_string(self.path("stderr")).unwrap_or_default();
        remove(&self.directory);
        (status, errors)
    }

    /// Start, and wait until the server says READY.
    #[track_caller]
    pub fn start(self) -> Server {
        let mut server = self.launch();
        server.manager = match process::children(server.master())[..] {
            [manager] => manager,
            ref others => panic!("children of the master: {others:?}"),
        };
        server
    }

    /// The same for a pool, whose master is the parent of its workers.
    #[track_caller]
    pub fn start_pool(self) -> Server {
        let mut server = self.launch();
        server.manager = server.master();
        server
    }

    #[track_caller]
    fn launch(mut self) -> Server {
        let tag = self.tag();
        let child = self.spawn();
        let watchdog = watch(tag.clone());
        let directory = self.directory;
        let mut server = Server {
            child,
            tag,
            directory,
            port: 0,
            manager: 0,
            proved_gone: false,
            _watchdog: watchdog,
        };
        server.port = server.await_ready();
        server
    }
}

/// A running server.
pub struct Server {
    child: Child,
    /// Environment entry that marks every process of this server.
    tag: String,
    directory: PathBuf,
    port: u16,
    manager: i32,
    proved_gone: bool,
    /// Dropped with the server, which calls the watchdog off.
    _watchdog: Sender<()>,
}

/// End everything if a test does not end.
pub(crate) fn watch(tag: String) -> Sender<()> {
    let (alive, gone) = mpsc::channel::<()>();
    let limit = promised(LONGEST_LIFE);
    thread::spawn(move || {
        if gone.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            eprintln!("test not over after {limit:?}: ended by its watchdog");
            kill_all(&tag);
            std::process::exit(124);
        }
    });
    alive
}

pub(crate) fn kill_all(tag: &str) {
    for pid in process::tagged(tag) {
        process::signal(pid, Signal::SIGKILL);
    }
}

impl Server {
    #[track_caller]
    fn await_ready(&mut self) -> u16 {
        let Some(output) = self.child.stdout.take() else {
            panic!("output is not piped")
        };
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let (send, receive) = mpsc::channel();
        // Read to the end: a server that cannot write would block.
        thread::spawn(move || {
            let port = lines.find_map(|line| {
                line.strip_prefix("READY ")
                    .and_then(|port| port.parse().ok())
            });
            let _ = send.send(port); // the test has given up waiting, if this fails
            lines.for_each(drop);
        });
        match receive.recv_timeout(patience()) {
            Ok(Some(port)) => port,
            other => panic!("no READY line: {other:?}"),
        }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port is somebody else's too: that it is free again is not part of the proof.
    pub fn forget_port(&mut self) {
        self.port = 0;
    }

    /// Pid of the master.
    pub fn master(&self) -> i32 {
        self.child.id() as i32
    }

    /// Pid of the manager.
    pub fn manager(&self) -> i32 {
        self.manager
    }

    /// Pids of the living workers, in ascending order.
    pub fn workers(&self) -> Vec<i32> {
        let mut workers = process::children(self.manager);
        workers.retain(|pid| process::is_alive(*pid));
        workers
    }

    /// All living processes of this server, whoever their parent is.
    pub fn processes(&self) -> Vec<i32> {
        process::tagged(&self.tag)
    }

    /// A file in this server's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Events so far.
    pub fn events(&self) -> Vec<Event> {
        journal::read(self.path("journal"))
    }

    /// Events of one name so far.
    pub fn events_named(&self, name: &str) -> Vec<Event> {
        let mut events = self.events();
        events.retain(|event| event.name == name);
        events
    }

    /// Wait for the `count`th event of a name; returns that one.
    #[track_caller]
    pub fn await_event(&self, name: &str, count: usize) -> Event {
        eventually_some(patience(), || {
            self.events_named(name).into_iter().nth(count - 1)
        })
    }

    /// The log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Number of log lines that contain `text`.
    pub fn log_count(&self, text: &str) -> usize {
        self.log()
            .lines()
            .filter(|line| line.contains(text))
            .count()
    }

    /// Wait for a log line that contains `text`.
    #[track_caller]
    pub fn await_log(&self, text: &str) {
        eventually(patience(), || self.log_count(text) > 0);
    }

    /// Connect.
    #[track_caller]
    pub fn connect(&self) -> Client {
        Client::connect(self.port).unwrap_or_else(|error| panic!("connect: {error}"))
    }

    /// A connection whose messages this worker gets (dispatch mode 2). May open others and close them.
    #[track_caller]
    pub fn connect_to(&self, worker: u64) -> Client {
        eventually_some(patience(), || {
            let mut client = self.connect();
            (client.ask_number("!worker") == worker).then_some(client)
        })
    }

    /// Pid of the process that serves as this worker.
    #[track_caller]
    pub fn worker_pid(&self, worker: u64) -> i32 {
        self.connect_to(worker).ask_number("!pid") as i32
    }

    /// Wait until so many workers are ready and have nothing to do, as a client on `watcher` sees it:
    /// the worker that answers is busy meanwhile.
    #[track_caller]
    pub fn await_idle_workers(&self, watcher: &mut Client, count: u64) {
        eventually(patience(), || watcher.stat("idle_worker_num") >= count);
    }

    /// Send a signal to one process.
    #[track_caller]
    pub fn signal(&self, pid: i32, signal: Signal) {
        assert!(process::signal(pid, signal), "no process {pid}");
    }

    /// Send a signal to every process of the server at once, as a terminal does.
    pub fn signal_group(&self, signal: Signal) {
        let group = nix::unistd::Pid::from_raw(-self.master());
        nix::sys::signal::kill(group, signal).unwrap_or_else(|error| panic!("kill: {error}"));
    }

    /// Stop with TERM: in good order, exit code 0, nothing left.
    #[track_caller]
    pub fn stop(mut self) -> Vec<Event> {
        self.signal(self.master(), Signal::SIGTERM);
        let status = self.await_end(patience());
        assert_eq!(status.code(), Some(0), "exit of the master: {status}");
        self.events()
    }

    /// Wait until the master has ended and everything else is gone with it, all within `limit`.
    #[track_caller]
    pub fn await_end(&mut self, limit: Duration) -> ExitStatus {
        let begin = Instant::now();
        let child = &mut self.child;
        let status = eventually_some(limit, || {
            child.try_wait().unwrap_or_else(|error| panic!("{error}"))
        });
        self.await_nothing_left(limit.saturating_sub(begin.elapsed()));
        status
    }

    /// Wait until no process is left and the port is free. The master must be dead and may be a zombie.
    #[track_caller]
    pub fn await_nothing_left(&mut self, limit: Duration) {
        eventually(limit, || self.processes().is_empty());
        if self.port == 0 {
            self.proved_gone = true;
            return;
        }
        let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err();
        assert!(refused, "somebody still listens on port {}", self.port);
        let again = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port));
        assert!(
            again.is_ok(),
            "port {} cannot be bound again: {again:?}",
            self.port
        );
        self.proved_gone = true;
    }

    /// What the test wants to see when it fails.
    fn describe(&self) {
        for name in ["log", "stderr", "journal"] {
            let text = fs::read_to_string(self.path(name)).unwrap_or_default();
            let lines: Vec<_> = text.lines().collect();
            eprintln!("--- {name}, last of {} lines", lines.len());
            for line in &lines[lines.len().saturating_sub(25)..] {
                eprintln!("{line}");
            }
        }
        for pid in self.processes() {
            eprintln!(
                "--- process {pid}: state {:?}, children {:?}",
                process::state(pid),
                process::children(pid)
            );
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            self.describe();
        }
        kill_all(&self.tag);
        let _ = self.child.kill(); // gone already, as a rule
        let _ = self.child.wait();
        remove(&self.directory);
        if !thread::panicking() {
            assert!(
                self.proved_gone,
                "the test did not prove that its server is gone"
            );
        }
    }
}

pub(crate) fn remove(directory: &Path) {
    let _ = fs::remove_dir_all(directory); // a leftover in the temporary directory harms nobody
}

/// The signal that ended a process.
pub fn ended_by(status: ExitStatus) -> Option<Signal> {
    status
        .signal()
        .and_then(|number| Signal::try_from(number).ok())
}

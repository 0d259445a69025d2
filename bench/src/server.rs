//! A server program: started, ready, stopped, and nothing of it left behind.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::proc_tree::{self, Process};

const START_DEADLINE: Duration = Duration::from_secs(15);
const STOP_DEADLINE: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(10);

/// How to start one.
pub(crate) struct Program {
    pub(crate) command: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(&'static str, String)>,
    pub(crate) dir: PathBuf,
}

/// Why a server cannot take part: the reason it printed itself, as `SKIP <reason>`.
#[derive(Debug)]
pub(crate) struct Lacking(pub(crate) String);

impl std::fmt::Display for Lacking {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(&self.0)
    }
}

impl std::error::Error for Lacking {}

enum Ready {
    Port(u16),
    Not(String),
}

/// One that runs. Dropped without `stop` it is killed with its whole tree.
pub(crate) struct Server {
    child: Child,
    port: u16,
    /// Everybody seen in the tree so far: who loses their parent is not found by it any more.
    seen: Vec<Process>,
}

impl Server {
    /// Returns once it has printed `READY <port>`. An error that is a [`Lacking`] means that the
    /// server was built without what the case needs.
    pub(crate) fn start(program: &Program) -> Result<Self> {
        let name = program.command.display();
        let mut child = Command::new(&program.command)
            .args(&program.args)
            .envs(program.env.iter().cloned())
            .current_dir(&program.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let stdout = child.stdout.take();
        let mut server = Self {
            child,
            port: 0,
            seen: Vec::new(),
        };
        let (tell, told) = mpsc::channel();
        let stdout = stdout.context("no pipe to its stdout")?;
        thread::spawn(move || listen_to(stdout, &tell));
        match told.recv_timeout(START_DEADLINE) {
            Ok(Ready::Port(port)) => server.port = port,
            Ok(Ready::Not(why)) => {
                server.child.wait()?;
                return Err(Lacking(why).into());
            }
            Err(RecvTimeoutError::Timeout) => bail!("{name}: not ready after {START_DEADLINE:?}"),
            Err(RecvTimeoutError::Disconnected) => {
                let status = server.child.wait()?;
                bail!("{name}: ended before it was ready ({status})");
            }
        }
        Ok(server)
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    pub(crate) fn addr(&self) -> std::net::SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Whether it still runs: the first question after a failed measurement.
    pub(crate) fn condition(&mut self) -> String {
        thread::sleep(10 * TICK); // a dying process closes its sockets before it can be waited for
        match self.child.try_wait() {
            Ok(Some(status)) => format!("the server has ended ({status})"),
            _ => {
                let left = proc_tree::tree(self.pid()).map_or(0, |tree| tree.len());
                format!("the server runs on with {left} processes")
            }
        }
    }

    /// SIGTERM, and after a deadline SIGKILL. Says what was wrong about the ending, if anything:
    /// the measurement is valid all the same.
    pub(crate) fn stop(mut self) -> Result<Option<String>> {
        self.look();
        send(self.pid(), Signal::SIGTERM);
        let deadline = Instant::now() + STOP_DEADLINE;
        let mut status: Option<ExitStatus> = None;
        loop {
            if status.is_none() {
                self.look();
                status = self
                    .child
                    .try_wait()
                    .context("cannot wait for the server")?;
            }
            if status.is_some() && self.survivors().is_empty() {
                break;
            }
            if Instant::now() >= deadline {
                let left = self.kill();
                return Ok(Some(format!(
                    "{left} processes had to be killed after SIGTERM"
                )));
            }
            thread::sleep(TICK);
        }
        let bad = status.filter(|s| !s.success());
        Ok(bad.map(|s| format!("ended with {s} on SIGTERM")))
    }

    fn look(&mut self) {
        for process in proc_tree::tree(self.pid()).unwrap_or_default() {
            if !self.seen.contains(&process) {
                self.seen.push(process);
            }
        }
    }

    fn survivors(&self) -> Vec<Process> {
        self.seen.iter().copied().filter(|p| p.alive()).collect()
    }

    fn kill(&mut self) -> usize {
        self.look();
        let left = self.survivors();
        for process in &left {
            send(process.pid, Signal::SIGKILL);
        }
        // Nothing to be done about a child that cannot be waited for; it is dead by now.
        let _ = self.child.wait();
        left.len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) || !self.survivors().is_empty() {
            self.kill();
        }
    }
}

fn send(pid: i32, signal: Signal) {
    // It may have ended by itself in this moment, which is what the signal is for.
    let _ = kill(Pid::from_raw(pid), signal);
}

/// Passes the port on, and keeps reading so that a talkative server never waits for us.
fn listen_to(stdout: ChildStdout, ready: &Sender<Ready>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let port = line.strip_prefix("READY ").map(|port| port.trim().parse());
        let told = match (port, line.strip_prefix("SKIP ")) {
            (Some(Ok(port)), _) => Ready::Port(port),
            (_, Some(why)) => Ready::Not(why.to_string()),
            _ => {
                eprintln!("    server says: {line}");
                continue;
            }
        };
        // Nobody waits for it any more when the deadline has passed.
        let _ = ready.send(told);
    }
}

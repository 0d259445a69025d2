//! A server that leaves the process that started it: launched, found again by its environment, and gone
//! after the test, whatever becomes of the test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::mpsc::Sender;
use std::thread;

use nix::sys::signal::Signal;

use crate::client::Client;
use crate::eventually::{eventually, eventually_some, patience};
use crate::process;
use crate::server::{Builder, kill_all, remove, watch};

/// What is left behind by a launcher.
pub struct Daemon {
    tag: String,
    directory: PathBuf,
    _watchdog: Sender<()>,
}

impl Daemon {
    /// Run the program to its end; the server, if there is one now, belongs to the guard.
    pub fn launch(mut builder: Builder) -> (Output, Daemon) {
        let tag = builder.tag();
        let daemon = Daemon {
            _watchdog: watch(tag.clone()),
            tag,
            directory: builder.path(""),
        };
        // Files, not pipes: a server that kept them would keep the launcher's reader waiting.
        let out = builder.path("out");
        let errors = builder.path("stderr");
        let open = |path: &Path| fs::File::create(path).unwrap_or_else(|error| panic!("{error}"));
        let status = builder
            .command()
            .stdout(Stdio::from(open(&out)))
            .stderr(Stdio::from(open(&errors)))
            .status()
            .unwrap_or_else(|error| panic!("{error}"));
        let output = Output {
            status,
            stdout: fs::read(&out).unwrap_or_default(),
            stderr: fs::read(&errors).unwrap_or_default(),
        };
        (output, daemon)
    }

    /// A file in the server's own directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Text of such a file.
    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// All living processes of the server.
    pub fn processes(&self) -> Vec<i32> {
        process::tagged(&self.tag)
    }

    /// The number in the pid file of this name.
    #[track_caller]
    pub fn pid(&self, name: &str) -> i32 {
        let text = self.text(name);
        text.parse()
            .unwrap_or_else(|_| panic!("pid file: {text:?}"))
    }

    /// A connection to the port that the program has printed, into its log as it is a daemon.
    #[track_caller]
    pub fn connect(&self) -> Client {
        let port = eventually_some(patience(), || {
            let log = self.text("log");
            let mut ports = log.lines().filter_map(|line| line.strip_prefix("READY "));
            ports.next()?.parse().ok()
        });
        Client::connect(port).unwrap_or_else(|error| panic!("connect: {error}"))
    }

    /// Signal this process and wait until nothing is left.
    #[track_caller]
    pub fn end(&self, pid: i32, signal: Signal) {
        assert!(process::signal(pid, signal), "no process {pid}");
        eventually(patience(), || self.processes().is_empty());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if thread::panicking() {
            for name in ["log", "stderr", "journal"] {
                eprintln!("--- {name}\n{}", self.text(name));
            }
        }
        let left = self.processes();
        kill_all(&self.tag);
        remove(&self.directory);
        if !thread::panicking() {
            assert_eq!(left, [], "processes are left");
        }
    }
}

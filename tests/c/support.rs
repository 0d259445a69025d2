//! What the tests of the C interface stand on: compiling programs, running them, talking to them.

#![allow(
    dead_code,
    reason = "each of the test programs that include this file uses a part of it"
)]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// For anything that has to happen. Long, because machines are busy; nothing ever waits for it to pass.
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) const C11: [&str; 2] = ["cc", "-std=gnu11"];
pub(crate) const CXX17: [&str; 2] = ["c++", "-std=c++17"];

// ---- compiling ------------------------------------------------------------------------------------

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

pub(crate) fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c").join(name);
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// The newest libskep.so: release and debug builds share the target directory, and the one that was
/// built last is the one that is up to date.
pub(crate) fn library() -> PathBuf {
    // target/<profile>/deps/<this program>
    let program = std::env::current_exe().unwrap();
    let deps = program.parent().unwrap();
    let profile = deps.parent().unwrap();
    let candidates = [
        profile.parent().unwrap().join("release"),
        profile.into(),
        deps.into(),
    ];
    candidates
        .iter()
        .map(|dir| dir.join("libskep.so"))
        .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
        .max()
        .unwrap_or_else(|| {
            panic!("no libskep.so in {candidates:?}: run `cargo build -p skep --release`")
        })
        .1
}

pub(crate) fn file(name: &str, compiler: &[&str]) -> String {
    format!("{name}-{}", compiler[0].replace('+', "x"))
}

/// One of `tests/c/`. Tests run at the same time, so each caller gets a program file of its own.
#[track_caller]
pub(crate) fn compile_test(compiler: &[&str], name: &str) -> PathBuf {
    let line = Location::caller().line();
    let source = root().join(format!("tests/c/{name}.c"));
    compile(
        compiler,
        &source,
        &format!("{}-{line}", file(name, compiler)),
    )
}

pub(crate) fn compile(compiler: &[&str], source: &Path, name: &str) -> PathBuf {
    let output = scratch("bin").join(name);
    let library = library();
    let dir = library.parent().unwrap();
    let language = if compiler[0] == "c++" { "c++" } else { "c" };
    let mut command = Command::new(compiler[0]);
    command
        .args(&compiler[1..])
        .args(["-Wall", "-Wextra", "-Werror", "-pedantic", "-I"]);
    command
        .arg(root().join("include"))
        .args(["-x", language])
        .arg(source)
        .args(["-x", "none"]);
    command
        .arg("-L")
        .arg(dir)
        .args(["-lskep", "-lpthread", "-o"])
        .arg(&output);
    command.arg(format!("-Wl,-rpath,{}", dir.display()));
    let result = command
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", compiler[0]));
    assert!(
        result.status.success(),
        "{command:?}\n{}",
        String::from_utf8_lossy(&result.stderr)
    );
    output
}

/// The functions of the header, each with the lines of its comment.
pub(crate) fn functions() -> Vec<(String, Vec<String>)> {
    let header = fs::read_to_string(root().join("include/skep.h")).unwrap();
    let mut found = Vec::new();
    let mut comment = Vec::new();
    for line in header.lines() {
        if let Some(text) = line.strip_prefix("///") {
            comment.push(text.trim().to_string());
            continue;
        }
        let is_declaration =
            !line.starts_with([' ', '#', '}', '*', '/']) && !line.starts_with("typedef");
        let before = line
            .split('(')
            .next()
            .filter(|_| is_declaration && line.contains('('));
        let name = before.and_then(|text| text.rsplit([' ', '*']).next());
        if let Some(name) = name.filter(|name| name.starts_with("skep_")) {
            found.push((name.to_string(), std::mem::take(&mut comment)));
        }
        comment.clear();
    }
    found
}

// ---- processes ------------------------------------------------------------------------------------

/// A program in a process group of its own. Whatever is left of the group is killed in the end.
pub(crate) struct Program {
    pub(crate) pid: u32,
    lines: Receiver<String>,
    complaints: Receiver<String>,
    ended: Receiver<ExitStatus>,
    status: Option<ExitStatus>,
}

impl Program {
    pub(crate) fn start(program: &Path, args: &[&str]) -> Program {
        let mut command = Command::new(program);
        command.args(args);
        Program::spawn(command)
    }

    pub(crate) fn spawn(mut command: Command) -> Program {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let pid = child.id();
        let lines = follow(child.stdout.take().unwrap());
        let complaints = follow(child.stderr.take().unwrap());
        let (tell, ended) = channel();
        thread::spawn(move || tell.send(child.wait().unwrap()));
        Program {
            pid,
            lines,
            complaints,
            ended,
            status: None,
        }
    }

    /// The next line of its output.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        match self.lines.recv_timeout(DEADLINE) {
            Ok(line) if line.starts_with("FAILED") => panic!("{line}\n{}", self.complaints()),
            Ok(line) => line,
            Err(error) => panic!("no further line: {error}\n{}", self.complaints()),
        }
    }

    /// All lines up to one.
    #[track_caller]
    pub(crate) fn lines_until(&mut self, last: &str) -> Vec<String> {
        let deadline = Instant::now() + DEADLINE;
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line| line != last) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.starts_with("FAILED") => panic!("{line} after {lines:?}"),
                Ok(line) => lines.push(line),
                Err(error) => panic!(
                    "no \"{last}\": {error}, after {lines:?}\n{}",
                    self.complaints()
                ),
            }
        }
        lines
    }

    /// The port it says it serves.
    #[track_caller]
    pub(crate) fn port(&mut self) -> u16 {
        let line = self.line();
        ready(std::slice::from_ref(&line))
            .unwrap_or_else(|| panic!("{line}\n{}", self.complaints()))
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -{name} {}", self.pid))
            .status();
        assert!(sent.unwrap().success());
    }

    #[track_caller]
    pub(crate) fn end(&mut self) -> ExitStatus {
        let status = self.ended.recv_timeout(DEADLINE);
        let status = status.unwrap_or_else(|_| {
            panic!(
                "still running: {:?}\n{}",
                group(self.pid),
                self.complaints()
            )
        });
        self.status = Some(status);
        status
    }

    /// It ends with 0 and leaves no process.
    #[track_caller]
    pub(crate) fn ends_well(&mut self) {
        let status = self.end();
        assert!(
            status.success(),
            "code {:?} signal {:?}\n{}",
            status.code(),
            status.signal(),
            self.complaints()
        );
        let left = group(self.pid);
        assert!(left.is_empty(), "left behind: {left:?}");
    }

    #[track_caller]
    pub(crate) fn ends_well_after(&mut self, last: &str) {
        self.lines_until(last);
        self.ends_well();
    }

    /// What it has written to its standard error so far; all of it once it has ended.
    pub(crate) fn complaints(&self) -> String {
        let patience = if self.status.is_some() {
            DEADLINE
        } else {
            Duration::ZERO
        };
        let lines: Vec<_> =
            std::iter::from_fn(|| self.complaints.recv_timeout(patience).ok()).collect();
        lines.join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.status.is_none() || !group(self.pid).is_empty() {
            let kill = format!("kill -KILL -{}", self.pid);
            let _ = Command::new("sh")
                .arg("-c")
                .arg(kill)
                .stderr(Stdio::null())
                .status();
        }
    }
}

/// The lines of a stream, as they come.
fn follow(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            if tell
                .send(String::from_utf8_lossy(&line).into_owned())
                .is_err()
            {
                break;
            }
        }
    });
    lines
}

pub(crate) fn ready(lines: &[String]) -> Option<u16> {
    lines
        .iter()
        .find_map(|line| line.strip_prefix("READY ")?.parse().ok())
}

/// The processes of a process group that are alive.
pub(crate) fn group(leader: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let number = |name: &OsStr| name.to_str()?.parse().ok();
    let is_member = |pid: &u32| {
        // pid (name) state ppid pgrp ...; the name may hold anything
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<_> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        fields.len() > 2 && fields[0] != "Z" && fields[2] == leader.to_string()
    };
    processes
        .filter_map(|entry| number(&entry.file_name()))
        .filter(is_member)
        .collect()
}

// ---- clients --------------------------------------------------------------------------------------

pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    /// A server's port is known before anybody listens there.
    #[track_caller]
    pub(crate) fn connect(port: u16) -> Client {
        let begin = Instant::now();
        let stream = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Err(error)
                    if error.kind() == ErrorKind::ConnectionRefused
                        && begin.elapsed() < DEADLINE =>
                {
                    thread::sleep(Duration::from_millis(5));
                }
                connected => break connected.unwrap(),
            }
        };
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client(stream)
    }

    #[track_caller]
    pub(crate) fn send(&mut self, data: &[u8]) {
        self.0.write_all(data).unwrap();
    }

    /// Exactly these bytes come next.
    #[track_caller]
    pub(crate) fn expect(&mut self, data: &[u8]) {
        let mut got = vec![0; data.len()];
        self.0.read_exact(&mut got).unwrap();
        if got != data {
            let at = got
                .iter()
                .zip(data)
                .position(|(got, wanted)| got != wanted)
                .unwrap();
            let end = (at + 100).min(data.len());
            let (got, data) = (got[at..end].escape_ascii(), data[at..end].escape_ascii());
            panic!("from byte {at} on: got {got}, not {data}");
        }
    }

    /// The server has closed in good order and sent nothing more.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        assert_eq!(self.0.read(&mut [0; 16]).unwrap(), 0);
    }

    /// The server has ended the connection, in whichever way; what it had sent before may be lost.
    #[track_caller]
    pub(crate) fn expect_broken(&mut self) {
        loop {
            match self.0.read(&mut [0; 1024]) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("{error}"),
            }
        }
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

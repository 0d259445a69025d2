//! C programs against `include/skep.h` and `libskep.so`, each in processes of its own.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it is"
)]

use std::collections::BTreeSet;
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

const C11: [&str; 2] = ["cc", "-std=gnu11"];
const CXX17: [&str; 2] = ["c++", "-std=c++17"];

#[test]
fn header_compiles_alone_and_twice_in_every_dialect() {
    let source = scratch("dialects").join("twice.c");
    let text =
        "#include \"skep.h\"\n#include \"skep.h\"\nint main(void) { return (int)SKEP_OK; }\n";
    fs::write(&source, text).unwrap();
    for dialect in ["c99", "c11", "c2x"] {
        compile(
            &["cc", &format!("-std={dialect}")],
            &source,
            &format!("twice-{dialect}"),
        );
    }
    for dialect in ["c++11", "c++17"] {
        compile(
            &["c++", &format!("-std={dialect}")],
            &source,
            &format!("twice-{dialect}"),
        );
    }
}

#[test]
fn the_example_in_the_readme_compiles() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, rest) = readme.split_once("```c\n").expect("a C example");
    let (example, _) = rest.split_once("```").expect("its end");
    let source = scratch("readme").join("example.c");
    fs::write(&source, example).unwrap();
    let lenient = ["cc", "-std=c11", "-Wno-error=unused-parameter"];
    compile(&lenient, &source, "readme-example");
}

#[test]
fn header_declares_exactly_what_the_library_exports() {
    let output = Command::new("nm")
        .args(["-D", "--defined-only"])
        .arg(library())
        .output()
        .unwrap();
    assert!(output.status.success(), "nm: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let exported: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .map(String::from)
        .collect();
    let declared: BTreeSet<_> = functions().into_iter().map(|(name, _)| name).collect();
    assert!(
        declared.len() > 30,
        "the header was not understood: {declared:?}"
    );
    assert_eq!(exported, declared);
}

#[test]
fn every_function_says_ownership_place_and_errors() {
    for (name, comment) in functions() {
        let at = |line: &str| {
            comment
                .iter()
                .position(|text| text.starts_with(line))
                .unwrap_or_else(|| panic!("{name} has no line \"{line}\""))
        };
        assert!(
            at("Ownership: ") < at("Callable from: ") && at("Callable from: ") < at("Errors: "),
            "{name} has them in another order"
        );
    }
}

#[test]
fn versions_of_header_and_library_agree() {
    for compiler in [C11, CXX17] {
        let mut program = Program::start(&compile_test(&compiler, "version"), &[]);
        let line = program.line();
        assert!(line.starts_with("version "), "{line}");
        program.ends_well();
    }
}

#[test]
fn misuse_is_answered_by_a_status_in_every_state() {
    for compiler in [C11, CXX17] {
        let mut program = Program::start(&compile_test(&compiler, "misuse"), &[]);
        let lines = program.lines_until("done");
        let first = |word| lines.iter().position(|line| line == word);
        for word in [
            "start",
            "manager_start",
            "worker_start",
            "before_shutdown",
            "worker_stop",
            "manager_stop",
            "shutdown",
        ] {
            assert!(first(word).is_some(), "no {word} in {lines:?}");
        }
        assert!(
            !lines.iter().any(|line| line.starts_with("FAILED")),
            "{lines:?}"
        );
        program.ends_well();
    }
}

#[test]
fn example_echoes_and_stops_in_c_and_cxx() {
    for compiler in [["cc", "-std=c11"], CXX17] {
        let example = compile(
            &compiler,
            &root().join("examples/c/echo.c"),
            &file("example", &compiler),
        );
        let mut program = Program::start(&example, &["0"]);
        let mut client = Client::connect(program.port());
        for n in 0..100 {
            let message = format!("message {n}");
            client.send(message.as_bytes());
            client.expect(message.as_bytes());
        }
        program.signal("TERM");
        client.expect_end();
        program.ends_well();
    }
}

#[test]
fn example_refuses_a_bad_port() {
    let example = compile(&C11, &root().join("examples/c/echo.c"), "example-port");
    let mut program = Program::start(&example, &["70000"]);
    assert_eq!(program.end().code(), Some(2), "{}", program.complaints());
}

#[test]
fn bench_server_takes_its_sizes_from_the_environment() {
    let server = compile(&C11, &root().join("bench/servers/echo.c"), "bench-echo");
    let mut command = Command::new(&server);
    command
        .env("PORT", "0")
        .env("SKEP_WORKERS", "3")
        .env("SKEP_REACTORS", "1");
    let mut program = Program::spawn(command);
    let mut client = Client::connect(program.port());
    client.send(b"hello");
    client.expect(b"hello");
    assert_eq!(
        group(program.pid).len(),
        5,
        "master, manager and three workers"
    );
    program.signal("TERM");
    program.ends_well();
}

#[test]
fn sessions_can_be_looked_at_from_callbacks() {
    let mut program = Program::start(&compile_test(&C11, "echo"), &[]);
    let port = program.port();
    let mut first = Client::connect(port);
    let mut second = Client::connect(port);
    first.send(b"plain");
    first.expect(b"plain");
    second.send(b"plain");
    second.expect(b"plain");

    let local = first.0.local_addr().unwrap();
    first.send(b"info");
    first.expect(format!("info 1 from {local} worker 0\n").as_bytes());
    second.send(b"list");
    second.expect(b"list 2 first 1\n");
    second.send(b"stats");
    second.expect(b"stats open 2 received 23\n");
    second.send(b"ids");
    second.expect(b"ids\n");

    drop(first);
    assert_eq!(program.line(), "closed 1 by an event");
    second.send(b"list");
    second.expect(b"list 1 first 2\n");
    program.signal("TERM");
    assert_eq!(
        program.lines_until("stopped").first().unwrap(),
        "closed 2 by an event"
    );
    program.ends_well();
}

#[test]
fn close_runs_its_callback_before_it_returns() {
    let mut program = Program::start(&compile_test(&C11, "echo"), &[]);
    let port = program.port();
    let mut client = Client::connect(port);
    client.send(b"close");
    client.expect(b"bye\n");
    client.expect_end();
    assert_eq!(program.line(), "closed 1 by a call");

    let mut client = Client::connect(port);
    client.send(b"reset");
    client.expect_broken();
    assert_eq!(program.line(), "closed 2 by a call");
    program.signal("TERM");
    program.ends_well_after("stopped");
}

#[test]
fn send_is_refused_when_the_client_does_not_read() {
    let mut program = Program::start(&compile_test(&C11, "echo"), &[]);
    let mut client = Client::connect(program.port());
    client.send(b"flood");
    let line = program.line();
    let chunks: usize = line
        .strip_prefix("flooded ")
        .unwrap_or_else(|| panic!("{line}"))
        .parse()
        .unwrap();
    assert!(
        chunks >= 4,
        "less than socket_buffer_size was accepted: {chunks} chunks"
    );
    client.expect(&vec![0; chunks * 65536]); // what was accepted arrives
    client.send(b"still here");
    client.expect(b"still here");
    program.signal("TERM");
    program.ends_well_after("stopped");
}

#[test]
fn large_message_comes_back_whole() {
    // Half of what may wait for one client by default, so nothing can be refused.
    let example = compile(&C11, &root().join("examples/c/echo.c"), "example-large");
    let mut program = Program::start(&example, &["0"]);
    let mut client = Client::connect(program.port());
    let data: Vec<u8> = (0..4 << 20).map(|n: u32| (n % 251) as u8).collect();
    let mut writer = client.0.try_clone().unwrap();
    let copy = data.clone();
    let sender = thread::spawn(move || writer.write_all(&copy).unwrap());
    client.expect(&data);
    sender.join().unwrap();
    program.signal("TERM");
    program.ends_well();
}

#[test]
fn callbacks_run_in_their_process_with_their_data() {
    let mut program = Program::start(&compile_test(&C11, "lifecycle"), &["2"]);
    for _ in 0..2 {
        // The second server in the same process is like the first.
        let mut before = program.lines_until("master start");
        let port = ready(&before).unwrap();
        before.retain(|line| !line.starts_with("READY"));
        let mut client = Client::connect(port);
        client.send(b"hello");
        client.expect(b"hello");
        client.send(b"shutdown");
        client.expect_end();
        let after = program.lines_until("returned");
        for (line, place) in [
            ("manager manager_start", 0),
            ("worker worker_start", 0),
            ("session 1 connect", 0),
            ("master before_shutdown", 0),
            ("session 1 close", 0),
            ("worker worker_stop", 1),
            ("manager manager_stop", 2),
            ("master shutdown", 3),
        ] {
            let all: Vec<_> = before.iter().chain(&after).collect();
            assert_eq!(
                all.iter().filter(|text| **text == line).count(),
                1,
                "{line} in {all:?}"
            );
            if place > 0 {
                // The end is in one order: worker, manager, master, return.
                let from_end = after.iter().rev().position(|text| text == line).unwrap();
                assert_eq!(from_end, 4 - place, "{line} in {after:?}");
            }
        }
    }
    program.ends_well_after("done");
}

#[test]
fn worker_that_ends_badly_is_reported_and_replaced() {
    let mut program = Program::start(&compile_test(&C11, "lifecycle"), &[]);
    let port = ready(&program.lines_until("master start")).unwrap();
    for (message, report) in [
        ("leave", "manager worker_error worker 0 code 7 signal 0"),
        (
            "leave in close",
            "manager worker_error worker 0 code 8 signal 0",
        ),
        ("exit", "manager worker_error worker 0 code 9 signal 0"),
        ("crash", "manager worker_error worker 0 code 0 signal 6"),
    ] {
        let mut client = Client::connect(port);
        client.send(message.as_bytes());
        client.expect_broken(); // its request died with the worker
        let lines = program.lines_until(report);
        assert!(
            !lines.iter().any(|line| line == "worker worker_stop"),
            "{message}: {lines:?}"
        );
        program.lines_until("worker worker_start");
        let mut client = Client::connect(port);
        client.send(b"hello");
        client.expect(b"hello");
    }
    program.signal("TERM");
    program.ends_well_after("done");
}

#[test]
fn stop_and_reload_replace_the_worker_and_keep_the_session() {
    let mut program = Program::start(&compile_test(&C11, "lifecycle"), &[]);
    let port = ready(&program.lines_until("master start")).unwrap();
    let mut client = Client::connect(port);
    for message in ["stop", "reload"] {
        client.send(message.as_bytes());
        let lines = program.lines_until("worker worker_stop");
        assert!(
            !lines.iter().any(|line| line.contains("worker_error")),
            "{lines:?}"
        );
        program.lines_until("worker worker_start");
        client.send(b"hello");
        client.expect(b"hello");
    }
    program.signal("TERM");
    program.ends_well_after("done");
}

#[test]
fn usr1_replaces_the_worker_and_keeps_the_session() {
    let mut program = Program::start(&compile_test(&C11, "lifecycle"), &[]);
    let port = ready(&program.lines_until("master start")).unwrap();
    let mut client = Client::connect(port);
    client.send(b"hello");
    client.expect(b"hello");
    program.signal("USR1");
    program.lines_until("worker worker_stop");
    program.lines_until("worker worker_start");
    client.send(b"hello");
    client.expect(b"hello");
    program.signal("TERM");
    program.ends_well_after("done");
}

#[test]
fn example_is_clean_under_valgrind() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!(
            "SKIPPED: valgrind is not installed, so memory use of the example was not checked"
        );
        return;
    }
    let example = compile(
        &["cc", "-std=c11", "-g"],
        &root().join("examples/c/echo.c"),
        "example-valgrind",
    );
    let logs = scratch("valgrind");
    for old in fs::read_dir(&logs).unwrap().flatten() {
        fs::remove_file(old.path()).unwrap();
    }
    let mut command = Command::new("valgrind");
    command.args([
        "--leak-check=full",
        "--error-exitcode=9",
        "--trace-children=no",
    ]);
    // The children end by _exit in the middle of start(): what they hold is theirs to the end, and
    // valgrind finds some of it by inner pointers only. For the master nothing may be left at all.
    command.args([
        "--errors-for-leak-kinds=definite,indirect",
        "--show-leak-kinds=definite,indirect,possible",
    ]);
    command.arg(format!("--log-file={}/%p", logs.display()));
    command.arg(example);
    let mut program = Program::spawn(command);
    let mut client = Client::connect(program.port());
    for n in 0..100 {
        let message = format!("message {n}");
        client.send(message.as_bytes());
        client.expect(message.as_bytes());
    }
    program.signal("TERM");
    client.expect_end();
    program.ends_well();
    assert_eq!(program.complaints(), "");
    let log = fs::read_to_string(logs.join(program.pid.to_string())).unwrap();
    for kind in ["definitely", "indirectly", "possibly"] {
        let none = format!("{kind} lost: 0 bytes in 0 blocks");
        assert!(
            log.contains(&none) || log.contains("no leaks are possible"),
            "{log}"
        );
    }
    // The children are forks, so valgrind watches them too.
    let all: Vec<_> = fs::read_dir(&logs).unwrap().flatten().collect();
    assert_eq!(all.len(), 4, "master, manager and two workers: {all:?}");
    for entry in all {
        let log = fs::read_to_string(entry.path()).unwrap();
        assert!(log.contains("ERROR SUMMARY: 0 errors"), "{log}");
    }
}

// ---- compiling ------------------------------------------------------------------------------------

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c").join(name);
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// The newest libskep.so: release and debug builds share the target directory, and the one that was
/// built last is the one that is up to date.
fn library() -> PathBuf {
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

fn file(name: &str, compiler: &[&str]) -> String {
    format!("{name}-{}", compiler[0].replace('+', "x"))
}

/// One of `tests/c/`. Tests run at the same time, so each caller gets a program file of its own.
#[track_caller]
fn compile_test(compiler: &[&str], name: &str) -> PathBuf {
    let line = Location::caller().line();
    let source = root().join(format!("tests/c/{name}.c"));
    compile(
        compiler,
        &source,
        &format!("{}-{line}", file(name, compiler)),
    )
}

fn compile(compiler: &[&str], source: &Path, name: &str) -> PathBuf {
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
fn functions() -> Vec<(String, Vec<String>)> {
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
struct Program {
    pid: u32,
    lines: Receiver<String>,
    complaints: Receiver<String>,
    ended: Receiver<ExitStatus>,
    status: Option<ExitStatus>,
}

impl Program {
    fn start(program: &Path, args: &[&str]) -> Program {
        let mut command = Command::new(program);
        command.args(args);
        Program::spawn(command)
    }

    fn spawn(mut command: Command) -> Program {
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
    fn line(&mut self) -> String {
        match self.lines.recv_timeout(DEADLINE) {
            Ok(line) if line.starts_with("FAILED") => panic!("{line}\n{}", self.complaints()),
            Ok(line) => line,
            Err(error) => panic!("no further line: {error}\n{}", self.complaints()),
        }
    }

    /// All lines up to one.
    #[track_caller]
    fn lines_until(&mut self, last: &str) -> Vec<String> {
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
    fn port(&mut self) -> u16 {
        let line = self.line();
        ready(std::slice::from_ref(&line))
            .unwrap_or_else(|| panic!("{line}\n{}", self.complaints()))
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -{name} {}", self.pid))
            .status();
        assert!(sent.unwrap().success());
    }

    #[track_caller]
    fn end(&mut self) -> ExitStatus {
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
    fn ends_well(&mut self) {
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
    fn ends_well_after(&mut self, last: &str) {
        self.lines_until(last);
        self.ends_well();
    }

    /// What it has written to its standard error so far; all of it once it has ended.
    fn complaints(&self) -> String {
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

fn ready(lines: &[String]) -> Option<u16> {
    lines
        .iter()
        .find_map(|line| line.strip_prefix("READY ")?.parse().ok())
}

/// The processes of a process group that are alive.
fn group(leader: u32) -> Vec<u32> {
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

struct Client(TcpStream);

impl Client {
    #[track_caller]
    fn connect(port: u16) -> Client {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client(stream)
    }

    #[track_caller]
    fn send(&mut self, data: &[u8]) {
        self.0.write_all(data).unwrap();
    }

    /// Exactly these bytes come next.
    #[track_caller]
    fn expect(&mut self, data: &[u8]) {
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
    fn expect_end(&mut self) {
        assert_eq!(self.0.read(&mut [0; 16]).unwrap(), 0);
    }

    /// The server has ended the connection, in whichever way; what it had sent before may be lost.
    #[track_caller]
    fn expect_broken(&mut self) {
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

//! C programs against `include/skep.h` and `libskep.so`, each in processes of its own.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails where it is"
)]

#[path = "c/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::Command;
use std::thread;

use support::{
    C11, CXX17, Client, Program, compile, compile_test, file, functions, group, library, root,
    scratch,
};

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
fn the_programs_in_the_readme_compile_and_the_one_with_tasks_answers() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let programs: Vec<_> = readme.split("```c\n").skip(1).collect();
    assert_eq!(programs.len(), 2, "an echo server, and one with tasks");
    let lenient = ["cc", "-std=c11", "-Wno-error=unused-parameter"];
    let built: Vec<_> = programs
        .into_iter()
        .enumerate()
        .map(|(number, text)| {
            let (program, _) = text.split_once("```").expect("its end");
            // The port may be taken, and nothing tells it: a line for the tests.
            let free = program.replace("9501", "0").replace(
                "    skep_status status = ",
                "    uint16_t port = 0;\n    skep_server_port(server, &port);\n    printf(\"READY %u\\n\", \
                 (unsigned)port);\n    fflush(stdout);\n    skep_status status = ",
            );
            let source = scratch("readme").join(format!("example-{number}.c"));
            fs::write(&source, program).unwrap();
            compile(&lenient, &source, &format!("readme-example-{number}"));
            let source = scratch("readme").join(format!("example-{number}-free.c"));
            fs::write(&source, format!("#include <stdio.h>\n{free}")).unwrap();
            compile(&lenient, &source, &format!("readme-example-{number}-free"))
        })
        .collect();
    for program in built {
        let mut program = Program::start(&program, &[]);
        let mut client = Client::connect(program.port());
        for line in ["one\n", "two\n"] {
            client.send(line.as_bytes());
            client.expect(line.as_bytes());
        }
        drop(client);
        program.signal("TERM");
        program.ends_well();
    }
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
fn part_of_a_file_arrives_between_two_sends() {
    for compiler in [C11, CXX17] {
        let binary = compile_test(&compiler, "echo");
        let mut program = Program::start(&binary, &[]);
        let mut client = Client::connect(program.port());
        client.send(b"file");
        let start = fs::read(&binary).unwrap()[..100].to_vec();
        client.expect(&[&b"X"[..], &start, b"Y"].concat());
        client.send(b"next");
        client.expect(b"next");
        program.signal("TERM");
        program.ends_well_after("stopped");
    }
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

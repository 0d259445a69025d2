//! The server as a daemon: launcher, session, pid file, titles, CPUs, init of a container.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use skep_tests::client::Client;
use skep_tests::daemon::Daemon;
use skep_tests::eventually::{eventually, eventually_some, patience, promised};
use skep_tests::server::{Builder, ended_by};
use skep_tests::{process, server};

fn daemon() -> Builder {
    let builder = server!("service").sized(2, 1).set("daemonize", 1);
    let pid_file = builder.path("pid");
    builder.set("pid_file", pid_file.display())
}

fn errors(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn command_line(pid: i32) -> String {
    let text = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&text)
        .trim_end_matches('\0')
        .to_string()
}

#[test]
fn the_launcher_ends_when_the_server_is_ready_in_a_session_of_its_own() {
    let (output, daemon) = Daemon::launch(daemon());
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let master = daemon.pid("pid");
    // No waiting here: everything is as promised at the moment the launcher has ended.
    let processes = daemon.processes();
    assert_eq!(processes.len(), 4, "{processes:?}");
    assert_eq!(process::session(master), Some(master));
    let log = daemon.path("log");
    for pid in processes {
        assert_eq!(
            fs::read_link(format!("/proc/{pid}/cwd")).unwrap(),
            Path::new("/")
        );
        assert_eq!(process::session(pid), Some(master));
        for stream in [1, 2] {
            assert_eq!(
                fs::read_link(format!("/proc/{pid}/fd/{stream}")).unwrap(),
                log
            );
        }
        let input = fs::read_link(format!("/proc/{pid}/fd/0")).unwrap();
        assert_eq!(input, Path::new("/dev/null"), "kept as it was");
    }
    assert_eq!(daemon.connect().ask("hello"), "hello");
    daemon.end(master, Signal::SIGTERM);
    assert!(!daemon.path("pid").exists());
}

#[test]
fn without_a_log_file_a_daemon_is_silent() {
    let (output, daemon) = Daemon::launch(daemon().set("log_file", ""));
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
    let master = daemon.pid("pid");
    let out = fs::read_link(format!("/proc/{master}/fd/1")).unwrap();
    assert_eq!(out, Path::new("/dev/null"));
    daemon.end(master, Signal::SIGTERM);
}

#[test]
fn the_output_of_a_daemon_follows_its_log() {
    let (_, daemon) = Daemon::launch(daemon());
    let master = daemon.pid("pid");
    fs::rename(daemon.path("log"), daemon.path("log.1")).unwrap();
    process::signal_number(master, 34);
    let log = daemon.path("log");
    eventually(patience(), || {
        let out = |pid: i32| fs::read_link(format!("/proc/{pid}/fd/1"));
        daemon
            .processes()
            .iter()
            .all(|&pid| out(pid).is_ok_and(|target| target == log))
    });
    daemon.end(master, Signal::SIGTERM);
}

#[test]
fn relative_paths_are_those_of_the_launcher() {
    let builder = daemon();
    let directory = builder.path("");
    let builder = builder
        .through(&format!("cd '{}' && exec \"$0\"", directory.display()))
        .set("pid_file", "own.pid")
        .set("log_file", "own.log");
    let (output, daemon) = Daemon::launch(builder);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let master = daemon.pid("own.pid");
    assert!(daemon.text("own.log").contains("READY"));
    process::signal_number(master, 10); // new workers have the same log
    eventually(patience(), || {
        daemon.text("own.log").contains("reloading all workers")
    });
    daemon.end(master, Signal::SIGTERM);
    assert!(!Path::new("/own.log").exists() && !Path::new("/own.pid").exists());
}

#[test]
fn the_launcher_says_why_there_is_no_server() {
    let (output, daemon) = Daemon::launch(daemon().env("SKEP_TEST_LEAVE", 1));
    assert_eq!(output.status.code(), Some(255));
    assert!(
        errors(&output).contains("ended before it was ready"),
        "{}",
        errors(&output)
    );
    eventually(patience(), || daemon.processes().is_empty());
}

#[test]
fn a_pid_file_that_is_held_refuses_a_second_server_and_is_left_alone() {
    let server = {
        let builder = server!("service").sized(1, 1);
        let pid_file = builder.path("pid");
        builder.set("pid_file", pid_file.display()).start()
    };
    let path = server.path("pid");
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        server.master().to_string()
    );
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o644
    );
    for daemonize in [0, 1] {
        let second = server!("service").sized(1, 1).set("daemonize", daemonize);
        let (output, second) = Daemon::launch(second.set("pid_file", path.display()));
        assert!(!output.status.success());
        let (errors, pid) = (errors(&output), server.master());
        assert!(
            errors.contains(&format!("is held by a running server (pid {pid})")),
            "{errors}"
        );
        eventually(patience(), || second.processes().is_empty()); // it has ended, or is about to
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        server.master().to_string()
    );
    let copy = path.clone();
    server.connect().ask("still here");
    server.stop();
    assert!(!copy.exists());
}

#[test]
fn a_stale_pid_file_is_replaced_and_killed_servers_leave_one() {
    let builder = server!("service").sized(1, 1);
    let path = builder.path("pid");
    fs::write(&path, "1234567890123").unwrap();
    let mut first = builder.set("pid_file", path.display()).start();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        first.master().to_string()
    );
    first.signal(first.master(), Signal::SIGKILL);
    first.await_end(patience());
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        first.master().to_string()
    );
    let mut second = server!("service")
        .sized(1, 1)
        .set("pid_file", path.display())
        .start();
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        second.master().to_string()
    );
    second.signal(second.master(), Signal::SIGINT);
    assert_eq!(ended_by(second.await_end(patience())), Some(Signal::SIGINT));
    assert!(!path.exists(), "INT removes it as well");
}

#[test]
fn a_pid_file_that_names_somebody_else_is_not_removed() {
    let builder = server!("service").sized(1, 1);
    let path = builder.path("pid");
    let mut server = builder.set("pid_file", path.display()).start();
    fs::write(&path, "1").unwrap();
    server.signal(server.master(), Signal::SIGTERM);
    server.await_end(patience());
    assert_eq!(fs::read_to_string(&path).unwrap(), "1");
}

#[test]
fn a_pid_file_that_cannot_be_written_is_a_warning() {
    let server = server!("service")
        .sized(1, 1)
        .set("pid_file", "/nowhere/at/all")
        .start();
    server.await_log("open('/nowhere/at/all') failed, Error: No such file or directory[2]");
    assert_eq!(server.connect().ask("hello"), "hello");
    server.stop();
}

#[test]
fn titles_tell_the_roles_if_asked_for() {
    let plain = server!("service").sized(1, 1).start();
    assert!(command_line(plain.master()).contains("skep-test-service"));
    assert!(command_line(plain.workers()[0]).contains("skep-test-service"));
    let mut client = plain.connect();
    // Longer than the arguments, so it runs on into the environment.
    let long = format!("a title {}", "x".repeat(400));
    assert_eq!(client.ask(format!("!title {long}")), "true");
    assert_eq!(command_line(plain.workers()[0]), long);
    assert_eq!(client.ask("!env SKEP_TEST_QUIET"), "unset");
    assert_ne!(
        client.ask("!env SKEP_TEST_TAG"),
        "unset",
        "variables are moved, not lost"
    );
    assert_eq!(client.ask("!title short"), "true");
    assert_eq!(command_line(plain.workers()[0]), "short");
    drop(client);
    plain.stop();
    let titled = server!("service")
        .sized(2, 1)
        .set("process_title", 1)
        .start();
    assert_eq!(command_line(titled.master()), "skep: master");
    assert_eq!(command_line(titled.manager()), "skep: manager");
    for id in 0..2 {
        let pid = titled.worker_pid(id);
        assert_eq!(command_line(pid), format!("skep: worker {id}"));
    }
    titled.stop();
}

#[test]
fn affinity_pins_workers_and_reactors_in_every_generation() {
    let server = server!("service")
        .sized(3, 2)
        .set("open_cpu_affinity", 1)
        .start();
    let all = allowed_cpus(std::process::id() as i32, std::process::id() as i32);
    assert_eq!(
        allowed_cpus(server.master(), server.master()),
        all,
        "the master is free"
    );
    for worker in 0..3 {
        let mut client = server.connect_to(worker);
        let expected = all[worker as usize % all.len()].to_string();
        assert_eq!(client.ask("!cpus"), expected);
        let pid = server.worker_pid(worker);
        server.signal(pid, Signal::SIGKILL);
        eventually(patience(), || !server.workers().contains(&pid));
        assert_eq!(
            server.connect_to(worker).ask("!cpus"),
            expected,
            "the successor"
        );
    }
    let threads = fs::read_dir(format!("/proc/{}/task", server.master())).unwrap();
    let mut reactors: Vec<_> = threads
        .map(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_str()
                .unwrap()
                .parse::<i32>()
                .unwrap()
        })
        .filter(|&thread| thread != server.master())
        .map(|thread| allowed_cpus(server.master(), thread))
        .collect();
    reactors.sort();
    let mut expected: Vec<_> = (0..2).map(|id| vec![all[id % all.len()]]).collect();
    expected.sort();
    assert_eq!(reactors, expected);
    server.stop();
}

fn allowed_cpus(pid: i32, thread: i32) -> Vec<usize> {
    let status = fs::read_to_string(format!("/proc/{pid}/task/{thread}/status")).unwrap();
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
        .unwrap();
    list.trim()
        .split(',')
        .flat_map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            first.parse::<usize>().unwrap()..=last.parse().unwrap()
        })
        .collect()
}

#[test]
fn too_many_ignored_cpus_are_refused() {
    let cpus = std::process::Command::new("nproc")
        .arg("--all")
        .output()
        .unwrap();
    let cpus: usize = String::from_utf8(cpus.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let all = (0..cpus)
        .map(|cpu| cpu.to_string())
        .collect::<Vec<_>>()
        .join(",");
    let builder = server!("service")
        .sized(1, 1)
        .set("cpu_affinity_ignore", all);
    let (output, _daemon) = Daemon::launch(builder);
    assert!(!output.status.success());
    let text = errors(&output);
    assert!(
        text.contains(&format!(
            "cpu_affinity_ignore num must be less than cpu num ({cpus})"
        )),
        "{text}"
    );
}

#[test]
fn an_ignored_cpu_is_left_out() {
    let all = allowed_cpus(std::process::id() as i32, std::process::id() as i32);
    if all.len() < 2 {
        return eprintln!("SKIPPED: needs two CPUs");
    }
    let server = server!("service")
        .sized(2, 1)
        .set("open_cpu_affinity", 1)
        .set("cpu_affinity_ignore", all[0])
        .start();
    for worker in 0..2 {
        let rest = &all[1..];
        assert_eq!(
            server.connect_to(worker).ask("!cpus"),
            rest[worker as usize % rest.len()].to_string()
        );
    }
    server.stop();
}

/// As in a container: the server is the first process of its pid namespace.
#[test]
fn as_process_1_it_serves_reaps_orphans_and_stops() {
    let unshare = ["--fork", "--pid", "--mount-proc", "true"];
    let allowed = Command::new("unshare")
        .args(unshare)
        .stderr(Stdio::null())
        .status();
    if !process::is_root() || !allowed.is_ok_and(|status| status.success()) {
        return eprintln!("SKIPPED: pid namespaces are not to be had");
    }
    let builder = server!("service").sized(2, 1);
    let ready = builder.path("ready");
    let script = format!(
        "exec unshare --fork --kill-child --pid --mount-proc sh -c 'exec \"$0\" > {}' \"$0\"",
        ready.display()
    );
    let mut builder = builder.through(&script);
    let mut child = builder.command().spawn().unwrap();
    let unshare = child.id() as i32;
    let served = std::panic::catch_unwind(|| {
        let port = eventually_some(patience(), || {
            fs::read_to_string(&ready)
                .ok()?
                .trim()
                .strip_prefix("READY ")?
                .parse()
                .ok()
        });
        let [master] = process::children(unshare)[..] else {
            panic!("children of unshare: {:?}", process::children(unshare))
        };
        let mut client = Client::connect(port).unwrap();
        assert_eq!(client.ask("hello"), "hello");
        // The shell's child loses its parent and comes to process 1 when it has ended.
        client.ask("!orphan");
        eventually(patience(), || {
            let children = process::children(master);
            children.len() == 1 && children.iter().all(|&pid| process::is_alive(pid))
        });
        assert_eq!(client.ask("still there"), "still there");
        process::signal(master, Signal::SIGTERM);
        eventually(patience(), || !process::is_alive(master));
    });
    if served.is_err() {
        let _ = child.kill(); // and with it, by --kill-child, the namespace
    }
    let status = child.wait().unwrap();
    fs::remove_dir_all(builder.path("")).unwrap();
    served.unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_lowered_max_connection_is_told_with_the_numbers() {
    let server = server!("service")
        .sized(1, 1)
        .set("max_connection", 5000)
        .through("ulimit -n 256; exec \"$0\"")
        .start();
    server.await_log("it's reset to 218: of 5000 asked for, with a limit of 256 descriptors");
    server.stop();
}

#[test]
fn without_a_free_descriptor_clients_are_told_and_served_later() {
    let builder = server!("service")
        .sized(1, 1)
        .through("ulimit -n 256; exec \"$0\"");
    let release = builder.path("release");
    let server = builder.env("SKEP_TEST_HOARD", release.display()).start();
    let full = || process::descriptors(server.master()).len() >= 250;
    eventually(patience(), full);
    for _ in 0..10 {
        let refused = server.connect().try_ask("hello");
        assert!(refused.is_err(), "{refused:?}");
    }
    server.await_log("accept() failed, Error: Too many open files[24]");
    let before = process::cpu_ticks(server.master());
    std::thread::sleep(std::time::Duration::from_millis(500)); // what is measured is the time
    let spent = process::cpu_ticks(server.master()) - before;
    assert!(
        spent < 25,
        "{spent} ticks of 10 ms in half a second: a busy loop"
    );
    assert!(server.log_count("Too many open files") <= 6, "folded");
    fs::write(release, "").unwrap();
    eventually(patience(), || server.connect().try_ask("hello").is_ok());
    server.stop();
}

#[test]
fn the_pid_file_belongs_to_no_child() {
    let builder = server!("service").sized(1, 1);
    let path = builder.path("pid");
    let server = builder.set("pid_file", path.display()).start();
    let inode = fs::metadata(&path).unwrap().ino();
    for pid in [server.manager(), server.workers()[0]] {
        let holds = process::descriptors(pid).iter().any(|(_, target)| {
            fs::metadata(target).is_ok_and(|data| data.ino() == inode) && target == &path
        });
        assert!(!holds, "{pid}");
    }
    server.stop();
}

#[test]
fn nothing_is_left_a_second_after_a_daemon_was_killed_and_the_next_one_starts() {
    let (_, first) = Daemon::launch(daemon());
    let master = first.pid("pid");
    assert!(process::signal(master, Signal::SIGKILL));
    eventually(promised(Duration::from_secs(1)), || {
        first.processes().is_empty()
    });
    let again = server!("service").sized(1, 1).set("daemonize", 1);
    let (output, second) = Daemon::launch(again.set("pid_file", first.path("pid").display()));
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    second.end(first.pid("pid"), Signal::SIGTERM);
    assert!(!first.path("pid").exists());
}

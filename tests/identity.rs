//! Workers under another account and another root directory; what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::{Group, User};
use skep_tests::daemon::Daemon;
use skep_tests::eventually::{eventually, patience, promised};
use skep_tests::server::{Builder, Server};
use skep_tests::{process, server};

/// An account that every Debian system has, and what `!ids` says of it.
fn nobody() -> String {
    let user = User::from_name("nobody").unwrap().unwrap();
    format!("{} {} {}", user.uid, user.gid, user.gid)
}

fn as_nobody() -> Builder {
    server!("service").sized(2, 2).set("user", "nobody")
}

fn real_uid(pid: i32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn every_worker_of_every_generation_has_the_account_and_its_groups_alone() {
    if !process::is_root() {
        return;
    }
    let server = as_nobody().start();
    for worker in 0..2 {
        assert_eq!(server.connect_to(worker).ask("!ids"), nobody());
        let pid = server.worker_pid(worker);
        server.signal(pid, Signal::SIGKILL);
        eventually(patience(), || !server.workers().contains(&pid));
        assert_eq!(
            server.connect_to(worker).ask("!ids"),
            nobody(),
            "the successor"
        );
    }
    let before = server.workers();
    server.signal(server.master(), Signal::SIGUSR1);
    eventually(patience(), || {
        let now = server.workers();
        now.len() == 2 && now.iter().all(|pid| !before.contains(pid))
    });
    for worker in 0..2 {
        assert_eq!(
            server.connect_to(worker).ask("!ids"),
            nobody(),
            "after a reload"
        );
    }
    assert_eq!(
        (real_uid(server.master()), real_uid(server.manager())),
        (0, 0)
    );
    server.stop();
}

#[test]
fn a_group_replaces_that_of_the_user_or_stands_alone() {
    if !process::is_root() {
        return;
    }
    let group = Group::from_name("www-data").unwrap().unwrap().gid;
    let server = as_nobody().set("group", "www-data").start();
    let uid = User::from_name("nobody").unwrap().unwrap().uid;
    let ids = server.connect().ask("!ids");
    assert!(ids.starts_with(&format!("{uid} {group} ")), "{ids}");
    assert!(
        !ids.split(' ')
            .nth(2)
            .unwrap()
            .split(',')
            .any(|group| group == "0"),
        "{ids}"
    );
    server.stop();
    let server = server!("service")
        .sized(1, 1)
        .set("group", "www-data")
        .start();
    assert_eq!(server.connect().ask("!ids"), format!("0 {group} {group}"));
    server.stop();
}

#[test]
fn workers_without_roots_rights_can_still_reload_and_shut_down() {
    if !process::is_root() {
        return;
    }
    let mut server = as_nobody().start();
    let before = server.workers();
    assert_eq!(server.connect().ask("!reload"), "Ok(())");
    eventually(patience(), || {
        let now = server.workers();
        now.len() == 2 && now.iter().all(|pid| !before.contains(pid))
    });
    assert_eq!(server.connect().ask("!shutdown"), "Ok(())");
    assert_eq!(server.await_end(patience()).code(), Some(0));
}

fn killed(victim: fn(&Server) -> i32, busy: bool) {
    let mut server = as_nobody().start();
    let mut clients = [server.connect_to(0), server.connect_to(1)];
    if busy {
        clients[0].send("!sleep 30000");
        server.await_event("sleeping", 1);
    }
    server.signal(victim(&server), Signal::SIGKILL);
    server.await_end(promised(Duration::from_secs(1)));
}

#[test]
fn nothing_is_left_a_second_after_a_supervisor_was_killed() {
    if !process::is_root() {
        return;
    }
    for busy in [false, true] {
        killed(Server::master, busy);
        killed(Server::manager, busy);
    }
}

/// A directory that everybody may look into, removed with the value.
struct Public(PathBuf);

impl Public {
    fn new(name: &str) -> Public {
        let path = std::env::temp_dir().join(format!("skep-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Command::new("chmod")
            .arg("755")
            .arg(&path)
            .status()
            .unwrap();
        Public(path)
    }
}

impl Drop for Public {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_worker_under_another_account_can_reopen_the_log() {
    if !process::is_root() {
        return;
    }
    let directory = Public::new("log");
    let log = directory.0.join("log");
    let server = as_nobody().set("log_file", log.display()).start();
    for round in 0..3 {
        let moved = directory.0.join(format!("log.{round}"));
        fs::rename(&log, &moved).unwrap();
        process::signal_number(server.master(), 34);
        let follows = |pid: i32| {
            let open = process::descriptors(pid);
            open.iter().any(|(_, target)| target == &log)
                && !open.iter().any(|(_, target)| target == &moved)
        };
        eventually(patience(), || server.workers().into_iter().all(follows));
    }
    server.connect().ask("!warn as nobody");
    let text = fs::read_to_string(&log).unwrap();
    assert!(
        text.contains("as nobody") && !text.contains("failed"),
        "{text}"
    );
    server.stop();
}

#[test]
fn chroot_confines_workers_and_comes_before_the_account() {
    if !process::is_root() {
        return;
    }
    let root = Public::new("root");
    fs::write(root.0.join("only-this"), "").unwrap();
    let server = as_nobody().set("chroot", root.0.display()).start();
    for worker in 0..2 {
        let mut client = server.connect_to(worker);
        assert_eq!(client.ask("!root"), "only-this");
        assert_eq!(client.ask("!cwd"), "/");
        assert_eq!(client.ask("!ids"), nobody());
        for descriptor in process::descriptors(server.worker_pid(worker)) {
            assert!(!descriptor.1.is_dir(), "a way out: {descriptor:?}");
        }
    }
    assert_ne!(
        fs::read_link(format!("/proc/{}/root", server.master())).unwrap(),
        root.0
    );
    // The log's name means nothing in there: the old file is used on, a reload brings the new one.
    let moved = server.path("log.1");
    fs::rename(server.path("log"), &moved).unwrap();
    process::signal_number(server.master(), 34);
    eventually(patience(), || {
        let text = fs::read_to_string(&moved).unwrap();
        text.matches("cannot be reopened after chroot").count() == 2
    });
    assert!(!root.0.join("tmp").exists() && root.0.read_dir().unwrap().count() == 1);
    server.signal(server.master(), Signal::SIGUSR1);
    eventually(patience(), || {
        server.connect().ask("!warn inside");
        server.log_count("inside") > 0
    });
    server.stop();
}

#[track_caller]
fn refused(builder: Builder, reason: &str) {
    let (output, daemon) = Daemon::launch(builder);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(text.contains(reason), "{text}");
    eventually(patience(), || daemon.processes().is_empty());
}

#[test]
fn what_cannot_be_had_is_refused_before_anything_is_forked() {
    if !process::is_root() {
        return;
    }
    let with = |key: &str, value: &str| server!("service").sized(1, 1).set(key, value);
    refused(
        with("user", "no-such-user"),
        "get user [no-such-user] info failed",
    );
    refused(
        with("group", "no-such-group"),
        "get group [no-such-group] info failed",
    );
    refused(
        with("chroot", "/no/such/directory"),
        "chroot '/no/such/directory' is not a directory",
    );
    refused(
        with("daemonize", "1").set("user", "no-such-user"),
        "get user [no-such-user] info failed",
    );
}

#[test]
fn without_roots_rights_an_identity_is_refused() {
    if !process::is_root() {
        return;
    }
    let place = Public::new("unprivileged");
    let own = place.0.join("program");
    fs::copy(env!("CARGO_BIN_EXE_skep-test-service"), &own).unwrap();
    for (key, value) in [("user", "nobody"), ("group", "nogroup"), ("chroot", "/tmp")] {
        let script = format!(
            "chmod 777 '{}' && exec setpriv --reuid=65534 --regid=65534 --clear-groups '{}'",
            server_directory(&place.0).display(),
            own.display()
        );
        let builder = server!("service")
            .sized(1, 1)
            .set(key, value)
            .set("log_file", "");
        let journal = place.0.join("work").join(key);
        let builder = builder
            .env("SKEP_TEST_JOURNAL", journal.display())
            .through(&script);
        refused(
            builder,
            &format!("{key} '{value}' needs a server that is started as root"),
        );
    }
}

fn server_directory(place: &Path) -> PathBuf {
    let work = place.join("work");
    fs::create_dir_all(&work).unwrap();
    work
}

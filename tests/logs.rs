//! The log: reopened by signals, rotated, folded, in two formats.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use skep_tests::eventually::{eventually, patience};
use skep_tests::server::Server;
use skep_tests::{process, server};

/// First realtime signal of the C library.
const RTMIN: i32 = 34;

fn has_open(pid: i32, path: &Path) -> bool {
    process::descriptors(pid)
        .iter()
        .any(|(_, target)| target == path)
}

/// Move the log away, as logrotate does; the new name.
fn move_log(server: &Server, to: &str) -> PathBuf {
    let moved = server.path(to);
    fs::rename(server.path("log"), &moved).unwrap();
    moved
}

fn everyone(server: &Server) -> Vec<i32> {
    let mut all = server.workers();
    all.extend([server.master(), server.manager()]);
    all
}

fn follows_in_every_process(server: &Server, moved: &Path) {
    let log = server.path("log");
    eventually(patience(), || {
        let all = everyone(server);
        all.len() == 4
            && all
                .iter()
                .all(|&pid| has_open(pid, &log) && !has_open(pid, moved))
    });
}

#[test]
fn each_signal_for_it_reopens_the_log_in_every_process() {
    let server = server!("service").sized(2, 2).start();
    let mut client = server.connect_to(0);
    for (number, round) in [(RTMIN, 0), (28, 1), (10, 2), (12, 3)] {
        for (target, name) in [(server.master(), "master"), (server.manager(), "manager")] {
            let moved = move_log(&server, &format!("log.{round}.{name}"));
            process::signal_number(target, number);
            follows_in_every_process(&server, &moved);
        }
    }
    client.ask("!warn after all");
    server.await_log("after all");
    server.stop();
}

#[test]
fn a_worker_reopens_its_own_log_alone() {
    for number in [RTMIN, 28] {
        let server = server!("service").sized(2, 1).start();
        let first = server.worker_pid(0);
        let other = server.worker_pid(1);
        let moved = move_log(&server, "log.1");
        process::signal_number(first, number);
        eventually(patience(), || has_open(first, &server.path("log")));
        assert!(!has_open(first, &moved));
        for pid in [other, server.manager(), server.master()] {
            assert!(
                has_open(pid, &moved) && !has_open(pid, &server.path("log")),
                "{pid}"
            );
        }
        server.stop();
    }
}

#[test]
fn a_worker_that_is_busy_writes_its_next_line_to_the_new_file_and_is_not_disturbed() {
    let server = server!("service").sized(1, 1).start();
    let mut client = server.connect();
    let id = client.send("!nap");
    server.await_event("napping", 1);
    let moved = move_log(&server, "log.1");
    process::signal_number(server.master(), RTMIN);
    eventually(patience(), || {
        has_open(server.manager(), &server.path("log"))
    });
    assert!(
        has_open(server.workers()[0], &moved),
        "it is in its callback"
    );
    assert_eq!(client.expect(id), "0", "seconds left of the sleep");
    client.ask("!warn here");
    server.await_log("here");
    assert!(!fs::read_to_string(moved).unwrap().contains("here"));
    server.stop();
}

#[test]
fn a_log_that_cannot_be_reopened_stays_open_and_says_so_once() {
    let server = server!("service").sized(1, 1).start();
    let moved = move_log(&server, "log.1");
    fs::create_dir(server.path("log")).unwrap();
    let complaints = || {
        let text = fs::read_to_string(&moved).unwrap();
        text.lines()
            .filter(|line| line.contains("the old file is used on"))
            .count()
    };
    process::signal_number(server.master(), RTMIN);
    eventually(patience(), || complaints() == 3);
    process::signal_number(server.master(), RTMIN);
    server.connect().ask("!warn still here");
    eventually(patience(), || {
        fs::read_to_string(&moved).unwrap().contains("still here")
    });
    assert_eq!(complaints(), 3, "one of each process");
    fs::remove_dir(server.path("log")).unwrap();
    process::signal_number(server.master(), RTMIN);
    eventually(patience(), || {
        has_open(server.master(), &server.path("log"))
    });
    server.stop();
}

#[test]
fn a_flood_of_the_same_line_costs_a_few_lines_and_its_count_comes_without_another_line() {
    let server = server!("service").sized(2, 1).start();
    let mut client = server.connect_to(0);
    let asked: u64 = client.ask("!flood 1500").parse().unwrap();
    assert!(asked > 100, "{asked}");
    let counted = || {
        let (mut lines, mut count) = (0, 0);
        for line in server.log().lines() {
            if line.ends_with("the flood") {
                (lines, count) = (lines + 1, count + 1);
            }
            if let Some((_, note)) = line.split_once("the line before was repeated ") {
                lines += 1;
                count += note.split(' ').next().unwrap().parse::<u64>().unwrap();
            }
        }
        (lines, count)
    };
    // Nobody writes anything any more: the worker sleeps.
    eventually(patience(), || counted().1 == asked);
    let lines = counted().0;
    assert!(lines <= 12, "{lines} lines for {asked}");
    server.stop();
}

#[test]
fn what_was_folded_is_written_when_the_server_ends() {
    let server = server!("service").sized(1, 1).start();
    let log = server.path("log");
    let mut client = server.connect();
    for _ in 0..3 {
        client.ask("!warn again");
    }
    let copy = server.path("log").with_extension("kept");
    fs::hard_link(&log, &copy).unwrap();
    let text = {
        server.signal(server.master(), Signal::SIGTERM);
        eventually(patience(), || {
            fs::read_to_string(&copy)
                .unwrap()
                .contains("the line before was repeated 2 times")
        });
        fs::read_to_string(&copy).unwrap()
    };
    assert_eq!(text.matches("\tagain\n").count(), 1, "{text}");
    let by = |what: &str| {
        let line = text.lines().find(|line| line.contains(what)).unwrap();
        line.split_once(']')
            .unwrap()
            .0
            .rsplit(' ')
            .next()
            .unwrap()
            .to_string()
    };
    assert_eq!(by("the line before was repeated"), by("\tagain"), "{text}");
    let mut server = server;
    server.await_end(patience());
}

#[test]
fn json_lines_have_the_six_fields() {
    let server = server!("service")
        .sized(1, 1)
        .set("log_format", "json")
        .start();
    server.connect().ask("!warn say \"x\"");
    server.await_log("say");
    let log = server.log();
    let line = log.lines().find(|line| line.contains("say")).unwrap();
    let pid = server.workers()[0];
    let rest = line.strip_prefix("{\"time\":\"").unwrap();
    let (time, rest) = rest.split_once('"').unwrap();
    assert!(
        time.len() == 27 && time.ends_with('Z') && time.contains('T'),
        "{time}"
    );
    assert_eq!(
        rest,
        format!(r#","level":"WARNING","role":"worker","pid":{pid},"id":0,"text":"say \"x\""}}"#)
    );
    server.stop();
}

#[test]
fn dates_are_as_asked_for() {
    let server = server!("service")
        .sized(1, 1)
        .set("log_date_format", "%Y/%m/%d")
        .set("log_date_with_microseconds", 1)
        .start();
    server.connect().ask("!warn dated");
    server.await_log("dated");
    let log = server.log();
    let line = log.lines().find(|line| line.contains("dated")).unwrap();
    let (date, rest) = line.strip_prefix('[').unwrap().split_once("<.").unwrap();
    let (micros, rest) = rest.split_once("> ").unwrap();
    assert_eq!((date.len(), date.matches('/').count()), (10, 2), "{date}");
    assert!(micros.parse::<u32>().unwrap() < 1_000_000);
    assert_eq!(rest, format!("*{}.0]\tWARNING\tdated", server.workers()[0]));
    server.stop();
}

#[test]
fn rotation_adds_the_date_to_the_name() {
    for (rotation, format) in [
        (1, "%Y%m"),
        (2, "%Y%m%d"),
        (3, "%Y%m%d%H"),
        (4, "%Y%m%d%H%M"),
    ] {
        let server = server!("service")
            .sized(1, 1)
            .set("log_rotation", rotation)
            .start();
        let now = || {
            let output = Command::new("date")
                .arg(format!("+{format}"))
                .output()
                .unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_string()
        };
        let before = now();
        server.connect().ask("!warn rotated");
        let names = [before, now()].map(|suffix| server.path(&format!("log.{suffix}")));
        eventually(patience(), || {
            let texts = names
                .iter()
                .map(|name| fs::read_to_string(name).unwrap_or_default());
            texts.into_iter().any(|text| text.contains("\trotated\n"))
        });
        assert!(!server.path("log").exists());
        server.stop();
    }
}

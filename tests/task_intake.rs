//! Tasks of other programs: `task_ipc_mode` 2 and 3.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use skep::process::Queued;
use skep::task;
use skep_tests::eventually::{eventually, patience};
use skep_tests::producer::Producer;
use skep_tests::server::{Builder, Server};
use skep_tests::{process, server};

/// One worker, so task worker k is worker 1 + k and takes messages of type 2 + k.
fn server_of(key: u32, mode: u32, task_workers: u32) -> Builder {
    server!("tasks")
        .sized(1, 1)
        .set("task_worker_num", task_workers)
        .set("task_ipc_mode", mode)
        .set("message_queue_key", key)
}

fn count_of(server: &Server, role: &str) -> usize {
    let tasks = server.events_named("task");
    tasks.iter().filter(|event| event.role == role).count()
}

fn hold(server: &Server) -> (std::path::PathBuf, String) {
    let path = server.path("hold");
    let job = format!("hold {} x", path.display());
    (path, job)
}

#[test]
fn mode_2_gives_a_task_to_the_worker_that_the_type_names() {
    let mut producer = Producer::new();
    let server = server_of(producer.key, 2, 2).start();
    for _ in 0..3 {
        assert!(producer.give(2, "echo one"));
    }
    for _ in 0..5 {
        assert!(producer.give(3, "echo other"));
    }
    server.await_event("task", 8);
    assert_eq!(
        (count_of(&server, "task1"), count_of(&server, "task2")),
        (3, 5)
    );
    let events = server.events_named("task");
    assert!(
        events
            .iter()
            .all(|event| event.number::<u32>("source") == 0)
    );
    // Targets of the server's own tasks count as ever.
    let mut client = server.connect();
    assert_eq!(client.ask("!task 1 4 where"), "given=4 code=0");
    server.await_event("finish", 4);
    assert_eq!(count_of(&server, "task2"), 9);
    // What names nobody stays where it is, and disturbs nobody.
    assert!(producer.give(99, "echo nobody"));
    assert!(producer.give(3, "echo on"));
    eventually(patience(), || count_of(&server, "task2") == 10);
    assert_eq!(client.stat("fed_queue_num"), 1);
    assert_eq!(client.stat("fed_queue_bytes"), 27);
    server.stop();
}

#[test]
fn mode_2_a_slow_task_worker_holds_up_nobody_else() {
    let mut producer = Producer::new();
    let server = server_of(producer.key, 2, 2).start();
    let (path, job) = hold(&server);
    for _ in 0..20 {
        assert!(producer.give(2, &job));
    }
    for _ in 0..20 {
        assert!(producer.give(3, "none"));
    }
    eventually(patience(), || count_of(&server, "task2") == 20);
    assert_eq!(count_of(&server, "task1"), 1);
    fs::write(path, "").unwrap();
    eventually(patience(), || count_of(&server, "task1") == 20);
    server.stop();
}

#[test]
fn mode_3_gives_every_task_to_whoever_is_free() {
    let mut producer = Producer::new();
    let server = server_of(producer.key, 3, 2).start();
    let (path, job) = hold(&server);
    assert!(producer.give(2, job));
    server.await_event("task", 1);
    let free = match count_of(&server, "task1") {
        1 => "task2",
        _ => "task1",
    };
    for kind in [1, 2, 3, 1 << 40] {
        assert!(producer.give(kind, "none"));
    }
    let mut client = server.connect();
    for target in ["0", "1", "-"] {
        assert_eq!(
            client.ask(format!("!task {target} 1 none")),
            "given=1 code=0"
        );
    }
    assert_eq!(client.ask("!task 2 1 none"), "given=0 code=505");
    eventually(patience(), || count_of(&server, free) == 7);
    fs::write(path, "").unwrap();
    server.stop();
}

#[test]
fn a_queue_that_the_server_makes_is_its_users_alone() {
    for (rights, shown) in [(None, "600"), (Some("0660"), "660")] {
        let key = Producer::key();
        let mut builder = server_of(key, 2, 1);
        if let Some(rights) = rights {
            builder = builder.set("message_queue_mode", rights);
        }
        let server = builder.start();
        let producer = Producer::open(key);
        let list = fs::read_to_string("/proc/sysvipc/msg").unwrap();
        let line = list
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .find(|line| line[1] == producer.queue().id().to_string())
            .unwrap();
        assert_eq!(line[2], shown);
        server.stop();
    }
}

#[test]
fn bad_packets_are_dropped_and_said() {
    let mut producer = Producer::new();
    let server = server_of(producer.key, 3, 1).start();
    let good = task::pack(b"echo good", 0);
    let longer = [&good[..], b"!"].concat();
    assert!(producer.put(1, &longer));
    server.await_log(
        "msgrcv() (ERRNO 1204): bad task packet, The received data-length[26] is inconsistent with the packet-length[25]",
    );
    let mut noise = 0x9e37_79b9_u32;
    for length in 0..300 {
        let mut bytes: Vec<u8> = (0..length)
            .map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (noise >> 24) as u8
            })
            .collect();
        if length % 3 == 0 {
            let known = good.len().min(length);
            bytes[..known.min(8)].copy_from_slice(&good[..known.min(8)]);
        }
        eventually(patience(), || {
            producer.put(1 + i64::from(noise >> 1), &bytes)
        });
    }
    assert!(producer.put(1, &good));
    server.await_event("task", 1);
    assert_eq!(server.events_named("task")[0].number::<u32>("bytes"), 9);
    // 301 bad packets, a few lines.
    eventually(patience(), || {
        server.log_count("msgrcv() (ERRNO 1204)") < 20
    });
    server.stop();
}

#[test]
fn messages_as_large_as_the_system_allows_come_whole() {
    let mut producer = Producer::new();
    let server = server_of(producer.key, 2, 1).start();
    let largest: usize = fs::read_to_string("/proc/sys/kernel/msgmax")
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let size = largest.min(producer.state().capacity as usize) - task::HEADER;
    assert!(producer.give(2, vec![b'x'; size]));
    server.await_event("task", 1);
    assert_eq!(
        server.events_named("task")[0].number::<usize>("bytes"),
        size
    );
    server.stop();
}

#[test]
fn who_feeds_a_busy_server_waits_and_goes_on() {
    let mut producer = Producer::new();
    let server = server_of(producer.key, 2, 1).start();
    let (path, job) = hold(&server);
    assert!(producer.give(2, job));
    server.await_event("task", 1);
    let mut given = 1;
    let payload = [b'-'; 1000];
    // Full, and it stays so: the server takes a few, and then no more.
    let mut client = server.connect();
    eventually(patience(), || {
        let before = given;
        let waiting = client.stat("tasking_num");
        while producer.give(2, payload) {
            given += 1;
        }
        waiting == 1 && given == before
    });
    assert!(given < 40, "{given}");
    let mut blocking = producer.queue();
    let (say, heard) = mpsc::channel();
    let rest = thread::spawn(move || {
        say.send(nix::unistd::gettid().as_raw()).unwrap();
        let packed = task::pack(&[b'-'; 1000], 0);
        for _ in 0..100 {
            assert!(matches!(
                blocking.send(2, &packed, true),
                Ok(Queued::Done(..))
            ));
        }
    });
    let feeder = heard.recv().unwrap();
    eventually(patience(), || process::state(feeder) == Some('S')); // it waits for room
    fs::write(path, "").unwrap();
    rest.join().unwrap();
    server.await_event("task", given + 100);
    producer.await_empty();
    server.stop();
}

#[test]
fn a_flood_of_tasks_needs_no_memory() {
    const FLOOD: u64 = 200_000;
    let producer = Producer::new();
    let server = server_of(producer.key, 3, 2).quiet().start();
    let mut client = server.connect();
    let mut feed = producer.queue();
    let mut give = |count| {
        let packed = task::pack(b"none of this is of interest", 0);
        for _ in 0..count {
            assert!(matches!(feed.send(1, &packed, true), Ok(Queued::Done(..))));
        }
    };
    let memory = || {
        let each = server.processes().into_iter().map(process::resident_bytes);
        each.sum::<u64>()
    };
    give(FLOOD / 10);
    let before = memory();
    give(FLOOD / 10 * 9);
    eventually(patience(), || client.stat("task_count") == FLOOD);
    eventually(patience(), || client.stat("tasking_num") == 0);
    let grown = memory().saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes more");
    server.stop();
}

#[test]
fn nothing_wakes_while_nothing_comes() {
    let mut producer = Producer::new();
    let server = server_of(producer.key, 2, 2).start();
    assert!(producer.give(2, "none") && producer.give(3, "none"));
    server.await_event("task", 2);
    let switches = || {
        let tasks = fs::read_dir(format!("/proc/{}/task", server.master())).unwrap();
        let mut found = Vec::new();
        for task in tasks.map(|task| task.unwrap().path()) {
            if fs::read_to_string(task.join("comm")).is_ok_and(|name| name == "intake\n") {
                let status = fs::read_to_string(task.join("status")).unwrap();
                let line = status.lines().find(|line| line.starts_with("voluntary"));
                found.push(line.unwrap().to_owned());
            }
        }
        found
    };
    let mut before = switches();
    assert_eq!(before.len(), 2);
    eventually(patience(), || {
        thread::sleep(Duration::from_millis(500));
        let now = switches();
        std::mem::replace(&mut before, now.clone()) == now
    });
    server.stop();
}

#[test]
fn without_a_key_there_is_no_queue_and_the_log_says_so() {
    let server = server_of(0, 3, 1).start();
    server.await_log(
        "task_ipc_mode 3 without message_queue_key: there is no message queue, as no other program could find it",
    );
    let mut client = server.connect();
    assert_eq!(client.ask("!wait 5000 echo works"), "works");
    assert_eq!(
        process::threads(server.master()),
        2,
        "main thread and reactor"
    );
    server.stop();
}

#[test]
fn other_modes_are_as_1() {
    let producer = Producer::new();
    let server = server_of(producer.key, 4, 1).start();
    server.await_log("task_ipc_mode 4 is not supported, it behaves as 1");
    server.await_log("message_queue_key has no effect without task_ipc_mode 2 or 3");
    let mut client = server.connect();
    assert_eq!(client.ask("!wait 5000 echo works"), "works");
    server.stop();
}

#[test]
fn a_removed_queue_is_said_and_the_server_goes_on() {
    let producer = Producer::new();
    let server = server_of(producer.key, 3, 1).start();
    drop(producer);
    server.await_log(
        "the message queue was removed: other programs cannot give tasks until a restart",
    );
    let mut client = server.connect();
    assert_eq!(client.ask("!wait 5000 echo works"), "works");
    server.signal(server.master(), Signal::SIGUSR1);
    server.await_event("after_reload", 1);
    assert_eq!(server.connect().ask("!wait 5000 echo works"), "works");
    server.stop();
}

//! Messages between processes: every pair, any size, bounded, in order, and kept when a receiver dies.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::fs;

use nix::sys::signal::Signal;
use skep_tests::client::Client;
use skep_tests::eventually::{eventually, patience};
use skep_tests::orders::{order_user, pid_of, prepared};
use skep_tests::process;
use skep_tests::server;
use skep_tests::server::Server;

/// Messages that a worker or task worker has received, and how many came out of order.
fn count(client: &mut Client, who: &str) -> (u64, u64) {
    let text = client.ask(format!("!do command 10000 {who} count"));
    // Refused as long as the queue is full of messages.
    let (count, disorder) = text.split_once(' ').unwrap_or(("0", "0"));
    (count.parse().unwrap(), disorder.parse().unwrap())
}

const RECEIVERS: [&str; 4] = ["w0", "w1", "t0", "t1"];

#[test]
fn everybody_sends_to_everybody() {
    let server = prepared(server!("exchange")).start();
    let mut first = server.connect_to(0);
    let mut second = server.connect_to(1);
    let mut expected = [0, 0, 0, 0];
    for (sender, own) in [
        ("w0", Some(0)),
        ("w1", Some(1)),
        ("t0", Some(2)),
        ("master", None),
        ("manager", None),
        ("user", None),
    ] {
        for (receiver, expected) in expected.iter_mut().enumerate() {
            for order in [
                format!("message {receiver} 20 text"),
                format!("big {receiver} 3000000"),
            ] {
                let answer = match sender {
                    "w0" => first.ask(format!("!do {order}")),
                    "w1" => second.ask(format!("!do {order}")),
                    "user" => order_user(&server, &order),
                    _ => first.ask(format!("!do command 10000 {sender} {order}")),
                };
                let count = if order.starts_with("big") { 1 } else { 20 };
                match own == Some(receiver) {
                    true => assert_eq!(answer, "sent=0 code=505", "{sender} to itself"),
                    false => {
                        assert_eq!(answer, format!("sent={count} code=0"), "{sender} {order}");
                        *expected += count;
                    }
                }
            }
        }
    }
    // User processes have no loop; main and manager take commands only.
    for nobody in [4, 5, 4_000_000_000u32] {
        let answer = first.ask(format!("!do message {nobody} 1 x"));
        assert_eq!(answer, "sent=0 code=505");
    }
    for (who, expected) in RECEIVERS.into_iter().zip(expected) {
        let asker = if who == "w0" { &mut second } else { &mut first };
        eventually(patience(), || count(asker, who) == (expected, 0));
    }
    server.stop();
}

#[test]
fn a_message_may_have_any_size_within_the_limit() {
    let server = prepared(server!("exchange"))
        .set("task_queue_max_bytes", "64M")
        .start();
    let mut client = server.connect_to(0);
    let hold = server.path("hold");
    for bytes in [0, 1, 8151, 8152, 262_144, 262_145, 1_000_000, 60_000_000] {
        let sent = client.ask(format!("!do big 1 {bytes}"));
        assert_eq!(sent, "sent=1 code=0", "{bytes} bytes");
        let answer = client.ask("!do command 30000 w1 count");
        assert!(answer.ends_with(" 0"), "{bytes} bytes: {answer}");
    }
    assert_eq!(client.ask("!do big 1 70000000"), "sent=0 code=2001");
    // What waits is bounded, in all.
    assert_eq!(
        client.ask(format!("!do message 1 1 >hold {}", hold.display())),
        "sent=1 code=0"
    );
    assert_eq!(client.ask("!do big 1 30000000"), "sent=1 code=0");
    assert_eq!(client.ask("!do big 1 30000000"), "sent=1 code=0");
    assert_eq!(client.ask("!do big 1 30000000"), "sent=0 code=2002");
    assert_eq!(client.ask("!do big 3 30000000"), "sent=0 code=2002");
    assert_eq!(client.ask("!do message 1 1 small"), "sent=1 code=0");
    fs::write(format!("{} 0", hold.display()), "").unwrap();
    eventually(patience(), || count(&mut client, "w1") == (11, 0));
    assert_eq!(client.ask("!do big 1 60000000"), "sent=1 code=0");
    server.stop();
}

/// A worker holds on to a file named by the first message of a series.
fn block(server: &Server, client: &mut Client, worker: u32, name: &str) -> std::path::PathBuf {
    let path = server.path(name);
    let order = format!("!do message {worker} 1 >hold {}", path.display());
    assert_eq!(client.ask(order), "sent=1 code=0");
    std::path::PathBuf::from(format!("{} 0", path.display()))
}

#[test]
fn what_waits_for_a_dead_receiver_is_its_successors() {
    let server = prepared(server!("exchange"))
        .set("task_queue_max_bytes", "64M")
        .start();
    let mut client = server.connect_to(0);
    for (id, who, role) in [(1, "w1", "worker1"), (2, "t0", "task2")] {
        for round in 0..3 {
            let before = client.stat("messages_lost");
            let at_work = server.events_named("message").len() + 1;
            block(&server, &mut client, id, &format!("hold-{id}-{round}"));
            server.await_event("message", at_work);
            assert_eq!(
                client.ask(format!("!do message {id} 50 text")),
                "sent=50 code=0"
            );
            for _ in 0..2 {
                assert_eq!(
                    client.ask(format!("!do big {id} 25000000")),
                    "sent=1 code=0"
                );
            }
            server.signal(pid_of(&server, role), Signal::SIGKILL);
            eventually(patience(), || count(&mut client, who) == (52, 0));
            // Only the one that it was at is gone.
            assert_eq!(client.stat("messages_lost"), before + 1);
            // That no parcel is left is shown by the next round: there would be no room for it.
        }
    }
    assert!(server.log_count("is lost: worker 1 died while it was at it") >= 3);
    server.stop();
}

#[test]
fn a_killed_sender_leaves_no_parcel_behind() {
    let server = prepared(server!("exchange"))
        .set("task_queue_max_bytes", "16M")
        .start();
    let mut client = server.connect_to(0);
    for round in 0..4u64 {
        let victim = pid_of(&server, "worker1");
        let mut sender = server.connect_to(1);
        for _ in 0..20 {
            sender.send("!do big 2 3000000");
        }
        std::thread::sleep(std::time::Duration::from_millis(round * 17)); // any moment will do
        server.signal(victim, Signal::SIGKILL);
        eventually(patience(), || pid_of(&server, "worker1") != victim);
        // Its successor has the same seat and the same account.
        eventually(patience(), || {
            client.ask("!do command 10000 w1 big 2 16000000") == "sent=1 code=0"
        });
        let answer = client.ask("!do command 30000 t0 count");
        assert!(answer.ends_with(" 0"), "{answer}");
    }
    server.stop();
}

#[test]
fn a_flood_to_a_blocked_worker_is_bounded_and_blocks_nobody() {
    let server = prepared(server!("exchange"))
        .quiet()
        .set("task_queue_max_num", 20_000)
        .start();
    let mut client = server.connect_to(0);
    let hold = block(&server, &mut client, 1, "hold");
    let task_hold = block(&server, &mut client, 2, "task-hold");
    for receiver in [1, 2] {
        let answer = client.ask(format!("!do message {receiver} 300000 x"));
        let sent = answer.strip_prefix("sent=").unwrap();
        let (sent, code) = sent.split_once(' ').unwrap();
        let sent: u64 = sent.parse().unwrap();
        assert_eq!(code, "code=2002");
        assert!((19_999..=20_001).contains(&sent), "{answer}"); // one may have been begun
    }
    assert_eq!(client.ask("!do message 3 1 x"), "sent=1 code=0"); // others are not concerned
    fs::write(hold, "").unwrap();
    fs::write(task_hold, "").unwrap();
    for who in ["w1", "t0"] {
        eventually(patience(), || count(&mut client, who).0 >= 19_999);
        assert_eq!(count(&mut client, who).1, 0);
    }
    server.stop();
}

#[test]
fn without_a_number_the_size_of_the_queue_is_the_limit() {
    let server = prepared(server!("exchange")).quiet().start();
    let mut client = server.connect_to(0);
    let hold = block(&server, &mut client, 1, "hold");
    let text = "x".repeat(900);
    let answer = client.ask(format!("!do message 1 300000 {text}"));
    assert!(answer.ends_with("code=2002"), "{answer}");
    assert!(
        process::resident_bytes(pid_of(&server, "worker0")) < 128 << 20,
        "a sender keeps nothing"
    );
    fs::write(hold, "").unwrap();
    eventually(patience(), || count(&mut client, "w1").1 == 0);
    // The memory of the queue is given back when it has been emptied.
    eventually(patience(), || {
        process::resident_bytes(pid_of(&server, "worker0")) < 64 << 20
    });
    server.stop();
}

#[test]
fn long_messages_wait_up_to_the_limit_of_bytes_and_keep_their_order() {
    let server = prepared(server!("exchange"))
        .quiet()
        .set("task_queue_max_bytes", "32M")
        .start();
    let mut client = server.connect_to(0);
    for (receiver, who) in [(1, "w1"), (2, "t0")] {
        let hold = block(&server, &mut client, receiver, &format!("hold-{who}"));
        let text = "x".repeat(100_000);
        let answer = client.ask(format!("!do message {receiver} 1000 {text}"));
        let sent = answer.strip_prefix("sent=").unwrap();
        let (sent, code) = sent.split_once(' ').unwrap();
        let sent: u64 = sent.parse().unwrap();
        assert_eq!(code, "code=2002");
        assert!(sent * 100_000 > 32 << 20, "{sent}");
        fs::write(hold, "").unwrap();
        eventually(patience(), || count(&mut client, who).0 >= sent);
        assert_eq!(count(&mut client, who), (sent, 0));
    }
    server.stop();
}

#[test]
fn a_reload_loses_no_message() {
    let server = prepared(server!("exchange")).start();
    let mut client = server.connect_to(0);
    let mut sent = 0;
    for round in 1..=4 {
        for worker in [1, 2] {
            assert_eq!(
                client.ask(format!("!do message {worker} 200 text")),
                "sent=200 code=0"
            );
            assert_eq!(
                client.ask(format!("!do big {worker} 1000000")),
                "sent=1 code=0"
            );
            sent += 201;
        }
        server.signal(server.manager(), Signal::SIGUSR1);
        server.await_event("after_reload", round);
        client = server.connect_to(0);
    }
    server.await_event("message", sent);
    assert_eq!(server.events_named("message").len(), sent);
    assert_eq!(client.stat("messages_lost"), 0);
    server.stop();
}

#[test]
fn a_stop_delivers_what_waits() {
    let mut server = prepared(server!("exchange")).start();
    let mut client = server.connect_to(0);
    let hold = block(&server, &mut client, 1, "hold");
    assert_eq!(client.ask("!do message 1 100 text"), "sent=100 code=0");
    assert_eq!(client.ask("!do big 1 1000000"), "sent=1 code=0");
    server.signal(server.master(), Signal::SIGTERM);
    server.await_log("stop: draining");
    fs::write(hold, "").unwrap();
    assert_eq!(server.await_end(patience()).code(), Some(0));
    assert_eq!(server.events_named("message").len(), 102);
}

#[test]
fn a_stop_says_which_messages_nobody_has_read() {
    let mut server = prepared(server!("exchange"))
        .set("max_wait_time", "0.5")
        .start();
    let mut client = server.connect_to(0);
    let _hold = block(&server, &mut client, 1, "hold"); // for ever
    assert_eq!(client.ask("!do message 1 100 text"), "sent=100 code=0");
    server.signal(server.master(), Signal::SIGTERM);
    server.await_end(patience());
    server.await_log("100 messages between processes were waiting when the server stopped");
}

//! Files to clients: which part, in which order, and what happens when something happens to the file or to anybody.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use skep_tests::client::Client;
use skep_tests::eventually::{eventually, patience};
use skep_tests::server::Server;
use skep_tests::{pattern, process, server};

const MIB: usize = 1 << 20;
/// More than any socket takes.
const LARGE: usize = 64 * MIB;

fn put(server: &Server, name: &str, length: usize) -> PathBuf {
    let path = server.path(name);
    fs::write(&path, pattern::make(length)).unwrap();
    path
}

/// So many bytes, raw.
fn take(client: &Client, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    client.stream().read_exact(&mut bytes).unwrap();
    bytes
}

/// Everything up to the end, and whether that was a reset.
fn take_all(client: &Client) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    match client.stream().read_to_end(&mut bytes) {
        Ok(_) => (bytes, false),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => (bytes, true),
        Err(error) => panic!("{error}"),
    }
}

/// Files that the master has open in this server's directory.
fn open_files(server: &Server, name: &str) -> usize {
    let held = process::descriptors(server.master());
    held.iter()
        .filter(|(_, path)| path.to_string_lossy().contains(name))
        .count()
}

/// The code that the next call left.
fn code(server: &Server, count: usize) -> i32 {
    server.await_event("file", count).number("code")
}

#[test]
fn a_large_file_arrives_whole_and_its_descriptor_is_closed() {
    let server = server!("files").sized(1, 1).start();
    let path = put(&server, "content", LARGE);
    let mut client = server.connect();
    client.send(format!("!file 0 0 {}", path.display()));
    assert_eq!(code(&server, 1), 0);
    let got = take(&client, LARGE);
    assert_eq!(pattern::first_difference(&got), None);
    eventually(patience(), || open_files(&server, "content") == 0);
    assert_eq!(client.ask("still there"), "still there");
    assert_eq!(client.stat("output_bytes"), 0);
    drop(client);
    server.stop();
}

#[test]
fn files_and_sends_keep_their_order() {
    let server = server!("files").sized(1, 1).start();
    for length in [1, 100, 70_000, 3 * MIB] {
        let path = put(&server, "content", length);
        let mut client = server.connect();
        client.send(format!("!between {}", path.display()));
        let got = take(&client, length + 8);
        assert_eq!(
            (&got[..4], &got[length + 4..]),
            (&b"head"[..], &b"tail"[..])
        );
        assert_eq!(pattern::first_difference(&got[4..length + 4]), None);
        // The same behind a long send, which goes as a file itself.
        client.send(format!("!long-file {} {}", 5 * MIB, path.display()));
        let got = take(&client, 5 * MIB + length);
        assert_eq!(pattern::first_difference(&got[..5 * MIB]), None);
        assert_eq!(pattern::first_difference(&got[5 * MIB..]), None);
    }
    server.stop();
}

#[test]
fn parts_of_a_file_are_what_was_asked_for() {
    let server = server!("files").sized(1, 1).start();
    let path = put(&server, "content", 200_000);
    let whole = pattern::make(200_000);
    let mut client = server.connect();
    for (offset, length) in [
        (0, 1),
        (0, 200_000),
        (199_999, 0),
        (65_536, 65_536),
        (7, 100_003),
    ] {
        client.send(format!("!file {offset} {length} {}", path.display()));
        let count = if length == 0 {
            200_000 - offset
        } else {
            length
        };
        assert_eq!(take(&client, count), whole[offset..offset + count]);
    }
    drop(client);
    server.stop();
}

#[test]
fn what_cannot_be_sent_is_refused_at_once_with_its_reason() {
    let server = server!("files").sized(1, 1).start();
    let path = put(&server, "content", 1000);
    let here = path.display();
    fs::write(server.path("empty"), "").unwrap();
    let empty = server.path("empty");
    let mut client = server.connect();
    let long = format!("longname{}", "/x".repeat(4100));
    for (count, (question, expected, line)) in [
        (
            "0 0 /nowhere/at/all".to_string(),
            502,
            "stat(/nowhere/at/all) failed",
        ),
        (
            "0 0 /tmp".into(),
            9013,
            "the path[/tmp] given is not a regular file",
        ),
        (
            "0 0 /dev/null".into(),
            9013,
            "the path[/dev/null] given is not a regular file",
        ),
        (
            format!("0 0 {}", empty.display()),
            502,
            "file[offset=0] is empty",
        ),
        (format!("1000 0 {here}"), 502, "file[offset=1000] is empty"),
        (
            format!("0 1001 {here}"),
            505,
            "length[1001] or offset[0] is invalid",
        ),
        (
            format!("999 2 {here}"),
            505,
            "length[2] or offset[999] is invalid",
        ),
        (
            format!("999 {} {here}", u64::MAX),
            505,
            "length[18446744073709551615] or offset[999] is invalid",
        ),
        (
            format!("0 0 {long}"),
            504,
            "sendfile name[longname...] length 8208 is exceed the max name len 8135",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        client.send(format!("!file {question}"));
        assert_eq!(code(&server, count + 1), expected, "{question}");
        server.await_log(&format!("sendfile() (ERRNO {expected}): {line}"));
    }
    // Nothing of it has reached the client, and nothing waits.
    assert_eq!(client.ask("next"), "next");
    assert_eq!(client.stat("output_bytes"), 0);
    drop(client);
    server.stop();
}

#[test]
fn the_master_refuses_and_the_manager_may() {
    let server = server!("files").sized(1, 1).start();
    server.await_log("started: code 503");
    server.await_log("can't sendfile[/proc/self/exe] to the connections in master process");
    server.await_log("manager_start: code 1005"); // of its own right, but no session had begun
    server.stop();
}

#[test]
fn a_file_replaced_or_removed_after_the_call_is_sent_as_it_was() {
    let server = server!("files").sized(1, 1).start();
    for replace in [true, false] {
        let path = put(&server, "content", LARGE);
        let mut client = server.connect();
        client.shrink_receive_buffer(64 << 10);
        client.send(format!("!file 0 0 {}", path.display()));
        server.await_event("file", if replace { 1 } else { 2 });
        fs::remove_file(&path).unwrap();
        if replace {
            fs::write(&path, vec![b'?'; LARGE]).unwrap();
        }
        let got = take(&client, LARGE);
        assert_eq!(pattern::first_difference(&got), None);
    }
    server.stop();
}

#[test]
fn a_file_that_becomes_shorter_ends_its_session_by_a_reset_and_no_other() {
    let server = server!("files").sized(1, 1).start();
    let path = put(&server, "content", LARGE);
    let mut other = server.connect();
    let mut client = server.connect();
    client.shrink_receive_buffer(64 << 10);
    client.send(format!("!between {}", path.display()));
    server.await_event("file", 1);
    eventually(patience(), || other.stat("output_bytes") > 0);
    let shorter = LARGE / 2;
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(shorter as u64).unwrap();
    let (got, was_reset) = take_all(&client);
    assert!(was_reset, "{} bytes and an end in good order", got.len());
    assert!(got.len() <= shorter + 4, "something follows the short file");
    assert_eq!(got[..4], *b"head");
    assert_eq!(pattern::first_difference(&got[4..]), None);
    server.await_log("cannot be sent to its end, the session is closed: it has become shorter");
    server.await_event("close", 1);
    assert_eq!(other.ask("unharmed"), "unharmed");
    assert_eq!(other.stat("output_bytes"), 0);
    assert_eq!(open_files(&server, "content"), 0);
    drop((client, other));
    server.stop();
}

#[test]
fn close_comes_after_the_file_and_reset_before_its_rest() {
    let server = server!("files").sized(1, 1).start();
    let path = put(&server, "content", LARGE);
    let mut client = server.connect();
    client.shrink_receive_buffer(64 << 10);
    client.send(format!("!file-close {}", path.display()));
    let (got, was_reset) = take_all(&client);
    assert_eq!((got.len(), was_reset), (LARGE, false));
    assert_eq!(pattern::first_difference(&got), None);

    let mut client = server.connect();
    client.shrink_receive_buffer(64 << 10);
    client.send(format!("!file-reset {}", path.display()));
    let (got, was_reset) = take_all(&client);
    assert!(got.len() < LARGE && !was_reset, "{} {was_reset}", got.len());
    assert_eq!(pattern::first_difference(&got), None);
    eventually(patience(), || open_files(&server, "content") == 0);
    server.stop();
}

#[test]
fn a_file_whose_worker_was_killed_right_after_the_call_still_arrives() {
    let server = server!("files").sized(1, 1).start();
    let path = put(&server, "content", LARGE);
    let mut client = server.connect();
    client.shrink_receive_buffer(64 << 10);
    client.send(format!("!file-die {}", path.display()));
    let (got, was_reset) = take_all(&client);
    assert_eq!((got.len(), was_reset), (LARGE, false));
    assert_eq!(pattern::first_difference(&got), None);
    server.stop();
}

#[test]
fn a_client_that_does_not_read_does_not_delay_others_and_its_file_counts_as_queued() {
    let server = server!("files")
        .sized(1, 1)
        .set("socket_buffer_size", 100_000)
        .start();
    let path = put(&server, "content", LARGE);
    let mut lazy = server.connect();
    lazy.shrink_receive_buffer(64 << 10);
    let session = lazy.ask_number("!session");
    lazy.send(format!("!file 0 0 {}", path.display()));
    assert_eq!(code(&server, 1), 0);
    let mut other = server.connect();
    let queued = |client: &mut Client| client.ask_number(&format!("!queued {session}"));
    eventually(patience(), || {
        other.stat("output_bytes") == queued(&mut other)
    });
    assert!(queued(&mut other) > LARGE as u64 / 2);
    // Bytes of files do not count against socket_buffer_size: the session can still be sent to.
    let asked = lazy.send("behind the file");
    let got = take(&lazy, LARGE);
    assert_eq!(pattern::first_difference(&got), None);
    assert_eq!(lazy.expect(asked), "behind the file");
    assert_eq!(queued(&mut other), 0);
    drop((lazy, other));
    server.stop();
}

#[test]
fn files_for_one_client_have_a_limit() {
    let server = server!("files").sized(1, 1).start();
    let path = put(&server, "content", MIB);
    let mut lazy = server.connect();
    lazy.shrink_receive_buffer(64 << 10);
    lazy.send(format!("!files 1000 {}", path.display()));
    let files = server.await_event("files", 1);
    let accepted: usize = files.number("accepted");
    assert_eq!(files.number::<i32>("code"), 1009);
    assert!((256..300).contains(&accepted), "{accepted}");
    assert!(open_files(&server, "content") <= 256);
    let mut got = 0;
    while got < accepted * MIB {
        got += take(&lazy, MIB).len();
    }
    // And then there is room again.
    lazy.send(format!("!files 1 {}", path.display()));
    assert_eq!(server.await_event("files", 2).number::<i32>("code"), 0);
    take(&lazy, MIB);
    drop(lazy);
    server.stop();
}

#[test]
fn a_stop_waits_for_a_file_that_is_read_and_gives_up_one_that_is_not() {
    let mut server = server!("files").sized(1, 1).set("max_wait_time", 2).start();
    let path = put(&server, "content", LARGE);
    let mut reader = server.connect();
    reader.shrink_receive_buffer(64 << 10);
    reader.send(format!("!file 0 0 {}", path.display()));
    server.await_event("file", 1);
    let mut lazy = server.connect();
    lazy.shrink_receive_buffer(64 << 10);
    lazy.send(format!("!file-close {}", path.display()));
    server.await_event("file", 2);
    server.signal(server.master(), Signal::SIGTERM);
    let (got, _) = take_all(&reader);
    assert_eq!(got.len(), LARGE, "the stop flushes what a client reads");
    assert_eq!(pattern::first_difference(&got), None);
    let status = server.await_end(patience());
    assert!(status.code().is_some(), "{status}");
    let (got, _) = take_all(&lazy);
    assert!(got.len() < LARGE);
}

#[test]
fn a_client_that_leaves_takes_its_file_with_it() {
    let server = server!("files").sized(1, 1).start();
    let path = put(&server, "content", LARGE);
    let mut client = server.connect();
    client.shrink_receive_buffer(64 << 10);
    client.send(format!("!file 0 0 {}", path.display()));
    server.await_event("file", 1);
    let mut other = server.connect();
    eventually(patience(), || open_files(&server, "content") == 1);
    client.reset();
    eventually(patience(), || open_files(&server, "content") == 0);
    eventually(patience(), || other.stat("output_bytes") == 0);
    drop(other);
    server.stop();
}

#[test]
fn many_clients_get_the_same_file_at_the_same_time() {
    let server = server!("files").sized(2, 2).quiet().start();
    let path = put(&server, "content", 8 * MIB);
    let clients: Vec<Client> = (0..20)
        .map(|_| {
            let mut client = server.connect();
            client.send(format!("!between {}", path.display()));
            client
        })
        .collect();
    std::thread::scope(|scope| {
        for client in &clients {
            scope.spawn(|| {
                let got = take(client, 8 * MIB + 8);
                assert_eq!(pattern::first_difference(&got[4..8 * MIB + 4]), None);
            });
        }
    });
    drop(clients);
    server.stop();
}

#[test]
fn a_reader_that_is_as_fast_as_the_server_leaves_others_their_turn() {
    let server = server!("files").sized(2, 1).start();
    let path = put(&server, "content", 256 * MIB);
    let mut fast = server.connect_to(0);
    let mut other = server.connect_to(1);
    fast.send(format!("!file 0 0 {}", path.display()));
    server.await_event("file", 1);
    let mut answered_under_way = 0;
    let mut buffer = vec![0; MIB];
    let mut got = 0;
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while got < 256 * MIB {
                got += fast.stream().read(&mut buffer).unwrap();
            }
        });
        while !reader.is_finished() {
            assert_eq!(other.ask("meanwhile"), "meanwhile");
            answered_under_way += 1;
        }
    });
    assert!(answered_under_way > 5, "{answered_under_way}");
    drop((fast, other));
    server.stop();
}

#[test]
fn pending_files_survive_input_on_a_framed_port_that_is_being_closed() {
    // R13: what a client sends after close() is thrown away, and costs it nothing of its answer.
    let server = server!("files")
        .sized(1, 1)
        .set("open_eof_split", 1)
        .set("package_eof", ";")
        .start();
    let path = put(&server, "content", 20 * MIB);
    let mut client = server.connect();
    client.shrink_receive_buffer(64 << 10);
    client.send(format!("!file-close {} ;", path.display()));
    server.await_event("close", 1);
    let mut writer = client.stream().try_clone().unwrap();
    writer
        .set_write_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let pour = std::thread::spawn(move || {
        let noise = [b"and more;".repeat(1000), vec![b'x'; 50_000]].concat();
        let mut poured = 0;
        while writer.write_all(&noise).is_ok() && poured < 8 * MIB {
            poured += noise.len();
        }
        poured
    });
    let (got, was_reset) = take_all(&client);
    assert_eq!((got.len(), was_reset), (20 * MIB, false));
    assert_eq!(pattern::first_difference(&got), None);
    drop(client);
    assert!(pour.join().unwrap() > 0);
    server.stop();
}

#[test]
fn half_closed_clients_get_what_was_sent_before_the_close_event_and_with_the_option_all() {
    for stays in [false, true] {
        let server = server!("files")
            .sized(1, 1)
            .set("open_eof_split", 1)
            .set("package_eof", ";")
            .set("open_half_close", u8::from(stays))
            .start();
        let path = put(&server, "content", 20 * MIB);
        let mut client = server.connect();
        client.shrink_receive_buffer(64 << 10);
        client.send(format!("!file 0 0 {} ;", path.display()));
        client.send("!session ;");
        client.finish_sending();
        let got = take(&client, 20 * MIB);
        assert_eq!(pattern::first_difference(&got), None);
        let session: u64 = client.expect(2).parse().unwrap();
        if stays {
            // R12: the end of input is no end of the session; the server closes it.
            let mut other = server.connect();
            assert_eq!(other.ask(format!("!queued {session} ;")), "0");
            assert!(server.events_named("close").is_empty());
            assert!(!client.has_input());
            drop(other);
        } else {
            assert_eq!(client.ending(), skep_tests::client::Ending::Eof);
            server.await_event("close", 1);
        }
        drop(client);
        server.stop();
    }
}

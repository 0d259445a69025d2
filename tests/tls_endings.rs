//! How sessions under TLS end: said or unsaid, by either side, with much under way, with a dead worker.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::io::Read;
use std::net::Shutdown;

use nix::sys::signal::Signal;

use skep_tests::certificates::Identity;
use skep_tests::eventually::{eventually, patience};
use skep_tests::server;
use skep_tests::server::Builder;
use skep_tests::tls::{Ending, aborted, ask_plain, secured, socket, tls12, tls13};
use skep_tests::{pattern, process};

const MIB: usize = 1 << 20;

fn under_tls() -> Builder {
    secured(
        server!("tls").sized(2, 1),
        &Identity::new("localhost", 1, None),
    )
}

#[test]
fn a_client_that_has_said_farewell_still_gets_its_answers() {
    let server = under_tls().start();
    for offer in [tls12(), tls13()] {
        let mut client = offer.connect(server.port()).unwrap();
        client.send("!slow answer");
        client.say_farewell();
        assert_eq!(client.drain(), (b"answer".to_vec(), Ending::Farewell));
    }
    server.await_event("close", 2);
    server.stop();
}

#[test]
fn the_end_without_a_farewell_is_the_end_all_the_same() {
    let server = under_tls().start();
    let mut client = tls13().connect(server.port()).unwrap();
    client.send("!slow answer");
    client.cut_output();
    assert_eq!(client.drain(), (b"answer".to_vec(), Ending::Farewell));
    let close = server.await_event("close", 1);
    assert_eq!(close.text("errno"), "0");
    assert!(close.number::<i32>("reactor") >= 0, "by the client");
    server.stop();
}

#[test]
fn a_message_cut_off_by_the_end_is_not_delivered() {
    let server = under_tls()
        .set("open_eof_split", 1)
        .set("package_eof", "\\n")
        .env("SKEP_TEST_FRAMES", 1)
        .start();
    let mut client = tls13().connect(server.port()).unwrap();
    client.send("whole\nhal");
    client.cut_output(); // as somebody between the two may do
    assert_eq!(
        client.drain(),
        (b"\0\0\0\x06whole\n".to_vec(), Ending::Farewell)
    );
    server.stop();
}

#[test]
fn a_half_closed_session_goes_on() {
    let server = under_tls().set("open_half_close", 1).start();
    let mut client = tls13().connect(server.port()).unwrap();
    client.send("!slow first");
    client.say_farewell();
    client.cut_output();
    assert_eq!(client.receive(5), b"first");
    // Its session is there until the server ends it.
    let session = server.await_event("connect", 1).session();
    assert_eq!(ask_plain(&server, &format!("!close {session}")), "closed");
    assert_eq!(client.drain(), (Vec::new(), Ending::Farewell));
    server.stop();
}

#[test]
fn a_close_of_the_server_lets_everything_out_before_its_farewell() {
    let server = under_tls().start();
    for offer in [tls12(), tls13()] {
        let mut client = offer.connect(server.port()).unwrap();
        client.send(format!("!bye {} ", 8 * MIB));
        client.send("what comes after that is thrown away");
        let (came, ending) = client.drain();
        assert_eq!((came.len(), ending), (8 * MIB, Ending::Farewell));
        assert_eq!(pattern::first_difference(&came), None);
        assert_eq!(client.socket.read(&mut [0]).unwrap(), 0, "no reset");
    }
    server.stop();
}

#[test]
fn a_worker_that_dies_takes_its_session_along_and_no_other() {
    let server = under_tls().start();
    let mut doomed = tls13().connect(server.port()).unwrap();
    let pid: i32 = doomed.ask("!pid").parse().unwrap();
    let mut others: Vec<_> = (0..8)
        .map(|_| tls13().connect(server.port()).unwrap())
        .collect();
    let pids: Vec<_> = others.iter_mut().map(|client| client.ask("!pid")).collect();
    assert!(pids.iter().any(|other| *other != pid.to_string()));
    doomed.send("!sleep");
    // Its worker is at it when what comes next waits in its lane.
    let asked = "!count".to_string();
    eventually(patience(), || !ask_plain(&server, &asked).is_empty());
    server.signal(pid, Signal::SIGKILL);
    assert_ne!(doomed.drain().1, Ending::Broken);
    for client in &mut others {
        assert_eq!(client.ask("still there"), "still there");
    }
    server.stop();
}

#[test]
fn a_stop_ends_open_sessions_in_good_order() {
    let server = under_tls().start();
    let mut idle = tls13().connect(server.port()).unwrap();
    idle.ask("x");
    let mut busy = tls12().connect(server.port()).unwrap();
    busy.ask("x");
    busy.send("!slow last");
    server.await_event("slow", 1); // what was not read is not answered
    let unfinished = socket(server.port()).unwrap(); // has not said a word
    let events = server.stop();
    assert_eq!(idle.drain(), (Vec::new(), Ending::Farewell));
    assert_eq!(busy.drain(), (b"last".to_vec(), Ending::Farewell));
    let _ = unfinished.shutdown(Shutdown::Both);
    let count = |name| events.iter().filter(|event| event.name == name).count();
    assert_eq!((count("connect"), count("close")), (2, 2));
}

#[test]
fn nothing_is_known_of_a_session_whose_handshake_is_not_over() {
    let server = under_tls().start();
    let silent = socket(server.port()).unwrap();
    // The next id is this one's: ids count up, and nobody else connects but who asks.
    eventually(patience(), || ask_plain(&server, "!count").starts_with('2'));
    let mut seen = Vec::new();
    for id in 1..=3 {
        let close = ask_plain(&server, &format!("!close {id}"));
        let info = ask_plain(&server, &format!("!info {id}"));
        seen.push((close, info));
    }
    assert_eq!(seen[0], ("1005".into(), "false".into()));
    drop(silent);
    eventually(patience(), || aborted(&server) == 1);
    let of_it = |event: &skep_tests::journal::Event| event.session() == 1;
    assert!(!server.events_named("connect").iter().any(of_it));
    assert!(!server.events_named("close").iter().any(of_it));
    server.stop();
}

#[test]
fn a_thousand_idle_sessions_cost_the_master_little() {
    let server = under_tls().start();
    let warm = tls13().connect(server.port()).unwrap();
    let before = process::resident_bytes(server.master());
    let mut idle: Vec<_> = (0..1000)
        .map(|_| tls13().connect(server.port()).unwrap())
        .collect();
    for client in &mut idle {
        assert_eq!(client.ask("x"), "x");
    }
    let grown = process::resident_bytes(server.master()).saturating_sub(before) / idle.len() as u64;
    println!("{grown} bytes per idle session under TLS");
    assert!(grown < 32 << 10, "{grown} bytes each");
    drop((warm, idle));
    server.stop();
}

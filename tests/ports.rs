//! A server with several ports: what each of them knows and gets, and what cannot be one.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use skep::settings::Value;
use skep::{Children, Error, Handler, Interests, SocketType};
use skep_tests::eventually::patience;
use skep_tests::server;
use skep_tests::server::Server;

/// The program with its three ports, and a connection to each: sessions 1, 2 and 3.
fn three() -> (Server, TcpStream, TcpStream, UnixStream) {
    let builder = server!("ports").sized(1, 2);
    let path = builder.path("socket");
    let server = builder.env("SKEP_TEST_UNIX", path.display()).start();
    let second = server.await_event("second", 1).number("number");
    let connect = |port: u16| {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(patience())).unwrap();
        stream
    };
    let mut first = connect(server.port());
    assert_eq!(ask(&mut first, "where"), "at 0 of Some(0)");
    let mut second = connect(second);
    assert_eq!(ask(&mut second, "where"), "at 1 of Some(1)");
    let mut unix = UnixStream::connect(path).unwrap();
    unix.set_read_timeout(Some(patience())).unwrap();
    assert_eq!(ask(&mut unix, "where"), "at 2 of Some(2)");
    (server, first, second, unix)
}

/// Answers are short, so one read has all of it.
#[track_caller]
fn ask(stream: &mut (impl Read + Write), message: &str) -> String {
    stream.write_all(message.as_bytes()).unwrap();
    let mut answer = [0; 256];
    let length = stream.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// Events of one name, as (session, port).
fn noted(server: &Server, name: &str) -> Vec<(u64, u16)> {
    let events = server.events_named(name).into_iter();
    events
        .map(|event| (event.number("session"), event.number("port")))
        .collect()
}

#[test]
fn each_port_has_sessions_and_events_of_its_own() {
    let (server, mut first, mut second, mut unix) = three();
    assert_eq!(ask(&mut first, "list 0"), "1 [1]");
    assert_eq!(ask(&mut second, "list 1"), "1 [2]");
    assert_eq!(ask(&mut unix, "list 2"), "1 [3]");
    assert_eq!(ask(&mut unix, "list 3"), "0 []");
    // Only the primary port wants to know of beginnings, and the second not even of ends.
    drop(second);
    drop(unix);
    server.await_event("close", 1);
    drop(first);
    server.await_event("close", 2);
    assert_eq!(noted(&server, "connect"), [(1, 0)]);
    assert_eq!(noted(&server, "close"), [(3, 2), (1, 0)]);
    let path = server.path("socket");
    assert!(path.exists());
    let number = server.await_event("second", 1).number::<u16>("number");
    server.stop();
    assert!(!path.exists(), "the socket file is left");
    TcpListener::bind((Ipv4Addr::LOCALHOST, number)).unwrap();
}

#[test]
fn a_session_closed_in_an_event_of_another_port_is_of_its_own_port() {
    let (server, mut first, mut second, unix) = three();
    assert_eq!(ask(&mut second, "close 3"), "closed true at 1 1");
    assert_eq!(noted(&server, "close"), [(3, 2)]);
    assert_eq!(ask(&mut first, "close 2"), "closed true at 0 0");
    assert_eq!(
        noted(&server, "close"),
        [(3, 2)],
        "the second port wants none"
    );
    assert_eq!(ask(&mut first, "where"), "at 0 of Some(0)");
    drop((first, second, unix));
    server.stop();
}

fn bound() -> skep::Server {
    skep::Server::bind("127.0.0.1", 0, SocketType::Tcp).unwrap()
}

#[test]
fn ports_are_known_by_their_index() {
    let mut server = bound();
    assert_eq!(server.listen("::1", 0, SocketType::Tcp6).unwrap(), 1);
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let number = taken.local_addr().unwrap().port();
    let refused = server.listen("127.0.0.1", number.into(), SocketType::Tcp);
    assert_eq!(refused.unwrap_err().code(), 98);
    assert_eq!(server.listen("localhost", 0, SocketType::Tcp).unwrap(), 2);
    let info = server.port_info(2).unwrap();
    assert_eq!(
        (&*info.host, info.kind, info.tls),
        ("localhost", SocketType::Tcp, false)
    );
    assert!(info.port > 0 && info.socket > 0);
    assert_eq!(server.port_info(0).unwrap().port, server.port());
    assert_eq!(server.port_info(3), None);
    for refused in [
        server.use_tls(3),
        server.own_settings(3),
        server.set_port(3, "backlog", &Value::Int(1)),
    ] {
        assert!(matches!(refused, Err(Error::BadSetting(_))), "{refused:?}");
    }
}

#[test]
fn a_port_takes_settings_of_ports_only() {
    let mut server = bound();
    server.listen("127.0.0.1", 0, SocketType::Tcp).unwrap();
    let refused = server.set_port(1, "worker_num", &Value::Int(2));
    assert!(matches!(refused, Err(Error::BadSetting(_))), "{refused:?}");
    let refused = server.set_port(1, "nonsense", &Value::Int(2));
    assert!(
        matches!(refused, Err(Error::UnknownSetting(_))),
        "{refused:?}"
    );
    assert!(
        server.port_settings(1).is_none(),
        "a refusal gives it settings"
    );
    assert!(server.port_settings(0).is_some() && server.port_settings(2).is_none());
    server.set_port(1, "backlog", &Value::Int(2)).unwrap();
    assert!(server.port_settings(1).is_some());
}

struct ReceiveAt(u16);

impl Handler for ReceiveAt {
    fn interests(&self, port: u16) -> Interests {
        Interests {
            connect: false,
            receive: port == self.0,
            close: false,
            packet: false,
            buffer_full: false,
            buffer_empty: false,
        }
    }
}

#[test]
fn every_port_needs_its_callback() {
    for (port, good) in [(0, true), (1, false)] {
        let mut server = bound();
        let checked = server.check_callbacks(&ReceiveAt(port));
        assert_eq!(checked.is_ok(), good, "{checked:?}");
        server.listen("127.0.0.1", 0, SocketType::Tcp).unwrap();
        let checked = server.check_callbacks(&ReceiveAt(port));
        assert!(matches!(checked, Err(Error::MissingCallback("onReceive"))));
        let started = server.start(Rc::new(ReceiveAt(port)), Children::Exit);
        assert!(matches!(started, Err(Error::MissingCallback("onReceive"))));
    }
}

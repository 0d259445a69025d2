#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::*;
use crate::net::address::SocketType;
use crate::net::alone;
use crate::net::options::SocketOptions;

#[test]
fn a_server_without_descriptors_refuses_and_recovers() {
    alone::run_alone("net::reserve::tests::alone_without_descriptors");
}

#[test]
#[ignore = "takes every descriptor: run in a process of its own by the test above"]
fn alone_without_descriptors() {
    let listener =
        Listener::bind("127.0.0.1", 0, SocketType::Tcp, &SocketOptions::default()).unwrap();
    listener.listen(16).unwrap();
    let mut reserve = Reserve::new().unwrap();
    assert_eq!(reserve.refuse_one(&listener), Refusal::Nobody);
    let mut clients: Vec<_> = (0..3)
        .map(|_| TcpStream::connect(("127.0.0.1", listener.port())).unwrap())
        .collect();
    clients[0].write_all(b"words that nobody reads").unwrap();
    let mut full = alone::take_all();

    for client in clients.drain(..2) {
        let error = listener.accept().unwrap_err();
        assert!(Reserve::is_for(&error), "{error}");
        assert_eq!(reserve.refuse_one(&listener), Refusal::Refused);
        client
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let mut client = client;
        assert_eq!(
            client.read(&mut [0; 8]).unwrap(),
            0,
            "end of file, no reset"
        );
        drop(client); // gives back a descriptor,
        full.push(File::open("/dev/null").unwrap()); // which is taken at once
    }

    // Somebody else is quicker than we: what was the reserve is gone.
    let mut none = Reserve(None);
    assert_eq!(none.refuse_one(&listener), Refusal::Helpless);
    assert!(none.0.is_none());

    // The third is served once there is room, and the reserve is there again.
    full.truncate(full.len() - 3);
    assert!(listener.accept().is_ok());
    assert_eq!(none.refuse_one(&listener), Refusal::Nobody);
    assert!(none.0.is_some());
    let other = listener.accept().unwrap_err();
    assert!(!Reserve::is_for(&other), "{other}");
}

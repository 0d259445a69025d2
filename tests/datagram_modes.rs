//! Which worker gets a datagram: in modes that keep an owner it is the same for all of one host, in the others any.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::HashSet;
use std::net::UdpSocket;

use skep_tests::eventually::{eventually, patience};
use skep_tests::server;
use skep_tests::server::Server;

const WORKERS: u32 = 3;

fn started(mode: u32, ports: &str) -> Server {
    let server = server!("datagrams")
        .sized(WORKERS, 2)
        .set("dispatch_mode", mode)
        .env("SKEP_TEST_PORTS", ports)
        .start();
    eventually(patience(), || {
        server.events_named("worker_start").len() == WORKERS as usize
    });
    server
}

fn client(own: &str) -> UdpSocket {
    let socket = UdpSocket::bind((own, 0)).unwrap();
    socket.set_read_timeout(Some(patience())).unwrap();
    socket
}

/// The worker that gets the next datagram of this client.
#[track_caller]
fn worker(client: &UdpSocket, server: &str, port: u16) -> u32 {
    client.send_to(b"who", (server, port)).unwrap();
    let mut answer = [0; 100];
    let length = client.recv(&mut answer).unwrap();
    let told = String::from_utf8_lossy(&answer[..length]);
    told.split(' ').next().unwrap().parse().unwrap()
}

fn end(mut server: Server) {
    server.forget_port(); // it is not one of TCP
    server.stop();
}

/// Mode 4 takes the address as it is read, the others as a little-endian number; ports never matter.
#[test]
fn modes_with_an_owner_give_all_datagrams_of_a_host_to_one_worker() {
    for mode in [2, 4, 5, 8, 11] {
        let server = started(mode, "udp 127.0.0.1");
        let port = server.port();
        for last in 1..=6 {
            let address = [127, 0, 0, last];
            let number = match mode {
                4 => u32::from_be_bytes(address),
                _ => u32::from_le_bytes(address),
            };
            for _ in 0..2 {
                let client = client(&format!("127.0.0.{last}"));
                for _ in 0..3 {
                    let worker = worker(&client, "127.0.0.1", port);
                    assert_eq!(worker, number % WORKERS, "mode {mode}, 127.0.0.{last}");
                }
            }
        }
        end(server);
    }
}

#[test]
fn the_port_of_an_ipv6_client_does_not_matter_either() {
    for mode in [2, 4] {
        let server = started(mode, "udp6 ::1");
        let workers: HashSet<u32> = (0..10)
            .map(|_| worker(&client("::1"), "::1", server.port()))
            .collect();
        assert_eq!(workers.len(), 1, "mode {mode}");
        end(server);
    }
}

#[test]
fn modes_without_an_owner_spread_the_datagrams_of_one_host() {
    for mode in [0, 1, 3, 6, 7, 9, 10] {
        let server = started(mode, "udp 127.0.0.1");
        let client = client("127.0.0.1");
        let mut seen = HashSet::new();
        eventually(patience(), || {
            seen.insert(worker(&client, "127.0.0.1", server.port()));
            seen.len() == WORKERS as usize
        });
        end(server);
    }
}

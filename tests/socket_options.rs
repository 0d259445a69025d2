//! Socket options, end to end: from the setting to the kernel's answer about the sockets of a running server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::collections::HashSet;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::libc;
use nix::sys::socket::{
    GetSockOpt, SockaddrStorage, getpeername, getsockname, getsockopt, sockopt,
};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use skep_tests::client::Client;
use skep_tests::eventually::{eventually_some, patience};
use skep_tests::server::Server;
use skep_tests::{process, server};

/// The kernel's number for a TCP option that nix has no name for.
fn tcp(socket: &impl AsRawFd, option: i32) -> i32 {
    let mut value = 0i32;
    let mut length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: `value` is writable for `length` bytes.
    let asked = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            option,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    assert_eq!(asked, 0);
    value
}

/// Duplicates of all sockets of the master.
fn sockets(server: &Server) -> Vec<OwnedFd> {
    let master = pidfd_open(Pid::from_raw(server.master()).unwrap(), PidfdFlags::empty()).unwrap();
    process::descriptors(server.master())
        .into_iter()
        .filter(|(_, what)| what.to_string_lossy().starts_with("socket:"))
        .filter_map(|(number, _)| pidfd_getfd(&master, number, PidfdGetfdFlags::empty()).ok())
        .collect()
}

fn port(address: nix::Result<SockaddrStorage>) -> Option<u16> {
    address.ok()?.as_sockaddr_in().map(|v4| v4.port())
}

/// The socket that listens on the server's port.
fn listener(server: &Server) -> OwnedFd {
    let listens = |socket: &OwnedFd| {
        getsockopt(socket, sockopt::AcceptConn).is_ok_and(|listens| listens)
            && port(getsockname(socket.as_raw_fd())) == Some(server.port())
    };
    sockets(server).into_iter().find(listens).unwrap()
}

/// The server's side of a connection.
fn accepted(server: &Server, client: &Client) -> OwnedFd {
    let own = client.stream().local_addr().unwrap().port();
    let is_it = |socket: &OwnedFd| port(getpeername(socket.as_raw_fd())) == Some(own);
    eventually_some(patience(), || sockets(server).into_iter().find(is_it))
}

fn has<O: GetSockOpt>(socket: impl AsFd, option: O) -> O::Val {
    getsockopt(&socket, option).unwrap()
}

#[test]
fn every_option_is_on_the_listener_and_on_the_first_connection_too() {
    let server = server!("service")
        .sized(1, 1)
        .set("open_tcp_nodelay", 0)
        .set("open_tcp_keepalive", 1)
        .set("tcp_keepidle", 100)
        .set("tcp_keepinterval", 20)
        .set("tcp_keepcount", 3)
        .set("tcp_user_timeout", 4321)
        .set("tcp_fastopen", 17)
        .set("enable_reuse_port", 1)
        .set("kernel_socket_recv_buffer_size", 65_536)
        .set("kernel_socket_send_buffer_size", "128K")
        .start();
    let listener = listener(&server);
    assert_eq!(tcp(&listener, libc::TCP_FASTOPEN), 17);
    assert!(has(&listener, sockopt::ReuseAddr));
    assert!(has(&listener, sockopt::ReusePort));
    let mut clients: Vec<_> = (0..2).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.ask("hello");
        let socket = accepted(&server, client);
        assert!(!has(&socket, sockopt::TcpNoDelay));
        assert!(has(&socket, sockopt::KeepAlive));
        assert_eq!(has(&socket, sockopt::TcpKeepIdle), 100);
        assert_eq!(has(&socket, sockopt::TcpKeepInterval), 20);
        assert_eq!(has(&socket, sockopt::TcpKeepCount), 3);
        assert_eq!(has(&socket, sockopt::TcpUserTimeout), 4321);
        assert_eq!(
            has(&socket, sockopt::RcvBuf),
            2 * 65_536,
            "the kernel doubles"
        );
        assert_eq!(has(&socket, sockopt::SndBuf), 2 * 131_072);
    }
    drop((clients, listener)); // it listens as long as anybody has it
    server.stop();
}

#[test]
fn without_settings_only_nodelay_is_on() {
    let server = server!("service").sized(1, 1).start();
    let listener = listener(&server);
    assert_eq!(tcp(&listener, libc::TCP_FASTOPEN), 0);
    assert_eq!(tcp(&listener, libc::TCP_DEFER_ACCEPT), 0);
    assert!(has(&listener, sockopt::ReuseAddr));
    assert!(!has(&listener, sockopt::ReusePort));
    let mut client = server.connect();
    client.ask("hello");
    let socket = accepted(&server, &client);
    assert!(has(&socket, sockopt::TcpNoDelay));
    assert!(!has(&socket, sockopt::KeepAlive));
    assert_eq!(has(&socket, sockopt::TcpUserTimeout), 0);
    drop((client, listener));
    server.stop();
}

#[test]
fn the_user_timeout_needs_no_keepalive_and_keepalive_has_its_defaults() {
    for (setting, value) in [("tcp_user_timeout", 777), ("open_tcp_keepalive", 1)] {
        let server = server!("service").sized(1, 1).set(setting, value).start();
        let mut client = server.connect();
        client.ask("hello");
        let socket = accepted(&server, &client);
        if setting == "tcp_user_timeout" {
            assert_eq!(has(&socket, sockopt::TcpUserTimeout), 777);
            assert!(!has(&socket, sockopt::KeepAlive));
        } else {
            assert!(has(&socket, sockopt::KeepAlive));
            assert_eq!(has(&socket, sockopt::TcpKeepIdle), 3600);
            assert_eq!(has(&socket, sockopt::TcpKeepInterval), 60);
            assert_eq!(has(&socket, sockopt::TcpKeepCount), 5);
        }
        drop(client);
        server.stop();
    }
}

#[test]
fn a_deferred_connection_is_accepted_with_its_first_bytes() {
    let server = server!("service")
        .sized(1, 1)
        .set("tcp_defer_accept", 5)
        .start();
    assert_eq!(
        tcp(&listener(&server), libc::TCP_DEFER_ACCEPT),
        7,
        "in steps of the kernel's own"
    );
    let mut silent = server.connect();
    let mut watcher = server.connect();
    for _ in 0..20 {
        assert_eq!(
            watcher.stat("accept_count"),
            1,
            "the one that has said something"
        );
    }
    assert_eq!(silent.ask("hello"), "hello");
    assert_eq!(watcher.stat("accept_count"), 2);
    drop((silent, watcher));
    server.stop();
}

#[test]
fn two_servers_may_share_a_port_if_both_want_to() {
    let first = server!("service")
        .sized(1, 1)
        .set("enable_reuse_port", 1)
        .start();
    let second = server!("service")
        .sized(1, 1)
        .set("enable_reuse_port", 1)
        .env("SKEP_TEST_PORT", first.port())
        .start();
    assert_eq!(first.port(), second.port());
    // The kernel shares connections out; both get some of so many.
    let mut masters = HashSet::new();
    let clients: Vec<_> = (0..64)
        .map(|_| {
            let mut client = first.connect();
            masters.insert(client.ask("!pid"));
            client
        })
        .collect();
    assert_eq!(masters.len(), 2);
    drop(clients);
    let mut second = second;
    second.forget_port(); // the other one still has it
    second.stop();
    first.stop();
}

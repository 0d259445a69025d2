#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::time::{Duration, Instant};

use super::*;
use crate::net::option::IntOption;
use crate::net::options::Keepalive;
use crate::net::stream;

fn bind(host: &str, port: i64, kind: SocketType) -> Result<Listener> {
    Listener::bind(host, port, kind, &SocketOptions::default())
}

fn code(outcome: Result<Listener>) -> i32 {
    outcome.unwrap_err().code()
}

fn path(name: &str) -> String {
    let file = format!("skep-listener-{name}-{}", std::process::id());
    let path = std::env::temp_dir().join(file);
    let _ = std::fs::remove_file(&path); // of an earlier run with this pid
    path.to_str().unwrap().into()
}

/// The next connection, which is on its way.
fn accept(listener: &Listener) -> (OwnedFd, Peer) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match listener.accept() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                assert!(Instant::now() < deadline, "no connection came");
                std::thread::sleep(Duration::from_millis(1));
            }
            other => return other.unwrap(),
        }
    }
}

fn has(socket: impl AsFd, option: IntOption) -> i32 {
    option::get(socket, option).unwrap()
}

#[test]
fn a_refused_address_says_why() {
    assert_eq!(code(bind("127.0.0.1", 65536, SocketType::Tcp)), 9004);
    assert_eq!(code(bind("127.0.0.1", -1, SocketType::Udp)), 9004);
    assert_eq!(code(bind("999.1.1.1", 0, SocketType::Udp)), 722);
    assert_eq!(code(bind("", 0, SocketType::Tcp)), 722);
    assert_eq!(code(bind("", 0, SocketType::UnixDgram)), 722);
    assert_eq!(
        code(bind("192.0.2.1", 0, SocketType::Udp)),
        libc::EADDRNOTAVAIL
    );
    let long = "x".repeat(108);
    for kind in [SocketType::UnixStream, SocketType::UnixDgram] {
        assert_eq!(code(bind(&long, 0, kind)), 504);
        assert_eq!(code(bind("/nowhere/at/all", 0, kind)), libc::ENOENT);
        assert_eq!(code(bind("no\0name", 0, kind)), libc::EINVAL);
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = i64::from(taken.local_addr().unwrap().port());
    let refused = bind("127.0.0.1", port, SocketType::Tcp).unwrap_err();
    let expected = format!(
        "failed to listen server port[127.0.0.1:{port}], Error: Address already in use[98]"
    );
    assert_eq!(refused.to_string(), expected);
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = i64::from(taken.local_addr().unwrap().port());
    assert_eq!(
        code(bind("127.0.0.1", port, SocketType::Udp)),
        libc::EADDRINUSE
    );
}

#[test]
fn the_longest_path_is_bound() {
    let directory = std::env::temp_dir();
    let start = directory.join(format!("skep-{}-", std::process::id()));
    let start = start.to_str().unwrap();
    let name = format!("{start}{}", "x".repeat(UNIX_PATH_MAX - start.len()));
    for kind in [SocketType::UnixStream, SocketType::UnixDgram] {
        let listener = bind(&name, 9, kind).unwrap();
        assert_eq!((listener.kind(), listener.port()), (kind, 0));
        assert!(Path::new(&name).exists());
        listener.unlink();
        assert!(!Path::new(&name).exists());
    }
}

#[test]
fn the_address_decides_the_kind_and_the_kernel_the_port() {
    for (host, asked, real) in [
        ("127.0.0.1", SocketType::Tcp, SocketType::Tcp),
        ("localhost", SocketType::Tcp, SocketType::Tcp),
        ("::1", SocketType::Tcp, SocketType::Tcp6),
        ("[::1]", SocketType::Udp, SocketType::Udp6),
        ("::", SocketType::Udp6, SocketType::Udp6),
        ("127.0.0.1", SocketType::Udp6, SocketType::Udp),
    ] {
        let listener = bind(host, 0, asked).unwrap();
        assert_eq!(listener.kind(), real, "{host}");
        assert_eq!(listener.host(), host);
        let port = ip_name(&listener).unwrap().port();
        assert!(port != 0 && port == listener.port());
        assert_eq!(
            has(&listener, option::SO_REUSEADDR),
            i32::from(real.is_stream())
        );
        assert_eq!(has(&listener, option::SO_REUSEPORT), 0);
        if host == "::" {
            assert_eq!(has(&listener, option::IPV6_V6ONLY), 0, "both families");
        }
    }
}

#[test]
fn an_ipv4_client_of_a_dual_stack_socket_is_an_ipv4_client() {
    let listener = bind("::", 0, SocketType::Tcp).unwrap();
    listener.listen(8).unwrap();
    let client = TcpStream::connect((Ipv4Addr::LOCALHOST, listener.port())).unwrap();
    let (_, peer) = accept(&listener);
    assert_eq!(peer, Peer::Ip(client.local_addr().unwrap()));
    let client = TcpStream::connect(("::1", listener.port())).unwrap();
    let (_, peer) = accept(&listener);
    assert_eq!(peer, Peer::Ip(client.local_addr().unwrap()));
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn datagram_sockets_have_wide_buffers_and_nothing_to_listen_to() {
    let name = path("wide");
    for (host, kind) in [
        ("127.0.0.1", SocketType::Udp),
        ("::1", SocketType::Udp6),
        (&*name, SocketType::UnixDgram),
    ] {
        let plain = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut listener = bind(host, 0, kind).unwrap();
        for option in [option::SO_RCVBUF, option::SO_SNDBUF] {
            assert!(has(&listener, option) > has(&plain, option), "{host}");
        }
        let options = SocketOptions {
            recv_buffer: Some(20_000),
            send_buffer: Some(30_000),
            keepalive: Some(Keepalive::default()),
            ..SocketOptions::default()
        };
        listener.apply(&options).unwrap();
        listener.listen(5).unwrap();
        assert_eq!(
            has(&listener, option::SO_RCVBUF),
            40_000,
            "the kernel doubles"
        );
        assert_eq!(has(&listener, option::SO_SNDBUF), 60_000);
        assert_eq!(has(&listener, option::SO_KEEPALIVE), 0, "not for datagrams");
        listener.unlink();
    }
}

/// What connections inherit, as `options` has it.
fn assert_inherited(socket: impl AsFd) {
    for (option, value) in [
        (option::TCP_NODELAY, 1),
        (option::SO_KEEPALIVE, 1),
        (option::TCP_KEEPIDLE, 100),
        (option::TCP_KEEPINTVL, 20),
        (option::TCP_KEEPCNT, 3),
        (option::TCP_USER_TIMEOUT, 4321),
        (option::SO_RCVBUF, 131_072),
        (option::SO_SNDBUF, 262_144),
    ] {
        assert_eq!(has(&socket, option), value, "{}", option.name);
    }
}

fn options() -> SocketOptions {
    SocketOptions {
        keepalive: Some(Keepalive {
            idle_s: 100,
            interval_s: 20,
            count: 3,
        }),
        user_timeout_ms: 4321,
        fastopen: 17,
        recv_buffer: Some(65_536),
        send_buffer: Some(131_072),
        ..SocketOptions::default()
    }
}

/// The kernel's word on the queue of a listening socket.
fn backlog(listener: &Listener) -> u32 {
    // SAFETY: integers, for which all zero is a value.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut len = size_of_val(&info) as libc::socklen_t;
    // SAFETY: `info` is writable for `len` bytes.
    let asked = unsafe {
        libc::getsockopt(
            listener.raw(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut len,
        )
    };
    assert_eq!(asked, 0);
    info.tcpi_sacked
}

#[test]
fn every_option_is_on_the_socket_and_on_what_it_accepts() {
    for host in ["127.0.0.1", "::1"] {
        let mut listener = bind(host, 0, SocketType::Tcp).unwrap();
        listener.apply(&options()).unwrap();
        listener.listen(123).unwrap();
        assert_inherited(&listener);
        assert_eq!(has(&listener, option::TCP_FASTOPEN), 17);
        assert_eq!(has(&listener, option::TCP_DEFER_ACCEPT), 0);
        assert_eq!(backlog(&listener), 123);
        let _client = TcpStream::connect((host, listener.port())).unwrap();
        assert_inherited(accept(&listener).0);

        let bare = SocketOptions {
            nodelay: false,
            defer_accept_s: 5,
            ..SocketOptions::default()
        };
        listener.apply(&bare).unwrap();
        for off in [
            option::TCP_NODELAY,
            option::SO_KEEPALIVE,
            option::TCP_USER_TIMEOUT,
            option::TCP_FASTOPEN,
        ] {
            assert_eq!(has(&listener, off), 0, "{}", off.name);
        }
        assert_eq!(
            has(&listener, option::TCP_DEFER_ACCEPT),
            7,
            "in steps of the kernel's own"
        );
    }
}

#[test]
fn the_user_timeout_needs_no_keepalive() {
    let mut listener = bind("127.0.0.1", 0, SocketType::Tcp).unwrap();
    let options = SocketOptions {
        user_timeout_ms: 777,
        ..SocketOptions::default()
    };
    listener.apply(&options).unwrap();
    listener.listen(0).unwrap();
    assert_eq!(has(&listener, option::TCP_USER_TIMEOUT), 777);
    assert_eq!(has(&listener, option::SO_KEEPALIVE), 0);
    assert!(backlog(&listener) >= 128, "0 means the default");
}

#[test]
fn a_value_the_kernel_refuses_is_said_by_name() {
    let mut listener = bind("127.0.0.1", 0, SocketType::Tcp).unwrap();
    let mut options = options();
    options.keepalive = Some(Keepalive {
        count: 1000,
        ..Keepalive::default()
    });
    let refused = listener.apply(&options).unwrap_err();
    assert_eq!(refused.code(), libc::EINVAL);
    assert!(
        refused.to_string().starts_with("set TCP_KEEPCNT: "),
        "{refused}"
    );
}

#[test]
fn a_connection_older_than_the_options_is_given_them() {
    let mut listener = bind("127.0.0.1", 0, SocketType::Tcp).unwrap();
    listener.listen(8).unwrap();
    let _client = TcpStream::connect((Ipv4Addr::LOCALHOST, listener.port())).unwrap();
    listener.apply(&options()).unwrap();
    let (connection, _) = accept(&listener);
    listener.dress(&connection, &options());
    assert_inherited(connection);
}

#[test]
fn tcp_options_do_not_trouble_a_unix_socket() {
    let name = path("options");
    let mut listener = bind(&name, 0, SocketType::UnixStream).unwrap();
    let mut options = options();
    options.reuse_port = true;
    listener.apply(&options).unwrap();
    listener.listen(8).unwrap();
    assert_eq!(has(&listener, option::SO_SNDBUF), 262_144);
    let _client = UnixStream::connect(&name).unwrap();
    let (connection, peer) = accept(&listener);
    assert_eq!(peer, Peer::Unix);
    listener.dress(&connection, &options);
    listener.unlink();
}

#[test]
fn a_second_server_may_join_if_both_want_to_share() {
    for kind in [SocketType::Tcp, SocketType::Udp] {
        let shared = SocketOptions {
            reuse_port: true,
            ..SocketOptions::default()
        };
        let mut first = bind("127.0.0.1", 0, kind).unwrap();
        first.apply(&shared).unwrap();
        first.listen(8).unwrap();
        let port = i64::from(first.port());
        // What its settings say comes after the constructor.
        let mut second = bind("127.0.0.1", port, kind).unwrap();
        second.apply(&shared).unwrap();
        second.listen(8).unwrap();

        let mut third = bind("127.0.0.1", port, kind).unwrap();
        let refused = third.apply(&SocketOptions::default()).unwrap_err();
        assert_eq!(refused.code(), libc::EADDRINUSE);
        let text = refused.to_string();
        assert!(text.starts_with("failed to listen server port["), "{text}");
        assert_eq!(third.listen(8).unwrap_err().code(), libc::EADDRINUSE);
    }
}

#[test]
fn a_dead_socket_file_is_replaced_and_a_living_one_is_not() {
    let name = path("stale");
    let both = [SocketType::UnixStream, SocketType::UnixDgram];
    for kind in both {
        drop(UnixListener::bind(&name).unwrap());
        bind(&name, 0, kind).unwrap().unlink();
        drop(UnixDatagram::bind(&name).unwrap());
        let stays = bind(&name, 0, kind).unwrap(); // not listening: no less alive
        for other in both {
            assert_eq!(code(bind(&name, 0, other)), libc::EADDRINUSE);
        }
        stays.listen(8).unwrap();
        for other in both {
            assert_eq!(code(bind(&name, 0, other)), libc::EADDRINUSE);
        }
        stays.unlink();
    }
    std::fs::write(&name, "a file").unwrap();
    assert_eq!(
        code(bind(&name, 0, SocketType::UnixDgram)),
        libc::EADDRINUSE
    );
    assert_eq!(std::fs::read(&name).unwrap(), b"a file");
    std::fs::remove_file(&name).unwrap();
}

#[test]
fn a_socket_file_of_a_successor_is_left_alone() {
    let name = path("successor");
    let old = bind(&name, 0, SocketType::UnixStream).unwrap();
    std::fs::remove_file(&name).unwrap();
    let new = bind(&name, 0, SocketType::UnixStream).unwrap();
    old.unlink();
    assert!(Path::new(&name).exists());
    new.unlink();
    assert!(!Path::new(&name).exists());
}

#[test]
fn a_socket_file_has_the_mode_and_owner_that_are_asked_for() {
    let name = path("mode");
    let asked = |mode| SocketOptions {
        unix_mode: Some(mode),
        ..SocketOptions::default()
    };
    let seen = || std::fs::symlink_metadata(&name).unwrap();
    for kind in [SocketType::UnixStream, SocketType::UnixDgram] {
        let mut listener = Listener::bind(&name, 0, kind, &asked(0o600)).unwrap();
        assert_eq!(seen().mode() & 0o7777, 0o600);
        listener.apply(&asked(0o666)).unwrap(); // whatever the umask
        assert_eq!(seen().mode() & 0o7777, 0o666);
        let mut owned = asked(0o640);
        owned.unix_user = Some(seen().uid());
        owned.unix_group = Some(seen().gid());
        listener.apply(&owned).unwrap();
        assert_eq!(seen().permissions().mode() & 0o7777, 0o640);
        if nix::unistd::geteuid().is_root() {
            (owned.unix_user, owned.unix_group) = (Some(54_321), Some(54_322));
            listener.apply(&owned).unwrap();
            assert_eq!((seen().uid(), seen().gid()), (54_321, 54_322));
            assert_eq!(seen().mode() & 0o7777, 0o640);
        }

        // Another file in its place is not ours to change.
        std::fs::remove_file(&name).unwrap();
        std::fs::write(&name, "").unwrap();
        let before = seen().mode();
        assert!(listener.apply(&asked(0o777)).is_err());
        assert_eq!(seen().mode(), before);
        std::fs::remove_file(&name).unwrap();
    }
}

#[test]
fn a_served_connection_works_both_ways() {
    let name = path("works");
    for (host, kind) in [
        ("127.0.0.1", SocketType::Tcp),
        (&*name, SocketType::UnixStream),
    ] {
        let mut listener = bind(host, 0, kind).unwrap();
        listener.apply(&SocketOptions::default()).unwrap();
        listener.listen(8).unwrap();
        let (connection, mut answer) = if kind.is_unix() {
            let mut client = UnixStream::connect(host).unwrap();
            let (connection, _) = accept(&listener);
            stream::write(&connection, b"hello");
            client.write_all(b"there").unwrap();
            let mut answer = [0; 5];
            client.read_exact(&mut answer).unwrap();
            (connection, answer)
        } else {
            let mut client = TcpStream::connect((host, listener.port())).unwrap();
            let (connection, _) = accept(&listener);
            stream::write(&connection, b"hello");
            client.write_all(b"there").unwrap();
            let mut answer = [0; 5];
            client.read_exact(&mut answer).unwrap();
            (connection, answer)
        };
        assert_eq!(&answer, b"hello");
        assert_eq!(stream::read(&connection, &mut answer), stream::Io::Bytes(5));
        assert_eq!(&answer, b"there");
        listener.unlink();
    }
}

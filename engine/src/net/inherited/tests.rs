#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::IntoRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{self, UnixDatagram, UnixListener};

use super::*;
use crate::net::options::SocketOptions;

fn passed(fds: impl IntoIterator<Item = RawFd>) -> Passed {
    Passed {
        pid: 0,
        left: fds.into_iter().map(|fd| (fd, None)).collect(),
    }
}

fn path(name: &str) -> String {
    let file = format!("skep-inherited-{name}-{}", std::process::id());
    std::env::temp_dir().join(file).to_str().unwrap().into()
}

#[test]
fn a_socket_is_known_by_its_address_and_by_serving_it() {
    let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = v4.local_addr().unwrap().port();
    let datagrams = UdpSocket::bind(("127.0.0.1", port)).unwrap();
    let v6 = TcpListener::bind("[::1]:0").unwrap();
    let port6 = i64::from(v6.local_addr().unwrap().port());
    let port = i64::from(port);
    let is_at = |host: &str, port, kind, fd| {
        let wanted = Socket::wanted(host, port, kind);
        wanted.is_some() && wanted == Socket::found(fd)
    };
    let (stream, datagrams) = (v4.as_raw_fd(), datagrams.as_raw_fd());
    let (tcp, udp) = (SocketType::Tcp, SocketType::Udp);
    assert!(is_at("127.0.0.1", port, tcp, stream));
    assert!(!is_at("127.0.0.2", port, tcp, stream));
    assert!(!is_at("127.0.0.1", 0, tcp, stream), "any port is no port");
    assert!(!is_at("127.0.0.1", port, tcp, 987_654), "not open");
    assert!(!is_at("127.0.0.1", port, tcp, -1));
    assert!(!is_at("127.0.0.1", port, tcp, datagrams));
    assert!(!is_at("127.0.0.1", port, udp, stream));
    assert!(is_at("127.0.0.1", port, udp, datagrams));
    assert!(
        is_at("::1", port6, tcp, v6.as_raw_fd()),
        "the address decides"
    );

    let (name, other) = (path("known"), path("known-dgram"));
    let unix = UnixListener::bind(&name).unwrap();
    let dgram = UnixDatagram::bind(&other).unwrap();
    let (unix, dgram) = (unix.as_raw_fd(), dgram.as_raw_fd());
    assert!(is_at(&name, 0, SocketType::UnixStream, unix));
    assert!(!is_at("/elsewhere", 0, SocketType::UnixStream, unix));
    assert!(!is_at(&name, 0, SocketType::UnixStream, stream));
    assert!(!is_at(&name, 0, SocketType::UnixDgram, unix));
    assert!(is_at(&other, 0, SocketType::UnixDgram, dgram));
    std::fs::remove_file(name).unwrap();
    std::fs::remove_file(other).unwrap();

    let unbound = UnixDatagram::unbound().unwrap();
    assert_eq!(Socket::found(unbound.as_raw_fd()), None);
    let connected = TcpStream::connect(v4.local_addr().unwrap()).unwrap();
    assert_eq!(Socket::found(connected.as_raw_fd()), None);
    assert_eq!(
        Socket::found(std::io::stdin().as_raw_fd()),
        None,
        "no socket"
    );
}

#[test]
fn what_is_taken_is_taken_once_and_its_file_is_never_removed() {
    let name = path("once");
    let fd = UnixListener::bind(&name).unwrap().into_raw_fd();
    let mut passed = passed([fd]);
    assert!(passed.take(&name, 0, SocketType::UnixDgram).is_none());
    let mut listener = passed.take(&name, 0, SocketType::UnixStream).unwrap();
    assert!(passed.take(&name, 0, SocketType::UnixStream).is_none());
    assert!(passed.take_all().is_err());
    let flags = |command| fcntl(&listener, command).unwrap();
    assert_eq!(flags(FcntlArg::F_GETFD), libc::FD_CLOEXEC);
    assert_ne!(flags(FcntlArg::F_GETFL) & libc::O_NONBLOCK, 0);

    // Its mode and owner are the service manager's business, too.
    let mode = |path: &str| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    let before = mode(&name);
    let options = SocketOptions {
        unix_mode: Some(0o600),
        ..SocketOptions::default()
    };
    listener.apply(&options).unwrap();
    assert_eq!(mode(&name), before);
    listener.unlink();
    std::fs::remove_file(name).expect("still there");
}

#[test]
fn all_of_them_come_in_their_order_with_their_names() {
    let (name, dgram) = (path("all"), path("all-dgram"));
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp_port = tcp.local_addr().unwrap().port();
    let udp6 = UdpSocket::bind("[::1]:0").unwrap();
    let udp6_port = udp6.local_addr().unwrap().port();
    let hidden = format!("skep-{}", std::process::id());
    let abstract_name = net::SocketAddr::from_abstract_name(&hidden).unwrap();
    let file = std::fs::File::open("/dev/null").unwrap().into_raw_fd();
    let mut passed = passed([
        tcp.into_raw_fd(),
        file,
        UnixDatagram::bind(&dgram).unwrap().into_raw_fd(),
        udp6.into_raw_fd(),
        UnixListener::bind(&name).unwrap().into_raw_fd(),
        UnixDatagram::bind_addr(&abstract_name)
            .unwrap()
            .into_raw_fd(),
    ]);
    passed.left[3].1 = Some("dns".into());
    let all = passed.take_all().unwrap();
    let seen: Vec<_> = all
        .listeners
        .iter()
        .map(|l| (l.kind(), l.host().to_owned(), l.port(), l.name()))
        .collect();
    assert_eq!(
        seen,
        [
            (SocketType::Tcp, "127.0.0.1".into(), tcp_port, None),
            (SocketType::UnixDgram, dgram.clone(), 0, None),
            (SocketType::Udp6, "::1".into(), udp6_port, Some("dns")),
            (SocketType::UnixStream, name.clone(), 0, None),
            (SocketType::UnixDgram, format!("@{hidden}"), 0, None),
        ]
    );
    assert_eq!(all.skipped, [file]);
    drop(all);
    // SAFETY: opened above, skipped, so still ours and open.
    drop(unsafe { OwnedFd::from_raw_fd(file) });
    std::fs::remove_file(name).unwrap();
    std::fs::remove_file(dgram).unwrap();
}

#[test]
fn the_variables_count_for_the_process_they_name() {
    let told = |variables: &[(&str, &str)], pid| {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Vec::from(Passed::told(lookup, pid).left)
    };
    let ours = ("LISTEN_PID", "77");
    let two = ("LISTEN_FDS", "2");
    assert_eq!(told(&[ours, two], 77), [(3, None), (4, None)]);
    assert_eq!(told(&[ours, two], 78), [], "somebody else's");
    assert_eq!(told(&[two], 77), [], "nobody's");
    let named = told(&[ours, two, ("LISTEN_FDNAMES", "web:dns:more")], 77);
    assert_eq!(named, [(3, Some("web".into())), (4, Some("dns".into()))]);
    let named = told(&[ours, two, ("LISTEN_FDNAMES", "web")], 77);
    assert_eq!(named, [(3, Some("web".into())), (4, None)]);
    let started = |start| told(&[ours, two, ("LISTEN_FDS_START", start)], 77);
    assert_eq!(started("10"), [(10, None), (11, None)]);
    assert_eq!(
        started("0"),
        [(3, None), (4, None)],
        "not the standard streams"
    );
    assert_eq!(started("2147483647"), [(i32::MAX, None)]);
    for count in ["-1", "1025", "many", ""] {
        assert_eq!(told(&[ours, ("LISTEN_FDS", count)], 77), [], "{count:?}");
    }
}

#[test]
fn systemd_is_a_host_without_a_port() {
    assert!(is_systemd("SYSTEMD", 0));
    assert!(is_systemd("systemd", 0));
    assert!(!is_systemd("systemd", 1));
    assert!(!is_systemd("systemd.example", 0));
    let message = passed([]).take_all().unwrap_err().to_string();
    assert_eq!(message, "failed to add systemd socket");
}

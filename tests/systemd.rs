//! systemd's protocols: notification, watchdog, passed sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic is how a test fails"
)]

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use skep_tests::client::Client;
use skep_tests::daemon::Daemon;
use skep_tests::eventually::{eventually, monotonic_ms, patience};
use skep_tests::server::Builder;
use skep_tests::{process, server};

/// The service manager's end.
struct Manager {
    socket: UnixDatagram,
    name: String,
}

impl Manager {
    fn new() -> Manager {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("skep-test-{}-{number}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        socket.set_read_timeout(Some(patience())).unwrap();
        Manager {
            socket,
            name: format!("@{name}"),
        }
    }

    fn next(&self) -> String {
        let mut buffer = [0; 4096];
        let len = self.socket.recv(&mut buffer).expect("a notification");
        String::from_utf8(buffer[..len].to_vec()).unwrap()
    }

    fn assert_silent(&self) {
        self.socket.set_nonblocking(true).unwrap();
        let mut buffer = [0; 4096];
        let heard = self.socket.recv(&mut buffer);
        assert!(heard.is_err(), "{:?}", String::from_utf8_lossy(&buffer));
        self.socket.set_nonblocking(false).unwrap();
    }
}

fn service(manager: &Manager) -> Builder {
    server!("service")
        .sized(2, 1)
        .env("NOTIFY_SOCKET", &manager.name)
}

#[test]
fn ready_reloading_and_stopping_are_told_and_children_hear_nothing_of_it() {
    let manager = Manager::new();
    let server = service(&manager).start();
    let master = server.master();
    assert_eq!(manager.next(), format!("READY=1\nMAINPID={master}"));
    let mut client = server.connect();
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
        assert_eq!(client.ask(format!("!env {name}")), "unset");
    }
    drop(client);
    for signalled in [master, server.manager()] {
        let before = monotonic_ms();
        server.signal(signalled, Signal::SIGUSR1);
        let text = manager.next();
        let at = text
            .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
            .expect(&text);
        let at: u64 = at.parse().unwrap();
        assert!(
            (before..=monotonic_ms() + 1).contains(&(at / 1000)),
            "{at} since {before}"
        );
        assert_eq!(manager.next(), format!("READY=1\nMAINPID={master}"));
    }
    manager.assert_silent();
    server.stop();
    assert_eq!(manager.next(), "STOPPING=1");
    manager.assert_silent();
}

#[test]
fn ready_comes_when_start_callbacks_are_over_and_not_before() {
    let manager = Manager::new();
    let builder = service(&manager);
    let hold = builder.path("hold");
    let server = builder.env("SKEP_TEST_HOLD_START", hold.display()).start();
    // It has said READY to the test, in its start callback, which does not return yet.
    manager.assert_silent();
    std::fs::write(hold, "").unwrap();
    assert!(manager.next().starts_with("READY=1"));
    assert_eq!(server.connect().ask("served"), "served");
    server.stop();
}

#[test]
fn the_watchdog_is_fed_twice_in_its_time() {
    let manager = Manager::new();
    let server = service(&manager).env("WATCHDOG_USEC", 400_000).start();
    let mut fed = Vec::new();
    while fed.len() < 6 {
        if manager.next() == "WATCHDOG=1" {
            fed.push(Instant::now());
        }
    }
    let longest = fed.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    let total = fed[5] - fed[0];
    assert!(
        total >= Duration::from_millis(800),
        "{total:?} for 5 intervals"
    );
    assert!(longest < Duration::from_secs(4), "{longest:?}");
    // A master that hangs is not alive, whatever its threads do.
    server.signal(server.master(), Signal::SIGSTOP);
    while manager
        .socket
        .set_read_timeout(Some(Duration::from_millis(900)))
        .is_ok()
    {
        let mut buffer = [0; 64];
        if manager.socket.recv(&mut buffer).is_err() {
            break;
        }
    }
    server.signal(server.master(), Signal::SIGCONT);
    server.stop();
}

#[test]
fn a_watchdog_that_is_meant_for_another_process_is_not_fed() {
    let manager = Manager::new();
    let server = service(&manager)
        .env("WATCHDOG_USEC", 20_000)
        .env("WATCHDOG_PID", 1)
        .start();
    assert!(manager.next().starts_with("READY=1"));
    assert_eq!(server.connect().ask("!nap"), "0"); // a second
    manager.assert_silent();
    server.stop();
}

#[test]
fn a_daemon_tells_its_new_pid() {
    let manager = Manager::new();
    let builder = service(&manager).set("daemonize", 1);
    let pid_file = builder.path("pid");
    let (output, daemon) = Daemon::launch(builder.set("pid_file", pid_file.display()));
    assert!(output.status.success());
    let master = daemon.pid("pid");
    let mut heard = [manager.next(), manager.next()];
    heard.sort();
    assert_eq!(
        heard,
        [
            format!("MAINPID={master}\nREADY=1"),
            format!("READY=1\nMAINPID={master}")
        ],
        "from the launcher, whom systemd believes, and from the daemon"
    );
    daemon.end(master, Signal::SIGTERM);
}

/// Listening sockets are passed as standard input and moved by the shell, whose pid the server keeps.
fn passed(listener: &TcpListener, pid: &str, port: u16) -> Builder {
    let input = OwnedFd::from(listener.try_clone().unwrap());
    server!("service")
        .sized(1, 1)
        .input(input)
        .env("SKEP_TEST_PORT", port)
        .through(&format!(
            "exec 3<&0 </dev/null; export LISTEN_PID={pid} LISTEN_FDS=1 LISTEN_FDNAMES=web; exec \"$0\""
        ))
}

#[test]
fn a_passed_socket_of_the_same_address_is_used_and_outlives_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Connects before there is a server: nothing is lost, which is the point of passing sockets.
    let mut early = Client::connect(port).unwrap();
    let id = early.send("early");
    for _ in 0..2 {
        let mut server = passed(&listener, "$$", port).start();
        assert_eq!(server.port(), port);
        if server.events_named("start").len() == 1 {
            assert_eq!(server.connect().ask("hello"), "hello");
        }
        server.signal(server.master(), Signal::SIGTERM);
        let ended = server.master();
        eventually(patience(), || !process::is_alive(ended));
        assert!(Client::connect(port).is_ok(), "still ours");
        server.forget_port();
        server.await_end(patience());
    }
    assert_eq!(early.expect(id), "early");
}

#[test]
fn sockets_for_others_and_of_other_addresses_are_left_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Another pid: so the address is taken, and the server says so.
    let (output, _daemon) = Daemon::launch(passed(&listener, "1", port));
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("Address already in use"), "{text}");
    // Another address: the server binds its own, and descriptor 3 is what it was.
    let server = passed(&listener, "$$", 0).start();
    assert_ne!(server.port(), port);
    let open = process::descriptors(server.master());
    let third = open
        .iter()
        .find(|(number, _)| *number == 3)
        .expect("left open");
    assert!(
        third.1.to_string_lossy().starts_with("socket:"),
        "{third:?}"
    );
    server.stop();
}

#[test]
fn systemd_has_nothing_to_say_about_the_example_unit() {
    let unit = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../examples/systemd/skep-echo.service"
    );
    let said = std::process::Command::new("systemd-analyze")
        .args(["verify", unit])
        .output();
    let Ok(said) = said else {
        return eprintln!("SKIPPED: there is no systemd-analyze");
    };
    let text = [said.stdout, said.stderr].concat();
    assert_eq!(String::from_utf8_lossy(&text), "");
}

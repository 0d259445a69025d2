//! Datagram ports: who gets which datagram, who is told as its sender, what is sent by which socket, and what becomes
//! of datagrams when workers are slow or die.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::net::UdpSocket;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

use nix::sys::signal::Signal;
use nix::sys::socket::{setsockopt, sockopt};
use skep_tests::eventually::{eventually, patience};
use skep_tests::server::{Builder, Server};
use skep_tests::{process, server};

fn answers(ports: &str) -> Builder {
    server!("datagrams")
        .sized(2, 2)
        .env("SKEP_TEST_PORTS", ports)
}

/// Port number and descriptor of a port.
fn port(server: &Server, index: usize) -> (u16, i32) {
    let event = &server.events_named("port")[index];
    (event.number("port"), event.number("socket"))
}

/// End in good order; every address is free again.
#[track_caller]
fn end(mut server: Server) {
    let ports = server.events_named("port").len();
    let numbers: Vec<u16> = (0..ports).map(|index| port(&server, index).0).collect();
    server.forget_port(); // it is not one of TCP
    server.stop();
    for number in numbers.into_iter().filter(|number| *number > 0) {
        assert!(UdpSocket::bind(("127.0.0.1", number)).is_ok(), "{number}");
    }
}

/// A client of one port.
struct Udp {
    socket: UdpSocket,
    to: std::net::SocketAddr,
}

impl Udp {
    fn at(own: &str, server: &str, port: u16) -> Udp {
        let socket = UdpSocket::bind((own, 0)).unwrap();
        socket.set_read_timeout(Some(patience())).unwrap();
        let _ = setsockopt(&socket, sockopt::RcvBuf, &(1 << 20));
        let to = (server.parse::<std::net::IpAddr>().unwrap(), port).into();
        Udp { socket, to }
    }

    fn of(server: &Server) -> Udp {
        Udp::at("127.0.0.1", "127.0.0.1", port(server, 0).0)
    }

    fn number(&self) -> u16 {
        self.socket.local_addr().unwrap().port()
    }

    fn tell(&self, bytes: impl AsRef<[u8]>) {
        let sent = self.socket.send_to(bytes.as_ref(), self.to).unwrap();
        assert_eq!(sent, bytes.as_ref().len());
    }

    /// The next datagram, and the port it came from.
    #[track_caller]
    fn hear(&self) -> (Vec<u8>, u16) {
        let mut room = vec![0; 70_000];
        let (len, from) = self.socket.recv_from(&mut room).unwrap();
        room.truncate(len);
        (room, from.port())
    }

    #[track_caller]
    fn ask(&self, bytes: impl AsRef<[u8]>) -> String {
        self.tell(bytes);
        let (answer, from) = self.hear();
        assert_eq!(
            from,
            self.to.port(),
            "the answer comes from where the question went"
        );
        String::from_utf8(answer).unwrap()
    }

    #[track_caller]
    fn stat(&self, key: &str) -> u64 {
        let stats = self.ask("stats");
        let pairs = stats.split(' ').filter_map(|pair| pair.split_once('='));
        let mut found = pairs.filter(|(name, _)| *name == key);
        found.next().unwrap().1.parse().unwrap()
    }
}

/// A client of a unix port.
struct Unix {
    socket: UnixDatagram,
    to: std::path::PathBuf,
}

impl Unix {
    fn named(own: &Path, to: &Path) -> Unix {
        Unix::with(UnixDatagram::bind(own).unwrap(), to)
    }

    fn with(socket: UnixDatagram, to: &Path) -> Unix {
        socket.set_read_timeout(Some(patience())).unwrap();
        Unix {
            socket,
            to: to.into(),
        }
    }

    fn tell(&self, bytes: impl AsRef<[u8]>) {
        self.socket.send_to(bytes.as_ref(), &self.to).unwrap();
    }

    #[track_caller]
    fn ask(&self, bytes: impl AsRef<[u8]>) -> String {
        self.tell(bytes);
        let mut room = vec![0; 300_000];
        let (len, from) = self.socket.recv_from(&mut room).unwrap();
        assert_eq!(from.as_pathname(), Some(self.to.as_path()));
        room.truncate(len);
        String::from_utf8(room).unwrap()
    }
}

#[test]
fn sender_and_port_are_told_for_each_kind_of_socket() {
    let builder = server!("datagrams").sized(2, 2);
    let path = builder.path("server.sock");
    let ports = format!("udp 127.0.0.1\nudp6 ::1\nunix {}", path.display());
    let server = builder.env("SKEP_TEST_PORTS", ports).start();

    let v4 = Udp::of(&server);
    let (number, _) = port(&server, 0);
    let told = format!("127.0.0.1 {} {number} 0", v4.number());
    assert_eq!(v4.ask("who").split_once(' ').unwrap().1, told);

    let (number, socket) = port(&server, 1);
    let v6 = Udp::at("::1", "::1", number);
    let told = format!("::1 {} {number} 1", v6.number());
    assert_eq!(v6.ask("who").split_once(' ').unwrap().1, told);
    assert_eq!(v6.ask("socket"), socket.to_string());

    let named = Unix::named(&server.path("client.sock"), &path);
    let told = format!("{} 0 0 2", server.path("client.sock").display());
    assert_eq!(named.ask("who").split_once(' ').unwrap().1, told);

    let name = format!("skep-datagrams-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let hidden = Unix::with(UnixDatagram::bind_addr(&address).unwrap(), &path);
    let told = format!("\\x00{name} 0 0 2");
    assert_eq!(hidden.ask("who").split_once(' ').unwrap().1, told);

    let before: u64 = v4.ask("time").parse().unwrap();
    let after: u64 = v4.ask("time").parse().unwrap();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    assert!(before <= after && u128::from(after) <= now.as_micros());
    assert!(now.as_micros() - u128::from(before) < 60_000_000);
    end(server);
    assert!(!path.exists(), "the socket file is removed");
}

#[test]
fn an_anonymous_sender_has_no_address_and_cannot_be_answered() {
    let builder = server!("datagrams").sized(1, 1);
    let path = builder.path("server.sock");
    let ports = format!("unix {}", path.display());
    let server = builder.env("SKEP_TEST_PORTS", ports).start();
    let named = Unix::named(&server.path("client.sock"), &path);
    assert!(named.ask("who").contains("client.sock"));

    // Right behind it: what the kernel left of the one before must not be taken for this one's name.
    let anonymous = Unix::with(UnixDatagram::unbound().unwrap(), &path);
    anonymous.tell("who");
    assert_eq!(server.await_event("refused", 1).number::<i32>("code"), 505);
    assert!(
        named.ask("again").contains("again"),
        "it got nothing of the stranger's"
    );
    assert_eq!(named.ask("send -1  0"), "refused-505");
    assert_eq!(named.ask("send -1 /no/such/socket 0"), "refused-2");
    end(server);
}

#[test]
fn empty_and_largest_datagrams_arrive_whole() {
    let builder = server!("datagrams")
        .sized(2, 1)
        .set("worker_queue_size", "64K");
    let path = builder.path("server.sock");
    let ports = format!("udp 127.0.0.1\nunix {}", path.display());
    let server = builder.env("SKEP_TEST_PORTS", ports).start();
    let client = Udp::of(&server);
    assert_eq!(client.ask(""), "nothing");
    let unix = Unix::named(&server.path("client.sock"), &path);
    assert_eq!(unix.ask(""), "nothing");
    assert_eq!(server.events_named("empty").len(), 2);

    let largest: Vec<u8> = (0..65_507_u32)
        .map(|at| (at * 31 + at / 251) as u8 | 1)
        .collect();
    client.tell(&largest);
    assert!(client.hear().0 == largest, "65507 bytes, the very same");
    assert_eq!(client.ask("huge 65508"), "refused-90");

    let long = [b"length\0".as_slice(), &[b'x'; 190_000]].concat();
    let _ = setsockopt(&unix.socket, sockopt::SndBuf, &(1 << 20));
    assert_eq!(unix.ask(long), "190007");
    end(server);
}

#[test]
fn what_does_not_fit_is_dropped_and_the_log_says_so_once_in_a_second() {
    // Passed by a service manager that has given it small buffers: those say how long a datagram may be.
    let directory = server!("datagrams");
    let path = directory.path("passed.sock");
    let passed = UnixDatagram::bind(&path).unwrap();
    setsockopt(&passed, sockopt::SndBuf, &4096).unwrap();
    setsockopt(&passed, sockopt::RcvBuf, &4096).unwrap();
    let mut server = directory
        .sized(1, 1)
        .input(passed.try_clone().unwrap().into())
        .env("SKEP_TEST_PORTS", format!("unix {}", path.display()))
        .through("exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\"")
        .start();
    let client = Unix::named(&server.path("client.sock"), &path);
    setsockopt(&client.socket, sockopt::SndBuf, &(1 << 20)).unwrap();
    for _ in 0..5 {
        client.tell(vec![b'x'; 150_000]);
    }
    assert_eq!(client.ask("after"), "after");
    let stats = client.ask("stats");
    assert!(stats.contains("datagrams_dropped=5"), "{stats}");
    eventually(patience(), || {
        let log = server.log();
        let lines = log
            .lines()
            .filter(|line| line.contains("longer than the buffers"));
        let counts = lines.filter_map(|line| {
            let words = line.split(' ').collect::<Vec<_>>();
            let at = words.iter().position(|word| *word == "datagrams")?;
            words[at - 1].parse::<u64>().ok()
        });
        counts.sum::<u64>() == 5
    });
    assert!(server.log_count("longer than the buffers") <= 2);
    server.forget_port();
    server.signal(server.master(), Signal::SIGTERM);
    let ended = server.master();
    eventually(patience(), || !process::is_alive(ended));
    assert!(path.exists(), "not ours to remove");
    server.await_end(patience());
}

#[test]
fn a_client_has_one_worker_in_mode_2_and_its_datagrams_keep_their_order() {
    let server = answers("udp 127.0.0.1").sized(3, 2).start();
    let number = port(&server, 0).0;
    for last in 1..=6_u64 {
        let own = format!("127.0.0.{last}");
        // The address as a little-endian number, whatever the port.
        let worker = (127 + (last << 24)) % 3;
        for _ in 0..2 {
            let client = Udp::at(&own, "127.0.0.1", number);
            let told = client.ask("who");
            assert_eq!(
                told.split(' ').next(),
                Some(worker.to_string().as_str()),
                "{told}"
            );
        }
    }
    let client = Udp::of(&server);
    for start in (0..1000).step_by(50) {
        for number in start..start + 50 {
            client.tell(format!("note {number}"));
        }
        assert_eq!(client.ask("through"), "through"); // no more than fit the kernel's buffer at a time
    }
    let noted = server.events_named("noted");
    let numbers: Vec<u64> = noted.iter().map(|event| event.number("text")).collect();
    assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
    end(server);
}

#[test]
fn datagrams_rotate_in_mode_1_and_spread_in_mode_3() {
    for mode in [1, 3] {
        let server = answers("udp 127.0.0.1")
            .sized(3, 1)
            .set("dispatch_mode", mode)
            .start();
        eventually(patience(), || {
            server.events_named("worker_start").len() == 3
        });
        let client = Udp::of(&server);
        eventually(patience(), || client.stat("idle_worker_num") >= 2);
        let worker = || {
            client
                .ask("who")
                .split(' ')
                .next()
                .unwrap()
                .parse::<usize>()
                .unwrap()
        };
        let mut seen = [0; 3];
        if mode == 1 {
            (0..30).for_each(|_| seen[worker()] += 1_usize);
            assert_eq!(seen, [10, 10, 10]);
        } else {
            eventually(patience(), || {
                seen[worker()] += 1;
                !seen.contains(&0)
            });
        }
        end(server);
    }
}

#[test]
fn a_worker_that_dies_at_a_datagram_loses_this_one_and_no_other() {
    let server = answers("udp 127.0.0.1").start();
    let client = Udp::of(&server);
    client.tell("sleep 200");
    client.tell("die");
    client.tell("behind");
    assert_eq!(client.hear().0, b"slept");
    assert_eq!(client.hear().0, b"behind");
    assert_eq!(client.stat("requests_lost"), 1);
    server.await_log("last callback onPacket");
    // Those answered, and neither the one that died nor the one that asks.
    assert_eq!(client.stat("request_count"), 3);
    assert_eq!(client.stat("dispatch_count"), 6);
    assert_eq!(client.stat("total_recv_bytes"), 9 + 3 + 6 + 4 * 5);
    end(server);
}

#[test]
fn a_reload_lets_no_datagram_overtake_another_of_its_sender() {
    let server = answers("udp 127.0.0.1").sized(1, 1).start();
    let client = Udp::of(&server);
    client.tell("sleep 700");
    server.await_event("sleeping", 1);
    server.signal(server.master(), Signal::SIGUSR1);
    server.await_event("worker_start", 2);
    let other = Udp::at("127.0.0.1", "127.0.0.1", port(&server, 0).0);
    client.tell("later");
    assert_eq!(
        other.ask("other"),
        "other",
        "of another sender: served meanwhile"
    );
    assert_eq!(client.hear().0, b"slept");
    assert_eq!(client.hear().0, b"later");
    end(server);
}

#[test]
fn a_burst_waits_in_bounded_memory_while_the_worker_is_busy() {
    let server = answers("udp 127.0.0.1").sized(1, 1).start();
    let client = Udp::of(&server);
    assert_eq!(client.ask("warm"), "warm");
    let before = process::resident_bytes(server.master());
    client.tell("sleep 1000");
    server.await_event("sleeping", 1);
    let burst = [b"swallow\0".as_slice(), &[b'x'; 92]].concat();
    for _ in 0..10_000 {
        client.tell(&burst);
    }
    let grown = process::resident_bytes(server.master()).saturating_sub(before);
    assert!(grown < 6 << 20, "{grown} bytes more");
    assert_eq!(client.hear().0, b"slept");
    // What did not fit the kernel's buffer is lost; what was read is dealt with, and nothing of it was dropped.
    let short = Some(std::time::Duration::from_millis(200));
    client.socket.set_read_timeout(short).unwrap();
    eventually(patience(), || {
        client.tell("there?");
        client.socket.recv(&mut [0; 64]).is_ok()
    });
    end(server);
}

#[test]
fn one_stuck_worker_keeps_no_datagrams_from_the_others() {
    let server = answers("udp 127.0.0.1")
        .sized(3, 1)
        .set("worker_queue_size", "64K")
        .start();
    let number = port(&server, 0).0;
    let stuck = Udp::at("127.0.0.2", "127.0.0.1", number);
    let free = Udp::at("127.0.0.3", "127.0.0.1", number);
    assert!(stuck.ask("who").starts_with("0 ") && free.ask("who").starts_with("1 "));
    stuck.tell("sleep 3000");
    server.await_event("sleeping", 1);
    let before = process::resident_bytes(server.master());
    // The lane and what may be held take little more than 1 MiB; from then on it is dropped, and only for that worker.
    eventually(patience(), || {
        for _ in 0..50 {
            stuck.tell([b'x'; 4000]);
        }
        free.stat("datagrams_dropped") > 0
    });
    let grown = process::resident_bytes(server.master()).saturating_sub(before);
    assert!(grown < 6 << 20, "{grown} bytes more");
    server.await_log("their worker has no room");
    assert_eq!(free.ask("still"), "still");
    end(server); // what was read is answered: the exit code says so
}

#[test]
fn datagrams_are_sent_from_every_kind_of_process() {
    let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
    listener.set_read_timeout(Some(patience())).unwrap();
    let own = listener.local_addr().unwrap().port();
    let server = answers("udp 127.0.0.1")
        .sized(1, 1)
        .env("SKEP_TEST_GREET", format!("127.0.0.1 {own}"))
        .start();
    let mut greetings: Vec<String> = (0..3)
        .map(|_| {
            let mut room = [0; 100];
            let (len, from) = listener.recv_from(&mut room).unwrap();
            assert_eq!(from.port(), port(&server, 0).0, "by the socket of the port");
            String::from_utf8_lossy(&room[..len]).into_owned()
        })
        .collect();
    greetings.sort();
    assert_eq!(greetings, ["Manager", "Master", "Worker(0)"]);
    end(server);
}

#[test]
fn a_datagram_goes_out_by_the_last_port_of_its_kind_or_by_the_one_named() {
    let server = answers("udp 127.0.0.1\nudp 127.0.0.1\ntcp 127.0.0.1").start();
    let client = Udp::of(&server);
    let ((first, first_socket), (second, _)) = (port(&server, 0), port(&server, 1));
    let by = |socket: i32| {
        client.tell(format!("send {socket} localhost {}", client.number()));
        let (one, two) = (client.hear(), client.hear());
        let (hello, told) = if one.0 == b"hello" {
            (one, two)
        } else {
            (two, one)
        };
        assert_eq!(
            (hello.0.as_slice(), told.0.as_slice()),
            (b"hello".as_slice(), b"sent".as_slice())
        );
        hello.1
    };
    assert_eq!(by(-1), second);
    assert_eq!(by(first_socket), first);
    let tcp = port(&server, 2).1;
    for (command, code) in [
        (format!("send {tcp} 127.0.0.1 9"), 505),
        ("send 9999 127.0.0.1 9".into(), 505),
        ("send -1  9".into(), 505),
        ("send -1 ::1 9".into(), 507),
        ("send -1 /tmp/x 0".into(), 507),
        ("send -1 example.org 9".into(), 711),
        ("send -1 127.0.0.1 0".into(), 723),
        ("send -1 127.0.0.1 65536".into(), 723),
    ] {
        assert_eq!(client.ask(&command), format!("refused-{code}"), "{command}");
    }
    end(server);
}

#[test]
fn a_dual_stack_port_serves_and_sends_ipv4() {
    let server = answers("udp6 ::").start();
    let client = Udp::of(&server);
    assert!(client.ask("who").contains(" 127.0.0.1 "));
    client.tell(format!("send -1 127.0.0.1 {}", client.number()));
    let mut heard = [client.hear().0, client.hear().0];
    heard.sort();
    assert_eq!(heard, [b"hello".to_vec(), b"sent".to_vec()]);
    end(server);
}

#[test]
fn without_on_packet_datagrams_go_to_on_receive_and_send_answers_them() {
    let server = answers("udp 127.0.0.1")
        .env("SKEP_TEST_FALLBACK", 1)
        .start();
    let client = Udp::of(&server);
    assert_eq!(client.ask("hello"), "hello");
    assert_eq!(client.ask("again"), "again");
    assert_eq!(server.events_named("received")[0].session(), 0);
    assert_eq!(server.log_count("datagrams go to onReceive"), 1);
    end(server);
}

#[test]
fn processes_are_recycled_by_datagrams_too() {
    let server = answers("udp 127.0.0.1")
        .sized(1, 1)
        .set("max_request", 5)
        .start();
    let client = Udp::of(&server);
    for _ in 0..20 {
        assert_eq!(client.ask("one"), "one");
    }
    eventually(patience(), || {
        server.events_named("worker_start").len() >= 3
    });
    end(server);
}

#[test]
fn a_stop_answers_what_has_been_read() {
    let mut server = answers("udp 127.0.0.1").sized(3, 1).start();
    let number = port(&server, 0).0;
    let client = Udp::at("127.0.0.2", "127.0.0.1", number);
    let other = Udp::at("127.0.0.3", "127.0.0.1", number);
    client.tell("sleep 700");
    server.await_event("sleeping", 1);
    for number in 0..20 {
        client.tell(format!("late {number}"));
    }
    eventually(patience(), || other.stat("dispatch_count") > 21); // read, and waiting for the worker
    server.signal(server.master(), Signal::SIGTERM);
    assert_eq!(client.hear().0, b"slept");
    for number in 0..20 {
        assert_eq!(client.hear().0, format!("late {number}").as_bytes());
    }
    server.forget_port();
    let status = server.await_end(patience());
    assert_eq!(status.code(), Some(0), "{}", server.log());
}

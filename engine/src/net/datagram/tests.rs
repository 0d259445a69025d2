#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::net::{SocketAddr, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{self, UnixDatagram};
use std::time::{Duration, Instant};

use super::*;
use crate::net::listener::Listener;
use crate::net::options::{DATAGRAM_BUFFER, SocketOptions};
use crate::net::peer::UnixName;

fn bind(host: &str, kind: SocketType) -> Listener {
    Listener::bind(host, 0, kind, &SocketOptions::default()).unwrap()
}

fn path(name: &str) -> String {
    let file = format!("skep-datagram-{name}-{}", std::process::id());
    let path = std::env::temp_dir().join(file);
    let _ = std::fs::remove_file(&path); // of an earlier run with this pid
    path.to_str().unwrap().into()
}

/// The next `count` datagrams, as (sender, bytes, length if cut off).
fn take(
    batch: &mut Batch,
    socket: &Listener,
    count: usize,
) -> Vec<(Vec<u8>, Vec<u8>, Option<usize>)> {
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut taken = Vec::new();
    while taken.len() < count {
        assert!(Instant::now() < deadline, "{} of {count} came", taken.len());
        match batch.receive(socket.as_fd()) {
            Received::Datagrams(number) => {
                assert_eq!(batch.iter().count(), number);
                taken.extend(batch.iter().map(|datagram| {
                    let sender = datagram.peer.address();
                    (sender, datagram.bytes.to_vec(), datagram.truncated_from)
                }));
            }
            Received::WouldBlock => std::thread::sleep(Duration::from_millis(1)),
            Received::Broken(errno) => panic!("errno {errno}"),
        }
    }
    assert_eq!(batch.receive(socket.as_fd()), Received::WouldBlock);
    assert_eq!(batch.iter().count(), 0);
    taken
}

#[test]
fn many_datagrams_come_in_order_with_their_senders() {
    let socket = bind("127.0.0.1", SocketType::Udp);
    let mut batch = Batch::new(&socket, socket.kind()).unwrap();
    assert_eq!(batch.receive(socket.as_fd()), Received::WouldBlock);
    let senders: Vec<_> = (0..3)
        .map(|_| UdpSocket::bind("127.0.0.1:0").unwrap())
        .collect();
    let count = batch.capacity() * 2 + 1;
    for number in 0..count {
        let text = format!("number {number}");
        let sent = senders[number % 3].send_to(text.as_bytes(), ("127.0.0.1", socket.port()));
        sent.unwrap();
    }
    let mut number = 0;
    let deadline = Instant::now() + Duration::from_secs(10);
    while number < count {
        assert!(Instant::now() < deadline, "{number} of {count} came");
        let Received::Datagrams(came) = batch.receive(socket.as_fd()) else {
            continue;
        };
        assert!(came <= batch.capacity());
        for datagram in batch.iter() {
            let sender = senders[number % 3].local_addr().unwrap();
            assert_eq!(*datagram.peer, DatagramPeer::Ip(sender));
            assert_eq!(datagram.peer.port(), Some(sender.port()));
            assert_eq!(datagram.bytes, format!("number {number}").as_bytes());
            assert_eq!(datagram.truncated_from, None);
            number += 1;
        }
    }
}

#[test]
fn one_call_takes_what_fits_into_a_batch() {
    let name = path("batch");
    let socket = bind(&name, SocketType::UnixDgram); // what is sent to it is there when the call returns
    let mut batch = Batch::new(&socket, socket.kind()).unwrap();
    let client = UnixDatagram::unbound().unwrap();
    for _ in 0..batch.capacity() + 1 {
        client.send_to(b"one of them", &name).unwrap();
    }
    let full = batch.capacity();
    for expected in [
        Received::Datagrams(full),
        Received::Datagrams(1),
        Received::WouldBlock,
    ] {
        assert_eq!(batch.receive(socket.as_fd()), expected);
    }
    socket.unlink();
}

#[test]
fn the_largest_and_the_empty_datagram_come_whole() {
    let socket = bind("127.0.0.1", SocketType::Udp);
    let mut batch = Batch::new(&socket, socket.kind()).unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let largest = vec![b'm'; 65507];
    for bytes in [&largest[..], b"", b"x"] {
        sender.send_to(bytes, ("127.0.0.1", socket.port())).unwrap();
    }
    let taken = take(&mut batch, &socket, 3);
    let seen: Vec<_> = taken
        .into_iter()
        .map(|(_, bytes, cut)| (bytes, cut))
        .collect();
    assert_eq!(
        seen,
        [(largest, None), (vec![], None), (b"x".to_vec(), None)]
    );
}

#[test]
fn a_dual_stack_socket_hears_and_answers_both_families() {
    let socket = bind("::", SocketType::Udp);
    assert_eq!(socket.kind(), SocketType::Udp6);
    let mut batch = Batch::new(&socket, socket.kind()).unwrap();
    for host in ["127.0.0.1", "::1"] {
        let client = UdpSocket::bind((host, 0)).unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        client.send_to(b"question", (host, socket.port())).unwrap();
        let (sender, bytes, _) = take(&mut batch, &socket, 1).remove(0);
        assert_eq!((&*sender, &*bytes), (host.as_bytes(), &b"question"[..]));
        let port = client.local_addr().unwrap().port();
        let target = Target::parse(&sender, port.into()).unwrap();
        socket.send_to(b"answer", &target).unwrap();
        let mut answer = [0; 20];
        let (count, from) = client.recv_from(&mut answer).unwrap();
        assert_eq!(&answer[..count], b"answer");
        assert_eq!(from, SocketAddr::new(host.parse().unwrap(), socket.port()));
    }
}

#[test]
fn an_anonymous_sender_is_nobody_and_never_the_one_before() {
    let name = path("server");
    let socket = bind(&name, SocketType::UnixDgram);
    let mut batch = Batch::new(&socket, socket.kind()).unwrap();
    let named = path("client");
    let hidden = format!("skep-datagram-{}", std::process::id());
    let hidden_address = net::SocketAddr::from_abstract_name(&hidden).unwrap();
    let clients = [
        UnixDatagram::bind(&named).unwrap(),
        UnixDatagram::unbound().unwrap(),
        UnixDatagram::bind_addr(&hidden_address).unwrap(),
        UnixDatagram::unbound().unwrap(),
    ];
    let hidden = format!("\0{hidden}");
    let shown = [named.as_bytes(), b"", hidden.as_bytes(), b""];
    // One call for all, and one call each: names are left over between calls as well as within one.
    for at_once in [true, false] {
        let mut taken = Vec::new();
        for client in &clients {
            client.send_to(b"who am I", &name).unwrap();
            if !at_once {
                taken.extend(take(&mut batch, &socket, 1));
            }
        }
        if at_once {
            taken = take(&mut batch, &socket, clients.len());
        }
        let senders: Vec<_> = taken.iter().map(|(sender, _, _)| &sender[..]).collect();
        assert_eq!(senders, shown, "at once: {at_once}");
    }
    for (place, client) in clients.iter().enumerate() {
        client.set_nonblocking(true).unwrap();
        let Ok(target) = Target::parse(shown[place], 0) else {
            assert_eq!(shown[place], b"");
            continue;
        };
        socket.send_to(b"you", &target).unwrap();
        let mut answer = [0; 8];
        let (count, from) = client.recv_from(&mut answer).unwrap();
        assert_eq!(
            (&answer[..count], from.as_pathname()),
            (&b"you"[..], Some(name.as_ref()))
        );
    }
    std::fs::remove_file(named).unwrap();
    socket.unlink();
}

#[test]
fn unix_datagrams_of_any_length_come_whole_or_say_how_long_they_were() {
    let name = path("long");
    let socket = bind(&name, SocketType::UnixDgram);
    let client = UnixDatagram::unbound().unwrap();
    option::set(&client, option::SO_SNDBUF, DATAGRAM_BUFFER).unwrap();
    // The longest that a sender is allowed that has asked for as much as we have.
    let room = option::get(&client, option::SO_SNDBUF).unwrap() as usize;
    let mut batch = Batch::new(&socket, socket.kind()).unwrap();
    let mut largest: Vec<u8> = (0..room).map(|place| place as u8).collect();
    loop {
        match client.send_to(&largest, &name) {
            Ok(_) => break,
            Err(_) => largest.truncate(largest.len() - 32),
        }
        assert!(largest.len() > 131_072, "no long datagram can be sent");
    }
    let taken = take(&mut batch, &socket, 1);
    assert_eq!((taken[0].1.len(), taken[0].2), (largest.len(), None));
    assert!(taken[0].1 == largest);

    // Empty ones, too.
    client.send_to(b"", &name).unwrap();
    assert_eq!(take(&mut batch, &socket, 1), [(vec![], vec![], None)]);

    // And with too little room the real length is told, and the next one is not touched.
    let mut small = Batch::with_room(100, 2);
    client.send_to(&largest, &name).unwrap();
    client.send_to(b"next", &name).unwrap();
    let taken = take(&mut small, &socket, 2);
    assert_eq!(taken[0].1, &largest[..100]);
    assert_eq!(taken[0].2, Some(largest.len()));
    assert_eq!((&*taken[1].1, taken[1].2), (&b"next"[..], None));
    socket.unlink();
}

#[test]
fn what_the_kernel_refuses_has_its_errno() {
    let udp = bind("127.0.0.1", SocketType::Udp);
    let target = Target::Ip(SocketAddr::from(([127, 0, 0, 1], udp.port())));
    udp.send_to(&vec![0; 65507], &target).unwrap();
    assert_eq!(udp.send_to(&vec![0; 65508], &target), Err(libc::EMSGSIZE));
    let v6 = Target::parse(b"::1", 9).unwrap();
    assert_eq!(udp.send_to(b"x", &v6), Err(libc::EAFNOSUPPORT));

    let name = path("refuses");
    let unix = bind(&name, SocketType::UnixDgram);
    let nowhere = Target::Path(UnixName::new(b"/nowhere/at/all").unwrap());
    assert_eq!(unix.send_to(b"x", &nowhere), Err(libc::ENOENT));
    let nobody = Target::parse(b"\0skep nobody has this name", 0).unwrap();
    assert_eq!(unix.send_to(b"x", &nobody), Err(libc::ECONNREFUSED));
    // A full queue is no reason to wait.
    let itself = Target::parse(name.as_bytes(), 0).unwrap();
    let full = (0..100_000).find_map(|_| unix.send_to(b"x", &itself).err());
    assert_eq!(full, Some(libc::EAGAIN));
    unix.unlink();
}

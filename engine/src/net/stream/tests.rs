#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use super::*;
use crate::net::alone::run_alone;
use crate::sys::file;

/// A connection: our end (non-blocking), and the client's.
fn tcp() -> (OwnedFd, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (ours, _) = listener.accept().unwrap();
    ours.set_nonblocking(true).unwrap();
    (ours.into(), client)
}

fn unix() -> (OwnedFd, UnixStream) {
    let (ours, client) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (ours.into(), client)
}

#[test]
fn slices_arrive_as_one_text() {
    let (ours, mut client) = tcp();
    let slices = [&b"one "[..], b"", b"two ", b"three"].map(IoSlice::new);
    assert_eq!(write_gathered(&ours, &slices, false), Io::Bytes(13));
    let mut text = [0; 13];
    client.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"one two three");
    // More slices than the kernel takes: the first of them.
    let many = vec![IoSlice::new(b"x"); 1500];
    assert_eq!(write_gathered(&ours, &many, false), Io::Bytes(1024));
}

#[test]
fn a_full_socket_takes_a_part_and_then_nothing() {
    let (ours, mut client) = unix();
    let piece = vec![b'p'; 300_000];
    let slices = [IoSlice::new(&piece), IoSlice::new(&piece)];
    let mut written = 0;
    loop {
        match write_gathered(&ours, &slices, false) {
            Io::Bytes(count) => written += count,
            Io::WouldBlock => break,
            Io::Broken(errno) => panic!("errno {errno}"),
        }
    }
    assert!(written > 0);
    drop(ours);
    let mut all = Vec::new();
    client.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), written);
}

#[test]
fn a_file_is_sent_from_where_it_was_left() {
    let content: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let memory = file::memfd("skep-test", &content).unwrap();
    for (ours, mut client) in [readable(tcp()), readable(unix())] {
        let head = [IoSlice::new(b"head")];
        assert_eq!(write_gathered(&ours, &head, true), Io::Bytes(4));
        let reader = std::thread::spawn(move || {
            let mut all = Vec::new();
            client.read_to_end(&mut all).unwrap();
            all
        });
        let mut offset = 1000;
        let end = 2_500_000;
        while offset < end {
            let left = end - offset;
            match send_file(&ours, memory.as_fd(), &mut offset, left) {
                Io::Bytes(count) => assert!(count > 0),
                Io::WouldBlock => std::thread::yield_now(),
                Io::Broken(errno) => panic!("errno {errno}"),
            }
        }
        assert_eq!(offset, end);
        drop(ours);
        let all = reader.join().unwrap();
        assert!(all[..4] == *b"head" && all[4..] == content[1000..end as usize]);
    }
}

fn readable<R: Read + Send + 'static>(ends: (OwnedFd, R)) -> (OwnedFd, Box<dyn Read + Send>) {
    (ends.0, Box::new(ends.1))
}

#[test]
fn the_end_of_a_file_is_no_bytes_and_a_bad_offset_is_refused() {
    let (ours, _client) = tcp();
    let memory = file::memfd("skep-test", b"0123456789").unwrap();
    let mut offset = 6;
    let socket = &ours;
    assert_eq!(
        send_file(socket, memory.as_fd(), &mut offset, 100),
        Io::Bytes(4)
    );
    assert_eq!(
        send_file(socket, memory.as_fd(), &mut offset, 90),
        Io::Bytes(0)
    );
    assert_eq!(offset, 10);
    let mut offset = u64::MAX;
    let refused = send_file(socket, memory.as_fd(), &mut offset, 1);
    assert_eq!((refused, offset), (Io::Broken(libc::EINVAL), u64::MAX));
    let directory = File::open("/").unwrap();
    let refused = send_file(socket, directory.as_fd(), &mut 0, 1);
    assert!(matches!(refused, Io::Broken(_)), "{refused:?}");
}

#[test]
fn a_broken_connection_is_an_errno_and_no_signal() {
    run_alone("net::stream::tests::alone_with_a_deadly_sigpipe");
}

#[test]
#[ignore = "a SIGPIPE ends the process: run in one of its own by the test above"]
fn alone_with_a_deadly_sigpipe() {
    let deadly = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default action is no function of ours.
    unsafe { sigaction(Signal::SIGPIPE, &deadly) }.unwrap();
    let memory = file::memfd("skep-test", b"0123456789").unwrap();
    let slices = [IoSlice::new(b"text")];
    for _ in 0..2 {
        let (ours, client) = unix();
        drop(client);
        assert_eq!(write(&ours, b"text"), Io::Broken(libc::EPIPE));
        assert_eq!(
            write_gathered(&ours, &slices, false),
            Io::Broken(libc::EPIPE)
        );
        let sent = send_file(&ours, memory.as_fd(), &mut 0, 10);
        assert_eq!(sent, Io::Broken(libc::EPIPE));
        assert!(!SigSet::thread_get_mask().unwrap().contains(Signal::SIGPIPE));
    }
}

#[test]
fn a_reset_is_a_reset_where_there_is_one() {
    let (ours, mut client) = tcp();
    assert_eq!(write(&ours, b"never mind"), Io::Bytes(10));
    reset_at_close(&ours);
    drop(ours);
    let mut all = Vec::new();
    let error = client.read_to_end(&mut all).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);

    let (ours, mut client) = unix();
    reset_at_close(&ours);
    drop(ours);
    assert_eq!(client.read(&mut [0; 4]).unwrap(), 0);
}

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs::File;
use std::io::Read;

use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::pipe;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

/// A pipe: its reading end says whether somebody still holds the other one.
fn watched() -> (File, OwnedFd) {
    let (read, write) = pipe().unwrap();
    (File::from(read), write)
}

fn assert_closed(mut read: File) {
    assert_eq!(read.read(&mut [0; 1]).unwrap(), 0, "end of file");
}

fn send_raw(sender: &Sender, bytes: &[u8], descriptors: &[RawFd]) {
    let rights = [ControlMessage::ScmRights(descriptors)];
    let rights: &[_] = if descriptors.is_empty() { &[] } else { &rights };
    let slices = [IoSlice::new(bytes)];
    sendmsg::<()>(
        sender.0.as_raw_fd(),
        &slices,
        rights,
        MsgFlags::MSG_NOSIGNAL,
        None,
    )
    .unwrap();
}

#[test]
fn a_descriptor_arrives_under_its_ticket_and_works() {
    let (sender, receiver) = pair().unwrap();
    assert!(receiver.receive_all().is_empty());
    let mut arrivals = Arrivals::new(5000);
    let (mut read, write) = watched();
    let (read2, write2) = watched();
    sender.send(u64::MAX, write.as_fd(), PATIENCE).unwrap();
    sender.send(7, write2.as_fd(), PATIENCE).unwrap();
    drop((write, write2)); // what was sent needs ours no more
    arrivals.collect(&receiver, 100);
    assert!(arrivals.take(8).is_none());
    let there = arrivals.take(u64::MAX).unwrap();
    assert!(arrivals.take(u64::MAX).is_none(), "once");
    assert_eq!(fcntl(&there, FcntlArg::F_GETFD).unwrap(), libc::FD_CLOEXEC);
    nix::unistd::write(&there, b"through").unwrap();
    drop(there);
    let mut text = String::new();
    read.read_to_string(&mut text).unwrap();
    assert_eq!(text, "through");
    drop(arrivals.take(7).unwrap());
    assert_closed(read2);
}

#[test]
fn what_nobody_asks_for_is_closed_when_it_is_old() {
    let (sender, receiver) = pair().unwrap();
    let mut arrivals = Arrivals::new(1000);
    assert_eq!(arrivals.expire(u64::MAX), 0);
    let (read, write) = watched();
    sender.send(1, write.as_fd(), PATIENCE).unwrap();
    drop(write);
    arrivals.collect(&receiver, 5000);
    let (read2, write2) = watched();
    arrivals.add(2, Some(write2), 5500);
    assert_eq!(arrivals.expire(5999), 0);
    assert_eq!(arrivals.expire(6000), 1);
    assert_closed(read);
    assert!(arrivals.take(2).is_some_and(|kept| {
        drop(kept);
        true
    }));
    assert_closed(read2);
}

#[test]
fn the_number_on_the_way_is_not_that_of_datagram_queues() {
    let (sender, receiver) = pair().unwrap();
    let length = std::fs::read_to_string("/proc/sys/net/unix/max_dgram_qlen").unwrap();
    let length: u64 = length.trim().parse().unwrap();
    let (read, write) = watched();
    // Nobody reads, so nothing may have to wait.
    let count = (length * 4).clamp(64, 150);
    for ticket in 0..count {
        sender.send(ticket, write.as_fd(), Duration::ZERO).unwrap();
    }
    drop(write);
    let came = receiver.receive_all();
    assert!(
        came.iter().map(|(ticket, _)| *ticket).eq(0..count),
        "in order"
    );
    assert!(came.iter().all(|(_, descriptor)| descriptor.is_some()));
    drop(came);
    assert_closed(read);
}

#[test]
fn a_sender_waits_for_room_and_not_for_ever() {
    let (sender, receiver) = pair().unwrap();
    let (_read, write) = watched();
    let mut sent = 0;
    let refused = loop {
        match sender.send(sent, write.as_fd(), Duration::from_millis(20)) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        assert!(sent < 100_000, "no end of room");
    };
    assert_eq!(refused.kind(), io::ErrorKind::TimedOut);

    let came = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| sender.send(sent, write.as_fd(), PATIENCE));
        let mut came = Vec::new();
        while !waiting.is_finished() {
            came.extend(receiver.receive_all());
        }
        waiting.join().unwrap().unwrap();
        came.extend(receiver.receive_all());
        came
    });
    assert!(came.iter().map(|(ticket, _)| *ticket).eq(0..=sent));
}

#[test]
fn several_senders_do_not_get_into_each_other() {
    let (sender, receiver) = pair().unwrap();
    let (_read, write) = watched();
    let mut came = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4u64)
            .map(|thread| {
                let (sender, write) = (&sender, &write);
                scope.spawn(move || {
                    for number in 0..200 {
                        let ticket = thread << 32 | number;
                        sender.send(ticket, write.as_fd(), PATIENCE).unwrap();
                    }
                })
            })
            .collect();
        let mut came = Vec::new();
        while !threads.iter().all(|thread| thread.is_finished()) {
            came.extend(receiver.receive_all());
        }
        came.extend(receiver.receive_all());
        came
    });
    assert_eq!(came.len(), 800);
    assert!(came.iter().all(|(_, descriptor)| descriptor.is_some()));
    came.sort_by_key(|(ticket, _)| ticket >> 32); // stable
    for (place, (ticket, _)) in came.iter().enumerate() {
        assert_eq!(
            ticket & 0xffff_ffff,
            place as u64 % 200,
            "each in its order"
        );
    }
}

#[test]
fn a_dead_receiver_is_an_error_and_dead_senders_are_not() {
    let (sender, receiver) = pair().unwrap();
    let (_read, write) = watched();
    drop(receiver);
    let refused = sender.send(1, write.as_fd(), PATIENCE).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::BrokenPipe);

    let (sender, receiver) = pair().unwrap();
    sender.send(1, write.as_fd(), PATIENCE).unwrap();
    drop(sender);
    assert_eq!(receiver.receive_all().len(), 1, "what was sent has arrived");
    assert!(receiver.receive_all().is_empty());
}

#[test]
fn too_many_descriptors_are_all_closed() {
    for surplus in [2, ROOM, ROOM + 1, 30] {
        let (sender, receiver) = pair().unwrap();
        let (read, write) = watched();
        let many = vec![write.as_raw_fd(); surplus];
        send_raw(&sender, &9u64.to_le_bytes(), &many);
        sender.send(10, write.as_fd(), PATIENCE).unwrap();
        drop(write);
        let mut came = receiver.receive_all();
        assert_eq!(came.len(), 2);
        assert!(matches!(came[0], (9, None)), "{surplus}");
        let good = came.pop().unwrap();
        assert!(matches!(good, (10, Some(_))), "{surplus}");
        drop(good);
        assert_closed(read);
    }
}

#[test]
fn a_message_of_another_kind_is_thrown_away_with_what_it_brings() {
    let (sender, receiver) = pair().unwrap();
    let (read, write) = watched();
    for bytes in [&b"short"[..], b"much longer than a ticket", b"123456789"] {
        send_raw(&sender, bytes, &[write.as_raw_fd()]);
    }
    send_raw(&sender, &3u64.to_le_bytes(), &[]);
    drop(write);
    let came = receiver.receive_all();
    assert!(matches!(came[..], [(3, None)]), "{came:?}");
    assert_closed(read);
}

#[test]
fn a_receiver_without_descriptors_learns_what_was_lost() {
    crate::net::alone::run_alone("net::handover::tests::alone_without_descriptors");
}

#[test]
#[ignore = "takes every descriptor: run in a process of its own by the test above"]
fn alone_without_descriptors() {
    let (sender, receiver) = pair().unwrap();
    let (read, write) = watched();
    sender.send(1, write.as_fd(), PATIENCE).unwrap();
    sender.send(2, write.as_fd(), PATIENCE).unwrap();
    let mut full = crate::net::alone::take_all();
    full.pop();
    let came = receiver.receive_all();
    assert!(matches!(came[..], [(1, Some(_)), (2, None)]), "{came:?}");
    drop((came, write));
    assert_closed(read);
}

//! Descriptors that are closed while they are watched. What is kept open by a second descriptor here is so by a forked child
//! in life.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use super::EventLoop;
use crate::sys::poller::Readiness;

const READ: Readiness = Readiness {
    read: true,
    write: false,
};

/// Turns that would not be needed: a few, for what is seen late.
const FEW: u32 = 50;

/// A loop that counts its turns.
fn counting() -> (Rc<EventLoop>, Rc<Cell<u32>>) {
    let own = EventLoop::new();
    let turns = Rc::new(Cell::new(0));
    let count = Rc::clone(&turns);
    own.each_turn(
        true,
        Some(Box::new(move |_| {
            count.set(count.get() + 1);
            Ok(())
        })),
    );
    (own, turns)
}

fn watch(own: &EventLoop, fd: RawFd) -> Rc<Cell<u32>> {
    let calls = Rc::new(Cell::new(0));
    let count = Rc::clone(&calls);
    let callback = move |_: Option<&_>, _, _| {
        count.set(count.get() + 1);
        Ok(())
    };
    assert_eq!(own.watch(fd, READ, Box::new(callback)), Ok(()));
    calls
}

/// Run the loop for a while.
fn run(own: &EventLoop) {
    own.after(200, Box::new(|_, _| Ok(()))).unwrap();
    own.run().unwrap();
}

#[test]
fn a_loop_ends_when_all_it_watched_is_closed() {
    let (own, _) = counting();
    let pairs: Vec<_> = (0..100).map(|_| UnixStream::pair().unwrap()).collect();
    for (watched, _) in &pairs {
        watch(&own, watched.as_raw_fd());
    }
    assert_eq!(own.watches(), 100);
    let closed = RefCell::new(Some(pairs));
    own.after(
        5,
        Box::new(move |_, _| {
            closed.take();
            Ok(())
        }),
    )
    .unwrap();
    own.run().unwrap();
    assert_eq!(own.watches(), 0);
}

#[test]
fn what_is_closed_and_kept_open_by_others_is_not_told_of_any_more() {
    let (own, turns) = counting();
    let (watched, mut peer) = UnixStream::pair().unwrap();
    let kept = watched.try_clone().unwrap();
    let calls = watch(&own, watched.as_raw_fd());
    drop(watched);
    peer.write_all(b"x").unwrap();
    run(&own);
    assert!(turns.get() < FEW, "{} turns", turns.get());
    assert!(calls.get() < FEW, "{} calls", calls.get());
    assert_eq!(own.watches(), 0);
    drop(kept);
}

#[test]
fn what_is_closed_before_it_is_taken_away_does_not_keep_the_loop_turning() {
    let (own, turns) = counting();
    let (watched, mut peer) = UnixStream::pair().unwrap();
    let kept = watched.try_clone().unwrap();
    let fd = watched.as_raw_fd();
    let calls = watch(&own, fd);
    drop(watched);
    assert!(own.unwatch(fd));
    peer.write_all(b"x").unwrap();
    run(&own);
    assert!(turns.get() < FEW, "{} turns", turns.get());
    assert_eq!(calls.get(), 0);
    drop(kept);
}

#[test]
fn a_number_that_is_used_again_belongs_to_the_new_one() {
    let (own, turns) = counting();
    let (mut other, mut other_peer) = UnixStream::pair().unwrap();
    other.set_nonblocking(true).unwrap();
    let (watched, mut peer) = UnixStream::pair().unwrap();
    let kept = watched.try_clone().unwrap();
    let fd = watched.as_raw_fd();
    let old_calls = watch(&own, fd);
    drop(watched);
    peer.write_all(b"x").unwrap();
    let mut again = Vec::new();
    while again
        .last()
        .is_none_or(|one: &UnixStream| one.as_raw_fd() != fd)
    {
        again.push(other.try_clone().unwrap()); // the lowest free number, but for what other tests take and give back
        assert!(again.len() < 500);
    }
    let heard = Rc::new(RefCell::new(Vec::new()));
    let hears = Rc::clone(&heard);
    let callback = move |_: Option<&_>, _, _| {
        let mut buffer = [0; 10];
        while let Ok(count @ 1..) = other.read(&mut buffer) {
            hears.borrow_mut().extend_from_slice(&buffer[..count]);
        }
        Ok(())
    };
    assert_eq!(own.watch(fd, READ, Box::new(callback)), Ok(()));
    other_peer.write_all(b"hello").unwrap();
    run_while_watching(&own, fd);
    other_peer.write_all(b", again").unwrap();
    run_while_watching(&own, fd);
    assert_eq!(&*heard.borrow(), b"hello, again");
    assert_eq!(old_calls.get(), 0);
    assert!(turns.get() < 2 * FEW, "{} turns", turns.get());
    assert!(own.unwatch(fd));
    drop((kept, again));
}

/// Run the loop for a while, although it watches something that stays.
fn run_while_watching(own: &Rc<EventLoop>, fd: RawFd) {
    let stop = Rc::clone(own);
    own.after(
        200,
        Box::new(move |_, _| {
            stop.exit();
            Ok(())
        }),
    )
    .unwrap();
    own.run().unwrap();
    assert!(own.watched(fd).is_some());
}

//! loom models of lane and doorbell: every interleaving, and every value a load may return, within
//! a bound on preemptions (`.ci/loom.sh`).
//!
//! They run the code of [`super::lane`] and [`BellState`]; only the kernel's part is replaced, an
//! eventfd by a flag under a mutex. A lost wake-up is a deadlock, which loom reports; a frame read
//! before it is complete or overwritten before it is read is a conflict on the lane's `Watch`.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use loom::sync::{Arc, Condvar, Mutex};
use loom::{model, thread};

use super::doorbell::BellState;
use super::frame::{Head, Kind};
use super::lane::{LaneReader, LaneWriter, Payload, Push, Received, Ring, Verdict};
use crate::sync::Ordering::SeqCst;
use crate::sync::modelled::fence;

/// A doorbell with an eventfd's behaviour: rings before the wait are not lost, several are one.
#[derive(Default)]
struct Bell {
    state: BellState,
    rung: Mutex<bool>,
    waker: Condvar,
}

impl Bell {
    fn ring(&self) {
        self.state.ring(|| self.notify());
    }

    fn ring_if_asleep(&self) {
        fence(SeqCst); // (A)
        self.state.ring_if_asleep(|| self.notify());
    }

    fn notify(&self) {
        *self.rung.lock().unwrap() = true;
        self.waker.notify_one();
    }

    fn sleep(&self) {
        let mut rung = self.rung.lock().unwrap();
        while !*rung {
            rung = self.waker.wait(rung).unwrap();
        }
        *rung = false;
    }
}

fn lane(capacity: usize) -> (LaneWriter, LaneReader) {
    let ring = Ring::on_heap(capacity);
    (LaneWriter::attach(ring.twin()), LaneReader::attach(ring))
}

/// The owner of a mailbox with this one lane, until it has `count` messages: each whole and in order.
fn consume(lane: &mut LaneReader, count: u8, own: &Bell, sender: &Bell) {
    let mut next = 0;
    while next < count {
        let received = lane.receive(|head, payload| {
            assert_eq!(head, Head::new(Kind::Send, next.into(), 7));
            let Payload::Borrowed(bytes) = payload else {
                panic!("a short message came in pieces");
            };
            assert_eq!(bytes, [next; 8]);
            next += 1;
            Verdict::Done
        });
        match received {
            Received::Handled(room) => {
                if room {
                    sender.ring();
                }
                continue;
            }
            Received::Nothing => {}
            other => panic!("{other:?}"),
        }
        // `Mailbox::may_sleep`, `Parker::park` and `Mailbox::awake`.
        own.state.announce_sleep();
        let empty = lane.is_empty();
        if lane.room_was_wanted() {
            sender.ring();
        }
        if empty {
            own.sleep();
        }
        own.state.announce_awake();
    }
}

/// A sender that waits for room, then rings once at the end.
fn produce(lane: &mut LaneWriter, count: u8, own: &Bell, receiver: &Bell) {
    for number in 0..count {
        let head = Head::new(Kind::Send, number.into(), 7);
        while lane.push(head, &[number; 8], &mut 0) == Push::Full {
            receiver.ring_if_asleep();
            if lane.want_room(lane.half()) {
                own.sleep();
            }
        }
    }
    receiver.ring_if_asleep();
}

fn run(capacity: usize, count: u8) {
    let (mut writer, mut reader) = lane(capacity);
    let bells = Arc::new((Bell::default(), Bell::default()));
    let receiver = thread::spawn({
        let bells = bells.clone();
        move || consume(&mut reader, count, &bells.1, &bells.0)
    });
    produce(&mut writer, count, &bells.0, &bells.1);
    receiver.join().unwrap();
    assert!(writer.is_drained());
}

/// The lane never fills (a frame takes 32 bytes): doorbell and publication alone.
#[test]
fn a_sleeper_is_woken_and_no_frame_is_torn() {
    model(|| run(128, 3));
}

/// Two frames fill the lane: both sides sleep and wake each other, and the ring is written over.
#[test]
fn a_producer_that_waits_for_room_is_woken() {
    model(|| run(64, 4));
}

/// Two senders with a lane each, one bell: whoever rings, all is seen.
#[test]
fn one_bell_serves_two_senders() {
    model(|| {
        let bell = Arc::new(Bell::default());
        let mut readers = Vec::new();
        let mut senders = Vec::new();
        for _ in 0..2 {
            let (mut writer, reader) = lane(64);
            readers.push(reader);
            let bell = bell.clone();
            senders.push(thread::spawn(move || {
                let head = Head::new(Kind::Send, 0, 0);
                assert_eq!(writer.push(head, &[1; 8], &mut 0), Push::Whole);
                bell.ring_if_asleep();
            }));
        }
        let mut received = 0;
        loop {
            for lane in &mut readers {
                while lane.receive(|_, _| Verdict::Done) != Received::Nothing {
                    received += 1;
                }
            }
            if received == 2 {
                break;
            }
            bell.state.announce_sleep();
            if readers.iter_mut().all(LaneReader::is_empty) {
                bell.sleep();
            }
            bell.state.announce_awake();
        }
        senders
            .into_iter()
            .for_each(|sender| sender.join().unwrap());
    });
}

/// The producer takes back what the consumer has not begun: each message is handled on exactly one side.
#[test]
fn a_message_is_begun_or_recalled_and_never_both() {
    model(|| {
        let (mut writer, mut reader) = lane(128);
        for number in 0..2 {
            let head = Head::new(Kind::Receive, number, 0);
            assert_eq!(writer.push(head, &[1; 8], &mut 0), Push::Whole);
        }
        let consumer = thread::spawn(move || {
            let mut handled = 0;
            while matches!(
                reader.receive(|head, _| {
                    assert_eq!(head.session, handled);
                    handled += 1;
                    Verdict::Done
                }),
                Received::Handled(_)
            ) {}
            handled
        });
        let recalled = writer.recall();
        let handled = consumer.join().unwrap();
        let back: Vec<u64> = recalled
            .messages
            .iter()
            .map(|(head, _)| head.session)
            .collect();
        assert_eq!(back, (handled..2).collect::<Vec<_>>());
        assert!(writer.is_drained());
    });
}

/// The producer takes back what a consumer that stays has not begun, and pushes it again: each message is handled once,
/// in order, and no byte is written that the consumer may still look at.
#[test]
fn a_message_that_was_taken_back_can_be_pushed_again() {
    model(|| {
        let (mut writer, mut reader) = lane(64);
        let head = |number| Head::new(Kind::Receive, number, 0);
        assert_eq!(writer.push(head(0), &[1; 8], &mut 0), Push::Whole);
        let consumer = thread::spawn(move || {
            let mut handled = 0;
            while handled < 2 {
                let received = reader.receive(|head, payload| {
                    assert_eq!(head.session, handled);
                    assert_eq!(payload.bytes(), [1 + handled as u8; 8]);
                    handled += 1;
                    Verdict::Done
                });
                if !matches!(received, Received::Handled(_) | Received::Resumed) {
                    thread::yield_now();
                }
            }
        });
        let back = writer.take_back().messages;
        while writer.is_paused() {
            thread::yield_now();
        }
        for (head, data) in back {
            assert_eq!(writer.push(head, &data, &mut 0), Push::Whole);
        }
        while writer.push(head(1), &[2; 8], &mut 0) == Push::Full {
            thread::yield_now();
        }
        consumer.join().unwrap();
    });
}

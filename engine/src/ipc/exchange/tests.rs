//! The exchange within one process: threads stand for processes.

use std::os::unix::fs::MetadataExt;
use std::thread;

use super::*;
use crate::ipc::directory::Seat;
use crate::ipc::envelope::{Body, Envelope, Unsent};
use crate::ipc::frame::Kind;
use crate::ipc::incoming::{Found, Incoming};
use crate::ipc::queue::{Claimant, Taken};
use crate::ipc::shm::Layout;
use crate::sync::AtomicU32;

/// Two workers and three task workers.
fn exchange(task_ring: usize, parcel_bytes: u64) -> Exchange {
    let plan = ExchangePlan {
        children: 5,
        first_task: 2,
        task_workers: 3,
        task_ring,
        parcel_bytes,
    };
    let mut layout = Layout::default();
    let at = ExchangeAt::place(plan, &mut layout);
    Exchange::open(Arc::new(Region::map(&layout).unwrap()), at).unwrap()
}

fn envelope(party: Party, id: u64) -> Envelope {
    let stamp = Stamp {
        party,
        epoch: 7,
        flags: 3,
        extra: 5,
    };
    Envelope {
        kind: Kind::Task,
        id,
        stamp,
        given: id + 1,
    }
}

fn worker(id: u32) -> Party {
    Party::on(Seat::first_of(id))
}

#[test]
fn all_consumers_together_take_each_message_once_and_in_order() {
    const EACH: u64 = 20_000;
    let exchange = exchange(8192, 1 << 20);
    let tickets = AtomicU64::new(0);
    let through = AtomicU32::new(0);
    let mut taken: Vec<(u64, Party, u64)> = Vec::new();
    thread::scope(|scope| {
        for id in 0..2 {
            let exchange = &exchange;
            scope.spawn(move || {
                let (party, way) = (worker(id), Way::Tasks(worker(id)));
                let mut writer = exchange.writer(way);
                for number in 0..EACH {
                    let message = envelope(party, number);
                    while message
                        .post(exchange, (party, way), &mut writer, &number.to_ne_bytes())
                        .is_err()
                    {
                        thread::yield_now();
                    }
                }
            });
        }
        let consumers: Vec<_> = (2..5)
            .map(|id| {
                let (exchange, tickets, through) = (&exchange, &tickets, &through);
                scope.spawn(move || {
                    let me = Claimant::new(Seat::first_of(id), 1);
                    let mut incoming = Incoming::new(exchange, Way::Tasks(Party::MAIN), me);
                    let mut got = Vec::new();
                    while u64::from(through.load(Ordering::Relaxed)) < 2 * EACH {
                        let found = incoming.take(|from, head, payload| {
                            let (message, body) = Envelope::open(head, payload);
                            assert_eq!(message, envelope(from, message.id));
                            assert_eq!(body, Body::Inline(&message.id.to_ne_bytes()));
                            let ticket = tickets.fetch_add(1, Ordering::Relaxed);
                            got.push((ticket, from, message.id));
                        });
                        match found {
                            Found::One(_) => {
                                through.fetch_add(1, Ordering::Relaxed);
                            }
                            _ => thread::yield_now(),
                        }
                    }
                    got
                })
            })
            .collect();
        for consumer in consumers {
            taken.extend(consumer.join().unwrap());
        }
    });
    taken.sort_unstable_by_key(|(ticket, ..)| *ticket);
    for id in 0..2 {
        let own = taken.iter().filter(|(_, from, _)| *from == worker(id));
        assert!(own.map(|(_, _, number)| *number).eq(0..EACH));
    }
    assert_eq!(
        (
            exchange.waiting_tasks().count,
            exchange.waiting_tasks().given
        ),
        (0, 2 * EACH)
    );
}

#[test]
fn a_claim_of_a_dead_process_is_freed_and_its_message_put_back() {
    let exchange = exchange(8192, 1 << 20);
    let (party, way) = (worker(0), Way::Tasks(worker(0)));
    let mut writer = exchange.writer(way);
    for number in 0..2 {
        let posted = envelope(party, number).post(&exchange, (party, way), &mut writer, b"x");
        assert_eq!(posted, Ok(()));
    }
    let (dead, alive) = (Seat::first_of(2), Seat::first_of(3));
    // Dead in the middle of its copy: unwinding leaves what a kill leaves.
    let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        exchange
            .queue(way)
            .take(Claimant::new(dead, 1), |_, _| panic!("killed"));
    }));
    assert!(died.is_err());
    let mut queue = exchange.queue(way);
    let me = Claimant::new(alive, 1);
    assert_eq!(queue.take(me, |_, _| ()), Taken::Busy);
    assert!(
        !exchange.settle(alive).put_back,
        "another's claim is none of its"
    );
    assert_eq!(queue.take(me, |_, _| ()), Taken::Busy);
    assert!(exchange.settle(dead).put_back);
    for number in 0..2 {
        let taken = queue.take(me, |head, _| assert_eq!(head.session, number));
        assert_eq!(taken, Taken::One(false));
    }
    assert_eq!(queue.take(me, |_, _| ()), Taken::Nothing);
    assert_eq!(
        (
            exchange.waiting_tasks().count,
            exchange.waiting_tasks().given
        ),
        (0, 2)
    );
}

#[test]
fn garbage_empties_a_queue_and_is_reported() {
    let exchange = exchange(8192, 1 << 20);
    let way = Way::Tasks(worker(1));
    exchange.writer(way).scribble();
    exchange.flag(way);
    let me = Claimant::new(Seat::first_of(2), 1);
    let mut incoming = Incoming::new(&exchange, Way::Tasks(Party::MAIN), me);
    assert_eq!(incoming.take(|_, _, _| ()), Found::Nothing);
    assert_eq!(incoming.take_corrupt(), Some(worker(1)));
    assert_eq!(incoming.take_corrupt(), None);
    assert!(!incoming.has_any());
}

#[test]
fn every_sleeper_is_woken_once() {
    let exchange = exchange(8192, 1 << 20);
    let seats = [2, 3, 4].map(Seat::first_of);
    for seat in seats {
        exchange.announce_sleep(seat);
    }
    exchange.announce_awake(seats[1]);
    let mut woken = [exchange.wake_one(), exchange.wake_one()];
    woken.sort();
    assert_eq!(woken, [Some(seats[0]), Some(seats[2])]);
    assert_eq!(exchange.wake_one(), None);
    exchange.announce_sleep(Seat(0)); // no task worker's
    assert_eq!(exchange.wake_one(), None);
}

#[test]
fn what_is_long_goes_as_a_parcel_and_leaves_nothing() {
    let exchange = exchange(8192, 1 << 20);
    let (party, way) = (worker(0), Way::Tasks(worker(0)));
    let parcels = exchange.parcels();
    let mut writer = exchange.writer(way);
    let data: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
    let mut post = |id| envelope(party, id).post(&exchange, (party, way), &mut writer, &data);
    // Three of them are within the limit of 1 MiB.
    assert_eq!([post(0), post(1), post(2)], [Ok(()); 3]);
    assert_eq!(post(3), Err(Unsent::NoParcel));
    assert_eq!(parcels.outstanding(party), 900_000);
    let me = Party::on(Seat::first_of(2));
    let mut queue = exchange.queue(way);
    for number in 0..3 {
        let mut taken = None;
        queue.take(Claimant::new(Seat::first_of(2), 1), |head, payload| {
            let (message, Body::Parcel(parcel)) = Envelope::open(head, payload) else {
                panic!("{number} came inline");
            };
            parcels.begin_reading(me, parcel);
            taken = Some((message, parcel));
        });
        let (message, parcel) = taken.unwrap();
        assert_eq!(message, envelope(party, number));
        assert_eq!(parcels.read(parcel).as_deref(), Some(&data[..]));
        assert_eq!(parcels.end_reading(me, parcel), None);
        // It is nobody's now, and does no harm to the next one in its place.
        assert_eq!(parcels.read(parcel), None);
        let next = parcels.pack(party, 0, 0, b"next").unwrap();
        parcels.discard(parcel);
        assert_eq!(parcels.read(next).as_deref(), Some(&b"next"[..]));
        parcels.take_back(party, next);
    }
    assert_eq!(parcels.outstanding(party), 0);
    assert_eq!(parcels.file().metadata().unwrap().blocks(), 0);
    let long = vec![0; (1 << 20) + 1];
    let posted = envelope(party, 9).post(&exchange, (party, way), &mut writer, &long);
    assert_eq!(posted, Err(Unsent::TooBig));
}

#[test]
fn a_ring_that_fills_up_with_long_messages_has_parcels_behind_them_up_to_the_limit() {
    let exchange = exchange(8192, 64 << 20);
    let (party, target) = (worker(0), Target::Child(1));
    let (way, parcels) = (Way::Request(party, target), exchange.parcels());
    let mut writer = exchange.writer(way);
    let data = vec![7; 100_000];
    let mut sent = 0;
    let refusal = loop {
        match envelope(party, sent).post(&exchange, (party, way), &mut writer, &data) {
            Ok(()) => sent += 1,
            Err(why) => break why,
        }
    };
    assert_eq!(refusal, Unsent::NoParcel);
    assert!(sent * 100_000 > 64 << 20, "{sent}");
    let short = envelope(party, sent).post(&exchange, (party, way), &mut writer, b"short");
    assert_eq!(short, Ok(()), "there is room for what is no parcel");
    let mut queue = exchange.queue(way);
    let (mut number, mut inline) = (0, 0);
    loop {
        let mut taken = None;
        let found = queue.take(Claimant::new(Seat::first_of(1), 1), |head, payload| {
            let (message, body) = Envelope::open(head, payload);
            inline += u64::from(matches!(body, Body::Inline(_)));
            if let Body::Parcel(parcel) = body {
                taken = Some(parcel);
            }
            assert_eq!(message.id, number);
        });
        if found == Taken::Nothing {
            break;
        }
        if let Some(parcel) = taken {
            assert_eq!(parcels.read(parcel).as_deref(), Some(&data[..]));
            parcels.discard(parcel);
        }
        number += 1;
    }
    assert_eq!(number, sent + 1);
    assert!((2..number / 2).contains(&inline), "{inline} of {number}");
    assert_eq!(parcels.outstanding(party), 0);
}

#[test]
fn a_reader_knows_whether_the_sender_cannot_go_on() {
    let exchange = exchange(8192, 1 << 20);
    let (party, way) = (worker(0), Way::Reply(worker(0), worker(1)));
    let me = Claimant::new(Seat::first_of(1), 1);
    let mut incoming = Incoming::new(&exchange, Way::Reply(Party::MAIN, worker(1)), me);
    let mut writer = exchange.writer(way);
    let mut sent = 0;
    while envelope(party, sent)
        .post(&exchange, (party, way), &mut writer, &[1; 1000])
        .is_ok()
    {
        sent += 1;
    }
    assert!(!incoming.is_waited_for(), "it has only been refused");
    assert!(writer.want_room(writer.half()));
    assert!(incoming.is_waited_for());
    let mut taken = 0;
    while incoming.is_waited_for() {
        assert!(matches!(incoming.take(|_, _, _| ()), Found::One(_)));
        taken += 1;
    }
    assert!(
        (sent / 3..sent * 2 / 3).contains(&taken),
        "{taken} of {sent}"
    );
    assert!(
        writer.want_room(0),
        "memory to be given back, and nothing to send"
    );
    assert!(!incoming.is_waited_for());
    let parcel = exchange
        .parcels()
        .pack(party, 0, 0, &vec![1; 1 << 20])
        .unwrap();
    assert!(exchange.parcels().want_room(party, 1));
    assert!(
        incoming.is_waited_for(),
        "what waits may be what has the parcels"
    );
    exchange.parcels().take_back(party, parcel);
    assert!(!incoming.is_waited_for());
}

#[test]
fn a_sender_that_waits_for_a_parcel_is_named_when_one_is_free() {
    let exchange = exchange(8192, 1 << 20);
    let (party, parcels) = (worker(1), exchange.parcels());
    let parcel = parcels.pack(party, 0, 0, &vec![1; 1 << 20]).unwrap();
    assert!(parcels.pack(party, 0, 0, b"x").is_err());
    assert!(parcels.want_room(party, 1));
    assert_eq!(parcels.discard(parcel), Some(party));
    assert!(!parcels.want_room(party, 1));
    assert!(parcels.pack(party, 0, 0, b"x").is_ok());
}

#[test]
fn what_a_dead_sender_has_not_published_is_discarded_and_what_it_has_is_not() {
    let exchange = exchange(8192, 1 << 20);
    let seat = Seat::first_of(1);
    let (party, way, parcels) = (Party::on(seat), Way::Tasks(worker(1)), exchange.parcels());
    let mut writer = exchange.writer(way);
    let number = exchange.number_of(way);
    // Killed before the frame.
    let parcel = parcels.pack(party, number, writer.end(), b"one").unwrap();
    exchange.settle(seat);
    assert_eq!(
        (parcels.read(parcel), parcels.outstanding(party)),
        (None, 0)
    );
    // Killed after it.
    let parcel = parcels.pack(party, number, writer.end(), b"two").unwrap();
    envelope(party, 1)
        .pass_on(&exchange, way, &mut writer, parcel)
        .unwrap();
    exchange.settle(seat);
    assert_eq!(parcels.read(parcel).as_deref(), Some(&b"two"[..]));
}

#[test]
fn no_word_makes_a_parcel_that_is_none() {
    let exchange = exchange(8192, 1 << 20);
    let parcels = exchange.parcels();
    for word in [1, 1 << 32, 1 << 48, u64::MAX, 3 << 48 | 63 << 32 | 1] {
        let parcel = crate::ipc::parcels::Parcel::from_word(word).unwrap();
        assert_eq!(parcels.read(parcel), None);
        assert_eq!(parcels.discard(parcel), None);
    }
}

#[test]
fn the_memory_of_a_queue_is_given_back_when_it_is_empty() {
    const RING: usize = 64 << 20;
    let exchange = exchange(RING, 1 << 20);
    let (party, way) = (worker(0), Way::Tasks(worker(0)));
    let mut writer = exchange.writer(way);
    let data = vec![1; 100_000];
    for number in 0..300 {
        let posted = envelope(party, number).post(&exchange, (party, way), &mut writer, &data);
        assert_eq!(posted, Ok(()));
    }
    assert!(writer.is_heavy());
    assert!(!writer.give_back(), "something waits");
    let before = crate::sys::memory::resident();
    let mut queue = exchange.queue(way);
    let me = Claimant::new(Seat::first_of(2), 1);
    let mut room = false;
    while let Taken::One(wanted) = queue.take(me, |_, payload| assert_eq!(payload[8..], data)) {
        room |= wanted;
    }
    assert!(room, "who takes the last one rings");
    assert!(writer.give_back());
    assert!(!writer.is_heavy());
    let after = crate::sys::memory::resident();
    assert!(after + (20 << 20) < before, "{before} -> {after}");
    // And it goes on.
    for number in 0..200 {
        let posted = envelope(party, number).post(&exchange, (party, way), &mut writer, &data);
        assert_eq!(posted, Ok(()));
        let taken = queue.take(me, |_, payload| assert_eq!(payload[8..], data));
        assert!(matches!(taken, Taken::One(_)));
    }
}

/// The figures as they are when every queue is looked at.
fn looked_at_all(exchange: &Exchange) -> (u64, u64, u64, Option<u64>) {
    let mut sum = Waiting::default();
    exchange
        .task_ways()
        .for_each(|way| sum.add(&exchange.queue(way)));
    (sum.count, sum.bytes, sum.given, sum.oldest)
}

#[test]
fn figures_of_tasks_are_those_of_all_queues_and_cheap_with_many() {
    let plan = ExchangePlan {
        children: 128 + 64,
        first_task: 128,
        task_workers: 64,
        task_ring: 1 << 16,
        parcel_bytes: 1 << 20,
    };
    let mut layout = Layout::default();
    let at = ExchangeAt::place(plan, &mut layout);
    let exchange = Exchange::open(Arc::new(Region::map(&layout).unwrap()), at).unwrap();
    let figures = || {
        let sum = exchange.waiting_tasks();
        (sum.count, sum.bytes, sum.given, sum.oldest)
    };
    assert_eq!(figures(), (0, 0, 0, None));
    for number in 0..200_u64 {
        let from = worker((number * 7 % 128) as u32);
        let way = match number % 3 {
            0 => Way::Targeted(from, (number % 64) as u32),
            _ => Way::Tasks(from),
        };
        let mut writer = exchange.writer(way);
        let message = envelope(from, 1_000 - number);
        let sent = message.post(&exchange, (from, way), &mut writer, b"payload");
        assert!(sent.is_ok());
    }
    assert_eq!(figures(), looked_at_all(&exchange));
    assert_eq!((figures().0, figures().2), (200, 200));
    // What is taken is still counted as given.
    let me = Claimant::new(Seat::first_of(130), 1);
    let mut incoming = Incoming::new(&exchange, Way::Tasks(Party::MAIN), me);
    for _ in 0..100 {
        assert!(matches!(incoming.take(|_, _, _| {}), Found::One(_)));
    }
    assert_eq!(figures(), looked_at_all(&exchange));
    assert_eq!((figures().0, figures().2), (100, 200));
    let each: u64 = (0..64).map(|task| exchange.waiting_for(task).count).sum();
    assert_eq!(each, 67);

    let cost = |look: &dyn Fn() -> (u64, u64, u64, Option<u64>)| {
        let rounds = (0..20).map(|_| {
            let begin = std::time::Instant::now();
            std::hint::black_box(look());
            begin.elapsed()
        });
        rounds.min().unwrap_or_default()
    };
    let (all, used) = (cost(&|| looked_at_all(&exchange)), cost(&figures));
    println!("all queues: {all:?}, those in use: {used:?}");
    assert!(used.as_micros() < 1_000 && used * 4 < all);
}

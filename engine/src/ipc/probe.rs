//! How fast is one lane? Two processes, the engine's own mailbox and outlet, nothing around them.
//!
//! For `examples/lane_bench.rs`; no part of the API.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{hint, io};

use super::directory::{Directory, Drawing, Endpoint, Plan, Seat};
use super::frame::{Head, Kind};
use super::lane::{Push, Verdict};
use super::mailbox::{Drained, Mailbox};
use super::outlet::Outlet;
use super::parker::Parker;
use super::shm::{Layout, Region};
use crate::sys::{fork, pipe, wait};

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Size of the lane, a power of two.
    pub lane_bytes: usize,
    /// Size of each message.
    pub message_bytes: usize,
    /// How many of them.
    pub messages: u64,
    /// Messages per look at the consumer's bell, as of a reactor that rings once per poll.
    pub batch: u64,
}

/// What came out.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    /// Until the consumer was done with the last one.
    pub messages_per_s: f64,
    /// Writes to either side's eventfd.
    pub wakes_per_message: f64,
}

const FROM: Endpoint = Endpoint::Reactor(0);
const TO: Endpoint = Endpoint::Worker(Seat(0));
/// As of the worker's loop.
const PER_LANE: usize = 64;
/// How often a waiting producer makes sure that the consumer lives.
const LOOK: Duration = Duration::from_millis(100);

/// Send `load` from this process to a child. Call it while the process has one thread.
pub fn run(load: Load) -> io::Result<Figures> {
    let plan = Plan {
        workers: 1,
        reactors: 1,
        request_lane: load.lane_bytes,
        reply_lane: 1024,
        task_workers: 0,
        user_processes: 0,
        task_ring: 1024,
        keeps_tasks: false,
        parcel_bytes: 1 << 20,
    };
    let mut layout = Layout::default();
    let drawing = Drawing::new(plan, &mut layout);
    let directory = Directory::open(drawing, Arc::new(Region::map(&layout)?))?;
    let (watch, hold) = pipe::lifeline()?;
    if let fork::Fork::Child = fork::fork()? {
        drop(hold);
        let parker = Parker::new(&directory.bell(TO), &[watch.as_fd()]);
        let clean = parker.is_ok_and(|mut parker| consume(&directory, &mut parker, load));
        fork::exit_now(i32::from(!clean));
    }
    produce(&directory, load)
}

/// Take `load` off the lane. False: something else came.
fn consume(directory: &Directory, parker: &mut Parker, load: Load) -> bool {
    let mut mailbox: Mailbox = directory.mailbox(TO);
    let mut next = 0;
    let mut clean = true;
    // The first is sent ahead, to see the consumer ready.
    while next <= load.messages && !parker.supervisor_lost() {
        let drained = mailbox.drain(PER_LANE, |_, head, payload| {
            clean &= head.argument == next && payload.bytes().len() == load.message_bytes;
            next += 1;
            Verdict::Done
        });
        if drained == Drained::Empty && next <= load.messages && mailbox.may_sleep() {
            parker.park(None);
            mailbox.awake();
        }
    }
    clean
}

fn produce(directory: &Directory, load: Load) -> io::Result<Figures> {
    let mut outlet = directory.outlet(FROM, TO);
    let own = directory.bell(FROM);
    let mut parker = Parker::new(&own, &[])?;
    let payload = vec![0x5a; load.message_bytes];

    send(&mut outlet, &mut parker, 0, &payload)?;
    drain(&mut outlet)?;
    let rings = own.rings() + outlet.bell().rings();
    let start = Instant::now();
    for number in 1..=load.messages {
        send(&mut outlet, &mut parker, number, &payload)?;
        if number % load.batch == 0 {
            outlet.bell().ring_if_asleep();
        }
    }
    drain(&mut outlet)?;
    let seconds = start.elapsed().as_secs_f64();
    let rings = own.rings() + outlet.bell().rings() - rings;
    while !reaped()? {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(Figures {
        messages_per_s: load.messages as f64 / seconds,
        wakes_per_message: rings as f64 / load.messages as f64,
    })
}

fn send(outlet: &mut Outlet, parker: &mut Parker, number: u64, payload: &[u8]) -> io::Result<()> {
    let head = Head::new(Kind::Receive, 1, number);
    let mut sent = 0;
    while outlet.push(head, payload, &mut sent) == Push::Full {
        outlet.bell().ring_if_asleep();
        let half = outlet.lane().half();
        if outlet.lane().want_room(half) {
            parker.park(Some(LOOK));
            still_there()?;
        }
    }
    Ok(())
}

/// Ring and wait until the consumer is done with everything.
fn drain(outlet: &mut Outlet) -> io::Result<()> {
    outlet.bell().ring_if_asleep();
    let start = Instant::now();
    while !outlet.lane().is_drained() {
        hint::spin_loop();
        if start.elapsed() > LOOK {
            still_there()?;
        }
    }
    Ok(())
}

fn still_there() -> io::Result<()> {
    match reaped()? {
        true => Err(io::Error::other("the consumer ended early")),
        false => Ok(()),
    }
}

/// Whether the consumer has ended, well.
fn reaped() -> io::Result<bool> {
    match wait::reap() {
        None => Ok(false),
        Some(reaped) if reaped.exit.is_clean() => Ok(true),
        Some(reaped) => Err(io::Error::other(format!(
            "the consumer failed: {:?}",
            reaped.exit
        ))),
    }
}

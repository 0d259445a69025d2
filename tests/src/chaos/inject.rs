//! Lets the faults of the plan happen, and keeps a record of each, by which later ends are explained.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::caller::Closing;
use super::dice::Dice;
use super::errand::{Errand, Failure};
use super::plan::Fault;
use super::subject::Subject;
use crate::eventually::promised;
use crate::process;

/// A worker that dies younger than this makes its successor wait: too much of that, and there is no load.
const ADULT: Duration = Duration::from_millis(1_100);

/// One fault that took place.
#[derive(Debug, Clone)]
pub struct Injected {
    /// Which.
    pub fault: Fault,
    /// Process it was meant for; 0 if it was for none in particular.
    pub pid: i32,
    /// Session whose callback did it; 0 if it was a signal.
    pub fd: u64,
    /// Milliseconds since the beginning of the run.
    pub at: u64,
}

/// What the injector leaves behind.
#[derive(Debug, Default)]
pub struct Record {
    /// Every fault that took place.
    pub injected: Vec<Injected>,
    /// Its own connections that ended without an answer.
    pub closings: Vec<Closing>,
    /// Its own connections that it closed itself.
    pub farewells: u64,
    /// Answers it got, per worker.
    pub pieces: HashMap<u32, u64>,
    /// Longest time from an order that only the deadline ends to the end of its connection.
    pub longest_overdue: Duration,
    /// What must not be.
    pub wrong: Vec<String>,
}

/// The injector.
pub struct Injector<'a> {
    subject: &'a Subject,
    begin: Instant,
    dice: Dice,
    first_seen: HashMap<i32, Instant>,
    record: &'a Mutex<Record>,
}

impl<'a> Injector<'a> {
    /// For one run.
    pub fn new(
        subject: &'a Subject,
        seed: u64,
        begin: Instant,
        record: &'a Mutex<Record>,
    ) -> Injector<'a> {
        let dice = Dice::new(seed, u64::MAX - 1);
        let first_seen = HashMap::new();
        Injector {
            subject,
            begin,
            dice,
            first_seen,
            record,
        }
    }

    /// Let it happen. Orders to workers are given by a thread of their own: their answers may take long.
    pub fn inject<'scope>(&mut self, fault: Fault, scope: &'scope thread::Scope<'scope, 'a>) {
        let now = Instant::now();
        let workers = self.subject.workers();
        self.first_seen.retain(|pid, _| workers.contains(pid));
        for pid in &workers {
            self.first_seen.entry(*pid).or_insert(now);
        }
        let is_adult = |pid: &i32| self.first_seen.get(pid).is_some_and(|at| now - *at > ADULT);
        let mut adults: Vec<i32> = workers.iter().copied().filter(is_adult).collect();
        if adults.is_empty() {
            adults = workers; // after a reload, say
        }
        if let Some(order) = fault.order() {
            let scene = Scene {
                subject: self.subject,
                begin: self.begin,
                record: self.record,
                fault,
                wait: Duration::from_millis(self.dice.between(0, 120)),
            };
            scope.spawn(move || scene.play(order, &adults));
            return;
        }
        let (signal, pid) = match fault {
            Fault::ReloadSignal => (Signal::SIGUSR1, Some(self.subject.master())),
            Fault::Term => (Signal::SIGTERM, self.dice.pick(&adults).copied()),
            Fault::Freeze => (Signal::SIGSTOP, self.dice.pick(&adults).copied()),
            _ => (Signal::SIGKILL, self.dice.pick(&adults).copied()),
        };
        // On record before it happens: an end may be seen at once.
        if let Some(pid) = pid {
            note(self.record, fault, pid, 0, self.begin);
            process::signal(pid, signal);
        }
    }
}

fn note(record: &Mutex<Record>, fault: Fault, pid: i32, fd: u64, begin: Instant) {
    let at = begin.elapsed().as_millis() as u64;
    let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
    record.injected.push(Injected { fault, pid, fd, at });
}

/// A fault that takes a conversation with a worker.
struct Scene<'a> {
    subject: &'a Subject,
    begin: Instant,
    record: &'a Mutex<Record>,
    fault: Fault,
    wait: Duration,
}

impl Scene<'_> {
    fn play(&self, order: &str, adults: &[i32]) {
        let mut line = match self.find_adult(adults) {
            Ok(line) => line,
            Err(failure) => return self.ended(0, u32::MAX, failure),
        };
        note(self.record, self.fault, line.pid, line.fd, self.begin);
        let sent = Instant::now();
        let result = line.send(order.as_bytes()).and_then(|()| {
            if self.fault == Fault::KillAtWork {
                thread::sleep(self.wait); // a point in time is what is wanted here
                // Only if it still is a worker: pids are used again.
                if self.subject.workers().contains(&line.pid) {
                    process::signal(line.pid, Signal::SIGKILL);
                }
            }
            line.receive()
        });
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(answer) => {
                let text = String::from_utf8_lossy(&answer.piece).into_owned();
                *record.pieces.entry(answer.worker).or_default() += 1;
                record.farewells += 1;
                // The kill may come too late; everything else that is answered has to be harmless.
                if !["accepted", "slept"].contains(&text.as_str()) {
                    record
                        .wrong
                        .push(format!("{} was answered: {text}", self.fault.name()));
                }
            }
            Err(failure) => {
                if self.fault.needs_deadline() {
                    record.longest_overdue = record.longest_overdue.max(sent.elapsed());
                }
                drop(record);
                self.ended(line.fd, line.worker, failure);
            }
        }
    }

    /// A connection to a worker that is old enough, if there is one soon.
    fn find_adult(&self, adults: &[i32]) -> Result<Errand, Failure> {
        let patience = promised(Duration::from_secs(15));
        let mut tries = 0;
        loop {
            let line = Errand::begin(self.subject.port(), patience)?;
            let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
            *record.pieces.entry(line.worker).or_default() += 1;
            tries += 1;
            if tries == 4 || adults.contains(&line.pid) {
                return Ok(line);
            }
            record.farewells += 1;
        }
    }

    fn ended(&self, fd: u64, worker: u32, failure: Failure) {
        let at = self.begin.elapsed().as_millis() as u64;
        let who = self.fault.name().to_string();
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        match failure {
            Failure::Ended(how) => record.closings.push(Closing {
                who,
                fd,
                worker,
                unanswered: Vec::new(),
                how,
                at,
            }),
            other => record
                .wrong
                .push(format!("{at} ms, {who}, fd {fd}: {other:?}")),
        }
    }
}

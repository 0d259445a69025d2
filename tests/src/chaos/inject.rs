//! Lets the faults of the plan happen, and keeps a record of each, by which later ends are explained.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::caller::Closing;
use super::dice::Dice;
use super::errand::{Errand, Failure};
use super::plan::{Fault, Means, Role};
use super::subject::Subject;
use super::wire::Answer;
use crate::eventually::promised;
use crate::process;

/// A worker that dies younger than this makes its successor wait: too much of that, and there is no load.
const ADULT: Duration = Duration::from_millis(1_100);

/// Faults delay an answer by a restart's back-off (5 s) or a callback's deadline; nothing excuses more.
fn patience() -> Duration {
    promised(Duration::from_secs(15))
}

/// One fault that took place.
#[derive(Debug, Clone)]
pub struct Injected {
    /// Which.
    pub fault: Fault,
    /// Process it was meant for; 0 if it was for none in particular.
    pub pid: i32,
    /// Session whose callback did it; 0 if it was a signal.
    pub fd: u64,
    /// Of an order to a task worker or user process; empty if it is none.
    pub ticket: String,
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
    orders: u64,
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
            orders: 0,
            record,
        }
    }

    /// Let it happen. What takes time has a thread of its own.
    pub fn inject<'scope>(&mut self, fault: Fault, scope: &'scope thread::Scope<'scope, 'a>) {
        let role = fault.role();
        let adults = self.adults(role);
        let act = Act {
            subject: self.subject,
            begin: self.begin,
            record: self.record,
            fault,
        };
        match (fault.means(), role) {
            (Means::ToMaster(signal), _) => act.hit(self.subject.master(), signal),
            (Means::Signal(signal), _) => {
                if let Some(pid) = self.dice.pick(&adults) {
                    act.hit(*pid, signal);
                }
            }
            (Means::Volley(signal), _) => {
                let mut victims: Vec<i32> = (Role::ALL.into_iter())
                    .flat_map(|role| self.adults(role))
                    .collect();
                for _ in 0..self.dice.between(2, 5) {
                    if let Some(pid) = self.dice.pick(&victims).copied() {
                        victims.retain(|victim| *victim != pid);
                        act.hit(pid, signal);
                    }
                }
            }
            (Means::Pause, _) => {
                let wait = Duration::from_millis(self.dice.between(20, 1_500));
                if let Some(pid) = self.dice.pick(&adults).copied() {
                    scope.spawn(move || act.pause(pid, wait));
                }
            }
            (Means::Ask(order), _) => {
                scope.spawn(move || act.ask(order));
            }
            (Means::Order(order) | Means::KillDuring(order), Role::Worker) => {
                let wait = Duration::from_millis(self.dice.between(0, 120));
                scope.spawn(move || act.order(order, &adults, wait));
            }
            (Means::Order(order) | Means::KillDuring(order), _) => {
                let wait = Duration::from_millis(self.dice.between(0, 120));
                self.orders += 1;
                let ticket = format!("o.{}", self.orders);
                scope.spawn(move || act.pass_on(order, ticket, wait));
            }
        }
    }

    /// Those that are old enough to be replaced at once; after a reload, say, all.
    fn adults(&mut self, role: Role) -> Vec<i32> {
        let now = Instant::now();
        let alive: Vec<i32> = (Role::ALL.into_iter())
            .flat_map(|role| self.subject.children(role))
            .collect();
        self.first_seen.retain(|pid, _| alive.contains(pid));
        for pid in alive {
            self.first_seen.entry(pid).or_insert(now);
        }
        let children = self.subject.children(role);
        let is_adult = |pid: &i32| self.first_seen.get(pid).is_some_and(|at| now - *at > ADULT);
        let adults: Vec<i32> = children.iter().copied().filter(is_adult).collect();
        if adults.is_empty() { children } else { adults }
    }
}

/// One fault as it takes place.
struct Act<'a> {
    subject: &'a Subject,
    begin: Instant,
    record: &'a Mutex<Record>,
    fault: Fault,
}

impl Act<'_> {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, pid: i32, fd: u64, ticket: &str) {
        let injected = Injected {
            fault: self.fault,
            pid,
            fd,
            ticket: ticket.into(),
            at: self.begin.elapsed().as_millis() as u64,
        };
        self.record().injected.push(injected);
    }

    fn hit(&self, pid: i32, signal: Signal) {
        self.note(pid, 0, ""); // before it happens: an end may be seen at once
        process::signal(pid, signal);
    }

    fn pause(&self, pid: i32, wait: Duration) {
        self.hit(pid, Signal::SIGSTOP);
        thread::sleep(wait); // so long it is away
        process::signal(pid, Signal::SIGCONT);
    }

    /// SIGKILL, if it still is who it was: pids are used again.
    fn kill(&self, pid: i32) {
        if self.subject.children(self.fault.role()).contains(&pid) {
            process::signal(pid, Signal::SIGKILL);
        }
    }

    /// A worker does it to itself.
    fn order(&self, order: &str, adults: &[i32], wait: Duration) {
        let mut line = match self.find_adult(adults) {
            Ok(line) => line,
            Err(failure) => return self.ended(0, u32::MAX, failure),
        };
        self.note(line.pid, line.fd, "");
        let sent = Instant::now();
        let result = line.send(order.as_bytes()).and_then(|()| {
            if let Means::KillDuring(_) = self.fault.means() {
                thread::sleep(wait); // a point in time is what is wanted here
                self.kill(line.pid);
            }
            line.receive()
        });
        if result.is_err() && self.fault.needs_deadline() {
            let mut record = self.record();
            record.longest_overdue = record.longest_overdue.max(sent.elapsed());
        }
        self.close(&line, result);
    }

    /// A worker does it to others.
    fn ask(&self, order: &str) {
        let mut line = match Errand::begin(self.subject.port(), patience()) {
            Ok(line) => line,
            Err(failure) => return self.ended(0, u32::MAX, failure),
        };
        *self.record().pieces.entry(line.worker).or_default() += 1;
        self.note(0, 0, "");
        let result = line.send(order.as_bytes()).and_then(|()| line.receive());
        self.close(&line, result);
    }

    /// A worker passes it on to a task worker or a user process.
    fn pass_on(&self, order: &str, ticket: String, wait: Duration) {
        let mut line = match Errand::begin(self.subject.port(), patience()) {
            Ok(line) => line,
            Err(failure) => return self.ended(0, u32::MAX, failure),
        };
        *self.record().pieces.entry(line.worker).or_default() += 1;
        let verb = match self.fault.role() {
            Role::UserProcess => "user",
            _ => "task",
        };
        self.note(0, 0, &ticket);
        let result = line
            .send(format!("!{verb} {ticket} {order}").as_bytes())
            .and_then(|()| line.receive());
        let accepted = result.is_ok();
        self.close(&line, result);
        if let (true, Means::KillDuring(_)) = (accepted, self.fault.means()) {
            let begin = Instant::now();
            let obeys = || {
                let orders = self.subject.ledger("orders").obeyed;
                orders.into_iter().find(|obeyed| obeyed.ticket == ticket)
            };
            let mut found = obeys();
            while found.is_none() && begin.elapsed() < Duration::from_secs(5) {
                thread::sleep(Duration::from_millis(2));
                found = obeys();
            }
            if let Some(obeyed) = found {
                thread::sleep(wait); // a point in time, as above
                self.kill(obeyed.pid);
            }
        }
    }

    /// The end of a conversation.
    fn close(&self, line: &Errand, result: Result<Answer, Failure>) {
        let answer = match result {
            Ok(answer) => answer,
            Err(failure) => return self.ended(line.fd, line.worker, failure),
        };
        let mut record = self.record();
        *record.pieces.entry(answer.worker).or_default() += 1;
        record.farewells += 1;
        let text = String::from_utf8_lossy(&answer.piece).into_owned();
        // The kill may come too late; everything else that is answered has to be harmless.
        if !["accepted", "slept"].contains(&text.as_str()) {
            let name = self.fault.name();
            record.wrong.push(format!("{name} was answered: {text}"));
        }
    }

    /// A connection to a worker that is old enough, if there is one soon.
    fn find_adult(&self, adults: &[i32]) -> Result<Errand, Failure> {
        let mut tries = 0;
        loop {
            let line = Errand::begin(self.subject.port(), patience())?;
            let mut record = self.record();
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
        let mut record = self.record();
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

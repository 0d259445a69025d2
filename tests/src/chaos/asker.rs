//! A client whose errands take more than one callback: tasks, waits, messages, timers, user processes. One at a time;
//! each has an answer, or is noted for [`super::account`] to find out why not.

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use super::caller::{Closing, Stage};
use super::dice::Dice;
use super::errand::{Errand, Failure};
use crate::eventually::promised;
use crate::process;

/// Kinds of errands, by how often they come.
const KINDS: [(&str, u64); 7] = [
    ("task", 6),
    ("targeted", 3),
    ("wait", 3),
    ("waitall", 1),
    ("message", 3),
    ("user", 2),
    ("after", 2),
];

/// A task may wait for a task worker that is restarted late (5 s) or stopped; nothing excuses more.
fn hang() -> Duration {
    promised(Duration::from_secs(15))
}

/// What a timer of a dead process has sent before must have come by then.
fn in_flight() -> Duration {
    promised(Duration::from_secs(2))
}

/// One read; then it is looked whether there is any sense in waiting on.
const LOOK: Duration = Duration::from_millis(200);

/// An errand without an answer, on a connection that is well.
#[derive(Debug, Clone)]
pub struct Silence {
    /// Which.
    pub ticket: String,
    /// What was wanted.
    pub kind: &'static str,
    /// Worker that took it.
    pub worker: u32,
    /// Its process.
    pub pid: i32,
    /// What it said: number of the task, or who was asked.
    pub number: u64,
    /// Milliseconds since the beginning of the run, when it was given up.
    pub at: u64,
}

/// What one asker has seen.
#[derive(Debug, Default)]
pub struct Asked {
    /// Connections that were greeted.
    pub connections: u64,
    /// Errands sent.
    pub sent: u64,
    /// Their ends, by kind and what was answered: `task done`.
    pub ends: HashMap<String, u64>,
    /// Answers that callbacks of requests have given.
    pub pieces: HashMap<u32, u64>,
    /// Answers of other callbacks.
    pub late_pieces: u64,
    /// Connections lost while the server was to serve.
    pub closings: Vec<Closing>,
    /// Errands without an end on connections that are well.
    pub silences: Vec<Silence>,
    /// Errands on connections that were closed.
    pub cut: u64,
    /// Errands without an end when the server stopped.
    pub cut_by_stop: u64,
    /// What must not be.
    pub wrong: Vec<String>,
    /// Microseconds per errand.
    pub latencies: Vec<u32>,
}

/// One asker.
pub struct Asker<'a> {
    stage: &'a Stage,
    client: usize,
    dice: Dice,
    number: u64,
    /// Whether a task may be run, and so answered, twice.
    redelivers: bool,
    asked: Asked,
}

/// Why an errand ended without an answer.
enum Stop {
    Line(Failure),
    Silent(Silence),
}

impl Asker<'_> {
    /// Ask until the server has stopped. `client` is a number that no other client of the run has.
    pub fn run(stage: &Stage, client: usize, redelivers: bool) -> Asked {
        let mut asker = Asker {
            stage,
            client,
            dice: Dice::new(stage.seed, client as u64),
            number: 0,
            redelivers,
            asked: Asked::default(),
        };
        while !stage.is_stopping() {
            asker.visit();
        }
        asker.asked
    }

    /// One connection from its beginning to its end.
    fn visit(&mut self) {
        let mut line = match Errand::begin(self.stage.port, hang()) {
            Ok(line) => line,
            Err(failure) => {
                self.ended(0, u32::MAX, None, failure);
                return thread::sleep(Duration::from_millis(10)); // do not hammer a dead server
            }
        };
        self.asked.connections += 1;
        *self.asked.pieces.entry(line.worker).or_default() += 1; // the greeting
        if let Err(failure) = line.look_every(LOOK) {
            return self.ended(line.fd, line.worker, None, failure);
        }
        loop {
            self.number += 1;
            let kind = self.draw_kind();
            match self.exchange(&mut line, kind) {
                Ok(()) => self.stage.answer_to(self.client),
                Err(Stop::Line(failure)) => {
                    return self.ended(line.fd, line.worker, Some(kind), failure);
                }
                Err(Stop::Silent(silence)) => {
                    // A late answer would be taken for the next one's: begin anew. It counts as served.
                    self.asked.silences.push(silence);
                    return;
                }
            }
            thread::sleep(Duration::from_micros(self.dice.between(0, 6_000))); // hit idle as well as busy
        }
    }

    fn draw_kind(&mut self) -> &'static str {
        let all: u64 = KINDS.iter().map(|(_, weight)| weight).sum();
        let mut drawn = self.dice.between(0, all - 1);
        for (kind, weight) in KINDS {
            match drawn.checked_sub(weight) {
                Some(rest) => drawn = rest,
                None => return kind,
            }
        }
        KINDS[0].0
    }

    fn ticket(&self) -> String {
        format!("{}.{}", self.client, self.number)
    }

    /// One errand, and what comes of it.
    fn exchange(&mut self, line: &mut Errand, kind: &'static str) -> Result<(), Stop> {
        let ticket = self.ticket();
        let bytes = match self.dice.between(0, 29) {
            0 => self.dice.between(8_192, 300_000), // longer than a part of a ring
            1..=5 => self.dice.between(100, 8_000),
            _ => self.dice.between(0, 100),
        };
        let begin = Instant::now();
        self.asked.sent += 1;
        let order = format!("?{kind} {ticket} {bytes}\n");
        line.send(order.as_bytes()).map_err(Stop::Line)?;
        let (mut taken, mut came) = (None, None);
        let mut gone_since: Option<Instant> = None;
        loop {
            match line.receive() {
                Ok(answer) => {
                    let text = String::from_utf8_lossy(&answer.piece).into_owned();
                    match text.split_at_checked(1) {
                        Some(("+", rest)) if taken.is_none() => {
                            let number = rest.strip_prefix(&format!("{ticket} "));
                            let number = number.and_then(|number| number.parse::<u64>().ok());
                            taken = number.map(|number| (answer.worker, answer.pid, number));
                            *self.asked.pieces.entry(answer.worker).or_default() += 1;
                        }
                        Some(("=", rest)) => match rest.split_once(' ') {
                            Some((is, what)) if is == ticket && came.is_none() => {
                                came = Some((what.to_string(), answer.worker));
                            }
                            _ if self.redelivers => self.asked.late_pieces += 1,
                            _ => self.wrong(&format!("{kind} {ticket}: another answer: {text}")),
                        },
                        _ => self.wrong(&format!("{kind} {ticket}: what is {text}?")),
                    }
                }
                Err(Failure::Hangs) => {}
                Err(failure) => return Err(Stop::Line(failure)),
            }
            if let Some((what, worker)) = &came {
                let at_once = matches!(kind, "wait" | "waitall") || what.starts_with("refused");
                if at_once || taken.is_some() {
                    match at_once {
                        true => *self.asked.pieces.entry(*worker).or_default() += 1,
                        false => self.asked.late_pieces += 1,
                    }
                    if what.starts_with("refused") && !self.stage.is_stopping() || what == "spoiled"
                    {
                        self.wrong(&format!("{kind} {ticket}: {what}"));
                    }
                    let name = format!("{kind} {what}");
                    self.asked
                        .latencies
                        .push(begin.elapsed().as_micros() as u32);
                    *self.asked.ends.entry(name).or_default() += 1;
                    return Ok(());
                }
            }
            let Some((worker, pid, number)) = taken else {
                if begin.elapsed() > hang() {
                    return Err(Stop::Line(Failure::Hangs));
                }
                continue;
            };
            if gone_since.is_none() && !process::is_alive(pid) {
                gone_since = Some(Instant::now());
            }
            let timer_died =
                kind == "after" && gone_since.is_some_and(|at| at.elapsed() > in_flight());
            if begin.elapsed() > hang() || timer_died {
                return Err(Stop::Silent(Silence {
                    ticket,
                    kind,
                    worker,
                    pid,
                    number,
                    at: self.stage.begin.elapsed().as_millis() as u64,
                }));
            }
        }
    }

    /// The connection is over; `at` is what was asked by it.
    fn ended(&mut self, fd: u64, worker: u32, at: Option<&str>, failure: Failure) {
        let unanswered: Vec<u64> = at.map(|_| self.number).into_iter().collect();
        match failure {
            Failure::Ended(_) if self.stage.is_stopping() => {
                self.asked.cut_by_stop += unanswered.len() as u64;
            }
            Failure::Ended(how) => {
                self.asked.cut += unanswered.len() as u64;
                self.asked.closings.push(Closing {
                    who: format!("asker {} at {}", self.client, at.unwrap_or("nothing")),
                    fd,
                    worker,
                    unanswered,
                    how,
                    at: self.stage.begin.elapsed().as_millis() as u64,
                });
            }
            Failure::Hangs => {
                let ticket = self.ticket();
                self.wrong(&format!(
                    "fd {fd}, worker {worker}: no answer to {at:?} {ticket} and no end"
                ));
            }
            Failure::Garbage(text) => self.wrong(&format!("fd {fd}: {text}")),
        }
    }

    fn wrong(&mut self, text: &str) {
        let at = self.stage.begin.elapsed().as_millis();
        let client = self.client;
        self.asked
            .wrong
            .push(format!("{at} ms, asker {client}: {text}"));
    }
}

//! One run from the first census to the last.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::caller::{Caller, Stage, Tally};
use super::deaths;
use super::errand::Errand;
use super::inject::{Injector, Record};
use super::plan::{Fault, Plan};
use super::report::Report;
use super::subject::{Language, Subject, WORKERS};
use super::verdict::judge;
use crate::census::{Census, Ground, await_free};
use crate::eventually::{eventually, promised};
use crate::process;

/// Connections under load.
const CLIENTS: usize = 64;

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server.
    pub language: Language,
    /// How long faults are injected.
    pub seconds: u64,
    /// Seed of everything random.
    pub seed: u64,
    /// Which faults.
    pub faults: Vec<Fault>,
    /// Where the server keeps its files; made, and removed if the run passes.
    pub directory: PathBuf,
}

/// What the server said of itself, while it served and at its end.
struct Books {
    before: HashMap<String, u64>,
    last: HashMap<String, u64>,
    exit: String,
    log: String,
}

/// Ends load and server if the run itself fails: else its threads would go on.
struct Rescue<'a> {
    stage: &'a Stage,
    subject: &'a Subject,
}

impl Drop for Rescue<'_> {
    fn drop(&mut self) {
        self.stage.act.store(Stage::STOPPING, Ordering::SeqCst);
        if thread::panicking() {
            eprintln!("--- the server's log\n{}", self.subject.tail("log"));
            for pid in self.subject.processes() {
                process::signal(pid, Signal::SIGKILL);
            }
        }
    }
}

/// Run.
pub fn run(options: &Options) -> Result<Report, String> {
    let ground = Ground::claim();
    let before = Census::take(&ground);
    let mut subject = Subject::start(options.language, &options.directory)?;
    let stage = Stage {
        port: subject.port(),
        seed: options.seed,
        begin: Instant::now(),
        act: AtomicUsize::new(Stage::SERVING),
        answered: (0..CLIENTS).map(|_| AtomicU64::new(0)).collect(),
    };
    let record = Mutex::new(Record::default());
    let (tallies, stats) = perform(options, &subject, &stage, &record);
    let status = subject.await_end(promised(Duration::from_secs(8)));
    eventually(promised(Duration::from_secs(2)), || {
        subject.processes().is_empty()
    });
    await_free(subject.port());
    let books = Books {
        before: stats,
        last: subject.last_words(),
        exit: status.to_string(),
        log: subject.log(),
    };
    let left = fs::read_dir(options.directory.join("tmp")).map_or(0, Iterator::count);
    drop(subject);
    before.await_same(&ground, promised(Duration::from_secs(2)));
    let record = record.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut report = settle(options, tallies, record, &books);
    if left > 0 {
        report
            .wrong
            .push(format!("{left} temporary files are left"));
    }
    let objects = match &ground {
        Ground::Own => "as found".into(),
        Ground::Shared(reason) => format!("not looked at ({reason})"),
    };
    report.figure("descriptors, processes, port", "as found");
    report.figure("files, queues, shared memory", objects);
    if report.wrong.is_empty() {
        let _ = fs::remove_dir_all(&options.directory);
    }
    Ok(report)
}

/// Load and faults, then the stop under load. Returns when all clients have seen their end.
fn perform(
    options: &Options,
    subject: &Subject,
    stage: &Stage,
    record: &Mutex<Record>,
) -> (Vec<Tally>, HashMap<String, u64>) {
    let (mut tallies, mut stats) = (Vec::new(), HashMap::new());
    thread::scope(|scope| {
        let rescue = Rescue { stage, subject };
        let callers: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || Caller::run(stage, client)))
            .collect();
        thread::scope(|scenes| {
            let mut plan = Plan::new(options.seed, options.faults.clone());
            let mut injector = Injector::new(subject, options.seed, stage.begin, record);
            let end = stage.begin + Duration::from_secs(options.seconds);
            loop {
                let (pause, fault) = plan.next_fault();
                if Instant::now() + pause >= end {
                    break;
                }
                thread::sleep(pause); // the schedule itself
                injector.inject(fault, scenes);
            }
        });
        await_health(subject, stage, record);
        stats = ask_stats(subject.port(), record);
        stage.act.store(Stage::STOPPING, Ordering::SeqCst);
        subject.terminate();
        let joined = callers.into_iter().map(|caller| caller.join());
        tallies = joined.map(|tally| tally.unwrap_or_default()).collect();
        drop(rescue);
    });
    (tallies, stats)
}

/// After the last fault everybody is served again.
fn await_health(subject: &Subject, stage: &Stage, record: &Mutex<Record>) {
    let limit = promised(Duration::from_secs(20));
    let begin = Instant::now();
    let count = || {
        stage
            .answered
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
    };
    let at_first: Vec<u64> = count().collect();
    let waiting = || {
        let stuck = count().zip(&at_first).enumerate();
        let stuck: Vec<_> = stuck
            .filter(|(_, (now, then))| now <= *then)
            .map(|(at, _)| at)
            .collect();
        let workers = subject.workers();
        let frozen = workers.iter().any(|pid| process::state(*pid) == Some('T'));
        (stuck, workers.len(), frozen)
    };
    loop {
        let (stuck, workers, frozen) = waiting();
        if stuck.is_empty() && workers == WORKERS && !frozen {
            return;
        }
        if begin.elapsed() > limit {
            let text = format!(
                "not well {limit:?} after the last fault: {workers} workers, frozen: {frozen}, \
                 clients without an answer: {stuck:?}"
            );
            return record
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .wrong
                .push(text);
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn ask_stats(port: u16, record: &Mutex<Record>) -> HashMap<String, u64> {
    let limit = promised(Duration::from_secs(10));
    let asked = Errand::begin(port, limit).and_then(|mut line| {
        let stats = line.stats();
        let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
        *record.pieces.entry(line.worker).or_default() += 2;
        record.farewells += 1;
        stats
    });
    asked.unwrap_or_else(|failure| {
        let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
        record.wrong.push(format!("no counters: {failure:?}"));
        HashMap::new()
    })
}

/// Compare what everybody says.
fn settle(options: &Options, tallies: Vec<Tally>, record: Record, books: &Books) -> Report {
    let mut report = Report {
        title: format!(
            "{:?} server, {} s, seed {}, {CLIENTS} connections, {WORKERS} workers",
            options.language, options.seconds, options.seed
        ),
        ..Report::default()
    };
    for fault in &record.injected {
        *report.faults.entry(fault.fault.name().into()).or_default() += 1;
    }
    let (mut pieces, mut closings) = (record.pieces, record.closings);
    let (mut connections, mut sent, mut answered, mut cut) = (0, 0, 0, 0);
    report.wrong = record.wrong;
    for tally in tallies {
        (connections, sent) = (connections + tally.connections, sent + tally.sent);
        (answered, cut) = (answered + tally.answered, cut + tally.cut_by_stop);
        for (worker, count) in tally.pieces {
            *pieces.entry(worker).or_default() += count;
        }
        closings.extend(tally.closings);
        report.latencies.extend(tally.latencies);
        report.wrong.extend(tally.wrong);
    }
    report.latencies.sort_unstable();
    let deaths = deaths::read(&books.log);
    let verdict = judge(&closings, &deaths, &record.injected);
    report.deaths = verdict.deaths;
    report.reasons = verdict.reasons;
    report.wrong.extend(verdict.wrong);
    let unanswered: u64 = closings
        .iter()
        .map(|closing| closing.unanswered.len() as u64)
        .sum();
    let lost = books.last.get("requests_lost").copied().unwrap_or(0);
    report.figure("connections closed without reason", verdict.unexplained);
    report.figure("connections opened by clients", connections);
    report.figure("requests sent", sent);
    report.figure("requests answered", answered);
    report.figure("unanswered on connections closed with reason", unanswered);
    report.figure("unanswered when the server stopped", cut);
    report.figure("requests_lost, as the server counts", lost);
    for (name, key) in [
        ("messages dispatched", "dispatch_count"),
        ("messages served", "request_count"),
    ] {
        report.figure(name, books.last.get(key).copied().unwrap_or(0));
    }
    if record.longest_overdue > Duration::ZERO {
        let longest = record.longest_overdue.as_millis();
        report.figure("longest overdue callback until closed, ms", longest);
    }
    report.figure("server's end", &books.exit);
    if answered + unanswered + cut != sent {
        report.wrong.push(format!(
            "{sent} requests sent, but {answered} + {unanswered} + {cut}"
        ));
    }
    if books.exit != "exit status: 0" {
        report
            .wrong
            .push(format!("the server ended with {}", books.exit));
    }
    let seen = closings.len() as u64;
    report
        .wrong
        .extend(audit(books, &pieces, connections, seen, record.farewells));
    report
}

/// The server's counters against what the clients know.
fn audit(
    books: &Books,
    pieces: &HashMap<u32, u64>,
    connections: u64,
    closings: u64,
    farewells: u64,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut claim = |holds: bool, text: String| {
        if !holds {
            wrong.push(text);
        }
    };
    let number = |key: &str| books.last.get(key).copied().unwrap_or(u64::MAX);
    let [accepted, closed, lost] = ["accept_count", "close_count", "requests_lost"].map(number);
    claim(
        books.last.len() > 10,
        format!("last words: {:?}", books.last),
    );
    claim(
        accepted == closed,
        format!("{accepted} accepted, {closed} closed"),
    );
    claim(
        accepted >= connections,
        format!("{accepted} accepted, {connections} seen"),
    );
    for key in ["connection_num", "output_bytes", "held_back"] {
        claim(
            number(key) == 0,
            format!("{key} is {} at the end", number(key)),
        );
    }
    let answers: u64 = pieces.values().sum();
    for key in ["request_count", "response_count"] {
        // A callback that answered and then died counts as lost.
        let counted = number(key).saturating_add(lost);
        claim(
            counted >= answers,
            format!("{answers} answers seen, {key} + lost is {counted}"),
        );
    }
    let (dispatched, served) = (number("dispatch_count"), number("request_count"));
    claim(
        dispatched == served.saturating_add(lost),
        format!("{dispatched} messages dispatched, {served} served and {lost} lost"),
    );
    // A message may be lost after its answer, when its client has left already.
    claim(
        (closings..=closings + farewells).contains(&lost),
        format!(
            "{closings} connections closed, {lost} requests lost, {farewells} left by themselves"
        ),
    );
    for (key, then) in &books.before {
        let counts = ["count", "bytes", "lost"]
            .iter()
            .any(|end| key.ends_with(end));
        // Those of one process, and amounts that come and go.
        let own = key.starts_with("worker_") || key.starts_with("own_");
        let own = own || ["output_bytes", "rss_bytes"].contains(&key.as_str());
        claim(
            !counts || own || number(key) >= *then,
            format!("{key} fell from {then}"),
        );
    }
    for worker in 0..WORKERS as u32 {
        let served = pieces.get(&worker).copied().unwrap_or(0);
        claim(served > 0, format!("worker {worker} served nothing"));
    }
    wrong
}

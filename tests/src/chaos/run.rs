//! One run from the first census to the last.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::asker::{Asked, Asker};
use super::audit::settle;
use super::caller::{Caller, Stage, Tally};
use super::errand::Errand;
use super::inject::{Injector, Record};
use super::ledger::{Ledger, Obeyed};
use super::plan::{Fault, Plan};
use super::report::Report;
use super::subject::{Language, Subject};
use crate::census::{Census, Ground, await_free};
use crate::eventually::{eventually, promised};
use crate::process;

/// Connections whose requests are answered in the callback.
pub const CALLERS: usize = 48;

/// Connections whose errands take more than that.
pub const ASKERS: usize = 24;

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server.
    pub language: Language,
    /// How long faults are injected.
    pub seconds: u64,
    /// Seed of everything random.
    pub seed: u64,
    /// `task_redeliver`.
    pub redeliver: u64,
    /// Which faults.
    pub faults: Vec<Fault>,
    /// Where the server keeps its files; made, and removed if the run passes.
    pub directory: PathBuf,
}

/// What the server said of itself, while it served and at its end.
pub struct Books {
    /// Its counters before the stop.
    pub before: HashMap<String, u64>,
    /// Its counters at the end.
    pub last: HashMap<String, u64>,
    /// How the master ended.
    pub exit: String,
    /// The log.
    pub log: String,
    /// What its processes put on record of tasks.
    pub ledger: Ledger,
    /// Orders that were obeyed.
    pub obeyed: Vec<Obeyed>,
}

/// What the clients have seen.
#[derive(Default)]
pub struct Seen {
    /// By callers.
    pub tallies: Vec<Tally>,
    /// By askers.
    pub asked: Vec<Asked>,
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
    let mut subject = Subject::start(options.language, &options.directory, options.redeliver)?;
    let stage = Stage {
        port: subject.port(),
        seed: options.seed,
        begin: Instant::now(),
        act: AtomicUsize::new(Stage::SERVING),
        answered: (0..CALLERS + ASKERS).map(|_| AtomicU64::new(0)).collect(),
    };
    let record = Mutex::new(Record::default());
    let (seen, stats) = perform(options, &subject, &stage, &record);
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
        ledger: subject.ledger("ledger"),
        obeyed: subject.ledger("orders").obeyed,
    };
    let left = fs::read_dir(options.directory.join("tmp")).map_or(0, Iterator::count);
    drop(subject);
    before.await_same(&ground, promised(Duration::from_secs(2)));
    let record = record.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut report = settle(options, seen, record, &books);
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
) -> (Seen, HashMap<String, u64>) {
    let (mut seen, mut stats) = (Seen::default(), HashMap::new());
    thread::scope(|scope| {
        let rescue = Rescue { stage, subject };
        let callers: Vec<_> = (0..CALLERS)
            .map(|client| scope.spawn(move || Caller::run(stage, client)))
            .collect();
        let redelivers = options.redeliver > 0;
        let askers: Vec<_> = (CALLERS..CALLERS + ASKERS)
            .map(|client| scope.spawn(move || Asker::run(stage, client, redelivers)))
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
        seen.tallies = joined.map(|tally| tally.unwrap_or_default()).collect();
        let joined = askers.into_iter().map(|asker| asker.join());
        seen.asked = joined.map(|asked| asked.unwrap_or_default()).collect();
        drop(rescue);
    });
    (seen, stats)
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
        let processes = subject.processes();
        let frozen = processes
            .iter()
            .any(|pid| process::state(*pid) == Some('T'));
        (stuck, subject.is_complete(), frozen)
    };
    loop {
        let (stuck, complete, frozen) = waiting();
        if stuck.is_empty() && complete && !frozen {
            return;
        }
        if begin.elapsed() > limit {
            let text = format!(
                "not well {limit:?} after the last fault: complete: {complete}, frozen: {frozen}, \
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

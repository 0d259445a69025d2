//! The figures of a run, and the server's counters against what the clients know.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::account::{self, Evidence};
use super::asker::{Asked, Silence};
use super::caller::Closing;
use super::deaths;
use super::inject::Record;
use super::report::Report;
use super::run::{ASKERS, Books, CALLERS, Options, Seen};
use super::subject::{TASK_WORKERS, USERS, WORKERS};
use super::verdict::judge;

/// Compare what everybody says.
pub fn settle(options: &Options, seen: Seen, record: Record, books: &Books) -> Report {
    let mut report = Report {
        title: format!(
            "{:?} server, {} s, seed {}, {CALLERS} + {ASKERS} connections, {WORKERS} workers, {TASK_WORKERS} task \
             workers, {USERS} user processes, task_redeliver {}",
            options.language, options.seconds, options.seed, options.redeliver
        ),
        ..Report::default()
    };
    for fault in &record.injected {
        *report.faults.entry(fault.fault.name().into()).or_default() += 1;
    }
    let (mut pieces, mut closings) = (record.pieces, record.closings);
    let (mut connections, mut sent, mut answered, mut cut) = (0, 0, 0, 0);
    report.wrong = record.wrong;
    for tally in seen.tallies {
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
    let errands = Errands::of(seen.asked, &mut report.wrong);
    for (worker, count) in &errands.pieces {
        *pieces.entry(*worker).or_default() += count;
    }
    closings.extend(errands.closings.clone());
    let deaths = deaths::read(&books.log);
    let verdict = judge(&closings, &deaths, &record.injected, &books.obeyed);
    report.deaths = verdict.deaths;
    report.reasons = verdict.reasons;
    report.wrong.extend(verdict.wrong);
    let unanswered: usize = closings
        .iter()
        .map(|closing| closing.unanswered.len())
        .sum();
    let unanswered = unanswered as u64 - errands.cut;
    let lost = books.last.get("requests_lost").copied().unwrap_or(0);
    report.figure("connections closed without reason", verdict.unexplained);
    report.figure(
        "connections opened by clients",
        connections + errands.connections,
    );
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
    errands.show(&mut report);
    let account = account::settle(&Evidence {
        ledger: &books.ledger,
        log: &books.log,
        deaths: &deaths,
        silences: &errands.silences,
        counters: &books.last,
        redeliver: options.redeliver,
    });
    for (name, value) in account.figures {
        report.figure(name, value);
    }
    report.wrong.extend(books.ledger.wrong.iter().cloned());
    report.wrong.extend(account.wrong);
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
    let others = Others {
        pieces: errands.late_pieces,
        connections: connections + errands.connections,
        closings: closings.len() as u64,
        farewells: record.farewells + errands.silences.len() as u64,
        deaths: deaths.len() as u64,
    };
    report.wrong.extend(audit(books, &pieces, &others));
    report
}

/// What all askers have seen.
#[derive(Default)]
struct Errands {
    connections: u64,
    sent: u64,
    ends: BTreeMap<String, u64>,
    pieces: HashMap<u32, u64>,
    late_pieces: u64,
    closings: Vec<Closing>,
    silences: Vec<Silence>,
    cut: u64,
    cut_by_stop: u64,
    latencies: Vec<u32>,
}

impl Errands {
    fn of(asked: Vec<Asked>, wrong: &mut Vec<String>) -> Errands {
        let mut all = Errands::default();
        for one in asked {
            all.connections += one.connections;
            all.sent += one.sent;
            all.late_pieces += one.late_pieces;
            all.cut += one.cut;
            all.cut_by_stop += one.cut_by_stop;
            for (end, count) in one.ends {
                *all.ends.entry(end).or_default() += count;
            }
            for (worker, count) in one.pieces {
                *all.pieces.entry(worker).or_default() += count;
            }
            all.closings.extend(one.closings);
            all.silences.extend(one.silences);
            all.latencies.extend(one.latencies);
            wrong.extend(one.wrong);
        }
        let ended = all.ends.values().sum::<u64>() + all.cut + all.cut_by_stop;
        if ended + all.silences.len() as u64 != all.sent {
            wrong.push(format!(
                "{} errands sent, {ended} ended, {} silent",
                all.sent,
                all.silences.len()
            ));
        }
        all.latencies.sort_unstable();
        all
    }

    fn show(&self, report: &mut Report) {
        report.errands = self.ends.clone();
        report.figure("errands sent", self.sent);
        report.figure("errands on connections closed with reason", self.cut);
        report.figure(
            "errands without an end when the server stopped",
            self.cut_by_stop,
        );
        let middle = self
            .latencies
            .get(self.latencies.len() / 2)
            .copied()
            .unwrap_or(0);
        let longest = self.latencies.last().copied().unwrap_or(0);
        report.figure(
            "half of the errands took less than, ms",
            f64::from(middle) / 1000.0,
        );
        report.figure("the longest errand, ms", longest / 1000);
    }
}

/// What is counted beside the answers of requests.
struct Others {
    /// Answers that no request's callback gave.
    pieces: u64,
    /// Connections that clients have seen.
    connections: u64,
    /// Those that the server closed.
    closings: u64,
    /// Those that a client left.
    farewells: u64,
    /// Deaths of processes.
    deaths: u64,
}

/// The server's counters against what the clients know.
fn audit(books: &Books, pieces: &HashMap<u32, u64>, others: &Others) -> Vec<String> {
    let Others {
        connections,
        closings,
        farewells,
        ..
    } = *others;
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
    // A callback that answered and then died counts as lost.
    for (key, answers, uncounted) in [
        ("request_count", answers, lost),
        (
            "response_count",
            answers + others.pieces,
            lost + others.deaths,
        ),
    ] {
        let counted = number(key).saturating_add(uncounted);
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
        let own = own
            || [
                "output_bytes",
                "rss_bytes",
                "task_queue_bytes",
                "fed_queue_bytes",
            ]
            .contains(&key.as_str());
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

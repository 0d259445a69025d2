//! Each task, message and timer has one end: what the server's processes put on record ([`super::ledger`]), what its log
//! says and what the clients saw, compared.

use std::collections::HashMap;

use super::asker::Silence;
use super::deaths::{self, Death};
use super::ledger::{Entry, Given, Ledger, Way};
use super::plan::Role;
use super::subject::{TASK_WORKERS, WORKERS};

/// All there is to compare.
pub struct Evidence<'a> {
    /// By the processes.
    pub ledger: &'a Ledger,
    /// By the manager.
    pub log: &'a str,
    /// The same, read.
    pub deaths: &'a [Death],
    /// By the clients.
    pub silences: &'a [Silence],
    /// The server's counters at its end.
    pub counters: &'a HashMap<String, u64>,
    /// `task_redeliver`.
    pub redeliver: u64,
}

/// What it comes to.
#[derive(Debug, Default)]
pub struct Account {
    /// For the report.
    pub figures: Vec<(&'static str, u64)>,
    /// What must not be.
    pub wrong: Vec<String>,
}

/// How a task whose result was to come to onFinish has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// onFinish, in these processes.
    Finished,
    /// onTaskLost, in the process that gave it.
    Lost(i32),
    /// onTaskLost, in its successor.
    LostOrphan,
    /// Whoever was hearing of it died of that.
    WithReader,
    /// It died as it was about to.
    BeforeReader,
}

/// Role of a child id.
fn role_of(id: u32) -> Role {
    match id as usize {
        id if id < WORKERS => Role::Worker,
        id if id < WORKERS + TASK_WORKERS => Role::TaskWorker,
        _ => Role::UserProcess,
    }
}

/// Takes one of these away, if there is one.
fn use_up<T>(list: &mut Vec<T>, fits: impl Fn(&T) -> bool) -> bool {
    let found = list.iter().position(fits);
    found.map(|at| list.swap_remove(at)).is_some()
}

/// Who died, and whether it was in a callback that hears of the end of a task.
fn reader(death: &Death) -> (u32, bool) {
    let hears = ["onFinish", "onTaskLost"].contains(&&*death.callback);
    (death.worker, hears)
}

struct Auditor<'a> {
    evidence: &'a Evidence<'a>,
    /// Calls of onTaskLost that no task was found for yet: in the asker by its process, else by its id.
    own_losses: HashMap<(i32, u64), u64>,
    orphan_losses: HashMap<(u32, u64), u64>,
    /// Deaths that have not explained the end of a result with its reader yet: whose, and whether in a callback for results.
    readers: Vec<(u32, bool)>,
    ends: HashMap<&'a str, End>,
    account: Account,
}

/// Compare.
pub fn settle(evidence: &Evidence<'_>) -> Account {
    let mut auditor = Auditor {
        evidence,
        own_losses: HashMap::new(),
        orphan_losses: HashMap::new(),
        readers: evidence.deaths.iter().map(reader).collect(),
        ends: HashMap::new(),
        account: Account::default(),
    };
    auditor.sort_losses();
    auditor.check_tasks();
    auditor.check_losses();
    auditor.check_silences();
    auditor.check_counters();
    auditor.account
}

impl<'a> Auditor<'a> {
    fn wrong(&mut self, text: String) {
        self.account.wrong.push(text);
    }

    fn figure(&mut self, name: &'static str, value: usize) {
        self.account.figures.push((name, value as u64));
    }

    fn has_died(&self, pid: i32) -> bool {
        self.evidence.deaths.iter().any(|death| death.pid == pid)
    }

    fn deaths_of(&self, role: Role) -> usize {
        let of_role = |death: &&Death| role_of(death.worker) == role;
        self.evidence.deaths.iter().filter(of_role).count()
    }

    fn sort_losses(&mut self) {
        for loss in &self.evidence.ledger.losses {
            let entry = match loss.orphaned {
                false => self.own_losses.entry((loss.pid, loss.id)).or_default(),
                true => (self.orphan_losses.entry((loss.asker, loss.id))).or_default(),
            };
            *entry += 1;
        }
    }

    /// Every task on record, by itself.
    fn check_tasks(&mut self) {
        let ledger = self.evidence.ledger;
        let mut open = Vec::new();
        let (mut unrecorded, mut unheard, mut twice) = (0, Vec::new(), 0);
        let mut counts = HashMap::<&str, usize>::new();
        for (ticket, entry) in &ledger.tasks {
            self.check_repetition(ticket, entry);
            twice += usize::from(entry.runs.len() > 1);
            let Some(given) = &entry.given else {
                unrecorded += 1;
                continue;
            };
            match given.way {
                Way::Plain => {
                    *counts.entry("tasks for onFinish").or_default() += 1;
                    self.check_plain(ticket, entry, given, &mut open);
                }
                Way::Waited => {
                    *counts.entry("tasks waited for").or_default() += 1;
                    self.check_waited(ticket, entry, given);
                }
                Way::Unheard => {
                    *counts.entry("tasks of user processes").or_default() += 1;
                    if entry.runs.is_empty() {
                        unheard.push((ticket, given));
                    }
                }
            }
        }
        for (name, count) in counts {
            self.figure(name, count);
        }
        self.figure("tasks run again", twice);
        let (mut orphans, mut with_reader, mut before) = (0, 0, 0);
        for (ticket, given) in open {
            let end = self.end_of_orphan(given);
            match end {
                Some(End::LostOrphan) => orphans += 1,
                Some(End::BeforeReader) => before += 1,
                Some(_) => with_reader += 1,
                None => self.wrong(format!("task {ticket} has no end: {given:?}")),
            }
            end.map(|end| self.ends.insert(ticket, end));
        }
        self.figure("lost, and their askers dead", orphans);
        self.figure("ends that died with their readers", with_reader + before);
        // From its queue to the callback are microseconds: who is killed there has had bad luck once.
        if before > 1 {
            self.wrong(format!(
                "{before} ends died with their readers before these were in a callback for them"
            ));
        }
        // Killed between the call and the record.
        let killed = self.deaths_of(Role::Worker) + self.deaths_of(Role::UserProcess);
        if unrecorded > killed + ledger.torn {
            self.wrong(format!("{unrecorded} tasks were given by nobody"));
        }
        let lost = deaths::lost_tasks(self.evidence.log);
        let (left, _) = deaths::left_at_stop(self.evidence.log);
        let missing = unheard.into_iter().filter(|(_, given)| {
            let is_it =
                |loss: &&deaths::LostTask| loss.asker == given.asker && Some(loss.id) == given.id;
            !lost.iter().any(|loss| is_it(&loss))
        });
        let missing: Vec<_> = missing.collect();
        if missing.len() as u64 > left {
            self.wrong(format!("not run, not lost: {missing:?}"));
        }
    }

    /// Nothing is run or answered more often than it may be.
    fn check_repetition(&mut self, ticket: &str, entry: &Entry) {
        let most = 1 + self.evidence.redeliver as usize;
        if entry.runs.len() > most {
            self.wrong(format!("task {ticket} was run by {:?}", entry.runs));
        }
        if entry.finishes.len() > most {
            self.wrong(format!("task {ticket} has {:?}", entry.finishes));
        }
        if let Some(given) = &entry.given {
            let is_right =
                |finish: &super::ledger::Finish| finish.orphaned == (finish.pid != given.pid);
            if !entry.finishes.iter().all(is_right) {
                let found = &entry.finishes;
                self.wrong(format!("task {ticket}, {given:?}: finished in {found:?}"));
            }
        }
    }

    fn check_plain(
        &mut self,
        ticket: &'a str,
        entry: &Entry,
        given: &'a Given,
        open: &mut Vec<(&'a str, &'a Given)>,
    ) {
        let lost = given.id.is_some_and(|id| {
            let left = self.own_losses.get_mut(&(given.pid, id));
            left.filter(|count| **count > 0)
                .map(|count| *count -= 1)
                .is_some()
        });
        let end = match (entry.finishes.is_empty(), lost) {
            (false, false) => End::Finished,
            (true, true) => End::Lost(given.pid),
            (false, true) => {
                self.wrong(format!("task {ticket} was finished and lost: {entry:?}"));
                End::Finished
            }
            (true, false) => return open.push((ticket, given)),
        };
        self.ends.insert(ticket, end);
    }

    fn check_waited(&mut self, ticket: &str, entry: &Entry, given: &Given) {
        if entry.waited.is_none() && !self.has_died(given.pid) {
            self.wrong(format!("the wait for {ticket} has no end: {given:?}"));
        }
        if !entry.finishes.is_empty() || entry.waited.as_deref() == Some("spoiled") {
            self.wrong(format!("the wait for {ticket}: {entry:?}"));
        }
    }

    /// What its asker has not heard of: its successor has, or one of them died at that.
    fn end_of_orphan(&mut self, given: &Given) -> Option<End> {
        let id = given.id?;
        let left = self.orphan_losses.get_mut(&(given.asker, id));
        if let Some(count) = left.filter(|count| **count > 0) {
            *count -= 1;
            return Some(End::LostOrphan);
        }
        let asker = given.asker;
        if use_up(&mut self.readers, |reader| *reader == (asker, true)) {
            return Some(End::WithReader);
        }
        use_up(&mut self.readers, |(worker, _)| *worker == asker).then_some(End::BeforeReader)
    }

    /// Calls of onTaskLost for which there is no task, and what the log says of losses.
    fn check_losses(&mut self) {
        let alone = |losses: &HashMap<(i32, u64), u64>| losses.values().sum::<u64>();
        let unknown = alone(&self.own_losses);
        if unknown > 0 {
            self.wrong(format!(
                "{unknown} calls of onTaskLost for tasks that had an end"
            ));
        }
        // Their askers died before they could put them on record.
        let strange: Vec<_> = self
            .orphan_losses
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(of, _)| *of)
            .collect();
        for (asker, id) in strange {
            if !use_up(&mut self.readers, |(worker, _)| *worker == asker) {
                self.wrong(format!("lost by nobody: task[{id}] of worker#{asker}"));
            }
        }
        let lost = deaths::lost_tasks(self.evidence.log);
        let (left, _) = deaths::left_at_stop(self.evidence.log);
        let heard = self.evidence.ledger.losses.len() as u64;
        if heard > lost.len() as u64 + left {
            self.wrong(format!(
                "{heard} calls of onTaskLost, {} losses in the log and {left} at the stop",
                lost.len()
            ));
        }
        let by_death = lost
            .iter()
            .filter(|loss| loss.reason == "the task worker died")
            .count();
        let deaths = self.deaths_of(Role::TaskWorker);
        if by_death > deaths {
            self.wrong(format!(
                "{by_death} tasks lost by {deaths} deaths of task workers"
            ));
        }
        self.figure("tasks lost", lost.len());
        self.figure("tasks left at the stop", left as usize);
    }

    /// Clients that got no answer.
    fn check_silences(&mut self) {
        let mut messages = deaths::lost_messages(self.evidence.log);
        let mut deaths: Vec<u32> = self
            .evidence
            .deaths
            .iter()
            .map(|death| death.worker)
            .collect();
        let timeouts = self.evidence.log.matches("worker exit timeout").count();
        let mut cut_off = vec![(); timeouts];
        let mut by_kind = HashMap::<&str, usize>::new();
        for silence in self.evidence.silences {
            let explained = match silence.kind {
                "task" | "targeted" => self.explains(&silence.ticket),
                "message" => use_up(&mut messages, |lost| {
                    lost.sender == silence.worker && u64::from(lost.receiver) == silence.number
                }),
                "user" => {
                    use_up(&mut deaths, |worker| u64::from(*worker) == silence.number)
                        || use_up(&mut messages, |lost| {
                            u64::from(lost.sender) == silence.number
                        })
                }
                "after" => self.has_died(silence.pid) || use_up(&mut cut_off, |()| true),
                _ => false, // a wait ends in the callback
            };
            if !explained {
                let entry = self.evidence.ledger.tasks.get(&silence.ticket);
                self.wrong(format!("no answer: {silence:?}, {entry:?}"));
            }
            *by_kind.entry(silence.kind).or_default() += 1;
        }
        for (kind, name) in [
            ("task", "silent: untargeted tasks"),
            ("targeted", "silent: targeted tasks"),
            ("message", "silent: messages"),
            ("user", "silent: user processes"),
            ("after", "silent: timers"),
        ] {
            let count = by_kind.get(kind).copied().unwrap_or(0);
            self.figure(name, count);
        }
    }

    /// Whether a client may not have heard of a task.
    fn explains(&self, ticket: &str) -> bool {
        let Some(entry) = self.evidence.ledger.tasks.get(ticket) else {
            return false;
        };
        match self.ends.get(ticket) {
            Some(End::Finished) => entry
                .finishes
                .iter()
                .all(|finish| self.has_died(finish.pid)),
            Some(End::Lost(reader)) => self.has_died(*reader),
            Some(End::LostOrphan | End::WithReader | End::BeforeReader) => true,
            None => false,
        }
    }

    /// The server's own counters.
    fn check_counters(&mut self) {
        let log = self.evidence.log;
        let number = |key: &str| self.evidence.counters.get(key).copied().unwrap_or(u64::MAX);
        let (tasks_left, messages_left) = deaths::left_at_stop(log);
        let tasks_lost = deaths::lost_tasks(log).len() as u64 + tasks_left;
        let messages_lost = deaths::lost_messages(log).len() as u64 + messages_left;
        let ledger = self.evidence.ledger;
        let is_given = |entry: &&Entry| {
            let refused = entry
                .waited
                .as_deref()
                .is_some_and(|what| what.starts_with("refused"));
            !refused
        };
        let given = ledger.tasks.values().filter(is_given).count() as u64;
        let killed = (self.deaths_of(Role::Worker) + self.deaths_of(Role::UserProcess)) as u64;
        let again = match self.evidence.redeliver {
            0 => 0,
            _ => self.deaths_of(Role::TaskWorker) as u64,
        };
        let expired = log.matches("has expired").count();
        let late = |entry: &&Entry| matches!(entry.waited.as_deref(), Some("late" | "lost"));
        let late = ledger.tasks.values().filter(late).count();
        let mut wrong = Vec::new();
        let mut claim = |holds: bool, text: String| {
            if !holds {
                wrong.push(text);
            }
        };
        for (key, counted) in [("tasks_lost", tasks_lost), ("messages_lost", messages_lost)] {
            claim(
                number(key) == counted,
                format!("{key} is {}, the log has {counted}", number(key)),
            );
        }
        for key in ["tasking_num", "tasks_at_work", "task_queue_bytes"] {
            claim(
                number(key) == 0,
                format!("{key} is {} at the end", number(key)),
            );
        }
        let count = number("task_count");
        claim(
            (given.saturating_sub(killed)..=given + killed + again).contains(&count),
            format!("task_count is {count}, {given} are on record, {killed} askers died"),
        );
        claim(
            expired <= late || self.evidence.redeliver > 0,
            format!("{expired} results have expired, {late} waits were given up"),
        );
        self.account.wrong.extend(wrong);
        self.figure("messages lost", messages_lost as usize);
        self.figure("waits given up", late);
        self.figure("results that came too late for their waits", expired);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with this record and log, of a server that counted `tasks` tasks and `lost` losses.
    fn wrong(ledger: &str, log: &str, (tasks, lost): (u64, u64), redeliver: u64) -> Vec<String> {
        let counters = [
            ("task_count", tasks),
            ("tasks_lost", lost),
            ("messages_lost", 0),
            ("tasking_num", 0),
            ("tasks_at_work", 0),
            ("task_queue_bytes", 0),
        ];
        let account = settle(&Evidence {
            ledger: &Ledger::read(&ledger.replace(", ", ";\n")),
            log,
            deaths: &deaths::read(log),
            silences: &[],
            counters: &counters.map(|(key, value)| (key.into(), value)).into(),
            redeliver,
        });
        account.wrong
    }

    const LOST: &str = "[x $1.0]\tWARNING\ttask[9] of worker#2 is lost: the task worker died\n\
        [x $1.0]\tWARNING\tworker 9 (pid 80) lost: signal 9 (SIGKILL), uptime 1.5 s, 17 requests served, last callback \
        onTask, peak memory 2.0 MiB\n";
    const ASKER_DIED: &str = "[x $1.0]\tWARNING\tworker 2 (pid 70) lost: signal 9 (SIGKILL), uptime 1.5 s, 17 requests \
        served, last callback onReceive, fd 5, peak memory 2.0 MiB\n";

    #[test]
    fn a_task_that_is_run_and_finished_once_is_right() {
        let good = "given 1.1 2 70 plain 9, ran 1.1 80, finished 1.1 2 70 0;";
        assert_eq!(wrong(good, "", (1, 0), 0), Vec::<String>::new());
        let orphan = "given 1.1 2 70 plain 9, ran 1.1 80, finished 1.1 2 71 1;";
        assert_eq!(wrong(orphan, ASKER_DIED, (1, 0), 0), Vec::<String>::new());
        let lost = "given 1.1 2 70 plain 9, ran 1.1 80, lost 2 70 9 0;";
        assert_eq!(wrong(lost, LOST, (1, 1), 0), Vec::<String>::new());
    }

    #[test]
    fn what_has_no_end_or_two_is_wrong() {
        let is_wrong = |ledger: &str, log: &str, lost, redeliver| {
            !wrong(ledger, log, (1, lost), redeliver).is_empty()
        };
        let given = "given 1.1 2 70 plain 9, ran 1.1 80";
        assert!(is_wrong(&format!("{given};"), "", 0, 0), "no end");
        let twice = format!("{given}, ran 1.1 81, finished 1.1 2 70 0;");
        assert!(is_wrong(&twice, "", 0, 0), "run twice");
        assert!(!is_wrong(&twice, "", 0, 1), "as it may");
        let doubled = format!("{given}, finished 1.1 2 70 0, finished 1.1 2 70 0;");
        assert!(is_wrong(&doubled, "", 0, 0), "two results");
        let both = format!("{given}, finished 1.1 2 70 0, lost 2 70 9 0;");
        assert!(is_wrong(&both, LOST, 1, 0), "finished and lost");
        let elsewhere = format!("{given}, finished 1.1 2 71 0;");
        assert!(
            is_wrong(&elsewhere, "", 0, 0),
            "no orphan in another process"
        );
        let uncounted = format!("{given}, lost 2 70 9 0;");
        assert!(
            is_wrong(&uncounted, LOST, 0, 0),
            "the server has not counted it"
        );
        let wait = "given 1.1 2 70 waited -, ran 1.1 80;";
        assert!(is_wrong(wait, "", 0, 0), "a wait without an end");
        assert!(
            !is_wrong(wait, ASKER_DIED, 0, 0),
            "its end is that of its asker"
        );
    }
}

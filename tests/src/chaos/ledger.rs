//! What the processes of the server put on record of tasks: one file that all of them append to.
//!
//! | record | by whom, when |
//! |---|---|
//! | `given <ticket> <worker> <pid> plain <id>` | the asker, when the task is accepted; its result comes to onFinish |
//! | `given <ticket> <worker> <pid> waited -` | the asker, before it gives the task and waits |
//! | `given <ticket> <worker> <pid> unheard <id>` | a user process: nobody hears of the task |
//! | `ran <ticket> <pid>` | the task worker, at the beginning of onTask |
//! | `finished <ticket> <worker> <pid> <orphaned>` | at the beginning of onFinish |
//! | `lost <worker> <pid> <id> <orphaned>` | at the beginning of onTaskLost |
//! | `waited <ticket> <pid> <what>` | the asker, after the wait: `done`, `lost`, `late`, `refused-<code>` ... |
//! | `obeys <ticket> <pid> <order>` | in a file of its own: who is about to obey an order |
//!
//! A record begins with a line feed and ends with `;`: one that was cut off by a death spoils no other.

use std::collections::HashMap;

/// How a task was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Its result comes to onFinish.
    Plain,
    /// The asker waits for it.
    Waited,
    /// Nobody hears of it.
    Unheard,
}

/// Who gave a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Id of the asker.
    pub asker: u32,
    /// Its process.
    pub pid: i32,
    /// How.
    pub way: Way,
    /// Number of the task; not known of those that are waited for.
    pub id: Option<u64>,
}

/// A call of onFinish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish {
    /// Whose.
    pub pid: i32,
    /// As the engine has it.
    pub orphaned: bool,
}

/// All that is on record of one task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// None: the asker died before it could say so.
    pub given: Option<Given>,
    /// Task workers that began it.
    pub runs: Vec<i32>,
    /// Results.
    pub finishes: Vec<Finish>,
    /// What a wait came to.
    pub waited: Option<String>,
}

/// A call of onTaskLost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Id of who gave the task.
    pub asker: u32,
    /// Who heard of it.
    pub pid: i32,
    /// Number of the task.
    pub id: u64,
    /// As the engine has it.
    pub orphaned: bool,
}

/// An order that was obeyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obeyed {
    /// Its ticket.
    pub ticket: String,
    /// By whom.
    pub pid: i32,
    /// Which.
    pub order: String,
}

/// The whole record.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By ticket.
    pub tasks: HashMap<String, Entry>,
    /// Calls of onTaskLost.
    pub losses: Vec<Loss>,
    /// Orders of task workers and user processes.
    pub obeyed: Vec<Obeyed>,
    /// Records that were cut off.
    pub torn: usize,
    /// What is no record.
    pub wrong: Vec<String>,
}

impl Ledger {
    /// Read one.
    pub fn read(text: &str) -> Ledger {
        let mut ledger = Ledger::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let Some(record) = line.strip_suffix(';') else {
                ledger.torn += 1;
                continue;
            };
            if ledger.enter(record).is_none() {
                ledger.wrong.push(format!("no record: {record}"));
            }
        }
        ledger
    }

    fn enter(&mut self, record: &str) -> Option<()> {
        let words: Vec<&str> = record.splitn(4, ' ').collect();
        match words[..] {
            ["given", ticket, asker, rest] => {
                let mut rest = rest.split(' ');
                let given = Given {
                    asker: asker.parse().ok()?,
                    pid: rest.next()?.parse().ok()?,
                    way: match rest.next()? {
                        "plain" => Way::Plain,
                        "waited" => Way::Waited,
                        "unheard" => Way::Unheard,
                        _ => return None,
                    },
                    id: rest.next()?.parse().ok(),
                };
                let before = self.task(ticket).given.replace(given);
                if before.is_some() {
                    self.wrong.push(format!("{ticket} was given twice"));
                }
            }
            ["ran", ticket, pid] => self.task(ticket).runs.push(pid.parse().ok()?),
            ["finished", ticket, _, rest] => {
                let (pid, orphaned) = rest.split_once(' ')?;
                let finish = Finish {
                    pid: pid.parse().ok()?,
                    orphaned: orphaned == "1",
                };
                self.task(ticket).finishes.push(finish);
            }
            ["lost", asker, pid, rest] => {
                let (id, orphaned) = rest.split_once(' ')?;
                self.losses.push(Loss {
                    asker: asker.parse().ok()?,
                    pid: pid.parse().ok()?,
                    id: id.parse().ok()?,
                    orphaned: orphaned == "1",
                });
            }
            ["waited", ticket, _, what] => self.task(ticket).waited = Some(what.into()),
            ["obeys", ticket, pid, order] => self.obeyed.push(Obeyed {
                ticket: ticket.into(),
                pid: pid.parse().ok()?,
                order: order.into(),
            }),
            _ => return None,
        }
        Some(())
    }

    fn task(&mut self, ticket: &str) -> &mut Entry {
        self.tasks.entry(ticket.into()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_and_torn_ones_spoil_no_other() {
        let text = "\ngiven 1.5 2 77 plain 9;\nran 1.5 80;\nran 1.\nfinished 1.5 2 78 1;\
                    \nlost 2 77 10 0;\nwaited 1.6 77 late;\nobeys o.1 80 !sleep 300;\nnonsense;";
        let ledger = Ledger::read(text);
        let entry = &ledger.tasks["1.5"];
        let given = entry
            .given
            .as_ref()
            .map(|given| (given.asker, given.pid, given.way, given.id));
        assert_eq!(given, Some((2, 77, Way::Plain, Some(9))));
        assert_eq!(entry.runs, [80]);
        let finish = Finish {
            pid: 78,
            orphaned: true,
        };
        assert_eq!(entry.finishes, [finish]);
        assert_eq!(ledger.tasks["1.6"].waited.as_deref(), Some("late"));
        assert_eq!(
            (ledger.losses[0].id, ledger.losses[0].orphaned),
            (10, false)
        );
        assert_eq!(ledger.obeyed[0].order, "!sleep 300");
        assert_eq!((ledger.torn, ledger.wrong.len()), (1, 1));
    }
}

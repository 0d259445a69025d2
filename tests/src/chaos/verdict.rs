//! Every end has a reason: closings are explained by deaths, deaths by faults, each used once.

use std::collections::BTreeMap;

use super::caller::Closing;
use super::deaths::Death;
use super::inject::Injected;
use super::ledger::Obeyed;
use super::plan::{Means, Role};
use super::subject::WORKERS;

/// How long after its fault a death may be noticed by a client: back-off, deadline and a busy machine.
const AFTERMATH_MS: u64 = 8_000;

/// What was found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Closings by reason.
    pub reasons: BTreeMap<String, u64>,
    /// Deaths by fault and exit.
    pub deaths: BTreeMap<String, u64>,
    /// Closings without a reason.
    pub unexplained: u64,
    /// What must not be.
    pub wrong: Vec<String>,
}

/// The fault that brought this death: one that this very callback was told to do, else one done to the process.
fn cause<'a>(death: &Death, injected: &'a [Injected], obeyed: &[Obeyed]) -> Option<&'a Injected> {
    let told = |fault: &&Injected| fault.fd != 0 && death.fd == Some(fault.fd);
    let hit = |fault: &&Injected| {
        // What a worker was told is known by the session, unless the deadline ended it.
        let told_alone = fault.fault.role() == Role::Worker
            && matches!(fault.fault.means(), Means::Order(_))
            && !fault.fault.needs_deadline();
        fault.fault.is_deadly() && !told_alone && fault.pid == death.pid
    };
    let obeying = |fault: &&Injected| {
        let by_it = |order: &Obeyed| order.pid == death.pid && order.ticket == fault.ticket;
        fault.fault.is_deadly() && obeyed.iter().any(by_it)
    };
    (injected.iter().find(told))
        .or_else(|| injected.iter().find(hit))
        .or_else(|| injected.iter().rfind(obeying))
}

fn end_of(death: &Death) -> String {
    match death.signal {
        0 => format!("exit code {}", death.code),
        signal => format!("signal {signal}"),
    }
}

/// Compare.
pub fn judge(
    closings: &[Closing],
    deaths: &[Death],
    injected: &[Injected],
    obeyed: &[Obeyed],
) -> Verdict {
    let mut verdict = Verdict::default();
    let mut open: Vec<(&Death, Option<&Injected>)> = Vec::new();
    for death in deaths {
        let cause = cause(death, injected, obeyed);
        if let Some(cause) = cause {
            let name = format!("{}: {}", cause.fault.name(), end_of(death));
            *verdict.deaths.entry(name).or_default() += 1;
        } else {
            verdict
                .wrong
                .push(format!("nobody did anything to it: {death:?}"));
        }
        if death.worker < WORKERS as u32 {
            open.push((death, cause)); // others have no sessions
        }
    }
    let mut take = |fits: &dyn Fn(&Death, Option<&Injected>) -> bool| {
        let found = open.iter().position(|(death, cause)| fits(death, *cause))?;
        Some(open.swap_remove(found))
    };
    // By the session's number first, so that vaguer matches get only what is left.
    let mut vague = Vec::new();
    for closing in closings {
        let of_this = |death: &Death, _: Option<&Injected>| death.fd == Some(closing.fd);
        match take(&of_this) {
            Some((death, cause)) => {
                let name = cause.map_or("?", |cause| cause.fault.name());
                let reason = format!("{name} ({})", end_of(death));
                *verdict.reasons.entry(reason).or_default() += 1;
            }
            None => vague.push(closing),
        }
    }
    for closing in vague {
        // Not greeted: the message at work was the greeting. Else the worker died between taking the message
        // and entering its callback, so that the record has no session.
        let near = |death: &Death, cause: Option<&Injected>| {
            let same = closing.worker == u32::MAX || closing.worker == death.worker;
            let at = cause.map_or(0, |cause| cause.at);
            let soon = at <= closing.at && closing.at <= at + AFTERMATH_MS;
            same && soon && (closing.fd == 0) == death.fd.is_some()
        };
        let reason = match take(&near) {
            Some(_) if closing.fd == 0 => "worker died in the greeting",
            Some(_) => "worker died just before the callback",
            None => {
                verdict.unexplained += 1;
                verdict
                    .wrong
                    .push(format!("closed without a reason: {closing:?}"));
                continue;
            }
        };
        *verdict.reasons.entry(reason.into()).or_default() += 1;
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::plan::Fault;

    fn judged(closings: &[Closing], deaths: &[Death], injected: &[Injected]) -> Verdict {
        judge(closings, deaths, injected, &[])
    }

    fn closing(fd: u64, worker: u32, at: u64) -> Closing {
        let (who, how) = ("client 1".into(), "end of file".into());
        Closing {
            who,
            fd,
            worker,
            unanswered: vec![1],
            how,
            at,
        }
    }

    fn killed(pid: i32, fd: Option<u64>) -> Death {
        Death {
            worker: 2,
            pid,
            code: 0,
            signal: 9,
            callback: "onReceive".into(),
            fd,
        }
    }

    fn kill(pid: i32, at: u64) -> Injected {
        Injected {
            fault: Fault::Kill,
            pid,
            fd: 0,
            ticket: String::new(),
            at,
        }
    }

    #[test]
    fn one_death_explains_one_closing() {
        let verdict = judged(
            &[closing(5, 2, 120)],
            &[killed(99, Some(5))],
            &[kill(99, 100)],
        );
        assert_eq!((verdict.unexplained, verdict.wrong), (0, vec![]));
        let both = [closing(5, 2, 120), closing(6, 2, 120)];
        assert_eq!(
            judged(&both, &[killed(99, Some(5))], &[kill(99, 100)]).unexplained,
            1
        );
        let early = [closing(6, 2, 120)];
        assert_eq!(
            judged(&early, &[killed(99, None)], &[kill(99, 100)]).unexplained,
            0
        );
    }

    #[test]
    fn deaths_without_a_fault_and_closings_at_other_times_are_wrong() {
        assert_eq!(
            judged(&[], &[killed(99, None)], &[kill(98, 100)])
                .wrong
                .len(),
            1
        );
        let before = [closing(6, 2, 20)];
        assert_eq!(
            judged(&before, &[killed(99, None)], &[kill(99, 100)]).unexplained,
            1
        );
        let elsewhere = [closing(6, 3, 120)];
        assert_eq!(
            judged(&elsewhere, &[killed(99, None)], &[kill(99, 100)]).unexplained,
            1
        );
    }
}

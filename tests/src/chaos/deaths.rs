//! The deaths of processes, as the server's log tells them, and what was lost by them.

/// One crash record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// Which worker, task worker or user process.
    pub worker: u32,
    /// Its process.
    pub pid: i32,
    /// Exit code, or 0.
    pub code: i32,
    /// Signal, or 0.
    pub signal: i32,
    /// The callback it was in, or was in last; empty if it was in none.
    pub callback: String,
    /// Session whose callback ran.
    pub fd: Option<u64>,
}

/// A task that the log says is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostTask {
    /// Id of who gave it.
    pub asker: u32,
    /// Its number.
    pub id: u64,
    /// The rest.
    pub reason: String,
}

/// A message between processes that the log says is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostMessage {
    /// Id of who sent it.
    pub sender: u32,
    /// Id of who died at it.
    pub receiver: u32,
}

/// The number that stands behind `label`.
fn number<T: std::str::FromStr>(line: &str, label: &str) -> Option<T> {
    let (_, rest) = line.split_once(label)?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

fn parse(line: &str) -> Option<Death> {
    let (_, text) = line.split_once("\tworker ")?;
    let (head, story) = text.split_once(" lost: ")?;
    Some(Death {
        worker: head.split(' ').next()?.parse().ok()?,
        pid: number(head, "(pid ")?,
        code: number(story, "exit code ").unwrap_or(0),
        signal: number(story, "signal ").unwrap_or(0),
        callback: story
            .split_once(", last callback ")
            .and_then(|(_, rest)| rest.split(',').next())
            .unwrap_or_default()
            .into(),
        fd: number(story, ", fd "),
    })
}

/// `task[7] of worker#2 is lost: the task worker died`
fn lost_task(line: &str) -> Option<LostTask> {
    let (head, reason) = line.split_once(" is lost: ")?;
    Some(LostTask {
        id: number(head, "task[")?,
        asker: number(head, "] of worker#")?,
        reason: reason.into(),
    })
}

/// `a message of Worker(2) (id 2) is lost: worker 3 died while it was at it`
fn lost_message(line: &str) -> Option<LostMessage> {
    let (head, story) = line
        .split_once("a message of ")?
        .1
        .split_once(" is lost: ")?;
    Some(LostMessage {
        sender: number(head, "(id ")?,
        receiver: number(story, "worker ")?,
    })
}

/// Single tasks that are lost.
pub fn lost_tasks(log: &str) -> Vec<LostTask> {
    log.lines().filter_map(lost_task).collect()
}

/// Messages that are lost.
pub fn lost_messages(log: &str) -> Vec<LostMessage> {
    log.lines().filter_map(lost_message).collect()
}

/// How many tasks, and how many messages, were waiting when the server stopped, and are lost.
pub fn left_at_stop(log: &str) -> (u64, u64) {
    let count = |what: &str| {
        let lines = log.lines().filter(|line| line.contains(what));
        let counts = lines.filter_map(|line| {
            let (head, _) = line.split_once(what)?;
            head.rsplit(['\t', ' ']).next()?.parse::<u64>().ok()
        });
        counts.sum()
    };
    (
        count(" tasks were waiting when the server stopped: they are lost"),
        count(" messages between processes were waiting when the server stopped: they are lost"),
    )
}

/// All that the log has.
pub fn read(log: &str) -> Vec<Death> {
    log.lines().filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_record_is_read() {
        let log = "[x $1.0]\tWARNING\tworker 3 (pid 99) lost: signal 9 (SIGKILL), uptime 1.5 s, 17 requests \
                   served, last callback onReceive, fd 5, peak memory 2.0 MiB\n\
                   [x $1.0]\tWARNING\tworker 0 (pid 7) lost: exit code 255, uptime 1.5 s, 0 requests served, \
                   before its first callback, peak memory 2.0 MiB\n[x $1.0]\tINFO\tother";
        let death = |worker, pid, code, signal, callback: &str, fd| Death {
            worker,
            pid,
            code,
            signal,
            callback: callback.into(),
            fd,
        };
        let expected = [
            death(3, 99, 0, 9, "onReceive", Some(5)),
            death(0, 7, 255, 0, "", None),
        ];
        assert_eq!(read(log), expected);
    }

    #[test]
    fn losses_are_read() {
        let log = "[x ^1.0]\tWARNING\ttask[7] of worker#2 is lost: the task worker died\n\
                   [x $1.0]\tWARNING\ta message of Worker(2) (id 2) is lost: worker 3 died while it was at it\n\
                   [x $1.0]\tWARNING\t12 tasks were waiting when the server stopped: they are lost";
        let task = LostTask {
            asker: 2,
            id: 7,
            reason: "the task worker died".into(),
        };
        let message = LostMessage {
            sender: 2,
            receiver: 3,
        };
        assert_eq!(lost_tasks(log), [task]);
        assert_eq!(lost_messages(log), [message]);
        assert_eq!(left_at_stop(log), (12, 0));
    }
}

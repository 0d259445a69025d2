//! The deaths of workers, as the server's log tells them.

/// One crash record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// Which worker.
    pub worker: u32,
    /// Its process.
    pub pid: i32,
    /// Exit code, or 0.
    pub code: i32,
    /// Signal, or 0.
    pub signal: i32,
    /// Session whose callback ran.
    pub fd: Option<u64>,
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
        fd: number(story, ", fd "),
    })
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
        let death = |worker, pid, code, signal, fd| Death {
            worker,
            pid,
            code,
            signal,
            fd,
        };
        let expected = [death(3, 99, 0, 9, Some(5)), death(0, 7, 255, 0, None)];
        assert_eq!(read(log), expected);
    }
}

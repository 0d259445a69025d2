//! What there is on the machine before and after: anything more than before was left behind.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;

use crate::eventually::{eventually, promised};
use crate::sandbox;

/// A count of everything a server could leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Census {
    /// Descriptors of this process.
    pub descriptors: Vec<String>,
    /// Its children, zombies included.
    pub children: BTreeSet<i32>,
    /// Files in [`sandbox::PLACES`], queues, semaphores and segments; `None` if they are shared with strangers.
    pub objects: Option<BTreeSet<String>>,
}

/// What a place of one's own is not given on every machine; the report says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// Nobody else's objects are seen.
    Own,
    /// Why not.
    Shared(String),
}

impl Ground {
    /// Make the calling thread's world its own, if the system allows it. Files of these tests stay visible.
    pub fn claim() -> Ground {
        let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut keep: Vec<PathBuf> = tests.parent().map(PathBuf::from).into_iter().collect();
        let own = std::env::current_exe().ok();
        // target/<profile>/deps: everything cargo builds may be outside of the project
        keep.extend(
            own.as_deref()
                .and_then(|own| own.ancestors().nth(3))
                .map(PathBuf::from),
        );
        match sandbox::enter(&keep) {
            Ok(()) => Ground::Own,
            Err(reason) => Ground::Shared(reason),
        }
    }
}

fn names(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path().display().to_string())
        .collect()
}

fn children() -> BTreeSet<i32> {
    let tasks = names("/proc/self/task").into_iter();
    let texts = tasks.filter_map(|task| fs::read_to_string(format!("{task}/children")).ok());
    let texts: Vec<String> = texts.collect();
    let pids = texts.iter().flat_map(|text| text.split_whitespace());
    pids.filter_map(|pid| pid.parse().ok()).collect()
}

fn objects() -> BTreeSet<String> {
    let files = sandbox::PLACES.into_iter().flat_map(names);
    let queues = ["shm", "sem", "msg"].into_iter().flat_map(|kind| {
        let table = fs::read_to_string(format!("/proc/sysvipc/{kind}")).unwrap_or_default();
        let lines: Vec<_> = table
            .lines()
            .skip(1)
            .map(|line| format!("{kind} {line}"))
            .collect();
        lines
    });
    files.chain(queues).collect()
}

impl Census {
    /// Count.
    pub fn take(ground: &Ground) -> Census {
        let links = names("/proc/self/fd").into_iter();
        // The descriptor that reads this very directory is gone when its link is read.
        let mut descriptors: Vec<String> = links
            .filter_map(|link| Some(fs::read_link(link).ok()?.display().to_string()))
            .collect();
        descriptors.sort();
        Census {
            descriptors,
            children: children(),
            objects: (*ground == Ground::Own).then(objects),
        }
    }

    /// Wait until everything is again as it was; panics with what is different after `limit`.
    #[track_caller]
    pub fn await_same(&self, ground: &Ground, limit: std::time::Duration) {
        let begin = std::time::Instant::now();
        loop {
            let now = Census::take(ground);
            if now == *self {
                return;
            }
            assert!(
                begin.elapsed() < limit,
                "left behind: {now:#?}\nbefore: {self:#?}"
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

/// Wait until nobody listens on `port` and it can be bound again.
#[track_caller]
pub fn await_free(port: u16) {
    let refused = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err();
    eventually(promised(std::time::Duration::from_secs(2)), || {
        refused() && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
    });
}

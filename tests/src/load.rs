//! Load on a server while something happens to it: connections that ask and check, until told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use crate::client::{Client, Ending};
use crate::eventually::{eventually, patience};

/// What a load has seen.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Right answers.
    pub answered: u64,
    /// Connections that ended with an EOF instead of an answer.
    pub ended: u64,
    /// Connections that were reset.
    pub reset: u64,
    /// Answers that were wrong.
    pub wrong: Vec<String>,
}

/// Connections under load, a thread each.
pub struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Tally>>,
}

impl Load {
    /// Begin with clients that are connected already. One that is cut off connects anew and goes on.
    pub fn on(port: u16, clients: Vec<Client>) -> Load {
        let (stop, answered) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let spawn = |(number, client)| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            thread::spawn(move || ask_on(port, client, number, &stop, &answered))
        };
        let threads = clients.into_iter().enumerate().map(spawn).collect();
        Load {
            stop,
            answered,
            threads,
        }
    }

    /// Begin with so many new connections.
    #[track_caller]
    pub fn start(port: u16, connections: usize) -> Load {
        let connect = |_| Client::connect(port).unwrap_or_else(|error| panic!("connect: {error}"));
        Load::on(port, (0..connections).map(connect).collect())
    }

    /// Wait until so many more answers have come.
    #[track_caller]
    pub fn wait_for(&self, more: u64) {
        let wanted = self.answered.load(Ordering::Relaxed) + more;
        eventually(patience(), || {
            self.answered.load(Ordering::Relaxed) >= wanted
        });
    }

    /// Stop after the answers under way.
    #[track_caller]
    pub fn stop(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = Tally::default();
        for thread in self.threads {
            let tally = thread
                .join()
                .unwrap_or_else(|_| panic!("a connection under load failed"));
            sum.answered += tally.answered;
            sum.ended += tally.ended;
            sum.reset += tally.reset;
            sum.wrong.extend(tally.wrong);
        }
        sum
    }

    /// Stop, and require that nobody noticed anything.
    #[track_caller]
    pub fn stop_unharmed(self) -> u64 {
        let tally = self.stop();
        let unharmed = Tally {
            answered: tally.answered,
            ..Tally::default()
        };
        assert_eq!(tally, unharmed, "load saw trouble");
        tally.answered
    }
}

fn ask_on(
    port: u16,
    first: Client,
    number: usize,
    stop: &AtomicBool,
    answered: &AtomicU64,
) -> Tally {
    let mut tally = Tally::default();
    let mut client = first;
    let mut round = 0u64;
    while !stop.load(Ordering::Relaxed) {
        round += 1;
        let question = format!("connection {number} round {round}");
        match client.try_ask(&question) {
            Ok(answer) if answer == question => {
                tally.answered += 1;
                answered.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            Ok(answer) => tally.wrong.push(format!("{question}: {answer}")),
            Err(Ending::Eof) => tally.ended += 1,
            Err(Ending::Reset) => tally.reset += 1,
        }
        match Client::connect(port) {
            Ok(next) => client = next,
            Err(_) => break, // the server is gone; the test decides what that means
        }
    }
    tally
}

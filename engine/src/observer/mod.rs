//! The server seen from outside: the statistics file and the metrics endpoint, both on one thread of the
//! master that exists only if one of them is asked for. It reads shared memory and nothing else, so no
//! worker, however stuck, keeps it from answering.
//!
//! `watch` is the thread's loop, `client` one HTTP connection, `request` and `answer` what comes and what
//! goes, `openmetrics` and `file` the two forms of the figures, `pulse` the line to the main thread.

mod answer;
mod client;
mod file;
mod openmetrics;
mod pulse;
mod request;
mod watch;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::error::{Error, Result};
use crate::log::Log;
use crate::net::SocketType;
use crate::net::listener::Listener;
use crate::net::options::SocketOptions;
use crate::settings::{HttpAddress, Settings};
use crate::shared::Shared;
use crate::sys::signal;

use pulse::Pulse;
use watch::Watch;

/// Connections the kernel may keep waiting while the endpoint serves as many as it serves at a time.
const BACKLOG: i32 = 64;

/// Bind the endpoint, if it is asked for: before anything is forked, so that an address in use fails the start.
pub(crate) fn bind(settings: &Settings) -> Result<Option<Listener>> {
    let Some(address) = &settings.metrics_listen else {
        return Ok(None);
    };
    let (host, port, kind) = match address {
        HttpAddress::Unix(path) => (path.as_str(), 0, SocketType::UnixStream),
        HttpAddress::Ip { host, port } => (host.as_str(), i64::from(*port), SocketType::Tcp),
    };
    let listener =
        Listener::bind(host, port, kind, &SocketOptions::default()).and_then(|listener| {
            listener.listen(BACKLOG)?;
            Ok(listener)
        });
    listener.map(Some).map_err(|error| Error::Listen {
        address: format!("metrics_listen {address}"),
        text: crate::error::text(error.code()),
        code: error.code(),
    })
}

/// The thread, as the master's main thread sees it. Dropped, it ends the thread at once, after a last
/// statistics file.
pub(crate) struct Observer {
    pulse: Arc<Pulse>,
    thread: Option<JoinHandle<()>>,
}

impl Observer {
    /// Start the thread, if there is anything for it to do. Only for a process that forks no more.
    pub(crate) fn start(
        listener: Option<Listener>,
        settings: &Settings,
        shared: &Arc<Shared>,
        log: &Log,
    ) -> io::Result<Option<Observer>> {
        if listener.is_none() && settings.stats_file.is_none() {
            return Ok(None);
        }
        let pulse = Arc::new(Pulse::new()?);
        let watch = Watch::new(listener, settings, shared, &pulse, log.clone())?;
        let log = log.clone();
        let thread = std::thread::Builder::new()
            .name("observer".into())
            .spawn(move || observe(watch, &log))?;
        Ok(Some(Observer {
            pulse,
            thread: Some(thread),
        }))
    }

    /// The main loop has come round once more.
    pub(crate) fn beat(&self) {
        self.pulse.beat();
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.pulse.end();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // it catches its panics
        }
    }
}

/// The thread's body. The server can do without it: a panic here ends the answers and nothing else.
fn observe(mut watch: Watch, log: &Log) {
    signal::block_all_in_thread();
    if catch_unwind(AssertUnwindSafe(|| watch.run())).is_err() {
        log.error("the observer thread panicked: no metrics and no statistics file from here on");
    }
}

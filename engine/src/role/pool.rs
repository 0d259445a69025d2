//! A pool: worker processes without a server, under the same supervision.
//!
//! ```text
//! caller of start() = master --fork--> worker 0..W-1
//! ```
//!
//! The master forks, reaps and replaces by the decisions of `roster`, and does nothing else. A worker runs its start
//! callback and then, unless it has no messages, takes one message after the other: from its own socket, from a System V queue or
//! from clients. Where messages wait belongs to the master (both ends of the workers' sockets, the queue, the listening
//! socket), so none is lost when a worker dies: only the one it was at.
//!
//! Each worker watches the master's life-line; one that is kept busy has the fuse of `sys::signal`. `PoolContext` is what callbacks
//! may do.

mod clients;
mod context;
mod supervisor;
mod worker;

use std::rc::Rc;

pub use self::context::PoolContext;

use crate::error::{Doing, Error, Result};
use crate::event_loop::EventLoop;
use crate::handler::Step;
use crate::log::Log;
use crate::net::SocketType;
use crate::net::listener::Listener;
use crate::net::options::SocketOptions;
use crate::settings::{Settings, Value};
use crate::sys::message_queue::MessageQueue;
use crate::sys::output;

/// How messages come to the workers of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolMessages {
    /// Not at all: the start callback is all that a worker does.
    None,
    /// By [`PoolContext::send_message`], to one worker each.
    Unix,
    /// From a System V queue, to any worker. Key 0: one that nobody else finds, removed in the end
    /// by the master or, if that is killed, the workers; it stays if all of them are killed at once.
    Queue {
        /// Known to the programs that send; the queue then outlives the pool.
        key: i32,
    },
    /// From clients of [`Pool::listen`], to any worker: a length of four bytes, big endian, and so many bytes. The answer has
    /// the same form, and then the connection is closed.
    Clients,
}

/// What the user of a pool writes. Each method is called in the process it speaks of.
pub trait PoolHandler {
    /// A process of the pool begins, the master or a worker: this is what it may do.
    fn attach(&self, _pool: &Rc<PoolContext>) {}

    /// The master has forked the first workers.
    fn on_start(&self, _pool: &PoolContext) -> Step {
        Ok(())
    }

    /// All workers are gone, and none is to come.
    fn on_shutdown(&self, _pool: &PoolContext) -> Step {
        Ok(())
    }

    /// A worker begins.
    fn on_worker_start(&self, _pool: &PoolContext, _worker: u32) -> Step {
        Ok(())
    }

    /// A worker was asked to end and has not yet: what would keep it can be ended.
    fn on_worker_exit(&self, _pool: &PoolContext, _worker: u32) -> Step {
        Ok(())
    }

    /// A worker ends.
    fn on_worker_stop(&self, _pool: &PoolContext, _worker: u32) -> Step {
        Ok(())
    }

    /// What a worker turns between two messages, besides waiting for them; not while it waits in a System V queue.
    fn event_loop(&self) -> Option<Rc<EventLoop>> {
        None
    }

    /// Whether [`PoolHandler::on_message`] is of interest.
    fn takes_messages(&self) -> bool {
        false
    }

    /// A message has come.
    fn on_message(&self, _pool: &PoolContext, _data: &[u8]) -> Step {
        Ok(())
    }
}

/// How [`Pool::start`] ended, in the process that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolEnded {
    /// The worker that this process was; none in the process that called start().
    pub worker: Option<u32>,
    /// Exit code for this process.
    pub code: i32,
}

/// A pool before it runs.
pub struct Pool {
    workers: u32,
    messages: PoolMessages,
    settings: Settings,
    log: Log,
    queue: Option<i32>,
    listeners: Vec<Listener>,
}

/// Most workers of a pool.
const WORKERS: u32 = 10_000;

impl Pool {
    /// A pool of so many workers. Makes the queue, if there is one.
    pub fn new(workers: u32, messages: PoolMessages) -> Result<Pool> {
        if !(1..=WORKERS).contains(&workers) {
            let text = format!("a pool has 1 to {WORKERS} workers, not {workers}");
            return Err(Error::BadSetting(text));
        }
        output::fill_standard_streams();
        let settings = Settings {
            max_respawns: 0, // what a worker of a pool does may well be short
            ..Settings::default()
        };
        let (log, _) = Log::open(settings.log.clone());
        let queue = match messages {
            PoolMessages::Queue { key } => Some(MessageQueue::open(key).doing("msgget()")?.id()),
            _ => None,
        };
        Ok(Pool {
            workers,
            messages,
            settings,
            log,
            queue,
            listeners: Vec::new(),
        })
    }

    /// Settings that a pool knows.
    pub const SETTINGS: [&'static str; 8] = [
        "log_date_format",
        "log_date_with_microseconds",
        "log_file",
        "log_level",
        "max_respawns",
        "max_wait_time",
        "package_max_length",
        "reload_async",
    ];

    /// Set one value: one of [`Pool::SETTINGS`], as for a server. The error's text is for the user.
    pub fn set(&mut self, key: &str, value: &Value) -> Result<()> {
        if !Pool::SETTINGS.contains(&key) {
            return Err(Error::UnknownSetting(key.into()));
        }
        if key == "reload_async" {
            // Known from servers. Here a worker's replacement always follows it.
            return match value {
                Value::Bool(false) | Value::Int(0) => Ok(()),
                _ => Err(Error::BadSetting(
                    "reload_async is not supported by a pool: its workers are reloaded one after the other".into(),
                )),
            };
        }
        let mut settings = self.settings.clone();
        settings.set(key, value)?;
        self.settings = settings;
        let (log, error) = Log::open(self.settings.log.clone());
        self.log = log;
        if let Some(error) = error {
            self.log.warning(format_args!("log_file: {error}"));
        }
        Ok(())
    }

    /// Take clients at this address: `host` and a port, or `unix:` and a path. Only with [`PoolMessages::Clients`].
    pub fn listen(&mut self, host: &str, port: i64, backlog: i32) -> Result<()> {
        if self.messages != PoolMessages::Clients {
            return Err(Error::State(
                "only a pool of kind SWOOLE_IPC_SOCKET can listen",
            ));
        }
        let (host, kind) = match host.strip_prefix("unix:") {
            Some(path) => (path, SocketType::UnixStream),
            None => (host, SocketType::Tcp),
        };
        let path = host.trim_start_matches("//");
        let host = if kind == SocketType::UnixStream && host.starts_with("//") {
            path
        } else {
            host
        };
        let listener = Listener::bind(host, port, kind, &SocketOptions::default())?;
        if let Err(error) = listener.listen(backlog) {
            listener.unlink();
            return Err(error);
        }
        self.listeners.push(listener);
        Ok(())
    }

    /// The port of each [`Pool::listen`], as the system has chosen it.
    pub fn ports(&self) -> Vec<u16> {
        self.listeners.iter().map(Listener::port).collect()
    }

    /// The system's number of the queue.
    pub fn queue_id(&self) -> Option<i32> {
        self.queue
    }

    /// Run the pool. Returns in every process: in the caller after the stop, in a worker when its work is over.
    pub fn start(self, handler: Rc<dyn PoolHandler>) -> Result<PoolEnded> {
        if self.messages == PoolMessages::Clients && self.listeners.is_empty() {
            return Err(Error::State("a pool of kind SWOOLE_IPC_SOCKET must listen"));
        }
        supervisor::run(self, handler)
    }

    /// The pool is not to be started after all: what is left of it in the system goes.
    pub fn abandon(self) {
        self.clear();
    }

    /// Remove what would stay in the system.
    fn clear(&self) {
        if let (PoolMessages::Queue { key: 0 }, Some(queue)) = (self.messages, self.queue) {
            let _ = crate::sys::message_queue::remove(queue); // somebody else has removed it
        }
        for listener in &self.listeners {
            listener.unlink();
        }
    }
}

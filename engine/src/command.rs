//! Commands: named functions of a server that one process has another one run, for its answer.

use std::rc::Rc;
use std::time::Duration;

use crate::callback::Role;

/// How long [`crate::Context::command`] waits if it is not told.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(5);

/// Kinds of processes that run a command: a set, numbered as `SWOOLE_SERVER_COMMAND_*`.
pub mod accepts {
    /// The master, on its main thread.
    pub const MASTER: u32 = 1 << 1;
    /// Workers.
    pub const WORKER: u32 = 1 << 3;
    /// Task workers.
    pub const TASK_WORKER: u32 = 1 << 4;
    /// The manager.
    pub const MANAGER: u32 = 1 << 5;
    /// All that there are.
    pub const ALL: u32 = MASTER | WORKER | TASK_WORKER | MANAGER;
}

/// Which process is to run a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandTarget {
    /// The master.
    Master,
    /// The manager.
    Manager,
    /// A worker, by its id.
    Worker(u32),
    /// A task worker, counted from 0.
    TaskWorker(u32),
}

impl CommandTarget {
    /// The kind of process, as one of [`accepts`].
    pub fn kind(self) -> u32 {
        match self {
            CommandTarget::Master => accepts::MASTER,
            CommandTarget::Manager => accepts::MANAGER,
            CommandTarget::Worker(_) => accepts::WORKER,
            CommandTarget::TaskWorker(_) => accepts::TASK_WORKER,
        }
    }
}

/// A command as it reaches [`crate::Handler::on_command`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command<'a> {
    /// Its name.
    pub name: &'a str,
    /// How manieth it is, in the order of [`crate::Server::add_command`].
    pub index: u32,
    /// Id of the child that has sent it; 0 for master and manager, as for worker 0.
    pub source: u32,
    /// Which kind of process that is.
    pub source_role: Role,
}

/// The commands of a server, by their index.
#[derive(Debug, Clone, Default)]
pub(crate) struct Commands(Rc<[(String, u32)]>);

impl Commands {
    /// Names, and who runs them.
    pub(crate) fn new(all: Vec<(String, u32)>) -> Commands {
        Commands(all.into())
    }

    /// Index of a name, and who runs it.
    pub(crate) fn find(&self, name: &str) -> Option<(u32, u32)> {
        let mut all = (0..).zip(self.0.iter());
        let found = all.find(|(_, (known, _))| known == name)?;
        Some((found.0, found.1.1))
    }

    /// Name of a command.
    pub(crate) fn name(&self, index: u32) -> Option<&str> {
        let (name, _) = self.0.get(index as usize)?;
        Some(name)
    }
}

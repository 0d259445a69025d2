//! Running as a service: detached, with a pid file, under an account, on chosen CPUs, known to systemd.
//!
//! [`Service::begin`] comes after the checks and before the first fork, and each process calls it again
//! as the role it has become: [`Service::as_master`], [`Service::as_manager`], [`Service::as_worker`].

pub(crate) mod cpus;
mod identity;
mod launch;
mod notify;
mod pid_file;

use std::cell::{Cell, RefCell};

use self::identity::Identity;
use self::launch::Launch;
use self::notify::Notifier;
use self::pid_file::PidFile;
use crate::error::{Error, Result};
use crate::log::Log;
use crate::settings::Settings;
use crate::shared::ChildKind;
use crate::shared::Shared;
use crate::sync::Ordering;
use crate::sys::{clock, fork, title};

/// The service as one process sees it.
pub(crate) struct Service {
    identity: Identity,
    titles: bool,
    /// The process that the user started and that waits for news; until the server is ready.
    launch: RefCell<Option<Launch>>,
    pid_file: RefCell<Option<PidFile>>,
    notifier: RefCell<Option<Notifier>>,
    /// Reloads begun and ended that systemd has been told of.
    told: Cell<(u64, u64)>,
    stopping: Cell<bool>,
}

impl Service {
    /// Check everything that can be checked, detach if asked to, hold the pid file. May return in
    /// another process than it was called in; the caller's then ends here, when the server is ready.
    pub(crate) fn begin(settings: &Settings, log: &Log) -> Result<Service> {
        let daemon = &settings.daemon;
        let identity = Identity::find(daemon)?;
        cpus::check(daemon)?;
        if let Some((uid, gid)) = identity.ids() {
            log.give_to(uid, gid);
        }
        let notifier = Notifier::from_environment();
        let launch = match daemon.daemonize {
            true => Some(Launch::detach(log, notifier.as_ref())?),
            false => None,
        };
        let pid_file = match daemon.pid_file.as_deref().map(PidFile::hold) {
            None => None,
            Some(Ok(file)) => Some(file),
            Some(Err(pid_file::Trouble::Taken(text))) => {
                let error = Error::Taken(text);
                if let Some(launch) = launch {
                    launch.failed(&error);
                }
                return Err(error);
            }
            Some(Err(pid_file::Trouble::Unwritable(text))) => {
                log.warning(text);
                None
            }
        };
        Ok(Service {
            identity,
            titles: daemon.process_title,
            launch: RefCell::new(launch),
            pid_file: RefCell::new(pid_file),
            notifier: RefCell::new(notifier),
            told: Cell::default(),
            stopping: Cell::default(),
        })
    }

    /// This process is the master.
    pub(crate) fn as_master(&self) {
        if let Some(file) = self.pid_file.borrow().as_ref() {
            fork::keep_private(file.descriptor()); // a child of user code would hold the lock
        }
        self.show("skep: master");
    }

    /// This process is the manager, forked off the master.
    pub(crate) fn as_manager(&self) {
        self.leave_to_master();
        self.show("skep: manager");
    }

    /// This process is a child of the manager: from here on it has the account and the root directory that were asked
    /// for. The reason if it cannot; it must not serve then. Clears the parent-death signal.
    pub(crate) fn as_child(
        &self,
        kind: ChildKind,
        id: u32,
        settings: &Settings,
        log: &Log,
    ) -> Result<(), String> {
        let name = match kind {
            ChildKind::Worker => "worker",
            ChildKind::TaskWorker => "task worker",
            ChildKind::UserProcess => "user process",
        };
        self.show(&format!("skep: {name} {id}"));
        cpus::pin(&settings.daemon, id, log);
        self.identity.take_on(log)
    }

    fn show(&self, text: &str) {
        if self.titles {
            title::set(text); // without one, `ps` shows the command line as before
        }
    }

    /// What is the master's stays with the master.
    fn leave_to_master(&self) {
        if let Some(file) = self.pid_file.take() {
            file.abandon();
        }
        drop((self.launch.take(), self.notifier.take()));
    }

    /// Everything is forked and the server accepts.
    pub(crate) fn ready(&self) {
        if let Some(launch) = self.launch.take() {
            launch.ready();
        }
        self.notify(|notifier| notifier.ready());
    }

    /// Starting has failed.
    pub(crate) fn failed(&self, why: &dyn std::fmt::Display) {
        if let Some(launch) = self.launch.take() {
            launch.failed(why);
        }
    }

    /// A stop has begun.
    pub(crate) fn stopping(&self) {
        if !self.stopping.replace(true) {
            self.notify(|notifier| notifier.stopping());
        }
    }

    /// From the master's loop: tell of reloads, feed the watchdog. Returns when (monotonic ms) to come again.
    pub(crate) fn tick(&self, shared: &Shared) -> Option<u64> {
        let mut notifier = self.notifier.borrow_mut();
        let notifier = notifier.as_mut()?;
        let server = shared.server();
        let ended = server.reloads.load(Ordering::Acquire);
        let begun = server.reloads_begun.load(Ordering::Acquire);
        let (told_begun, told_ended) = self.told.replace((begun, ended));
        if !self.stopping.get() {
            if begun != told_begun {
                notifier.reloading();
            }
            if ended != told_ended && ended >= begun {
                notifier.ready();
            }
        }
        notifier.feed_watchdog(clock::monotonic_ms())
    }

    /// The server is over; the pid file goes.
    pub(crate) fn end(&self) {
        if let Some(file) = self.pid_file.take() {
            fork::share(file.descriptor());
            file.remove();
        }
    }

    fn notify(&self, tell: impl FnOnce(&mut Notifier)) {
        if let Some(notifier) = self.notifier.borrow_mut().as_mut() {
            tell(notifier);
        }
    }
}

impl Drop for Service {
    /// Also when starting has failed or a callback has ended the master. In a child there is nothing left to do.
    fn drop(&mut self) {
        self.end();
    }
}

/// Show `title` in `ps` for the calling process.
/// False if there is no place to write to. For Rust programs; PHP and C have functions of their own.
pub fn set_process_title(title: &str) -> bool {
    title::set(title)
}

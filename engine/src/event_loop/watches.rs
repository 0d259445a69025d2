//! The descriptors of user code that a process watches.

use std::collections::HashMap;
use std::io;
use std::os::fd::RawFd;

use super::callbacks::WatchFn;
use crate::context::Refused;
use crate::error::code;
use crate::sys::eventfd::EventFd;
use crate::sys::poller::{Poller, Readiness};

/// In the set: signals have come.
const SIGNALS: u64 = u64::MAX;
/// `EEXIST`.
const EXISTS: i32 = 17;
/// `ENOENT`.
const ABSENT: i32 = 2;

struct Watch {
    /// Number of this watch, in the set: a descriptor's number may be another's by the time it is ready.
    token: u64,
    wanted: Readiness,
    /// Gone while it runs.
    callback: Option<WatchFn>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Watches {
    /// Made when it is first needed. It stays, because sleepers watch it.
    poller: Option<Poller>,
    wake: Option<EventFd>,
    by_fd: HashMap<RawFd, Watch>,
    last: u32,
}

/// What the system says.
pub(super) fn refused(error: &io::Error) -> Refused {
    Refused(error.raw_os_error().unwrap_or(code::SYSTEM_CALL_FAIL))
}

impl Watches {
    fn poller(&mut self) -> Result<&Poller, Refused> {
        if self.poller.is_none() {
            self.poller = Some(Poller::new().map_err(|error| refused(&error))?);
        }
        self.poller.as_ref().ok_or(Refused(code::SYSTEM_CALL_FAIL))
    }

    pub(super) fn add(
        &mut self,
        fd: RawFd,
        wanted: Readiness,
        callback: WatchFn,
    ) -> Result<(), Refused> {
        if let Some(known) = self.by_fd.get(&fd) {
            let (wanted, token) = (known.wanted, known.token);
            if self.poller()?.change(fd, wanted, token).is_ok() {
                return Err(Refused(EXISTS));
            }
            self.by_fd.remove(&fd); // closed since, and now another one
        }
        self.last = self.last.wrapping_add(1);
        let token = u64::from(self.last) << 32 | u64::from(fd.unsigned_abs());
        let added = self.poller()?.add(fd, wanted, token);
        added.map_err(|error| refused(&error))?;
        let watch = Watch {
            token,
            wanted,
            callback: Some(callback),
        };
        self.by_fd.insert(fd, watch);
        Ok(())
    }

    pub(super) fn change(&mut self, fd: RawFd, wanted: Readiness) -> Result<(), Refused> {
        let (Some(watch), Some(poller)) = (self.by_fd.get_mut(&fd), &self.poller) else {
            return Err(Refused(ABSENT));
        };
        let changed = poller.change(fd, wanted, watch.token);
        changed.map_err(|error| refused(&error))?;
        watch.wanted = wanted;
        Ok(())
    }

    /// The callback comes back, if it does not run.
    pub(super) fn remove(&mut self, fd: RawFd) -> Option<Option<WatchFn>> {
        let watch = self.by_fd.remove(&fd)?;
        if let Some(poller) = &self.poller {
            poller.remove(fd);
        }
        Some(watch.callback)
    }

    pub(super) fn wanted(&self, fd: RawFd) -> Option<Readiness> {
        self.by_fd.get(&fd).map(|watch| watch.wanted)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_fd.is_empty()
    }

    /// Descriptors in the order of their numbers, and the callbacks of those that have been closed, which are gone.
    pub(super) fn prune(&mut self) -> (Vec<RawFd>, Vec<Option<WatchFn>>) {
        let Some(poller) = &self.poller else {
            return (Vec::new(), Vec::new());
        };
        let (mut open, mut closed) = (Vec::new(), Vec::new());
        self.by_fd.retain(|&fd, watch| {
            let there = poller.change(fd, watch.wanted, watch.token).is_ok();
            match there {
                true => open.push(fd),
                false => closed.push(watch.callback.take()),
            }
            there
        });
        open.sort_unstable();
        (open, closed)
    }

    pub(super) fn clear(&mut self) -> Vec<Option<WatchFn>> {
        let fds: Vec<RawFd> = self.by_fd.keys().copied().collect();
        fds.into_iter().filter_map(|fd| self.remove(fd)).collect()
    }

    /// The descriptor that signals are told by.
    pub(super) fn wake(&mut self) -> Result<RawFd, Refused> {
        if let Some(wake) = &self.wake {
            return Ok(wake.raw());
        }
        let wake = EventFd::new().map_err(|error| refused(&error))?;
        let wanted = Readiness {
            read: true,
            write: false,
        };
        let added = self.poller()?.add(wake.raw(), wanted, SIGNALS);
        added.map_err(|error| refused(&error))?;
        let fd = wake.raw();
        self.wake = Some(wake);
        Ok(fd)
    }

    pub(super) fn descriptor(&self) -> Option<RawFd> {
        self.poller.as_ref().map(Poller::raw)
    }

    /// What is ready, waiting at most so long (ms; `None`: without an end).
    pub(super) fn look(&self, timeout: Option<u64>, ready: &mut Vec<(u64, Readiness)>) {
        if let Some(poller) = &self.poller {
            poller.look(timeout, ready);
        }
        if let Some(wake) = &self.wake
            && let Some(at) = ready.iter().position(|(token, _)| *token == SIGNALS)
        {
            wake.drain();
            ready.swap_remove(at);
        }
    }

    /// Something to sleep on, even without descriptors.
    pub(super) fn open(&mut self) -> Result<(), Refused> {
        self.poller().map(drop)
    }

    /// The callback of a descriptor that was found ready, to be given back with [`Watches::put_back`]. `None`: it is not
    /// watched any more, or its callback runs.
    pub(super) fn take(
        &mut self,
        token: u64,
        ready: Readiness,
    ) -> Option<(RawFd, Readiness, WatchFn)> {
        let fd = RawFd::try_from(token & u64::from(u32::MAX)).ok()?;
        let watch = self.by_fd.get_mut(&fd).filter(|one| one.token == token)?;
        let ready = Readiness {
            read: ready.read && watch.wanted.read,
            write: ready.write && watch.wanted.write,
        };
        Some((fd, ready, watch.callback.take()?))
    }

    /// Gives the callback back if nobody watches that descriptor any more.
    pub(super) fn put_back(&mut self, token: u64, fd: RawFd, callback: WatchFn) -> Option<WatchFn> {
        match self.by_fd.get_mut(&fd).filter(|one| one.token == token) {
            Some(watch) => {
                watch.callback = Some(callback);
                None
            }
            None => Some(callback),
        }
    }
}

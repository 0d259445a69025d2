//! The descriptors of user code that a process watches.
//!
//! User code may close a descriptor that is watched. If nobody else holds what is behind it, the system takes it out of the
//! set, and this table would wait for it for ever. If somebody does, a child that was forked meanwhile as a rule, it stays
//! in the set, is told of on and on, and cannot be taken out: that goes by its number, which is not its own any more.
//! So now and then all are asked for ([`Watches::sweep`]): what is closed is forgotten, and if the set tells of something that
//! is not watched, a new set takes its place.

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
/// What it is watched for.
const WAKE: Readiness = Readiness {
    read: true,
    write: false,
};
/// `EEXIST`.
const EXISTS: i32 = 17;
/// `ENOENT`.
const ABSENT: i32 = 2;
/// Time between two sweeps for each descriptor, which costs a system call or two: so all of it is a fiftieth of the time
/// at most.
const SWEEP_US: u64 = 20;

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
    /// Made when it is first needed.
    poller: Option<Poller>,
    /// Those before, since somebody last asked for the number: open, so that sleepers can take it out of what they watch, and
    /// no other set gets the number meanwhile.
    retired: Vec<Poller>,
    /// Those of the time before that.
    parting: Vec<Poller>,
    /// It tells of descriptors that are not watched.
    stale: bool,
    /// Time of the last sweep.
    swept_us: u64,
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

    pub(super) fn len(&self) -> usize {
        self.by_fd.len()
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
        let added = self.poller()?.add(wake.raw(), WAKE, SIGNALS);
        added.map_err(|error| refused(&error))?;
        let fd = wake.raw();
        self.wake = Some(wake);
        Ok(fd)
    }

    pub(super) fn descriptor(&self) -> Option<RawFd> {
        self.poller.as_ref().map(Poller::raw)
    }

    /// The same for who goes by the number: it stays this set's until this is asked for twice more.
    pub(super) fn lend(&mut self) -> Option<RawFd> {
        self.parting = std::mem::take(&mut self.retired);
        self.descriptor()
    }

    /// What is ready, waiting at most so long (ms; `None`: without an end). False: a signal has ended the wait.
    pub(super) fn look(&mut self, timeout: Option<u64>, ready: &mut Vec<(u64, Readiness)>) -> bool {
        let mut undisturbed = true;
        if let Some(poller) = &self.poller {
            undisturbed = poller.look(timeout, ready);
        }
        if let Some(wake) = &self.wake
            && let Some(at) = ready.iter().position(|(token, _)| *token == SIGNALS)
        {
            wake.drain();
            ready.swap_remove(at);
        }
        self.stale |= ready.iter().any(|&(token, _)| self.find(token).is_none());
        undisturbed
    }

    /// Whether something is told of that is not watched.
    pub(super) fn is_stale(&self) -> bool {
        self.stale
    }

    /// When there may be another sweep (monotonic us).
    pub(super) fn next_sweep(&self) -> u64 {
        self.swept_us + SWEEP_US * self.by_fd.len() as u64
    }

    /// Forget what has been closed: its callbacks.
    pub(super) fn sweep(&mut self, now_us: u64) -> Vec<Option<WatchFn>> {
        self.swept_us = now_us;
        let (_, closed) = self.prune();
        if self.stale
            && let Ok(fresh) = self.renewed()
        {
            self.stale = false;
            self.retired.extend(self.poller.replace(fresh));
        }
        closed
    }

    /// Another set, of what is watched. A failure (no descriptor or memory left) is tried again.
    fn renewed(&self) -> io::Result<Poller> {
        let fresh = Poller::new()?;
        for (&fd, watch) in &self.by_fd {
            fresh.add(fd, watch.wanted, watch.token)?;
        }
        if let Some(wake) = &self.wake {
            fresh.add(wake.raw(), WAKE, SIGNALS)?;
        }
        Ok(fresh)
    }

    fn find(&self, token: u64) -> Option<(RawFd, &Watch)> {
        let fd = RawFd::try_from(token & u64::from(u32::MAX)).ok()?;
        let watch = self.by_fd.get(&fd)?;
        (watch.token == token).then_some((fd, watch))
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

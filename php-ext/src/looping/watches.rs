//! Descriptors with PHP callables, and what waits to be written to them.

use skep::error::code;
use skep::{Context, Readiness, Refused, Step};

use super::descriptor;
use super::jobs::{Job, run, tables};
use super::outgoing::{Outgoing, Refusal};
use super::{current, note_created, see_to_the_end};
use crate::globals;
use crate::ini;
use crate::zend::Zv;

/// A watched descriptor.
pub(super) struct Watch {
    /// What the script has given, one reference.
    value: Zv,
    read: Option<Job>,
    write: Option<Job>,
    /// What the script wants.
    wanted: Readiness,
    /// What [`write`] could not write yet.
    outgoing: Outgoing,
    /// The read callback is to be called in the next turn, whatever the kernel says.
    again: bool,
}

impl Watch {
    pub(super) fn release(self) {
        for job in [self.read, self.write].into_iter().flatten() {
            job.release();
        }
        self.value.release();
    }

    /// What the engine is to watch for.
    fn needed(&self) -> Readiness {
        Readiness {
            write: self.wanted.write || !self.outgoing.is_empty(),
            ..self.wanted
        }
    }
}

/// Watch a descriptor. Takes over the jobs' references, and gives them back if it is refused.
pub(crate) fn add(
    fd: i32,
    value: Zv,
    read: Option<Job>,
    write: Option<Job>,
    wanted: Readiness,
) -> Result<(), Refused> {
    if let Err(refused) = current().watch(fd, wanted, Box::new(ready)) {
        for job in [read, write].into_iter().flatten() {
            job.release();
        }
        return Err(refused);
    }
    let watch = Watch {
        value: value.share(),
        read,
        write,
        wanted,
        outgoing: Outgoing::default(),
        again: false,
    };
    let old = tables(|tables| tables.watches.insert(fd, watch));
    note_created();
    see_to_the_end();
    if let Some(old) = old {
        old.release(); // closed since
    }
    release_closed();
    see_unread(fd);
    Ok(())
}

/// Change callables, where some are given, and what is watched for.
pub(crate) fn set(fd: i32, read: Option<Job>, write: Option<Job>, wanted: Readiness) -> bool {
    let changed = tables(|tables| {
        let watch = tables.watches.get_mut(&fd)?;
        let mut old = [None, None];
        if read.is_some() {
            old[0] = std::mem::replace(&mut watch.read, read);
        }
        if write.is_some() {
            old[1] = std::mem::replace(&mut watch.write, write);
        }
        watch.wanted = wanted;
        Some((old, watch.needed()))
    });
    let Some((old, needed)) = changed else {
        return false;
    };
    let done = current().rewatch(fd, needed).is_ok();
    old.into_iter().flatten().for_each(Job::release);
    done
}

/// What the script watches for, and which callables there are (read, write). None: nothing.
pub(crate) fn state(fd: i32) -> Option<(Readiness, bool, bool)> {
    current().watched(fd)?;
    tables(|tables| {
        let watch = tables.watches.get(&fd)?;
        Some((watch.wanted, watch.read.is_some(), watch.write.is_some()))
    })
}

/// Do not watch it any more; false: it was not.
pub(crate) fn remove(fd: i32) -> bool {
    let known = current().unwatch(fd);
    if let Some(watch) = tables(|tables| tables.watches.remove(&fd)) {
        watch.release();
    }
    known
}

/// The engine has forgotten descriptors that were closed: give back what was theirs.
pub(super) fn release_closed() {
    let own = current();
    let closed = tables(|tables| {
        if tables.watches.len() == own.watches() {
            return Vec::new(); // as a rule
        }
        let closed = tables
            .watches
            .extract_if(|&fd, _| own.watched(fd).is_none());
        closed.map(|(_, watch)| watch).collect()
    });
    closed.into_iter().for_each(Watch::release);
}

/// Write to a watched descriptor, now or when it is writable. False, with a code, after an error of the descriptor or if too
/// much waits already.
pub(crate) fn write(fd: i32, data: &[u8]) -> bool {
    let limit = ini::socket_buffer_size();
    let done = tables(|tables| {
        let watch = tables.watches.get_mut(&fd)?;
        let before = watch.needed();
        let done = watch.outgoing.write(fd, data, limit);
        Some((done, watch.needed(), before))
    });
    let Some((done, needed, before)) = done else {
        return false;
    };
    let watched = needed == before || current().rewatch(fd, needed).is_ok();
    let refused = match done {
        Ok(()) => return watched,
        Err(Refusal::Full) => code::OUTPUT_BUFFER_OVERFLOW,
        Err(Refusal::Broken(error)) => error.raw_os_error().unwrap_or(code::SYSTEM_CALL_FAIL),
    };
    globals::set_last_error(refused);
    false
}

/// The engine says that a descriptor is ready.
fn ready(context: Option<&Context>, fd: i32, ready: Readiness) -> Step {
    let value = tables(|tables| tables.watches.get(&fd).map(|watch| watch.value));
    if value.is_some_and(descriptor::is_closed) {
        remove(fd); // what is still ready is somebody else's copy of it
        return Ok(());
    }
    let mut writable = ready.write;
    if ready.write {
        let needed = tables(|tables| {
            let watch = tables.watches.get_mut(&fd)?;
            if watch.outgoing.is_empty() && watch.wanted.write {
                return None; // as a rule
            }
            let _ = watch.outgoing.flush(fd); // what is wrong with it shows when the script reads
            Some((watch.needed(), watch.outgoing.is_empty()))
        });
        if let Some((needed, drained)) = needed {
            writable = needed.write && drained;
            let _ = current().rewatch(fd, needed); // refused only if it has been closed
        }
    }
    if ready.read {
        read(context, fd)?;
    }
    match writable {
        true => call(context, fd, |watch| {
            watch.write.filter(|_| watch.wanted.write)
        }),
        false => Ok(()),
    }
}

/// Call the read callback.
fn read(context: Option<&Context>, fd: i32) -> Step {
    let step = call(context, fd, |watch| {
        watch.read.filter(|_| watch.wanted.read)
    });
    if step.is_ok() {
        see_unread(fd);
    }
    step
}

/// A stream may have read more than the callback took: then that is called again, as it would be if the kernel still had
/// the rest.
fn see_unread(fd: i32) {
    let value = tables(|tables| {
        let watch = tables.watches.get(&fd)?;
        (watch.wanted.read && !watch.again).then_some(watch.value)
    });
    if !value.is_some_and(descriptor::has_unread) {
        return;
    }
    tables(|tables| tables.watches.get_mut(&fd).map(|watch| watch.again = true));
    current().defer(Box::new(move |context| {
        let due = tables(|tables| {
            let watch = tables.watches.get_mut(&fd)?;
            Some(std::mem::take(&mut watch.again))
        });
        match due {
            Some(true) => read(context, fd),
            _ => Ok(()), // another descriptor has this number now
        }
    }));
}

/// Call one of its callables, if it is still watched.
fn call(context: Option<&Context>, fd: i32, which: impl Fn(&Watch) -> Option<Job>) -> Step {
    let own = current();
    let found = tables(|tables| {
        let watch = tables.watches.get(&fd)?;
        Some((which(watch)?, watch.value))
    });
    let Some((job, value)) = found else {
        return Ok(());
    };
    // The callback may remove what it runs for.
    let (job, args) = (job.share(), [value.share()]);
    let step = run(context, "event", &job.frame().with_list(&args));
    if !globals::bailed() && !own.is_inherited() {
        job.release();
        args[0].release();
    }
    step
}

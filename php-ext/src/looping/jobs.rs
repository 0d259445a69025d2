//! PHP callables that the event loop calls: who holds them, and how they are called.
//!
//! The engine's closures hold nothing but a key; the values are in tables here, because they must be given back at
//! moments when PHP code may run, and never in a process that has only inherited them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::mem::{forget, take};
use std::rc::Rc;

use skep::{Context, EventLoop, Leave, Refused, Step, TimerId};

use super::current;
use super::watches::Watch;
use crate::call::{self, Frame, Outcome};
use crate::callbacks::Callback;
use crate::exception::pending;
use crate::globals;
use crate::zend::Zv;

/// A callable, with one reference.
#[derive(Clone, Copy)]
pub(crate) struct Job {
    callback: Callback,
    callable: Zv,
}

impl Job {
    /// None if it cannot be called.
    pub(crate) fn new(callable: Zv) -> Option<Job> {
        let mut name = std::ptr::null_mut();
        let callback = Callback::resolve(callable, &mut name);
        if !name.is_null() {
            Zv::string(name).release();
        }
        Some(Job {
            callback: callback?,
            callable: callable.share(),
        })
    }

    /// One more reference, for a call that may give back the first.
    pub(super) fn share(self) -> Job {
        Job {
            callable: self.callable.share(),
            ..self
        }
    }

    /// Give the reference back.
    pub(crate) fn release(self) {
        self.callable.release();
    }

    pub(super) fn frame(&self) -> Frame {
        Frame::new(self.callback.target())
    }
}

struct Timer {
    job: Job,
    /// One reference each; the first one of a repeated timer is its id.
    args: Vec<Zv>,
}

impl Timer {
    fn release(self) {
        for arg in self.args {
            arg.release();
        }
        self.job.release();
    }
}

/// Everything the loop of this process may call.
#[derive(Default)]
pub(super) struct Tables {
    /// Whose callables these are.
    owner: Option<Rc<EventLoop>>,
    timers: HashMap<TimerId, Timer>,
    deferred: HashMap<u64, Job>,
    last_deferred: u64,
    each_turn: [Option<Job>; 2],
    signals: HashMap<i32, Job>,
    pub(super) watches: HashMap<i32, Watch>,
}

thread_local! {
    static TABLES: RefCell<Tables> = RefCell::default();
}

/// Look at the tables, or change them; `body` must not call PHP.
pub(super) fn tables<T>(body: impl FnOnce(&mut Tables) -> T) -> T {
    let own = current();
    let stale = TABLES.with_borrow_mut(|tables| {
        let same = (tables.owner.as_ref()).is_some_and(|owner| Rc::ptr_eq(owner, &own));
        if same {
            return None;
        }
        let old = take(tables);
        tables.owner = Some(own);
        Some(old)
    });
    forget(stale); // of a parent process: given back there
    TABLES.with_borrow_mut(body)
}

/// The loop of this process ends. Give back what is left, if `release`: PHP goes on here.
pub(super) fn drop_all(release: bool) {
    let left = TABLES.with_borrow_mut(take);
    if !release {
        return forget(left);
    }
    left.timers.into_values().for_each(Timer::release);
    let jobs = left
        .deferred
        .into_values()
        .chain(left.signals.into_values());
    jobs.chain(left.each_turn.into_iter().flatten())
        .for_each(Job::release);
    left.watches.into_values().for_each(Watch::release);
}

/// Call it. In a server's process an exception ends that, as of every callback; else it is pending afterwards.
pub(super) fn run(context: Option<&Context>, event: &str, frame: &Frame) -> Step {
    let (Some(context), Some(handler)) = (context, globals::handler()) else {
        return match call::invoke(frame) {
            Outcome::Done => Ok(()),
            Outcome::Exception | Outcome::Exit | Outcome::Bailout => Err(Leave { code: 255 }),
        };
    };
    handler.run_job(context, event, frame)?;
    match pending() {
        true => Err(Leave { code: 255 }), // within a method that the script has called: there it goes on
        false => Ok(()),
    }
}

/// Whether values may be given back: not after a fatal error, and not in a child that has inherited them.
fn may_release(owner: &EventLoop) -> bool {
    !globals::bailed() && !owner.is_inherited()
}

/// A new timer; none if its callable cannot be called.
pub(crate) fn add_timer(ms: u64, repeats: bool, callable: Zv, params: &[Zv]) -> Option<TimerId> {
    let job = Job::new(callable)?;
    let own = current();
    let id = match repeats {
        true => own.tick(ms, Box::new(fire)),
        false => own.after(ms, Box::new(fire)),
    };
    let Ok(id) = id else {
        job.release();
        return None;
    };
    let own_id = repeats.then(|| Zv::long(id as i64));
    let args = own_id
        .into_iter()
        .chain(params.iter().map(|param| param.share()));
    let timer = Timer {
        job,
        args: args.collect(),
    };
    tables(|tables| tables.timers.insert(id, timer));
    super::see_to_the_end();
    Some(id)
}

fn fire(context: Option<&Context>, id: TimerId) -> Step {
    let own = current();
    let Some(timer) = tables(|tables| tables.timers.remove(&id)) else {
        return Ok(());
    };
    let step = run(context, "timer", &timer.job.frame().with_list(&timer.args));
    if !may_release(&own) {
        forget(timer);
    } else if own.timer_exists(id) {
        tables(|tables| tables.timers.insert(id, timer));
    } else {
        timer.release();
    }
    step
}

/// False: there is no such timer.
pub(crate) fn clear_timer(id: TimerId) -> bool {
    let cleared = current().clear_timer(id);
    if let Some(timer) = tables(|tables| tables.timers.remove(&id)) {
        timer.release();
    }
    cleared
}

/// False: there has never been any timer.
pub(crate) fn clear_timers() -> bool {
    let cleared = current().clear_timers();
    let timers = tables(|tables| take(&mut tables.timers));
    timers.into_values().for_each(Timer::release);
    cleared
}

/// Call it at the end of the turn at hand. False: it cannot be called.
pub(crate) fn defer(callable: Zv) -> bool {
    let Some(job) = Job::new(callable) else {
        return false;
    };
    let key = tables(|tables| {
        tables.last_deferred += 1;
        tables.deferred.insert(tables.last_deferred, job);
        tables.last_deferred
    });
    current().defer(Box::new(move |context| {
        let own = current();
        let Some(job) = tables(|tables| tables.deferred.remove(&key)) else {
            return Ok(());
        };
        let step = run(context, "defer", &job.frame());
        if may_release(&own) {
            job.release();
        }
        step
    }));
    super::see_to_the_end();
    true
}

/// Call it in each turn; none: nothing. False: it cannot be called.
pub(crate) fn cycle(callable: Option<Zv>, before: bool) -> bool {
    let job = callable.map(Job::new);
    if matches!(job, Some(None)) {
        return false;
    }
    let (which, job) = (usize::from(!before), job.flatten());
    let old = tables(|tables| std::mem::replace(&mut tables.each_turn[which], job));
    let callback = move |context: Option<&Context>| {
        let own = current();
        let Some(job) = tables(|tables| tables.each_turn[which]) else {
            return Ok(());
        };
        let job = job.share();
        let step = run(context, "cycle", &job.frame());
        if may_release(&own) {
            job.release();
        }
        step
    };
    current().each_turn(before, job.is_some().then(|| Box::new(callback) as _));
    if let Some(old) = old {
        old.release();
    }
    true
}

pub(super) fn on_signal(number: i32, callable: Zv, keeps_alive: bool) -> Result<(), Refused> {
    let Some(job) = Job::new(callable) else {
        return Err(Refused(skep::error::code::INVALID_PARAMS));
    };
    let callback = move |context: Option<&Context>, number| {
        let own = current();
        let Some(job) = tables(|tables| tables.signals.get(&number).copied()) else {
            return Ok(());
        };
        let job = job.share();
        let args = [Zv::long(i64::from(number))];
        let step = run(context, "signal", &job.frame().with_list(&args));
        if may_release(&own) {
            job.release();
        }
        step
    };
    if let Err(refused) = current().on_signal(number, keeps_alive, Box::new(callback)) {
        job.release();
        return Err(refused);
    }
    let old = tables(|tables| tables.signals.insert(number, job));
    if let Some(old) = old {
        old.release();
    }
    super::note_created();
    super::see_to_the_end();
    Ok(())
}

pub(super) fn off_signal(number: i32) -> bool {
    let known = current().off_signal(number);
    if let Some(job) = tables(|tables| tables.signals.remove(&number)) {
        job.release();
    }
    known
}

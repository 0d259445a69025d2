//! The pool's callbacks, as the engine calls them.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use skep::{EventLoop, Leave, Pool, PoolContext, PoolHandler, Step};

use super::{Event, Property, Zv, place, put, state};
use crate::call::{self, Frame, Outcome};
use crate::exception::{Line, pending};
use crate::zend::{php_output_clean_all, zend_object};
use crate::{globals, looping, overdue, random};

/// What PHP does after the engine has returned. Plain data: an error ends the script by a longjmp.
#[allow(
    clippy::large_enum_variant,
    reason = "plain data on the stack has no destructor"
)]
pub(super) enum Ended {
    /// The pool has ended, and this is the process that started it.
    Returned,
    /// End this process.
    Leave(i32),
    /// Nothing was started.
    Failed(i32, Line),
}

/// Give the engine the process.
pub(super) fn run(pool: Pool, object: *mut zend_object) -> Ended {
    let handler = Rc::new(PhpPool {
        object,
        broken: Cell::new(false),
        left: Cell::new(false),
    });
    let started = std::process::id();
    let ended = catch_unwind(AssertUnwindSafe(|| pool.start(handler.clone())));
    handler.settle_loop();
    match ended {
        Ok(Ok(ended)) if std::process::id() != started => Ended::Leave(ended.code),
        Ok(Ok(ended)) if ended.code == 0 && !handler.left.get() => Ended::Returned,
        Ok(Ok(ended)) => Ended::Leave(ended.code),
        Ok(Err(error)) => Ended::Failed(error.code(), Line::new(format_args!("{error}"))),
        Err(payload) => {
            globals::log_panic(payload);
            Ended::Leave(255)
        }
    }
}

/// The handler of the pool whose `start()` runs.
pub(super) struct PhpPool {
    /// Alive while `start()` is on the stack, because PHP's frame of that call holds it.
    object: *mut zend_object,
    /// A fatal error of PHP or a panic has ended a callback: nothing more can be called.
    broken: Cell<bool>,
    /// A callback has asked this process to end.
    left: Cell<bool>,
}

impl PhpPool {
    fn run(&self, event: Event, build: impl FnOnce(Frame) -> Frame) -> Step {
        let Some(callback) = place(self.object, event).callback() else {
            return Ok(());
        };
        if self.broken.get() {
            return Err(Leave { code: 255 });
        }
        self.settle_loop();
        let frame = build(callback.frame().with(Zv::object(self.object)));
        let ended = catch_unwind(AssertUnwindSafe(|| self.settle(call::invoke(&frame))));
        ended.unwrap_or_else(|payload| {
            globals::log_panic(payload);
            self.broken.set(true);
            Err(Leave { code: 255 })
        })
    }

    /// A callback of the event loop has left something pending: that is reported before anything else is called.
    fn settle_loop(&self) {
        if pending() {
            let _ = self.settle(call::outcome()); // the engine knows already that this process is to end
        }
    }

    fn settle(&self, outcome: Outcome) -> Step {
        let code = match outcome {
            Outcome::Done => return Ok(()),
            Outcome::Exit => {
                let code = call::exit_status() & 0xff;
                call::forget_exit();
                code
            }
            Outcome::Exception => match call::report_exception() {
                Outcome::Exit => {
                    let code = call::exit_status() & 0xff;
                    call::forget_exit();
                    code
                }
                Outcome::Bailout => {
                    self.broken.set(true);
                    255
                }
                Outcome::Done | Outcome::Exception => 255,
            },
            Outcome::Bailout => {
                self.broken.set(true);
                255
            }
        };
        self.left.set(true);
        Err(Leave { code })
    }
}

impl PoolHandler for PhpPool {
    fn attach(&self, pool: &Rc<PoolContext>) {
        // SAFETY: alive and constructed, see the field.
        if let Some(inner) = unsafe { state(self.object).inner.get().as_ref() } {
            inner.context.replace(Some(Rc::clone(pool)));
        }
        let object = self.object;
        put(
            object,
            Property::MasterPid,
            Zv::long(pool.master_pid().into()),
        );
        put(object, Property::Running, Zv::bool(true));
        if let Some(worker) = pool.worker() {
            let pid = i64::from(std::process::id());
            put(object, Property::WorkerPid, Zv::long(pid));
            put(object, Property::WorkerId, Zv::long(worker.into()));
            put(object, Property::WorkerRunning, Zv::bool(true));
            random::reseed();
            pool.on_term_signal(overdue::prepare());
            // SAFETY: a plain C function; what is buffered is the master's.
            unsafe { php_output_clean_all() };
        }
    }

    fn on_start(&self, _: &PoolContext) -> Step {
        self.run(Event::Start, |frame| frame)
    }

    fn on_shutdown(&self, _: &PoolContext) -> Step {
        self.run(Event::Shutdown, |frame| frame)
    }

    fn on_worker_start(&self, _: &PoolContext, worker: u32) -> Step {
        self.run(Event::WorkerStart, |frame| {
            frame.with(Zv::long(worker.into()))
        })
    }

    fn on_worker_exit(&self, _: &PoolContext, worker: u32) -> Step {
        self.run(Event::WorkerExit, |frame| {
            frame.with(Zv::long(worker.into()))
        })
    }

    fn on_worker_stop(&self, _: &PoolContext, worker: u32) -> Step {
        self.run(Event::WorkerStop, |frame| {
            frame.with(Zv::long(worker.into()))
        })
    }

    fn event_loop(&self) -> Option<Rc<EventLoop>> {
        Some(looping::current())
    }

    fn takes_messages(&self) -> bool {
        place(self.object, Event::Message).callback().is_some()
    }

    fn on_message(&self, _: &PoolContext, data: &[u8]) -> Step {
        self.run(Event::Message, |frame| frame.with_bytes(data))
    }
}

//! One call of a callback, and what its end means for the process.

use std::panic::{AssertUnwindSafe, catch_unwind};

use skep::{Context, Leave, Role, Step};

use super::PhpHandler;
use crate::call::{self, Frame, Outcome};
use crate::globals;

impl PhpHandler {
    /// Call user code on behalf of `event`, and see how it ends.
    pub(super) fn guarded(&self, context: &Context, event: &str, frame: &Frame) -> Step {
        let ended = catch_unwind(AssertUnwindSafe(|| self.call(context, event, frame)));
        ended.unwrap_or_else(|payload| {
            globals::log_panic(payload);
            self.leave(255)
        })
    }

    fn call(&self, context: &Context, event: &str, frame: &Frame) -> Step {
        let nested = call::nested();
        let outcome = call::invoke(frame);
        if context.is_forked_child() {
            return self.forked_child_ended(outcome);
        }
        match outcome {
            Outcome::Done => Ok(()),
            Outcome::Bailout => self.failed(context, event),
            // Inside a method that the script called: that call throws it, and the outer callback ends with it.
            Outcome::Exception | Outcome::Exit if nested => Ok(()),
            Outcome::Exception => self.uncaught(context, event),
            Outcome::Exit => self.exited(context, event),
        }
    }

    /// A child that the script forked has come to the end of the callback. The engine ends it at once, so
    /// what it has buffered is written here.
    pub(super) fn forked_child_ended(&self, outcome: Outcome) -> Step {
        let code = match outcome {
            Outcome::Done => 0,
            Outcome::Exit => call::exit_status() & 0xff,
            Outcome::Exception => {
                call::report_exception();
                255
            }
            Outcome::Bailout => 255,
        };
        if !globals::bailed() {
            // SAFETY: a plain C function; output callbacks of the script may run, and nothing is owned here.
            unsafe { crate::zend::php_output_flush_all() };
        }
        self.leave(code)
    }

    /// An exception came out of a callback.
    fn uncaught(&self, context: &Context, event: &str) -> Step {
        let text = call::describe_exception();
        let reported = call::report_exception();
        context.log_error(&format!("{event}() (ERRNO 503): Fatal error: {text}"));
        match reported {
            Outcome::Exit => self.exited(context, event),
            Outcome::Done if context.role() == Role::Manager => {
                // Without a manager there is no server: it goes on.
                call::set_exit_status(0); // it did not end the process
                Ok(())
            }
            Outcome::Bailout => {
                self.broken.set(true);
                self.leave(255)
            }
            Outcome::Done | Outcome::Exception => self.leave(255),
        }
    }

    /// A fatal error ended a callback.
    pub(super) fn failed(&self, context: &Context, event: &str) -> Step {
        self.broken.set(true);
        // Seen again by the callback around it, if it happened inside close().
        if self.left.get().is_none() {
            context.log_error(&format!(
                "{event}() (ERRNO 503): Fatal error: {}",
                call::describe_fatal()
            ));
        }
        self.leave(255)
    }

    /// A callback called exit().
    pub(super) fn exited(&self, context: &Context, event: &str) -> Step {
        if call::is_out_of_memory() {
            call::forget_exit();
            return self.failed(context, event);
        }
        let code = call::exit_status() & 0xff;
        call::forget_exit();
        let process = match context.role() {
            Role::Master => "master",
            Role::Manager => "manager",
            Role::Worker(_) => "worker",
            Role::TaskWorker(_) => "task worker",
            Role::UserProcess(_) => "user",
        };
        if !globals::panicked() {
            context.log_notice(&format!(
                "{event}() (ERRNO 9003): {process} process is terminated by exit()/die()"
            ));
        }
        self.leave(code)
    }

    pub(super) fn leave(&self, code: i32) -> Step {
        self.left.set(Some(code));
        Err(Leave { code })
    }
}

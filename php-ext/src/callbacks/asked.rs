//! Functions of the script that are asked something on behalf of the reactors: `dispatch_func` and
//! `package_length_func`. They run in the master.
//!
//! An exception in one of them is reported and does not end the server: there is always something sensible to do
//! without an answer. `exit()` and fatal errors end it as in every other callback of the master.

use std::panic::{AssertUnwindSafe, catch_unwind};

use skep::command::Command;
use skep::{Context, DispatchEvent, DispatchKind, Leave, Target};

use super::{Callback, PhpHandler, id, long};
use crate::call::{self, Answer, Frame, Outcome};
use crate::events::{Event, PortEvent};
use crate::globals;
use crate::zend::{Zv, bytes};

/// Answers to commands whose function has given none.
const WRONG_TYPE: &[u8] = br#"{"data":"wrong return type","code":-2}"#;
const NOT_CALLED: &[u8] = br#"{"data":"failed to call function","code":-1}"#;

/// A function that declares so many parameters is given the data, too.
const WITH_DATA: u32 = 4;

impl PhpHandler {
    pub(super) fn dispatch_func(&self) -> Option<Callback> {
        self.object().place(Event::Dispatch).callback()
    }

    pub(super) fn length_func(&self, port: u16) -> Option<Callback> {
        self.port_callback(port, PortEvent::Length)
    }

    /// Which worker gets this, by `dispatch_func`.
    pub(super) fn choose(
        &self,
        context: &Context,
        event: &DispatchEvent<'_>,
    ) -> Result<Target, Leave> {
        let Some(callback) = self.dispatch_func() else {
            return Ok(Target::Mode);
        };
        let mut frame = Frame::new(callback.target)
            .with(Zv::object(self.server))
            .with(id(event.session))
            .with(long(event.kind as i32));
        if callback.parameters() >= WITH_DATA {
            frame = match event.kind {
                DispatchKind::Data | DispatchKind::Datagram => frame.with_bytes(event.data),
                _ => frame.with(Zv::NULL),
            };
        }
        let mut answer = Answer::for_worker(context.worker_num());
        let answered = self.ask(context, Event::Dispatch.name(), frame.asking(&mut answer))?;
        Ok(match (answered, answer.number()) {
            (false, _) => Target::Worker(0),
            (true, None) => Target::Discard,
            (true, Some(number)) => Target::from_number(number),
        })
    }

    /// How long a message is, by `package_length_func`.
    pub(super) fn measure(&self, context: &Context, port: u16, data: &[u8]) -> Result<i64, Leave> {
        let Some(callback) = self.length_func(port) else {
            return Ok(-1);
        };
        let mut answer = Answer::default();
        let frame = Frame::new(callback.target).with_bytes(data);
        let answered = self.ask(context, PortEvent::Length.name(), frame.asking(&mut answer))?;
        if !answered {
            context.log_error("length function handler error");
            return Ok(-1);
        }
        Ok(answer.number().unwrap_or(0))
    }

    /// The answer to a command, as JSON.
    pub(super) fn obey(
        &self,
        context: &Context,
        command: &Command<'_>,
        data: &[u8],
    ) -> Result<Vec<u8>, Leave> {
        let Some(callback) = self.object().answering(command.index) else {
            return Ok(NOT_CALLED.to_vec());
        };
        let mut answer = Answer::for_text();
        let frame = Frame::new(callback.target)
            .with(Zv::object(self.server))
            .with_bytes(data);
        let answered = self.ask(context, "command", frame.asking(&mut answer))?;
        Ok(match answer.text() {
            Some(text) if answered => {
                // SAFETY: a string, of which the answer holds a reference.
                let bytes = unsafe { bytes(text.as_string()) }.to_vec();
                text.release();
                bytes
            }
            _ => WRONG_TYPE.to_vec(),
        })
    }

    /// Call a function for its answer. False: it has thrown, and that has been reported.
    fn ask(&self, context: &Context, name: &str, frame: Frame) -> Result<bool, Leave> {
        if let Some(code) = self.left.get() {
            return Err(Leave { code });
        }
        let asked = catch_unwind(AssertUnwindSafe(|| self.called(context, name, &frame)));
        asked.unwrap_or_else(|payload| {
            globals::log_panic(payload);
            self.leave(255).map(|()| false)
        })
    }

    fn called(&self, context: &Context, name: &str, frame: &Frame) -> Result<bool, Leave> {
        let outcome = call::invoke(frame);
        if context.is_forked_child() {
            return self.forked_child_ended(outcome).map(|()| false);
        }
        match outcome {
            Outcome::Done => return Ok(true),
            Outcome::Bailout => self.failed(context, name)?,
            Outcome::Exit => self.exited(context, name)?,
            Outcome::Exception => {
                let text = call::describe_exception();
                let reported = call::report_exception();
                context.log_error(&format!("{name}() (ERRNO 503): Fatal error: {text}"));
                match reported {
                    Outcome::Exit => self.exited(context, name)?,
                    Outcome::Bailout => {
                        self.broken.set(true);
                        self.leave(255)?;
                    }
                    // What the report has left behind did not end this process.
                    Outcome::Done | Outcome::Exception => call::set_exit_status(0),
                }
            }
        }
        Ok(false)
    }
}

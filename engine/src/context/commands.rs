//! Having another process run a command, and answering one.

use std::time::Duration;

use super::outgoing::ring_target;
use super::replies::Answer;
use super::{Context, Refused, Role};
use crate::command::{COMMAND_TIMEOUT, Command, CommandTarget};
use crate::error::code;
use crate::handler::{Callback, Leave};
use crate::ipc::envelope::{Envelope, Unsent};
use crate::ipc::exchange::{Stamp, Target, Way};
use crate::ipc::frame::Kind;
use crate::sync::Ordering;
use crate::sys::{clock, fork, wait};
use crate::task::{TaskAnswer, TaskLoss};

/// What goes in front of a command's data: when its answer is of no use any more, and its index.
const FRONT: usize = 12;

impl Context {
    /// Have a process run a command ([`crate::Server::add_command`]) and wait for its answer: at most for `timeout`, by
    /// default 5 s. May be called from every process, in callbacks and elsewhere; a process that is asked for is this one runs it there and then.
    ///
    /// This process serves nothing meanwhile; what comes waits. In the master that holds up new connections, signals and a stop, in
    /// the manager the replacement of workers: there the timeout should be short. Two processes that command each other at the same
    /// time wait for each other until the time of one is up. A busy process answers when its callback is over. Should
    /// it die while it is at the command, the call fails as soon as the manager knows; a command that it has not begun is for its
    /// successor. Nothing is run whose time is up.
    ///
    /// Refused: 9012 for an unknown command, 507 if that kind of process does not run it, 505 for a process that does not exist,
    /// 2001 for data of more than `task_queue_max_bytes`, 2002 if the queue is full, 6002 if no answer has come in time, 2006 if there
    /// will be none, 509 in a child that user code has forked.
    pub fn command(
        &self,
        name: &str,
        target: CommandTarget,
        data: &[u8],
        timeout: Option<Duration>,
    ) -> Result<Vec<u8>, Refused> {
        if fork::is_foreign() {
            return Err(Refused(code::WRONG_OPERATION));
        }
        let found = self.wires.commands.find(name);
        let (index, accepts) = found.ok_or(Refused(code::INVALID_COMMAND))?;
        if accepts & target.kind() == 0 {
            return Err(Refused(code::OPERATION_NOT_SUPPORT));
        }
        let to = match target {
            CommandTarget::Master => Target::Main,
            CommandTarget::Manager => Target::Manager,
            CommandTarget::Worker(id) if id < self.shared.workers() => Target::Child(id),
            CommandTarget::TaskWorker(index) if index < self.shared.task_workers() => {
                Target::Child(self.shared.workers() + index)
            }
            _ => return Err(Refused(code::INVALID_PARAMS)),
        };
        if self.is_here(to) {
            let outer = self.enter(Callback::Command, 0);
            let own = self.outgoing.borrow().stamp(0, 0);
            let answer = self.run_command(index, own, data);
            self.resume(outer);
            return answer.map_err(|leave| {
                self.leaving.set(Some(leave));
                Refused(code::TASK_NO_RESULT)
            });
        }
        self.ask(to, index, data, timeout.unwrap_or(COMMAND_TIMEOUT))
    }

    fn is_here(&self, to: Target) -> bool {
        match (to, self.role) {
            (Target::Main, role) => role == Role::Master,
            (Target::Manager, role) => role == Role::Manager,
            (Target::Child(id), _) => self.worker_id() == Some(id),
        }
    }

    fn ask(
        &self,
        to: Target,
        index: u32,
        data: &[u8],
        timeout: Duration,
    ) -> Result<Vec<u8>, Refused> {
        let wait_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let deadline = clock::monotonic_ms().saturating_add(wait_ms);
        let mut body = Vec::with_capacity(FRONT + data.len());
        body.extend_from_slice(&deadline.to_ne_bytes());
        body.extend_from_slice(&index.to_ne_bytes());
        body.extend_from_slice(data);
        let id = self.open_call();
        let posted = {
            let mut outgoing = self.outgoing.borrow_mut();
            let way = Way::Request(outgoing.party, to);
            let message = (Kind::Command, id, outgoing.stamp(0, 0));
            let limit = self.settings.tasks.queue_max_num;
            outgoing.post(self.shared.directory.exchange(), way, message, &body, limit)
        };
        if let Err(unsent) = posted {
            self.close_call(id);
            return Err(Unsent::refusal(unsent));
        }
        ring_target(&self.shared, to);
        let may_come = || !self.knows_dead(to);
        let answers = self.wait_while(&[id], Some(timeout), "command()", may_come);
        match answers.into_iter().next() {
            Some(TaskAnswer::Result(data, _)) => Ok(data),
            Some(TaskAnswer::Lost(_) | TaskAnswer::Nothing) => Err(Refused(code::TASK_NO_RESULT)),
            _ if self.knows_dead(to) => Err(Refused(code::TASK_NO_RESULT)),
            _ => Err(Refused(code::TIMEOUT)),
        }
    }

    /// Whether the process asked is dead and nobody else will say so: the manager, that reaps them all, is here.
    fn knows_dead(&self, to: Target) -> bool {
        match (self.role, to) {
            (Role::Manager, Target::Child(child)) => {
                let seat = self.shared.seat_of(child);
                let pid = self.shared.seat_block(seat).pid.load(Ordering::Acquire);
                pid > 0 && wait::has_ended(pid)
            }
            _ => false,
        }
    }

    fn run_command(&self, index: u32, asker: Stamp, data: &[u8]) -> Result<Vec<u8>, Leave> {
        let (source, source_role) = self.source_of(asker.party);
        let command = Command {
            name: self.wires.commands.name(index).unwrap_or_default(),
            index,
            source,
            source_role,
        };
        self.handler.on_command(self, &command, data)
    }

    /// A command has come: run it and answer.
    pub(crate) fn obey(&self, envelope: &Envelope, body: &[u8]) -> Result<(), Leave> {
        let Some((front, data)) = body.split_first_chunk::<FRONT>() else {
            return Ok(()); // no sender of ours has written it
        };
        let (deadline, index) = front.split_at(8);
        let deadline = u64::from_ne_bytes(deadline.try_into().unwrap_or_default());
        let index = u32::from_ne_bytes(index.try_into().unwrap_or_default());
        if clock::monotonic_ms() >= deadline || self.wires.commands.name(index).is_none() {
            return Ok(()); // nobody waits any more
        }
        self.enter(Callback::Command, 0);
        let answer = self.run_command(index, envelope.stamp, data);
        // Main and manager do not wait for anybody; others not for one that waits no more.
        let patience = match self.role {
            Role::Master | Role::Manager => 0,
            _ => deadline,
        };
        match answer {
            Ok(data) => {
                if !self.reply_to(
                    envelope.stamp,
                    &command_reply(envelope.id, 0),
                    &data,
                    Some(patience),
                ) {
                    self.log.warning(format_args!(
                        "command(): the answer of {} bytes is too long, or its queue is full",
                        data.len()
                    ));
                    self.fail_command(envelope, TaskLoss::Unanswered);
                }
                Ok(())
            }
            Err(leave) => {
                self.fail_command(envelope, TaskLoss::WorkerDied);
                Err(leave)
            }
        }
    }

    /// Tell who has sent a command that there will be no answer.
    pub(crate) fn fail_command(&self, envelope: &Envelope, reason: TaskLoss) {
        let answer = command_reply(envelope.id, reason as u8);
        self.reply_to(envelope.stamp, &answer, &[], Some(0));
    }
}

fn command_reply(id: u64, extra: u8) -> Answer {
    Answer {
        kind: Kind::CommandReply,
        id,
        flags: 0,
        extra,
    }
}

//! Sessions that wait for a worker which is stuck in a callback go to others (mode 11).
//!
//! What keeps the order: nothing of a session is ever in two workers. The session at work stays where it is and waits
//! ([`super::parked`]); of every other one the stuck worker has begun nothing that it has not finished, and what it has
//! said so far is read before anybody else is given a word of them.
//!
//! What keeps close events single: the stuck worker may, in the very callback that it is stuck in, close a session that
//! is being moved. It claims the end and then looks who owns the session; the reactor writes down the new owner and
//! then looks whether the end is claimed. So one of them sees the other. A worker that sees that it has lost the session
//! leaves the event to the reactor; what a new owner gets of a session whose end is claimed, it throws away.

use super::feed::Held;
use super::turn::Reactor;
use crate::ipc::directory::Endpoint;
use crate::ipc::frame::Head;
use crate::ipc::mailbox::Mailbox;
use crate::session::SessionId;

impl Reactor {
    /// Look at the workers whose messages wait, if it is time.
    pub(super) fn rescue(&mut self, mailbox: &mut Mailbox) {
        for worker in self.feed.look(self.now_ms) {
            if self.feed.dispatcher().rescuer().is_none() {
                continue; // all are as busy
            }
            self.report_unquiet(); // what is taken back is in no lane for a moment
            let (seat, messages) = self.feed.take_back(&self.shared, worker);
            mailbox.drain_sender(Endpoint::Worker(seat), |head, payload| {
                self.handle_mail(head, payload)
            });
            let aside = self.feed.put_aside();
            let mut moved = Vec::new();
            for message in messages.into_iter().chain(aside) {
                self.give_to_another(worker, &message, &mut moved);
            }
            self.again.extend(self.feed.take_waiting(seat));
        }
    }

    /// One message that waited for a stuck worker. `moved`: sessions of which one was moved before, and where to.
    fn give_to_another(&mut self, stuck: u32, message: &Held, moved: &mut Vec<(SessionId, u32)>) {
        let id = message.head.session;
        let known = moved.iter().rfind(|(session, _)| *session == id);
        let worker = match known {
            Some(&(_, worker)) => worker,
            None => {
                let worker = self.new_owner(stuck, message.head);
                moved.push((id, worker));
                worker
            }
        };
        let seat = self.feed.dispatcher().route(worker);
        self.feed.push(seat, message.head, &message.data);
    }

    fn new_owner(&mut self, stuck: u32, head: Head) -> u32 {
        if !self.feed.is_loose(head.session, stuck) {
            return stuck; // it is at work for that very session
        }
        let Some(worker) = self.feed.dispatcher().rescuer() else {
            return stuck;
        };
        self.give_session(head.session, worker);
        worker
    }

    /// This worker owns a session from now on.
    fn give_session(&mut self, id: SessionId, worker: u32) {
        if let Some(token) = self.token_of(id) {
            self.connections[token].owner = worker;
        }
        if let Some(slot) = self.shared.sessions.find(id) {
            slot.set_owner(worker);
        }
    }

    /// The worker that owns the session of a connection, after a look whether that one is stuck: then it goes to another
    /// one here and now, if nothing of it is at the old one.
    pub(super) fn present_owner(&mut self, token: usize) -> u32 {
        let (id, owner) = (self.connections[token].id, self.connections[token].owner);
        if !self.feed.dispatcher().is_stuck(owner) || !self.feed.is_loose(id, owner) {
            return owner;
        }
        let Some(worker) = self.feed.dispatcher().rescuer() else {
            return owner;
        };
        self.give_session(id, worker);
        worker
    }
}

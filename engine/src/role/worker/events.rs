//! What reactors send a worker: the events of sessions, and datagrams.

use super::Worker;
use crate::error::code;
use crate::handler::{CLOSED_BY_SERVER, Callback, Leave};
use crate::ipc::directory::Endpoint;
use crate::ipc::frame::{Head, Kind, Origin};
use crate::ipc::lane::{Payload, Verdict};
use crate::packet::Packet;
use crate::session::TlsInfo;
use crate::session::table::{Slot, state};
use crate::stats::bump;

impl Worker<'_> {
    /// One message.
    pub(super) fn handle(&self, from: Endpoint, head: Head, payload: Payload<'_>) -> Verdict {
        let reactor = match from {
            Endpoint::Reactor(reactor) => reactor as i32,
            _ => return Verdict::Done, // only reactors talk to workers
        };
        bump(&self.block.events, 1);
        let origin = Origin::decode(head.argument);
        self.context.at_port(origin.port);
        let step = match head.kind {
            Kind::Receive => self.receive(head.session, reactor, payload.bytes()),
            Kind::Connect => self.connect(head.session, origin, reactor, payload.bytes()),
            Kind::Packet => self.packet(origin.port, reactor, payload.bytes()),
            Kind::Close => self.close(head.session, origin, reactor),
            Kind::BufferFull => self.buffer(Callback::BufferFull, head.session),
            Kind::BufferEmpty => self.buffer(Callback::BufferEmpty, head.session),
            _ => Ok(()),
        };
        self.context.left();
        self.shift
            .leave
            .set(step.err().or_else(|| self.context.take_leaving()));
        if self.shift.leave.get().is_some() {
            return Verdict::Abandoned;
        }
        if matches!(head.kind, Kind::Receive | Kind::Packet) {
            self.mind_limits();
        }
        Verdict::Done
    }

    fn connect(
        &self,
        session: u64,
        origin: Origin,
        reactor: i32,
        facts: &[u8],
    ) -> Result<(), Leave> {
        if let Some(info) = TlsInfo::decode(facts) {
            self.context.note_tls(session, info);
        }
        if let Some(slot) = self.shared.sessions.find(session) {
            slot.mark(state::CONNECTED); // before the callback: it may close the session
        }
        if self.context.ports().get(origin.port).interests.connect {
            self.context.enter(Callback::Connect, session);
            let handler = self.context.handler();
            handler.on_connect(&self.context, session, reactor)?;
        }
        let slot = self.shared.sessions.find(session);
        let is_last = |slot: &Slot| slot.mark(state::CONNECT_DONE) & state::PEER_CLOSED != 0;
        self.tell_if_last(session, reactor, slot.is_some_and(is_last));
        Ok(())
    }

    /// Where the messages of a session are spread, its reactor waits for the last of them after the client has left.
    fn tell_if_last(&self, session: u64, reactor: i32, is_last: bool) {
        let slot = self.shared.sessions.find(session);
        if is_last && slot.is_some_and(|slot| slot.has(state::SPREAD)) {
            let news = Head::new(Kind::Closed, session, 0);
            let _ = self.context.to_reactor(reactor as u32, news, &[]);
        }
    }

    fn receive(&self, session: u64, reactor: i32, data: &[u8]) -> Result<(), Leave> {
        // A session long gone (its slot has been given to another) still has its message delivered.
        let slot = self.shared.sessions.find(session);
        if let Some(slot) = slot {
            slot.note_consumed(data.len());
        }
        if slot.is_some_and(|slot| slot.has(state::SERVER_CLOSED)) || self.is_late(slot) {
            self.discard(session, data.len());
        } else {
            self.context.enter(Callback::Receive, session);
            self.context
                .handler()
                .on_receive(&self.context, session, reactor, data)?;
            bump(&self.block.requests, 1);
        }
        // Looked up again: a long callback may have seen the slot given to another session.
        let slot = self.shared.sessions.find(session);
        self.tell_if_last(session, reactor, slot.is_some_and(Slot::note_completed));
        Ok(())
    }

    /// Whether a message comes when its session has gone, and is not wanted then. Where one worker has a session
    /// to itself, the close event is the last that comes.
    fn is_late(&self, slot: Option<&Slot>) -> bool {
        self.discards && slot.is_none_or(|slot| slot.has(state::SOCKET_CLOSED))
    }

    fn discard(&self, session: u64, bytes: usize) {
        self.context.log().coded(
            "receive",
            code::SESSION_DISCARD_TIMEOUT_DATA,
            format_args!("[2] ignore data[{bytes} bytes] received from session#{session}"),
        );
    }

    fn packet(&self, port: u16, reactor: i32, frame: &[u8]) -> Result<(), Leave> {
        let described = self.context.ports().get(port);
        if let Some((packet, bytes)) = Packet::decode(port, described, frame) {
            let handler = self.context.handler();
            self.context.at_packet(Some(packet));
            let step = match described.interests.packet {
                true => {
                    self.context.enter(Callback::Packet, 0);
                    handler.on_packet(&self.context, &packet, bytes)
                }
                false => {
                    self.context.enter(Callback::Receive, 0);
                    handler.on_receive(&self.context, 0, reactor, bytes)
                }
            };
            self.context.at_packet(None);
            step?;
            bump(&self.block.requests, 1);
        }
        bump(&self.block.packets, 1);
        Ok(())
    }

    fn buffer(&self, event: Callback, session: u64) -> Result<(), Leave> {
        let slot = self.shared.sessions.find(session);
        if slot.is_none_or(|slot| slot.has(state::SERVER_CLOSED)) {
            return Ok(()); // nothing comes after the close event
        }
        self.context.enter(event, session);
        let handler = self.context.handler();
        match event {
            Callback::BufferFull => handler.on_buffer_full(&self.context, session),
            _ => handler.on_buffer_empty(&self.context, session),
        }
    }

    fn close(&self, session: u64, origin: Origin, reactor: i32) -> Result<(), Leave> {
        let slot = self.shared.sessions.find(session);
        if let Some(slot) = slot {
            slot.mark(state::ENDED);
        }
        if self.context.ports().get(origin.port).interests.close {
            let told = if origin.by_server {
                CLOSED_BY_SERVER
            } else {
                reactor
            };
            self.context.run_on_close(session, told);
            if let Some(leave) = self.context.take_leaving() {
                return Err(leave);
            }
        }
        self.context.forget(session);
        if let Some(slot) = slot {
            slot.mark(state::EVENT_DONE);
        }
        let _ = self
            .context
            .to_reactor(reactor as u32, Head::new(Kind::Closed, session, 0), &[]);
        Ok(())
    }
}

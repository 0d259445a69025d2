//! From a callback to a client: by way of the reactor that serves it.

use std::os::fd::AsFd;
use std::time::Duration;

use super::backlog::Backlog;
use super::{Context, Refused};
use crate::error::code;
use crate::ipc::frame::{Head, Kind};
use crate::ipc::lane::Push;
use crate::ipc::outlet::Outlet;
use crate::ipc::parker::Parker;
use crate::session::SessionId;
use crate::session::table::state;
use crate::stats::bump;

/// How long a sender that waits for room sleeps before it looks again, should a ring be missed.
const ROOM_RECHECK: Duration = Duration::from_millis(100);

/// A send from this length on does not go through the lane, where the reactor would have to put it together in its own
/// memory while this process waits for room again and again.
const LONG: usize = 1 << 20;

impl Context {
    /// Queue `data` for a session. Ok means queued, in order with what this process sent before; it
    /// is delivered unless the connection breaks. Refused: 550 nothing to send, 1005 no such
    /// session, 1004 closed, 1009 more than `socket_buffer_size` is waiting already (the check comes
    /// before queueing, so the overshoot is one send at most), 1203 longer than `output_buffer_size`.
    ///
    /// Session 0 in the callback of a datagram is its sender, as for [`Context::send_to`].
    pub fn send(&self, session: SessionId, data: &[u8]) -> Result<(), Refused> {
        if data.is_empty() {
            return Err(Refused(code::NO_PAYLOAD));
        }
        if let (0, Some(packet)) = (session, self.packet.get()) {
            return self.answer(&packet, data);
        }
        if data.len() as u64 > self.settings.output_buffer_size {
            self.log.coded(
                "send",
                code::DATA_LENGTH_TOO_LARGE,
                format_args!(
                    "The length of data [{}] exceeds the output buffer size[{}], please use the sendfile, \
                     chunked transfer mode or adjust the output_buffer_size",
                    data.len(),
                    self.settings.output_buffer_size,
                ),
            );
            return Err(Refused(code::DATA_LENGTH_TOO_LARGE));
        }
        let slot = self.live(session)?;
        if slot.has(state::ENDED) {
            return Err(Refused(code::SESSION_CLOSED));
        }
        let port = self.port_of(slot);
        if slot.send_queued() >= port.settings.socket_buffer_size {
            self.log.coded(
                "send",
                code::OUTPUT_BUFFER_OVERFLOW,
                format_args!("send failed, session={session} output buffer overflow"),
            );
            return Err(Refused(code::OUTPUT_BUFFER_OVERFLOW));
        }
        if data.len() < LONG || !self.put_aside(slot, session, data)? {
            slot.note_queued(data.len(), port.full_output());
            self.to_reactor(
                slot.reactor(),
                Head::new(Kind::Send, session, data.len() as u64),
                data,
            )?;
        }
        self.count_sent(data.len() as u64);
        Ok(())
    }

    pub(super) fn count_sent(&self, bytes: u64) {
        if let Some(block) = self.own_block() {
            bump(&block.responses, 1);
            bump(&block.sent_bytes, bytes);
        }
    }

    /// Publish a message to a reactor and wake it; waits for room.
    pub(crate) fn to_reactor(&self, reactor: u32, head: Head, data: &[u8]) -> Result<(), Refused> {
        let mut outlets = self.reactors.borrow_mut();
        let outlet = outlets
            .get_mut(reactor as usize)
            .ok_or(Refused(code::SESSION_NOT_EXIST))?;
        if let Some(backlog) = self.backlogs.borrow_mut().get_mut(reactor as usize) {
            backlog.post(outlet, head, data);
            return Ok(());
        }
        self.post(outlet, head, data)
    }

    /// From now on this process keeps what a reactor has no room for instead of waiting: the reactors may be waiting
    /// for it.
    pub(crate) fn never_wait(&self) {
        let reactors = self.reactors.borrow();
        let backlogs = reactors.iter().map(|_| Backlog::default());
        self.backlogs.replace(backlogs.collect());
    }

    /// Send on what was kept.
    pub(crate) fn flush_backlog(&self) {
        let (mut backlogs, mut reactors) = (self.backlogs.borrow_mut(), self.reactors.borrow_mut());
        for (backlog, outlet) in backlogs.iter_mut().zip(reactors.iter_mut()) {
            backlog.flush(outlet);
        }
    }

    /// Push, and while the lane is full, wait until its receiver has made room. Receivers of these
    /// lanes never wait for their senders, so the wait ends unless the receiver is dead: then the
    /// life-line breaks, and the server with it.
    fn post(&self, outlet: &mut Outlet, head: Head, data: &[u8]) -> Result<(), Refused> {
        let mut sent = 0;
        while outlet.push(head, data, &mut sent) == Push::Full {
            outlet.bell().ring_if_asleep();
            let level = outlet.lane().level_for(data, sent);
            if outlet.lane().want_room(level) && !self.wait_to_be_rung(ROOM_RECHECK) {
                return Err(Refused(code::SESSION_CLOSED));
            }
        }
        outlet.bell().ring_if_asleep();
        Ok(())
    }

    /// Sleep until rung, or for so long. False: a supervisor is dead.
    pub(super) fn wait_to_be_rung(&self, longest: Duration) -> bool {
        let mut parker = self.parker.borrow_mut();
        if parker.is_none() {
            let lines: Vec<_> = self.wires.lifelines.iter().map(AsFd::as_fd).collect();
            *parker = Parker::new(&self.shared.directory.bell(self.endpoint), &lines).ok();
        }
        match &mut *parker {
            Some(parker) => {
                parker.park(Some(longest));
                !parker.supervisor_lost()
            }
            None => {
                // No descriptor left for a poll: looking again at intervals is slow and right.
                std::thread::sleep(Duration::from_millis(1));
                true
            }
        }
    }
}

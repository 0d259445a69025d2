//! Telling workers when a client has become slow, and when it has caught up.
//!
//! How much waits for a client is accounted when it is sent ([`Slot::send_queued`]), and whoever sees it cross
//! the mark says so in the session's state, before the bytes are on their way. So no crossing is missed, however
//! the reactor's writes fall between sends.

use super::connection::Stage;
use super::turn::Reactor;
use crate::ipc::frame::Kind;
use crate::session::table::{Slot, state};

impl Reactor {
    /// More waits for a client.
    pub(super) fn output_grew(&mut self, token: usize) {
        let connection = &mut self.connections[token];
        let port = self.ports.get(connection.port);
        let Some(full) = port.full_output().filter(|_| !connection.full) else {
            return;
        };
        let Some(slot) = self.shared.sessions.find(connection.id) else {
            return;
        };
        if !slot.has(state::FULL) && slot.send_queued() < full {
            return;
        }
        slot.mark(state::FULL);
        connection.full = true;
        if port.interests.buffer_full {
            self.tell(token, Kind::BufferFull);
        }
    }

    /// Less waits for a client.
    pub(super) fn output_shrank(&mut self, token: usize) {
        let connection = &mut self.connections[token];
        if !connection.full {
            return;
        }
        let port = self.ports.get(connection.port);
        let low = port.settings.session.buffer_low;
        let Some(slot) = self.shared.sessions.find(connection.id) else {
            return;
        };
        if slot.send_queued() > low {
            return;
        }
        connection.full = false;
        slot.unmark(state::FULL);
        // A sender may have crossed the mark just before that: its bytes are still to come.
        if { port.full_output() }.is_some_and(|full| slot.send_queued() >= full) {
            slot.mark(state::FULL);
        }
        if port.interests.buffer_empty {
            self.tell(token, Kind::BufferEmpty);
        }
    }

    /// To a worker of the session, unless its close event comes before that.
    fn tell(&mut self, token: usize, kind: Kind) {
        let connection = &self.connections[token];
        let slot = self.shared.sessions.find(connection.id);
        let open = connection.stage == Stage::Open && slot.is_some_and(Slot::is_open);
        if open {
            self.dispatch(token, kind, false);
        }
    }
}

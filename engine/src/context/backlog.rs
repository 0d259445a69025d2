//! What a process keeps for reactors that have no room, where it must not wait for them.

use std::collections::VecDeque;

use crate::ipc::frame::Head;
use crate::ipc::lane::Push;
use crate::ipc::outlet::Outlet;

/// A message that is not on its lane yet, or not all of it.
struct Kept {
    head: Head,
    data: Vec<u8>,
    sent: usize,
}

/// Messages for one reactor, in order. How much that can be is limited where sends are: by `socket_buffer_size` for
/// each session.
#[derive(Default)]
pub(super) struct Backlog(VecDeque<Kept>);

impl Backlog {
    /// Publish a message, or keep it for [`Backlog::flush`].
    pub(super) fn post(&mut self, outlet: &mut Outlet, head: Head, data: &[u8]) {
        let mut sent = 0;
        if self.0.is_empty() && outlet.push(head, data, &mut sent) == Push::Whole {
            return outlet.bell().ring_if_asleep();
        }
        let data = data.to_vec();
        self.0.push_back(Kept { head, data, sent });
        self.flush(outlet);
    }

    /// Publish what there is room for. If something is left, the reactor rings when it has made room.
    pub(super) fn flush(&mut self, outlet: &mut Outlet) {
        if self.0.is_empty() {
            return;
        }
        while let Some(next) = self.0.front_mut() {
            if outlet.push(next.head, &next.data, &mut next.sent) == Push::Whole {
                self.0.pop_front();
                if self.0.is_empty() {
                    outlet.bell().ring_if_asleep(); // nobody else says that the last of it is there
                }
                continue;
            }
            let level = outlet.lane().level_for(&next.data, next.sent);
            if outlet.lane().want_room(level) {
                break;
            }
        }
        outlet.bell().ring_if_asleep();
    }
}

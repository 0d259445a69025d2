//! The message queue by which other programs give tasks, as every process knows it.

use std::io;

use crate::sys::message_queue::MessageQueue;

/// Whether there is one, and which.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TaskSource {
    /// `task_ipc_mode` says that there may be one.
    wanted: bool,
    id: Option<i32>,
}

impl TaskSource {
    /// Find or make the queue with this key. One that belongs to somebody else is refused: what is in it would be run.
    pub(crate) fn open(wanted: bool, key: Option<i32>, rights: u32) -> io::Result<TaskSource> {
        let open = |key| MessageQueue::open_own(key, rights).map(|queue| queue.id());
        let id = key.map(open).transpose()?;
        Ok(TaskSource { wanted, id })
    }

    /// An opening of the queue, for one thread.
    pub(crate) fn queue(&self) -> Option<MessageQueue> {
        self.id.map(MessageQueue::of)
    }

    /// Messages in it, and their bytes.
    pub(crate) fn figures(&self) -> Option<(u64, u64)> {
        let state = self.queue().and_then(|queue| queue.state().ok());
        let none = self.wanted.then_some((0, 0));
        state.map(|state| (state.messages, state.bytes)).or(none)
    }
}

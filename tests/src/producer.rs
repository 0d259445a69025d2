//! Another program that gives tasks to a server: it knows the key of the server's message queue.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use skep::process::{MessageQueue, QueueState, Queued};
use skep::task;

use crate::eventually::{eventually, patience};

/// A message queue with a key that no other test has, removed at the end.
pub struct Producer {
    /// For `message_queue_key`.
    pub key: u32,
    queue: MessageQueue,
}

impl Producer {
    /// Make the queue, or find the one that a server has made.
    pub fn open(key: u32) -> Producer {
        let queue = MessageQueue::open(key as i32).unwrap_or_else(|error| panic!("{error}"));
        Producer { key, queue }
    }

    /// A key.
    pub fn key() -> u32 {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // Pids have 22 bits at most; no test process makes so many.
        0x8000_0000 | process::id() << 8 | (NUMBER.fetch_add(1, Ordering::Relaxed) & 0xff)
    }

    /// With a key of its own.
    pub fn new() -> Producer {
        Producer::open(Producer::key())
    }

    /// Another end of it, for a thread.
    pub fn queue(&self) -> MessageQueue {
        MessageQueue::of(self.queue.id())
    }

    /// Give a task; false: the queue is full.
    pub fn give(&mut self, kind: i64, job: impl AsRef<[u8]>) -> bool {
        self.put(kind, &task::pack(job.as_ref(), 0))
    }

    /// Any bytes; false: the queue is full.
    pub fn put(&mut self, kind: i64, bytes: &[u8]) -> bool {
        let sent = self.queue.send(kind, bytes, false);
        match sent.unwrap_or_else(|error| panic!("msgsnd: {error}")) {
            Queued::Done(..) => true,
            Queued::WouldBlock => false,
            other => panic!("{other:?}"),
        }
    }

    /// What is in it.
    pub fn state(&self) -> QueueState {
        self.queue.state().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Wait until the server has taken everything.
    pub fn await_empty(&self) {
        eventually(patience(), || self.state().messages == 0);
    }
}

impl Default for Producer {
    fn default() -> Producer {
        Producer::new()
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let _ = self.queue.remove(); // a test may have done that
    }
}

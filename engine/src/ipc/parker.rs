//! Sleeping on a bell: an edge-triggered poll over the owner's eventfd and its supervisors' life-lines.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use super::doorbell::Doorbell;

const BELL: Token = Token(usize::MAX);
/// The descriptor of [`Parker::watch`].
const BESIDES: Token = Token(usize::MAX - 1);

/// A poll of this process. To be made after the fork that made the process: an epoll set inherited
/// from the parent would still be the parent's.
pub(crate) struct Parker {
    poll: Poll,
    events: Events,
    /// Bit n: life-line n has broken.
    lost: u64,
    /// What else is watched.
    besides: Option<RawFd>,
}

impl Parker {
    /// Sleep on `bell`, and on the read ends of life-lines.
    pub(crate) fn new(bell: &Doorbell, lifelines: &[BorrowedFd<'_>]) -> io::Result<Parker> {
        let poll = Poll::new()?;
        let registry = poll.registry();
        registry.register(
            &mut SourceFd(&bell.descriptor().raw()),
            BELL,
            Interest::READABLE,
        )?;
        for (index, line) in lifelines.iter().enumerate() {
            registry.register(
                &mut SourceFd(&line.as_raw_fd()),
                Token(index),
                Interest::READABLE,
            )?;
        }
        Ok(Parker {
            poll,
            events: Events::with_capacity(8),
            lost: 0,
            besides: None,
        })
    }

    /// Wake up on the edge of another descriptor, too, in place of the last one, which must still be open.
    pub(crate) fn watch(&mut self, descriptor: Option<RawFd>) {
        if self.besides == descriptor {
            return;
        }
        let registry = self.poll.registry();
        if let Some(old) = self.besides.take() {
            let _ = registry.deregister(&mut SourceFd(&old));
        }
        let Some(raw) = descriptor else { return };
        // A failure (out of memory) is tried again before the next sleep.
        if registry
            .register(&mut SourceFd(&raw), BESIDES, Interest::READABLE)
            .is_ok()
        {
            self.besides = Some(raw);
        }
    }

    /// Sleep until the bell rings, a signal comes, a life-line breaks or `timeout` is over.
    pub(crate) fn park(&mut self, timeout: Option<Duration>) {
        // An interrupted poll is a signal: the caller looks at its bits anyway. No other failure is
        // possible on a valid epoll descriptor.
        if self.poll.poll(&mut self.events, timeout).is_ok() {
            let lines = |token: &Token| *token != BELL && *token != BESIDES;
            for event in self.events.iter().filter(|event| lines(&event.token())) {
                self.lost |= 1 << event.token().0;
            }
        }
    }

    /// Whether any life-line has broken: a supervisor is dead.
    pub(crate) fn supervisor_lost(&self) -> bool {
        self.lost != 0
    }

    /// Whether the life-line with this index has broken.
    pub(crate) fn line_lost(&self, index: usize) -> bool {
        self.lost & (1 << index) != 0
    }
}

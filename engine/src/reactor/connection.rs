//! One connection as its reactor sees it.

use std::os::fd::OwnedFd;

use super::deadlines::Times;
use super::inbound::Inbound;
use super::outbox::Outbox;
use crate::choice::Target;
use crate::session::SessionId;
use crate::session::table::NO_OWNER;
use crate::tls::TlsSession;

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The session has not begun: see [`super::opening`].
    Opening,
    /// Reading and writing.
    Open,
    /// The peer has closed its side; open until the worker has dealt with that.
    PeerClosed,
    /// To be closed when the outbox is empty. What still comes in is thrown away.
    Closing,
    /// Our side is closed; waiting a moment for the peer, so that a reset cannot overtake the last bytes.
    Lingering,
}

/// A connection.
pub(super) struct Connection {
    pub(super) socket: OwnedFd,
    pub(super) id: SessionId,
    /// Worker id, or [`crate::session::table::NO_OWNER`].
    pub(super) owner: u32,
    /// An event or message of it has gone to a worker.
    pub(super) begun: bool,
    /// What the dispatch function has said about the next message.
    pub(super) decided: Option<Target>,
    /// Index of the port it came by.
    pub(super) port: u16,
    pub(super) stage: Stage,
    pub(super) tls: Option<Box<TlsSession>>,
    /// A PROXY header comes first.
    pub(super) awaits_header: bool,
    /// The peer's end of input was seen, whatever the stage.
    pub(super) peer_done: bool,
    /// Somebody wants it not to be read.
    pub(super) paused: bool,
    /// In a queue for reading already.
    pub(super) queued: bool,
    /// In the list of connections to flush already.
    pub(super) dirty: bool,
    /// The kernel takes no more output: wait for writability.
    pub(super) blocked: bool,
    /// Its worker was told that much waits for the client, or would have been.
    pub(super) full: bool,
    pub(super) times: Times,
    pub(super) inbound: Inbound,
    pub(super) outbox: Outbox,
}

impl Connection {
    pub(super) fn new(socket: OwnedFd, id: SessionId, port: u16, now_ms: u64) -> Connection {
        Connection {
            socket,
            id,
            owner: NO_OWNER,
            begun: false,
            decided: None,
            port,
            stage: Stage::Open,
            tls: None,
            awaits_header: false,
            peer_done: false,
            paused: false,
            queued: false,
            dirty: false,
            blocked: false,
            full: false,
            times: Times::new(now_ms),
            inbound: Inbound::default(),
            outbox: Outbox::default(),
        }
    }

    /// Whether what comes next may be written to the socket as it is, now.
    pub(super) fn takes_writes(&self) -> bool {
        self.tls.is_none() && !self.blocked && self.outbox.len() == 0
    }
}

//! What a session tells of itself.

use super::slot::{NO_OWNER, Slot, state};
use super::tls_info::TlsInfo;
use crate::net::SocketType;
use crate::net::address::Peer;
use crate::sync::Ordering;

/// What `getClientInfo` tells.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionInfo {
    /// User id it is bound to; `None` if it is not. Where sessions are dispatched by it (`dispatch_mode` 5), 0 instead.
    pub uid: Option<u32>,
    /// Worker that gets this session's messages; `None` if any worker may.
    pub worker: Option<u32>,
    /// Index of the port it came by; 0 is the primary one.
    pub port: u16,
    /// Number of that port; 0 on a unix socket.
    pub server_port: u16,
    /// Descriptor of that port's socket in the master.
    pub server_socket: i32,
    /// Kind of that socket.
    pub kind: SocketType,
    /// Descriptor of the connection in the master.
    pub socket: i32,
    /// The client's port; 0 on a unix socket.
    pub remote_port: u16,
    /// The client's address; empty on a unix socket.
    pub remote_ip: String,
    /// Reactor thread that serves the connection.
    pub reactor: u32,
    /// When it was accepted, microseconds since the Unix epoch.
    pub connected_us: u64,
    /// Last bytes from the client, microseconds since the epoch; 0 never.
    pub received_us: u64,
    /// Last bytes written to the client; 0 never.
    pub sent_us: u64,
    /// Last message given to a worker; 0 never.
    pub dispatched_us: u64,
    /// `errno` that ended the connection, 0 if none.
    pub close_errno: i32,
    /// Bytes given to workers and not yet taken by a callback.
    pub recv_queued_bytes: u64,
    /// Bytes accepted by send and send_file and not yet written to the socket.
    pub send_queued_bytes: u64,
    /// Silence does not end it.
    pub protected: bool,
    /// It is not read, because somebody wants that.
    pub paused: bool,
    /// Of a session under TLS, in the worker that has had its connect event.
    pub tls: Option<TlsInfo>,
}

/// What a session tells of the port it came by.
pub(crate) struct Entrance {
    pub(crate) number: u16,
    pub(crate) socket: i32,
    pub(crate) kind: SocketType,
}

impl Slot {
    /// The client as log lines name it.
    pub(crate) fn remote(&self) -> String {
        match self.peer() {
            Peer::Unix => "unix".into(),
            Peer::Ip(address) => address.to_string(),
        }
    }

    /// Everything about the session, as of now.
    pub(crate) fn info(&self, entrance: Entrance) -> SessionInfo {
        let (remote_ip, remote_port) = match self.peer() {
            Peer::Unix => (String::new(), 0),
            Peer::Ip(address) => (address.ip().to_string(), address.port()),
        };
        let (owner, uid) = (self.owner(), self.uid());
        SessionInfo {
            uid: (uid > 0).then_some(uid),
            worker: (owner != NO_OWNER).then_some(owner),
            port: self.port(),
            server_port: entrance.number,
            server_socket: entrance.socket,
            kind: entrance.kind,
            socket: self.socket.load(Ordering::Relaxed),
            remote_port,
            remote_ip,
            reactor: self.reactor(),
            connected_us: self.connected_us.load(Ordering::Relaxed),
            received_us: self.received_us.load(Ordering::Relaxed),
            sent_us: self.sent_us.load(Ordering::Relaxed),
            dispatched_us: self.dispatched_us.load(Ordering::Relaxed),
            close_errno: self.close_errno.load(Ordering::Relaxed),
            recv_queued_bytes: self.recv_queued(),
            send_queued_bytes: self.send_queued() + self.files_queued(),
            protected: self.has(state::PROTECTED),
            paused: self.has(state::PAUSED),
            tls: None,
        }
    }
}

//! What a session tells of itself.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::slot::{NO_OWNER, Slot};
use super::tls_info::TlsInfo;
use crate::sync::Ordering;

/// What `getClientInfo` tells.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionInfo {
    /// Index of the port it came by.
    pub port: u16,
    /// Worker that gets this session's messages; `None` if any worker may.
    pub worker: Option<u32>,
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
    /// Of a session under TLS, in the worker that has had its connect event.
    pub tls: Option<TlsInfo>,
}

impl SessionInfo {
    /// The client as log lines name it.
    pub(crate) fn remote(&self) -> String {
        let Self {
            remote_ip,
            remote_port,
            ..
        } = self;
        match (remote_ip.is_empty(), remote_ip.contains(':')) {
            (true, _) => "unix".into(),
            (_, true) => format!("[{remote_ip}]:{remote_port}"),
            (_, false) => format!("{remote_ip}:{remote_port}"),
        }
    }
}

impl Slot {
    /// Everything about the session, as of now.
    pub(crate) fn info(&self) -> SessionInfo {
        let peer = self.peer.load(Ordering::Relaxed);
        let (high, low) = (
            self.address[0].load(Ordering::Relaxed),
            self.address[1].load(Ordering::Relaxed),
        );
        let remote_ip = match peer >> 16 {
            4 => Ipv4Addr::from_bits(high as u32).to_string(),
            6 => {
                let ip = Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low));
                ip.to_ipv4_mapped()
                    .map_or_else(|| ip.to_string(), |v4| v4.to_string())
            }
            _ => String::new(),
        };
        let owner = self.owner();
        SessionInfo {
            port: self.port(),
            worker: (owner != NO_OWNER).then_some(owner),
            socket: self.socket.load(Ordering::Relaxed),
            remote_port: peer as u16,
            remote_ip,
            reactor: self.reactor(),
            connected_us: self.connected_us.load(Ordering::Relaxed),
            received_us: self.received_us.load(Ordering::Relaxed),
            sent_us: self.sent_us.load(Ordering::Relaxed),
            dispatched_us: self.dispatched_us.load(Ordering::Relaxed),
            close_errno: self.close_errno.load(Ordering::Relaxed),
            recv_queued_bytes: self.recv_queued(),
            send_queued_bytes: self.send_queued() + self.files_queued(),
            tls: None,
        }
    }
}

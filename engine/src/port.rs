//! The ports of a running server, as every process knows them. Made in `start()`, never changed afterwards.

use std::sync::Arc;

use crate::callback::Interests;
use crate::net::SocketType;
use crate::net::listener::Listener;
use crate::protocol::Framing;
use crate::settings::PortSettings;
use crate::tls::TlsAcceptor;

/// One listening address.
pub(crate) struct Port {
    /// 0 on a unix socket.
    pub(crate) number: u16,
    pub(crate) kind: SocketType,
    /// Descriptor of its socket in the master; in workers it is open for datagram ports only.
    pub(crate) socket: i32,
    /// The socket itself, if it is one for datagrams: reactors read it, every process sends by it.
    pub(crate) datagrams: Option<Arc<Listener>>,
    /// Connections are encrypted.
    pub(crate) tls: Option<Arc<TlsAcceptor>>,
    pub(crate) settings: PortSettings,
    pub(crate) framing: Framing,
    pub(crate) interests: Interests,
}

impl Port {
    /// From how much output on somebody wants to hear of a slow client; `None` if nobody does.
    pub(crate) fn full_output(&self) -> Option<u64> {
        match (self.interests.buffer_full, self.interests.buffer_empty) {
            (true, _) => Some(self.settings.high_watermark()),
            (false, true) => Some(self.settings.socket_buffer_size),
            (false, false) => None,
        }
    }

    /// Whether workers hear of sessions that begin: what TLS has agreed on is told with that, if a session has one
    /// worker that it can be told (`owned`).
    pub(crate) fn tells_connect(&self, owned: bool) -> bool {
        self.interests.connect || (owned && self.tls.is_some())
    }
}

/// All of them; index 0 is the primary port.
#[derive(Clone)]
pub(crate) struct Ports(Arc<[Port]>);

impl Ports {
    pub(crate) fn new(ports: Vec<Port>) -> Ports {
        Ports(ports.into())
    }

    /// The port with this index. Indexes come from shared memory: one that no port has is taken for the primary one.
    pub(crate) fn get(&self, index: u16) -> &Port {
        self.0.get(usize::from(index)).unwrap_or(&self.0[0])
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, &Port)> {
        (0..).zip(self.0.iter())
    }
}
